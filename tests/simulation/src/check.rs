//! Checks the invariants after every write, and keeps the newest version of each row for the checks of the world.

mod execution;
mod lines;
mod plans;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use promissory::alert::{Alert, AlertState, AlertSubject};
use promissory::catalog::{FulfilmentId, LineId, LocationId, LotId, OrderId, Quantity, Sku};
use promissory::ledger::{AppliedEvent, Position};
use promissory::movement::{Balance, EventId, Movement, MovementCause, MovementKind, PositionKey};
use promissory::order::{OrderRecord, ReadFailure};
use promissory::promise::Promise;
use promissory::reconcile::OrderWatermark;
use promissory::source::{OpenCommitment, WaitingForMapping, WaitingItem};
use promissory::storefront::{Level, LevelBlock, PushIntent, PushState};
use promissory::table::{Key, Record, Row, RowKey, RowKind};
use promissory_fakes::oracle::{Open, opens};

pub use lines::LineTotals;
pub use plans::Plans;

use jiff::Timestamp;
use jiff::civil::Date;

use serde_json::Value;

use crate::coverage::Coverage;
use crate::store::NEWER_FIELD;

/// A broken invariant, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

/// The identity of a movement that an event may make only once, for a line of an order or for stock.
type Transition = (EventId, Option<(OrderId, LineId)>, String, PositionKey, Option<FulfilmentId>, Option<LotId>);

/// Each lot of a position: its units on hand, its units held, and the day from which it is expired.
type Lots = BTreeMap<LotId, (Quantity, Quantity, Option<Date>)>;

/// Reserved units by the day on which their orders were placed.
type Placed = BTreeMap<Date, Quantity>;

/// Watches every write to the table.
#[derive(Debug, Clone, Default)]
pub struct Checker {
    /// False until the world starts, because the contract test of the store writes rows without meaning.
    pub watching: bool,
    /// Rows that a handler could not read since their last write. The next write may lose what only the row knew.
    pub renewed: BTreeSet<Key>,
    /// Counts the rare cases among the writes.
    pub coverage: Coverage,
    /// The balance of each position as the sum of its movements, with the number of the last one.
    folded: BTreeMap<PositionKey, (u64, Balance)>,
    /// The stored positions.
    pub positions: BTreeMap<PositionKey, (u64, Balance)>,
    /// The lots of each position, once as the sum of its movements and once as stored.
    lots: BTreeMap<PositionKey, (Lots, Lots)>,
    /// When each lot was last counted.
    counted_lots: BTreeMap<(PositionKey, LotId), Option<Timestamp>>,
    /// The reserved units by day of each position, once as the sum of its movements and once as stored.
    pub placed: BTreeMap<PositionKey, (Placed, Placed)>,
    /// Units held for orders, by position.
    held_of_orders: BTreeMap<PositionKey, Quantity>,
    /// The open commitments of each position.
    commitments: BTreeMap<PositionKey, BTreeMap<Key, OpenCommitment>>,
    /// The mark of every event.
    pub marks: BTreeMap<String, AppliedEvent>,
    /// The events and orders that wait for a mapping, each as the missing mapping and the name of the event or order.
    pub waiting: BTreeMap<Key, (String, String)>,
    /// The mark to count when the running invocation resumes a waiting event.
    pub worker: &'static str,
    /// The orders that were quarantined at any time. Their events leave out lines, write no mark, and are merged again as often as
    /// they are sent.
    quarantined: BTreeSet<OrderId>,
    /// The units of returns that were taken back at a location, because a warehouse said later where they arrived.
    pub returns_moved: BTreeMap<Sku, Quantity>,
    /// The kits of each position that were taken apart again. The shop may show them until a push takes them off.
    pub taken_apart: BTreeMap<PositionKey, Quantity>,
    /// The positions that the current transaction writes, moves, or commits.
    touched: BTreeSet<PositionKey>,
    /// The totals of each order line, computed from its movements only.
    pub held: BTreeMap<(OrderId, LineId), LineTotals>,
    /// Kits that orders put together at each position, less those that were taken apart.
    pub put_together: BTreeMap<PositionKey, Quantity>,
    /// All kits that were ever put together.
    pub kits_made: Quantity,
    transitions: BTreeSet<Transition>,
    /// The position and event of the last movement.
    last_moved: Option<(PositionKey, EventId)>,
    /// The last transaction of each event. An event in several transactions belongs to a large order.
    last_in: BTreeMap<EventId, u64>,
    transactions: u64,
    /// Every order, as last written.
    pub orders: BTreeMap<OrderId, OrderRecord>,
    /// The order that each draft order has become which reserved units until then.
    pub became: BTreeMap<OrderId, (OrderId, Timestamp)>,
    /// The drafts that the shop does not have any more.
    pub deleted: BTreeSet<OrderId>,
    /// Every promise, as last written.
    pub promises: BTreeMap<Sku, Promise>,
    /// The plans and their invariants.
    pub plans: Plans,
    /// Every level, as last written.
    pub levels: BTreeMap<(Sku, LocationId), Level>,
    /// Items for which the shop has refused a level at some time.
    pub refused: BTreeSet<Sku>,
    /// The push intent of the shop.
    pub intent: Option<PushIntent>,
    /// Every alert, as last written.
    pub alerts: BTreeMap<AlertSubject, Alert>,
    /// The watermark of the sweep.
    pub sweep: Option<OrderWatermark>,
    /// True when the watermark has moved since the last check of the world.
    pub swept: bool,
    /// The violations found since the last check of the world.
    pub violations: Vec<Violation>,
}

