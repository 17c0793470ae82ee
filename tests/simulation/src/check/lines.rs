//! The totals of the movements of one order line, and the limits that they must keep.

use std::collections::BTreeMap;

use promissory::catalog::{FulfilmentId, Place, Quantity};
use promissory::movement::{Movement, MovementKind};

use super::Checker;
use crate::world::KIT;

/// The rare paths to count: the kind of movement, whether it is a reversal, and the path.
const RARE: [(MovementKind, bool, &str); 6] = [
    (MovementKind::ShipAhead, false, "shipped ahead of the shop"),
    (MovementKind::ShipAhead, true, "shipment ahead reversed"),
    (MovementKind::ConfirmShipment, false, "shipment ahead confirmed"),
    (MovementKind::ConfirmShipment, true, "confirmed shipment reversed"),
    (MovementKind::Misattribute, false, "misattributed shipment"),
    (MovementKind::Misattribute, true, "misattributed shipment"),
];

/// The totals of the movements of one order line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineTotals {
    /// Reserved units, by place.
    pub reserved: BTreeMap<Place, Quantity>,
    /// Shipped units, by fulfilment.
    pub shipped: BTreeMap<FulfilmentId, Quantity>,
    /// Returned units, by place.
    pub returned: BTreeMap<Place, Quantity>,
    /// Units that the shop has restocked in its own inventory.
    pub restocked: Quantity,
    /// Withheld units.
    pub withheld: Quantity,
    /// Units shipped ahead of the shop, by place.
    pub ahead: BTreeMap<Place, Quantity>,
    /// Units of misattributed shipments, by place: positive where they left, negative where the shop booked them.
    pub misattributed: BTreeMap<Place, Quantity>,
    /// Withheld units that were shipped all the same, by place.
    pub withheld_shipped: BTreeMap<Place, Quantity>,
}

impl Checker {
    /// Checks that an order line never releases, ships or unships more units than it holds.
    pub(super) fn hold(&mut self, movement: &Movement) {
        let Some(line) = &movement.cause.order else { return };
        if matches!(movement.kind, MovementKind::Found | MovementKind::Lost) {
            return; // The adjustment of a count that already included the movement.
        }
        let change = movement.change();
        let place = || movement.of.place.clone();
        if movement.kind == MovementKind::Produce {
            *self.put_together.entry(movement.of.clone()).or_default() += change.on_hand;
            *self.taken_apart.entry(movement.of.clone()).or_default() -= change.on_hand.min(Quantity::ZERO);
            self.kits_made += change.on_hand.at_least_zero();
            self.coverage.note(if movement.reversal { "kit not put together, or taken apart" } else { "kit put together" });
        }
        if movement.kind == MovementKind::Return && movement.reversal {
            *self.returns_moved.entry(movement.of.sku.clone()).or_default() += movement.quantity;
        }
        *self.held_of_orders.entry(movement.of.clone()).or_default() += change.held;
        let held = self.held.entry((line.order, line.line)).or_default();
        let mut legal = add(&mut held.reserved, place(), change.reserved);
        legal &= add(&mut held.ahead, place(), change.shipped_ahead);
        match movement.kind {
            MovementKind::Ship | MovementKind::ConfirmShipment => {
                let fulfilment = line.fulfilment.unwrap_or(FulfilmentId::new(0));
                let shipped = held.shipped.entry(fulfilment).or_default();
                *shipped -= change.moved_by_shop;
                legal &= !shipped.is_negative() && line.fulfilment.is_some();
            }
            MovementKind::Return => legal &= add(&mut held.returned, place(), change.on_hand),
            MovementKind::Restock => held.restocked += change.moved_by_shop,
            MovementKind::Withhold => held.withheld += change.held,
            MovementKind::Hold => legal &= add(&mut held.withheld_shipped, place(), -change.held),
            MovementKind::Misattribute => {
                add(&mut held.misattributed, place(), -change.on_hand);
            }
            MovementKind::Reserve
            | MovementKind::Release
            | MovementKind::AssignOut
            | MovementKind::AssignIn
            | MovementKind::ShipAhead => {}
            MovementKind::Produce => legal &= movement.of.sku.as_str() == KIT,
            MovementKind::OpeningStock
            | MovementKind::Receipt
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
            | MovementKind::PosSale
            | MovementKind::Allocate
            | MovementKind::WholesaleAllocate => legal = false,
        }
        legal &= ![held.withheld, held.restocked].iter().any(|units| units.is_negative());
        if let Some((.., coverage)) =
            RARE.iter().find(|(kind, reversal, _)| (*kind, *reversal) == (movement.kind, movement.reversal))
        {
            self.coverage.note(coverage);
        }
        self.holds(legal, || format!("line {} of order {} does not hold the moved units: {movement:?}", line.line, line.order));
    }
}

/// Adds to an entry. Returns false where the entry becomes negative.
fn add(units: &mut BTreeMap<Place, Quantity>, place: Place, more: Quantity) -> bool {
    let entry = units.entry(place).or_default();
    *entry += more;
    !entry.is_negative()
}
