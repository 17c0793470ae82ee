//! Recomputes positions from their movements. This is how a stored position is checked against its history, and how a past
//! state of it is shown.
//!
//! A [`Fold`] reads a history in constant memory and stops at the first mismatch. A [`Rewind`] is a fold that remembers the
//! state at one moment. This module trusts no row: damage is an error, never a panic.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::catalog::{LotId, Quantity};
use crate::ledger::position::{add_to_lot, add_to_placed};
use crate::ledger::{LotBalance, Position};
use crate::movement::{Balance, Movement};

/// A mismatch in the history of a position. As JSON it is an object with its `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mismatch {
    /// A movement is missing or duplicated.
    #[error("{position}: movement {found} comes next after {after}")]
    Gap {
        /// The position.
        position: String,
        /// The last number in order.
        after: u64,
        /// The number found next.
        found: u64,
    },
    /// The `before` of a movement is not the `after` of its predecessor.
    #[error("{position}: movement {seq} begins with {before}, but the movement before it ends with {expected}")]
    Broken {
        /// The position.
        position: String,
        /// The movement.
        seq: u64,
        /// The `before` of the movement.
        before: Box<Balance>,
        /// The `after` of its predecessor.
        expected: Box<Balance>,
    },
    /// A movement's `after` is not its `before` with its change.
    #[error("{position}: movement {seq} does not lead from its before to its after")]
    Unsound {
        /// The position.
        position: String,
        /// The movement.
        seq: u64,
    },
    /// The stored position is not the result of its movements.
    #[error("{position} is stored as {stored} at {stored_seq}, its movements lead to {folded} at {folded_seq}")]
    Differs {
        /// The position.
        position: String,
        /// The stored balance.
        stored: Box<Balance>,
        /// The stored sequence.
        stored_seq: u64,
        /// The folded balance.
        folded: Box<Balance>,
        /// The folded sequence.
        folded_seq: u64,
    },
    /// The units of a stored lot are not the result of the position's movements.
    #[error("{position}: {stored} units of lot {lot} are stored, its movements lead to {folded}")]
    LotDiffers {
        /// The position.
        position: String,
        /// The lot.
        lot: String,
        /// Units stored.
        stored: Quantity,
        /// Units folded.
        folded: Quantity,
    },
    /// The units reserved for the orders of one day are not the result of the position's movements.
    #[error("{position}: {stored} units are stored as reserved by orders of {day}, its movements lead to {folded}")]
    PlacedDiffers {
        /// The position.
        position: String,
        /// The day the orders were placed.
        day: Date,
        /// Units stored.
        stored: Quantity,
        /// Units folded.
        folded: Quantity,
    },
    /// A position has movements and is not stored.
    #[error("{position} is not stored, and its movements lead to {folded} at {folded_seq}")]
    Unstored {
        /// The position.
        position: String,
        /// The folded balance.
        folded: Box<Balance>,
        /// The folded sequence.
        folded_seq: u64,
    },
    /// A row does not have the shape this code expects.
    #[error("{position}: the row {row} cannot be read: {reason}")]
    Unreadable {
        /// The position.
        position: String,
        /// The key of the row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The content of a row belongs under another key.
    #[error("{position}: the content of the row {row} belongs under the key {belongs}")]
    Misfiled {
        /// The position.
        position: String,
        /// The key of the row.
        row: String,
        /// The key that its content belongs under.
        belongs: String,
    },
}

/// The state after a part of a history: the number of the last movement, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fold {
    /// The number of the last movement; 0 before the first.
    pub seq: u64,
    /// The balance after it.
    pub balance: Balance,
    /// The lots after it.
    pub lots: BTreeMap<LotId, LotBalance>,
    /// The reserved units after it, by the day on which the orders were placed.
    pub placed: BTreeMap<Date, Quantity>,
}

impl Fold {
    /// Applies the next movement of the position.
    ///
    /// # Errors
    /// When the movement does not continue the history, or does not add up itself. The fold is unchanged.
    pub fn step(&mut self, movement: &Movement) -> Result<(), Mismatch> {
        let position = || movement.of.to_string();
        if Some(movement.seq) != self.seq.checked_add(1) {
            return Err(Mismatch::Gap { position: position(), after: self.seq, found: movement.seq });
        }
        if movement.before != self.balance {
            return Err(Mismatch::Broken {
                position: position(),
                seq: movement.seq,
                before: Box::new(movement.before),
                expected: Box::new(self.balance),
            });
        }
        if !is_sound(movement) {
            return Err(Mismatch::Unsound { position: position(), seq: movement.seq });
        }
        (self.seq, self.balance) = (movement.seq, movement.after);
        if let Some(lot) = &movement.lot {
            add_to_lot(&mut self.lots, lot, movement.change());
        }
        add_to_placed(&mut self.placed, movement);
        Ok(())
    }

