//! The tree bound: at most so many more units of a good, as if each of its branches had what is left to itself.
//!
//! One walk up a bill. It is never below what can be made, and where no two branches of the good share what is scarce it is
//! exactly that; what stops the next unit is then known without another walk.

use super::curve::on;
use super::explode::{Cause, Engine};
use super::ratio::FULL;
use super::{Day, MOST_OFFERED};

/// Buffers of the walk, by item.
#[derive(Default)]
pub(super) struct Bound {
    /// The latest day an item of this good is needed by, and most of it by then.
    latest: Vec<Option<Day>>,
    most: Vec<i64>,
    /// What holds an item back: itself, or the component to look at next.
    held: Vec<(usize, Cause)>,
}

/// What a bound comes to.
pub(super) struct Most {
    pub(super) units: i64,
    /// Slots with options or days, or numbers that may be rounded the other way: what was found is where to begin, and no
    /// bound.
    pub(super) unsure: bool,
    /// From the good down to what stops the next unit, and why that does.
    pub(super) path: Vec<usize>,
    pub(super) cause: Cause,
    pub(super) needed: Day,
}

impl Bound {
    pub(super) fn of_size(count: usize) -> Self {
        Self { latest: vec![None; count], most: vec![0; count], held: vec![(0, Cause::Stock); count] }
    }

    /// How many more of `good` there can be by `day`, at most. `list` is everything below it, parents first.
    pub(super) fn walk(&mut self, engine: &Engine<'_>, list: &[usize], good: usize, day: Day) -> Most {
        for &at in list {
            self.latest[at] = None;
        }
        self.latest[good] = Some(day);
        for &at in list {
            let Some(start) = self.latest[at].and_then(|day| day.checked_sub(engine.net.nodes[at].lead)) else { continue };
            for edge in engine.net.edges(at) {
                let latest = &mut self.latest[edge.item];
                *latest = Some(latest.map_or(start, |day| day.max(start)));
            }
        }
        let mut unsure = false;
        for &at in list.iter().rev() {
            if let Some(day) = self.latest[at] {
                self.item(engine, at, day, &mut unsure);
            }
        }
        let units = self.most[good].min(MOST_OFFERED);
        let mut path = vec![good];
        let mut at = good;
        loop {
            let (next, cause) = self.held[at];
            if next == at {
                return Most { units, unsure, path, cause, needed: self.latest[at].unwrap_or(day) };
            }
            path.push(next);
            at = next;
        }
    }

    /// One item, when its components are known.
    fn item(&mut self, engine: &Engine<'_>, at: usize, day: Day, unsure: &mut bool) {
        let node = &engine.net.nodes[at];
        let left = engine.left.of(at);
        if engine.buying && node.bought_in.is_some_and(|bought_in| day >= bought_in) {
            (self.most[at], self.held[at]) = (FULL, (at, Cause::Stock));
            return;
        }
        if !node.made {
            let later = left
                .iter()
                .skip_while(|step| step.day <= day)
                .take_while(|step| !engine.buying || node.bought_in.is_none_or(|bought_in| step.day < bought_in));
            let least = later.map(|step| step.units).fold(on(left, day), i64::min);
            (self.most[at], self.held[at]) = (least.max(0), (at, Cause::Stock));
            return;
        }
        let Some(start) = day.checked_sub(node.lead) else {
            (self.most[at], self.held[at]) = (on(left, day).max(0), (at, Cause::Lead));
            return;
        };
        let starts = engine.starts.of(at);
        let so_far = on(starts, start);
        // What is added to starts there are already may be rounded to less on a later day than on this one.
        *unsure |= !starts.is_empty() && (node.centre.is_some() || !node.yields.is_one());
        let (mut more, mut held) = (FULL, (at, Cause::Stock));
        if let Some(centre) = node.centre {
            (more, held) = (engine.loads.reachable(centre, start, starts) - so_far, (at, Cause::Centre));
        }
        for span in &engine.net.slots[node.first..node.end] {
            if span.is_plain() {
                let edge = engine.net.uses[span.first];
                *unsure |= !starts.is_empty() && !edge.per.is_whole();
                let total = self.most[edge.item].saturating_add(edge.per.of_up(so_far));
                let room = edge.per.per_down(total).min(FULL) - so_far;
                if room < more {
                    (more, held) = (room, (edge.item, Cause::Stock));
                }
                continue;
            }
            *unsure = true;
            if span.is_always() {
                let options = &engine.net.uses[span.first..span.end];
                let room = |edge: &super::net::Edge| edge.per.per_down(self.most[edge.item].saturating_add(1));
                let sum = options.iter().map(room).fold(0, i64::saturating_add);
                if sum < more {
                    (more, held) = (sum, (options[0].item, Cause::Stock));
                }
            }
        }
        let made = node.yields.of_down(so_far.saturating_add(more.max(0)));
        (self.most[at], self.held[at]) = (made.saturating_add(on(left, day)).clamp(0, FULL), held);
    }
}
