//! What the movements of one order line add up to, and what they may never do.

use std::collections::BTreeMap;

use promissory::catalog::{FulfilmentId, Place, Quantity};
use promissory::movement::{Kind, Movement};

use super::Checker;

/// What a world meets with a movement.
const RARE: [(Kind, &str); 6] = [
    (Kind::Dispatch, "shipped ahead of the shop"),
    (Kind::Undispatch, "had not left after all"),
    (Kind::Confirm, "shop caught up"),
    (Kind::Unconfirm, "shop took it back"),
    (Kind::Stray, "shipped elsewhere"),
    (Kind::Unstray, "shipped elsewhere"),
];

/// What the movements of one order line add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Units reserved, by place.
    pub reserved: BTreeMap<Place, Quantity>,
    /// Units shipped, by fulfilment.
    pub shipped: BTreeMap<FulfilmentId, Quantity>,
    /// Units that came back, by place.
    pub returned: BTreeMap<Place, Quantity>,
    /// Units that the shop put back on its own number.
    pub restocked: Quantity,
    /// Units held back.
    pub withheld: Quantity,
    /// Units that left and that the shop still counts, by place.
    pub ahead: BTreeMap<Place, Quantity>,
    /// Units that left from a place and that the shop books elsewhere or not at all; below zero, the other side of it.
    pub strayed: BTreeMap<Place, Quantity>,
    /// Units held back that left all the same, by place.
    pub gone: BTreeMap<Place, Quantity>,
}

impl Checker {
    /// An order line never gives back, ships or unships what it does not hold.
    pub(super) fn hold(&mut self, movement: &Movement) {
        let Some(line) = &movement.cause.order else { return };
        if matches!(movement.kind, Kind::Found | Kind::Lost) {
            return; // A count had seen it already.
        }
        let change = movement.kind.change(movement.quantity);
        let place = || movement.of.place.clone();
        *self.held_of_orders.entry(movement.of.clone()).or_default() += change.held;
        let held = self.held.entry((line.order, line.line)).or_default();
        let mut legal = add(&mut held.reserved, place(), change.reserved);
        legal &= add(&mut held.ahead, place(), change.ahead);
        match movement.kind {
            Kind::Ship | Kind::Unship | Kind::Confirm | Kind::Unconfirm => {
                let fulfilment = line.fulfilment.unwrap_or(FulfilmentId::new(0));
                let shipped = held.shipped.entry(fulfilment).or_default();
                *shipped -= change.moved_by_shop;
                legal &= !shipped.is_negative() && line.fulfilment.is_some();
            }
            Kind::Return | Kind::Unreturn => legal &= add(&mut held.returned, place(), change.on_hand),
            Kind::Restock | Kind::Unrestock => held.restocked += change.moved_by_shop,
            Kind::Withhold | Kind::Unwithhold => held.withheld += change.held,
            Kind::Hold | Kind::Unhold => legal &= add(&mut held.gone, place(), -change.held),
            Kind::Stray | Kind::Unstray => {
                add(&mut held.strayed, place(), -change.on_hand);
            }
            Kind::Reserve | Kind::Release | Kind::AssignOut | Kind::AssignIn | Kind::Dispatch | Kind::Undispatch => {}
            Kind::Receipt
            | Kind::Produce
            | Kind::Issue
            | Kind::Found
            | Kind::Lost
            | Kind::WriteOff
            | Kind::TransferOut
            | Kind::TransferIn
            | Kind::Sell
            | Kind::Deliver
            | Kind::Depart
            | Kind::Arrive
            | Kind::Ring
            | Kind::Unring
            | Kind::Allocate
            | Kind::Deallocate
            | Kind::Commit
            | Kind::Uncommit => legal = false,
        }
        legal &= ![held.withheld, held.restocked].iter().any(|units| units.is_negative());
        if let Some((_, met)) = RARE.iter().find(|(kind, _)| *kind == movement.kind) {
            self.met.note(met);
        }
        self.holds(legal, || format!("line {} of order {} held less than was moved: {movement:?}", line.line, line.order));
    }
}

/// Adds to an entry; whether it is still no less than nothing.
fn add(units: &mut BTreeMap<Place, Quantity>, place: Place, more: Quantity) -> bool {
    let entry = units.entry(place).or_default();
    *entry += more;
    !entry.is_negative()
}
