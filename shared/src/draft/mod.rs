//! Decides a group of events in memory.
//!
//! A [`Draft`] is based on the rows that were read, and holds the changes of the events decided so far. It does no I/O: when a
//! decision needs a row that was not read, it returns the key ([`DraftError`]), and the caller reads the row and asks again.
//! All events of a group see each other's effects, so many events on one position lead to one write of it.

mod decision;
mod kit;
mod no_movement;
mod order;
mod stock;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::{self, Alert, AlertState, AlertSubject};
use crate::catalog::{AmountError, LineId, LocationId, MissingMapping, Network, OrderId, Place, ShopDomain, Sku};
use crate::ledger::{AppliedEvent, LedgerEvent, NewMovement, Position};
use crate::movement::{EventId, Movement, MovementCause, PositionKey};
use crate::order::{OrderRecord, StockTracking};
use crate::promise::Promise;
use crate::source::{OpenCommitment, ReceiptDocument, ScheduledReceipts, StockEvent, StockKind, WaitingForMapping};
use crate::table::{Expect, Key, MAX_WRITES, Record, Row, RowFault, RowKey, UnreadableRow, Write};

pub use no_movement::NoMovement;
pub(crate) use stock::{allowed, in_time, refusal};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventOutcome {
    /// The event is in the ledger. It may have no movement, when it changed nothing.
    Applied {
        /// The number of movements.
        movements: usize,
        /// Order lines whose SKU is not mapped. They are recorded and alerted, but not moved.
        unmapped: usize,
        /// Why it has no movement, when it has none.
        no_movement: Option<NoMovement>,
    },
    /// The event was in the ledger already.
    Duplicate,
    /// Another event with this id and other content is in the ledger. The first event stands, and an alert is raised.
    ContentMismatch,
    /// The item, location or unit of the event is not mapped. The event is stored and applied when the mapping appears. An
    /// alert is raised.
    Waiting(MissingMapping),
    /// The event can never be applied as it is. It is not stored, an alert is raised, and its system must send it corrected.
    Refused(StockEventError),
    /// A row that the event needs cannot be read, or can never be written. The event is not in the ledger. Its order is quarantined,
    /// and an alert is raised.
    Quarantined,
    /// As for a quarantined order, but the order itself cannot be read. An alert is raised.
    Unreadable,
}

/// Why a stock event cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockEventError {
    /// The amount is not a whole number of units.
    #[error("{0}; correct the amount, or the unit's factor")]
    Amount(#[from] AmountError),
    /// The count is so old that too many later movements would have to be read.
    #[error("more than {most} movements have been recorded since {as_of}: count again")]
    TooOld {
        /// The time of the count.
        as_of: Timestamp,
        /// The most movements that are read.
        most: u64,
    },
    /// The event names an order line of another item.
    #[error("line {line} of order {order} of {shop} is of {is}: correct the item or the line, as the sales order names them")]
    OtherLine {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
        /// The line.
        line: LineId,
        /// The item of the line.
        is: Sku,
    },
    /// The event names an order of a shop that no location serves.
    #[error("{0} is not one of our shops: correct the shop, or add it to a location")]
    OtherShop(ShopDomain),
    /// The event is dated later than the system's clock can be.
    #[error(
        "it is dated {occurred_at}, more than {} minutes after our time {now}: correct occurred_at, or the clock or time zone of \
         the system", limit.as_secs() / 60
    )]
    InTheFuture {
        /// The time of the event.
        occurred_at: Timestamp,
        /// Our time.
        now: Timestamp,
        /// The limit of the system.
        limit: Duration,
    },
    /// The row of the system does not list the kind of the event.
    #[error("{0} may not send events of kind {kind}: correct the event, or add the kind to kinds of the system's row", kind = .1.name())]
    KindNotAllowed(String, StockKind),
    /// The row of the system does not list a location that the event names.
    #[error("{0} may not send events about {1}: correct the event, or add the location to locations of the system's row")]
    LocationNotAllowed(String, LocationId),
    /// An id of the order is a number that may have been rounded, and no order of the ledger has it.
    #[error("no order {order} with line {line} is known, and a number above 2^53 may have been rounded: send the ids as text")]
    RoundedId {
        /// The order.
        order: OrderId,
        /// The line.
        line: LineId,
    },
    /// No statement of this event is there to be withdrawn.
    #[error(
        "{event} is no count or balance of {of}, and no statement about a purchase order or production run of its item: \
         `cargo x ledger replay {of}` lists the events of the position. Take back another movement with an adjustment"
    )]
    NothingToWithdraw {
        /// The event.
        event: EventId,
        /// The position.
        of: PositionKey,
    },
    /// The position has too many lots.
    #[error("{0} has {most} lots already: write off or correct those that are gone", most = Position::MAX_LOTS)]
    TooManyLots(PositionKey),
    /// The item has too many open scheduled receipts.
    #[error("{0} has {most} open scheduled receipts: cancel the finished ones", most = ScheduledReceipts::MAX_DOCUMENTS)]
    TooManyDocuments(Sku),
    /// The documents of the item have too many entries.
    #[error(
        "the open purchase orders and production runs of {0} have {most} lines and receipts already: cancel the finished ones",
        most = ScheduledReceipts::MAX_ENTRIES
    )]
    TooManyEntries(Sku),
    /// The document has too many lines.
    #[error("{0} has {most} lines already: split the document", most = ReceiptDocument::MAX_LINES)]
    TooManyLines(String),
    /// A row that the event needs cannot be read, or can never be written.
    #[error("{0}. Repair that row, or split the document or order that it belongs to; then send the event again")]
    Fault(#[from] RowFault),
}

