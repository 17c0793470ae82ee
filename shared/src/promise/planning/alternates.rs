//! Alternates: a slot takes its first option. Where that makes an item short, as many starts as needed move to the next option.
//!
//! Starts only move forwards along the options of their slot, the slots closest to the shortage first, and the demands are
//! exploded again after each move. So the search ends, and the same group always gives the same result. It is a heuristic, not an
//! optimisation over all combinations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::promise::planning::Day;
use crate::promise::planning::curve::{Step, end, on, push};
use crate::promise::planning::explosion::{Demand, Engine, Shortage, ShortageCause};
use crate::promise::planning::index::NodeIndex;
use crate::promise::planning::trial::Touched;

/// The most moves in one trial, which bounds its time.
const MOST_MOVES: usize = 100;

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

    /// Places the demands even if items become short, and uses alternates for as much of the shortage as they can cover.
    pub(super) fn force(&mut self, list: &[NodeIndex], demands: &[Demand]) {
        self.begin();
        self.explode(list, demands, false);
        for _ in 0..MOST_MOVES {
            let shortages = std::mem::take(&mut self.shortages);
            if !self.choices || !shortages.iter().any(|short| self.switch(list, *short)) {
                self.shortages = shortages;
                break;
            }
            self.explode(list, demands, false);
        }
        self.short_items.extend(self.shortages.iter().map(|short| short.at));
        self.keep_trial();
        self.commit();
    }

    /// Moves starts of the slot nearest above the shortage to their next option. Returns false when there is none.
    fn switch(&mut self, list: &[NodeIndex], short: Shortage) -> bool {
        let inside: BTreeSet<NodeIndex> = list.iter().copied().collect();
        let node = self.graph.nodes[short.at];
        let (units, day) = match short.cause {
            ShortageCause::Stock | ShortageCause::Lead => (short.excess, short.day),
            ShortageCause::Centre => (node.yields.of_down(short.excess).max(1), short.day.saturating_add(node.lead)),
        };
        let mut open = VecDeque::from([(short.at, units, day)]);
        let mut seen = BTreeSet::from([short.at]);
        while let Some((item, units, day)) = open.pop_front() {
            for &parent in list {
                let node = self.graph.nodes[parent];
                for slot in node.first..node.end {
                    let span = self.graph.slots[slot];
                    for option in span.first..span.end {
                        let edge = self.graph.uses[option];
                        if edge.item != item || !inside.contains(&parent) {
                            continue;
                        }
                        let drawn = self.drawn_now(parent, slot, option);
                        let there = on(&drawn, day);
                        if there <= 0 {
                            continue;
                        }
                        let starts = edge.per.per_up(units).max(1);
                        if option + 1 < span.end {
                            self.advance(parent, option, &drawn, day, starts.min(there), option == span.first);
                            return true;
                        }
                        if seen.insert(parent) {
                            open.push_back((parent, node.yields.of_down(starts).max(1), day.saturating_add(node.lead)));
                        }
                    }
                }
            }
        }
        false
    }

    /// Moves this number of starts to the next option: the latest of those up to and including `day`.
    fn advance(&mut self, parent: NodeIndex, option: usize, drawn: &[Step], day: Day, starts: i64, first: bool) {
        let stays = on(drawn, day) - starts;
        let mut moved = Vec::new();
        for step in drawn.iter().filter(|step| step.day <= day) {
            push(&mut moved, step.day, (step.units - stays).max(0));
        }
        let committed = |option: usize, engine: &Self| engine.switched.get(&option).cloned().unwrap_or_default();
        for (option, sign) in [(option, -1), (option + 1, 1)] {
            if first && sign < 0 {
                continue; // The first option takes the starts that the others do not take.
            }
            let old = self.trial.switched.get(&option).cloned().unwrap_or_else(|| committed(option, self));
            let mut new = Vec::new();
            for (day, old, moved) in super::curve::Both::of(&old, &moved) {
                push(&mut new, day, old + sign * moved);
            }
            self.trial.switched.insert(option, new);
        }
        self.trial.dirty.insert(parent);
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
