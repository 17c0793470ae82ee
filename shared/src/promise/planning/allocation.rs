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
use crate::promise::planning::index::{IndexVec, NodeIndex, Rank};
use crate::promise::planning::limit::Limit;
use crate::promise::planning::service_order::ServiceOrder;
use crate::promise::planning::{Day, MAX_OFFERED, Offer};

/// A finished good that is offered.
pub(super) struct FinishedGood<'p> {
    pub(super) at: NodeIndex,
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

/// Allocates until no finished good can be raised. `finished_goods` are in the order of rank: by priority, then by date, then by
/// SKU.
pub(super) fn fill(engine: &mut Engine<'_>, finished_goods: &[FinishedGood<'_>]) -> Vec<Allocation> {
    let every: Vec<NodeIndex> = engine.graph.nodes.indexes().collect();
    let wanted: Vec<(NodeIndex, Day)> = finished_goods.iter().map(|one| (one.at, one.offer.by)).collect();
    let mut bound = Bound::of_size(every.len());
    bound.prepare(engine, &every, &wanted);
    let tops: Vec<UnitBound> = wanted.iter().map(|&(at, day)| bound.of(engine, at, day)).collect();
    let mut shares: Vec<Allocation> = tops.iter().map(|top| Allocation { units: top.units, limit: top.limit(engine) }).collect();
    let demands: Vec<Demand> = finished_goods.iter().zip(&tops).map(|(one, top)| one.demand(top.units)).collect();
    let unsure: Vec<NodeIndex> = finished_goods.iter().zip(&tops).filter(|(_, top)| top.unsure).map(|(one, _)| one.at).collect();
    let Some(mut constrained) = ConstrainedResources::of(engine, &every, &demands, &unsure) else {
        engine.keep_trial();
        engine.commit();
        return shares;
    };
    let alone = finished_goods.iter().zip(demands).filter(|(one, _)| !constrained.concerns(one));
    let alone: Vec<Demand> = alone.map(|(_, demand)| demand).collect();
    if engine.fit(&every, &alone).is_none() {
        engine.keep_trial();
        engine.commit();
    } else {
        constrained = ConstrainedResources::everything(engine);
    }
    let every_one = finished_goods.iter().zip(tops).zip(&mut shares);
    let competing = every_one.filter(|((one, _), _)| constrained.concerns(one));
    let (competing, places): (Vec<(&FinishedGood<'_>, UnitBound)>, Vec<&mut Allocation>) = competing.unzip();
    let (competing, tops): (Vec<&FinishedGood<'_>>, Vec<UnitBound>) = competing.into_iter().unzip();
    let lists = ItemsBelow::of(engine, &competing);
    let begun = competing.iter().map(|one| Allocation { units: one.promised, limit: None }).collect();
    let competing = IndexVec::of(competing);
    let mut order = ServiceOrder::of(engine, &competing, &lists, &constrained);
    let (shares_of_competing, tops) = (IndexVec::of(begun), IndexVec::of(tops));
    let mut run = AllocationRun { bound, finished_goods: competing, lists, shares: shares_of_competing, tops };
    while let Some((group, all)) = order.next() {
        for done in run.rise(engine, group, all) {
            order.done(done);
        }
    }
    for ((place, share), one) in places.into_iter().zip(run.shares.iter()).zip(run.finished_goods.iter()) {
        *place = Allocation { units: share.units - one.promised, limit: share.limit.clone() };
    }
    shares
}

/// The items below each finished good, parents before components, in one block of memory.
pub(super) struct ItemsBelow {
    all: Vec<NodeIndex>,
    of: IndexVec<Rank, std::ops::Range<usize>>,
}

impl ItemsBelow {
    fn of(engine: &mut Engine<'_>, finished_goods: &[&FinishedGood<'_>]) -> Self {
        let (mut all, mut of) = (Vec::new(), Vec::with_capacity(finished_goods.len()));
        for one in finished_goods {
            let begin = all.len();
            engine.descendants.below(&engine.graph, &[one.at], &mut all);
            of.push(begin..all.len());
        }
        Self { all, of: IndexVec::of(of) }
    }

    pub(super) fn below(&self, rank: Rank) -> &[NodeIndex] {
        &self.all[self.of[rank].clone()]
    }
}

struct AllocationRun<'g> {
    bound: Bound,
    finished_goods: IndexVec<Rank, &'g FinishedGood<'g>>,
    lists: ItemsBelow,
    shares: IndexVec<Rank, Allocation>,
    /// The bound of each finished good, as if it were alone and first: its result can only be lower.
    tops: IndexVec<Rank, UnitBound>,
}

impl AllocationRun<'_> {
    /// Raises the finished goods together until all are done. When they are not `all` members of their group, it stops as soon as
    /// one is done. Returns those that are done.
    fn rise(&mut self, engine: &mut Engine<'_>, mut group: Vec<Rank>, all: bool) -> Vec<Rank> {
        if let [one] = group[..] {
            let found = self.alone(engine, one);
            engine.commit();
            self.shares[one].units += found;
            return group;
        }
        for &rank in &group {
            self.shares[rank].limit = self.tops[rank].limit(engine);
        }
        let tops: Vec<NodeIndex> = group.iter().map(|&rank| self.finished_goods[rank].at).collect();
        let mut list = Vec::new();
        engine.descendants.below(&engine.graph, &tops, &mut list);
        let mut done = Vec::new();
        while !group.is_empty() && (all || done.is_empty()) {
            let level = self.level(engine, &group, &list);
            group.retain(|&rank| {
                let goes_on = self.shares[rank].units > level && self.shares[rank].units < self.top(rank);
                let goes_on = goes_on || self.raise(engine, rank);
                if !goes_on {
                    done.push(rank);
                }
                goes_on
            });
        }
        done
    }

    /// The most units of one finished good on top of its allocation. The search leaves its explosion in [`Engine::best`].
    fn alone(&mut self, engine: &mut Engine<'_>, rank: Rank) -> i64 {
        let (list, of) = (self.lists.below(rank), self.finished_goods[rank]);
        let most = self.bound.walk(engine, list, of.at, of.offer.by);
        let found = engine.most(list, most.units, most.unsure, |units, asked| asked.push(of.demand(units)));
        self.shares[rank].limit = match &found.stop {
            Some(stop) => Some(Limit::of_constraint(engine, stop)),
            None => most.limit(engine),
        };
        found.units
    }

    /// The most units that a finished good can get, promised units included.
    fn top(&self, rank: Rank) -> i64 {
        let top = &self.tops[rank];
        self.finished_goods[rank].promised + if top.unsure { MAX_OFFERED } else { top.units }
    }

    /// Raises the finished goods to the highest level that all of them can reach together, each at most to its own maximum.
    fn level(&mut self, engine: &mut Engine<'_>, group: &[Rank], list: &[NodeIndex]) -> i64 {
        let low = group.iter().map(|&rank| self.shares[rank].units).min().unwrap_or(0);
        let high = group.iter().map(|&rank| self.finished_goods[rank].promised + self.tops[rank].units).max().unwrap_or(0);
        let unsure = group.iter().any(|&rank| self.tops[rank].unsure);
        let more = |rank: Rank, level: i64| level.min(self.top(rank)).max(self.shares[rank].units) - self.shares[rank].units;
        let found = engine.most(list, (high - low).max(1), unsure, |step, asked: &mut Vec<Demand>| {
            for &rank in group {
                asked.push(self.finished_goods[rank].demand(more(rank, low + step)));
            }
        });
        engine.commit();
        let level = low + found.units;
        for &rank in group {
            self.shares[rank].units = level.min(self.top(rank)).max(self.shares[rank].units);
        }
        level
    }

    /// Raises a finished good by one unit if that fits.
    fn raise(&mut self, engine: &mut Engine<'_>, rank: Rank) -> bool {
        if self.shares[rank].units >= self.top(rank) {
            return false;
        }
        let (list, of) = (self.lists.below(rank), self.finished_goods[rank]);
        let found = engine.most(list, 1, false, |units, asked| asked.push(of.demand(units)));
        engine.commit();
        self.shares[rank].units += found.units;
        if let Some(stop) = found.stop {
            self.shares[rank].limit = Some(Limit::of_constraint(engine, &stop));
        }
        found.units > 0
    }
}
