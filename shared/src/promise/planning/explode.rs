//! Explosion: what an additional demand does to every item below it, netted against what is committed already.
//!
//! The engine holds what is committed: of each item what is left by each day, and what is started of it. An explosion walks
//! a list of items, parents first, with only the differences it makes, and leaves what is committed alone until it is
//! [committed](Engine::commit). Buffers are kept between explosions; a walk allocates nothing once they have grown.

use std::collections::{BTreeMap, BTreeSet};

use crate::promise::planning::centre::Loads;
use crate::promise::planning::curve::{Both, Curves, Step, cumulate, push};
use crate::promise::planning::need::need;
use crate::promise::planning::net::{Net, Node, Reacher, check};
use crate::promise::planning::trial::{Touched, Trial};
use crate::promise::planning::{Day, FAR, PlanningError, PlanningGroup};

/// Nobody: the item itself was asked for.
pub(super) const NOBODY: usize = usize::MAX;

/// Units of an item that are needed by a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    pub(super) at: usize,
    pub(super) day: Day,
    pub(super) units: i64,
}

/// What is missing: the first item of the walk that would be shorter than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) at: usize,
    pub(super) cause: Cause,
    /// The day on which it is missing most, and the day for which the additional units were asked.
    pub(super) day: Day,
    pub(super) needed: Day,
    /// What is asked for by that day (of a centre: starts), and how much of it there is not.
    pub(super) demand: i64,
    pub(super) excess: i64,
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is not made, and there is not enough.
    Stock,
    /// It would have to be started before today.
    Lead,
    /// Its centre has nothing free.
    Centre,
}

/// What is asked of an item so far: nearly always on one day.
#[derive(Clone, Default)]
struct Pending {
    day: Day,
    units: i64,
    more: Vec<Step>,
}

impl Pending {
    #[inline]
    fn is_empty(&self) -> bool {
        self.units == 0 && self.more.is_empty()
    }
}

/// What is committed, and the buffers of the walk.
pub(super) struct Engine<'p> {
    pub(super) net: Net<'p>,
    /// Whether what can be bought has no limit from its day on: for dates, not for what is shown.
    pub(super) buying: bool,
    /// What is left of each item by each day: what is there and comes, less what is needed.
    pub(super) left: Curves,
    /// What is started of each item.
    pub(super) starts: Curves,
    pub(super) loads: Loads,
    pub(super) switched: BTreeMap<usize, Vec<Step>>,
    /// Whether any slot of the pool has options, or days.
    pub(super) choices: bool,
    /// What there is not enough of since something was placed all the same.
    pub(super) lacking: BTreeSet<usize>,
    /// What is made and was never netted.
    unsettled: BTreeSet<usize>,
    pub(super) reacher: Reacher,
    pub(super) trial: Trial,
    /// The best explosion of a search, kept to be committed.
    pub(super) best: Trial,
    /// Who asked first for an item, in the last explosion.
    pub(super) via: Vec<usize>,
    /// What is short, of an explosion that goes on.
    pub(super) shorts: Vec<Short>,
    /// How many explosions there were.
    pub(super) explosions: u64,
    pending: Vec<Pending>,
    delta: Vec<Step>,
    target: Vec<Step>,
    before: Vec<Step>,
    drawn: (Vec<Step>, Vec<Step>),
}

impl<'p> Engine<'p> {
    /// An engine with a whole pool.
    pub(super) fn new(pool: &'p PlanningGroup, buying: bool) -> Result<Self, PlanningError> {
        check(pool)?;
        let mut engine = Self::empty(pool, buying);
        engine.load(&(0..pool.items.len()).collect::<Vec<_>>())?;
        Ok(engine)
    }

