//! Who takes what of each item: what an explanation shows.

use std::collections::BTreeMap;

use super::curve::end;
use super::explode::Engine;
use super::solve::{Solution, solved};
use super::{Pool, PoolItem, Unsound};
use crate::catalog::Quantity;

/// What becomes of one item when all that is promised and offered is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Units by who takes them; nobody who takes none.
    pub by: BTreeMap<Taker, Quantity>,
    /// Of these from what is there now.
    pub from_stock: Quantity,
    /// From what is firmly to come.
    pub from_supplies: Quantity,
    /// From what is to be made beyond that.
    pub made: Quantity,
    /// From nowhere: this many are late.
    pub missing: Quantity,
    /// Units to be started for what is made.
    pub started: Quantity,
}

/// Who takes units of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taker {
    /// Customers who were promised it.
    Promise,
    /// Runs that are planned already.
    Claim,
    /// What is shown of it.
    Offer,
    /// Its parent of this index, for what is to be made of that.
    Parent(usize),
}

/// What [`solve`](super::solve) says, and by index of the pool's items who takes what for it.
///
/// # Errors
/// [`Unsound`], when the pool makes no sense.
pub fn explain(pool: &Pool) -> Result<(Solution, Vec<Taken>), Unsound> {
    let (engine, solution) = solved(pool)?;
    let mut taken: Vec<Taken> = vec![Taken::default(); pool.items.len()];
    for (index, item) in pool.items.iter().enumerate() {
        let sum = |of: &[(super::Day, Quantity)]| of.iter().map(|(_, units)| units.at_least_zero()).sum();
        let shown = solution.makeable[index].as_ref().map_or(Quantity::ZERO, |makeable| makeable.shown);
        for (taker, units) in [(Taker::Promise, sum(&item.promised)), (Taker::Claim, sum(&item.claims)), (Taker::Offer, shown)] {
            take(&mut taken[index], taker, units);
        }
        components(&engine, index, |component, units| take(&mut taken[component], Taker::Parent(index), units));
    }
    for (index, item) in pool.items.iter().enumerate() {
        settle(&engine, index, item, &mut taken[index]);
    }
    Ok((solution, taken))
}

fn take(taken: &mut Taken, taker: Taker, units: Quantity) {
    if units.is_positive() {
        *taken.by.entry(taker).or_default() += units;
    }
}

/// What the starts of an item take of each of its components.
fn components(engine: &Engine<'_>, index: usize, mut each: impl FnMut(usize, Quantity)) {
    let at = engine.net.place[index];
    let node = engine.net.nodes[at];
    let mut drawn = Vec::new();
    for slot in node.first..node.end {
        for option in engine.net.slots[slot].first..engine.net.slots[slot].end {
            engine.drawn_by(slot, option, engine.starts.of(at), &BTreeMap::new(), &mut drawn);
            let edge = engine.net.uses[option];
            each(engine.net.index[edge.item], Quantity::new(edge.per.of_up(end(&drawn))));
        }
    }
}

/// Where what is taken of an item comes from: what is there, then what must be made all the same, then what comes.
fn settle(engine: &Engine<'_>, index: usize, item: &PoolItem, taken: &mut Taken) {
    let at = engine.net.place[index];
    let started = end(engine.starts.of(at));
    let good = Quantity::new(engine.net.nodes[at].yields.of_down(started));
    let lacking = (-item.stock).at_least_zero();
    let comes: Quantity = item.supplies.iter().map(|(_, units)| *units).sum();
    let wanted: Quantity = taken.by.values().copied().sum();
    taken.started = Quantity::new(started);
    taken.from_stock = item.stock.at_least_zero().min(wanted);
    let rest = wanted - taken.from_stock;
    taken.made = good.min(rest);
    taken.from_supplies = (comes - lacking).at_least_zero().min(rest - taken.made);
    taken.missing = rest - taken.made - taken.from_supplies;
}
