//! The tree bound: at most so many more units of a good, as if each of its branches had what is left to itself.
//!
//! One walk up a bill. It is never below what can be made, and where no two branches of the good share what is scarce it is
//! exactly that; what stops the next unit is then known without another walk.

use crate::promise::planning::curve::{end, on};
use crate::promise::planning::explode::{Cause, Engine};
use crate::promise::planning::ratio::FULL;
use crate::promise::planning::{Day, MOST_OFFERED};

/// Buffers of the walk, by item.
#[derive(Default)]
pub(super) struct Bound {
    /// The latest day each item is needed by, and most of it by then.
    latest: Vec<Option<Day>>,
    most: Vec<i64>,
    /// What holds an item back: itself, or the component to look at next.
    held: Vec<(usize, Cause)>,
    /// Whether that may be rounded the other way.
    rough: Vec<bool>,
    /// Whether a slot of the walk may take one of several.
    choices: bool,
}

/// What a bound comes to.
pub(super) struct Most {
    pub(super) units: i64,
    /// Slots with options, or numbers on the way that may be rounded the other way: what was found is where to begin, and
    /// no bound.
    pub(super) unsure: bool,
    /// From the good down to what stops the next unit, and why that does.
    pub(super) path: Vec<usize>,
    pub(super) cause: Cause,
    pub(super) needed: Day,
}

impl Bound {
    pub(super) fn of_size(count: usize) -> Self {
        let held = vec![(0, Cause::Stock); count];
        Self { latest: vec![None; count], most: vec![0; count], held, rough: vec![false; count], choices: false }
    }

    /// How many more of `good` there can be by `day`, at most. `list` is everything below it, parents first.
    pub(super) fn walk(&mut self, engine: &Engine<'_>, list: &[usize], good: usize, day: Day) -> Most {
        self.prepare(engine, list, &[(good, day)]);
        self.of(engine, good, day)
    }

    /// Walks everything below these goods once. What several need is asked for the latest day that one of them needs it by:
    /// still a bound for each.
    pub(super) fn prepare(&mut self, engine: &Engine<'_>, list: &[usize], goods: &[(usize, Day)]) {
        for &at in list {
            self.latest[at] = None;
        }
        for &(good, day) in goods {
            self.latest[good] = self.latest[good].max(Some(day));
        }
        for &at in list {
            let Some(start) = self.latest[at].and_then(|day| day.checked_sub(engine.net.nodes[at].lead)) else { continue };
            for edge in engine.net.edges(at) {
                self.latest[edge.item] = self.latest[edge.item].max(Some(start));
            }
        }
        self.choices = false;
        for &at in list.iter().rev() {
            if let Some(day) = self.latest[at] {
                self.item(engine, at, day);
            }
        }
    }

    /// What the last walk says of one of its goods.
    pub(super) fn of(&self, engine: &Engine<'_>, good: usize, day: Day) -> Most {
        let mut most = Most {
            units: self.most[good].min(MOST_OFFERED),
            unsure: self.choices,
            path: vec![good],
            cause: Cause::Stock,
            needed: day,
        };
        let mut at = good;
        loop {
            most.unsure |= self.rough[at];
            let (next, cause) = self.held[at];
            if next == at {
                most.cause = cause;
                return most;
            }
            most.needed = most.needed.saturating_sub(engine.net.nodes[at].lead);
            most.path.push(next);
            at = next;
        }
    }

    /// One item, when its components are known.
    fn item(&mut self, engine: &Engine<'_>, at: usize, day: Day) {
        let node = &engine.net.nodes[at];
        let left = engine.left.of(at);
        self.rough[at] = false;
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
        let later = end(starts) != so_far;
        let rough = if node.centre.is_some() { !starts.is_empty() } else { later && !node.yields.is_one() };
        let mut rough_slot = false;
        let (mut more, mut held) = (FULL, (at, Cause::Stock));
        if let Some(centre) = node.centre {
            (more, held) = (engine.loads.reachable(centre, start, starts) - so_far, (at, Cause::Centre));
        }
        for span in &engine.net.slots[node.first..node.end] {
            if span.is_plain() {
                let edge = engine.net.uses[span.first];
                let total = self.most[edge.item].saturating_add(edge.per.of_up(so_far));
                let room = edge.per.per_down(total).min(FULL) - so_far;
                if room < more {
                    (more, held) = (room, (edge.item, Cause::Stock));
                    rough_slot = later && !edge.per.is_whole();
                }
                continue;
            }
            if span.is_always() {
                self.choices = true;
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
        self.rough[at] = rough || rough_slot;
    }
}