/// Why an event could not be decided.
#[derive(Debug)]
pub enum DraftError {
    /// These rows must be read before the event can be decided.
    Needs(BTreeSet<Key>),
    /// A row cannot be read.
    Unreadable(UnreadableRow),
}

impl From<UnreadableRow> for DraftError {
    fn from(error: UnreadableRow) -> Self {
        Self::Unreadable(error)
    }
}

/// The changes of one event.
#[derive(Debug, Default)]
struct Decision {
    inbox: Option<AppliedEvent>,
    order: Option<OrderRecord>,
    positions: BTreeMap<PositionKey, Position>,
    movements: Vec<Movement>,
    alerts: BTreeMap<Key, Alert>,
    commitments: BTreeMap<Key, OpenCommitment>,
    receipts: BTreeMap<Key, ScheduledReceipts>,
    waiting: Vec<WaitingForMapping>,
    unmapped: usize,
    no_movement: Option<NoMovement>,
    unfinished: bool,
    /// The outcome, if the event does not go into the ledger.
    left_out: Option<EventOutcome>,
}

impl Decision {
    /// The most rows that a decision about an order writes so far, without the order and the mark: each item that changes may also
    /// raise an alert.
    fn most_rows(&self) -> usize {
        self.movements.len() + 2 * self.positions.len() + self.receipts.len() + self.alerts.len() + self.waiting.len()
    }

    /// Whether the decision has no movement and no alert. Reading an order again without such a change leaves no mark.
    fn changes_nothing(&self) -> bool {
        self.movements.is_empty() && self.alerts.is_empty()
    }
}

/// The rows that were read, and the changes of the group.
#[derive(Debug)]
pub struct Draft<'a> {
    network: &'a Network,
    read: &'a BTreeMap<Key, Option<Record>>,
    now: Timestamp,
    inbox: BTreeMap<Key, AppliedEvent>,
    orders: BTreeMap<Key, OrderRecord>,
    positions: BTreeMap<PositionKey, Position>,
    alerts: BTreeMap<Key, Alert>,
    commitments: BTreeMap<Key, OpenCommitment>,
    receipts: BTreeMap<Key, ScheduledReceipts>,
    waiting: BTreeMap<Key, WaitingForMapping>,
    movements: Vec<Movement>,
    settled: BTreeSet<Key>,
}

impl<'a> Draft<'a> {
    /// An empty draft over the rows that were read.
    #[must_use]
    pub fn new(network: &'a Network, read: &'a BTreeMap<Key, Option<Record>>, now: Timestamp) -> Self {
        Self {
            network,
            read,
            now,
            inbox: BTreeMap::new(),
            orders: BTreeMap::new(),
            positions: BTreeMap::new(),
            alerts: BTreeMap::new(),
            commitments: BTreeMap::new(),
            receipts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            movements: Vec::new(),
            settled: BTreeSet::new(),
        }
    }

