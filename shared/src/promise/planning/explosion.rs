//! Explosion: the effect of an additional demand on every item below it, netted against what is committed already.
//!
//! The engine holds the committed plan: the units left of each item by each day, and the units started. An explosion walks a list
//! of items, parents before components, and records only the differences. It leaves the committed plan unchanged until
//! [`Engine::commit`]. Buffers are reused between explosions, so a walk allocates nothing once they have grown.

use std::collections::{BTreeMap, BTreeSet};

use crate::promise::planning::capacity::CapacityLoads;
use crate::promise::planning::curve::{Both, Curves, Step, cumulate, push};
use crate::promise::planning::index::{IndexVec, NodeIndex};
use crate::promise::planning::item_graph::{Descendants, ItemGraph, Node, check};
use crate::promise::planning::netting::{delay_shortage, net_requirement};
use crate::promise::planning::trial::{Touched, Trial};
use crate::promise::planning::{Day, FAR, PlanningError, PlanningGroup};

/// Units of an item that are required by a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    pub(super) at: NodeIndex,
    pub(super) day: Day,
    pub(super) units: i64,
}

/// A shortage: the first item of the walk that would be shorter than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) at: NodeIndex,
    pub(super) cause: ShortageCause,
    /// The day with the largest shortage, and the day by which the additional units are required.
    pub(super) day: Day,
    pub(super) needed: Day,
    /// The units required by that day (starts, for a work centre), and the part of them that is missing.
    pub(super) demand: i64,
    pub(super) excess: i64,
}

/// The cause of a shortage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShortageCause {
    /// The item is not produced, and there is not enough of it.
    Stock,
    /// Production would have to start before today.
    Lead,
    /// The work centre of the item has no free capacity.
    Centre,
}

/// The requirement of an item that the walk has collected so far; nearly always for one day.
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

/// The committed plan, and the buffers of the walk.
pub(super) struct Engine<'p> {
    pub(super) graph: ItemGraph<'p>,
    /// Whether an item that can be bought has no limit after its purchasing lead time. True to find dates, false to find offers.
    pub(super) buying: bool,
    /// The units left of each item by each day: stock and receipts, less requirements.
    pub(super) left: Curves,
    /// The units started of each item.
    pub(super) starts: Curves,
    pub(super) loads: CapacityLoads,
    pub(super) switched: BTreeMap<usize, Vec<Step>>,
    /// Whether any slot of the group has alternates or an effectivity window.
    pub(super) choices: bool,
    /// The items that are short because a demand was placed although it did not fit.
    pub(super) short_items: BTreeSet<NodeIndex>,
    /// Produced items with a deficit that was not netted yet.
    unnetted: BTreeSet<NodeIndex>,
    pub(super) descendants: Descendants,
    pub(super) trial: Trial,
    /// The best explosion of a search, kept to be committed.
    pub(super) best: Trial,
    /// The first parent that required each item in the last explosion; `None` where a demand names the item itself.
    pub(super) via: IndexVec<NodeIndex, Option<NodeIndex>>,
    /// The shortages of an explosion that did not stop at the first.
    pub(super) shortages: Vec<Shortage>,
    /// The number of explosions so far.
    pub(super) explosions: u64,
    pending: IndexVec<NodeIndex, Pending>,
    delta: Vec<Step>,
    target: Vec<Step>,
    before: Vec<Step>,
    drawn: (Vec<Step>, Vec<Step>),
}

impl<'p> Engine<'p> {
    /// An engine with a whole planning group loaded.
    pub(super) fn new(group: &'p PlanningGroup, buying: bool) -> Result<Self, PlanningError> {
        check(group)?;
        let mut engine = Self::empty(group, buying);
        engine.load(&(0..group.items.len()).collect::<Vec<_>>())?;
        Ok(engine)
    }

    /// An engine with no item loaded yet. The caller must have checked the group.
    pub(super) fn empty(group: &'p PlanningGroup, buying: bool) -> Self {
        Self {
            graph: ItemGraph::empty(group),
            buying,
            left: Curves::default(),
            starts: Curves::default(),
            loads: CapacityLoads::of(group),
            switched: BTreeMap::new(),
            choices: false,
            short_items: BTreeSet::new(),
            unnetted: BTreeSet::new(),
            descendants: Descendants::default(),
            trial: Trial::default(),
            best: Trial::default(),
            via: IndexVec::default(),
            shortages: Vec::new(),
            explosions: 0,
            pending: IndexVec::default(),
            delta: Vec::new(),
            target: Vec::new(),
            before: Vec::new(),
            drawn: (Vec::new(), Vec::new()),
        }
    }

    /// Starts over with these items only: their stock, their receipts and what production runs take. No promise is placed and no
    /// item is netted yet.
    pub(super) fn load(&mut self, items: &[usize]) -> Result<(), PlanningError> {
        self.graph.nodes.iter().filter_map(|node| node.centre).for_each(|centre| self.loads.reset(centre));
        self.graph.load(items)?;
        let count = items.len();
        self.left.reset(count);
        self.starts.reset(count);
        self.descendants.grow(count);
        let room = count.max(self.pending.len());
        self.pending.elements().resize(room, Pending::default());
        self.via.elements().resize(room, None);
        self.switched.clear();
        self.short_items.clear();
        self.unnetted.clear();
        self.choices = self.graph.slots.iter().any(|slot| !slot.is_plain());
        let changes = &mut self.before;
        for (at, &index) in self.graph.index.enumerate() {
            let item = &self.graph.group.items[index];
            changes.clear();
            changes.push(Step { day: 0, units: item.stock.units() });
            let comes = item.receipts.iter().filter(|(day, _)| *day < FAR);
            changes.extend(comes.map(|&(day, quantity)| Step { day, units: quantity.units() }));
            changes.extend(item.requirements.iter().map(|&(day, taken)| Step { day: day.min(FAR), units: -taken.units() }));
            cumulate(changes);
            if self.graph.nodes[at].is_produced && changes.iter().any(|step| step.units < 0) {
                self.unnetted.insert(at);
            }
            self.left.set(at, changes);
        }
        Ok(())
    }