    /// An engine with nothing of a pool yet, which must have been checked.
    pub(super) fn empty(pool: &'p PlanningGroup, buying: bool) -> Self {
        Self {
            net: Net::empty(pool),
            buying,
            left: Curves::default(),
            starts: Curves::default(),
            loads: Loads::of(pool),
            switched: BTreeMap::new(),
            choices: false,
            lacking: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            reacher: Reacher::default(),
            trial: Trial::default(),
            best: Trial::default(),
            via: Vec::new(),
            shorts: Vec::new(),
            explosions: 0,
            pending: Vec::new(),
            delta: Vec::new(),
            target: Vec::new(),
            before: Vec::new(),
            drawn: (Vec::new(), Vec::new()),
        }
    }

    /// Begins anew with these items alone: what is there of them, what comes and what runs take; nothing promised yet, and
    /// nothing netted.
    pub(super) fn load(&mut self, items: &[usize]) -> Result<(), PlanningError> {
        self.net.nodes.iter().filter_map(|node| node.centre).for_each(|centre| self.loads.reset(centre));
        self.net.load(items)?;
        let count = items.len();
        self.left.reset(count);
        self.starts.reset(count);
        self.reacher.grow(count);
        self.pending.resize(count.max(self.pending.len()), Pending::default());
        self.via.resize(count.max(self.via.len()), NOBODY);
        self.switched.clear();
        self.lacking.clear();
        self.unsettled.clear();
        self.choices = self.net.slots.iter().any(|slot| !slot.is_plain());
        let changes = &mut self.before;
        for (at, &index) in self.net.index.iter().enumerate() {
            let item = &self.net.pool.items[index];
            changes.clear();
            changes.push(Step { day: 0, units: item.stock.units() });
            let comes = item.supplies.iter().filter(|(day, _)| *day < FAR);
            changes.extend(comes.map(|&(day, quantity)| Step { day, units: quantity.units() }));
            changes.extend(item.claims.iter().map(|&(day, taken)| Step { day: day.min(FAR), units: -taken.units() }));
            cumulate(changes);
            if self.net.nodes[at].made && changes.iter().any(|step| step.units < 0) {
                self.unsettled.insert(at);
            }
            self.left.set(at, changes);
        }
        Ok(())
    }

    /// Walks `list`, which holds everything below the demands, parents first. With `stop` it ends at the first item that
    /// would be shorter than it is; without, it goes on and notes them all.
    pub(super) fn explode(&mut self, list: &[usize], demands: &[Demand], stop: bool) -> Option<Short> {
        self.trial.clear();
        self.shorts.clear();
        self.explosions += 1;
        for demand in demands {
            self.ask(demand.at, demand.day.min(FAR), demand.units, NOBODY);
        }
        let mut found = None;
        for (next, &at) in list.iter().enumerate() {
            if self.pending[at].is_empty() && (self.trial.dirty.is_empty() || !self.trial.dirty.contains(&at)) {
                continue;
            }
            if let Some(short) = self.settle(at, stop) {
                if stop {
                    for &at in &list[next..] {
                        (self.pending[at].units, _) = (0, self.pending[at].more.clear());
                    }
                    found = Some(short);
                    break;
                }
                self.shorts.push(short);
            }
        }
        self.loads.forget();
        found
    }

    #[inline]
    fn ask(&mut self, at: usize, day: Day, units: i64, who: usize) {
        ask(&mut self.pending[at], &mut self.via[at], day, units, who);
    }

    /// Nets one item and asks its components for what that changes.
    fn settle(&mut self, at: usize, stop: bool) -> Option<Short> {
        let Self { net, pending, delta, trial, left, starts, target, loads, before, .. } = self;
        let node = net.nodes[at];
        let asked = &mut pending[at];
        delta.clear();
        delta.push(Step { day: asked.day, units: asked.units });
        if !asked.more.is_empty() {
            delta.append(&mut asked.more);
            cumulate(delta);
        }
        asked.units = 0;
        target.clear();
        let mut short = need(left.of(at), delta, &node, self.buying, target).map(|missing| missing.of(at, node.made));
        if stop && short.is_some() {
            return short;
        }
        if let Some(centre) = node.centre {
            before.clear();
            need(left.of(at), &[], &node, self.buying, before);
            let over = loads.latest(centre, target, before, starts.of(at));
            if let Some(over) = over {
                if stop {
                    return Some(over.of_centre(at, delta));
                }
                short = short.or(Some(over.of_centre(at, delta)));
            }
        }
        let touched = trial.note(at, delta, target);
        self.draw(touched, &node);
        short
    }