    /// The rows that deciding `event` most likely needs, so that one read is usually enough. Most shops use our SKU. Where a
    /// shop uses another one, the position is read in a second step.
    #[must_use]
    pub fn likely_keys(network: &Network, event: &LedgerEvent) -> BTreeSet<Key> {
        let mut keys = BTreeSet::from([RowKey::AppliedEvent(event.id().clone()).key()]);
        let mut item = |sku: &Sku, places: &BTreeSet<Place>| {
            keys.extend(places.iter().map(|place| RowKey::Position(PositionKey::new(sku.clone(), place.clone())).key()));
            keys.insert(RowKey::Promise(sku.clone()).key());
            keys.insert(RowKey::Alert(AlertSubject::LowStock { sku: sku.clone() }.clone()).key());
        };
        match event {
            LedgerEvent::Stock(stock) => {
                if let Ok(sku) = stock.sku.parse::<Sku>()
                    && stock.order.is_none()
                {
                    item(&sku, &Self::places_of(network, stock));
                    keys.insert(RowKey::Item(sku.clone()).key());
                    keys.extend(ScheduledReceipts::are_changed_by(stock).then(|| RowKey::Receipts(sku.clone()).key()));
                }
                keys.insert(RowKey::SystemItem { system: stock.system().to_owned(), code: stock.sku.to_owned() }.key());
            }
            LedgerEvent::Hold(_) => {}
            LedgerEvent::Decision(decided) => {
                item(&decided.of.sku, &BTreeSet::from([decided.of.place.clone()]));
                keys.insert(RowKey::Receipts(decided.of.sku.clone()).key());
            }
            LedgerEvent::Order(order) => {
                let snapshot = &order.snapshot;
                let named = snapshot.locations().filter_map(|id| network.by_shop_id(&snapshot.shop, id));
                let mut places: BTreeSet<Place> = named.map(|location| Place::At(location.code.clone())).collect();
                places.insert(Place::Unassigned);
                let lines = snapshot.facts.iter().flat_map(|facts| facts.lines.values());
                let stocked = lines.filter(|line| line.stocked != StockTracking::No);
                let stocked: Vec<_> = stocked.collect();
                let variants = stocked.iter().filter_map(|line| line.variant);
                let variants: BTreeSet<Key> =
                    variants.map(|variant| RowKey::ListedVariant { shop: snapshot.shop.clone(), variant }.key()).collect();
                let shop_skus: BTreeSet<&str> = stocked.iter().map(|line| line.shop_sku.as_str()).collect();
                for sku in shop_skus.iter().filter_map(|shop_sku| shop_sku.parse().ok()) {
                    item(&sku, &places);
                }
                // A shipment must know whether the item is a kit.
                if !snapshot.fulfilments.is_empty() {
                    let ours = shop_skus.iter().filter_map(|shop_sku| shop_sku.parse::<Sku>().ok());
                    keys.extend(ours.map(|sku| RowKey::Bill(sku).key()));
                }
                keys.extend(variants);
                keys.extend(
                    shop_skus
                        .iter()
                        .map(|shop_sku| RowKey::ShopItem { shop: snapshot.shop.clone(), shop_sku: (*shop_sku).to_owned() }.key()),
                );
            }
        }
        keys.extend(event.order().map(|(shop, order)| RowKey::Order { shop: shop.clone(), order }.key()));
        keys
    }

    /// The places of a stock event that are mapped.
    fn places_of(network: &Network, stock: &StockEvent) -> BTreeSet<Place> {
        let ours = stock.location_codes().filter_map(|code| network.by_system_code(stock.system(), code));
        ours.map(|location| Place::At(location.code.clone())).collect()
    }