    /// Walks `list`, which holds every item below the demands, parents before components. With `stop` the walk ends at the first
    /// item that would be shorter than it is. Without `stop` it continues and collects all shortages.
    pub(super) fn explode(&mut self, list: &[NodeIndex], demands: &[Demand], stop: bool) -> Option<Shortage> {
        self.trial.clear();
        self.shortages.clear();
        self.explosions += 1;
        for demand in demands {
            self.ask(demand.at, demand.day.min(FAR), demand.units, None);
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
                self.shortages.push(short);
            }
        }
        self.loads.forget();
        found
    }

    #[inline]
    fn ask(&mut self, at: NodeIndex, day: Day, units: i64, parent: Option<NodeIndex>) {
        ask(&mut self.pending[at], &mut self.via[at], day, units, parent);
    }

    /// Nets one item and passes the change of its starts on to its components.
    fn settle(&mut self, at: NodeIndex, stop: bool) -> Option<Shortage> {
        let Self { graph, pending, delta, trial, left, starts, target, loads, before, .. } = self;
        let node = graph.nodes[at];
        let asked = &mut pending[at];
        delta.clear();
        delta.push(Step { day: asked.day, units: asked.units });
        if !asked.more.is_empty() {
            delta.append(&mut asked.more);
            cumulate(delta);
        }
        asked.units = 0;
        target.clear();
        let mut short =
            net_requirement(left.of(at), delta, &node, self.buying, target).map(|missing| missing.of(at, node.is_produced));
        if stop && short.is_some() {
            return short;
        }
        if let Some(centre) = node.centre {
            before.clear();
            net_requirement(left.of(at), &[], &node, self.buying, before);
            let loaded = loads.latest(centre, target, before, starts.of(at));
            let delayed = || delay_shortage(left.of(at), delta, &node, self.buying, (starts.of(at), target));
            let over = loaded.excess.or_else(|| if loaded.is_delayed { delayed() } else { None });
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

    /// Adds to the requirements of the components what the new starts of an item take beyond its committed starts.
    fn draw(&mut self, touched: Touched, node: &Node) {
        let at = touched.at;
        let dirty = self.trial.dirty.contains(&at);
        if !dirty && self.trial.starts(touched) == self.starts.of(at) {
            return;
        }
        for slot in node.first..node.end {
            let span = self.graph.slots[slot];
            if span.is_plain() {
                let edge = self.graph.uses[span.first];
                let pending = &mut self.pending[edge.item];
                let via = &mut self.via[edge.item];
                let mut last = 0;
                for (day, new, old) in Both::of(self.trial.starts(touched), self.starts.of(at)) {
                    let more = edge.per.of_up(new) - edge.per.of_up(old);
                    ask(pending, via, day, more.saturating_sub(last), Some(at));
                    last = more;
                }
                continue;
            }
            for option in span.first..span.end {
                let edge = self.graph.uses[option];
                let (mut new, mut old) = std::mem::take(&mut self.drawn);
                self.drawn_by(slot, option, self.trial.starts(touched), &self.trial.switched, &mut new);
                self.drawn_by(slot, option, self.starts.of(at), &BTreeMap::new(), &mut old);
                let mut last = 0;
                for (day, new, old) in Both::of(&new, &old) {
                    let more = edge.per.of_up(new) - edge.per.of_up(old);
                    ask(&mut self.pending[edge.item], &mut self.via[edge.item], day, more.saturating_sub(last), Some(at));
                    last = more;
                }
                self.drawn = (new, old);
            }
        }
    }

    /// Whether every deficit of a produced item is netted.
    pub(super) fn is_netted(&self) -> bool {
        self.unnetted.is_empty()
    }

    /// Begins a trial: no start is switched to an alternate beyond the committed switches.
    pub(super) fn begin(&mut self) {
        self.trial.switched.clear();
        self.trial.dirty.clone_from(&self.unnetted);
    }

    /// Makes the last explosion the best one of a search.
    pub(super) fn keep_trial(&mut self) {
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
            if let Some(centre) = self.graph.nodes[at].centre {
                self.loads.replace(centre, self.starts.of(at), best.starts(touched));
            }
            self.starts.set(at, best.starts(touched));
        }
        self.best = best;
        self.switched.append(&mut self.best.switched);
        self.best.dirty.clear();
        self.best.clear();
        self.unnetted.clear();
    }
}

#[inline]
fn ask(pending: &mut Pending, via: &mut Option<NodeIndex>, day: Day, units: i64, parent: Option<NodeIndex>) {
    if units == 0 {
        return;
    }
    if pending.is_empty() {
        (pending.day, pending.units, *via) = (day, units, parent);
    } else if pending.day == day {
        pending.units = pending.units.saturating_add(units);
    } else {
        pending.more.push(Step { day, units });
    }
}

impl super::capacity::CapacityExcess {
    fn of_centre(self, at: NodeIndex, delta: &[Step]) -> Shortage {
        let needed = delta.first().map_or(self.day, |step| step.day);
        Shortage { at, cause: ShortageCause::Centre, day: self.day, needed, demand: self.demand, excess: self.excess }
    }
}
