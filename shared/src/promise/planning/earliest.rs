//! The date by which so many more of a good can be had, bought components included.

use crate::catalog::Quantity;
use crate::promise::planning::bound::Bound;
use crate::promise::planning::explode::{Demand, Engine};
use crate::promise::planning::limit::Limit;
use crate::promise::planning::promised::{below, first_day, place};
use crate::promise::planning::{Day, HORIZON, PlanningError, PlanningGroup};

/// When a quantity of a good can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earliest {
    /// The first day; `None` when it is not within [`HORIZON`].
    pub day: Option<Day>,
    /// What stops it the day before, or on the last day that was looked at; `None` when it can be had today.
    pub limit: Option<Limit>,
}

/// The first day by which `quantity` more of the pool's item `good` can be had while every promise is kept. What others are
/// offered is no promise and does not count. What can be bought has no limit from its day on.
///
/// # Errors
/// [`PlanningError`], when the pool makes no sense or has no such item.
pub fn earliest(pool: &PlanningGroup, good: usize, quantity: Quantity) -> Result<Earliest, PlanningError> {
    let mut engine = Engine::new(pool, true)?;
    let at = *engine.net.place.get(good).ok_or(PlanningError::Missing)?;
    place(&mut engine);
    let mut list = Vec::new();
    below(&mut engine, at, &mut list);
    let demand = Demand { at, day: 0, units: quantity.units().max(0) };
    let day = first_day(&mut engine, &list, demand, 0);
    let before = day.map_or(Some(HORIZON), |day| day.checked_sub(1));
    let limit = before.and_then(|day| stopped(&mut engine, &list, Demand { day, ..demand }));
    Ok(Earliest { day, limit })
}

/// What stops the demand. Where its bound does, that names the cause; else the first item that would be short does.
fn stopped(engine: &mut Engine<'_>, list: &[usize], demand: Demand) -> Option<Limit> {
    let bound = Bound::of_size(engine.net.index.len()).walk(engine, list, demand.at, demand.day);
    if bound.units < demand.units && !bound.unsure {
        return bound.limit(engine);
    }
    let found = engine.most(list, demand.units, false, |units, asked| asked.push(Demand { units, ..demand }));
    found.stop.map(|stop| Limit::of_stop(engine, &stop))
}