    /// Decides one event after those before it. `lane` is the row in which the event waited; the draft deletes it with the
    /// event. With a `fault`, the event is left out, because its effects cannot be decided or written.
    ///
    /// Returns `Ok(None)` when the group is full, or when the event is larger than one transaction and its first part is in
    /// the draft. The caller then writes the draft and adds this event again.
    ///
    /// # Errors
    /// [`DraftError`]. The draft is unchanged.
    pub fn add(
        &mut self,
        event: &LedgerEvent,
        lane: Option<&Key>,
        fault: Option<&RowFault>,
    ) -> Result<Option<EventOutcome>, DraftError> {
        if let Some(lane) = lane
            && self.read(lane)?.is_none()
        {
            return Ok(Some(EventOutcome::Duplicate)); // Another function settled it after it was listed.
        }
        let inbox_key = RowKey::AppliedEvent(event.id().clone()).key();
        let content = event.content();
        let known = match self.inbox.get(&inbox_key) {
            Some(mark) => Some(mark.content == content),
            None => self.read(&inbox_key)?.map(Record::decode::<AppliedEvent>).transpose()?.map(|mark| mark.content == content),
        };
        let (decision, outcome) = match known {
            Some(true) => (Decision::default(), EventOutcome::Duplicate),
            Some(false) => {
                let mut decision = Decision::default();
                let (subject, detail) = content_mismatch(event.id());
                self.raise(&mut decision, subject, detail)?;
                (decision, EventOutcome::ContentMismatch)
            }
            None => {
                let room = MAX_WRITES.saturating_sub(self.len() + usize::from(lane.is_some()) + 1);
                let mut decision = match (event, fault) {
                    (_, Some(fault)) => self.leave_out(event, lane, fault)?,
                    (LedgerEvent::Stock(stock), None) => self.decide_stock(event, stock, lane, room)?,
                    (LedgerEvent::Order(order), None) => {
                        self.decide_order(event, room, |record| record.merge(&order.snapshot))?
                    }
                    (LedgerEvent::Hold(hold), None) => self.decide_order(event, room, |record| record.expire(hold))?,
                    (LedgerEvent::Decision(decided), None) => self.decide_position(decided)?,
                };
                let leaves_no_mark = event.is_own_read() && decision.changes_nothing();
                if decision.left_out.is_none() && !decision.unfinished && !leaves_no_mark {
                    decision.inbox = Some(AppliedEvent { event: event.id().clone(), content, applied_at: self.now });
                }
                let movements = decision.movements.len();
                let no_movement = decision.no_movement.take().filter(|_| movements == 0);
                let applied = EventOutcome::Applied { movements, unmapped: decision.unmapped, no_movement };
                let outcome = decision.left_out.take().unwrap_or(applied);
                (decision, outcome)
            }
        };
        let mut decision = decision;
        let settles = lane.filter(|lane| !decision.unfinished && !is_still_waiting(lane, event, &outcome));
        if let Some(lane) = settles.filter(|lane| matches!(RowKey::parse(lane), Some(RowKey::Waiting { .. }))) {
            let Some(record) = self.read(lane)? else { return Ok(Some(EventOutcome::Duplicate)) };
            let subject = AlertSubject::of_missing(&record.decode::<WaitingForMapping>()?.missing);
            let detail = "The mapping exists. The events and orders that waited for it are resumed.".to_owned();
            self.set_alert(&mut decision, subject, AlertState::Cleared, detail)?;
        }
        let alone = self.is_empty();
        if self.len_with(&decision) + usize::from(lane.is_some()) > MAX_WRITES || (decision.unfinished && !alone) {
            assert!(!alone, "the steps of one event must fit into a transaction of its own");
            return Ok(None);
        }
        let unfinished = decision.unfinished;
        self.absorb(decision);
        if unfinished {
            return Ok(None);
        }
        self.settled.extend(settles.cloned());
        Ok(Some(outcome))
    }

    /// Leaves out an event whose effects cannot be decided or written: a stock event is refused, and an order is quarantined.
    fn leave_out(&self, event: &LedgerEvent, lane: Option<&Key>, fault: &RowFault) -> Result<Decision, DraftError> {
        let mut decision = match event {
            LedgerEvent::Stock(stock) => self.refuse(stock, lane, fault.clone().into())?,
            LedgerEvent::Order(_) | LedgerEvent::Hold(_) => self.leave_out_of_order(event, fault)?,
            LedgerEvent::Decision(_) => {
                let refused = EventOutcome::Refused(fault.clone().into());
                Decision { left_out: Some(refused), ..Decision::default() }
            }
        };
        if let RowFault::Unreadable(row) = fault {
            let (subject, detail) = alert::faulty_row(row.key.clone(), &row.detail);
            self.raise(&mut decision, subject, detail)?;
        }
        Ok(decision)
    }

