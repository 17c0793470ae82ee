//! What the movements of one order line add up to, and what they may never do.

use std::collections::BTreeMap;

use promissory::catalog::{FulfilmentId, Place, Quantity};
use promissory::movement::{Movement, MovementKind};

use super::Checker;

/// What a world meets with a movement.
const RARE: [(MovementKind, &str); 6] = [
    (MovementKind::Dispatch, "shipped ahead of the shop"),
    (MovementKind::Undispatch, "had not left after all"),
    (MovementKind::Confirm, "shop caught up"),
    (MovementKind::Unconfirm, "shop took it back"),
    (MovementKind::Stray, "shipped elsewhere"),
    (MovementKind::Unstray, "shipped elsewhere"),
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
        if matches!(movement.kind, MovementKind::Found | MovementKind::Lost) {
            return; // A count had seen it already.
        }
        let change = movement.kind.change(movement.quantity);
        let place = || movement.of.place.clone();
        *self.held_of_orders.entry(movement.of.clone()).or_default() += change.held;
        let held = self.held.entry((line.order, line.line)).or_default();
        let mut legal = add(&mut held.reserved, place(), change.reserved);
        legal &= add(&mut held.ahead, place(), change.ahead);
        match movement.kind {
            MovementKind::Ship | MovementKind::Unship | MovementKind::Confirm | MovementKind::Unconfirm => {
                let fulfilment = line.fulfilment.unwrap_or(FulfilmentId::new(0));
                let shipped = held.shipped.entry(fulfilment).or_default();
                *shipped -= change.moved_by_shop;
                legal &= !shipped.is_negative() && line.fulfilment.is_some();
            }
            MovementKind::Return | MovementKind::Unreturn => legal &= add(&mut held.returned, place(), change.on_hand),
            MovementKind::Restock | MovementKind::Unrestock => held.restocked += change.moved_by_shop,
            MovementKind::Withhold | MovementKind::Unwithhold => held.withheld += change.held,
            MovementKind::Hold | MovementKind::Unhold => legal &= add(&mut held.gone, place(), -change.held),
            MovementKind::Stray | MovementKind::Unstray => {
                add(&mut held.strayed, place(), -change.on_hand);
            }
            MovementKind::Reserve
            | MovementKind::Release
            | MovementKind::AssignOut
            | MovementKind::AssignIn
            | MovementKind::Dispatch
            | MovementKind::Undispatch => {}
            MovementKind::Receipt
            | MovementKind::Produce
            | MovementKind::Issue
            | MovementKind::Found
            | MovementKind::Lost
            | MovementKind::WriteOff
            | MovementKind::TransferOut
            | MovementKind::TransferIn
            | MovementKind::Sell
            | MovementKind::Deliver
            | MovementKind::Depart
            | MovementKind::Arrive
            | MovementKind::Ring
            | MovementKind::Unring
            | MovementKind::Allocate
            | MovementKind::Deallocate
            | MovementKind::Commit
            | MovementKind::Uncommit => legal = false,
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
