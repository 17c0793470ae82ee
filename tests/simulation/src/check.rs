//! What must hold after every write, whatever went wrong before it; and the newest state of everything, as it was written.

use std::collections::{BTreeMap, BTreeSet};

use promissory::alert::{Alert, State, Subject};
use promissory::catalog::{FulfilmentId, LineId, LocationId, OrderId, Place, Quantity, Sku};
use promissory::ledger::{Balance, Cause, EventId, Kind, Movement, Position, PositionKey};
use promissory::order::OrderRecord;
use promissory::promise::Promise;
use promissory::reconcile::Sweep;
use promissory::store::{Key, Record, Row};
use promissory::storefront::{Intent, IntentState, Level};

use crate::met::Met;

/// Something that must never happen did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

/// What the movements of one order line add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Units reserved, by place.
    pub reserved: BTreeMap<Place, Quantity>,
    /// Units shipped, by fulfilment.
    pub shipped: BTreeMap<FulfilmentId, Quantity>,
    /// Units that came back.
    pub returned: Quantity,
    /// Units that the shop put back on its own number.
    pub restocked: Quantity,
    /// Units held back.
    pub withheld: Quantity,
}

/// What an event may do to a line of an order, or to stock, only once.
type Transition = (EventId, Option<(OrderId, LineId)>, Kind, PositionKey, Option<FulfilmentId>);

/// Watches the table.
#[derive(Debug, Default)]
pub struct Checker {
    /// Off until a world begins: the store's own contract writes rows of no meaning.
    pub watching: bool,
    /// Told of rare things that are written.
    pub met: Met,
    /// Where the movements of each position lead.
    folded: BTreeMap<PositionKey, (u64, Balance)>,
    /// The positions.
    pub positions: BTreeMap<PositionKey, (u64, Balance)>,
    /// The positions and movements in the transaction being written.
    touched: BTreeSet<PositionKey>,
    /// What is held for each order line, by its movements alone.
    pub held: BTreeMap<(OrderId, LineId), Held>,
    transitions: BTreeSet<Transition>,
    /// The transaction each event was last in: one in several is large.
    last_in: BTreeMap<EventId, u64>,
    transactions: u64,
    /// Every order, with the version of its facts.
    pub orders: BTreeMap<OrderId, OrderRecord>,
    /// The promises.
    pub promises: BTreeMap<Sku, Promise>,
    /// The levels.
    pub levels: BTreeMap<(Sku, LocationId), Level>,
    /// Items that the shop would not be told of at some time.
    pub refused: BTreeSet<Sku>,
    /// The intent of the shop.
    pub intent: Option<Intent>,
    /// The alerts.
    pub alerts: BTreeMap<Subject, Alert>,
    /// The sweep's watermark.
    pub sweep: Option<Sweep>,
    /// The watermark has moved since somebody looked.
    pub swept: bool,
    /// What was found.
    pub violations: Vec<Violation>,
}

impl Checker {
    /// A row is put over what was there.
    pub fn put(&mut self, old: Option<&Record>, new: &Record) {
        let (pk, sk) = (new.key.pk.as_str(), new.key.sk.as_str());
        if !self.watching {
            return;
        }
        if sk.starts_with(Movement::PREFIX) {
            self.movement(old, &decode(new));
        } else if pk.starts_with("POS#") {
            let position: Position = decode(new);
            self.touched.insert(position.of.clone());
            self.positions.insert(position.of, (position.seq, position.balance));
        } else if pk.starts_with("ORD#") {
            let order: OrderRecord = decode(new);
            self.order(order);
        } else if pk.starts_with("ATS#") {
            let promise: Promise = decode(new);
            let back = self.promises.get(&promise.sku).is_some_and(|old| !promise.follows(old));
            self.holds(!back, || format!("the promise of {} went back", promise.sku));
            self.promises.insert(promise.sku.clone(), promise);
        } else if pk.starts_with("LEVEL#") {
            let level: Level = decode(new);
            let of = (level.sku.clone(), level.location.clone());
            let back = self.levels.get(&of).is_some_and(|old| level.seq < old.seq || level.told_by < old.told_by);
            self.holds(!back, || format!("the level of {}@{} went back", level.sku, level.location));
            if level.refused.is_some() {
                self.refused.insert(level.sku.clone());
            }
            self.levels.insert(of, level);
        } else if pk.starts_with("INTENT#") {
            self.intent(decode(new));
        } else if pk.starts_with(Alert::PREFIX) {
            self.alert(decode(new));
        } else if *new.key.sk == *"ORDERS" && pk.starts_with("WATERMARK#") {
            self.sweep(decode(new));
        }
    }

    /// A row is removed.
    pub fn delete(&mut self, key: &Key) {
        if self.watching && key.pk.starts_with("LANE#") {
            self.met.note("lane settled");
        }
    }

