//! Kits: phantom assemblies that a shop sells as one item and that are put together when they ship.
//!
//! A movement of an order that takes more kits off a place than are on hand there puts the others together, so that a shipment
//! leaves none below zero. Their components leave when a warehouse reports them; until then the plan keeps them for the kits that
//! have left (`PlanningInputs::kept_for_kits`). A kit that comes back is on hand, and leaves first, unless a warehouse reports that
//! components have left in its place. If a warehouse reports that its components came back, the kit is taken apart, so that no unit
//! is counted twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::{BillOfMaterials, Item, LineId, Place, Quantity, Resource, Sku, WhereUsed};
use crate::draft::stock::Resolved;
use crate::draft::{Decision, Draft, DraftError, StockEventError, needing};
use crate::ledger::{LedgerEvent, NewMovement};
use crate::movement::{MovementCause, MovementKind, OrderLineRef, PositionKey};
use crate::order::{LineLedger, OrderRecord, OrderReport, OrderStep, ReportKind};
use crate::source::{ScheduledReceipts, StockEvent, StockKind};
use crate::table::{Record, Row, RowKey};

/// What a transaction needs for a component that leaves: a movement and a correction for each of its lots, its position, its
/// scheduled receipts and its alert.
const ROOM_FOR_COMPONENT: usize = 46;

/// A kit and its components that no warehouse reports.
pub(super) struct Kit {
    bill: BillOfMaterials,
    bulk: BTreeSet<Sku>,
}

impl Kit {
    /// Whether an item is a component of the kit.
    pub fn contains(&self, sku: &Sku) -> bool {
        self.bill.components.contains_key(sku)
    }
}

