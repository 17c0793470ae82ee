//! Kits: phantom assemblies that a shop sells as one item and that are put together when they ship.
//!
//! A kit is not kept in stock. Each movement of an order that takes a kit off a place puts it together there, so that shipments
//! leave the kit's units on hand as they are. Deliberately absent: a kit that came back, or that was on hand before its bill became
//! a phantom, is put together like any other when it ships. Its components leave when a warehouse reports them; until then the plan keeps them for the kits that
//! have left (`PlanningInputs::kept_for_kits`).

use std::collections::BTreeSet;

use crate::catalog::{BillOfMaterials, Item, Resource, Sku, WhereUsed};
use crate::draft::stock::Resolved;
use crate::draft::{Decision, Draft, DraftError, StockEventError, needing};
use crate::ledger::{LedgerEvent, NewMovement};
use crate::movement::{MovementCause, MovementKind, PositionKey};
use crate::order::{OrderReport, OrderStep, ReportKind};
use crate::source::{ScheduledReceipts, StockEvent, StockKind};
use crate::table::{Record, RowKey};

/// What a transaction needs for a component that leaves: a movement and a correction for each of its lots, its position, its
/// scheduled receipts and its alert.
const ROOM_FOR_COMPONENT: usize = 50;

/// A kit and its components that warehouses report.
pub(super) struct Kit {
    bill: BillOfMaterials,
    counted: BTreeSet<Sku>,
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

    /// The kit that an item is, with the components that warehouses report; `None` when the item is kept in stock.
    pub(super) fn kit(&self, sku: &Sku) -> Result<Option<Kit>, DraftError> {
        let Some(bill) = self.bill_of_kit(sku)? else { return Ok(None) };
        let mut needs = BTreeSet::new();
        let mut counted = BTreeSet::new();
        for component in bill.components.keys() {
            let Some(row) = needing(&mut needs, self.read(&RowKey::Item(component.clone()).key()))? else { continue };
            // No warehouse reports bulk items.
            if row.map(Record::decode::<Item>).transpose()?.is_some_and(|item| !item.planning.bulk) {
                counted.insert(component.clone());
            }
        }
        if needs.is_empty() { Ok(Some(Kit { bill, counted })) } else { Err(DraftError::Needs(needs)) }
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

    /// Decides a report about units of a component of a kit that an order sells. The kits that become complete are reported for
    /// the line, and components that ship leave their position.
    pub(super) fn decide_component(
        &self,
        event: &LedgerEvent,
        (stock, resolved, report): (&StockEvent, &Resolved, &OrderReport),
        kit: &Kit,
        room: usize,
    ) -> Result<Result<Decision, StockEventError>, DraftError> {
        let plain = |kind, reference| StockEvent { kind, reference, order: None, ..stock.clone() };
        if report.kind == ReportKind::Returned {
            // It came back by itself. A return of the kit is reported in the shop.
            let mut decision = Decision::default();
            let applied = self.apply(&mut decision, &plain(StockKind::CustomerReturn, None), resolved)?;
            return Ok(applied.map(|()| decision));
        }
        let counted: BTreeSet<&Sku> = kit.counted.iter().collect();
        let mut decision = self.decide_order(event, room.saturating_sub(ROOM_FOR_COMPONENT), |record| {
            record.report_component(report, &resolved.sku, |units| kit.bill.complete_units(units, &counted));
        })?;
        if report.kind == ReportKind::Shipped && !decision.unfinished {
            let issue = plain(StockKind::ComponentIssue, Some(ScheduledReceipts::kits_of(&kit.bill.parent)));
            if let Err(error) = self.apply(&mut decision, &issue, resolved)? {
                return Ok(Err(error));
            }
            self.raise_low_stock(&mut decision)?;
        }
        Ok(Ok(decision))
    }

    /// Puts a kit together at the place where a step takes it off, and notes that its components have left or will leave.
    pub(super) fn put_together(
        &self,
        decision: &mut Decision,
        step: &OrderStep,
        cause: &MovementCause,
    ) -> Result<(), DraftError> {
        if !takes_off(step) || self.bill_of_kit(&step.sku)?.is_none() {
            return Ok(());
        }
        let units = -step.change().on_hand;
        let key = RowKey::Receipts(step.sku.clone()).key();
        let mut receipts = match decision.receipts.get(&key).or_else(|| self.receipts.get(&key)) {
            Some(receipts) => receipts.clone(),
            None => {
                let stored = self.read(&key)?.map(Record::decode).transpose()?;
                stored.unwrap_or_else(|| ScheduledReceipts::none(step.sku.clone()))
            }
        };
        receipts.put_together(units, self.now);
        decision.receipts.insert(key, receipts);
        let of = PositionKey::new(step.sku.clone(), step.place.clone());
        self.move_units(decision, &of, NewMovement { at: step.at, ..NewMovement::signed(MovementKind::Produce, units) }, cause)?;
        // The stock of a kit is known: there is none.
        let mut position = self.position(decision, &of)?;
        position.reported = true;
        decision.positions.insert(of, position);
        Ok(())
    }

    /// The writes that a step of an order makes beside its own: a kit is put together.
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
    use super::*;
    use crate::catalog::{Component, Factor, Quantity};

    /// Protects a kit from being shipped before all of its components have left.
    #[test]
    fn a_kit_is_complete_when_all_counted_components_are_there() {
        let sku = |name: &str| name.parse::<Sku>().expect("a SKU");
        let factor = |number: &str| number.parse::<Factor>().expect("a factor");
        let mut bill = BillOfMaterials { phantom: true, ..BillOfMaterials::new(sku("KIT")) };
        for (name, quantity, instead_of) in [("A", "1", None), ("B", "2", None), ("B2", "2", Some("B")), ("CARD", "0.5", None)] {
            let component = Component { instead_of: instead_of.map(sku), ..Component::new(factor(quantity)) };
            bill.components.insert(sku(name), component);
        }
        for (units, counted, expected) in [
            (&[][..], "A B B2", 0),
            (&[("A", 1)], "A B B2", 0),
            (&[("A", 1), ("B", 1)], "A B B2", 0),
            (&[("A", 1), ("B", 2)], "A B B2", 1),
            (&[("A", 1), ("B", 1), ("B2", 1)], "A B B2", 1),
            (&[("A", 3), ("B", 5)], "A B B2", 2),
            (&[("A", 3), ("B", 6)], "A B B2 CARD", 0),
            (&[("A", 3), ("B", 6), ("CARD", 1)], "A B B2 CARD", 2),
            (&[("A", 3)], "", 0),
        ] {
            let units: Vec<(Sku, Quantity)> = units.iter().map(|(name, units)| (sku(name), Quantity::new(*units))).collect();
            let counted: Vec<Sku> = counted.split_whitespace().map(sku).collect();
            let complete =
                bill.complete_units(&units.iter().map(|(sku, units)| (sku, *units)).collect(), &counted.iter().collect());
            assert_eq!(complete, Quantity::new(expected), "{units:?} of {counted:?}");
        }
    }
}
