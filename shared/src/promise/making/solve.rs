//! The whole of it: promises first, then what is offered.

use super::explode::Engine;
use super::limit::{Limit, Makeable};
use super::promised::place;
use super::share::{Good, fill};
use super::{Pool, Unsound};
use crate::catalog::Quantity;

/// What can still be made of the goods of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// By index of the pool's items; `None` for those that are neither offered nor promised.
    pub makeable: Vec<Option<Makeable>>,
}

/// Places what is promised and fills what is offered.
///
/// # Errors
/// [`Unsound`], when the pool makes no sense.
pub fn solve(pool: &Pool) -> Result<Solution, Unsound> {
    solved(pool).map(|(_, solution)| solution)
}

/// The same, with all that is committed for it.
pub(super) fn solved(pool: &Pool) -> Result<(Engine<'_>, Solution), Unsound> {
    let mut engine = Engine::new(pool, false)?;
    let mut placed = place(&mut engine);
    let mut makeable = vec![None; pool.items.len()];
    let mut goods = Vec::new();
    for at in 0..engine.net.index.len() {
        let index = engine.net.index[at];
        let item = &pool.items[index];
        if item.offer.is_none() && item.promised.is_empty() {
            continue;
        }
        let late = placed.late.remove(&at).unwrap_or_default();
        let limit = placed.stops.get(&at).map(|stop| Limit::of_stop(&engine, stop));
        if let Some(offer) = item.offer.filter(|_| late.is_empty()) {
            let mut list = Vec::new();
            engine.reacher.below(&engine.net, &[at], &mut list);
            let promised = item.promised.iter().map(|(_, units)| units.units()).sum();
            goods.push(Good { at, sku: &item.sku, offer, promised, list });
        }
        makeable[index] = Some(Makeable { shown: Quantity::ZERO, late, limit });
    }
    goods.sort_by_key(|good| (good.offer.priority, good.offer.since, good.sku));
    let shares = fill(&mut engine, &goods);
    for (good, share) in goods.iter().zip(shares) {
        let shown = Quantity::new(share.units);
        makeable[engine.net.index[good.at]] = Some(Makeable { shown, late: Vec::new(), limit: share.limit });
    }
    Ok((engine, Solution { makeable }))
}
