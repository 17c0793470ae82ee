//! Who gets how much: goods that meet at an item are served as its policy says.
//!
//! Goods that go by rank are taken one after the other. Goods that share fairly rise together, unit by unit, until one of
//! them cannot; it is done, the others go on. What is promised of a good already is part of its share: an order takes from what
//! its good is offered and leaves the others as they are, or a shop would be told more of one good for an order while orders
//! of another are on their way. So at the end no good can be raised by a unit. A good waits while another that
//! is ahead of it at an item is not done, and fair ones wait for those of them that wait, as long as anybody else can go on.
//! A centre is served as the items made there: fairly when all of them are, by priority when one of them is, else first come.

use super::bound::{Bound, Most};
use super::explode::{Demand, Engine};
use super::limit::Limit;
use super::meeting::Meeting;
use super::{Day, MOST_OFFERED, Offer};
use crate::catalog::Sku;

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

/// Fills goods until none can be raised. `goods` are in the order of rank: priority, then when they came, then name.
pub(super) fn fill(engine: &mut Engine<'_>, goods: &[Good<'_>]) -> Vec<Share> {
    let mut bound = Bound::of_size(engine.net.index.len());
    if let Some(shares) = all_they_can(engine, &mut bound, goods) {
        return shares;
    }
    let lists = Lists::of(engine, goods);
    let mut meeting = Meeting::of(engine, goods, &lists);
    let mut filling = Filling {
        bound,
        shares: goods.iter().map(|good| Share { units: good.promised, limit: None }).collect(),
        tops: vec![0; goods.len()],
        goods,
        lists,
    };
    while let Some((group, all)) = meeting.next() {
        for done in filling.rise(engine, group, all) {
            meeting.done(done);
        }
    }
    for (share, good) in filling.shares.iter_mut().zip(goods) {
        share.units -= good.promised;
    }
    filling.shares
}

/// Most goods do not want more of what they share than there is. When every one can have all that its bound allows, no policy
/// has anything to decide, and one explosion shows it.
fn all_they_can(engine: &mut Engine<'_>, bound: &mut Bound, goods: &[Good<'_>]) -> Option<Vec<Share>> {
    let every: Vec<usize> = (0..engine.net.index.len()).collect();
    let wanted: Vec<(usize, Day)> = goods.iter().map(|good| (good.at, good.offer.by)).collect();
    bound.prepare(engine, &every, &wanted);
    let most: Vec<Most> = wanted.iter().map(|&(at, day)| bound.of(engine, at, day)).collect();
    if most.iter().any(|most| most.unsure) {
        return None;
    }
    let demands: Vec<Demand> =
        wanted.iter().zip(&most).map(|(&(at, day), most)| Demand { at, day, units: most.units }).collect();
    if engine.fit(&every, &demands).is_some() {
        return None;
    }
    engine.keep();
    engine.commit();
    let share = |most: &Most| {
        let limit = (most.units < MOST_OFFERED).then(|| Limit::of_bound(engine, most));
        Share { units: most.units, limit }
    };
    Some(most.iter().map(share).collect())
}

/// Everything below each good, parents first, one after the other.
pub(super) struct Lists {
    all: Vec<usize>,
    of: Vec<std::ops::Range<usize>>,
}

impl Lists {
    fn of(engine: &mut Engine<'_>, goods: &[Good<'_>]) -> Self {
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
    goods: &'g [Good<'g>],
    lists: Lists,
    shares: Vec<Share>,
    /// The most of each good, were it alone.
    tops: Vec<i64>,
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
            self.tops[good] = self.shares[good].units + self.alone(engine, good);
        }
        let tops: Vec<usize> = group.iter().map(|&good| self.goods[good].at).collect();
        let mut list = Vec::new();
        engine.reacher.below(&engine.net, &tops, &mut list);
        let mut done = Vec::new();
        while !group.is_empty() && (all || done.is_empty()) {
            let level = self.level(engine, &group, &list);
            group.retain(|&good| {
                let goes_on = self.shares[good].units > level && self.shares[good].units < self.tops[good];
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
        let Good { at, offer, .. } = &self.goods[good];
        let list = self.lists.below(good);
        let most = self.bound.walk(engine, list, *at, offer.by);
        let found =
            engine.most(list, most.units, most.unsure, |units, asked| asked.push(Demand { at: *at, day: offer.by, units }));
        self.shares[good].limit = match &found.stop {
            Some(stop) => Some(Limit::of_stop(engine, stop)),
            None if found.units >= MOST_OFFERED => None,
            None => Some(Limit::of_bound(engine, &most)),
        };
        found.units
    }

    /// Raises the goods to the highest level that all of them can have together, each at most to what it could have alone.
    fn level(&mut self, engine: &mut Engine<'_>, group: &[usize], list: &[usize]) -> i64 {
        let Self { goods, shares, tops, .. } = self;
        let low = group.iter().map(|&good| shares[good].units).min().unwrap_or(0);
        let high = group.iter().map(|&good| tops[good]).max().unwrap_or(0);
        let at_level = |good: usize, level: i64| level.min(tops[good]).max(shares[good].units) - shares[good].units;
        let found = engine.most(list, high - low, false, |step, asked: &mut Vec<Demand>| {
            for &good in group {
                let Good { at, offer, .. } = &goods[good];
                asked.push(Demand { at: *at, day: offer.by, units: at_level(good, low + step) });
            }
        });
        engine.commit();
        let level = low + found.units;
        for &good in group {
            self.shares[good].units = level.min(self.tops[good]).max(self.shares[good].units);
        }
        level
    }

    /// One more unit of a good, if it can be had.
    fn raise(&mut self, engine: &mut Engine<'_>, good: usize) -> bool {
        if self.shares[good].units >= self.tops[good] {
            return false;
        }
        let Good { at, offer, .. } = &self.goods[good];
        let list = self.lists.below(good);
        let one = Demand { at: *at, day: offer.by, units: 1 };
        let found = engine.most(list, 1, false, |units, asked| asked.push(Demand { units, ..one }));
        engine.commit();
        self.shares[good].units += found.units;
        if let Some(stop) = found.stop {
            self.shares[good].limit = Some(Limit::of_stop(engine, &stop));
        }
        found.units > 0
    }
}
