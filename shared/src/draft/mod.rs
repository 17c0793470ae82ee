//! Deciding a group of events in memory.
//!
//! A [`Draft`] stands on the rows that were read and holds what the events decided so far would make of them. It does no
//! I/O: where a decision needs a row that was not read, it says which ([`DraftError`]) and is asked again. All events of a
//! group see each other's effects, so many events on one position still make one write of it.

mod order;
mod stock;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::alert::{self, Alert, AlertState, AlertSubject};
use crate::catalog::{AmountError, LineId, MissingMapping, Network, OrderId, Place, ShopDomain, Sku};
use crate::ledger::{AppliedEvent, LedgerEvent, NewMovement, Position};
use crate::movement::{EventId, Movement, MovementCause, PositionKey};
use crate::order::{OrderRecord, StockTracking};
use crate::promise::Promise;
use crate::source::{OpenCommitment, ScheduledReceipts, StockEvent, WaitingForMapping};
use crate::table::{Expect, Key, MAX_WRITES, Record, Row, RowKey, UnreadableRow, Write};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventOutcome {
    /// It is in the ledger now, with so many movements. None: it said nothing new.
    Applied {
        /// Movements written for it.
        movements: usize,
        /// Lines whose SKU is not mapped: recorded and alerted, without a movement.
        unmapped: usize,
    },
    /// It was in the ledger already.
    Duplicate,
    /// Its id was used before with other content. The first one stands; an alert is raised.
    ContentMismatch,
    /// Its item or location is not mapped. It is kept, and applied when the mapping appears; an alert is raised.
    Waiting(MissingMapping),
    /// It cannot be applied as it is, now or later. It is not kept; an alert is raised, and its system must correct it.
    Refused(StockEventError),
    /// A row it touches cannot be read. It is not in the ledger; the events beside it are.
    Unreadable,
}

/// Why a stock event cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockEventError {
    /// Its amount is no whole number of units.
    #[error("{0}; correct the amount, or the unit's factor")]
    Amount(#[from] AmountError),
    /// It says how much there was so long ago that what happened since cannot be told.
    #[error("more than {most} movements have been recorded since {as_of}: count again")]
    TooOld {
        /// When it was so.
        as_of: Timestamp,
        /// The most that are gone through.
        most: u64,
    },
    /// It is about an order's line of another item.
    #[error("line {line} of order {order} of {shop} is of {is}: correct the item or the line, as the sales order names them")]
    OtherLine {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
        /// The line.
        line: LineId,
        /// The item it is of.
        is: Sku,
    },
    /// It is about an order of a shop that is none of ours.
    #[error("{0} is no shop of ours")]
    OtherShop(ShopDomain),
    /// The position has too many lots.
    #[error("{0} has {most} lots already: write off or correct those that are gone", most = Position::MAX_LOTS)]
    TooManyLots(PositionKey),
    /// Too much is announced of an item.
    #[error("{most} purchase orders and production runs of {0} are open already: cancel those that are done", most = ScheduledReceipts::MAX_DOCUMENTS)]
    TooManyDocuments(Sku),
}

/// Why an event could not be decided.
#[derive(Debug)]
pub enum DraftError {
    /// These rows must be read first.
    Needs(BTreeSet<Key>),
    /// A row cannot be read.
    Unreadable(UnreadableRow),
}

impl From<UnreadableRow> for DraftError {
    fn from(error: UnreadableRow) -> Self {
        Self::Unreadable(error)
    }
}

/// What one event makes of the rows it touches.
#[derive(Debug, Default)]
struct Decision {
    inbox: Option<AppliedEvent>,
    order: Option<OrderRecord>,
    positions: BTreeMap<PositionKey, Position>,
    movements: Vec<Movement>,
    alerts: BTreeMap<Key, Alert>,
    claims: BTreeMap<Key, OpenCommitment>,
    supplies: BTreeMap<Key, ScheduledReceipts>,
    waiting: Vec<WaitingForMapping>,
    unmapped: usize,
    unfinished: bool,
    /// Why it is not in the ledger after this, if it is not.
    left_out: Option<EventOutcome>,
}

impl Decision {
    /// Whether nothing is worth remembering of it: that an order was read again leaves no mark.
    fn says_nothing(&self) -> bool {
        self.movements.is_empty() && self.alerts.is_empty()
    }
}

