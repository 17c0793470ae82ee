//! Deciding a group of events in memory.
//!
//! A [`Draft`] stands on the rows that were read and holds what the events decided so far would make of them. It does no
//! I/O: where a decision needs a row that was not read, it says which ([`Undecided`]) and is asked again. All events of a
//! group see each other's effects, so many events on one position still make one write of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Cause, Event, EventId, InboxEvent, Movement, OrderLine, Position, PositionKey};
use crate::alert::{self, Alert, State, Subject};
use crate::catalog::{Network, Place, ShopItem, Sku};
use crate::order::{OrderRecord, Step, Stocked};
use crate::promise::Promise;
use crate::source::StockEvent;
use crate::store::{Expect, Key, MAX_WRITES, Record, Row, StoreError, Write};

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
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
    /// A row it touches cannot be read. It is not in the ledger; the events beside it are.
    Unreadable,
}

/// Why an event could not be decided.
#[derive(Debug)]
pub enum Undecided {
    /// These rows must be read first.
    Needs(BTreeSet<Key>),
    /// A row cannot be understood.
    Store(StoreError),
}

impl From<StoreError> for Undecided {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What one event makes of the rows it touches.
#[derive(Debug, Default)]
struct Decision {
    inbox: Option<InboxEvent>,
    order: Option<OrderRecord>,
    positions: BTreeMap<PositionKey, Position>,
    movements: Vec<Movement>,
    alerts: BTreeMap<Key, Alert>,
    unmapped: usize,
    unfinished: bool,
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
    inbox: BTreeMap<Key, InboxEvent>,
    orders: BTreeMap<Key, OrderRecord>,
    positions: BTreeMap<PositionKey, Position>,
    alerts: BTreeMap<Key, Alert>,
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
            movements: Vec::new(),
            settled: BTreeSet::new(),
        }
    }

    /// The rows that deciding `event` will most likely need, so that one read is usually enough. Shops mostly call an item
    /// what we call it; where one does not, its position is read in a second step.
    #[must_use]
    pub fn likely_keys(network: &Network, event: &Event) -> BTreeSet<Key> {
        let mut keys = BTreeSet::from([InboxEvent::key_of(event.id())]);
        let mut item = |sku: &Sku, places: &BTreeSet<Place>| {
            keys.extend(places.iter().map(|place| PositionKey::new(sku.clone(), place.clone()).key()));
            keys.insert(Promise::key_of(sku));
            keys.insert(Alert::key_of(&Subject::LowStock { sku: sku.clone() }));
        };
        match event {
            Event::Stock(stock) => item(&stock.sku, &BTreeSet::from([Place::At(stock.location.clone())])),
            Event::Hold(_) | Event::Report(_) => {}
            Event::Order(order) => {
                let snapshot = &order.snapshot;
                let named = snapshot.locations().filter_map(|id| network.by_shop_id(&snapshot.shop, id));
                let mut places: BTreeSet<Place> = named.map(|location| Place::At(location.code.clone())).collect();
                places.insert(Place::Unassigned);
                let lines = snapshot.facts.iter().flat_map(|facts| facts.lines.values());
                let stocked = lines.filter(|line| line.stocked != Stocked::No);
                let shop_skus: BTreeSet<&str> = stocked.map(|line| line.shop_sku.as_str()).collect();
                for sku in shop_skus.iter().filter_map(|shop_sku| shop_sku.parse().ok()) {
                    item(&sku, &places);
                }
                keys.extend(shop_skus.iter().map(|shop_sku| ShopItem::key_of(&snapshot.shop, shop_sku)));
            }
        }
        keys.extend(event.order().map(|(shop, order)| OrderRecord::key_of(shop, order)));
        keys
    }

    /// Decides one event on top of those before it. `lane` is the row it waited in, to be removed with it.
    ///
    /// `Ok(None)`: the group is full, or the event is larger than one transaction and its first part is in the draft;
    /// write the draft, then decide this event again.
    ///
    /// # Errors
    /// [`Undecided`]; the draft is as it was before.
    pub fn add(&mut self, event: &Event, lane: Option<&Key>) -> Result<Option<Outcome>, Undecided> {
        if let Some(lane) = lane
            && self.read(lane)?.is_none()
        {
            return Ok(Some(Outcome::Duplicate)); // Someone else settled it since it was listed.
        }
        let inbox_key = InboxEvent::key_of(event.id());
        let content = event.content();
        let known = match self.inbox.get(&inbox_key) {
            Some(mark) => Some(mark.content == content),
            None => self.read(&inbox_key)?.map(Record::decode::<InboxEvent>).transpose()?.map(|mark| mark.content == content),
        };
        let (decision, outcome) = match known {
            Some(true) => (Decision::default(), Outcome::Duplicate),
            Some(false) => {
                let mut decision = Decision::default();
                let (subject, detail) = content_mismatch(event.id());
                self.raise(&mut decision, subject, detail)?;
                (decision, Outcome::ContentMismatch)
            }
            None => {
                let room = MAX_WRITES.saturating_sub(self.len() + usize::from(lane.is_some()) + 1);
                let mut decision = match event {
                    Event::Stock(stock) => self.decide_stock(stock)?,
                    Event::Order(order) => self.decide_order(event, room, |record| record.merge(&order.snapshot))?,
                    Event::Report(report) => self.decide_order(event, room, |record| record.report(report))?,
                    Event::Hold(hold) => self.decide_order(event, room, |record| record.expire(hold))?,
                };
                let silent = event.is_a_look() && decision.says_nothing();
                if !decision.unfinished && !silent {
                    decision.inbox = Some(InboxEvent { event: event.id().clone(), content, applied_at: self.now });
                }
                let outcome = Outcome::Applied { movements: decision.movements.len(), unmapped: decision.unmapped };
                (decision, outcome)
            }
        };
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
        self.settled.extend(lane.cloned());
        Ok(Some(outcome))
    }

    /// Decides an event about an order: what it makes of the record, and the movements that calls for.
    fn decide_order(&self, event: &Event, room: usize, take: impl FnOnce(&mut OrderRecord)) -> Result<Decision, Undecided> {
        let (shop, order) = event.order().expect("only events about an order come here");
        let mut decision = Decision::default();
        let key = OrderRecord::key_of(shop, order);
        let known: Option<OrderRecord> = match self.orders.get(&key) {
            Some(record) => Some(record.clone()),
            None => self.read(&key)?.map(Record::decode).transpose()?,
        };
        let mut record = known.clone().unwrap_or_else(|| OrderRecord::new(shop.clone(), order));
        take(&mut record);

        let mut needs = BTreeSet::new();
        let stocked: Vec<_> = record.stocked_lines().map(|(id, shop_sku, stocked)| (id, shop_sku.to_owned(), stocked)).collect();
        let mut told = record.unmapped_locations(self.network);
        for (line, shop_sku, stocked) in stocked {
            match needing(&mut needs, self.read(&ShopItem::key_of(shop, &shop_sku)))? {
                Some(Some(mapping)) => record.map_line(line, &mapping.decode::<ShopItem>()?.sku),
                Some(None) if stocked == Stocked::Yes => {
                    decision.unmapped += 1;
                    let detail = format!(
                        "{shop} sells {shop_sku:?}, which maps to no item of ours. Its units are not reserved: import a mapping."
                    );
                    told.push((Subject::UnmappedSku { shop: shop.clone(), shop_sku }, detail));
                }
                Some(None) | None => {}
            }
        }
        for (subject, detail) in told {
            if decision.alerts.len() + 4 > room {
                decision.unfinished = true; // More alerts than a transaction holds: the rest with the next part.
                break;
            }
            needing(&mut needs, self.raise(&mut decision, subject, detail))?;
        }
        let steps = record.next_steps(self.network);
        for step in &steps {
            needing(&mut needs, self.position(&decision, &PositionKey::new(step.sku.clone(), step.place.clone())))?;
        }
        if !needs.is_empty() {
            return Err(Undecided::Needs(needs));
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
            // Out and in of an assignment stay together, or a crash in between would show a reservation nowhere.
            let next = if step.kind == super::Kind::AssignOut { 4 } else { 2 };
            // Beside the step: the order, the mark, and the alert of every item touched.
            let held = decision.movements.len() + 2 * decision.positions.len() + decision.alerts.len() + 2 + of_order;
            if step.kind != super::Kind::AssignIn && held + next > room {
                decision.unfinished = true;
                break;
            }
            self.make(&mut decision, &mut record, &step, event)?;
        }
        // What is left of a reading comes with its next part; killed before that, the order is read again.
        record.unread |= decision.unfinished && matches!(event, Event::Order(_)) && event.is_a_look();
        self.watch_stock(&mut decision)?;
        self.watch_order(&mut decision, known.as_ref(), &mut record)?;
        if known.as_ref() != Some(&record) {
            decision.order = Some(record);
        }
        Ok(decision)
    }

    /// Raises and clears the alerts about an order.
    fn watch_order(
        &self,
        decision: &mut Decision,
        known: Option<&OrderRecord>,
        record: &mut OrderRecord,
    ) -> Result<(), Undecided> {
        let stand = record.hold_alerts(known);
        let stood = known.map(|known| known.alerted.clone()).unwrap_or_default();
        for alert in stand.symmetric_difference(&stood) {
            let (subject, detail) = alert.about(record);
            let state = if stand.contains(alert) { State::Raised } else { State::Cleared };
            self.turn(decision, subject, state, detail)?;
        }
        record.alerted = stand;
        if known.is_some_and(|known| known.unreadable.is_some()) && record.unreadable.is_none() {
            let subject = Subject::UnreadableOrder { shop: record.shop.clone(), order: record.order.gid() };
            self.turn(decision, subject, State::Cleared, "It was read.".to_owned())?;
        }
        Ok(())
    }

    fn make(&self, decision: &mut Decision, record: &mut OrderRecord, step: &Step, event: &Event) -> Result<(), Undecided> {
        let mut position = self.position(decision, &PositionKey::new(step.sku.clone(), step.place.clone()))?;
        let line = OrderLine { shop: record.shop.clone(), order: record.order, line: step.line, fulfilment: step.fulfilment };
        let cause = Cause { event: event.id().clone(), order: Some(line) };
        decision.movements.push(position.record(step.kind, step.quantity, cause, self.now));
        decision.positions.insert(position.of.clone(), position);
        record.apply(step);
        Ok(())
    }

    fn decide_stock(&self, stock: &StockEvent) -> Result<Decision, Undecided> {
        let mut decision = Decision::default();
        let of = PositionKey::new(stock.sku.clone(), Place::At(stock.location.clone()));
        let mut position = self.position(&decision, &of)?;
        let cause = Cause { event: stock.id.clone(), order: None };
        decision.movements.push(position.record(stock.kind.movement(), stock.quantity, cause, self.now));
        decision.positions.insert(of, position);
        self.watch_stock(&mut decision)?;
        Ok(decision)
    }

    /// Raises the low-stock alert of every item the decision brings to its threshold. Clearing it is left to recomputing:
    /// the promise read here may be older than what raised it.
    fn watch_stock(&self, decision: &mut Decision) -> Result<(), Undecided> {
        let mut needs = BTreeSet::new();
        let skus: BTreeSet<Sku> = decision.positions.keys().map(|of| of.sku.clone()).collect();
        for sku in skus {
            let Some(Some(promise)) = needing(&mut needs, self.read(&Promise::key_of(&sku)))? else { continue };
            let promise: Promise = promise.decode()?;
            let mut changed: BTreeMap<&PositionKey, &Position> = self.positions.iter().filter(|(of, _)| of.sku == sku).collect();
            changed.extend(decision.positions.iter().filter(|(of, _)| of.sku == sku));
            let available = promise.available_after(self.network, changed.into_values());
            if alert::low_stock(available, promise.low_at) == Some(State::Raised) {
                let detail = format!("{available} units of {sku} can be promised.");
                needing(&mut needs, self.raise(decision, Subject::LowStock { sku }, detail))?;
            }
        }
        if needs.is_empty() { Ok(()) } else { Err(Undecided::Needs(needs)) }
    }

    fn raise(&self, decision: &mut Decision, subject: Subject, detail: String) -> Result<(), Undecided> {
        self.turn(decision, subject, State::Raised, detail)
    }

    fn turn(&self, decision: &mut Decision, subject: Subject, state: State, detail: String) -> Result<(), Undecided> {
        let key = Alert::key_of(&subject);
        let known = match decision.alerts.get(&key).or_else(|| self.alerts.get(&key)) {
            Some(alert) => Some(alert.clone()),
            None => self.read(&key)?.map(Record::decode).transpose()?,
        };
        if let Some(next) = Alert::next(known.as_ref(), subject, state, detail, self.now) {
            decision.alerts.insert(key, next);
        }
        Ok(())
    }

    fn position(&self, decision: &Decision, of: &PositionKey) -> Result<Position, Undecided> {
        if let Some(position) = decision.positions.get(of).or_else(|| self.positions.get(of)) {
            return Ok(position.clone());
        }
        Ok(self.read(&of.key())?.map(Record::decode).transpose()?.unwrap_or_else(|| Position::empty(of.clone())))
    }

    fn read(&self, key: &Key) -> Result<Option<&Record>, Undecided> {
        self.read.get(key).map(Option::as_ref).ok_or_else(|| Undecided::Needs(BTreeSet::from([key.clone()])))
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
        self.movements.extend(decision.movements);
    }

    /// How many rows it writes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inbox.len()
            + self.orders.len()
            + self.positions.len()
            + self.alerts.len()
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
        self.len() + new_positions + new_alerts + new_order + decision.movements.len() + usize::from(decision.inbox.is_some())
    }

    /// The one transaction: marks, orders, movements, positions, alerts, and the lane rows that are settled by it.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::with_capacity(self.len());
        writes.extend(self.inbox.values().map(|mark| Write::put(mark, Expect::Absent)));
        writes.extend(self.orders.values().map(|order| self.put(order)));
        writes.extend(self.movements.iter().map(|movement| Write::put(movement, Expect::Absent)));
        writes.extend(self.positions.values().map(|position| self.put(position)));
        writes.extend(self.alerts.values().map(|alert| self.put(alert)));
        writes.extend(self.settled.iter().map(|key| Write::Delete { key: key.clone(), expect: self.expect(key) }));
        writes
    }

    fn put<R: Row>(&self, row: &R) -> Write {
        Write::put(row, self.expect(&row.key()))
    }

    fn expect(&self, key: &Key) -> Expect {
        Expect::as_read(self.read.get(key).and_then(Option::as_ref))
    }
}

/// The alert about an id that was used twice for different things.
#[must_use]
pub fn content_mismatch(event: &EventId) -> (Subject, String) {
    let detail = format!("The event {event} came again with other content; the first one stands. Find out who reuses the id.");
    (Subject::ContentMismatch { event: event.to_string() }, detail)
}

/// Collects what a step needs instead of stopping at the first missing row: `Ok(None)` when something is missing.
fn needing<T>(needs: &mut BTreeSet<Key>, result: Result<T, Undecided>) -> Result<Option<T>, Undecided> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Undecided::Needs(keys)) => {
            needs.extend(keys);
            Ok(None)
        }
        Err(error @ Undecided::Store(_)) => Err(error),
    }
}
