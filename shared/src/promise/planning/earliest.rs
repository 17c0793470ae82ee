//! The first day on which a quantity of an item can be available, including components that can be bought.

use crate::catalog::Quantity;
use crate::promise::planning::bound::Bound;
use crate::promise::planning::explosion::{Demand, Engine};
use crate::promise::planning::index::NodeIndex;
use crate::promise::planning::limit::Limit;
use crate::promise::planning::promises::{below, first_day, place};
use crate::promise::planning::{Day, HORIZON, PlanningError, PlanningGroup};

/// When a quantity of an item can be available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earliest {
    /// The first day; `None` when it is not within [`HORIZON`].
    pub day: Option<Day>,
    /// What makes the day before impossible, or the last day of the search; `None` when the quantity can be available today.
    pub limit: Option<Limit>,
}

/// The first day by which `quantity` more units of the group's item `item` can be available while every promise is kept. Units
/// that are offered of other items are not promises and do not count. An item that can be bought has no limit after its
/// purchasing lead time.
///
/// # Errors
/// [`PlanningError`], when the planning group is invalid or has no such item.
pub fn earliest(group: &PlanningGroup, item: usize, quantity: Quantity) -> Result<Earliest, PlanningError> {
    let mut engine = Engine::new(group, true)?;
    let at = *engine.graph.node_of.get(item).ok_or(PlanningError::Missing)?;
    place(&mut engine);
    let mut list = Vec::new();
    below(&mut engine, at, &mut list);
    let demand = Demand { at, day: 0, units: quantity.units().max(0) };
    let day = first_day(&mut engine, &list, demand, 0);
    let before = day.map_or(Some(HORIZON), |day| day.checked_sub(1));
    let limit = before.and_then(|day| stopped(&mut engine, &list, Demand { day, ..demand }));
    Ok(Earliest { day, limit })
}

/// What makes the demand impossible: the constraint of its bound where the bound is too low, otherwise the first item that would
/// be short.
fn stopped(engine: &mut Engine<'_>, list: &[NodeIndex], demand: Demand) -> Option<Limit> {
    let bound = Bound::of_size(engine.graph.index.len()).walk(engine, list, demand.at, demand.day);
    if bound.units < demand.units && !bound.unsure {
        return bound.limit(engine);
    }
    let found = engine.most(list, demand.units, false, |units, asked| asked.push(Demand { units, ..demand }));
    found.stop.map(|stop| Limit::of_constraint(engine, &stop))
}
