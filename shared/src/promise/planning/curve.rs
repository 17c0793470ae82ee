//! Cumulative curves: the number of units up to and including a day, stored as the days on which the number changes.

use crate::promise::planning::Day;
use crate::promise::planning::index::{IndexVec, NodeIndex};

/// The cumulative number of units from this day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Step {
    pub(super) day: Day,
    pub(super) units: i64,
}

/// The value of a curve on a day; zero before its first step.
pub(super) fn on(curve: &[Step], day: Day) -> i64 {
    curve.iter().take_while(|step| step.day <= day).last().map_or(0, |step| step.units)
}

/// The final value of a curve.
pub(super) fn end(curve: &[Step]) -> i64 {
    curve.last().map_or(0, |step| step.units)
}

/// Adds a step to a curve that is built day by day.
#[inline]
pub(super) fn push(curve: &mut Vec<Step>, day: Day, units: i64) {
    match curve.last_mut() {
        Some(last) if last.units == units => {}
        Some(last) if last.day == day => last.units = units,
        Some(_) => curve.push(Step { day, units }),
        None if units == 0 => {}
        None => curve.push(Step { day, units }),
    }
}

/// Turns individual changes in any order into a curve.
pub(super) fn cumulate(changes: &mut Vec<Step>) {
    changes.sort_unstable_by_key(|change| change.day);
    let (mut kept, mut sum) = (0, 0_i64);
    for next in 0..changes.len() {
        let Step { day, units } = changes[next];
        sum = sum.saturating_add(units);
        if kept > 0 && changes[kept - 1].day == day {
            changes[kept - 1].units = sum;
        } else {
            changes[kept] = Step { day, units: sum };
            kept += 1;
        }
    }
    changes.truncate(kept);
}

/// Iterates over two curves: each day on which one of them changes, with the values of both from that day on.
pub(super) struct Both<'a> {
    left: &'a [Step],
    right: &'a [Step],
    now: (i64, i64),
}

impl<'a> Both<'a> {
    #[inline]
    pub(super) fn of(left: &'a [Step], right: &'a [Step]) -> Self {
        Self { left, right, now: (0, 0) }
    }

    /// The day of the next change.
    #[inline]
    pub(super) fn next_day(&self) -> Option<Day> {
        match (self.left.first(), self.right.first()) {
            (Some(left), Some(right)) => Some(left.day.min(right.day)),
            (Some(one), None) | (None, Some(one)) => Some(one.day),
            (None, None) => None,
        }
    }
}

impl Iterator for Both<'_> {
    type Item = (Day, i64, i64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let day = self.next_day()?;
        if let Some((step, rest)) = self.left.split_first()
            && step.day == day
        {
            (self.now.0, self.left) = (step.units, rest);
        }
        if let Some((step, rest)) = self.right.split_first()
            && step.day == day
        {
            (self.now.1, self.right) = (step.units, rest);
        }
        Some((day, self.now.0, self.now.1))
    }
}

/// One curve per item, in one block of memory. A curve that outgrows its space moves to the end of the block.
#[derive(Default)]
pub(super) struct Curves {
    steps: Vec<Step>,
    at: IndexVec<NodeIndex, Room>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Room {
    start: usize,
    len: usize,
    room: usize,
}

impl Curves {
    /// Resets to `count` empty curves.
    pub(super) fn reset(&mut self, count: usize) {
        self.steps.clear();
        let rooms = self.at.elements();
        rooms.clear();
        rooms.resize(count, Room::default());
    }

    #[inline]
    pub(super) fn of(&self, index: NodeIndex) -> &[Step] {
        let Room { start, len, .. } = self.at[index];
        &self.steps[start..start + len]
    }

    pub(super) fn set(&mut self, index: NodeIndex, curve: &[Step]) {
        let Room { start, room, .. } = self.at[index];
        if curve.len() <= room {
            self.steps[start..start + curve.len()].copy_from_slice(curve);
            self.at[index].len = curve.len();
        } else {
            // One spare step, because most curves grow by one or two steps.
            self.at[index] = Room { start: self.steps.len(), len: curve.len(), room: curve.len() + 1 };
            self.steps.extend_from_slice(curve);
            self.steps.push(Step::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::planning::index::TypedIndex;

    fn curve(steps: &[(Day, i64)]) -> Vec<Step> {
        steps.iter().map(|&(day, units)| Step { day, units }).collect()
    }

    /// Protects curves from being read a day off.
    #[test]
    fn curves_are_cumulative() {
        let mut changes = curve(&[(5, 2), (0, 1), (5, -1), (9, 4)]);
        cumulate(&mut changes);
        assert_eq!(changes, curve(&[(0, 1), (5, 2), (9, 6)]));
        for (day, expect) in [(0, 1), (4, 1), (5, 2), (8, 2), (9, 6), (100, 6)] {
            assert_eq!(on(&changes, day), expect, "day {day}");
        }
        assert_eq!(on(&changes[1..], 4), 0);
        let other = curve(&[(3, 7), (5, 8)]);
        let both: Vec<_> = Both::of(&changes, &other).collect();
        assert_eq!(both, [(0, 1, 0), (3, 1, 7), (5, 2, 8), (9, 6, 8)]);
    }

    /// Protects one item's curve from another's that grows.
    #[test]
    fn curves_keep_apart() {
        let mut curves = Curves::default();
        let [first, second] = [0, 1].map(NodeIndex::new);
        curves.reset(2);
        curves.set(first, &curve(&[(0, 1)]));
        curves.set(second, &curve(&[(0, 2)]));
        for len in 1..6 {
            let long: Vec<Step> = (0..len).map(|day| Step { day, units: day.into() }).collect();
            curves.set(first, &long);
            assert_eq!((curves.of(first), curves.of(second)), (&long[..], &curve(&[(0, 2)])[..]));
        }
        curves.set(first, &[]);
        assert!(curves.of(first).is_empty());
    }
}