/// The rows read, and what the group makes of them.
#[derive(Debug)]
pub struct Draft<'a> {
    network: &'a Network,
    read: &'a BTreeMap<Key, Option<Record>>,
    now: Timestamp,
    inbox: BTreeMap<Key, AppliedEvent>,
    orders: BTreeMap<Key, OrderRecord>,
    positions: BTreeMap<PositionKey, Position>,
    alerts: BTreeMap<Key, Alert>,
    claims: BTreeMap<Key, OpenCommitment>,
    supplies: BTreeMap<Key, ScheduledReceipts>,
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
            claims: BTreeMap::new(),
            supplies: BTreeMap::new(),
            waiting: BTreeMap::new(),
            movements: Vec::new(),
            settled: BTreeSet::new(),
        }
    }

    /// The rows that deciding `event` will most likely need, so that one read is usually enough. Shops mostly call an item
    /// what we call it; where one does not, its position is read in a second step.
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
                    keys.extend(ScheduledReceipts::are_in(stock).then(|| RowKey::Receipts(sku.clone()).key()));
                }
                keys.insert(RowKey::SystemItem { system: stock.system().to_owned(), code: stock.sku.to_owned() }.key());
            }
            LedgerEvent::Hold(_) => {}
            LedgerEvent::Order(order) => {
                let snapshot = &order.snapshot;
                let named = snapshot.locations().filter_map(|id| network.by_shop_id(&snapshot.shop, id));
                let mut places: BTreeSet<Place> = named.map(|location| Place::At(location.code.clone())).collect();
                places.insert(Place::Unassigned);
                let lines = snapshot.facts.iter().flat_map(|facts| facts.lines.values());
                let stocked = lines.filter(|line| line.stocked != StockTracking::No);
                let shop_skus: BTreeSet<&str> = stocked.map(|line| line.shop_sku.as_str()).collect();
                for sku in shop_skus.iter().filter_map(|shop_sku| shop_sku.parse().ok()) {
                    item(&sku, &places);
                }
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

    /// Our places of a stock event.
    fn places_of(network: &Network, stock: &StockEvent) -> BTreeSet<Place> {
        let codes = std::iter::once(&stock.location).chain(&stock.to);
        let ours = codes.filter_map(|code| network.by_system_code(stock.system(), code));
        ours.map(|location| Place::At(location.code.clone())).collect()
    }

    /// Decides one event on top of those before it. `lane` is the row it waited in, to be removed with it.
    ///
    /// `Ok(None)`: the group is full, or the event is larger than one transaction and its first part is in the draft;
    /// write the draft, then decide this event again.
    ///
    /// # Errors
    /// [`DraftError`]; the draft is as it was before.
    pub fn add(&mut self, event: &LedgerEvent, lane: Option<&Key>) -> Result<Option<EventOutcome>, DraftError> {
        if let Some(lane) = lane
            && self.read(lane)?.is_none()
        {
            return Ok(Some(EventOutcome::Duplicate)); // Someone else settled it since it was listed.
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
                let mut decision = match event {
                    LedgerEvent::Stock(stock) => self.decide_stock(event, stock, lane, room)?,
                    LedgerEvent::Order(order) => self.decide_order(event, room, |record| record.merge(&order.snapshot))?,
                    LedgerEvent::Hold(hold) => self.decide_order(event, room, |record| record.expire(hold))?,
                };
                let silent = event.is_a_look() && decision.says_nothing();
                if decision.left_out.is_none() && !decision.unfinished && !silent {
                    decision.inbox = Some(AppliedEvent { event: event.id().clone(), content, applied_at: self.now });
                }
                let applied = EventOutcome::Applied { movements: decision.movements.len(), unmapped: decision.unmapped };
                let outcome = decision.left_out.take().unwrap_or(applied);
                (decision, outcome)
            }
        };
        let mut decision = decision;
        let settles = lane.filter(|lane| !decision.unfinished && !is_still_waiting(lane, event, &outcome));
        if let Some(lane) = settles.filter(|lane| matches!(RowKey::parse(lane), Some(RowKey::Waiting { .. }))) {
            let Some(record) = self.read(lane)? else { return Ok(Some(EventOutcome::Duplicate)) };
            let subject = AlertSubject::of_missing(&record.decode::<WaitingForMapping>()?.missing);
            self.turn(&mut decision, subject, AlertState::Cleared, "What waited for it goes on.".to_owned())?;
        }
        let alone = self.is_empty();
        if self.len_with(&decision) + usize::from(lane.is_some()) > MAX_WRITES || (decision.unfinished && !alone) {
            assert!(!alone, "the steps of one event are cut to fit a transaction");
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

    /// Raises the low-stock alert of every item the decision brings to its threshold. Clearing it is left to recomputing:
    /// the promise read here may be older than what raised it.
    fn watch_stock(&self, decision: &mut Decision) -> Result<(), DraftError> {
        let mut needs = BTreeSet::new();
        let skus: BTreeSet<Sku> = decision.positions.keys().map(|of| of.sku.clone()).collect();
        for sku in skus {
            let Some(Some(promise)) = needing(&mut needs, self.read(&RowKey::Promise(sku.clone()).key()))? else { continue };
            let promise: Promise = promise.decode()?;
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
        self.turn(decision, subject, AlertState::Raised, detail)
    }

    fn turn(&self, decision: &mut Decision, subject: AlertSubject, state: AlertState, detail: String) -> Result<(), DraftError> {
        let key = RowKey::Alert(subject.clone()).key();
        let stored: Option<Alert> = self.read(&key)?.map(Record::decode).transpose()?;
        let known = decision.alerts.get(&key).or_else(|| self.alerts.get(&key)).or(stored.as_ref());
        if let Some(mut next) = Alert::next(known, subject, state, detail, self.now) {
            if next.state == stored.as_ref().map_or(AlertState::Cleared, |stored| stored.state) {
                next.times = stored.map_or(0, |stored| stored.times); // Turned and turned back: nothing has been.
            }
            decision.alerts.insert(key, next);
        }
        Ok(())
    }

    /// Moves units of a position, in memory.
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
        self.claims.extend(decision.claims);
        self.supplies.extend(decision.supplies);
        self.waiting.extend(decision.waiting.into_iter().map(|waiting| (waiting.key(), waiting)));
        self.movements.extend(decision.movements);
    }

    /// How many rows it writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inbox.len()
            + self.orders.len()
            + self.positions.len()
            + self.alerts.len()
            + self.claims.len()
            + self.supplies.len()
            + self.waiting.len()
            + self.movements.len()
            + self.settled.len()
    }

    /// Whether nothing is decided yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len_with(&self, decision: &Decision) -> usize {
        let new_positions = decision.positions.keys().filter(|of| !self.positions.contains_key(of)).count();
        let new_alerts = decision.alerts.keys().filter(|key| !self.alerts.contains_key(key)).count();
        let new_order = decision.order.iter().filter(|order| !self.orders.contains_key(&order.key())).count();
        let new_claims = decision.claims.keys().filter(|key| !self.claims.contains_key(key)).count();
        let new_supplies = decision.supplies.keys().filter(|key| !self.supplies.contains_key(key)).count();
        let marks = usize::from(decision.inbox.is_some()) + decision.waiting.len();
        self.len() + new_positions + new_alerts + new_order + new_claims + new_supplies + decision.movements.len() + marks
    }

    /// The one transaction: marks, orders, movements, positions, alerts, and the lane rows that are settled by it.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::with_capacity(self.len());
        writes.extend(self.inbox.values().map(|mark| Write::put(mark, Expect::Absent)));
        writes.extend(self.orders.values().map(|order| self.put(order)));
        writes.extend(self.movements.iter().map(|movement| Write::put(movement, Expect::Absent)));
        writes.extend(self.positions.values().map(|position| self.put(position)));
        writes.extend(self.claims.values().map(|claim| self.put(claim)));
        writes.extend(self.supplies.values().map(|supplies| self.put(supplies)));
        writes.extend(self.waiting.values().map(|waiting| self.put(waiting)));
        // One that the group turned and turned back stands as it stood.
        writes.extend(self.alerts.values().filter(|alert| !self.stands(alert)).map(|alert| self.put(alert)));
        writes.extend(self.settled.iter().map(|key| Write::Delete { key: key.clone(), expect: self.expect(key) }));
        writes
    }

    fn put<R: Row>(&self, row: &R) -> Write {
        Write::put(row, self.expect(&row.key()))
    }

    /// Whether an alert stands so already.
    fn stands(&self, alert: &Alert) -> bool {
        let known = self.read.get(&alert.key()).and_then(Option::as_ref);
        let known = known.and_then(|known| known.decode::<Alert>().ok());
        known.map_or(AlertState::Cleared, |known| known.state) == alert.state
    }

    fn expect(&self, key: &Key) -> Expect {
        Expect::as_read(self.read.get(key).and_then(Option::as_ref))
    }
}

/// The alert about an id that was used twice for different things.
#[must_use]
pub fn content_mismatch(event: &EventId) -> (AlertSubject, String) {
    let detail = format!("The event {event} came again with other content; the first one stands. Find out who reuses the id.");
    (AlertSubject::ContentMismatch { event: event.to_string() }, detail)
}

/// Whether an event waits on for the same, and so keeps its row.
fn is_still_waiting(lane: &Key, event: &LedgerEvent, outcome: &EventOutcome) -> bool {
    match (event, outcome) {
        (LedgerEvent::Stock(stock), EventOutcome::Waiting(missing)) => {
            let still = RowKey::Waiting { missing: missing.clone(), name: stock.id.id.clone() };
            still.key() == *lane
        }
        _ => false,
    }
}

/// Collects what a step needs instead of stopping at the first missing row: `Ok(None)` when something is missing.
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
