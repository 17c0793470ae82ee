//! Deciding what is said about an order: what it makes of the record, and the movements that calls for.

use std::collections::BTreeSet;

use crate::alert::{AlertState, AlertSubject};
use crate::catalog::{Item, MissingMapping, Quantity, ShopItem, day_of};
use crate::draft::{Decision, Draft, DraftError, needing};
use crate::ledger::{LedgerEvent, NewMovement};
use crate::movement::{Lot, MovementCause, MovementKind, OrderLineRef, PositionKey};
use crate::order::{OrderRecord, OrderStep, StockTracking};
use crate::source::{WaitingForMapping, WaitingItem};
use crate::table::{Key, Record, RowKey};

/// Units by lot; of no known lot where there is none.
type Parts = Vec<(Option<Lot>, Quantity)>;

impl Draft<'_> {
    /// Decides an event about an order: what it makes of the record, and the movements that calls for.
    pub(super) fn decide_order(
        &self,
        event: &LedgerEvent,
        room: usize,
        take: impl FnOnce(&mut OrderRecord),
    ) -> Result<Decision, DraftError> {
        let (shop, order) = event.order().expect("only events about an order come here");
        let mut decision = Decision::default();
        let key = RowKey::Order { shop: shop.clone(), order }.key();
        let known: Option<OrderRecord> = match self.orders.get(&key) {
            Some(record) => Some(record.clone()),
            None => self.read(&key)?.map(Record::decode).transpose()?,
        };
        let mut record = known.clone().unwrap_or_else(|| OrderRecord::new(shop.clone(), order));
        take(&mut record);

        let mut needs = BTreeSet::new();
        self.map_lines(&mut decision, &mut record, room, &mut needs)?;
        let steps = record.next_steps(self.network);
        for step in &steps {
            needing(&mut needs, self.position(&decision, &PositionKey::new(step.sku.clone(), step.place.clone())))?;
        }
        if !needs.is_empty() {
            return Err(DraftError::Needs(needs));
        }

        // An order that someone was told about, or whose hold was given up, may raise or clear alerts of its own.
        let told = record.expiry.is_some()
            || !record.alerted.is_empty()
            || known.as_ref().is_some_and(|known| known.unreadable.is_some());
        let of_order = if told { 3 } else { 0 };
        for step in steps {
            if decision.unfinished {
                break;
            }
            let lots = self.lots_of(&decision, &record, &step)?;
            // Out and in of an assignment stay together, or a crash in between would show a reservation nowhere; and what
            // a count has seen already stays with what takes it back.
            let next = if step.kind == MovementKind::AssignOut { 4 } else { 1 + 2 * lots.len() };
            // Beside the step: the order, the mark, and the alert of every item touched.
            let held = decision.movements.len()
                + 2 * decision.positions.len()
                + decision.alerts.len()
                + decision.waiting.len()
                + 2
                + of_order;
            if step.kind != MovementKind::AssignIn && held + next > room {
                decision.unfinished = true;
                break;
            }
            self.make(&mut decision, &mut record, (&step, lots), event)?;
        }
        // What is left of a reading comes with its next part; killed before that, the order is read again.
        record.unread |= decision.unfinished && matches!(event, LedgerEvent::Order(_)) && event.is_a_look();
        self.watch_stock(&mut decision)?;
        self.watch_order(&mut decision, known.as_ref(), &mut record)?;
        if known.as_ref() != Some(&record) {
            decision.order = Some(record);
        }
        Ok(decision)
    }

    /// Maps the lines of an order to items. What is not mapped raises its alert, and the order waits for the mapping.
    fn map_lines(
        &self,
        decision: &mut Decision,
        record: &mut OrderRecord,
        room: usize,
        needs: &mut BTreeSet<Key>,
    ) -> Result<(), DraftError> {
        let (shop, order) = (record.shop.clone(), record.order);
        let stocked: Vec<_> = record.stocked_lines().map(|(id, shop_sku, stocked)| (id, shop_sku.to_owned(), stocked)).collect();
        let mut missing = record.unmapped_locations(self.network);
        for (line, shop_sku, stocked) in stocked {
            match needing(needs, self.read(&RowKey::ShopItem { shop: shop.clone(), shop_sku: shop_sku.clone() }.key()))? {
                Some(Some(mapping)) => record.map_line(line, &mapping.decode::<ShopItem>()?.sku),
                Some(None) if stocked == StockTracking::Yes => {
                    decision.unmapped += 1;
                    let detail = format!(
                        "{shop} sells {shop_sku:?}, which maps to no item of ours. Its units are not reserved: import a mapping."
                    );
                    missing.push((MissingMapping::ShopItem { shop: shop.clone(), shop_sku }, detail));
                }
                Some(None) | None => {}
            }
        }
        for (missing, detail) in missing {
            if decision.alerts.len() + decision.waiting.len() + 5 > room {
                decision.unfinished = true; // More of them than a transaction holds: the rest with the next part.
                break;
            }
            needing(needs, self.raise(decision, AlertSubject::of_missing(&missing), detail))?;
            // It is read again when the mapping is there.
            let what = WaitingItem::Order { shop: shop.clone(), order };
            let key = RowKey::Waiting { missing: missing.clone(), name: what.name() }.key();
            if !self.waiting.contains_key(&key) && needing(needs, self.read(&key))?.is_some_and(|known| known.is_none()) {
                decision.waiting.push(WaitingForMapping { missing, what, since: self.now });
            }
        }
        Ok(())
    }

    /// Raises and clears the alerts about an order.
    fn watch_order(
        &self,
        decision: &mut Decision,
        known: Option<&OrderRecord>,
        record: &mut OrderRecord,
    ) -> Result<(), DraftError> {
        let stand = record.hold_alerts(known);
        let stood = known.map(|known| known.alerted.clone()).unwrap_or_default();
        for alert in stand.symmetric_difference(&stood) {
            let (subject, detail) = alert.about(record);
            let state = if stand.contains(alert) { AlertState::Raised } else { AlertState::Cleared };
            self.turn(decision, subject, state, detail)?;
        }
        record.alerted = stand;
        if known.is_some_and(|known| known.unreadable.is_some()) && record.unreadable.is_none() {
            let subject = AlertSubject::UnreadableOrder { shop: record.shop.clone(), order: record.order.gid() };
            self.turn(decision, subject, AlertState::Cleared, "It was read.".to_owned())?;
        }
        Ok(())
    }

    /// The lots that the units of a step are of, as far as they are known: first-expired-first-out of an item by lot, and
    /// back to where they came from.
    fn lots_of(&self, decision: &Decision, record: &OrderRecord, step: &OrderStep) -> Result<Parts, DraftError> {
        let unknown = vec![(None, step.quantity)];
        if comes_back(step.kind) {
            let line = record.lines.get(&step.line).cloned();
            return Ok(line.map_or(unknown, |mut line| line.comes_back(&step.place, step.quantity)));
        }
        if !leaves(step.kind) {
            return Ok(unknown);
        }
        let position = self.position(decision, &PositionKey::new(step.sku.clone(), step.place.clone()))?;
        if position.lots.is_empty() {
            return Ok(unknown);
        }
        let item = self.read(&RowKey::Item(step.sku.clone()).key())?.map(Record::decode::<Item>).transpose()?;
        Ok(if item.is_some_and(|item| item.by_lot) { position.first_expired(step.quantity) } else { unknown })
    }

    fn make(
        &self,
        decision: &mut Decision,
        record: &mut OrderRecord,
        (step, lots): (&OrderStep, Parts),
        event: &LedgerEvent,
    ) -> Result<(), DraftError> {
        let placed = record.facts.as_ref().map(|facts| day_of(facts.placed_at));
        let OrderRecord { shop, order, .. } = &*record;
        let line = OrderLineRef { shop: shop.clone(), order: *order, line: step.line, fulfilment: step.fulfilment, placed };
        let cause = MovementCause { event: event.id().clone(), order: Some(line) };
        let of = PositionKey::new(step.sku.clone(), step.place.clone());
        let of_line = record.lines.entry(step.line).or_default();
        if leaves(step.kind) {
            of_line.left_with(&step.place, &lots);
        } else if comes_back(step.kind) {
            of_line.comes_back(&step.place, step.quantity);
        }
        for (lot, quantity) in lots {
            self.move_units(decision, &of, NewMovement { kind: step.kind, quantity, lot, at: step.at }, &cause)?;
        }
        record.apply(step);
        Ok(())
    }
}

/// Whether units leave the building with it.
fn leaves(kind: MovementKind) -> bool {
    matches!(kind, MovementKind::Ship | MovementKind::Dispatch | MovementKind::Stray)
}

/// Whether units that seemed to have left turn out to be there.
fn comes_back(kind: MovementKind) -> bool {
    matches!(kind, MovementKind::Unship | MovementKind::Undispatch | MovementKind::Unstray)
}
