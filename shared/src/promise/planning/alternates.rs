//! Alternates: a slot takes its first option. Where that makes an item short, as many starts as needed move to the next option.
//!
//! While demands may fit, starts only move forwards along the options of their slot, the slots closest to the shortage first, and
//! the demands are exploded again after each move. Demands that are placed although they do not fit may move starts to any
//! option, as long as less is missing after each move. So both searches end, and the same group always gives the same result.
//! They are heuristics, not an optimisation over all combinations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::promise::planning::Day;
use crate::promise::planning::curve::{Both, Step, cumulate, end, on, push};
use crate::promise::planning::explosion::{Demand, Engine, Shortage, ShortageCause};
use crate::promise::planning::index::NodeIndex;
use crate::promise::planning::trial::Touched;

/// The most moves in one trial, which bounds its time.
const MOST_MOVES: usize = 100;

/// The most explosions that look for options with less missing, for demands that do not fit.
const MOST_TRIES: usize = 1_000;

/// A number of starts that can take another option of their slot.
struct Move {
    parent: NodeIndex,
    /// The first option of the slot, the one that the starts take, and the other one.
    first: usize,
    from: usize,
    to: usize,
    /// All starts that take `from`; up to and including `day`, this number of them can move.
    drawn: Vec<Step>,
    day: Day,
    starts: i64,
}