    /// Raises the low-stock alert of every item that the decision brings to its threshold. Clearing it is left to `recompute`,
    /// because the promise read here may be older than the change that raised the alert.
    fn raise_low_stock(&self, decision: &mut Decision) -> Result<(), DraftError> {
        let mut needs = BTreeSet::new();
        let skus: BTreeSet<Sku> = decision.positions.keys().map(|of| of.sku.clone()).collect();
        for sku in skus {
            let Some(Some(promise)) = needing(&mut needs, self.read(&RowKey::Promise(sku.clone()).key()))? else { continue };
            let Some(promise) = promise.content::<Promise>()? else { continue };
            let mut changed: BTreeMap<&PositionKey, &Position> = self.positions.iter().filter(|(of, _)| of.sku == sku).collect();
            changed.extend(decision.positions.iter().filter(|(of, _)| of.sku == sku));
            let available = promise.available_after(self.network, changed.into_values());
            if alert::low_stock(available, promise.low_at) == Some(AlertState::Raised) {
                let detail = format!("{available} units of {sku} can be promised.");
                needing(&mut needs, self.raise(decision, AlertSubject::LowStock { sku }, detail))?;
            }
        }
        if needs.is_empty() { Ok(()) } else { Err(DraftError::Needs(needs)) }
    }

    fn raise(&self, decision: &mut Decision, subject: AlertSubject, detail: String) -> Result<(), DraftError> {
        self.set_alert(decision, subject, AlertState::Raised, detail)
    }

    fn set_alert(
        &self,
        decision: &mut Decision,
        subject: AlertSubject,
        state: AlertState,
        detail: String,
    ) -> Result<(), DraftError> {
        let key = RowKey::Alert(subject.clone()).key();
        let record = self.read(&key)?;
        let stored = record.map(|record| record.decode().unwrap_or_else(|_| Alert::lost(subject.clone(), state, self.now)));
        let known = decision.alerts.get(&key).or_else(|| self.alerts.get(&key)).or(stored.as_ref());
        if let Some(mut next) = Alert::next(known, subject, state, detail, self.now) {
            if next.state == stored.as_ref().map_or(AlertState::Cleared, |stored| stored.state) {
                next.times = stored.map_or(0, |stored| stored.times); // Back in its stored state: nothing is written.
            }
            decision.alerts.insert(key, next);
        }
        Ok(())
    }

    /// Applies a movement to a position, in memory.
    fn move_units(
        &self,
        decision: &mut Decision,
        of: &PositionKey,
        step: NewMovement,
        cause: &MovementCause,
    ) -> Result<(), DraftError> {
        let mut position = self.position(decision, of)?;
        decision.movements.extend(position.record(step, cause, self.now));
        decision.positions.insert(of.clone(), position);
        Ok(())
    }

    fn position(&self, decision: &Decision, of: &PositionKey) -> Result<Position, DraftError> {
        if let Some(position) = decision.positions.get(of).or_else(|| self.positions.get(of)) {
            return Ok(position.clone());
        }
        Ok(self
            .read(&RowKey::Position(of.clone()).key())?
            .map(Record::decode)
            .transpose()?
            .unwrap_or_else(|| Position::empty(of.clone())))
    }

    fn read(&self, key: &Key) -> Result<Option<&Record>, DraftError> {
        self.read.get(key).map(Option::as_ref).ok_or_else(|| DraftError::Needs(BTreeSet::from([key.clone()])))
    }

    fn absorb(&mut self, decision: Decision) {
        if let Some(mark) = decision.inbox {
            self.inbox.insert(mark.key(), mark);
        }
        if let Some(order) = decision.order {
            self.orders.insert(order.key(), order);
        }
        self.positions.extend(decision.positions);
        self.alerts.extend(decision.alerts);
        self.commitments.extend(decision.commitments);
        self.receipts.extend(decision.receipts);
        self.waiting.extend(decision.waiting.into_iter().map(|waiting| (waiting.key(), waiting)));
        self.movements.extend(decision.movements);
    }

