//! The expected ledger of the model's order, worked out unit by unit, and the actual ledger of a record.

use std::collections::BTreeMap;

use crate::catalog::{Network, Place, Quantity, Sku};
use crate::movement::Balance;
use crate::order::tests::model::{Model, ModelLine, place};
use crate::order::{OrderRecord, OrderStep, Restock};

/// The effect of an order's lines on each place. No balance is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Held(BTreeMap<(u64, Place), Balance>);

impl Held {
    /// The balance of a line at a place, to add to.
    fn at(&mut self, line: u64, place: Place) -> &mut Balance {
        self.0.entry((line, place)).or_default()
    }

    fn tidy(&mut self) {
        self.0.retain(|_, balance| *balance != Balance::default());
    }

    /// The effect of an order since the opening stock was taken: what it holds now is still reserved, held or shipped ahead, and
    /// of what it moved only the later part counts.
    pub fn since(mut self, opening: Self) -> Self {
        for ((line, place), then) in opening.0 {
            let here = self.at(line, place);
            here.on_hand -= then.on_hand;
            here.moved_by_shop -= then.moved_by_shop;
            here.held -= then.held;
        }
        self.tidy();
        self
    }

    /// The places where units are reserved.
    pub fn reserved(&self) -> Vec<Place> {
        self.0.iter().filter(|(_, balance)| balance.reserved.is_positive()).map(|((_, place), _)| place.clone()).collect()
    }
}

impl Model {
    /// The expected ledger once all snapshots and reports have arrived. Without routing the open units are unassigned.
    pub fn held(&self, routed: bool) -> Held {
        let mut held = Held::default();
        for (id, line) in &self.lines {
            self.hold_line(*id, line, routed, &mut held);
        }
        let unlinked = self.refunds.iter().filter(|refund| refund.of_return.is_none() && refund.line.restock == Restock::Return);
        let refunded = unlinked.map(|refund| {
            let location = refund.line.location.expect("a restock has a location").number();
            (refund.line.line.number(), location, refund.line.quantity.units())
        });
        for (line, location, units) in refunded.chain(self.dispositions.iter().map(|of| (of.line, of.location, of.units))) {
            let here = held.at(line, place(location));
            here.on_hand += Quantity::new(units);
            here.moved_by_shop += Quantity::new(units);
        }
        held.tidy();
        held
    }

    /// Adds one line, unit by unit: the units the shop took off its on-hand quantity, the open units, and those that shipped.
    fn hold_line(&self, line: u64, of: &ModelLine, routed: bool, held: &mut Held) {
        const ONE: Quantity = Quantity::new(1);
        let somewhere = |location: u64| if routed { place(location) } else { Place::Unassigned };
        let units = |at: &BTreeMap<u64, i64>| -> Vec<Place> { at.iter().flat_map(|(at, n)| each(somewhere(*at), *n)).collect() };
        let fulfilled = self.fulfilments.iter().filter(|f| f.stands && f.line == line);
        let mut booked: Vec<Place> = fulfilled.flat_map(|f| each(place(f.location), f.units)).collect();
        let dispatched = self.dispatches.iter().filter(|of| of.line == line);
        let mut seen: Vec<Place> = dispatched.flat_map(|of| each(place(of.location), of.units)).collect();
        let (mut open, mut withheld) = (units(&of.open), units(&of.withheld));
        seen.sort();
        booked.sort();

        for place in &booked {
            held.at(line, place.clone()).moved_by_shop -= ONE;
        }
        for place in &withheld {
            held.at(line, place.clone()).moved_by_shop -= ONE;
        }
        // A unit that a warehouse reported shipped from there. A unit that only the shop booked shipped from where the shop says.
        for place in &seen {
            held.at(line, place.clone()).on_hand -= ONE;
        }
        strike(&mut seen, &mut booked);
        for place in booked {
            held.at(line, place).on_hand -= ONE;
        }
        // Units that the shop does not know as shipped: first open units that shipped ahead of it, then withheld ones.
        let mut late = seen.split_off(seen.len().min(open.len()));
        for place in &seen {
            held.at(line, place.clone()).shipped_ahead += ONE;
        }
        for place in seen {
            let here = open.iter().position(|open| *open == place);
            open.remove(here.unwrap_or(open.len() - 1));
        }
        strike(&mut late, &mut withheld);
        for place in open {
            held.at(line, place).reserved += ONE;
        }
        for place in withheld {
            held.at(line, place).held += ONE;
        }
    }
}

/// The place, once for each unit.
fn each(place: Place, units: i64) -> impl Iterator<Item = Place> {
    (0..units).map(move |_| place.clone())
}

/// Removes the same number of units from both: first those at the same place, then in the order of places.
fn strike(one: &mut Vec<Place>, other: &mut Vec<Place>) {
    let mut rest = Vec::new();
    for place in one.drain(..) {
        match other.iter().position(|there| *there == place) {
            Some(same) => drop(other.remove(same)),
            None => rest.push(place),
        }
    }
    let both = rest.len().min(other.len());
    other.drain(..both);
    one.extend(rest.split_off(both));
}

/// Plans the steps of the record and makes them as the ledger would.
pub fn settle(record: &mut OrderRecord, held: &mut Held, network: &Network) -> Vec<OrderStep> {
    let steps = plan(record, network);
    steps.iter().for_each(|step| make(record, held, step));
    held.tidy();
    assert_eq!(plan(record, network), [], "a step that is made is not planned again");
    steps
}

/// As [`settle`], but plans again after each step, as after a crash.
pub fn settle_step_by_step(record: &mut OrderRecord, held: &mut Held, network: &Network) {
    for _ in 0..1_000 {
        let Some(step) = plan(record, network).into_iter().next() else {
            held.tidy();
            return;
        };
        make(record, held, &step);
    }
    panic!("planning again after each step does not end: {record:?}");
}

fn plan(record: &mut OrderRecord, network: &Network) -> Vec<OrderStep> {
    let lines: Vec<_> = record.stocked_lines().map(|(id, line)| (id, line.shop_sku.clone())).collect();
    for (line, shop_sku) in lines {
        record.map_line(line, &Sku::try_from(shop_sku).expect("a SKU"));
    }
    record.next_steps(network)
}

fn make(record: &mut OrderRecord, held: &mut Held, step: &OrderStep) {
    let balance = held.at(step.line.number(), step.place.clone());
    *balance = *balance + step.change();
    assert!(step.quantity.is_positive(), "{step:?} moves nothing");
    assert!(!balance.reserved.is_negative(), "{step:?} takes more than is reserved there");
    assert!(!balance.shipped_ahead.is_negative(), "{step:?} takes more than shipped ahead of the shop from there");
    record.apply(step);
}
