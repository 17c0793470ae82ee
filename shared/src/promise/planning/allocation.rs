//! Allocation: finished goods that compete for a constrained resource are served as the policy of the resource says. The others
//! get all they could have alone.
//!
//! Finished goods that are served by rank are taken one after the other. Finished goods that share fairly rise together, unit by
//! unit, until one of them cannot; that one is done, and the others continue. Promised units of a finished good are part of its
//! allocation, so an order takes from the offer of its own finished good and leaves the other offers as they are. Otherwise an
//! order would move units from one offer to another while orders for the first are in flight. At the end no finished good can be
//! raised by a unit. A finished good waits while another one ahead of it at an item is not done. Members of a fair group wait for
//! the members that wait, as long as any other finished good can continue. A work centre is served like its items: fairly when
//! all of them are, by priority when one of them is, else first come.

use crate::catalog::Sku;
use crate::promise::planning::bound::{Bound, UnitBound};
use crate::promise::planning::constrained::ConstrainedResources;
use crate::promise::planning::explosion::{Demand, Engine};
use crate::promise::planning::limit::Limit;
use crate::promise::planning::service_order::ServiceOrder;
use crate::promise::planning::{Day, MAX_OFFERED, Offer};

/// A finished good that is offered.
pub(super) struct FinishedGood<'p> {
    pub(super) at: usize,
    pub(super) sku: &'p Sku,
    pub(super) offer: Offer,
    /// Units that are promised already.
    pub(super) promised: i64,
}

/// The allocation of a finished good.
#[derive(Clone, Default)]
pub(super) struct Allocation {
    pub(super) units: i64,
    pub(super) limit: Option<Limit>,
}

impl FinishedGood<'_> {
    pub(super) fn demand(&self, units: i64) -> Demand {
        Demand { at: self.at, day: self.offer.by, units }
    }
}

/// Allocates until no finished good can be raised. `finished_goods` are in the order of rank: by priority, then by date, then by SKU.
pub(super) fn fill(engine: &mut Engine<'_>, finished_goods: &[FinishedGood<'_>]) -> Vec<Allocation> {
    let every: Vec<usize> = (0..engine.graph.index.len()).collect();
    let wanted: Vec<(usize, Day)> = finished_goods.iter().map(|good| (good.at, good.offer.by)).collect();
    let mut bound = Bound::of_size(every.len());
    bound.prepare(engine, &every, &wanted);
    let tops: Vec<UnitBound> = wanted.iter().map(|&(at, day)| bound.of(engine, at, day)).collect();
    let mut shares: Vec<Allocation> = tops.iter().map(|top| Allocation { units: top.units, limit: top.limit(engine) }).collect();
    let demands: Vec<Demand> = finished_goods.iter().zip(&tops).map(|(good, top)| good.demand(top.units)).collect();
    let unsure: Vec<usize> = finished_goods.iter().zip(&tops).filter(|(_, top)| top.unsure).map(|(good, _)| good.at).collect();
    let Some(mut constrained) = ConstrainedResources::of(engine, &every, &demands, &unsure) else {
        engine.keep_trial();
        engine.commit();
        return shares;
    };
    let alone = finished_goods.iter().zip(demands).filter(|(good, _)| !constrained.concerns(good));
    let alone: Vec<Demand> = alone.map(|(_, demand)| demand).collect();
    if engine.fit(&every, &alone).is_none() {
        engine.keep_trial();
        engine.commit();
    } else {
        constrained = ConstrainedResources::everything(engine);
    }
    let contend = |at: &usize| constrained.concerns(&finished_goods[*at]);
    let (contenders, tops): (Vec<usize>, Vec<UnitBound>) = tops.into_iter().enumerate().filter(|(at, _)| contend(at)).unzip();
    let met: Vec<&FinishedGood<'_>> = contenders.iter().map(|&at| &finished_goods[at]).collect();
    let lists = ItemsBelow::of(engine, &met);
    let mut meeting = ServiceOrder::of(engine, &met, &lists, &constrained);
    let begun = met.iter().map(|good| Allocation { units: good.promised, limit: None }).collect();
    let mut filling = AllocationRun { bound, finished_goods: met, lists, shares: begun, tops };
    while let Some((group, all)) = meeting.next() {
        for done in filling.rise(engine, group, all) {
            meeting.done(done);
        }
    }
    for (at, share) in contenders.into_iter().zip(filling.shares) {
        shares[at] = Allocation { units: share.units - finished_goods[at].promised, ..share };
    }
    shares
}

/// The items below each finished good, parents before components, in one block of memory.
pub(super) struct ItemsBelow {
    all: Vec<usize>,
    of: Vec<std::ops::Range<usize>>,
}

