//! The state of one item at one place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{LotId, Quantity};
use crate::movement::{Balance, BalanceChange, Lot, Movement, MovementCause, MovementKind, PositionKey};

/// What a statement of how much there is counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountBasis {
    /// What is physically there: what tills have sold is gone, whatever the books say.
    Physical,
    /// What the books say.
    Books,
}

impl CountBasis {
    /// What a change adds to what is counted so.
    #[must_use]
    pub fn of(self, change: BalanceChange) -> Quantity {
        match self {
            Self::Physical => change.on_hand - change.pos_pending,
            Self::Books => change.on_hand,
        }
    }

    /// What there is, counted so.
    #[must_use]
    pub fn there(self, balance: Balance) -> Quantity {
        match self {
            Self::Physical => balance.on_hand - balance.pos_pending,
            Self::Books => balance.on_hand,
        }
    }
}

/// The newest statement of how much there was. Whatever happened before it is in it, also what is heard of later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCount {
    /// When it was so.
    pub as_of: Timestamp,
    /// What was counted.
    pub basis: CountBasis,
}

/// The units of one lot at a position. Units of no known lot are the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LotBalance {
    /// Units there.
    pub on_hand: Quantity,
    /// Units of it that may not be sold.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub held: Quantity,
    /// When it expires, where anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// When it was last counted by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Timestamp>,
}

/// A position as it is stored: its balance after movement number `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which one.
    #[serde(flatten)]
    pub of: PositionKey,
    /// The number of its last movement; 0 when nothing ever moved.
    pub seq: u64,
    /// Its quantities.
    #[serde(flatten)]
    pub balance: Balance,
    /// Its lots: those of which there are units, or fewer than none, or that were counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lots: BTreeMap<LotId, LotBalance>,
    /// What is reserved, by the day (in UTC) the orders were placed: what was promised first is to be kept first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placed: BTreeMap<Date, Quantity>,
    /// The newest count of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<LastCount>,
    /// How new each source behind it is: the time of the newest thing it said here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_seen: BTreeMap<String, Timestamp>,
    /// When its last movement was recorded.
    pub moved_at: Option<Timestamp>,
}

/// One movement to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMovement {
    /// What it does.
    pub kind: MovementKind,
    /// How many units; above zero.
    pub quantity: Quantity,
    /// The lot of the units.
    pub lot: Option<Lot>,
    /// When it happened, if that is known.
    pub at: Option<Timestamp>,
}

impl Position {
    /// The most lots of one position of which there are units.
    pub const MAX_LOTS: usize = 200;

    /// The most lots that units leave from in one movement's name; what is more leaves without one.
    const MAX_PARTS: usize = 20;

    /// A position nothing has touched yet.
    #[must_use]
    pub fn empty(of: PositionKey) -> Self {
        let (seq, balance, lots, placed, counted, last_seen, moved_at) = Default::default();
        Self { of, seq, balance, lots, placed, counted, last_seen, moved_at }
    }

    /// Moves the position, and returns the movements to be written with it: the one asked for, and where it happened before
    /// the newest count and is heard of only now, the one that takes it back, because the count has seen it already.
    pub fn record(&mut self, step: NewMovement, cause: &MovementCause, now: Timestamp) -> Vec<Movement> {
        // The sequence says what came first. A writer's clock that is behind does not turn it round.
        let now = self.moved_at.map_or(now, |last| last.max(now));
        let at = step.at.filter(|at| *at < now);
        self.note_source(&cause.event.source, at.unwrap_or(now));
        let change = step.kind.change(step.quantity);
        let lot = step.lot.clone();
        let mut made = vec![self.push(step, at, cause.clone(), now)];
        let counted_lot = lot.as_ref().and_then(|lot| self.lots.get(&lot.id)?.counted);
        let again = match (at, counted_lot, self.counted) {
            (Some(at), Some(counted), _) if at <= counted => Some((change.on_hand, lot)),
            (Some(at), _, Some(counted)) if at <= counted.as_of => Some((counted.basis.of(change), None)),
            _ => None,
        };
        if let Some((units, lot)) = again.filter(|(units, _)| !units.is_zero()) {
            made.push(self.push(NewMovement::correction(-units, lot, at), at, cause.clone(), now));
        }
        made
    }

    /// Notes how new the word of a source is.
    pub fn note_source(&mut self, source: &str, at: Timestamp) {
        let newest = self.last_seen.entry(source.to_owned()).or_insert(at);
        *newest = at.max(*newest);
    }

