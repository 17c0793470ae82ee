//! The state of one item at one place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{LotId, Quantity};
use crate::movement::{Balance, BalanceChange, CountBasis, EventId, Lot, Movement, MovementCause, MovementKind, PositionKey};

/// The newest count or balance. It includes every movement that took effect before it, even one that is recorded later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCount {
    /// The time of the count.
    pub as_of: Timestamp,
    /// Which units were counted.
    pub basis: CountBasis,
    /// The event of the count. Older rows do not have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

/// The units of one lot at a position. The other units of the position belong to no known lot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LotBalance {
    /// Units on hand.
    pub on_hand: Quantity,
    /// Units on hold, which may not be sold.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub held: Quantity,
    /// When the lot expires, if a system reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// When this lot was last counted on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Timestamp>,
}

impl LotBalance {
    /// Units of the lot that are not held.
    #[must_use]
    pub fn free(&self) -> Quantity {
        (self.on_hand - self.held).at_least_zero()
    }

    /// Whether the lot may not be sold any more: from the day of its expiry date on.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|day| day <= today)
    }
}

/// A position as it is stored: its balance after movement number `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The item and place.
    #[serde(flatten)]
    pub of: PositionKey,
    /// The number of its last movement; 0 before the first.
    pub seq: u64,
    /// Its quantities.
    #[serde(flatten)]
    pub balance: Balance,
    /// Its lots: lots with units, positive or negative, and lots that were counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lots: BTreeMap<LotId, LotBalance>,
    /// Reserved units by the day (UTC) on which the orders were placed. Orders that were placed first are served first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placed: BTreeMap<Date, Quantity>,
    /// The newest count of the position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<LastCount>,
    /// Units that order edits removed here, as long as it is not known whether the shop put them back on sale. The comparison
    /// with the shop, or an operator, settles them.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub removed: Quantity,
    /// Whether a system ever reported stock here: a count, a balance, or units that came in. Without a report the units on hand
    /// are unknown, not zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reported: bool,
    /// The newest time that each source reported for this position.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_seen: BTreeMap<String, Timestamp>,
    /// When its last movement was recorded.
    pub moved_at: Option<Timestamp>,
}

/// A movement to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMovement {
    /// The kind of movement.
    pub kind: MovementKind,
    /// Whether it reverses this kind.
    pub reversal: bool,
    /// The number of units; positive.
    pub quantity: Quantity,
    /// The lot of the units.
    pub lot: Option<Lot>,
    /// When it happened, if that is known.
    pub at: Option<Timestamp>,
}

impl Position {
    /// The most lots with units at one position.
    pub const MAX_LOTS: usize = 200;

    /// The most lots that one event takes units from. The rest leaves without a lot.
    const MAX_PARTS: usize = 20;

    /// A position without a movement.
    #[must_use]
    pub fn empty(of: PositionKey) -> Self {
        let (seq, balance, lots, placed, counted, removed, reported, last_seen, moved_at) = Default::default();
        Self { of, seq, balance, lots, placed, counted, removed, reported, last_seen, moved_at }
    }

    /// Applies a movement to the position, and returns the movements to be written: the requested one, and a correction if it
    /// took effect before the newest count but is recorded only now, because the count has already seen it.
    pub fn record(&mut self, step: NewMovement, cause: &MovementCause, now: Timestamp) -> Vec<Movement> {
        // The sequence defines the order of movements. A writer's clock that is behind must not reverse it.
        let now = self.moved_at.map_or(now, |last| last.max(now));
        let at = step.at.filter(|at| *at < now);
        self.note_source(&cause.event.source, at.unwrap_or(now));
        let change = step.kind.change(step.quantity, step.reversal);
        self.reported |= step.kind.reports_stock() && !step.reversal && cause.order.is_none();
        let lot = step.lot.clone();
        let mut made = vec![self.push(step, at, cause.clone(), now)];
        let counted_lot = lot.as_ref().and_then(|lot| self.lots.get(&lot.id)?.counted);
        let again = match (at, counted_lot, self.counted.as_ref()) {
            (Some(at), Some(counted), _) if at <= counted => Some((change.on_hand, lot)),
            (Some(at), _, Some(counted)) if at <= counted.as_of => Some((counted.basis.of_change(change), None)),
            _ => None,
        };
        if let Some((units, lot)) = again.filter(|(units, _)| !units.is_zero()) {
            made.push(self.push(NewMovement::correction(-units, lot, at), at, cause.clone(), now));
        }
        made
    }

    /// Records the time of a source's report.
    pub fn note_source(&mut self, source: &str, at: Timestamp) {
        let newest = self.last_seen.entry(source.to_owned()).or_insert(at);
        *newest = at.max(*newest);
    }

    /// Records that a lot was counted, even when none of it is left, and the day on which it expires, if the count names it.
    pub fn counted_lot(&mut self, lot: &Lot, as_of: Timestamp) {
        make_room(&mut self.lots);
        let known = self.lots.entry(lot.id.clone()).or_default();
        known.counted = Some(as_of);
        known.expires = lot.expires.or(known.expires);
    }

    /// Whether the position has no room for units of another lot.
    #[must_use]
    pub fn is_full_of_lots(&self, lot: &LotId) -> bool {
        let there = |lot: &LotBalance| !lot.on_hand.is_zero() || !lot.held.is_zero();
        !self.lots.contains_key(lot) && self.lots.values().filter(|lot| there(lot)).count() >= Self::MAX_LOTS
    }

