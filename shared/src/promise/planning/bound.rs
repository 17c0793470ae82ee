//! The tree bound: the most additional units of a finished good, as if each of its branches had the remaining stock to itself.
//!
//! One walk up the bill of materials computes it. The bound is never below what can be produced, and it is exact where no two
//! branches of the finished good share a scarce item. In that case the constraint on the next unit is known without another walk.

use crate::promise::planning::curve::{end, on};
use crate::promise::planning::explosion::{Engine, ShortageCause};
use crate::promise::planning::index::{IndexVec, NodeIndex, TypedIndex};
use crate::promise::planning::ratio::FULL;
use crate::promise::planning::{Day, MAX_OFFERED};

/// Buffers of the walk, by item.
#[derive(Default)]
pub(super) struct Bound {
    /// The latest day by which each item is required, and the most units of it by then.
    latest: IndexVec<NodeIndex, Option<Day>>,
    most: IndexVec<NodeIndex, i64>,
    /// What limits an item: the item itself, or the component to look at next.
    held: IndexVec<NodeIndex, (NodeIndex, ShortageCause)>,
    /// Whether rounding can make the number of an item too low.
    rough: IndexVec<NodeIndex, bool>,
    /// Whether a slot of the walk has alternates.
    choices: bool,
}

/// The bound of one finished good.
pub(super) struct UnitBound {
    pub(super) units: i64,
    /// Whether the bound is uncertain, because the path has slots with alternates or numbers that rounding can make too low. The
    /// search then begins at `units` and may go beyond it.
    pub(super) unsure: bool,
    /// The path from the finished good down to the constraint on the next unit, and the cause.
    pub(super) path: Vec<NodeIndex>,
    pub(super) cause: ShortageCause,
    pub(super) needed: Day,
}

impl Bound {
    pub(super) fn of_size(count: usize) -> Self {
        Self {
            latest: IndexVec::filled(None, count),
            most: IndexVec::filled(0, count),
            held: IndexVec::filled((NodeIndex::new(0), ShortageCause::Stock), count),
            rough: IndexVec::filled(false, count),
            choices: false,
        }
    }

    /// The most additional units of the finished good `top` by `day`. `list` holds every item below it, parents before
    /// components.
    pub(super) fn walk(&mut self, engine: &Engine<'_>, list: &[NodeIndex], top: NodeIndex, day: Day) -> UnitBound {
        self.prepare(engine, list, &[(top, day)]);
        self.of(engine, top, day)
    }

    /// Walks every item below these finished goods once. An item that several of them need is required by the latest of their
    /// days, so the result is still a bound for each of them.
    pub(super) fn prepare(&mut self, engine: &Engine<'_>, list: &[NodeIndex], finished_goods: &[(NodeIndex, Day)]) {
        for &at in list {
            self.latest[at] = None;
        }
        for &(top, day) in finished_goods {
            self.latest[top] = self.latest[top].max(Some(day));
        }
        for &at in list {
            let Some(start) = self.latest[at].and_then(|day| day.checked_sub(engine.graph.nodes[at].lead)) else { continue };
            for edge in engine.graph.edges(at) {
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

    /// The result of the last walk for one of its finished goods.
    pub(super) fn of(&self, engine: &Engine<'_>, top: NodeIndex, day: Day) -> UnitBound {
        let mut most = UnitBound {
            units: self.most[top].min(MAX_OFFERED),
            unsure: self.choices,
            path: vec![top],
            cause: ShortageCause::Stock,
            needed: day,
        };
        let mut at = top;
        loop {
            most.unsure |= self.rough[at];
            let (next, cause) = self.held[at];
            if next == at {
                most.cause = cause;
                return most;
            }
            most.needed = most.needed.saturating_sub(engine.graph.nodes[at].lead);
            most.path.push(next);
            at = next;
        }
    }

    /// Computes one item whose components are computed already.
    fn item(&mut self, engine: &Engine<'_>, at: NodeIndex, day: Day) {
        let node = &engine.graph.nodes[at];
        let left = engine.left.of(at);
        self.rough[at] = false;
        if engine.buying && node.bought_in.is_some_and(|bought_in| day >= bought_in) {
            (self.most[at], self.held[at]) = (FULL, (at, ShortageCause::Stock));
            return;
        }
        if !node.is_produced {
            let later = left
                .iter()
                .skip_while(|step| step.day <= day)
                .take_while(|step| !engine.buying || node.bought_in.is_none_or(|bought_in| step.day < bought_in));
            let least = later.map(|step| step.units).fold(on(left, day), i64::min);
            (self.most[at], self.held[at]) = (least.max(0), (at, ShortageCause::Stock));
            return;
        }
        let Some(start) = day.checked_sub(node.lead) else {
            (self.most[at], self.held[at]) = (on(left, day).max(0), (at, ShortageCause::Lead));
            return;
        };
        let starts = engine.starts.of(at);
        let so_far = on(starts, start);
        // Additional units on top of committed starts may be rounded to fewer starts on a later day than on this one.
        let later = end(starts) != so_far;
        let rough = if node.centre.is_some() { !starts.is_empty() } else { later && !node.yields.is_one() };
        let mut rough_slot = false;
        let (mut more, mut held) = (FULL, (at, ShortageCause::Stock));
        if let Some(centre) = node.centre {
            (more, held) = (engine.loads.reachable(centre, start, starts) - so_far, (at, ShortageCause::Centre));
        }
        for span in &engine.graph.slots[node.first..node.end] {
            if span.is_plain() {
                let edge = engine.graph.uses[span.first];
                let total = self.most[edge.item].saturating_add(edge.per.of_up(so_far));
                let room = edge.per.per_down(total).min(FULL) - so_far;
                if room < more {
                    (more, held) = (room, (edge.item, ShortageCause::Stock));
                    rough_slot = later && !edge.per.is_whole();
                }
                continue;
            }
            if span.is_always() {
                self.choices = true;
                let options = &engine.graph.uses[span.first..span.end];
                let room = |edge: &super::item_graph::ComponentEdge| edge.per.per_down(self.most[edge.item].saturating_add(1));
                let sum = options.iter().map(room).fold(0, i64::saturating_add);
                if sum < more {
                    (more, held) = (sum, (options[0].item, ShortageCause::Stock));
                }
            }
        }
        let made = node.yields.of_down(so_far.saturating_add(more.max(0)));
        (self.most[at], self.held[at]) = (made.saturating_add(on(left, day)).clamp(0, FULL), held);
        self.rough[at] = rough || rough_slot;
    }
}