impl Engine<'_> {
    /// Explodes the demands and switches to alternates where that helps. Returns `None` when no item gets shorter; the trial can
    /// then be committed.
    pub(super) fn fit(&mut self, list: &[NodeIndex], demands: &[Demand]) -> Option<Shortage> {
        self.begin();
        let mut moved = None;
        for _ in 0..=MOST_MOVES {
            let Some(short) = self.explode(list, demands, true) else {
                return moved.filter(|_| self.takes_from_short_items());
            };
            if !self.choices || !self.switch(list, short) {
                return Some(short);
            }
            moved = Some(short);
        }
        moved
    }

    /// Whether the moves took units of an item that is already short. Its open requirement has precedence: starts that moved away
    /// from the item to make room do not free units for this demand.
    fn takes_from_short_items(&self) -> bool {
        let less = |touched: &Touched| self.trial.delta(*touched).iter().any(|step| step.units < 0);
        self.trial.touched.iter().any(|touched| self.short_items.contains(&touched.at) && less(touched))
    }

    /// Places the demands even if items become short, and moves starts to other options as long as the shortages then end earlier
    /// or become smaller. So starts that must wait are at the options that can supply them first, and only what arrives there
    /// beyond them is offered.
    pub(super) fn force(&mut self, list: &[NodeIndex], demands: &[Demand]) {
        self.begin();
        self.explode(list, demands, false);
        let mut tries = 0;
        while self.choices && self.relieve(list, demands, &mut tries) {}
        self.short_items.extend(self.shortages.iter().map(|short| short.at));
        self.keep_trial();
        self.commit();
    }

    /// Makes the first move that leaves less missing. Returns false when no move does.
    fn relieve(&mut self, list: &[NodeIndex], demands: &[Demand], tries: &mut usize) -> bool {
        let before = self.missing();
        let moves: Vec<Move> = self.shortages.iter().flat_map(|short| self.moves(list, *short, false)).collect();
        let switched = self.trial.switched.clone();
        for one in moves {
            let mut starts = one.starts;
            while starts > 0 && *tries < MOST_TRIES {
                *tries += 1;
                self.advance(&one, starts);
                self.explode(list, demands, false);
                // The last day with a difference decides.
                let differ = |(_, now, before): &(Day, i64, i64)| now != before;
                if Both::of(&self.missing(), &before).filter(differ).last().is_some_and(|(_, now, before)| now < before) {
                    return true;
                }
                self.trial.switched.clone_from(&switched);
                starts /= 2;
            }
        }
        self.explode(list, demands, false);
        false
    }

    /// The units that the last explosion leaves missing on each day beyond those that were missing before, of all items together.
    /// Starts that a work centre cannot do are missing for one day.
    fn missing(&self) -> Vec<Step> {
        let mut changes = Vec::new();
        for &touched in &self.trial.touched {
            let node = self.graph.nodes[touched.at];
            let produced = if node.is_produced { node.lead } else { Day::MAX };
            let bought = node.bought_in.filter(|_| self.buying).unwrap_or(Day::MAX);
            let supplied = produced.min(bought);
            let mut missing = 0;
            let both = Both::of(self.left.of(touched.at), self.trial.delta(touched));
            for (day, left, more) in both.take_while(|(day, ..)| *day < supplied) {
                let now = (more - left.clamp(0, more.max(0))).max(0);
                changes.push(Step { day, units: now - missing });
                missing = now;
            }
            changes.push(Step { day: supplied, units: -missing });
        }
        for short in self.shortages.iter().filter(|short| short.cause == ShortageCause::Centre) {
            changes.push(Step { day: short.day, units: short.excess });
            changes.push(Step { day: short.day.saturating_add(1), units: -short.excess });
        }
        cumulate(&mut changes);
        changes
    }

    /// Moves starts of the slot nearest above the shortage to their next option. Returns false when there is none.
    fn switch(&mut self, list: &[NodeIndex], short: Shortage) -> bool {
        let next = self.moves(list, short, true).pop();
        if let Some(next) = &next {
            self.advance(next, next.starts);
        }
        next.is_some()
    }

    /// The moves that take starts away from an item that is short, of the nearest slots above it first. With `forwards`, only the
    /// first move to the next option of its slot.
    fn moves(&self, list: &[NodeIndex], short: Shortage, forwards: bool) -> Vec<Move> {
        let inside: BTreeSet<NodeIndex> = list.iter().copied().collect();
        let node = self.graph.nodes[short.at];
        let (units, day) = match short.cause {
            ShortageCause::Stock | ShortageCause::Lead => (short.excess, short.day),
            ShortageCause::Centre => (node.yields.of_down(short.excess).max(1), short.day.saturating_add(node.lead)),
        };
        let mut open = VecDeque::from([(short.at, units, day)]);
        let mut seen = BTreeSet::from([short.at]);
        let mut moves = Vec::new();
        while let Some((item, units, day)) = open.pop_front() {
            for &parent in list {
                let node = self.graph.nodes[parent];
                for slot in node.first..node.end {
                    let span = self.graph.slots[slot];
                    for from in span.first..span.end {
                        let edge = self.graph.uses[from];
                        if edge.item != item || !inside.contains(&parent) {
                            continue;
                        }
                        let drawn = self.drawn_now(parent, slot, from);
                        let there = on(&drawn, day);
                        if there <= 0 {
                            continue;
                        }
                        let starts = edge.per.per_up(units).max(1);
                        for to in (span.first..span.end).filter(|&to| if forwards { to == from + 1 } else { to != from }) {
                            let drawn = drawn.clone();
                            moves.push(Move { parent, first: span.first, from, to, drawn, day, starts: starts.min(there) });
                            if forwards {
                                return moves;
                            }
                        }
                        if seen.insert(parent) {
                            open.push_back((parent, node.yields.of_down(starts).max(1), day.saturating_add(node.lead)));
                        }
                    }
                }
            }
        }
        moves
    }

    /// Moves this number of starts to the other option: the latest of those up to and including the day of the move.
    fn advance(&mut self, one: &Move, starts: i64) {
        let stays = on(&one.drawn, one.day) - starts;
        let mut moved = Vec::new();
        for step in one.drawn.iter().filter(|step| step.day <= one.day) {
            push(&mut moved, step.day, (step.units - stays).max(0));
        }
        // The first option takes the starts that the others do not take.
        for (option, sign) in [(one.from, -1), (one.to, 1)].into_iter().filter(|(option, _)| *option != one.first) {
            let committed = || self.switched.get(&option).cloned().unwrap_or_default();
            let old = self.trial.switched.get(&option).cloned().unwrap_or_else(committed);
            let mut new = Vec::new();
            for (day, old, moved) in Both::of(&old, &moved) {
                push(&mut new, day, old + sign * moved);
            }
            self.trial.switched.insert(option, new);
        }
        self.trial.dirty.insert(one.parent);
    }

    /// The starts that take an option, as the last explosion left them.
    fn drawn_now(&self, parent: NodeIndex, slot: usize, option: usize) -> Vec<Step> {
        let mut drawn = Vec::new();
        let touched = self.trial.find(parent);
        let starts = touched.map_or_else(|| self.starts.of(parent), |touched| self.trial.starts(touched));
        self.drawn_by(slot, option, starts, &self.trial.switched, &mut drawn);
        drawn
    }

    /// The part of an item's starts that takes this option of this slot.
    pub(super) fn drawn_by(
        &self,
        slot: usize,
        option: usize,
        starts: &[Step],
        switched: &BTreeMap<usize, Vec<Step>>,
        drawn: &mut Vec<Step>,
    ) {
        let span = self.graph.slots[slot];
        let moved = |option: usize| switched.get(&option).or_else(|| self.switched.get(&option)).map_or(&[][..], Vec::as_slice);
        drawn.clear();
        if option > span.first {
            drawn.extend_from_slice(moved(option));
            return;
        }
        let before = span.from.checked_sub(1).map_or(0, |before| on(starts, before));
        let others: Vec<&[Step]> = (span.first + 1..span.end).map(moved).filter(|curve| end(curve) > 0).collect();
        let inside = starts.iter().map(|step| step.day).filter(|&day| day >= span.from && day < span.until);
        let mut days: Vec<Day> = inside.chain(others.iter().flat_map(|curve| curve.iter().map(|step| step.day))).collect();
        days.sort_unstable();
        days.dedup();
        let mut most = 0;
        for day in days {
            let started = on(starts, day.min(span.until.saturating_sub(1))) - before;
            let elsewhere: i64 = others.iter().map(|curve| on(curve, day)).sum();
            most = most.max(started.max(0) - elsewhere);
            push(drawn, day, most);
        }
    }
}
