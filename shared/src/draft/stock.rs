//! Decides a stock transaction of another system: it translates codes and amount, and records the movements.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::alert::AlertSubject;
use crate::catalog::{Factor, Item, LocationId, LotId, MissingMapping, Network, Place, Quantity, Sku, SystemId, SystemItem};
use crate::draft::kit::Kit;
use crate::draft::{Decision, Draft, DraftError, EventOutcome, NoMovement, StockEventError};
use crate::ledger::{LastCount, LedgerEvent, NewMovement, Position};
use crate::movement::{CountBasis, Lot, Movement, MovementCause, MovementKind, PositionKey};
use crate::order::{OrderRecord, OrderReport, StockTracking};
use crate::source::{
    DocumentKind, NoRoom, OpenCommitment, OrderLineOf, ScheduledReceipts, StockEffect, StockEvent, WaitingForMapping, WaitingItem,
};
use crate::table::{Key, Record, Row, RowFault, RowKey, UnreadableRow};

/// The most later movements that a count reads back over.
pub(super) const MAX_LOOK_BACK: u64 = 2_000;

/// How many of these movements are read at once.
const LOOKED_AT_ONCE: u64 = 50;

/// An event in our own codes and units.
pub(super) struct Resolved {
    pub sku: Sku,
    pub item: Item,
    pub at: LocationId,
    pub to: Option<LocationId>,
    pub quantity: Quantity,
}

impl Resolved {
    /// The lot of an event, if its item is tracked by lot.
    fn lot(&self, stock: &StockEvent) -> Option<Lot> {
        stock.lot.clone().filter(|_| self.item.by_lot).map(|id| Lot { id, expires: stock.expires })
    }
}

/// As what the line of an order sells the item of an event.
enum SoldAs {
    /// The item itself.
    Item,
    /// A component of this kit.
    Kit(Kit),
    /// The line is not known yet, and it may sell a kit that contains the item.
    Unknown,
    /// The event cannot belong to the line.
    Other(StockEventError),
}

/// Why an event is not applied.
enum LeftOut {
    Missing(MissingMapping, String),
    Refused(StockEventError),
}

impl From<StockEventError> for LeftOut {
    fn from(error: StockEventError) -> Self {
        Self::Refused(error)
    }
}

/// Refuses an event that is dated later than the system's clock can be. It would outrank every true statement until then.
pub(crate) fn in_time(network: &Network, stock: &StockEvent, now: Timestamp) -> Result<(), StockEventError> {
    let (occurred_at, limit) = (stock.occurred_at, network.clock_limit(stock.system()));
    let latest = now.saturating_add(limit).unwrap_or(Timestamp::MAX);
    if occurred_at > latest { Err(StockEventError::InTheFuture { occurred_at, now, limit }) } else { Ok(()) }
}

/// Refuses an event of a kind that the row of its system does not list, or that names a location that it does not list: where it
/// happened, or where a transfer goes. A location without a mapping is checked when the mapping exists. While the row cannot be read,
/// every event of the system is refused, because what it may say is not known.
pub(crate) fn allowed(network: &Network, stock: &StockEvent) -> Result<(), StockEventError> {
    let (system, kind) = (stock.system(), stock.kind);
    if let Some(code) = network.unreadable_system(system) {
        return Err(RowFault::from(unreadable_limits(code)).into());
    }
    let Some(limits) = network.limits(system) else { return Ok(()) };
    if limits.kinds.as_ref().is_some_and(|kinds| !kinds.contains(kind.name())) {
        return Err(StockEventError::KindNotAllowed(system.to_owned(), kind));
    }
    let Some(locations) = &limits.locations else { return Ok(()) };
    let named = stock.location_codes().filter_map(|code| network.by_system_code(system, code));
    match named.map(|location| &location.code).find(|code| !locations.contains(*code)) {
        Some(outside) => Err(StockEventError::LocationNotAllowed(system.to_owned(), outside.clone())),
        None => Ok(()),
    }
}

/// The row of a system that cannot be read, because of which no event of the system is accepted.
fn unreadable_limits(system: &SystemId) -> UnreadableRow {
    let detail = "it may limit what the system may say".to_owned();
    UnreadableRow { key: RowKey::System(system.clone()).key().to_string(), detail }
}

