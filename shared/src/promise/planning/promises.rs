//! Places the promised units before any offer. A promise that does not fit is late, and is placed nevertheless.

use std::collections::BTreeMap;

use crate::catalog::Quantity;
use crate::promise::planning::explosion::{Demand, Engine};
use crate::promise::planning::index::{IndexVec, NodeIndex};
use crate::promise::planning::limit::Late;
use crate::promise::planning::max_units::Constraint;
use crate::promise::planning::{Day, FAR, GroupItem, HORIZON};

/// The late units of each item, and what stopped the first of them.
#[derive(Default)]
pub(super) struct PlacedPromises {
    pub(super) late: BTreeMap<NodeIndex, Vec<Late>>,
    pub(super) stops: BTreeMap<NodeIndex, Constraint>,
}

/// Nets what production runs take, then places every promise. When not all promises fit, those that depend on an item that is
/// short are placed one by one, by day and then by rank. As many units as fit are placed on the promised day; the rest is late.
pub(super) fn place(engine: &mut Engine<'_>) -> PlacedPromises {
    let every: Vec<NodeIndex> = engine.graph.nodes.indexes().collect();
    if engine.is_netted() {
        // No deficit of a produced item must be netted first.
    } else if engine.fit(&every, &[]).is_some() {
        engine.force(&every, &[]);
    } else {
        engine.keep_trial();
        engine.commit();
    }
    let mut placed = PlacedPromises::default();
    let mut promises = Vec::new();
    for &at in &every {
        let promised = &item(engine, at).promised;
        promises.extend(promised.iter().map(|&(day, units)| Demand { at, day, units: units.units().max(0) }));
    }
    if promises.is_empty() {
        return placed;
    }
    if engine.fit(&every, &promises).is_none() {
        engine.keep_trial();
        engine.commit();
        return placed;
    }
    let suspect = suspects(engine, &every, &promises);
    let (mut alone, together): (Vec<Demand>, Vec<Demand>) = promises.into_iter().partition(|demand| suspect[demand.at]);
    engine.force(&every, &together);
    alone.sort_by_cached_key(|demand| {
        let offer = item(engine, demand.at).offer;
        (demand.day, offer.map(|offer| (offer.priority, offer.since)), engine.graph.sku(demand.at).clone())
    });
    let mut list = Vec::new();
    for demand in alone {
        below(engine, demand.at, &mut list);
        one(engine, &list, demand, &mut placed);
    }
    placed
}

fn one(engine: &mut Engine<'_>, list: &[NodeIndex], demand: Demand, placed: &mut PlacedPromises) {
    let found = engine.most(list, demand.units, false, |units, asked| asked.push(Demand { units, ..demand }));
    engine.commit();
    let rest = Demand { units: demand.units - found.units, ..demand };
    if rest.units > 0 {
        let possible = first_day(engine, list, rest, demand.day.saturating_add(1));
        let late = Late { units: Quantity::new(rest.units), promised: demand.day, possible };
        placed.late.entry(demand.at).or_default().push(late);
        if let Some(stop) = found.stop {
            placed.stops.entry(demand.at).or_insert(stop);
        }
        later(engine, list, rest, possible);
    }
}

/// Places late units on the day on which they can be available. No item is short then, so the units that they wait for are
/// offered to no other item. Late units that no known supply covers are placed behind everything else.
fn later(engine: &mut Engine<'_>, list: &[NodeIndex], rest: Demand, possible: Option<Day>) {
    if let Some(day) = possible
        && engine.fit(list, &[Demand { day, ..rest }]).is_none()
    {
        engine.keep_trial();
        engine.commit();
    } else {
        engine.force(list, &[Demand { day: FAR, ..rest }]);
    }
}

/// The first day, from `from` to the horizon, by which the demand fits. A later day is never worse, so the search is binary; but
/// up to the last day on which an effectivity window can change the result, every day is tried.
pub(super) fn first_day(engine: &mut Engine<'_>, list: &[NodeIndex], demand: Demand, from: Day) -> Option<Day> {
    let changing = last_change(engine, list);
    let mut fits = |day: Day| engine.fit(list, &[Demand { day, ..demand }]).is_none();
    let mut low = from;
    while low <= changing.min(HORIZON) {
        if fits(low) {
            return Some(low);
        }
        low += 1;
    }
    if low > HORIZON || !fits(HORIZON) {
        return None;
    }
    let mut high = HORIZON;
    while low < high {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}

/// The last day on which an effectivity window can make a later date worse; 0 when there is none.
fn last_change(engine: &Engine<'_>, list: &[NodeIndex]) -> Day {
    let slots = |at: NodeIndex| &engine.graph.slots[engine.graph.nodes[at].first..engine.graph.nodes[at].end];
    let windows = list.iter().flat_map(|&at| slots(at)).filter(|slot| !slot.is_always());
    let edges = windows.map(|slot| if slot.until == Day::MAX { slot.from } else { slot.from.max(slot.until) });
    let Some(last) = edges.max() else { return 0 };
    list.iter().map(|&at| engine.graph.nodes[at].lead).fold(last, Day::saturating_add)
}

/// Which items are short when all promises are placed, or have an item below them that is short.
fn suspects(engine: &mut Engine<'_>, every: &[NodeIndex], promises: &[Demand]) -> IndexVec<NodeIndex, bool> {
    engine.begin();
    engine.explode(every, promises, false);
    let mut suspect = IndexVec::filled(false, every.len());
    for short in &engine.shortages {
        suspect[short.at] = true;
    }
    for &at in every.iter().rev() {
        if engine.graph.edges(at).iter().any(|edge| suspect[edge.item]) {
            suspect[at] = true;
        }
    }
    suspect
}

fn item<'p>(engine: &Engine<'p>, at: NodeIndex) -> &'p GroupItem {
    let group = engine.graph.group;
    &group.items[engine.graph.index[at]]
}

/// Writes to `list` the item and everything below it.
pub(super) fn below(engine: &mut Engine<'_>, at: NodeIndex, list: &mut Vec<NodeIndex>) {
    list.clear();
    engine.descendants.below(&engine.graph, &[at], list);
}
