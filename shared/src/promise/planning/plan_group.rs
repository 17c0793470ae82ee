//! Plans a group: promises first, then offers.

use crate::catalog::Quantity;
use crate::promise::planning::allocation::{FinishedGood, fill};
use crate::promise::planning::explosion::Engine;
use crate::promise::planning::item_graph::check;
use crate::promise::planning::limit::{Limit, Producible};
use crate::promise::planning::promises::place;
use crate::promise::planning::where_used::WhereUsedGraph;
use crate::promise::planning::{PlanningError, PlanningGroup};

/// What can still be produced of the finished goods of a planning group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSolution {
    /// By index of the group's items; `None` for items that are neither offered nor promised.
    pub producible: Vec<Option<Producible>>,
    /// The number of explosions: a measure of the effort.
    pub explosions: u64,
}

/// Places the promises and allocates the offers. Items that cannot affect each other are planned separately.
///
/// # Errors
/// [`PlanningError`], when the planning group is invalid.
pub fn solve(group: &PlanningGroup) -> Result<GroupSolution, PlanningError> {
    plan_each(group, |_| {})
}

/// Like [`solve`]; `each` sees the engine of each part with its committed plan. An item that no finished good needs is in no
/// part.
pub(super) fn plan_each(group: &PlanningGroup, mut each: impl FnMut(&Engine<'_>)) -> Result<GroupSolution, PlanningError> {
    check(group)?;
    let mut solution = GroupSolution { producible: vec![None; group.items.len()], explosions: 0 };
    let mut engine = Engine::empty(group, false);
    for items in WhereUsedGraph::of_group(group).groups() {
        engine.load(items)?;
        run(&mut engine, &mut solution);
        each(&engine);
    }
    solution.explosions = engine.explosions;
    Ok(solution)
}

/// Plans the items that the engine has loaded.
fn run(engine: &mut Engine<'_>, solution: &mut GroupSolution) {
    let group = engine.graph.group;
    let mut placed = place(engine);
    let mut finished_goods = Vec::new();
    for at in engine.graph.nodes.indexes() {
        let item = &group.items[engine.graph.index[at]];
        if item.offer.is_none() && item.promised.is_empty() {
            continue;
        }
        let late = placed.late.remove(&at).unwrap_or_default();
        if let Some(offer) = item.offer.filter(|_| late.is_empty()) {
            let promised = item.promised.iter().map(|(_, units)| units.units().max(0)).sum();
            finished_goods.push(FinishedGood { at, sku: &item.sku, offer, promised });
        } else {
            let limit = placed.stops.get(&at).map(|stop| Limit::of_constraint(engine, stop));
            solution.producible[engine.graph.index[at]] = Some(Producible { offered: Quantity::ZERO, late, limit });
        }
    }
    finished_goods.sort_by_key(|one| (one.offer.priority, one.offer.since, one.sku));
    let shares = fill(engine, &finished_goods);
    for (finished_good, share) in finished_goods.iter().zip(shares) {
        let producible = Producible { offered: Quantity::new(share.units), late: Vec::new(), limit: share.limit };
        solution.producible[engine.graph.index[finished_good.at]] = Some(producible);
    }
}
