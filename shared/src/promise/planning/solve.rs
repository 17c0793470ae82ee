//! The whole of it: promises first, then what is offered.

use crate::catalog::Quantity;
use crate::promise::planning::explode::Engine;
use crate::promise::planning::limit::{Limit, Producible};
use crate::promise::planning::net::check;
use crate::promise::planning::pools::WhereUsed;
use crate::promise::planning::promised::place;
use crate::promise::planning::share::{Good, fill};
use crate::promise::planning::{PlanningError, PlanningGroup};

/// What can still be made of the goods of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSolution {
    /// By index of the pool's items; `None` for those that are neither offered nor promised.
    pub producible: Vec<Option<Producible>>,
    /// How many explosions it took: a measure of the effort.
    pub explosions: u64,
}

/// Places what is promised and fills what is offered. What cannot change each other is solved apart.
///
/// # Errors
/// [`PlanningError`], when the pool makes no sense.
pub fn solve(pool: &PlanningGroup) -> Result<GroupSolution, PlanningError> {
    solve_each(pool, |_| {})
}

/// The same; `each` sees the engine of each part with all that is committed. What nothing needs is in no part.
pub(super) fn solve_each(pool: &PlanningGroup, mut each: impl FnMut(&Engine<'_>)) -> Result<GroupSolution, PlanningError> {
    check(pool)?;
    let mut solution = GroupSolution { producible: vec![None; pool.items.len()], explosions: 0 };
    let mut engine = Engine::empty(pool, false);
    for items in WhereUsed::of_pool(pool).pools() {
        engine.load(items)?;
        run(&mut engine, &mut solution);
        each(&engine);
    }
    solution.explosions = engine.explosions;
    Ok(solution)
}

/// Solves what the engine has.
fn run(engine: &mut Engine<'_>, solution: &mut GroupSolution) {
    let pool = engine.net.pool;
    let mut placed = place(engine);
    let mut goods = Vec::new();
    for at in 0..engine.net.index.len() {
        let item = &pool.items[engine.net.index[at]];
        if item.offer.is_none() && item.promised.is_empty() {
            continue;
        }
        let late = placed.late.remove(&at).unwrap_or_default();
        if let Some(offer) = item.offer.filter(|_| late.is_empty()) {
            let promised = item.promised.iter().map(|(_, units)| units.units().max(0)).sum();
            goods.push(Good { at, sku: &item.sku, offer, promised });
        } else {
            let limit = placed.stops.get(&at).map(|stop| Limit::of_stop(engine, stop));
            solution.producible[engine.net.index[at]] = Some(Producible { shown: Quantity::ZERO, late, limit });
        }
    }
    goods.sort_by_key(|good| (good.offer.priority, good.offer.since, good.sku));
    let shares = fill(engine, &goods);
    for (good, share) in goods.iter().zip(shares) {
        let producible = Producible { shown: Quantity::new(share.units), late: Vec::new(), limit: share.limit };
        solution.producible[engine.net.index[good.at]] = Some(producible);
    }
}