    /// The number of rows that the draft writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inbox.len()
            + self.orders.len()
            + self.positions.len()
            + self.alerts.len()
            + self.commitments.len()
            + self.receipts.len()
            + self.waiting.len()
            + self.movements.len()
            + self.settled.len()
    }

    /// Whether the draft writes no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len_with(&self, decision: &Decision) -> usize {
        let new_positions = decision.positions.keys().filter(|of| !self.positions.contains_key(of)).count();
        let new_alerts = decision.alerts.keys().filter(|key| !self.alerts.contains_key(key)).count();
        let new_order = decision.order.iter().filter(|order| !self.orders.contains_key(&order.key())).count();
        let new_commitments = decision.commitments.keys().filter(|key| !self.commitments.contains_key(key)).count();
        let new_receipts = decision.receipts.keys().filter(|key| !self.receipts.contains_key(key)).count();
        let marks = usize::from(decision.inbox.is_some()) + decision.waiting.len();
        self.len() + new_positions + new_alerts + new_order + new_commitments + new_receipts + decision.movements.len() + marks
    }

    /// The writes of the transaction: applied marks, orders, movements, positions, commitments, receipts, alerts, and the
    /// deletion of lane rows that are settled by it.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::with_capacity(self.len());
        writes.extend(self.inbox.values().map(|mark| Write::put(mark, Expect::Absent)));
        writes.extend(self.orders.values().map(|order| self.put(order)));
        writes.extend(self.movements.iter().map(|movement| Write::put(movement, Expect::Absent)));
        writes.extend(self.positions.values().map(|position| self.put(position)));
        writes.extend(self.commitments.values().map(|commitment| self.put(commitment)));
        writes.extend(self.receipts.values().map(|receipts| self.put(receipts)));
        writes.extend(self.waiting.values().map(|waiting| self.put(waiting)));
        // An alert that the group changed and changed back is in its stored state and is not written.
        writes.extend(self.alerts.values().filter(|alert| !self.is_stored_state(alert)).map(|alert| self.put(alert)));
        writes.extend(self.settled.iter().map(|key| Write::Delete { key: key.clone(), expect: self.expect(key) }));
        writes
    }

    fn put<R: Row>(&self, row: &R) -> Write {
        Write::put(row, self.expect(&row.key()))
    }

    /// Whether an alert has the state that is stored.
    fn is_stored_state(&self, alert: &Alert) -> bool {
        match self.read.get(&alert.key()).and_then(Option::as_ref).map(Record::decode::<Alert>) {
            Some(Ok(known)) => known.state == alert.state,
            // It cannot be read, and is written anew.
            Some(Err(_)) => false,
            None => alert.state == AlertState::Cleared,
        }
    }

    fn expect(&self, key: &Key) -> Expect {
        Expect::as_read(self.read.get(key).and_then(Option::as_ref))
    }
}

/// The alert about an event id that was used twice with different content.
#[must_use]
pub fn content_mismatch(event: &EventId) -> (AlertSubject, String) {
    let detail =
        format!("The event {event} arrived again with other content. The first one stands. Find out which system reuses the id.");
    (AlertSubject::ContentMismatch { event: event.to_string() }, detail)
}

/// Whether an event keeps its row: it still waits for the same mapping, or it is a decision that nothing else would bring again.
fn is_still_waiting(lane: &Key, event: &LedgerEvent, outcome: &EventOutcome) -> bool {
    match (event, outcome) {
        (LedgerEvent::Decision(_), EventOutcome::Refused(StockEventError::Fault(_))) => true,
        (LedgerEvent::Stock(stock), EventOutcome::Waiting(missing)) => {
            let still = RowKey::Waiting { missing: missing.clone(), name: stock.id.id.clone() };
            still.key() == *lane
        }
        _ => false,
    }
}

/// Collects the keys that a step needs instead of stopping at the first missing row. Returns `Ok(None)` when a row is missing.
fn needing<T>(needs: &mut BTreeSet<Key>, result: Result<T, DraftError>) -> Result<Option<T>, DraftError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(DraftError::Needs(keys)) => {
            needs.extend(keys);
            Ok(None)
        }
        Err(error @ DraftError::Unreadable(_)) => Err(error),
    }
}
