//! Where-used: which goods something can change, and which items must be solved together.
//!
//! Goods compete when anything is below both of them, or made at the same centre. A pool is all goods that compete with each
//! other, directly or by others, and everything below them. What no good is made of belongs to no pool.

use std::collections::BTreeMap;

use super::{Centre, Pool, PoolItem};

/// Bills as a graph, both ways.
#[derive(Debug, Clone)]
pub struct WhereUsed {
    down: Links,
    up: Links,
    /// The items of each centre, as links from the centre.
    centres: Links,
    centre_of: Vec<Option<usize>>,
    good: Vec<bool>,
    /// Goods, and what is below one.
    wanted: Vec<bool>,
}

/// Links from each of so many to others, in one block.
#[derive(Debug, Clone)]
struct Links {
    begin: Vec<usize>,
    to: Vec<usize>,
}

impl Links {
    fn of(count: usize, links: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut begin = vec![0; count + 1];
        for (from, _) in links.clone() {
            begin[from + 1] += 1;
        }
        for at in 1..begin.len() {
            begin[at] += begin[at - 1];
        }
        let mut next = begin.clone();
        let mut to = vec![0; begin[count]];
        for (from, target) in links {
            to[next[from]] = target;
            next[from] += 1;
        }
        Self { begin, to }
    }

    fn from(&self, at: usize) -> &[usize] {
        &self.to[self.begin[at]..self.begin[at + 1]]
    }
}

impl WhereUsed {
    /// The graph of so many items: `bills` are pairs of an item and a component of it, `made_at` pairs of an item and its
    /// centre; `goods` are offered or promised.
    ///
    /// # Panics
    /// When an index is not below `items`.
    #[must_use]
    pub fn of(items: usize, bills: &[(usize, usize)], made_at: &[(usize, usize)], goods: &[usize]) -> Self {
        let centres = made_at.iter().map(|(_, centre)| centre + 1).max().unwrap_or(0);
        let mut centre_of = vec![None; items];
        for &(item, centre) in made_at {
            centre_of[item] = Some(centre);
        }
        let mut graph = Self {
            down: Links::of(items, bills.iter().copied()),
            up: Links::of(items, bills.iter().map(|&(parent, component)| (component, parent))),
            centres: Links::of(centres, made_at.iter().map(|&(item, centre)| (centre, item))),
            centre_of,
            good: vec![false; items],
            wanted: vec![false; items],
        };
        let mut open = Vec::new();
        for &good in goods {
            graph.good[good] = true;
            if !graph.wanted[good] {
                graph.wanted[good] = true;
                open.push(good);
            }
        }
        while let Some(at) = open.pop() {
            for &component in graph.down.from(at) {
                if !graph.wanted[component] {
                    graph.wanted[component] = true;
                    open.push(component);
                }
            }
        }
        graph
    }

    /// The graph of a whole catalogue.
    #[must_use]
    pub fn of_pool(pool: &Pool) -> Self {
        let (mut bills, mut made_at, mut goods) = (Vec::new(), Vec::new(), Vec::new());
        for (index, item) in pool.items.iter().enumerate() {
            if item.offer.is_some() || !item.promised.is_empty() {
                goods.push(index);
            }
            if let Some(recipe) = &item.recipe {
                bills.extend(recipe.slots.iter().flat_map(|slot| &slot.options).map(|option| (index, option.item)));
                made_at.extend(recipe.centre.map(|centre| (index, centre)));
            }
        }
        Self::of(pool.items.len(), &bills, &made_at, &goods)
    }

    /// The goods that these items are in, in order: those whose numbers can change with them at once.
    #[must_use]
    pub fn goods_above(&self, changed: &[usize]) -> Vec<usize> {
        let mut seen = vec![false; self.good.len()];
        let mut open: Vec<usize> = changed.to_vec();
        let mut goods = Vec::new();
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            if self.good[at] {
                goods.push(at);
            }
            open.extend(self.up.from(at).iter().filter(|parent| !seen[**parent]));
        }
        goods.sort_unstable();
        goods
    }

    /// All items that must be solved together with these, in order. Empty when no good is made of them.
    #[must_use]
    pub fn pool_of(&self, changed: &[usize]) -> Vec<usize> {
        let mut seen = vec![false; self.good.len()];
        let mut pool = Vec::new();
        for &item in changed {
            self.join(item, &mut seen, &mut pool);
        }
        pool.sort_unstable();
        pool
    }

    /// Every pool, each in order, in the order of their first items.
    #[must_use]
    pub fn pools(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.good.len()];
        let mut pools = Vec::new();
        for item in 0..self.good.len() {
            let mut pool = Vec::new();
            self.join(item, &mut seen, &mut pool);
            if !pool.is_empty() {
                pool.sort_unstable();
                pools.push(pool);
            }
        }
        pools
    }

    /// Adds to a pool this item and all it is linked to, unless it is there or nobody wants it.
    fn join(&self, item: usize, seen: &mut [bool], pool: &mut Vec<usize>) {
        let mut next = pool.len();
        let mut add = |item: usize, pool: &mut Vec<usize>| {
            if self.wanted[item] && !std::mem::replace(&mut seen[item], true) {
                pool.push(item);
            }
        };
        add(item, pool);
        while let Some(&at) = pool.get(next) {
            next += 1;
            let mates = self.centre_of[at].map_or(&[][..], |centre| self.centres.from(centre));
            for &other in self.down.from(at).iter().chain(self.up.from(at)).chain(mates) {
                add(other, pool);
            }
        }
    }
}

impl Pool {
    /// These items alone, with their centres. They must be closed: with an item everything it is made of.
    ///
    /// # Panics
    /// When something that one of them is made of is not among them.
    #[must_use]
    pub fn part(&self, items: &[usize]) -> Self {
        let place = |index: usize| items.binary_search(&index).expect("with an item everything it is made of");
        let mut centres: BTreeMap<usize, usize> = BTreeMap::new();
        for recipe in items.iter().filter_map(|&index| self.items[index].recipe.as_ref()) {
            if let Some(centre) = recipe.centre {
                let next = centres.len();
                centres.entry(centre).or_insert(next);
            }
        }
        let item = |&index: &usize| {
            let mut item: PoolItem = self.items[index].clone();
            if let Some(recipe) = &mut item.recipe {
                recipe.centre = recipe.centre.and_then(|centre| centres.get(&centre).copied());
                for option in recipe.slots.iter_mut().flat_map(|slot| &mut slot.options) {
                    option.item = place(option.item);
                }
            }
            item
        };
        let mut listed: Vec<(usize, Centre)> = centres.iter().map(|(&old, &new)| (new, self.centres[old].clone())).collect();
        listed.sort_by_key(|(new, _)| *new);
        Self { items: items.iter().map(item).collect(), centres: listed.into_iter().map(|(_, centre)| centre).collect() }
    }
}