    /// Notes that a lot was counted, also where none of it is left.
    pub fn counted_lot(&mut self, lot: &LotId, as_of: Timestamp) {
        make_room(&mut self.lots);
        self.lots.entry(lot.clone()).or_default().counted = Some(as_of);
    }

    /// Whether it has no room for units of another lot.
    #[must_use]
    pub fn is_full_of_lots(&self, lot: &LotId) -> bool {
        let there = |lot: &LotBalance| !lot.on_hand.is_zero() || !lot.held.is_zero();
        !self.lots.contains_key(lot) && self.lots.values().filter(|lot| there(lot)).count() >= Self::MAX_LOTS
    }

    fn push(&mut self, step: NewMovement, at: Option<Timestamp>, cause: MovementCause, now: Timestamp) -> Movement {
        let NewMovement { kind, quantity, lot, .. } = step;
        let before = self.balance;
        self.balance = before + kind.change(quantity);
        self.seq += 1;
        self.moved_at = Some(now);
        if let Some(lot) = &lot {
            add_to_lot(&mut self.lots, lot, kind.change(quantity));
        }
        let (of, after) = (self.of.clone(), self.balance);
        let made = Movement { of, seq: self.seq, kind, quantity, before, after, lot, cause, occurred_at: at, recorded_at: now };
        add_to_placed(&mut self.placed, &made);
        made
    }

    /// Which lots `quantity` units leave from when nobody said: the first to expire goes first, held units stay, and what
    /// is of no known lot goes last.
    #[must_use]
    pub fn first_expired(&self, quantity: Quantity) -> Vec<(Option<Lot>, Quantity)> {
        let mut lots: Vec<(&LotId, &LotBalance)> = self.lots.iter().collect();
        lots.sort_by_key(|(id, lot)| (lot.expires.is_none(), lot.expires, *id));
        let mut left = quantity;
        let mut parts = Vec::new();
        for (id, lot) in lots {
            if parts.len() == Self::MAX_PARTS {
                break;
            }
            let units = (lot.on_hand - lot.held).at_least_zero().min(left);
            if units.is_positive() {
                parts.push((Some(Lot { id: id.clone(), expires: lot.expires }), units));
                left -= units;
            }
        }
        if left.is_positive() {
            parts.push((None, left));
        }
        parts
    }
}

impl NewMovement {
    /// A movement of units whose lot and time nobody said.
    #[must_use]
    pub fn of(kind: MovementKind, quantity: Quantity) -> Self {
        Self { kind, quantity, lot: None, at: None }
    }

    /// A correction by so many units, up or down; not zero.
    #[must_use]
    pub fn correction(units: Quantity, lot: Option<Lot>, at: Option<Timestamp>) -> Self {
        let (kind, quantity) = if units.is_negative() { (MovementKind::Lost, -units) } else { (MovementKind::Found, units) };
        Self { kind, quantity, lot, at }
    }
}

/// Adds a movement of a lot to the lots of a position. A lot of which nothing is left is forgotten.
pub(super) fn add_to_lot(lots: &mut BTreeMap<LotId, LotBalance>, lot: &Lot, change: BalanceChange) {
    let entry = lots.entry(lot.id.clone()).or_default();
    entry.on_hand += change.on_hand;
    entry.held += change.held;
    entry.expires = lot.expires.or(entry.expires);
    if entry.on_hand.is_zero() && entry.held.is_zero() && entry.counted.is_none() {
        lots.remove(&lot.id);
    }
}

/// Adds a movement to what is reserved by day. A day on which nothing is left is forgotten.
pub(super) fn add_to_placed(placed: &mut BTreeMap<Date, Quantity>, movement: &Movement) {
    let Some((day, units)) = movement.reserves() else { return };
    let of_day = placed.entry(day).or_default();
    *of_day += units;
    if of_day.is_zero() {
        placed.remove(&day);
    }
}

/// Makes room for one more lot, if there is none: what was counted longest ago and is gone is forgotten.
fn make_room(lots: &mut BTreeMap<LotId, LotBalance>) {
    let gone = |lot: &LotBalance| lot.on_hand.is_zero() && lot.held.is_zero();
    if lots.len() < 2 * Position::MAX_LOTS {
        return;
    }
    let oldest = lots.iter().filter(|(_, lot)| gone(lot)).min_by_key(|(_, lot)| lot.counted).map(|(id, _)| id.clone());
    oldest.and_then(|id| lots.remove(&id));
}