    /// Asks the components of an item for what its new starts take beyond the old.
    fn draw(&mut self, touched: Touched, node: &Node) {
        let at = touched.at;
        let dirty = self.trial.dirty.contains(&at);
        if !dirty && self.trial.starts(touched) == self.starts.of(at) {
            return;
        }
        for slot in node.first..node.end {
            let span = self.net.slots[slot];
            if span.is_plain() {
                let edge = self.net.uses[span.first];
                let pending = &mut self.pending[edge.item];
                let via = &mut self.via[edge.item];
                let mut last = 0;
                for (day, new, old) in Both::of(self.trial.starts(touched), self.starts.of(at)) {
                    let more = edge.per.of_up(new) - edge.per.of_up(old);
                    ask(pending, via, day, more.saturating_sub(last), at);
                    last = more;
                }
                continue;
            }
            for option in span.first..span.end {
                let edge = self.net.uses[option];
                let (mut new, mut old) = std::mem::take(&mut self.drawn);
                self.drawn_by(slot, option, self.trial.starts(touched), &self.trial.switched, &mut new);
                self.drawn_by(slot, option, self.starts.of(at), &BTreeMap::new(), &mut old);
                let mut last = 0;
                for (day, new, old) in Both::of(&new, &old) {
                    let more = edge.per.of_up(new) - edge.per.of_up(old);
                    ask(&mut self.pending[edge.item], &mut self.via[edge.item], day, more.saturating_sub(last), at);
                    last = more;
                }
                self.drawn = (new, old);
            }
        }
    }

    /// Whether nothing is to be made yet.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Begins a question: nothing is switched beyond what is committed.
    pub(super) fn begin(&mut self) {
        self.trial.switched.clear();
        self.trial.dirty.clone_from(&self.unsettled);
    }

    /// Makes the last explosion the best one of a search.
    pub(super) fn keep(&mut self) {
        std::mem::swap(&mut self.trial, &mut self.best);
    }

    /// Commits the best explosion.
    pub(super) fn commit(&mut self) {
        let best = std::mem::take(&mut self.best);
        for &touched in &best.touched {
            let at = touched.at;
            self.before.clear();
            for (day, left, more) in Both::of(self.left.of(at), best.delta(touched)) {
                push(&mut self.before, day, left.saturating_sub(more));
            }
            self.left.set(at, &self.before);
            if let Some(centre) = self.net.nodes[at].centre {
                self.loads.replace(centre, self.starts.of(at), best.starts(touched));
            }
            self.starts.set(at, best.starts(touched));
        }
        self.best = best;
        self.switched.append(&mut self.best.switched);
        self.best.dirty.clear();
        self.best.clear();
        self.unsettled.clear();
    }
}

#[inline]
fn ask(pending: &mut Pending, via: &mut usize, day: Day, units: i64, who: usize) {
    if units == 0 {
        return;
    }
    if pending.is_empty() {
        (pending.day, pending.units, *via) = (day, units, who);
    } else if pending.day == day {
        pending.units = pending.units.saturating_add(units);
    } else {
        pending.more.push(Step { day, units });
    }
}

impl super::centre::Over {
    fn of_centre(self, at: usize, delta: &[Step]) -> Short {
        let needed = delta.first().map_or(self.day, |step| step.day);
        Short { at, cause: Cause::Centre, day: self.day, needed, demand: self.demand, excess: self.excess }
    }
}
