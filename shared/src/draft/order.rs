//! Decides an event about an order: the new order record, and the movements that follow from it.

use std::collections::BTreeSet;

use crate::alert::{AlertState, AlertSubject};
use crate::catalog::{Item, ListedVariant, MissingMapping, OrderId, Quantity, ShopDomain, ShopItem, ShopSettings, Sku, day_of};
use crate::draft::{Decision, Draft, DraftError, EventOutcome, NoMovement, needing};
use crate::ledger::{LedgerEvent, NewMovement};
use crate::movement::{Lot, MovementCause, MovementKind, OrderLineRef, PositionKey};
use crate::order::{OrderRecord, OrderStep, ReadFailure, SnapshotLine, StockTracking};
use crate::source::{WaitingForMapping, WaitingItem};
use crate::table::{Key, Record, RowFault, RowKey, UnreadableRow};

/// A line without an item.
struct Unmapped {
    missing: MissingMapping,
    /// What is missing and what to do, as text of the alert.
    detail: String,
    /// The row of the mapping, if it exists and cannot be read.
    row: Option<UnreadableRow>,
}

/// Units by lot. `None` means no known lot.
type Parts = Vec<(Option<Lot>, Quantity)>;

impl Draft<'_> {
    /// Decides an event about an order. `take` applies the event to the record.
    pub(super) fn decide_order(
        &self,
        event: &LedgerEvent,
        room: usize,
        take: impl FnOnce(&mut OrderRecord),
    ) -> Result<Decision, DraftError> {
        let (shop, order) = event.order().expect("the caller passes only events about an order");
        let mut decision = Decision::default();
        let known = self.order_record(shop, order)?;
        let mut record = known.clone().unwrap_or_else(|| OrderRecord::new(shop.clone(), order));
        take(&mut record);
        decision.no_movement = Some(reason(&record, event));
        let Some(settings) = self.network.live_shop(shop, self.now) else {
            // The record keeps what was reported. It is read again when the shop is live, also if this function learns of that
            // later than the others.
            record.unread = true;
            decision.order = Some(record).filter(|record| known.as_ref() != Some(record));
            return Ok(decision);
        };
        record.decide_forwarding(settings);

        let mut needs = BTreeSet::new();
        let faulty = self.map_lines(&mut decision, &mut record, (settings, room), &mut needs)?;
        needing(&mut needs, self.quarantine_unmapped(&mut decision, &mut record, (faulty, event)))?;
        let steps = record.next_steps(self.network);
        let touched = steps.iter().map(|step| (step.sku.clone(), step.place.clone()));
        let removed = record.newly_removed(self.network).into_iter().map(|change| (change.sku, change.place));
        for step in &steps {
            needing(&mut needs, self.writes_beside(step))?;
        }
        for (sku, place) in touched.chain(removed) {
            needing(&mut needs, self.position(&decision, &PositionKey::new(sku, place)))?;
        }
        if !needs.is_empty() {
            return Err(DraftError::Needs(needs));
        }

        // An order that has an alert or an expired hold may raise or clear alerts of its own.
        let has_alerts = record.expiry.is_some()
            || !record.alerted.is_empty()
            || record.unreadable.is_some()
            || known.as_ref().is_some_and(|known| known.unreadable.is_some());
        let of_order = if has_alerts { 3 } else { 0 };
        for step in steps {
            if decision.unfinished {
                break;
            }
            let lots = self.lots_of(&decision, &record, &step)?;
            // The two steps of a reassignment stay in one transaction, because a crash in between would lose the reservation.
            // A movement that a count has seen already stays with its correction.
            let alone = if step.kind == MovementKind::AssignOut { 4 } else { 1 + 2 * lots.len() };
            let next = alone + self.writes_beside(&step)?;
            // Besides the step: the order and the mark.
            if step.kind != MovementKind::AssignIn && decision.most_rows() + 2 + of_order + next > room {
                decision.unfinished = true;
                break;
            }
            self.record_step(&mut decision, &mut record, (&step, lots), event)?;
        }
        if !decision.unfinished {
            self.settle_kits(&mut decision, &mut record, (event, room.saturating_sub(of_order)))?;
        }
        if !decision.unfinished {
            record.forget_old_draft_lines();
            self.note_removed(&mut decision, &mut record, room.saturating_sub(of_order))?;
        }
        // The rest of a large order comes with its next part. If the function is killed before that, the order must be read
        // again.
        let is_read = matches!(event, LedgerEvent::Order(_)) && event.is_own_read();
        record.unread |= decision.unfinished && (is_read || record.order.is_draft());
        self.raise_low_stock(&mut decision)?;
        self.update_order_alerts(&mut decision, known.as_ref(), &mut record)?;
        // Most drafts never reserve. They leave no row.
        if known.as_ref() != Some(&record) && !(known.is_none() && record.is_idle_draft()) {
            decision.order = Some(record);
        }
        Ok(decision)
    }

    /// Leaves out an event about an order: its record stays as it is, and the order is quarantined.
    pub(super) fn leave_out_of_order(&self, event: &LedgerEvent, fault: &RowFault) -> Result<Decision, DraftError> {
        let (shop, order) = event.order().expect("the caller passes only events about an order");
        let known = self.order_record(shop, order)?;
        let mut decision = Decision::default();
        let advice = match fault {
            RowFault::Unreadable(_) => "Repair that row; the next sweep then reads the order again",
            RowFault::Unwritable(_) => "Cancel the order in the shop, and place it again as smaller orders",
        };
        let mut record = known.clone().unwrap_or_else(|| OrderRecord::new(shop.clone(), order));
        record.unread = false;
        self.quarantine(&mut decision, &mut record, &format!("{fault}. {advice}"))?;
        decision.left_out = Some(EventOutcome::Quarantined);
        decision.order = Some(record).filter(|record| known.as_ref() != Some(record));
        Ok(decision)
    }

    /// Quarantines an order of which a line or a location is not mapped because this row cannot be read. Its other lines reserve.
    fn quarantine_unmapped(
        &self,
        decision: &mut Decision,
        record: &mut OrderRecord,
        (faulty, event): (Option<UnreadableRow>, &LedgerEvent),
    ) -> Result<(), DraftError> {
        let Some(row) = faulty else { return Ok(()) };
        let advice = "Lines that need it are not in the ledger. Repair that row; the next sweep then reads the order again";
        self.quarantine(decision, record, &format!("{row}. {advice}"))?;
        // An order is merged again as often as it is sent. A report of a warehouse counts once, so its mark is written.
        decision.left_out = matches!(event, LedgerEvent::Order(_)).then_some(EventOutcome::Quarantined);
        Ok(())
    }

    /// Quarantines an order whose newest state is not in the ledger, or not as a whole. Each sweep reads it again, and until then no
    /// sweep is complete.
    fn quarantine(&self, decision: &mut Decision, record: &mut OrderRecord, why: &str) -> Result<(), DraftError> {
        let (shop, gid) = (record.shop.clone(), record.order.gid());
        let detail = format!("The newest state of {gid} of {shop} is not in the ledger: {why}.");
        record.unreadable = Some(ReadFailure::Quarantined);
        self.raise(decision, AlertSubject::UnreadableOrder { shop, order: gid }, detail)
    }

    /// The record of an order, as the draft leaves it.
    pub(super) fn order_record(&self, shop: &ShopDomain, order: OrderId) -> Result<Option<OrderRecord>, DraftError> {
        let key = RowKey::Order { shop: shop.clone(), order }.key();
        match self.orders.get(&key) {
            Some(record) => Ok(Some(record.clone())),
            None => Ok(self.read(&key)?.map(Record::decode).transpose()?),
        }
    }

    /// Notes the units that edits removed at their positions, as far as the transaction has room.
    fn note_removed(&self, decision: &mut Decision, record: &mut OrderRecord, room: usize) -> Result<(), DraftError> {
        for change in record.newly_removed(self.network) {
            if decision.most_rows() + 4 > room {
                decision.unfinished = true;
                break;
            }
            let of = PositionKey::new(change.sku.clone(), change.place.clone());
            let mut position = self.position(decision, &of)?;
            // An operator may have settled the units before a later fact takes them back.
            position.removed = (position.removed + change.units).at_least_zero();
            decision.positions.insert(of, position);
            record.note_removed(&change);
        }
        Ok(())
    }

    /// Maps the lines of an order to items. What is not mapped raises its alert, and the order waits for the mapping, unless the
    /// order had ended before the shop went live. Returns a row that cannot be read and would map a line or a location.
    fn map_lines(
        &self,
        decision: &mut Decision,
        record: &mut OrderRecord,
        (settings, room): (&ShopSettings, usize),
        needs: &mut BTreeSet<Key>,
    ) -> Result<Option<UnreadableRow>, DraftError> {
        let (shop, order) = (record.shop.clone(), record.order);
        let ended = record.ended_before(settings);
        let stocked: Vec<_> = record.stocked_lines().map(|(id, line)| (id, line.clone())).collect();
        let mut missing = if ended { Vec::new() } else { record.unmapped_locations(self.network) };
        // A location that is not mapped may be the one whose row cannot be read.
        let mut faulty = self.network.first_unknown().filter(|_| !missing.is_empty()).map(|code| UnreadableRow {
            key: RowKey::Location(code.clone()).key().to_string(),
            detail: "it may be a location of the order".to_owned(),
        });
        for (id, line) in stocked {
            match needing(needs, self.item_of(&shop, &line))? {
                Some(Ok(sku)) => record.map_line(id, &sku),
                Some(Err(unmapped)) if !ended && (line.stocked == StockTracking::Yes || unmapped.row.is_some()) => {
                    decision.unmapped += 1;
                    faulty = faulty.or(unmapped.row);
                    missing.push((unmapped.missing, unmapped.detail));
                }
                Some(Err(_)) | None => {}
            }
        }
        for (missing, detail) in missing {
            if decision.alerts.len() + decision.waiting.len() + 5 > room {
                decision.unfinished = true; // A transaction holds no more of them. The next part has the rest.
                break;
            }
            let subject = AlertSubject::of_missing(&missing);
            let alert = RowKey::Alert(subject.clone()).key();
            needing(needs, self.raise(decision, subject, detail))?;
            // The order is read again when the mapping exists. The row is also written together with the alert: a function that finds
            // the mapping may be about to delete it, and would leave the alert behind.
            let what = WaitingItem::Order { shop: shop.clone(), order };
            let key = RowKey::Waiting { missing: missing.clone(), name: what.name() }.key();
            let is_raised = decision.alerts.contains_key(&alert);
            let is_new = |known: Option<&Record>| known.is_none() || is_raised;
            if !self.waiting.contains_key(&key) && needing(needs, self.read(&key))?.is_some_and(is_new) {
                decision.waiting.push(WaitingForMapping { missing, what, since: self.now });
            }
        }
        Ok(faulty)
    }

    /// The item of a line: by its variant first, then by its SKU, unless that is the SKU of another variant.
    fn item_of(&self, shop: &ShopDomain, line: &SnapshotLine) -> Result<Result<Sku, Unmapped>, DraftError> {
        let (shop_sku, mut needs) = (line.shop_sku.clone(), BTreeSet::new());
        let by_variant = match line.variant.map(|variant| RowKey::ListedVariant { shop: shop.clone(), variant }) {
            Some(row) => needing(&mut needs, self.read(&row.key()))?.flatten(),
            None => None,
        };
        let by_sku = needing(&mut needs, self.read(&RowKey::ShopItem { shop: shop.clone(), shop_sku: shop_sku.clone() }.key()))?;
        if !needs.is_empty() {
            return Err(DraftError::Needs(needs));
        }
        // A mapping that cannot be read is missing: the line waits for it, and the other lines of the order reserve.
        match (by_variant.map(Record::decode::<ListedVariant>), line.variant) {
            (Some(Ok(mapping)), _) => return Ok(Ok(mapping.sku)),
            (Some(Err(error)), Some(variant)) => {
                let detail =
                    format!("{shop} sells variant {variant}, and {error}. Its units are not reserved. Import its listing again.");
                let missing = MissingMapping::ShopVariant { shop: shop.clone(), variant };
                return Ok(Err(Unmapped { missing, detail, row: Some(error) }));
            }
            (Some(Err(_)) | None, _) => {}
        }
        let by_sku = match by_sku.flatten().map(Record::decode::<ShopItem>) {
            Some(Err(error)) => {
                let detail =
                    format!("{shop} sells {shop_sku:?}, and {error}. Its units are not reserved. Import the mapping again.");
                let missing = MissingMapping::ShopItem { shop: shop.clone(), shop_sku };
                return Ok(Err(Unmapped { missing, detail, row: Some(error) }));
            }
            Some(Ok(mapping)) => Some(mapping),
            None => None,
        };
        let (missing, detail) = match (by_sku, line.variant) {
            (Some(ShopItem { sku, variant, .. }), of) if variant.is_none() || of.is_none() => return Ok(Ok(sku)),
            (Some(ShopItem { sku, .. }), Some(variant)) => (
                MissingMapping::ShopVariant { shop: shop.clone(), variant },
                format!(
                    "{shop} sells variant {variant} with the SKU {shop_sku:?}, which is the SKU of another variant, listed as {sku}. Its \
                     units are not reserved. Give it another SKU in the shop, and import a listing of it with its variant."
                ),
            ),
            (None, Some(variant)) if shop_sku.is_empty() => (
                MissingMapping::ShopVariant { shop: shop.clone(), variant },
                format!(
                    "{shop} sells variant {variant}, which has no SKU. Its units are not reserved. Import a listing with its variant."
                ),
            ),
            (_, _) => (
                MissingMapping::ShopItem { shop: shop.clone(), shop_sku: shop_sku.clone() },
                format!("{shop} sells {shop_sku:?}, which is mapped to no item. Its units are not reserved. Import a mapping."),
            ),
        };
        Ok(Err(Unmapped { missing, detail, row: None }))
    }

    /// Raises and clears the alerts about an order.
    fn update_order_alerts(
        &self,
        decision: &mut Decision,
        known: Option<&OrderRecord>,
        record: &mut OrderRecord,
    ) -> Result<(), DraftError> {
        let raised = record.hold_alerts(known);
        let stored = known.map(|known| known.alerted.clone()).unwrap_or_default();
        for alert in raised.symmetric_difference(&stored) {
            let (subject, detail) = alert.about(record);
            let state = if raised.contains(alert) { AlertState::Raised } else { AlertState::Cleared };
            self.set_alert(decision, subject, state, detail)?;
        }
        record.alerted = raised;
        if known.is_some_and(|known| known.unreadable.is_some()) && record.unreadable.is_none() {
            let subject = AlertSubject::UnreadableOrder { shop: record.shop.clone(), order: record.order.gid() };
            self.set_alert(decision, subject, AlertState::Cleared, "The order can be read again.".to_owned())?;
        }
        Ok(())
    }

    /// The lots of the units of a step, where they are known: the lot that expires first leaves first, and returned units go
    /// back to the lot they left from.
    fn lots_of(&self, decision: &Decision, record: &OrderRecord, step: &OrderStep) -> Result<Parts, DraftError> {
        let unknown = vec![(None, step.quantity)];
        if !step.kind.is_shipment() {
            return Ok(unknown);
        }
        let position = self.position(decision, &PositionKey::new(step.sku.clone(), step.place.clone()))?;
        if step.reversal {
            let line = record.lines.get(&step.line).cloned();
            let mut back = line.map_or(unknown, |mut line| line.take_lots(&step.place, step.quantity));
            // The date of a lot may have been corrected since its units left.
            for lot in back.iter_mut().filter_map(|(lot, _)| lot.as_mut()) {
                lot.expires = position.lots.get(&lot.id).and_then(|known| known.expires).or(lot.expires);
            }
            return Ok(back);
        }
        let today = self.network.day_at(&step.place, step.at.unwrap_or(self.now));
        if position.lots.is_empty() {
            return Ok(unknown);
        }
        let item = self.read(&RowKey::Item(step.sku.clone()).key())?.map(Record::decode::<Item>).transpose()?;
        Ok(if item.is_some_and(|item| item.by_lot) { position.first_expired(step.quantity, today) } else { unknown })
    }

    fn record_step(
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
        let shipped_at = step.fulfilment.and_then(|id| record.fulfilments.get(&id)).map(|shipped| shipped.made_at);
        let of_line = record.lines.entry(step.line).or_default();
        if step.kind.is_shipment() && step.reversal {
            of_line.take_lots(&step.place, step.quantity);
        } else if step.kind.is_shipment() {
            of_line.record_lots(&step.place, &lots);
        }
        self.put_together(decision, of_line, (step, shipped_at), &cause)?;
        for (lot, quantity) in lots {
            self.move_units(
                decision,
                &of,
                NewMovement { kind: step.kind, reversal: step.reversal, quantity, lot, at: step.at },
                &cause,
            )?;
        }
        record.apply(step);
        Ok(())
    }
}

/// Why an event about an order makes no movement, in case it makes none.
fn reason(record: &OrderRecord, event: &LedgerEvent) -> NoMovement {
    let Some(facts) = &record.facts else { return NoMovement::OrderUnknown };
    let sent = match event {
        LedgerEvent::Order(order) => order.snapshot.facts.as_ref().map(|facts| facts.version),
        LedgerEvent::Hold(_) | LedgerEvent::Stock(_) | LedgerEvent::Decision(_) => None,
    };
    if facts.test {
        NoMovement::TestOrder
    } else if sent.is_some_and(|sent| sent < facts.version) {
        NoMovement::OlderThanOrder { version: facts.version }
    } else if facts.cancelled {
        NoMovement::OrderCancelled
    } else if facts.lines.values().all(|line| line.stocked == StockTracking::No) {
        NoMovement::NothingStocked
    } else {
        NoMovement::OrderIsEven
    }
}