impl Checker {
    /// What was checked at the time of a backup, with what has happened outside of the table since then.
    #[must_use]
    pub fn restored(self, now: &mut Self) -> Self {
        Self {
            renewed: BTreeSet::new(),
            became: std::mem::take(&mut now.became),
            deleted: std::mem::take(&mut now.deleted),
            refused: std::mem::take(&mut now.refused),
            violations: std::mem::take(&mut now.violations),
            swept: false,
            ..self
        }
    }

    /// Checks a row that replaces `old`.
    pub fn put(&mut self, old: Option<&Record>, new: &Record) {
        if !self.watching {
            return;
        }
        let Some(row) = RowKey::parse(&new.key) else {
            return self.holds(false, || format!("the key {} belongs to no kind of row", new.key));
        };
        let is_renewed = self.renewed.remove(&new.key);
        if !is_renewed {
            self.newer_field(old, new);
        }
        match row {
            RowKey::Movement { .. } => self.movement(old, &decode(new)),
            RowKey::Position(_) => self.position(decode(new)),
            RowKey::Commitment { .. } => self.commitment(&new.key, decode(new)),
            RowKey::AppliedEvent(_) => {
                let mark: AppliedEvent = decode(new);
                self.holds(old.is_none(), || format!("the mark of {} was written twice", mark.event));
                self.marks.insert(mark.event.to_string(), mark);
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
            RowKey::Level { .. } => self.level(decode(new), is_renewed),
            RowKey::Call { .. } => self.holds(old.is_none(), || format!("the call {} was written twice", new.key)),
            RowKey::Intent(_) => self.intent(decode(new), is_renewed),
            RowKey::Alert(_) => self.alert(decode(new), is_renewed),
            RowKey::OrderWatermark(_) => self.sweep(decode(new), is_renewed),
            RowKey::Item(_)
            | RowKey::ShopItem { .. }
            | RowKey::ListedVariant { .. }
            | RowKey::SystemItem { .. }
            | RowKey::Tier(_)
            | RowKey::WorkCentre(_)
            | RowKey::Location(_)
            | RowKey::Shop(_)
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

    /// Checks that the field of a newer version is kept.
    fn newer_field(&mut self, old: Option<&Record>, new: &Record) {
        let value = |record: &Record| record.body.get(NEWER_FIELD).and_then(Value::as_u64);
        if let Some(before) = old.and_then(value) {
            let after = value(new);
            self.holds(after >= Some(before), || format!("the row {} lost the field of a newer version: {after:?}", new.key));
            if after == Some(before) {
                self.coverage.note("field of a newer version kept");
            }
        }
    }

    fn position(&mut self, position: Position) {
        self.touched.insert(position.of.clone());
        let (folded, stored) = self.lots.entry(position.of.clone()).or_default();
        // A count also says when its lot expires, and a count that agrees makes no movement.
        for (id, lot) in &position.lots {
            let counted_again = lot.counted > self.counted_lots.insert((position.of.clone(), id.clone()), lot.counted).flatten();
            if let Some((.., expires)) = folded.get_mut(id).filter(|_| counted_again) {
                *expires = lot.expires.or(*expires);
            }
        }
        *stored = position.lots.into_iter().map(|(id, lot)| (id, (lot.on_hand, lot.held, lot.expires))).collect();
        self.placed.entry(position.of.clone()).or_default().1 = position.placed;
        self.positions.insert(position.of, (position.seq, position.balance));
    }

    fn promise(&mut self, promise: Promise, revision: u64) {
        let back = self.promises.get(&promise.sku).is_some_and(|old| promise.place_behind(old).is_some());
        self.holds(!back, || format!("the promise of {} was replaced by an older one", promise.sku));
        if self.plans.watching {
            let wrong = self.plans.promise(&promise, revision);
            self.violations.extend(wrong.into_iter().map(Violation));
        }
        self.promises.insert(promise.sku.clone(), promise);
    }

    fn level(&mut self, level: Level, is_renewed: bool) {
        let of = (level.sku.clone(), level.location.clone());
        let back = self.levels.get(&of).is_some_and(|old| level.seq < old.seq || level.sent_by < old.sent_by);
        self.holds(is_renewed || !back, || format!("the level of {}@{} was replaced by an older one", level.sku, level.location));
        if matches!(level.blocked, Some(LevelBlock::Refused { .. })) {
            self.refused.insert(level.sku.clone());
        }
        self.levels.insert(of, level);
    }

    /// Checks the deletion of a row.
    pub fn delete(&mut self, key: &Key) {
        if self.watching && self.plans.watching {
            self.plans.delete(key);
        }
        if self.watching && RowKind::of(key) == Some(RowKind::Deferred) {
            self.coverage.note("lane settled");
        }
        if let Some(RowKey::Level { sku, location, .. }) = RowKey::parse(key) {
            self.levels.remove(&(sku, location));
        }
        if let Some((missing, _)) = self.waiting.remove(key) {
            let of_order = missing.starts_with("shop_");
            self.coverage.note(if of_order { "order waited for a mapping" } else { self.worker });
        }
    }

    fn commitment(&mut self, key: &Key, commitment: OpenCommitment) {
        let known = self.commitments.entry(commitment.of.clone()).or_default();
        let fell = known
            .get(key)
            .is_some_and(|old| old.totals.iter().any(|(kind, units)| commitment.totals.get(kind).is_none_or(|now| now < units)));
        if !known.contains_key(key) && !commitment.totals.keys().copied().any(opens) {
            self.coverage.note("commitment closed before it was opened");
        }
        self.touched.insert(commitment.of.clone());
        known.insert(key.clone(), commitment);
        self.holds(!fell, || format!("the commitment {key} lists fewer units than before"));
    }

    fn movement(&mut self, old: Option<&Record>, movement: &Movement) {
        self.holds(old.is_none(), || format!("a movement of {} was overwritten", movement.of));
        let (seq, balance) = self.folded.get(&movement.of).copied().unwrap_or_default();
        let sound = movement.seq == seq + 1
            && movement.before == balance
            && movement.after == balance + movement.change()
            && movement.quantity.is_positive();
        self.holds(sound, || format!("movement {} of {} does not follow {seq}", movement.seq, movement.of));
        self.folded.insert(movement.of.clone(), (movement.seq, movement.after));
        self.touched.insert(movement.of.clone());
        let change = movement.change();
        if let Some(day) = movement.cause.order.as_ref().and_then(|order| order.placed).filter(|_| !change.reserved.is_zero()) {
            let folded = &mut self.placed.entry(movement.of.clone()).or_default().0;
            *folded.entry(day).or_default() += change.reserved;
            folded.retain(|_, units| !units.is_zero());
        }
        if let Some(lot) = &movement.lot {
            let lots = &mut self.lots.entry(movement.of.clone()).or_default().0;
            let (there, held, expires) = lots.entry(lot.id.clone()).or_default();
            *there += change.on_hand;
            *held += change.held;
            *expires = lot.expires.or(*expires);
            lots.retain(|_, (there, held, _)| !there.is_zero() || !held.is_zero());
        }
        let now = (movement.of.clone(), movement.cause.event.clone());
        if matches!(movement.kind, MovementKind::Found | MovementKind::Lost) && self.last_moved.as_ref() == Some(&now) {
            self.coverage.note("late event behind a count");
        }
        self.last_moved = Some(now);
        self.once(movement);
        self.hold(movement);
    }

    /// Checks that an event makes each of its movements only once. An order may be assigned, and kits may be put together, several
    /// times, once for each shipment.
    fn once(&mut self, movement: &Movement) {
        let MovementCause { event, order, .. } = &movement.cause;
        let before = self.last_in.insert(event.clone(), self.transactions);
        if before.is_some_and(|before| before != self.transactions) {
            self.coverage.note("large order in parts");
        }
        // Each shipment of an event puts its own kits together.
        if matches!(movement.kind, MovementKind::AssignIn | MovementKind::AssignOut | MovementKind::Produce) && order.is_some() {
            return;
        }
        if order.as_ref().is_some_and(|line| self.quarantined.contains(&line.order)) {
            return;
        }
        let line = order.as_ref().map(|line| (line.order, line.line));
        let fulfilment = order.as_ref().and_then(|line| line.fulfilment);
        let lot = movement.lot.as_ref().map(|lot| lot.id.clone());
        let new = self.transitions.insert((event.clone(), line, movement.name(), movement.of.clone(), fulfilment, lot));
        self.holds(new, || format!("{event} made its {} at {} twice", movement.name(), movement.of));
    }

    fn order(&mut self, order: OrderRecord) {
        let back = self.orders.get(&order.order).is_some_and(|old| order.version() < old.version());
        self.holds(!back, || format!("order {} was replaced by an older version", order.order));
        if let Some(became) = self.released_into(&order) {
            let is_known = self.orders.get(&became).is_some_and(|record| record.facts.is_some());
            let (draft, number) = (order.order, became.number());
            self.holds(is_known, || format!("{draft} was released before its order {number} was in the ledger"));
        }
        if order.unreadable == Some(ReadFailure::Quarantined) {
            self.quarantined.insert(order.order);
        }
        self.orders.insert(order.order, order);
    }

    /// The order that a draft order has become, if this write releases units of the draft because the shop answered that it is completed
    /// or does not have it any more.
    fn released_into(&self, draft: &OrderRecord) -> Option<OrderId> {
        let (became, completed_at) = self.became.get(&draft.order)?;
        let until = |record: &OrderRecord| record.facts.as_ref().and_then(|facts| facts.reserves_until);
        let old = self.orders.get(&draft.order)?;
        let released = until(old).is_some() && until(draft).is_none();
        // An answer from before it was completed releases what an edit took out, and an answer from after its time tells nothing.
        let in_time = |answered: &Timestamp| completed_at <= answered && until(old).is_some_and(|until| *answered < until);
        let by_answer = old.read_at < draft.read_at;
        let in_question =
            if by_answer { draft.read_at.as_ref().is_some_and(in_time) } else { self.deleted.contains(&draft.order) };
        (released && in_question).then_some(*became)
    }

    fn intent(&mut self, intent: PushIntent, is_renewed: bool) {
        let follows = match &self.intent {
            None => intent.number == 1,
            Some(old) if old.state == PushState::Open => {
                old.number == intent.number && old.key == intent.key && old.rows == intent.rows
            }
            Some(old) => intent.number == old.number + 1 && intent.key != old.key && intent.state == PushState::Open,
        };
        let replaces = is_renewed
            && intent.state == PushState::Closed
            && self.intent.as_ref().is_none_or(|old| old.number < intent.number && old.key != intent.key);
        self.holds(follows || replaces, || format!("intent {} does not follow the one before it", intent.number));
        self.intent = Some(intent);
    }

    fn alert(&mut self, alert: Alert, is_renewed: bool) {
        if self.alerts.get(&alert.subject) == Some(&alert) {
            return; // It is written again without a change, so that it is published again.
        }
        let (before, times) = self.alerts.get(&alert.subject).map_or((AlertState::Cleared, 0), |old| (old.state, old.times));
        self.holds(is_renewed || before != alert.state, || format!("the alert {} was {:?} twice", alert.subject, alert.state));
        let raised = alert.state == AlertState::Raised;
        self.holds(is_renewed || alert.times == times + u64::from(raised), || {
            format!("the alert {} has a wrong count", alert.subject)
        });
        self.coverage.note(if raised { "alert raised" } else { "alert cleared" });
        if matches!(alert.subject, AlertSubject::ExpiredLot { .. }) && raised {
            self.coverage.note("lot expired");
        }
        if let AlertSubject::ShopUnreachable { .. } = &alert.subject {
            self.coverage.note(if raised { "shop unreachable raised" } else { "shop unreachable cleared" });
        }
        if let AlertSubject::LatePromise { .. } = &alert.subject {
            self.coverage.note(if raised { "late promise raised" } else { "late promise cleared" });
        }
        self.alerts.insert(alert.subject.clone(), alert);
    }

    fn sweep(&mut self, sweep: OrderWatermark, is_renewed: bool) {
        let back = self.sweep.as_ref().is_some_and(|old| sweep.newest < old.newest || sweep.complete_at < old.complete_at);
        self.holds(is_renewed || !back, || "the watermark of the sweep moved back".to_owned());
        self.sweep = Some(sweep);
        self.swept = true;
    }

    /// Checks a complete transaction: each position equals the sum of its movements, and no reserved quantity is negative.
    pub fn written(&mut self) {
        self.transactions += 1;
        if let Some(wrong) = self.plans.written() {
            self.violations.push(Violation(wrong));
        }
        for of in std::mem::take(&mut self.touched) {
            let (folded, stored) = (self.folded.get(&of).copied(), self.positions.get(&of).copied());
            // A position without a movement may note what is known of it.
            let stored = stored.filter(|stored| *stored != (0, Balance::default()));
            self.holds(folded == stored, || format!("the position {of} is not the sum of its movements"));
            let balance = stored.unwrap_or_default().1;
            let least = [balance.reserved, balance.held, balance.shipped_ahead, balance.in_transit, balance.pos_pending];
            let negative = least.into_iter().chain([balance.allocated, balance.wholesale]).any(Quantity::is_negative);
            self.holds(!negative, || format!("a quantity at {of} is negative: {balance:?}"));
            if let Some((folded, stored)) = self.placed.get(&of) {
                let all: Quantity = stored.values().copied().sum();
                let sound = folded == stored && all == balance.reserved;
                let what =
                    format!("{of} has {stored:?} reserved by day, its movements {folded:?}, its balance {}", balance.reserved);
                self.holds(sound, || what);
            }
            let mut open = Open::default();
            for commitment in self.commitments.get(&of).into_iter().flat_map(BTreeMap::values) {
                open += Open::of(commitment.document, |kind| commitment.totals.get(&kind).copied().unwrap_or_default().units());
            }
            let of_orders = self.held_of_orders.get(&of).copied().unwrap_or_default().units();
            let found = Open::found(balance, of_orders);
            self.holds(found == open, || format!("{of} has {found:?} open, and its commitments have {open:?}"));
            if let Some((folded, stored)) = self.lots.get_mut(&of) {
                // The position keeps a lot without units that was counted.
                stored.retain(|_, (there, held, _)| !there.is_zero() || !held.is_zero());
                let same = folded == stored;
                self.holds(same, || format!("the lots of {of} are not the sum of its movements"));
            }
        }
    }

    /// Units at a position of lots that have expired and are not held, as its movements say.
    pub fn expired(&self, of: &PositionKey, today: Date) -> Quantity {
        let Some((lots, _)) = self.lots.get(of) else { return Quantity::ZERO };
        let expired = lots.values().filter(|(_, _, expires)| expires.is_some_and(|day| day <= today));
        let units: Quantity = expired.map(|(there, held, _)| (*there - *held).at_least_zero()).sum();
        let (_, balance) = self.folded.get(of).copied().unwrap_or_default();
        units.min((balance.on_hand - balance.held).at_least_zero())
    }

    /// Records a violation where `holds` is false.
    pub fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation(what()));
        }
    }
}

fn decode<R: Row>(record: &Record) -> R {
    record.decode().unwrap_or_else(|error| panic!("a written row cannot be decoded: {error}"))
}
