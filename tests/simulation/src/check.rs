//! What must hold after every write, whatever went wrong before it; and the newest state of everything, as it was written.

mod carry;
mod lines;
mod plans;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use promissory::alert::{Alert, AlertState, AlertSubject};
use promissory::catalog::{FulfilmentId, LineId, LocationId, LotId, OrderId, Quantity, Sku};
use promissory::ledger::{AppliedEvent, Position};
use promissory::movement::{Balance, EventId, Movement, MovementCause, MovementKind, PositionKey};
use promissory::order::OrderRecord;
use promissory::promise::Promise;
use promissory::reconcile::OrderWatermark;
use promissory::source::{OpenCommitment, WaitingForMapping, WaitingItem};
use promissory::storefront::{Level, PushIntent, PushState};
use promissory::table::{Key, Record, Row, RowKey, RowKind};
use promissory_fakes::oracle::{Open, opens};

pub use lines::Held;
pub use plans::Plans;

use jiff::civil::Date;

use crate::met::Met;

/// Something that must never happen did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

/// What an event may do to a line of an order, or to stock, only once.
type Transition = (EventId, Option<(OrderId, LineId)>, MovementKind, PositionKey, Option<FulfilmentId>, Option<LotId>);

/// Units of the lots of a position: there, and held.
type Lots = BTreeMap<LotId, (Quantity, Quantity)>;

/// Units that are reserved, by the day their orders were placed.
type Placed = BTreeMap<Date, Quantity>;

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
    /// Where the movements of each position lead its lots, and its lots as they are.
    lots: BTreeMap<PositionKey, (Lots, Lots)>,
    /// What the movements of each position leave reserved by the day of its orders, and what it says is.
    pub placed: BTreeMap<PositionKey, (Placed, Placed)>,
    /// Units held for orders, by position.
    held_of_orders: BTreeMap<PositionKey, Quantity>,
    /// What was said of each paper, by position.
    claims: BTreeMap<PositionKey, BTreeMap<Key, OpenCommitment>>,
    /// The mark of every event, with its content.
    pub marks: BTreeMap<String, String>,
    /// What waits for a mapping: for which, and its name.
    pub waiting: BTreeMap<Key, (String, String)>,
    /// Who is at work.
    pub worker: &'static str,
    /// The positions and movements in the transaction being written.
    touched: BTreeSet<PositionKey>,
    /// What is held for each order line, by its movements alone.
    pub held: BTreeMap<(OrderId, LineId), Held>,
    transitions: BTreeSet<Transition>,
    /// What was moved last, and by which event.
    last_moved: Option<(PositionKey, EventId)>,
    /// The transaction each event was last in: one in several is large.
    last_in: BTreeMap<EventId, u64>,
    transactions: u64,
    /// Every order, with the version of its facts.
    pub orders: BTreeMap<OrderId, OrderRecord>,
    /// The promises.
    pub promises: BTreeMap<Sku, Promise>,
    /// What is planned.
    pub plans: Plans,
    /// The levels.
    pub levels: BTreeMap<(Sku, LocationId), Level>,
    /// Items that the shop would not be told of at some time.
    pub refused: BTreeSet<Sku>,
    /// The intent of the shop.
    pub intent: Option<PushIntent>,
    /// The alerts.
    pub alerts: BTreeMap<AlertSubject, Alert>,
    /// The sweep's watermark.
    pub sweep: Option<OrderWatermark>,
    /// The watermark has moved since somebody looked.
    pub swept: bool,
    /// What was found.
    pub violations: Vec<Violation>,
}

