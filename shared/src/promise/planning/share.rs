//! Who gets how much: goods that meet at an item there is not enough of are served as its policy says; the others have all they
//! could have alone.
//!
//! Goods that go by rank are taken one after the other. Goods that share fairly rise together, unit by unit, until one of
//! them cannot; it is done, the others go on. What is promised of a good already is part of its share: an order takes from what
//! its good is offered and leaves the others as they are, or a shop would be told more of one good for an order while orders
//! of another are on their way. So at the end no good can be raised by a unit. A good waits while another that
//! is ahead of it at an item is not done, and fair ones wait for those of them that wait, as long as anybody else can go on.
//! A centre is served as the items made there: fairly when all of them are, by priority when one of them is, else first come.

use crate::catalog::Sku;
use crate::promise::planning::bound::{Bound, Most};
use crate::promise::planning::constrained::Meeting;
use crate::promise::planning::contested::Contested;
use crate::promise::planning::explode::{Demand, Engine};
use crate::promise::planning::limit::Limit;
use crate::promise::planning::{Day, MOST_OFFERED, Offer};

/// A good that is offered.
pub(super) struct Good<'p> {
    pub(super) at: usize,
    pub(super) sku: &'p Sku,
    pub(super) offer: Offer,
    /// Units of it that are promised already.
    pub(super) promised: i64,
}

/// What a good came to.
#[derive(Clone, Default)]
pub(super) struct Share {
    pub(super) units: i64,
    pub(super) limit: Option<Limit>,
}

impl Good<'_> {
    pub(super) fn demand(&self, units: i64) -> Demand {
        Demand { at: self.at, day: self.offer.by, units }
    }
}

/// Fills goods until none can be raised. `goods` are in the order of rank: priority, then when they came, then name.
pub(super) fn fill(engine: &mut Engine<'_>, goods: &[Good<'_>]) -> Vec<Share> {
    let every: Vec<usize> = (0..engine.net.index.len()).collect();
    let wanted: Vec<(usize, Day)> = goods.iter().map(|good| (good.at, good.offer.by)).collect();
    let mut bound = Bound::of_size(every.len());
    bound.prepare(engine, &every, &wanted);
    let tops: Vec<Most> = wanted.iter().map(|&(at, day)| bound.of(engine, at, day)).collect();
    let mut shares: Vec<Share> = tops.iter().map(|top| Share { units: top.units, limit: top.limit(engine) }).collect();
    let demands: Vec<Demand> = goods.iter().zip(&tops).map(|(good, top)| good.demand(top.units)).collect();
    let unsure: Vec<usize> = goods.iter().zip(&tops).filter(|(_, top)| top.unsure).map(|(good, _)| good.at).collect();
    let Some(mut contested) = Contested::of(engine, &every, &demands, &unsure) else {
        engine.keep();
        engine.commit();
        return shares;
    };
    let alone = goods.iter().zip(demands).filter(|(good, _)| !contested.concerns(good));
    let alone: Vec<Demand> = alone.map(|(_, demand)| demand).collect();
    if engine.fit(&every, &alone).is_none() {
        engine.keep();
        engine.commit();
    } else {
        contested = Contested::everything(engine);
    }
    let contend = |at: &usize| contested.concerns(&goods[*at]);
    let (contenders, tops): (Vec<usize>, Vec<Most>) = tops.into_iter().enumerate().filter(|(at, _)| contend(at)).unzip();
    let met: Vec<&Good<'_>> = contenders.iter().map(|&at| &goods[at]).collect();
    let lists = Lists::of(engine, &met);
    let mut meeting = Meeting::of(engine, &met, &lists, &contested);
    let begun = met.iter().map(|good| Share { units: good.promised, limit: None }).collect();
    let mut filling = Filling { bound, goods: met, lists, shares: begun, tops };
    while let Some((group, all)) = meeting.next() {
        for done in filling.rise(engine, group, all) {
            meeting.done(done);
        }
    }
    for (at, share) in contenders.into_iter().zip(filling.shares) {
        shares[at] = Share { units: share.units - goods[at].promised, ..share };
    }
    shares
}