    fn push(&mut self, step: NewMovement, at: Option<Timestamp>, cause: MovementCause, now: Timestamp) -> Movement {
        let NewMovement { kind, reversal, quantity, lot, .. } = step;
        let (before, change) = (self.balance, kind.change(quantity, reversal));
        self.balance = before + change;
        self.seq += 1;
        self.moved_at = Some(now);
        if let Some(lot) = &lot {
            add_to_lot(&mut self.lots, lot, change);
        }
        let (of, after) = (self.of.clone(), self.balance);
        let seq = self.seq;
        let made = Movement { of, seq, kind, reversal, quantity, before, after, lot, cause, occurred_at: at, recorded_at: now };
        add_to_placed(&mut self.placed, &made);
        made
    }

    /// Units of expired lots that are on hand and not held: they may not be sold.
    #[must_use]
    pub fn expired(&self, today: Date) -> Quantity {
        let expired: Quantity = self.lots.values().filter(|lot| lot.is_expired(today)).map(LotBalance::free).sum();
        expired.min((self.balance.on_hand - self.balance.held).at_least_zero())
    }

    /// The day on which the next lot with units that may be sold expires.
    #[must_use]
    pub fn next_expiry(&self, today: Date) -> Option<Date> {
        let good = self.lots.values().filter(|lot| !lot.is_expired(today) && lot.free().is_positive());
        good.filter_map(|lot| lot.expires).min()
    }

    /// Chooses the lots that `quantity` units leave from when the event names none: without held units, the first good lot to
    /// expire first, then units of no known lot, then expired lots.
    #[must_use]
    pub fn first_expired(&self, quantity: Quantity, today: Date) -> Vec<(Option<Lot>, Quantity)> {
        let mut lots: Vec<(&LotId, &LotBalance)> = self.lots.iter().filter(|(_, lot)| lot.free().is_positive()).collect();
        lots.sort_by_key(|(id, lot)| (lot.is_expired(today), lot.expires.is_none(), lot.expires, *id));
        let good = lots.partition_point(|(_, lot)| !lot.is_expired(today));
        let known: Quantity = self.lots.values().map(|lot| lot.on_hand).sum();
        let without_lot = (self.balance.on_hand - known).at_least_zero();
        let mut chosen: Vec<_> = lots.iter().map(|(id, lot)| (Some((*id, lot.expires)), lot.free())).collect();
        chosen.insert(good, (None, without_lot));
        let mut left = quantity;
        let mut parts = Vec::new();
        for (lot, free) in chosen.into_iter().take(Self::MAX_PARTS) {
            let units = free.min(left);
            if units.is_positive() {
                parts.push((lot.map(|(id, expires)| Lot { id: id.clone(), expires }), units));
                left -= units;
            }
        }
        match parts.iter_mut().find(|(lot, _)| lot.is_none()) {
            Some((_, units)) => *units += left,
            None if left.is_positive() => parts.push((None, left)),
            None => {}
        }
        parts
    }
}

impl NewMovement {
    /// A movement without a lot and a time of its own.
    #[must_use]
    pub fn of(kind: MovementKind, quantity: Quantity) -> Self {
        Self { kind, reversal: false, quantity, lot: None, at: None }
    }

    /// A correction by `units`, up or down; not zero.
    #[must_use]
    pub fn correction(units: Quantity, lot: Option<Lot>, at: Option<Timestamp>) -> Self {
        let (kind, quantity) = if units.is_negative() { (MovementKind::Lost, -units) } else { (MovementKind::Found, units) };
        Self { lot, at, ..Self::of(kind, quantity) }
    }

    /// A movement of `units`: of this kind when they are above zero, and its reversal when they are below.
    #[must_use]
    pub fn signed(kind: MovementKind, units: Quantity) -> Self {
        let reversal = units.is_negative();
        Self { reversal, ..Self::of(kind, if reversal { -units } else { units }) }
    }

    /// The movement of `units` that are in transit to a place, or (below zero) no longer are.
    #[must_use]
    pub fn in_transit(units: Quantity) -> Self {
        if units.is_negative() { Self::of(MovementKind::Arrive, -units) } else { Self::of(MovementKind::Depart, units) }
    }
}

/// Applies a movement to the lots of a position. An empty lot that was never counted is removed.
pub(super) fn add_to_lot(lots: &mut BTreeMap<LotId, LotBalance>, lot: &Lot, change: BalanceChange) {
    let entry = lots.entry(lot.id.clone()).or_default();
    entry.on_hand += change.on_hand;
    entry.held += change.held;
    entry.expires = lot.expires.or(entry.expires);
    if entry.on_hand.is_zero() && entry.held.is_zero() && entry.counted.is_none() {
        lots.remove(&lot.id);
    }
}

/// Applies a movement to the reserved units by day. A day without units is removed.
pub(super) fn add_to_placed(placed: &mut BTreeMap<Date, Quantity>, movement: &Movement) {
    let Some((day, units)) = movement.reserves() else { return };
    let of_day = placed.entry(day).or_default();
    *of_day += units;
    if of_day.is_zero() {
        placed.remove(&day);
    }
}

/// Makes room for one more lot: removes the empty lot that was counted longest ago.
fn make_room(lots: &mut BTreeMap<LotId, LotBalance>) {
    let is_empty = |lot: &LotBalance| lot.on_hand.is_zero() && lot.held.is_zero();
    if lots.len() < 2 * Position::MAX_LOTS {
        return;
    }
    let oldest = lots.iter().filter(|(_, lot)| is_empty(lot)).min_by_key(|(_, lot)| lot.counted).map(|(id, _)| id.clone());
    oldest.and_then(|id| lots.remove(&id));
}
