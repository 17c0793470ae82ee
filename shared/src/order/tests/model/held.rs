//! What must be held for the model's order, worked out unit by unit; and what a record calls for.

use std::collections::BTreeMap;

use crate::catalog::{Place, Quantity, Sku};
use crate::movement::Balance;
use crate::order::tests::model::{Model, ModelLine, network, place};
use crate::order::{OrderRecord, OrderStep, Restock};

/// What an order's lines have done to each place. No balance of nothing.
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

    /// Where units are reserved.
    pub fn reserved(&self) -> Vec<Place> {
        self.0.iter().filter(|(_, balance)| balance.reserved.is_positive()).map(|((_, place), _)| place.clone()).collect()
    }
}

impl Model {
    /// What must be held once everything is known; without routing, where nothing tells where open units ship from.
    pub fn held(&self, routed: bool) -> Held {
        let mut held = Held::default();
        for (line, said) in &self.lines {
            self.hold_line(*line, said, routed, &mut held);
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

    /// What one line holds, unit by unit: what the shop took off its number, what is open, and who says which of them left.
    fn hold_line(&self, line: u64, said: &ModelLine, routed: bool, held: &mut Held) {
        const ONE: Quantity = Quantity::new(1);
        let somewhere = |location: u64| if routed { place(location) } else { Place::Unassigned };
        let units = |at: &BTreeMap<u64, i64>| -> Vec<Place> { at.iter().flat_map(|(at, n)| each(somewhere(*at), *n)).collect() };
        let fulfilled = self.fulfilments.iter().filter(|f| f.stands && f.line == line);
        let mut booked: Vec<Place> = fulfilled.flat_map(|f| each(place(f.location), f.units)).collect();
        let dispatched = self.dispatches.iter().filter(|of| of.line == line);
        let mut seen: Vec<Place> = dispatched.flat_map(|of| each(place(of.location), of.units)).collect();
        let (mut open, mut withheld) = (units(&said.open), units(&said.withheld));
        seen.sort();
        booked.sort();

        for place in &booked {
            held.at(line, place.clone()).moved_by_shop -= ONE;
        }
        for place in &withheld {
            held.at(line, place.clone()).moved_by_shop -= ONE;
        }
        // Whatever a warehouse saw leave has left from there, and so has what the shop booked and no warehouse saw.
        for place in &seen {
            held.at(line, place.clone()).on_hand -= ONE;
        }
        strike(&mut seen, &mut booked);
        for place in booked {
            held.at(line, place).on_hand -= ONE;
        }
        // What the shop knows nothing of: open units have left ahead of it, then those it thinks were kept.
        let mut late = seen.split_off(seen.len().min(open.len()));
        for place in &seen {
            held.at(line, place.clone()).ahead += ONE;
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

/// So many units at a place.
fn each(place: Place, units: i64) -> impl Iterator<Item = Place> {
    (0..units).map(move |_| place.clone())
}

/// Strikes units that are in both out of both: of the same place first, then from the first place on.
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

/// Plans what the record calls for and takes it as the ledger would.
pub fn settle(record: &mut OrderRecord, held: &mut Held) -> Vec<OrderStep> {
    let steps = plan(record);
    steps.iter().for_each(|step| make(record, held, step));
    held.tidy();
    assert_eq!(plan(record), [], "what was done is not done again");
    steps
}

/// The same, but planned anew after each step, as after a crash.
pub fn settle_step_by_step(record: &mut OrderRecord, held: &mut Held) {
    for _ in 0..1_000 {
        let Some(step) = plan(record).into_iter().next() else {
            held.tidy();
            return;
        };
        make(record, held, &step);
    }
    panic!("planning anew never ends: {record:?}");
}

fn plan(record: &mut OrderRecord) -> Vec<OrderStep> {
    let lines: Vec<_> = record.stocked_lines().map(|(line, shop_sku, _)| (line, shop_sku.to_owned())).collect();
    for (line, shop_sku) in lines {
        record.map_line(line, &Sku::try_from(shop_sku).expect("a SKU"));
    }
    record.next_steps(&network())
}

fn make(record: &mut OrderRecord, held: &mut Held, step: &OrderStep) {
    let balance = held.at(step.line.number(), step.place.clone());
    *balance = *balance + step.kind.change(step.quantity);
    assert!(step.quantity.is_positive(), "{step:?} moves nothing");
    assert!(!balance.reserved.is_negative(), "{step:?} takes more than is reserved there");
    assert!(!balance.ahead.is_negative(), "{step:?} takes more than left ahead from there");
    record.apply(step);
}