/// Everything below each good, parents first, one after the other.
pub(super) struct Lists {
    all: Vec<usize>,
    of: Vec<std::ops::Range<usize>>,
}

impl Lists {
    fn of(engine: &mut Engine<'_>, goods: &[&Good<'_>]) -> Self {
        let mut lists = Self { all: Vec::new(), of: Vec::with_capacity(goods.len()) };
        for good in goods {
            let begin = lists.all.len();
            engine.reacher.below(&engine.net, &[good.at], &mut lists.all);
            lists.of.push(begin..lists.all.len());
        }
        lists
    }

    pub(super) fn below(&self, good: usize) -> &[usize] {
        &self.all[self.of[good].clone()]
    }
}

struct Filling<'g> {
    bound: Bound,
    goods: Vec<&'g Good<'g>>,
    lists: Lists,
    shares: Vec<Share>,
    /// The most of each good, were it alone and the first: what it comes to can only fall.
    tops: Vec<Most>,
}

impl Filling<'_> {
    /// Raises goods together until all are done, or, unless they are `all` there are, until one is. Returns who is done.
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
        let tops: Vec<usize> = group.iter().map(|&good| self.goods[good].at).collect();
        let mut list = Vec::new();
        engine.reacher.below(&engine.net, &tops, &mut list);
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

    /// The most of one good on top of what it has; the search's best explosion is that.
    fn alone(&mut self, engine: &mut Engine<'_>, good: usize) -> i64 {
        let (list, of) = (self.lists.below(good), self.goods[good]);
        let most = self.bound.walk(engine, list, of.at, of.offer.by);
        let found = engine.most(list, most.units, most.unsure, |units, asked| asked.push(of.demand(units)));
        self.shares[good].limit = match &found.stop {
            Some(stop) => Some(Limit::of_stop(engine, stop)),
            None => most.limit(engine),
        };
        found.units
    }

    /// No good gets more than this, with what is promised of it.
    fn top(&self, good: usize) -> i64 {
        let top = &self.tops[good];
        self.goods[good].promised + if top.unsure { MOST_OFFERED } else { top.units }
    }

    /// Raises the goods to the highest level that all of them can have together, each at most to its top.
    fn level(&mut self, engine: &mut Engine<'_>, group: &[usize], list: &[usize]) -> i64 {
        let low = group.iter().map(|&good| self.shares[good].units).min().unwrap_or(0);
        let high = group.iter().map(|&good| self.goods[good].promised + self.tops[good].units).max().unwrap_or(0);
        let unsure = group.iter().any(|&good| self.tops[good].unsure);
        let more = |good: usize, level: i64| level.min(self.top(good)).max(self.shares[good].units) - self.shares[good].units;
        let found = engine.most(list, (high - low).max(1), unsure, |step, asked: &mut Vec<Demand>| {
            for &good in group {
                asked.push(self.goods[good].demand(more(good, low + step)));
            }
        });
        engine.commit();
        let level = low + found.units;
        for &good in group {
            self.shares[good].units = level.min(self.top(good)).max(self.shares[good].units);
        }
        level
    }

    /// One more unit of a good, if it can be had.
    fn raise(&mut self, engine: &mut Engine<'_>, good: usize) -> bool {
        if self.shares[good].units >= self.top(good) {
            return false;
        }
        let (list, of) = (self.lists.below(good), self.goods[good]);
        let found = engine.most(list, 1, false, |units, asked| asked.push(of.demand(units)));
        engine.commit();
        self.shares[good].units += found.units;
        if let Some(stop) = found.stop {
            self.shares[good].limit = Some(Limit::of_stop(engine, &stop));
        }
        found.units > 0
    }
}