impl Checker {
    /// A row is put over what was there.
    pub fn put(&mut self, old: Option<&Record>, new: &Record) {
        if !self.watching {
            return;
        }
        let Some(row) = RowKey::parse(&new.key) else {
            return self.holds(false, || format!("no kind of row is stored under {}", new.key));
        };
        match row {
            RowKey::Movement { .. } => self.movement(old, &decode(new)),
            RowKey::Position(_) => self.position(decode(new)),
            RowKey::Commitment { .. } => self.claim(&new.key, decode(new)),
            RowKey::AppliedEvent(_) => {
                let mark: AppliedEvent = decode(new);
                self.holds(old.is_none(), || format!("the mark of {} was written twice", mark.event));
                self.marks.insert(mark.event.to_string(), mark.content);
            }
            RowKey::Waiting { .. } => {
                let waiting: WaitingForMapping = decode(new);
                let name = match &waiting.what {
                    WaitingItem::Event(event) => event.id.to_string(),
                    WaitingItem::Order { order, .. } => order.to_string(),
                };
                self.waiting.insert(new.key.clone(), (waiting.missing.to_string(), name));
            }
            RowKey::Order { .. } => self.order(decode(new)),
            RowKey::Promise(_) => self.promise(decode(new), new.revision),
            RowKey::Level { .. } => self.level(decode(new)),
            RowKey::Call { .. } => self.holds(old.is_none(), || format!("the call {} was written twice", new.key)),
            RowKey::Intent(_) => self.intent(decode(new)),
            RowKey::Alert(_) => self.alert(decode(new)),
            RowKey::OrderWatermark(_) => self.sweep(decode(new)),
            RowKey::Item(_)
            | RowKey::ShopItem { .. }
            | RowKey::SystemItem { .. }
            | RowKey::Tier(_)
            | RowKey::WorkCentre(_)
            | RowKey::Location(_)
            | RowKey::Bill(_)
            | RowKey::BillVersion { .. }
            | RowKey::WhereUsed(_)
            | RowKey::OrderToRead { .. }
            | RowKey::Deferred { .. }
            | RowKey::Receipts(_)
            | RowKey::Heartbeat(_)
            | RowKey::System(_)
            | RowKey::FeedWatermark { .. }
            | RowKey::FullRefresh { .. }
            | RowKey::Plan(_)
            | RowKey::PlanOf(_)
            | RowKey::Metafield { .. }
            | RowKey::CompareProgress(_)
            | RowKey::CompareReport { .. }
            | RowKey::Refresh => {
                if self.plans.watching {
                    let wrong = self.plans.put(&row, new);
                    self.violations.extend(wrong.into_iter().map(Violation));
                }
            }
        }
    }

    fn position(&mut self, position: Position) {
        self.touched.insert(position.of.clone());
        let lots = position.lots.into_iter().map(|(id, lot)| (id, (lot.on_hand, lot.held))).collect();
        self.lots.entry(position.of.clone()).or_default().1 = lots;
        self.placed.entry(position.of.clone()).or_default().1 = position.placed;
        self.positions.insert(position.of, (position.seq, position.balance));
    }

    fn promise(&mut self, promise: Promise, revision: u64) {
        let back = self.promises.get(&promise.sku).is_some_and(|old| !promise.follows(old));
        self.holds(!back, || format!("the promise of {} went back", promise.sku));
        if self.plans.watching {
            let wrong = self.plans.promise(&promise, revision);
            self.violations.extend(wrong.into_iter().map(Violation));
        }
        self.promises.insert(promise.sku.clone(), promise);
    }

    fn level(&mut self, level: Level) {
        let of = (level.sku.clone(), level.location.clone());
        let back = self.levels.get(&of).is_some_and(|old| level.seq < old.seq || level.sent_by < old.sent_by);
        self.holds(!back, || format!("the level of {}@{} went back", level.sku, level.location));
        if level.refused.is_some() {
            self.refused.insert(level.sku.clone());
        }
        self.levels.insert(of, level);
    }

    /// A row is removed.
    pub fn delete(&mut self, key: &Key) {
        if self.watching && self.plans.watching {
            self.plans.delete(key);
        }
        if self.watching && RowKind::of(key) == Some(RowKind::Deferred) {
            self.met.note("lane settled");
        }
        if let Some((missing, _)) = self.waiting.remove(key) {
            let of_order = missing.starts_with("shop_");
            self.met.note(if of_order { "order waited for a mapping" } else { self.worker });
        }
    }

    fn claim(&mut self, key: &Key, claim: OpenCommitment) {
        let known = self.claims.entry(claim.of.clone()).or_default();
        let fell = known
            .get(key)
            .is_some_and(|old| old.said.iter().any(|(kind, units)| claim.said.get(kind).is_none_or(|now| now < units)));
        if !known.contains_key(key) && !claim.said.keys().copied().any(opens) {
            self.met.note("closed before it was opened");
        }
        self.touched.insert(claim.of.clone());
        known.insert(key.clone(), claim);
        self.holds(!fell, || format!("less is said of {key} than before"));
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
        let change = movement.kind.change(movement.quantity);
        if let Some(day) = movement.cause.order.as_ref().and_then(|order| order.placed).filter(|_| !change.reserved.is_zero()) {
            let folded = &mut self.placed.entry(movement.of.clone()).or_default().0;
            *folded.entry(day).or_default() += change.reserved;
            folded.retain(|_, units| !units.is_zero());
        }
        if let Some(lot) = &movement.lot {
            let (there, held) = self.lots.entry(movement.of.clone()).or_default().0.entry(lot.id.clone()).or_default();
            *there += change.on_hand;
            *held += change.held;
        }
        let now = (movement.of.clone(), movement.cause.event.clone());
        if matches!(movement.kind, MovementKind::Found | MovementKind::Lost) && self.last_moved.as_ref() == Some(&now) {
            self.met.note("late event behind a count");
        }
        self.last_moved = Some(now);
        self.once(movement);
        self.hold(movement);
    }