impl Draft<'_> {
    /// The bill of a kit; `None` when the item is kept in stock.
    fn bill_of_kit(&self, sku: &Sku) -> Result<Option<BillOfMaterials>, DraftError> {
        let bill = self.read(&RowKey::Bill(sku.clone()).key())?.map(Record::decode::<BillOfMaterials>).transpose()?;
        Ok(bill.filter(|bill| bill.phantom))
    }

    /// The kit that an item is; `None` when the item is kept in stock.
    pub(super) fn kit(&self, sku: &Sku) -> Result<Option<Kit>, DraftError> {
        let Some(bill) = self.bill_of_kit(sku)? else { return Ok(None) };
        let (mut needs, mut bulk) = (BTreeSet::new(), BTreeSet::new());
        for component in bill.components.keys() {
            let Some(row) = needing(&mut needs, self.read(&RowKey::Item(component.clone()).key()))? else { continue };
            if row.map(Record::decode::<Item>).transpose()?.is_some_and(|item| item.planning.bulk) {
                bulk.insert(component.clone());
            }
        }
        if needs.is_empty() { Ok(Some(Kit { bill, bulk })) } else { Err(DraftError::Needs(needs)) }
    }

    /// Whether an item is a component of any kit.
    pub(super) fn is_in_kits(&self, sku: &Sku) -> Result<bool, DraftError> {
        let used =
            self.read(&RowKey::WhereUsed(Resource::Item(sku.clone())).key())?.map(Record::decode::<WhereUsed>).transpose()?;
        let mut needs = BTreeSet::new();
        let mut is_in_kits = false;
        for parent in used.iter().flat_map(|used| &used.parents) {
            is_in_kits |= needing(&mut needs, self.bill_of_kit(parent))?.flatten().is_some();
        }
        if needs.is_empty() { Ok(is_in_kits) } else { Err(DraftError::Needs(needs)) }
    }

    /// Decides a report about units of a component of a kit that an order sells: the kits that become complete are reported for
    /// the line, and the component leaves its position or comes back to it.
    pub(super) fn decide_component(
        &self,
        event: &LedgerEvent,
        (stock, resolved, report): (&StockEvent, &Resolved, &OrderReport),
        kit: &Kit,
        room: usize,
    ) -> Result<Result<Decision, StockEventError>, DraftError> {
        let day = self.network.day_at(&Place::At(resolved.at.clone()), stock.occurred_at);
        let mut decision = self.decide_order(event, room.saturating_sub(ROOM_FOR_COMPONENT), |record| {
            let complete = |units: &BTreeMap<&Sku, Quantity>| match report.kind {
                ReportKind::Returned => kit.bill.started_units(units, day),
                ReportKind::Allocated | ReportKind::Deallocated | ReportKind::Shipped => {
                    kit.bill.complete_units(units, day, |sku| kit.bulk.contains(sku))
                }
            };
            record.report_component(report, &resolved.sku, complete);
        })?;
        let (kind, reference) = match report.kind {
            ReportKind::Shipped => (StockKind::ComponentIssue, Some(ScheduledReceipts::kits_of(&kit.bill.parent))),
            ReportKind::Returned => (StockKind::CustomerReturn, None),
            ReportKind::Allocated | ReportKind::Deallocated => return Ok(Ok(decision)),
        };
        if !decision.unfinished {
            let plain = StockEvent { kind, reference, order: None, ..stock.clone() };
            if let Err(error) = self.apply(&mut decision, &plain, resolved)? {
                return Ok(Err(error));
            }
            self.raise_low_stock(&mut decision)?;
        }
        Ok(Ok(decision))
    }

    /// Puts kits together where a step takes off more than are on hand, and notes that their components have left or will leave.
    pub(super) fn put_together(
        &self,
        decision: &mut Decision,
        line: &mut LineLedger,
        (step, shipped_at): (&OrderStep, Option<Timestamp>),
        cause: &MovementCause,
    ) -> Result<(), DraftError> {
        if !takes_off(step) || self.bill_of_kit(&step.sku)?.is_none() {
            return Ok(());
        }
        let of = PositionKey::new(step.sku.clone(), step.place.clone());
        let mut position = self.position(decision, &of)?;
        let leaving = -step.change().on_hand;
        let together = line.put_together.get(&step.place).copied().unwrap_or_default();
        let kits = if leaving.is_positive() {
            (leaving - (position.balance.on_hand - position.balance.held).at_least_zero()).at_least_zero()
        } else {
            leaving.max(-together)
        };
        // The stock of a kit is known: it is what can be put together.
        position.reported = true;
        decision.positions.insert(of.clone(), position);
        if kits.is_zero() {
            return Ok(());
        }
        // Kits that did not ship after all are taken off those of the time of their shipment.
        let at = if kits.is_negative() { shipped_at } else { step.at };
        self.record_kits(decision, &step.sku, kits, at.unwrap_or(self.now))?;
        line.put_together(&step.place, kits);
        let made = NewMovement { at: step.at, ..NewMovement::signed(MovementKind::Produce, kits) };
        self.move_units(decision, &of, made, cause)
    }

    /// Records kits that were put together in the scheduled receipts of the kit.
    fn record_kits(&self, decision: &mut Decision, kit: &Sku, kits: Quantity, at: Timestamp) -> Result<(), DraftError> {
        let mut receipts = self.receipts_of(decision, kit)?;
        receipts.put_together(kits, at);
        decision.receipts.insert(receipts.key(), receipts);
        Ok(())
    }

    /// Puts together the kits of an order whose components have left although a kit was on hand, and takes returned kits apart as far
    /// as warehouses report that their components came back.
    pub(super) fn settle_kits(
        &self,
        decision: &mut Decision,
        record: &mut OrderRecord,
        (event, room): (&LedgerEvent, usize),
    ) -> Result<(), DraftError> {
        let lines: BTreeSet<LineId> = record.components.values().map(|report| report.line).collect();
        for id in lines {
            let [shipped, returned] = [ReportKind::Shipped, ReportKind::Returned].map(|kind| record.kits_by_parts(id, kind));
            let OrderRecord { shop, order, lines, .. } = &mut *record;
            let line = lines.entry(id).or_default();
            let Some(sku) = line.sku.clone() else { continue };
            let of_line = OrderLineRef { shop: shop.clone(), order: *order, line: id, fulfilment: None, placed: None };
            let cause = MovementCause { event: event.id().clone(), order: Some(of_line) };
            let mut by_parts = shipped - line.put_together.values().copied().sum();
            for (place, left) in line.left() {
                let kits = by_parts.min(left - line.put_together.get(&place).copied().unwrap_or_default());
                if !kits.is_positive() {
                    continue;
                }
                if decision.most_rows() + 5 > room {
                    decision.unfinished = true;
                    return Ok(());
                }
                by_parts -= kits;
                line.put_together(&place, kits);
                // Kits that are recorded without a movement are these kits.
                let mut receipts = self.receipts_of(decision, &sku)?;
                let kits = kits - receipts.take_unmoved_kits(kits);
                receipts.put_together(kits, self.now);
                decision.receipts.insert(receipts.key(), receipts);
                if kits.is_positive() {
                    let of = PositionKey::new(sku.clone(), place);
                    self.move_units(decision, &of, NewMovement::signed(MovementKind::Produce, kits), &cause)?;
                }
            }
            for (place, kits) in line.newly_taken_apart(returned) {
                if decision.most_rows() + 5 > room {
                    decision.unfinished = true;
                    return Ok(());
                }
                let of = PositionKey::new(sku.clone(), place.clone());
                let on_hand = self.position(decision, &of)?.balance.on_hand.at_least_zero();
                line.taken_apart(&place, kits);
                let there = kits.min(on_hand);
                if !there.is_zero() {
                    self.move_units(decision, &of, NewMovement::signed(MovementKind::Produce, -there), &cause)?;
                }
                // A kit that has left again took these components with it.
                let left = kits - there;
                if left.is_positive() {
                    let mut receipts = self.receipts_of(decision, &sku)?;
                    receipts.put_together(left, self.now);
                    receipts.unmoved_kits += left;
                    decision.receipts.insert(receipts.key(), receipts);
                }
            }
        }
        Ok(())
    }

    /// The rows that a step of an order writes beside its own, because it puts kits together.
    pub(super) fn writes_beside(&self, step: &OrderStep) -> Result<usize, DraftError> {
        if !takes_off(step) || self.bill_of_kit(&step.sku)?.is_none() {
            return Ok(0);
        }
        self.read(&RowKey::Receipts(step.sku.clone()).key())?;
        Ok(4)
    }
}