    /// Checks that a stored position equals this fold.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, position: &Position) -> Result<(), Mismatch> {
        if (self.seq, self.balance) == (position.seq, position.balance) {
            self.check_placed(position)?;
            return self.check_lots(position);
        }
        Err(Mismatch::Differs {
            position: position.of.to_string(),
            stored: Box::new(position.balance),
            stored_seq: position.seq,
            folded: Box::new(self.balance),
            folded_seq: self.seq,
        })
    }

    fn check_placed(&self, position: &Position) -> Result<(), Mismatch> {
        let units = |placed: &BTreeMap<Date, Quantity>, day: &Date| placed.get(day).copied().unwrap_or_default();
        let mut days = self.placed.keys().chain(position.placed.keys());
        let differs = days.find(|day| units(&self.placed, day) != units(&position.placed, day));
        differs.map_or(Ok(()), |day| {
            let (stored, folded) = (units(&position.placed, day), units(&self.placed, day));
            Err(Mismatch::PlacedDiffers { position: position.of.to_string(), day: *day, stored, folded })
        })
    }

    fn check_lots(&self, position: &Position) -> Result<(), Mismatch> {
        let units = |lots: &BTreeMap<LotId, LotBalance>, id: &LotId| {
            lots.get(id).map_or((Quantity::ZERO, Quantity::ZERO), |lot| (lot.on_hand, lot.held))
        };
        let differs = self.lots.keys().chain(position.lots.keys()).find(|id| units(&self.lots, id) != units(&position.lots, id));
        differs.map_or(Ok(()), |id| {
            let ((stored, _), (folded, _)) = (units(&position.lots, id), units(&self.lots, id));
            Err(Mismatch::LotDiffers { position: position.of.to_string(), lot: id.to_string(), stored, folded })
        })
    }
}

/// Whether a movement has at least one unit, and its `after` is its `before` with its change.
///
/// The sum is computed in `i128`, because a [`crate::catalog::Quantity`] panics on overflow and a damaged row may contain any
/// number.
fn is_sound(movement: &Movement) -> bool {
    if !movement.quantity.is_positive() {
        return false;
    }
    let (before, after, change) = (movement.before, movement.after, movement.change());
    [
        (before.on_hand, change.on_hand, after.on_hand),
        (before.reserved, change.reserved, after.reserved),
        (before.held, change.held, after.held),
        (before.moved_by_shop, change.moved_by_shop, after.moved_by_shop),
        (before.shipped_ahead, change.shipped_ahead, after.shipped_ahead),
        (before.in_transit, change.in_transit, after.in_transit),
        (before.pos_pending, change.pos_pending, after.pos_pending),
        (before.allocated, change.allocated, after.allocated),
        (before.wholesale, change.wholesale, after.wholesale),
    ]
    .into_iter()
    .all(|(before, change, after)| i128::from(before.units()) + i128::from(change.units()) == i128::from(after.units()))
}

/// The sequence and balance that result from `movements` (of one position, in order, from the first).
///
/// # Errors
/// The first mismatch in the history.
pub fn fold(movements: &[Movement]) -> Result<(u64, Balance), Mismatch> {
    let mut fold = Fold::default();
    movements.iter().try_for_each(|movement| fold.step(movement))?;
    Ok((fold.seq, fold.balance))
}

/// Checks a stored position against its movements.
///
/// # Errors
/// As [`fold`], and when the stored position is not their result.
pub fn verify(position: &Position, movements: &[Movement]) -> Result<(), Mismatch> {
    let mut fold = Fold::default();
    movements.iter().try_for_each(|movement| fold.step(movement))?;
    fold.check(position)
}

/// A moment in the history of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After its last movement.
    Now,
    /// After the movement with this number; 0 is before the first.
    Seq(u64),
    /// After the last movement that was recorded at this time or before it.
    ///
    /// The sequence defines the order, not the writers' clocks: a movement before one that had been recorded by then counts,
    /// even if its own writer's clock was ahead.
    Time(Timestamp),
}

