//! Capacity: the starts per day of a work centre, loaded backwards from the latest day.

use crate::promise::planning::curve::{Step, on, push};
use crate::promise::planning::{Day, FAR, PlanningGroup};

/// The starts at each work centre on each day.
pub(super) struct CapacityLoads {
    per_day: Vec<i64>,
    committed: Vec<Vec<i64>>,
    /// The starts that the current explosion adds, and the work centres where it adds them.
    trial: Vec<Vec<i64>>,
    changed: Vec<usize>,
    free: Vec<i64>,
    reach: Vec<i64>,
}

/// How the starts of an item fit into the capacity of its work centre.
pub(super) struct Loaded {
    /// Whether some starts come later than they are required. The item can then be shorter than its requirement alone shows.
    pub(super) is_delayed: bool,
    /// The largest excess over the capacity, if it is more than did not fit before.
    pub(super) excess: Option<CapacityExcess>,
}

/// Starts that exceed the capacity of a work centre.
pub(super) struct CapacityExcess {
    pub(super) day: Day,
    pub(super) demand: i64,
    pub(super) excess: i64,
}

impl CapacityLoads {
    pub(super) fn of(group: &PlanningGroup) -> Self {
        let none = vec![Vec::new(); group.centres.len()];
        Self {
            per_day: group.centres.iter().map(|centre| centre.per_day.units().max(0)).collect(),
            committed: none.clone(),
            trial: none,
            changed: Vec::new(),
            free: Vec::new(),
            reach: Vec::new(),
        }
    }

    /// Moves the starts of an item to the latest days on which its work centre has free capacity, so that by each day at least
    /// the required number of starts is done. Starts that do not fit go to the first days with free capacity. `before` holds the
    /// starts that were required before, and `committed` those that the item has at the work centre so far.
    pub(super) fn latest(&mut self, centre: usize, starts: &mut Vec<Step>, before: &[Step], committed: &[Step]) -> Loaded {
        let Some(&Step { day: last_wanted, units: total }) = starts.last() else {
            return Loaded { is_delayed: false, excess: None };
        };
        self.free.clear();
        self.reach.clear();
        let (mut worst, mut is_delayed, mut day, mut reach): (Option<CapacityExcess>, bool, Day, i64) = (None, false, 0, 0);
        let mut own = committed.iter().peekable();
        let mut own_so_far = 0;
        loop {
            let mine = own.next_if(|step| step.day == day).map_or(0, |step| {
                let more = step.units - own_so_far;
                own_so_far = step.units;
                more
            });
            let free = (self.free_on(centre, day) + mine).max(0);
            reach = free.saturating_add(reach);
            self.free.push(free);
            self.reach.push(reach);
            let wanted = on(starts, day);
            if wanted > reach {
                is_delayed = true;
                let lacked = (on(before, day) - own_so_far).max(0);
                let excess = wanted - reach - lacked;
                if excess > 0 && worst.as_ref().is_none_or(|worst| worst.excess < excess) {
                    worst = Some(CapacityExcess { day, demand: wanted, excess });
                }
            }
            if (day >= last_wanted && reach >= total) || day >= FAR {
                break;
            }
            day += 1;
        }
        let mut done = total.min(reach);
        let mut latest: Vec<Step> = Vec::new();
        for day in (0..=day).rev() {
            let (free, reach) = (self.free[slot(day)], self.reach[slot(day)]);
            // `done` is the number of starts up to and including this day. The day before must leave no more than today's free
            // capacity.
            let earlier = day.checked_sub(1).map_or(0, |before| on(starts, before).min(reach - free).max(done - free));
            if done > earlier {
                latest.push(Step { day, units: done });
            }
            done = earlier;
        }
        starts.clear();
        for step in latest.into_iter().rev() {
            push(starts, step.day, step.units);
        }
        self.note(centre, committed, starts);
        Loaded { is_delayed, excess: worst }
    }

    /// The starts that still fit up to and including a day, with those in `committed`.
    pub(super) fn reachable(&self, centre: usize, day: Day, committed: &[Step]) -> i64 {
        let free = (0..=day.min(FAR)).map(|day| self.free_on(centre, day).max(0)).fold(0, i64::saturating_add);
        free.saturating_add(on(committed, day))
    }

    /// Clears the committed starts of a work centre.
    pub(super) fn reset(&mut self, centre: usize) {
        self.committed[centre].clear();
    }

    fn free_on(&self, centre: usize, day: Day) -> i64 {
        let load = |of: &[Vec<i64>]| of[centre].get(slot(day)).copied().unwrap_or(0);
        self.per_day[centre] - load(&self.committed) - load(&self.trial)
    }

    /// Records in the current explosion that the starts of an item changed.
    fn note(&mut self, centre: usize, old: &[Step], new: &[Step]) {
        self.changed.push(centre);
        shift(&mut self.trial[centre], old, -1);
        shift(&mut self.trial[centre], new, 1);
    }

    /// Discards the starts that the explosion added.
    pub(super) fn forget(&mut self) {
        for centre in self.changed.drain(..) {
            self.trial[centre].clear();
        }
    }

    /// Commits the changed starts of an item.
    pub(super) fn replace(&mut self, centre: usize, old: &[Step], new: &[Step]) {
        shift(&mut self.committed[centre], old, -1);
        shift(&mut self.committed[centre], new, 1);
    }
}

fn shift(load: &mut Vec<i64>, starts: &[Step], sign: i64) {
    let mut before = 0;
    for step in starts {
        let at = slot(step.day);
        if load.len() <= at {
            load.resize(at + 1, 0);
        }
        load[at] += sign * (step.units - before);
        before = step.units;
    }
}

fn slot(day: Day) -> usize {
    usize::try_from(day).expect("a day fits into usize")
}