/// Whether a step takes units off a place, or puts them back there.
fn takes_off(step: &OrderStep) -> bool {
    let is_shipment = matches!(step.kind, MovementKind::Ship | MovementKind::ShipAhead | MovementKind::Misattribute);
    is_shipment && !step.change().on_hand.is_zero()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::catalog::{Component, Factor, Quantity};

    /// Protects a kit from being shipped before all of its components have left, and a returned kit from being counted beside one
    /// of its components.
    #[test]
    fn a_kit_is_complete_when_all_counted_components_are_there() {
        let sku = |name: &str| name.parse::<Sku>().expect("a SKU");
        let factor = |number: &str| number.parse::<Factor>().expect("a factor");
        let mut bill = BillOfMaterials { phantom: true, ..BillOfMaterials::new(sku("KIT")) };
        for (name, quantity, instead_of) in [("A", "1", None), ("B", "2", None), ("B2", "2", Some("B")), ("CARD", "0.5", None)] {
            let component = Component { instead_of: instead_of.map(sku), ..Component::new(factor(quantity)) };
            bill.components.insert(sku(name), component);
        }
        for (units, counted, expected, started) in [
            (&[][..], "A B B2", 0, 0),
            (&[("A", 1)], "A B B2", 0, 1),
            (&[("A", 1), ("B", 1)], "A B B2", 0, 1),
            (&[("A", 1), ("B", 2)], "A B B2", 1, 1),
            (&[("A", 1), ("B", 1), ("B2", 1)], "A B B2", 1, 1),
            (&[("B", 2), ("B2", 1)], "A B B2", 0, 2),
            (&[("A", 3), ("B", 5)], "A B B2", 2, 3),
            (&[("A", 3), ("B", 6)], "A B B2 CARD", 0, 3),
            (&[("A", 3), ("B", 6), ("CARD", 1)], "A B B2 CARD", 2, 3),
            (&[("CARD", 1)], "A B B2 CARD", 0, 2),
            (&[("A", 3)], "", 0, 3),
        ] {
            let units: Vec<(Sku, Quantity)> = units.iter().map(|(name, units)| (sku(name), Quantity::new(*units))).collect();
            let counted: Vec<Sku> = counted.split_whitespace().map(sku).collect();
            let units_of = units.iter().map(|(sku, units)| (sku, *units)).collect();
            let complete = bill.complete_units(&units_of, date(2026, 11, 1), |sku| !counted.contains(sku));
            assert_eq!(complete, Quantity::new(expected), "{units:?} of {counted:?}");
            let of_kits = bill.started_units(&units_of, date(2026, 11, 1));
            assert_eq!(of_kits, Quantity::new(started), "{units:?}: the kits that came back in part");
        }
    }
}