/// Why the state at a moment cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The history up to the moment has a mismatch.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The position has fewer movements.
    #[error("the position has no movement {asked}; its last movement is {last}")]
    NotYet {
        /// The requested movement.
        asked: u64,
        /// The last movement.
        last: u64,
    },
}

/// The sequence and balance of a position `at` a moment, from its movements (in order, from the first). Movements after the
/// moment may be damaged or missing.
///
/// # Errors
/// When the history up to the moment has a mismatch or is too short.
pub fn state_at(movements: &[Movement], at: At) -> Result<(u64, Balance), ReplayError> {
    let mut rewind = Rewind::to(at, 0);
    for movement in movements {
        if rewind.has_arrived() {
            break;
        }
        rewind.follow(movement);
    }
    rewind.finish().map(|moment| (moment.state.seq, moment.state.balance))
}

/// A position at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The state after its last movement by then.
    pub state: Fold,
    /// Its last movements by then, the newest last, at most as many as requested.
    pub recent: Vec<Movement>,
}

/// Reads a history up to one moment, and keeps only the requested number of movements.
#[derive(Debug, Clone)]
pub struct Rewind {
    at: At,
    keep: usize,
    tip: Fold,
    /// The first mismatch, right after the tip.
    broken: Option<Mismatch>,
    /// Whether the mismatch lies before the moment.
    is_broken_before: bool,
    state: Fold,
    recent: VecDeque<Movement>,
    /// Movements that seem to be after the moment. They are before it after all if a movement that follows them is.
    later: VecDeque<Movement>,
}

impl Rewind {
    /// A rewind to `at` that keeps the last `keep` movements before it.
    #[must_use]
    pub fn to(at: At, keep: usize) -> Self {
        let (recent, later) = (VecDeque::new(), VecDeque::new());
        Self { at, keep, tip: Fold::default(), broken: None, is_broken_before: false, state: Fold::default(), recent, later }
    }

    /// Whether no further movement can change the result.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.is_broken_before || matches!(self.at, At::Seq(seq) if self.tip.seq >= seq)
    }

    /// The number of the last movement that was read, before or after the moment.
    #[must_use]
    pub fn followed_to(&self) -> u64 {
        self.tip.seq
    }

    /// Reads the next movement.
    pub fn follow(&mut self, movement: &Movement) {
        if self.has_arrived() {
            return;
        }
        let is_before = match self.at {
            At::Now | At::Seq(_) => true,
            At::Time(time) => movement.recorded_at <= time,
        };
        if self.broken.is_none() {
            self.broken = self.tip.step(movement).err();
            // It is unknown when the missing movement was recorded: it may have been before the moment.
            self.is_broken_before = matches!(self.broken, Some(Mismatch::Gap { .. })) && self.state == self.tip;
        }
        if self.broken.is_some() {
            self.is_broken_before |= is_before;
            return;
        }
        keep(&mut self.later, movement.clone(), self.keep);
        if is_before {
            self.state = self.tip.clone();
            for movement in self.later.drain(..) {
                keep(&mut self.recent, movement, self.keep);
            }
        }
    }

    /// Returns the state at the moment.
    ///
    /// # Errors
    /// When the history up to the moment has a mismatch or is too short.
    pub fn finish(self) -> Result<Moment, ReplayError> {
        match (self.broken, self.at) {
            (Some(mismatch), _) if self.is_broken_before => Err(mismatch.into()),
            (_, At::Seq(asked)) if self.tip.seq < asked => Err(ReplayError::NotYet { asked, last: self.tip.seq }),
            (_, At::Now | At::Seq(_) | At::Time(_)) => Ok(Moment { state: self.state, recent: self.recent.into() }),
        }
    }
}

