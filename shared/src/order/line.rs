//! The ledger of one order line: each step that is made is recorded here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{FulfilmentId, Place, Quantity, Sku};
use crate::movement::{BalanceChange, Lot, MovementKind};
use crate::order::{OrderRecord, OrderStep, RemovedUnits};

/// The units of one order line as the ledger holds them. No entry of any map is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LineLedger {
    /// Our item; `None` while the shop's SKU is not mapped.
    pub sku: Option<Sku>,
    /// Reserved units, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reserved: BTreeMap<Place, Quantity>,
    /// Shipped units, by fulfilment. Below zero: units that shipped before the shop went live and whose fulfilment was cancelled
    /// since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shipped: BTreeMap<FulfilmentId, LineShipment>,
    /// Units that came back, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub returned: BTreeMap<Place, Quantity>,
    /// Units that the shop put back on its own on-hand quantity, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restocked: BTreeMap<Place, Quantity>,
    /// Units that the order lost unshipped and that are withheld from sale, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<Place, Quantity>,
    /// Units that shipped ahead of the shop, by place: a warehouse reported them and the shop still counts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shipped_ahead: BTreeMap<Place, Quantity>,
    /// Misattributed shipments, by place: units that shipped from there and that the shop books at another place or not at all.
    /// Below zero: units that the shop books there and that shipped from another place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misattributed: BTreeMap<Place, Quantity>,
    /// Withheld units that a warehouse has shipped and that are no longer held, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld_shipped: BTreeMap<Place, Quantity>,
    /// Units that edits removed before shipment, by place: no fact tells whether the shop put them back on sale.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<Place, Quantity>,
    /// Kits that were put together because they shipped from a place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub put_together: BTreeMap<Place, Quantity>,
    /// Returned kits that were taken apart, by place, because a warehouse reports their components.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken_apart: BTreeMap<Place, Quantity>,
    /// The lots of units that shipped from a place, the latest last. A reversal returns its units to these lots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lots: BTreeMap<Place, Vec<OfLot>>,
}

/// Units of a lot that shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfLot {
    /// The lot.
    pub lot: Lot,
    /// The number of units.
    pub quantity: Quantity,
}

/// Units of a line that shipped with one fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineShipment {
    /// The place they shipped from.
    pub place: Place,
    /// The number of units.
    pub quantity: Quantity,
}

impl OrderRecord {
    /// Records that a step was made.
    ///
    /// # Panics
    /// When the step is not one that an order requires, or takes back more than the line holds.
    pub fn apply(&mut self, step: &OrderStep) {
        let line = self.lines.entry(step.line).or_default();
        let BalanceChange { on_hand, reserved, held, moved_by_shop, shipped_ahead, .. } = step.change();
        match step.kind {
            MovementKind::Reserve | MovementKind::Release | MovementKind::AssignOut | MovementKind::AssignIn => {
                add(&mut line.reserved, &step.place, reserved)
            }
            MovementKind::Ship | MovementKind::ConfirmShipment => {
                add(&mut line.reserved, &step.place, reserved);
                add(&mut line.shipped_ahead, &step.place, shipped_ahead);
                let id = step.fulfilment.expect("every shipment step names its fulfilment");
                let nothing = || LineShipment { place: step.place.clone(), quantity: Quantity::ZERO };
                let shipped = line.shipped.entry(id).or_insert_with(nothing);
                shipped.quantity -= moved_by_shop;
                if shipped.quantity.is_zero() {
                    line.shipped.remove(&id);
                }
            }
            MovementKind::ShipAhead => {
                add(&mut line.reserved, &step.place, reserved);
                add(&mut line.shipped_ahead, &step.place, shipped_ahead);
            }
            MovementKind::Misattribute => change(&mut line.misattributed, &step.place, -on_hand),
            MovementKind::Hold => add(&mut line.withheld_shipped, &step.place, -held),
            MovementKind::Return => add(&mut line.returned, &step.place, on_hand),
            MovementKind::Restock => add(&mut line.restocked, &step.place, moved_by_shop),
            MovementKind::Withhold => add(&mut line.withheld, &step.place, held),
            MovementKind::OpeningStock
            | MovementKind::Receipt
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
            | MovementKind::PosSale
            | MovementKind::Allocate
            | MovementKind::WholesaleAllocate => unreachable!("an order never requires a {:?}", step.kind),
        }
    }
}

impl OrderRecord {
    /// Records that the removed units of a line were noted at their position.
    pub fn note_removed(&mut self, change: &RemovedUnits) {
        self::change(&mut self.lines.entry(change.line).or_default().removed, &change.place, change.units);
    }
}

