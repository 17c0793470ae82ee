//! The pool as arrays: items in the order of netting, parents before components, so that each is netted once.

use super::{Day, Pool, Ratio, Unsound};
use crate::catalog::Sku;

/// A pool, laid out for walking. Items are known by their place in the order of netting.
pub(super) struct Net<'p> {
    pub(super) pool: &'p Pool,
    pub(super) nodes: Vec<Node>,
    pub(super) slots: Vec<Span>,
    pub(super) uses: Vec<Edge>,
    /// Index in the pool of each place, and back.
    pub(super) index: Vec<usize>,
    pub(super) place: Vec<usize>,
}

/// How an item is made; one that is not made has no slots and is not `made`.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) yields: Ratio,
    pub(super) lead: Day,
    pub(super) made: bool,
    pub(super) centre: Option<usize>,
    pub(super) bought_in: Option<Day>,
}

/// A slot: its options, and the days of starts that need it.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) from: Day,
    pub(super) until: Day,
}

impl Span {
    /// One component, needed always: nearly every slot.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.end - self.first == 1 && self.is_always()
    }

    pub(super) fn is_always(&self) -> bool {
        self.from == 0 && self.until == Day::MAX
    }
}

/// One option of a slot.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) item: usize,
    pub(super) per: Ratio,
}

impl<'p> Net<'p> {
    pub(super) fn of(pool: &'p Pool) -> Result<Self, Unsound> {
        let index = netting_order(pool)?;
        let mut place = vec![0; index.len()];
        for (at, &index) in index.iter().enumerate() {
            place[index] = at;
        }
        let mut net = Self { pool, nodes: Vec::with_capacity(index.len()), slots: Vec::new(), uses: Vec::new(), index, place };
        for &index in &net.index {
            let item = &pool.items[index];
            let first = net.slots.len();
            let (mut yields, mut lead, mut centre) = (Ratio::ONE, 0, None);
            if let Some(recipe) = &item.recipe {
                (yields, lead, centre) = (recipe.yields, recipe.lead, recipe.centre);
                for slot in &recipe.slots {
                    let first = net.uses.len();
                    net.uses.extend(slot.options.iter().map(|option| Edge { item: net.place[option.item], per: option.per }));
                    net.slots.push(Span { first, end: net.uses.len(), from: slot.from, until: slot.until });
                }
            }
            let made = item.recipe.is_some();
            let end = net.slots.len();
            net.nodes.push(Node { first, end, yields, lead, made, centre, bought_in: item.bought_in });
        }
        Ok(net)
    }

    pub(super) fn sku(&self, at: usize) -> &'p Sku {
        &self.pool.items[self.index[at]].sku
    }

    /// Every option of an item.
    #[inline]
    pub(super) fn edges(&self, at: usize) -> &[Edge] {
        let node = &self.nodes[at];
        if node.first == node.end { &[] } else { &self.uses[self.slots[node.first].first..self.slots[node.end - 1].end] }
    }

    /// Whether a slot of these items may take one of several, or is needed on some days only.
    pub(super) fn has_choices(&self, list: &[usize]) -> bool {
        list.iter().any(|&at| self.slots[self.nodes[at].first..self.nodes[at].end].iter().any(|slot| !slot.is_plain()))
    }
}

/// Indices of the items by level, parents before components; within a level by name, so that nothing depends on the order
/// in which the pool lists them.
fn netting_order(pool: &Pool) -> Result<Vec<usize>, Unsound> {
    let count = pool.items.len();
    let mut parents = vec![0_usize; count];
    for item in &pool.items {
        let Some(recipe) = &item.recipe else { continue };
        if recipe.centre.is_some_and(|centre| centre >= pool.centres.len()) {
            return Err(Unsound::Missing);
        }
        if !recipe.yields.is_at_most_one() {
            return Err(Unsound::Yield);
        }
        for slot in &recipe.slots {
            if slot.options.is_empty() {
                return Err(Unsound::EmptySlot);
            }
            for option in &slot.options {
                *parents.get_mut(option.item).ok_or(Unsound::Missing)? += 1;
            }
        }
    }
    let mut by_name: Vec<usize> = (0..count).collect();
    if !pool.items.is_sorted_by(|a, b| a.sku <= b.sku) {
        by_name.sort_by(|&a, &b| pool.items[a].sku.cmp(&pool.items[b].sku));
    }
    let mut level = vec![0_usize; count];
    let mut open: Vec<usize> = by_name.iter().copied().filter(|&index| parents[index] == 0).collect();
    let (mut next, mut deepest) = (0, 0);
    while let Some(&index) = open.get(next) {
        next += 1;
        for option in pool.items[index].recipe.iter().flat_map(|recipe| &recipe.slots).flat_map(|slot| &slot.options) {
            level[option.item] = level[option.item].max(level[index] + 1);
            deepest = deepest.max(level[option.item]);
            parents[option.item] -= 1;
            if parents[option.item] == 0 {
                open.push(option.item);
            }
        }
    }
    if open.len() < count {
        return Err(Unsound::Cycle);
    }
    // A counting sort: where each level begins, then every item in the order of names.
    let mut begin = vec![0_usize; deepest + 2];
    for &level in &level {
        begin[level + 1] += 1;
    }
    for at in 1..begin.len() {
        begin[at] += begin[at - 1];
    }
    let mut order = vec![0; count];
    for index in by_name {
        order[begin[level[index]]] = index;
        begin[level[index]] += 1;
    }
    Ok(order)
}

/// Finds what is below an item, once per good, with buffers that are kept.
pub(super) struct Reacher {
    seen: Vec<u32>,
    round: u32,
    stack: Vec<(usize, usize)>,
}

impl Reacher {
    pub(super) fn new(count: usize) -> Self {
        Self { seen: vec![0; count], round: 0, stack: Vec::new() }
    }

    /// Adds to `list` these items and everything below them, parents before components.
    pub(super) fn below(&mut self, net: &Net<'_>, tops: &[usize], list: &mut Vec<usize>) {
        self.round += 1;
        list.clear();
        // Depth first; an item is added when all below it are, so the list backwards is an order of netting;
        // the last slot is walked first, so backwards the first one is.
        for &top in tops {
            if self.seen[top] == self.round {
                continue;
            }
            self.seen[top] = self.round;
            self.stack.push((top, 0));
            while let Some((at, next)) = self.stack.last_mut() {
                if let Some(edge) = net.edges(*at).iter().nth_back(*next) {
                    *next += 1;
                    if self.seen[edge.item] != self.round {
                        self.seen[edge.item] = self.round;
                        self.stack.push((edge.item, 0));
                    }
                } else {
                    list.push(*at);
                    self.stack.pop();
                }
            }
        }
        list.reverse();
    }
}