    /// An event makes each of its movements once: of an assignment there may be several, one for each shipment.
    fn once(&mut self, movement: &Movement) {
        let MovementCause { event, order, .. } = &movement.cause;
        let before = self.last_in.insert(event.clone(), self.transactions);
        if before.is_some_and(|before| before != self.transactions) {
            self.met.note("large order in parts");
        }
        if matches!(movement.kind, MovementKind::AssignIn | MovementKind::AssignOut) {
            return;
        }
        let line = order.as_ref().map(|line| (line.order, line.line));
        let fulfilment = order.as_ref().and_then(|line| line.fulfilment);
        let lot = movement.lot.as_ref().map(|lot| lot.id.clone());
        let new = self.transitions.insert((event.clone(), line, movement.kind, movement.of.clone(), fulfilment, lot));
        self.holds(new, || format!("{event} made its {:?} at {} twice", movement.kind, movement.of));
    }

    fn order(&mut self, order: OrderRecord) {
        let back = self.orders.get(&order.order).is_some_and(|old| order.version() < old.version());
        self.holds(!back, || format!("the facts of order {} went back", order.order));
        self.orders.insert(order.order, order);
    }

    fn intent(&mut self, intent: PushIntent) {
        let follows = match &self.intent {
            None => intent.number == 1,
            Some(old) if old.state == PushState::Open => {
                old.number == intent.number && old.key == intent.key && old.rows == intent.rows
            }
            Some(old) => intent.number == old.number + 1 && intent.key != old.key && intent.state == PushState::Open,
        };
        self.holds(follows, || format!("intent {} does not follow the one before it", intent.number));
        self.intent = Some(intent);
    }

    fn alert(&mut self, alert: Alert) {
        let (before, times) = self.alerts.get(&alert.subject).map_or((AlertState::Cleared, 0), |old| (old.state, old.times));
        self.holds(before != alert.state, || format!("the alert {} was {:?} twice", alert.subject, alert.state));
        let raised = alert.state == AlertState::Raised;
        self.holds(alert.times == times + u64::from(raised), || format!("the alert {} is miscounted", alert.subject));
        self.met.note(if raised { "alert raised" } else { "alert cleared" });
        if let AlertSubject::LatePromise { .. } = &alert.subject {
            self.met.note(if raised { "late promise raised" } else { "late promise cleared" });
        }
        self.alerts.insert(alert.subject.clone(), alert);
    }

    fn sweep(&mut self, sweep: OrderWatermark) {
        let back = self.sweep.as_ref().is_some_and(|old| sweep.watermark < old.watermark || sweep.complete_at < old.complete_at);
        self.holds(!back, || "the watermark of the sweep went back".to_owned());
        self.sweep = Some(sweep);
        self.swept = true;
    }

    /// A transaction is written: its positions are where their movements lead, and nothing reserved is below zero.
    pub fn written(&mut self) {
        self.transactions += 1;
        if let Some(wrong) = self.plans.written() {
            self.violations.push(Violation(wrong));
        }
        for of in std::mem::take(&mut self.touched) {
            let (folded, stored) = (self.folded.get(&of).copied(), self.positions.get(&of).copied());
            self.holds(folded == stored, || format!("{of} is not the fold of its movements"));
            let balance = stored.unwrap_or_default().1;
            let least = [balance.reserved, balance.held, balance.ahead, balance.in_transit, balance.pos_pending];
            let negative = least.into_iter().chain([balance.allocated, balance.wholesale]).any(Quantity::is_negative);
            self.holds(!negative, || format!("there is less than nothing at {of}: {balance:?}"));
            if let Some((folded, stored)) = self.placed.get(&of) {
                let all: Quantity = stored.values().copied().sum();
                let sound = folded == stored && all == balance.reserved;
                let what = format!("{of} has {stored:?} reserved by day, its movements leave {folded:?}, {}", balance.reserved);
                self.holds(sound, || what);
            }
            let mut open = Open::default();
            for claim in self.claims.get(&of).into_iter().flat_map(BTreeMap::values) {
                open += Open::of(claim.paper, |kind| claim.said.get(&kind).copied().unwrap_or_default().units());
            }
            let of_orders = self.held_of_orders.get(&of).copied().unwrap_or_default().units();
            let found = Open::found(balance, of_orders);
            self.holds(found == open, || format!("{of} has {found:?} open, and its papers {open:?}"));
            if let Some((folded, stored)) = self.lots.get_mut(&of) {
                for lots in [&mut *folded, &mut *stored] {
                    // One that is gone is remembered where it was counted.
                    lots.retain(|_, (there, held)| !there.is_zero() || !held.is_zero());
                }
                let same = folded == stored;
                self.holds(same, || format!("the lots of {of} are not the fold of its movements"));
            }
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