/// Adds `units` to an entry, which must not become negative, and removes it at zero.
fn add(entries: &mut BTreeMap<Place, Quantity>, place: &Place, units: Quantity) {
    change(entries, place, units);
    let left = entries.get(place).copied().unwrap_or_default();
    assert!(!left.is_negative(), "an order never takes back more units than it holds");
}

/// Adds `units` to an entry, and removes it at zero.
fn change(entries: &mut BTreeMap<Place, Quantity>, place: &Place, units: Quantity) {
    let entry = entries.entry(place.clone()).or_default();
    *entry += units;
    if entry.is_zero() {
        entries.remove(place);
    }
}

impl LineLedger {
    /// Units that have left, by the place from which they left.
    #[must_use]
    pub fn left(&self) -> BTreeMap<Place, Quantity> {
        let mut left = self.misattributed.clone();
        let shipped = self.shipped.values().map(|shipment| (&shipment.place, shipment.quantity));
        for (place, units) in shipped.chain(self.shipped_ahead.iter().map(|(place, units)| (place, *units))) {
            *left.entry(place.clone()).or_default() += units;
        }
        left
    }

    /// Adds `kits` to the kits that were put together at a place. Below zero: the shipment for which they were put together was reversed.
    pub fn put_together(&mut self, place: &Place, kits: Quantity) {
        add(&mut self.put_together, place, kits);
    }

    /// The changes from the returned kits that were taken apart to the first `kits` that came back, by place.
    #[must_use]
    pub fn newly_taken_apart(&self, kits: Quantity) -> Vec<(Place, Quantity)> {
        let (mut left, mut changes) = (kits, self.taken_apart.clone());
        changes.values_mut().for_each(|units| *units = -*units);
        for (place, returned) in &self.returned {
            let here = left.min(*returned);
            left -= here;
            *changes.entry(place.clone()).or_default() += here;
        }
        changes.into_iter().filter(|(_, units)| !units.is_zero()).collect()
    }

    /// Adds `kits` to the returned kits that were taken apart at a place. Below zero: the return of these kits was reversed.
    pub fn taken_apart(&mut self, place: &Place, kits: Quantity) {
        add(&mut self.taken_apart, place, kits);
    }

    /// Records the lots of units that shipped from a place.
    pub fn record_lots(&mut self, place: &Place, parts: &[(Option<Lot>, Quantity)]) {
        let known = parts.iter().filter_map(|(lot, quantity)| Some(OfLot { lot: lot.clone()?, quantity: *quantity }));
        let mut known = known.peekable();
        if known.peek().is_some() {
            self.lots.entry(place.clone()).or_default().extend(known);
        }
    }

    /// Removes and returns the lots of units that come back to a place, each once: the latest shipped first, units without a lot last.
    pub fn take_lots(&mut self, place: &Place, quantity: Quantity) -> Vec<(Option<Lot>, Quantity)> {
        let mut back = Vec::new();
        let mut left = quantity;
        let mut out = self.lots.remove(place).unwrap_or_default();
        while left.is_positive() {
            let Some(last) = out.last_mut() else {
                back.push((None, left));
                break;
            };
            let units = last.quantity.min(left);
            // Several shipments may have taken units of one lot. They come back by one movement.
            match back.iter_mut().find(|(lot, _): &&mut (Option<Lot>, _)| lot.as_ref().is_some_and(|lot| lot.id == last.lot.id)) {
                Some((_, all)) => *all += units,
                None => back.push((Some(last.lot.clone()), units)),
            }
            last.quantity -= units;
            left -= units;
            if last.quantity.is_zero() {
                out.pop();
            }
        }
        if !out.is_empty() {
            self.lots.insert(place.clone(), out);
        }
        back
    }

    pub(super) fn has_moved_nothing(&self) -> bool {
        *self == Self { sku: self.sku.clone(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::LotId;

    /// Protects the ledger from two movements that are one: units of a lot that left by several shipments come back together.
    #[test]
    fn units_of_one_lot_come_back_once() {
        let lot = |id: &str| Lot { id: id.parse::<LotId>().expect("a lot"), expires: None };
        let (place, units) = (Place::Unassigned, Quantity::new);
        let mut line = LineLedger::default();
        for (id, quantity) in [("a", 1), ("b", 2), ("a", 3)] {
            line.record_lots(&place, &[(Some(lot(id)), units(quantity))]);
        }
        assert_eq!(line.take_lots(&place, units(4)), [(Some(lot("a")), units(3)), (Some(lot("b")), units(1))]);
        assert_eq!(line.take_lots(&place, units(4)), [(Some(lot("b")), units(1)), (Some(lot("a")), units(1)), (None, units(2))]);
        for _ in 0..2 {
            line.record_lots(&place, &[(Some(lot("a")), units(1))]);
        }
        assert_eq!(line.take_lots(&place, units(2)), [(Some(lot("a")), units(2))]);
    }
}