impl ItemsBelow {
    fn of(engine: &mut Engine<'_>, finished_goods: &[&FinishedGood<'_>]) -> Self {
        let mut lists = Self { all: Vec::new(), of: Vec::with_capacity(finished_goods.len()) };
        for good in finished_goods {
            let begin = lists.all.len();
            engine.descendants.below(&engine.graph, &[good.at], &mut lists.all);
            lists.of.push(begin..lists.all.len());
        }
        lists
    }

    pub(super) fn below(&self, good: usize) -> &[usize] {
        &self.all[self.of[good].clone()]
    }
}

struct AllocationRun<'g> {
    bound: Bound,
    finished_goods: Vec<&'g FinishedGood<'g>>,
    lists: ItemsBelow,
    shares: Vec<Allocation>,
    /// The bound of each finished good, as if it were alone and first: its result can only be lower.
    tops: Vec<UnitBound>,
}

impl AllocationRun<'_> {
    /// Raises the finished goods together until all are done. When they are not `all` members of their group, it stops as soon as
    /// one is done. Returns those that are done.
    fn rise(&mut self, engine: &mut Engine<'_>, mut group: Vec<usize>, all: bool) -> Vec<usize> {
        if let [one] = group[..] {
            let found = self.alone(engine, one);
            engine.commit();
            self.shares[one].units += found;
            return group;
        }
        for &good in &group {
            self.shares[good].limit = self.tops[good].limit(engine);
        }
        let tops: Vec<usize> = group.iter().map(|&good| self.finished_goods[good].at).collect();
        let mut list = Vec::new();
        engine.descendants.below(&engine.graph, &tops, &mut list);
        let mut done = Vec::new();
        while !group.is_empty() && (all || done.is_empty()) {
            let level = self.level(engine, &group, &list);
            group.retain(|&good| {
                let goes_on = self.shares[good].units > level && self.shares[good].units < self.top(good);
                let goes_on = goes_on || self.raise(engine, good);
                if !goes_on {
                    done.push(good);
                }
                goes_on
            });
        }
        done
    }

    /// The most units of one finished good on top of its allocation. The search leaves its explosion in [`Engine::best`].
    fn alone(&mut self, engine: &mut Engine<'_>, good: usize) -> i64 {
        let (list, of) = (self.lists.below(good), self.finished_goods[good]);
        let most = self.bound.walk(engine, list, of.at, of.offer.by);
        let found = engine.most(list, most.units, most.unsure, |units, asked| asked.push(of.demand(units)));
        self.shares[good].limit = match &found.stop {
            Some(stop) => Some(Limit::of_constraint(engine, stop)),
            None => most.limit(engine),
        };
        found.units
    }

    /// The most units that a finished good can get, promised units included.
    fn top(&self, good: usize) -> i64 {
        let top = &self.tops[good];
        self.finished_goods[good].promised + if top.unsure { MAX_OFFERED } else { top.units }
    }

    /// Raises the finished goods to the highest level that all of them can reach together, each at most to its own maximum.
    fn level(&mut self, engine: &mut Engine<'_>, group: &[usize], list: &[usize]) -> i64 {
        let low = group.iter().map(|&good| self.shares[good].units).min().unwrap_or(0);
        let high = group.iter().map(|&good| self.finished_goods[good].promised + self.tops[good].units).max().unwrap_or(0);
        let unsure = group.iter().any(|&good| self.tops[good].unsure);
        let more = |good: usize, level: i64| level.min(self.top(good)).max(self.shares[good].units) - self.shares[good].units;
        let found = engine.most(list, (high - low).max(1), unsure, |step, asked: &mut Vec<Demand>| {
            for &good in group {
                asked.push(self.finished_goods[good].demand(more(good, low + step)));
            }
        });
        engine.commit();
        let level = low + found.units;
        for &good in group {
            self.shares[good].units = level.min(self.top(good)).max(self.shares[good].units);
        }
        level
    }

    /// Raises a finished good by one unit if that fits.
    fn raise(&mut self, engine: &mut Engine<'_>, good: usize) -> bool {
        if self.shares[good].units >= self.top(good) {
            return false;
        }
        let (list, of) = (self.lists.below(good), self.finished_goods[good]);
        let found = engine.most(list, 1, false, |units, asked| asked.push(of.demand(units)));
        engine.commit();
        self.shares[good].units += found.units;
        if let Some(stop) = found.stop {
            self.shares[good].limit = Some(Limit::of_constraint(engine, &stop));
        }
        found.units > 0
    }
}