/// Appends a movement, and drops the first one beyond `most`.
fn keep(kept: &mut VecDeque<Movement>, movement: Movement, most: usize) {
    if most == 0 {
        return;
    }
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(movement);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Place, Quantity};
    use crate::ledger::NewMovement;
    use crate::movement::{EventId, Lot, MovementCause, MovementKind, PositionKey};

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).expect("a time")
    }

    fn key() -> PositionKey {
        PositionKey::new("A".parse().expect("a SKU"), Place::Unassigned)
    }

    /// A receipt of 10, reservations of 1, 2 and 3, and a shipment of 1, recorded at these seconds.
    fn history(seconds: [i64; 5]) -> (Position, Vec<Movement>) {
        use MovementKind::{Receipt, Reserve, Ship};
        let mut position = Position::empty(key());
        let kinds = [(Receipt, 10), (Reserve, 1), (Reserve, 2), (Reserve, 3), (Ship, 1)];
        let movements = kinds.into_iter().zip(seconds).map(|((kind, units), second)| {
            let cause = MovementCause { event: EventId::new("erp", second.to_string()), order: None };
            let mut made = position.record(NewMovement::of(kind, Quantity::new(units)), &cause, time(second));
            let movement = made.pop().expect("one movement");
            Movement { recorded_at: time(second), ..movement } // As older versions wrote it, with the writer's clock.
        });
        let movements = movements.collect();
        (position, movements)
    }

    fn lot() -> LotId {
        "L".parse().expect("a lot")
    }

    /// One way to damage a history.
    type Damage = fn(&mut Position, &mut Vec<Movement>);

    /// Protects the check: every kind of damage is found and reported as the right mismatch.
    #[test]
    fn damage_is_found_and_named() {
        let rows: [(&str, Damage, Option<&str>); 19] = [
            ("sound", |_, _| {}, None),
            ("nothing ever moved", |position, movements| (*position, *movements) = (Position::empty(key()), vec![]), None),
            ("a movement in the middle is missing", |_, m| drop(m.remove(2)), Some("gap 2 4")),
            ("the first is missing", |_, m| drop(m.remove(0)), Some("gap 0 2")),
            ("the last is missing", |_, m| drop(m.pop()), Some("differs 5 4")),
            ("all are missing", |_, m| m.clear(), Some("differs 5 0")),
            ("one is doubled", |_, m| m.insert(2, m[1].clone()), Some("gap 2 2")),
            ("an after is edited", |_, m| m[2].after.reserved = Quantity::new(9), Some("unsound 3")),
            ("a before is edited", |_, m| m[2].before.held = Quantity::new(9), Some("broken 3")),
            ("a quantity is edited", |_, m| m[2].quantity = Quantity::new(9), Some("unsound 3")),
            ("a kind is edited", |_, m| m[2].kind = MovementKind::Found, Some("unsound 3")),
            ("a movement of nothing", |_, m| (m[4].quantity, m[4].after) = (Quantity::ZERO, m[4].before), Some("unsound 5")),
            ("a number out of all bounds", |_, m| m[2].quantity = Quantity::new(i64::MAX), Some("unsound 3")),
            ("a negative number out of all bounds", |_, m| m[4].quantity = Quantity::new(i64::MIN), Some("unsound 5")),
            ("the stored balance is edited", |position, _| position.balance.held = Quantity::new(1), Some("differs 5 5")),
            ("a rare quantity is edited", |position, _| position.balance.in_transit = Quantity::new(1), Some("differs 5 5")),
            ("a lot is lost", |_, m| m[0].lot = Some(Lot { id: lot(), expires: None }), Some("L: 0 10")),
            (
                "the day of an order is edited",
                |position, _| position.placed = [(Date::constant(2026, 11, 21), Quantity::new(1))].into(),
                Some("2026-11-21: 1 0"),
            ),
            (
                "a lot is invented",
                |position, _| position.lots = [(lot(), LotBalance { on_hand: Quantity::new(1), ..LotBalance::default() })].into(),
                Some("L: 1 0"),
            ),
        ];
        for (case, damage, expected) in rows {
            let (mut position, mut movements) = history([1, 2, 3, 4, 5]);
            damage(&mut position, &mut movements);
            let found = verify(&position, &movements).err().map(|mismatch| match mismatch {
                Mismatch::Gap { after, found, .. } => format!("gap {after} {found}"),
                Mismatch::Broken { seq, .. } => format!("broken {seq}"),
                Mismatch::Unsound { seq, .. } => format!("unsound {seq}"),
                Mismatch::Differs { stored_seq, folded_seq, .. } => format!("differs {stored_seq} {folded_seq}"),
                Mismatch::LotDiffers { lot, stored, folded, .. } => format!("{lot}: {stored} {folded}"),
                Mismatch::PlacedDiffers { day, stored, folded, .. } => format!("{day}: {stored} {folded}"),
                Mismatch::Unstored { .. } | Mismatch::Unreadable { .. } | Mismatch::Misfiled { .. } => mismatch.to_string(),
            });
            assert_eq!(found.as_deref(), expected, "{case}");
        }
    }

    /// The result as text: the sequence, on hand and reserved, or the error.
    fn in_words(found: Result<(u64, Balance), ReplayError>) -> String {
        match found {
            Ok((seq, balance)) => format!("{seq}: {} {}", balance.on_hand, balance.reserved),
            Err(ReplayError::NotYet { asked, last }) => format!("{asked} is beyond {last}"),
            Err(ReplayError::Mismatch(mismatch)) => mismatch.to_string(),
        }
    }

    /// Protects replay: each past state is found by number and by time, and a moment beyond the history is an error.
    #[test]
    fn every_moment_is_replayed() {
        let rows = [
            (At::Now, "5: 9 5"),
            (At::Seq(0), "0: 0 0"),
            (At::Seq(1), "1: 10 0"),
            (At::Seq(3), "3: 10 3"),
            (At::Seq(5), "5: 9 5"),
            (At::Seq(6), "6 is beyond 5"),
            (At::Seq(u64::MAX), "18446744073709551615 is beyond 5"),
            (At::Time(time(0)), "0: 0 0"),
            (At::Time(time(10)), "1: 10 0"),
            (At::Time(time(19)), "1: 10 0"),
            (At::Time(time(20)), "3: 10 3"),
            (At::Time(time(30)), "4: 10 6"),
            (At::Time(time(999)), "5: 9 5"),
        ];
        for (at, expected) in rows {
            let (_, movements) = history([10, 20, 20, 30, 40]);
            assert_eq!(in_words(state_at(&movements, at)), expected, "{at:?}");
            let nothing = in_words(state_at(&[], at));
            let expected = match at {
                At::Seq(asked) if asked > 0 => format!("{asked} is beyond 0"),
                At::Now | At::Seq(_) | At::Time(_) => "0: 0 0".to_owned(),
            };
            assert_eq!(nothing, expected, "{at:?} of a position that never moved");
        }
    }

    /// Protects the order of movements against writers' clocks that disagree.
    #[test]
    fn the_sequence_decides_where_clocks_disagree() {
        let (_, movements) = history([10, 50, 20, 60, 30]);
        let rows = [(9, "0: 0 0"), (10, "1: 10 0"), (20, "3: 10 3"), (29, "3: 10 3"), (30, "5: 9 5"), (60, "5: 9 5")];
        for (second, expected) in rows {
            assert_eq!(in_words(state_at(&movements, At::Time(time(second)))), expected, "at {second}");
        }
    }

    /// Protects answers: damage after a moment does not matter, and damage before it is an error.
    #[test]
    fn damage_matters_up_to_the_moment() {
        let broken = "A@unassigned: movement 4 does not lead from its before to its after";
        let gap = "A@unassigned: movement 5 comes next after 3";
        let rows = [
            (At::Seq(3), "3: 10 3", "3: 10 3"),
            (At::Seq(4), broken, gap),
            (At::Seq(9), broken, gap),
            (At::Now, broken, gap),
            (At::Time(time(2)), "2: 10 1", "2: 10 1"),
            (At::Time(time(3)), "3: 10 3", gap),
            (At::Time(time(4)), broken, gap),
            (At::Time(time(5)), broken, gap),
        ];
        for (at, edited, removed) in rows {
            let (_, mut movements) = history([1, 2, 3, 4, 5]);
            movements[3].after.held = Quantity::new(1);
            assert_eq!(in_words(state_at(&movements, at)), edited, "{at:?}, edited");
            movements.remove(3);
            assert_eq!(in_words(state_at(&movements, at)), removed, "{at:?}, removed");
        }
    }

    /// Protects the movements shown with a moment: the newest before it, and none after it.
    #[test]
    fn the_last_movements_are_kept() {
        let (_, movements) = history([10, 50, 20, 60, 30]);
        let rows: [(At, usize, &[u64]); 7] = [
            (At::Now, 0, &[]),
            (At::Now, 2, &[4, 5]),
            (At::Now, 9, &[1, 2, 3, 4, 5]),
            (At::Seq(3), 2, &[2, 3]),
            (At::Seq(0), 2, &[]),
            (At::Time(time(20)), 2, &[2, 3]),
            (At::Time(time(20)), 9, &[1, 2, 3]),
        ];
        for (at, keep, expected) in rows {
            let mut rewind = Rewind::to(at, keep);
            movements.iter().for_each(|movement| rewind.follow(movement));
            let moment = rewind.finish().expect("the history is sound");
            assert_eq!(moment.recent.iter().map(|movement| movement.seq).collect::<Vec<_>>(), expected, "{at:?}, {keep}");
        }
    }
}