    fn movement(&mut self, old: Option<&Record>, movement: &Movement) {
        self.holds(old.is_none(), || format!("a movement of {} was edited", movement.of));
        let (seq, balance) = self.folded.get(&movement.of).copied().unwrap_or_default();
        let sound = movement.seq == seq + 1
            && movement.before == balance
            && movement.after == balance + movement.kind.change(movement.quantity)
            && movement.quantity.is_positive();
        self.holds(sound, || format!("movement {} of {} does not follow {seq}", movement.seq, movement.of));
        self.folded.insert(movement.of.clone(), (movement.seq, movement.after));
        self.touched.insert(movement.of.clone());
        self.once(movement);
        self.hold(movement);
    }

    /// An event makes each of its movements once: of an assignment there may be several, one for each shipment.
    fn once(&mut self, movement: &Movement) {
        let Cause { event, order, .. } = &movement.cause;
        let before = self.last_in.insert(event.clone(), self.transactions);
        if before.is_some_and(|before| before != self.transactions) {
            self.met.note("large order in parts");
        }
        if matches!(movement.kind, Kind::AssignIn | Kind::AssignOut) {
            return;
        }
        let line = order.as_ref().map(|line| (line.order, line.line));
        let fulfilment = order.as_ref().and_then(|line| line.fulfilment);
        let new = self.transitions.insert((event.clone(), line, movement.kind, movement.of.clone(), fulfilment));
        self.holds(new, || format!("{event} made its {:?} at {} twice", movement.kind, movement.of));
    }

    /// An order line never gives back, ships or unships what it does not hold.
    fn hold(&mut self, movement: &Movement) {
        let Some(line) = &movement.cause.order else { return };
        if matches!(movement.kind, Kind::Found | Kind::Lost) {
            return; // A count had seen it already.
        }
        let change = movement.kind.change(movement.quantity);
        let held = self.held.entry((line.order, line.line)).or_default();
        let reserved = held.reserved.entry(movement.of.place.clone()).or_default();
        *reserved += change.reserved;
        let mut legal = !reserved.is_negative();
        if let Some(fulfilment) = line.fulfilment {
            let shipped = held.shipped.entry(fulfilment).or_default();
            *shipped -= change.on_hand;
            legal &= !shipped.is_negative();
        } else {
            held.returned += change.on_hand;
            held.withheld += change.held;
            held.restocked += change.moved_by_shop + change.held;
            legal &= ![held.returned, held.withheld, held.restocked].iter().any(|units| units.is_negative());
        }
        self.holds(legal, || format!("line {} of order {} held less than was moved: {movement:?}", line.line, line.order));
    }

    fn order(&mut self, order: OrderRecord) {
        let back = self.orders.get(&order.order).is_some_and(|old| order.version() < old.version());
        self.holds(!back, || format!("the facts of order {} went back", order.order));
        self.orders.insert(order.order, order);
    }

    fn intent(&mut self, intent: Intent) {
        let follows = match &self.intent {
            None => intent.number == 1,
            Some(old) if old.state == IntentState::Open => {
                old.number == intent.number && old.key == intent.key && old.rows == intent.rows
            }
            Some(old) => intent.number == old.number + 1 && intent.key != old.key && intent.state == IntentState::Open,
        };
        self.holds(follows, || format!("intent {} does not follow the one before it", intent.number));
        self.intent = Some(intent);
    }

    fn alert(&mut self, alert: Alert) {
        let (before, times) = self.alerts.get(&alert.subject).map_or((State::Cleared, 0), |old| (old.state, old.times));
        self.holds(before != alert.state, || format!("the alert {} was {:?} twice", alert.subject, alert.state));
        let raised = alert.state == State::Raised;
        self.holds(alert.times == times + u64::from(raised), || format!("the alert {} is miscounted", alert.subject));
        self.met.note(if raised { "alert raised" } else { "alert cleared" });
        self.alerts.insert(alert.subject.clone(), alert);
    }

    fn sweep(&mut self, sweep: Sweep) {
        let back = self.sweep.as_ref().is_some_and(|old| sweep.watermark < old.watermark || sweep.complete_at < old.complete_at);
        self.holds(!back, || "the watermark of the sweep went back".to_owned());
        self.sweep = Some(sweep);
        self.swept = true;
    }

    /// A transaction is written: its positions are where their movements lead, and nothing reserved is below zero.
    pub fn written(&mut self) {
        self.transactions += 1;
        for of in std::mem::take(&mut self.touched) {
            let (folded, stored) = (self.folded.get(&of).copied(), self.positions.get(&of).copied());
            self.holds(folded == stored, || format!("{of} is not the fold of its movements"));
            let negative = stored.is_some_and(|(_, balance)| balance.reserved.is_negative());
            self.holds(!negative, || format!("fewer than no units are reserved at {of}"));
        }
    }

    /// Notes a violation where `holds` is false.
    pub fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation(what()));
        }
    }
}

fn decode<R: Row>(record: &Record) -> R {
    record.decode().unwrap_or_else(|error| panic!("every row written can be read: {error}"))
}