/// The alert about an event that is refused.
pub(crate) fn refusal(stock: &StockEvent, error: &StockEventError) -> (AlertSubject, String) {
    let subject = AlertSubject::RefusedEvent { system: stock.system().to_owned() };
    (subject, format!("{} ({}) is refused: {error}", stock.id, stock.kind.name()))
}

/// An event that may be about a component of a kit waits until the line that it names is known.
fn unknown_line(stock: &StockEvent, of: &OrderLineOf) -> (MissingMapping, String) {
    let (system, code) = (stock.system().to_owned(), stock.sku.clone());
    let missing = MissingMapping::Correction { system, code, event: stock.id.id.clone() };
    let detail = format!(
        "{} names line {} of order {} of {}, which is not known yet. The event waits until the shop reports the line, because {:?} \
         is a component of kits.",
        stock.id, of.line, of.order, of.shop, stock.sku
    );
    (missing, detail)
}

impl Draft<'_> {
    /// Decides one stock event. `lane` is the row it waited in.
    pub(super) fn decide_stock(
        &self,
        event: &LedgerEvent,
        stock: &StockEvent,
        lane: Option<&Key>,
        room: usize,
    ) -> Result<Decision, DraftError> {
        if let Some(code) = self.network.unreadable_system(stock.system()) {
            return Err(unreadable_limits(code).into());
        }
        let mut decision = Decision::default();
        // The time of an event that waited was checked when it arrived.
        let in_time = if lane.is_none() { in_time(self.network, stock, self.now) } else { Ok(()) };
        let resolved = match in_time.and_then(|()| allowed(self.network, stock)) {
            Ok(()) => self.resolve(stock)?,
            Err(error) => Err(LeftOut::Refused(error)),
        };
        let left_out = match resolved {
            Ok(resolved) => match (&stock.order, stock.kind.properties().report) {
                (Some(of), Some(kind)) => {
                    let report = OrderReport {
                        id: stock.id.clone(),
                        shop: of.shop.clone(),
                        order: of.order,
                        line: of.line,
                        kind,
                        location: resolved.at.clone(),
                        quantity: resolved.quantity,
                        at: Some(stock.occurred_at),
                    };
                    match self.sold_as(of, &resolved.sku)? {
                        SoldAs::Item => return self.decide_order(event, room, |record| record.report(&report)),
                        SoldAs::Kit(kit) => match self.decide_component(event, (stock, &resolved, &report), &kit, room)? {
                            Ok(decision) => return Ok(decision),
                            Err(error) => Some(LeftOut::Refused(error)),
                        },
                        SoldAs::Other(error) => Some(LeftOut::Refused(error)),
                        SoldAs::Unknown => {
                            let (missing, detail) = unknown_line(stock, of);
                            let waits = self.wait(stock, lane, (missing, detail))?;
                            return Ok(Decision { order: self.to_be_read(of)?, ..waits });
                        }
                    }
                }
                (None, _) | (_, None) => self.apply(&mut decision, stock, &resolved)?.err().map(LeftOut::Refused),
            },
            Err(left_out) => Some(left_out),
        };
        match left_out {
            None => self.raise_low_stock(&mut decision)?,
            Some(LeftOut::Missing(missing, detail)) => return self.wait(stock, lane, (missing, detail)),
            Some(LeftOut::Refused(error)) => return self.refuse(stock, lane, error),
        }
        Ok(decision)
    }

    /// Refuses an event. One that waited in a row keeps waiting, because its sender received the answer that the event is stored: it
    /// waits until the data that it does not fit is corrected.
    pub(super) fn refuse(&self, stock: &StockEvent, lane: Option<&Key>, error: StockEventError) -> Result<Decision, DraftError> {
        if lane.is_some() {
            let (system, code) = (stock.system().to_owned(), stock.sku.clone());
            let missing = MissingMapping::Correction { system, code, event: stock.id.id.clone() };
            return self.wait(stock, lane, (missing, format!("{} cannot be applied: {error}", stock.id)));
        }
        let mut decision = Decision::default();
        let (subject, detail) = refusal(stock, &error);
        self.raise(&mut decision, subject, detail)?;
        decision.left_out = Some(EventOutcome::Refused(error));
        Ok(decision)
    }

    /// As what the order line that an event names sells its item, as far as the order is known.
    fn sold_as(&self, of: &OrderLineOf, sku: &Sku) -> Result<SoldAs, DraftError> {
        if !self.network.has_shop(&of.shop) {
            return Ok(SoldAs::Other(StockEventError::OtherShop(of.shop.clone())));
        }
        let record = self.order_record(&of.shop, of.order)?;
        let facts = record.as_ref().and_then(|record| record.facts.as_ref());
        let line = facts.and_then(|facts| facts.lines.get(&of.line));
        if of.maybe_rounded && line.is_none() {
            return Ok(SoldAs::Other(StockEventError::RoundedId { order: of.order, line: of.line }));
        }
        let Some(known) = record.as_ref().and_then(|record| record.lines.get(&of.line)?.sku.as_ref()) else {
            // The line may have been added a moment ago, unless nothing is kept in stock for it.
            let moves_nothing =
                facts.is_some_and(|facts| facts.test) || line.is_some_and(|line| line.stocked == StockTracking::No);
            return Ok(if !moves_nothing && self.is_in_kits(sku)? { SoldAs::Unknown } else { SoldAs::Item });
        };
        if known == sku {
            return Ok(SoldAs::Item);
        }
        match self.kit(known)?.filter(|kit| kit.contains(sku)) {
            Some(kit) => Ok(SoldAs::Kit(kit)),
            None => Ok(SoldAs::Other(StockEventError::OtherLine {
                shop: of.shop.clone(),
                order: of.order,
                line: of.line,
                is: known.clone(),
            })),
        }
    }

    /// The order that an event names, marked to be read, if nothing is known of it.
    fn to_be_read(&self, of: &OrderLineOf) -> Result<Option<OrderRecord>, DraftError> {
        let is_known = self.order_record(&of.shop, of.order)?.is_some();
        let unread = || OrderRecord { unread: true, ..OrderRecord::new(of.shop.clone(), of.order) };
        Ok((!is_known).then(unread))
    }

    /// Stores an event until its missing mapping exists. `lane` is the row in which it waited until now.
    fn wait(
        &self,
        stock: &StockEvent,
        lane: Option<&Key>,
        (missing, detail): (MissingMapping, String),
    ) -> Result<Decision, DraftError> {
        let mut decision = Decision::default();
        let what = WaitingItem::Event(Box::new(stock.clone()));
        let key = RowKey::Waiting { missing: missing.clone(), name: what.name() }.key();
        let known = match self.waiting.get(&key) {
            Some(waiting) => Some(waiting.clone()),
            None => self.read(&key)?.map(Record::decode::<WaitingForMapping>).transpose()?,
        };
        // An event may wait in two rows, for two mappings. A function that deletes one of them must write the other, because a second
        // function with an older network may delete that one at the same time.
        let leaves_a_row = lane.is_some_and(|lane| *lane != key);
        match known {
            None => {
                self.raise(&mut decision, AlertSubject::of_missing(&missing), detail)?;
                decision.waiting.push(WaitingForMapping { missing: missing.clone(), what, since: self.now });
                decision.left_out = Some(EventOutcome::Waiting(missing));
            }
            Some(waiting) if waiting.what == what => {
                // An event that was resumed has cleared the alert for all waiting events. The alert is raised again in the
                // transaction that writes this row, so it never covers an event that is resumed at the same time.
                self.raise(&mut decision, AlertSubject::of_missing(&missing), detail)?;
                if !decision.alerts.is_empty() || leaves_a_row {
                    decision.waiting.push(waiting);
                }
                decision.left_out = Some(EventOutcome::Waiting(missing));
            }
            Some(other) => {
                let (subject, detail) = super::content_mismatch(&stock.id);
                self.raise(&mut decision, subject, detail)?;
                if leaves_a_row {
                    decision.waiting.push(other);
                }
                decision.left_out = Some(EventOutcome::ContentMismatch);
            }
        }
        Ok(decision)
    }

    /// Translates an event into our own codes and units.
    fn resolve(&self, stock: &StockEvent) -> Result<Result<Resolved, LeftOut>, DraftError> {
        let system = stock.system();
        let place = |code: &String| {
            self.network.by_system_code(system, code).map(|location| location.code.clone()).ok_or_else(|| {
                let detail =
                    format!("{system} uses the location code {code:?}, which is not mapped. Add the code to a location.");
                LeftOut::Missing(MissingMapping::Location { system: system.to_owned(), code: code.clone() }, detail)
            })
        };
        let (at, to) = match (place(&stock.location), stock.to.as_ref().map(place).transpose()) {
            (Ok(at), Ok(to)) => (at, to),
            (Err(left_out), _) | (_, Err(left_out)) => return Ok(Err(left_out)),
        };
        let missing = |detail: String| {
            Ok(Err(LeftOut::Missing(MissingMapping::Item { system: system.to_owned(), code: stock.sku.clone() }, detail)))
        };
        let mapping = self.read(&RowKey::SystemItem { system: system.to_owned(), code: stock.sku.to_owned() }.key())?;
        let mapping = match mapping.map(Record::decode::<SystemItem>).transpose() {
            Ok(mapping) => mapping,
            Err(error) => return missing(format!("{error}. Import the mapping of {system} again.")),
        };
        let sku = mapping.as_ref().map(|mapping| mapping.sku.clone()).or_else(|| stock.sku.parse().ok());
        let item = match &sku {
            Some(sku) => self.read(&RowKey::Item(sku.clone()).key())?.map(Record::decode::<Item>).transpose()?,
            None => None,
        };
        let (Some(sku), Some(item)) = (sku, item) else {
            return missing(format!("{system} uses the item code {:?}, which is not mapped. Import a mapping.", stock.sku));
        };
        let unit = stock.unit.as_ref().or_else(|| mapping.as_ref().and_then(|mapping| mapping.unit.as_ref()));
        let factor = match unit {
            None => Some(Factor::ONE),
            Some(unit) => mapping.as_ref().and_then(|mapping| mapping.units.get(unit)).copied().or_else(|| item.factor(unit)),
        };
        let Some(factor) = factor else {
            let unit = unit.map_or("", |unit| unit.as_str());
            let detail = format!(
                "{system} uses the unit {unit:?} for {:?}, which has no factor. Add the unit to the item or its mapping.",
                stock.sku
            );
            let missing = MissingMapping::Unit { system: system.to_owned(), code: stock.sku.clone(), unit: unit.to_owned() };
            return Ok(Err(LeftOut::Missing(missing, detail)));
        };
        Ok(match stock.quantity.times(factor) {
            Ok(quantity) => Ok(Resolved { sku, item, at, to, quantity }),
            Err(error) => Err(LeftOut::Refused(error.into())),
        })
    }

    /// Records the movements of an event: of the stock itself, and of what its document leaves open.
    pub(super) fn apply(
        &self,
        decision: &mut Decision,
        stock: &StockEvent,
        resolved: &Resolved,
    ) -> Result<Result<(), StockEventError>, DraftError> {
        let here = PositionKey::new(resolved.sku.clone(), Place::At(resolved.at.clone()));
        let quantity = resolved.quantity;
        // Units of an item that is not tracked by lot never leave by lot, so its lots would only grow.
        let lot = resolved.lot(stock);
        if let Some(lot) = &lot
            && self.position(decision, &here)?.is_full_of_lots(&lot.id)
        {
            return Ok(Err(StockEventError::TooManyLots(here)));
        }
        let (physical, units) = match stock.kind.properties().stock {
            StockEffect::None => (None, quantity),
            StockEffect::Moves(kind) => (Some(kind), quantity),
            StockEffect::Corrects if quantity.is_negative() => (Some(MovementKind::Lost), -quantity),
            StockEffect::Corrects => (Some(MovementKind::Found), quantity),
            StockEffect::Counts(basis) => return self.count(decision, &here, stock, (quantity, basis, lot)),
            StockEffect::Opens => return self.count(decision, &here, stock, (quantity, CountBasis::Physical, lot)),
        };
        if ScheduledReceipts::are_changed_by(stock)
            && let Err(error) = self.schedule(decision, stock, resolved)?
        {
            return Ok(Err(error));
        }
        let cause = MovementCause { event: stock.id.clone(), order: None };
        let at = Some(stock.occurred_at);
        if let Some(kind) = physical {
            let leaves = kind.change(units, false).on_hand.is_negative();
            let parts = if leaves && lot.is_none() && resolved.item.by_lot {
                let today = self.network.day_at(&here.place, stock.occurred_at);
                self.position(decision, &here)?.first_expired(units, today)
            } else {
                vec![(lot.clone(), units)]
            };
            for (lot, quantity) in parts {
                self.move_units(decision, &here, NewMovement { lot, at, ..NewMovement::of(kind, quantity) }, &cause)?;
            }
        }
        if let Some(document) = DocumentKind::of(stock.kind) {
            let of = resolved.to.clone().map_or(here, |to| PositionKey::new(resolved.sku.clone(), Place::At(to)));
            self.apply_to_document(decision, stock, document, of, quantity, lot)?;
            decision.no_movement.get_or_insert(NoMovement::DocumentIsEven);
        }
        Ok(Ok(()))
    }

    /// The scheduled receipts of an item, as the draft and a decision leave them.
    pub(super) fn receipts_of(&self, decision: &Decision, sku: &Sku) -> Result<ScheduledReceipts, DraftError> {
        let key = RowKey::Receipts(sku.clone()).key();
        if let Some(receipts) = decision.receipts.get(&key).or_else(|| self.receipts.get(&key)) {
            return Ok(receipts.clone());
        }
        let stored = self.read(&key)?.map(Record::decode).transpose()?;
        Ok(stored.unwrap_or_else(|| ScheduledReceipts::none(sku.clone())))
    }

    /// Updates the scheduled receipts of the item. Fails when there is no room for another document or line.
    fn schedule(
        &self,
        decision: &mut Decision,
        stock: &StockEvent,
        resolved: &Resolved,
    ) -> Result<Result<(), StockEventError>, DraftError> {
        let before = self.receipts_of(decision, &resolved.sku)?;
        let mut receipts = before.clone();
        match receipts.record(stock, &resolved.at, resolved.quantity, self.now) {
            Ok(()) => {}
            Err(NoRoom::Documents) => return Ok(Err(StockEventError::TooManyDocuments(resolved.sku.clone()))),
            Err(NoRoom::Entries) => return Ok(Err(StockEventError::TooManyEntries(resolved.sku.clone()))),
            Err(NoRoom::Lines) => {
                return Ok(Err(StockEventError::TooManyLines(stock.reference.clone().unwrap_or_default())));
            }
        }
        let newest = stock.reference.as_ref().and_then(|reference| receipts.documents.get(reference)?.newest());
        decision.no_movement = Some(match newest {
            Some(newest) if newest.event != stock.id && newest.as_of > stock.occurred_at => {
                NoMovement::OlderThanSchedule { scheduled: newest.as_of }
            }
            Some(_) | None => NoMovement::Scheduled,
        });
        if receipts != before {
            decision.receipts.insert(receipts.key(), receipts);
        }
        Ok(Ok(()))
    }

    /// Adds the event to its document, and records the change of its open quantities.
    fn apply_to_document(
        &self,
        decision: &mut Decision,
        stock: &StockEvent,
        document: DocumentKind,
        of: PositionKey,
        quantity: Quantity,
        lot: Option<Lot>,
    ) -> Result<(), DraftError> {
        // Holds without a reference form one document per system. Units held of one lot are not released from another.
        let name = stock.reference.clone().unwrap_or_else(|| stock.system().to_owned());
        let of_lot =
            lot.as_ref().filter(|_| document == DocumentKind::QualityHold).map_or(String::new(), |lot| format!("/{}", lot.id));
        let reference = format!("{name}{of_lot}");
        let key = RowKey::Commitment { document, reference: reference.clone(), of: of.clone() }.key();
        let known = match self.commitments.get(&key) {
            Some(commitment) => Some(commitment.clone()),
            None => self.read(&key)?.map(Record::decode::<OpenCommitment>).transpose()?,
        };
        let mut commitment = known.unwrap_or_else(|| OpenCommitment::new(document, reference, of.clone()));
        let before = commitment.open_quantities();
        commitment.add(stock.kind, quantity);
        let after = commitment.open_quantities();
        let cause = MovementCause { event: stock.id.clone(), order: None };
        let lot = lot.filter(|_| document == DocumentKind::QualityHold);
        for step in [
            NewMovement::signed(MovementKind::Hold, after.held - before.held),
            NewMovement::in_transit(after.in_transit - before.in_transit),
            NewMovement::signed(MovementKind::PosSale, after.pos_pending - before.pos_pending),
            NewMovement::signed(MovementKind::Allocate, after.allocated - before.allocated),
            NewMovement::signed(MovementKind::WholesaleAllocate, after.wholesale - before.wholesale),
        ] {
            if step.quantity.is_positive() {
                let step = NewMovement { lot: lot.clone(), at: Some(stock.occurred_at), ..step };
                self.move_units(decision, &of, step, &cause)?;
            }
        }
        decision.commitments.insert(key, commitment);
        Ok(())
    }

    /// Applies a count at its time: the balance is corrected for that time, and later movements stay.
    fn count(
        &self,
        decision: &mut Decision,
        of: &PositionKey,
        stock: &StockEvent,
        (counted, basis, lot): (Quantity, CountBasis, Option<Lot>),
    ) -> Result<Result<(), StockEventError>, DraftError> {
        let position = self.position(decision, of)?;
        let as_of = stock.occurred_at.min(position.moved_at.map_or(self.now, |last| last.max(self.now)));
        let newest = match &lot {
            Some(lot) => position.lots.get(&lot.id).and_then(|lot| lot.counted),
            None => position.counted.as_ref().map(|counted| counted.as_of),
        };
        if let Some(counted) = newest.filter(|newest| as_of <= *newest) {
            decision.no_movement = Some(NoMovement::OlderThanCount { counted });
            return Ok(Ok(()));
        }
        decision.no_movement = Some(NoMovement::CountAgrees);
        let then = match self.there_at(decision, &position, lot.as_ref().map(|lot| &lot.id), basis, as_of)? {
            Ok(then) => then,
            Err(error) => return Ok(Err(error)),
        };
        let difference = counted - then;
        if !difference.is_zero() {
            let cause = MovementCause { event: stock.id.clone(), order: None };
            let step = match stock.kind.properties().stock {
                StockEffect::Opens => NewMovement::signed(MovementKind::OpeningStock, difference),
                StockEffect::None | StockEffect::Moves(_) | StockEffect::Corrects | StockEffect::Counts(_) => {
                    NewMovement::correction(difference, None, None)
                }
            };
            self.move_units(decision, of, NewMovement { lot: lot.clone(), at: Some(as_of), ..step }, &cause)?;
        }
        let mut position = self.position(decision, of)?;
        position.note_source(stock.system(), as_of);
        position.reported = true;
        match &lot {
            Some(lot) => position.counted_lot(lot, as_of),
            None => position.counted = Some(LastCount { as_of, basis, event: Some(stock.id.clone()) }),
        }
        decision.positions.insert(of.clone(), position);
        Ok(Ok(()))
    }

    /// The units at a time: the current units less all later movements.
    fn there_at(
        &self,
        decision: &Decision,
        position: &Position,
        lot: Option<&LotId>,
        basis: CountBasis,
        time: Timestamp,
    ) -> Result<Result<Quantity, StockEventError>, DraftError> {
        let mut there = match lot {
            Some(lot) => position.lots.get(lot).map_or(Quantity::ZERO, |lot| lot.on_hand),
            None => basis.of_balance(position.balance),
        };
        if position.moved_at.is_none_or(|last| last <= time) {
            return Ok(Ok(there));
        }
        for looked in 0..position.seq {
            if looked == MAX_LOOK_BACK {
                return Ok(Err(StockEventError::TooOld { as_of: time, most: MAX_LOOK_BACK }));
            }
            let movement = self.movement(decision, &position.of, position.seq - looked)?;
            if movement.recorded_at <= time {
                break;
            }
            if movement.effective_at() > time {
                let change = movement.change();
                match lot {
                    None => there -= basis.of_change(change),
                    Some(lot) if movement.lot.as_ref().is_some_and(|of| of.id == *lot) => there -= change.on_hand,
                    Some(_) => {}
                }
            }
        }
        Ok(Ok(there))
    }

    /// One movement of a position, stored or drafted. The movements before it are read along with it.
    pub(super) fn movement(&self, decision: &Decision, of: &PositionKey, seq: u64) -> Result<Movement, DraftError> {
        let mut drafted = decision.movements.iter().chain(&self.movements);
        if let Some(movement) = drafted.find(|movement| movement.seq == seq && movement.of == *of) {
            return Ok(movement.clone());
        }
        let key = RowKey::Movement { of: of.clone(), seq }.key();
        match self.read.get(&key) {
            Some(Some(record)) => Ok(record.decode()?),
            Some(None) => {
                let detail = "the movement is missing: run `cargo x ledger verify`".to_owned();
                Err(UnreadableRow { key: key.to_string(), detail }.into())
            }
            None => {
                let first = seq.saturating_sub(LOOKED_AT_ONCE - 1).max(1);
                let keys: BTreeSet<Key> = (first..=seq).map(|seq| RowKey::Movement { of: of.clone(), seq }.key()).collect();
                Err(DraftError::Needs(keys.into_iter().filter(|key| !self.read.contains_key(key)).collect()))
            }
        }
    }
}
