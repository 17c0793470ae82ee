//! The pool as arrays: items in the order of netting, parents before components, so that each is netted once.

use crate::catalog::Sku;
use crate::promise::planning::{Day, PlanningError, PlanningGroup, Ratio};

/// A pool, laid out for walking. Items are known by their place in the order of netting.
pub(super) struct Net<'p> {
    pub(super) pool: &'p PlanningGroup,
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
    /// Nothing of a pool yet.
    pub(super) fn empty(pool: &'p PlanningGroup) -> Self {
        let place = vec![0; pool.items.len()];
        Self { pool, nodes: Vec::new(), slots: Vec::new(), uses: Vec::new(), index: Vec::new(), place }
    }

    /// Lays out these items alone, in ascending order and with everything below them.
    pub(super) fn load(&mut self, items: &[usize]) -> Result<(), PlanningError> {
        let Self { pool, nodes, slots, uses, index, place } = self;
        *index = netting_order(pool, items, place)?;
        for (at, &index) in index.iter().enumerate() {
            place[index] = at;
        }
        nodes.clear();
        slots.clear();
        uses.clear();
        for &index in &*index {
            let item = &pool.items[index];
            let first = slots.len();
            let (mut yields, mut lead, mut centre) = (Ratio::ONE, 0, None);
            if let Some(recipe) = &item.recipe {
                (yields, lead, centre) = (recipe.yields, recipe.lead, recipe.centre);
                for slot in &recipe.slots {
                    let first = uses.len();
                    uses.extend(slot.options.iter().map(|option| Edge { item: place[option.item], per: option.per }));
                    slots.push(Span { first, end: uses.len(), from: slot.from, until: slot.until });
                }
            }
            let made = item.recipe.is_some();
            let end = slots.len();
            nodes.push(Node { first, end, yields, lead, made, centre, bought_in: item.bought_in });
        }
        Ok(())
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
}

/// Whether everything that a pool refers to is there.
pub(super) fn check(pool: &PlanningGroup) -> Result<(), PlanningError> {
    for recipe in pool.items.iter().filter_map(|item| item.recipe.as_ref()) {
        if recipe.centre.is_some_and(|centre| centre >= pool.centres.len()) {
            return Err(PlanningError::Missing);
        }
        if !recipe.yields.is_at_most_one() {
            return Err(PlanningError::Yield);
        }
        for slot in &recipe.slots {
            if slot.options.is_empty() {
                return Err(PlanningError::EmptySlot);
            }
            if slot.options.iter().any(|option| option.item >= pool.items.len()) {
                return Err(PlanningError::Missing);
            }
        }
    }
    Ok(())
}

/// The items by level, parents before components; within a level by name, so that nothing depends on the order in which
/// the pool lists them.
fn netting_order(pool: &PlanningGroup, items: &[usize], place: &mut [usize]) -> Result<Vec<usize>, PlanningError> {
    let count = items.len();
    for (at, &index) in items.iter().enumerate() {
        place[index] = at;
    }
    let below = |at: usize| {
        pool.items[items[at]]
            .recipe
            .iter()
            .flat_map(|recipe| &recipe.slots)
            .flat_map(|slot| &slot.options)
            .map(|option| option.item)
    };
    let mut parents = vec![0_usize; count];
    for component in (0..count).flat_map(below) {
        parents[place[component]] += 1;
    }
    let name = |at: usize| &pool.items[items[at]].sku;
    let mut by_name: Vec<usize> = (0..count).collect();
    if !by_name.is_sorted_by_key(|&at| name(at)) {
        by_name.sort_by(|&a, &b| name(a).cmp(name(b)));
    }
    let mut level = vec![0_usize; count];
    let mut open: Vec<usize> = Vec::with_capacity(count);
    open.extend(by_name.iter().copied().filter(|&at| parents[at] == 0));
    let (mut next, mut deepest) = (0, 0);
    while let Some(&at) = open.get(next) {
        next += 1;
        for component in below(at) {
            let component = place[component];
            level[component] = level[component].max(level[at] + 1);
            deepest = deepest.max(level[component]);
            parents[component] -= 1;
            if parents[component] == 0 {
                open.push(component);
            }
        }
    }
    if open.len() < count {
        return Err(PlanningError::Cycle);
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
    for at in by_name {
        order[begin[level[at]]] = items[at];
        begin[level[at]] += 1;
    }
    Ok(order)
}

/// Finds what is below an item, once per good, with buffers that are kept.
#[derive(Default)]
pub(super) struct Reacher {
    seen: Vec<u32>,
    round: u32,
    stack: Vec<(usize, usize)>,
}

impl Reacher {
    /// Makes room for so many items.
    pub(super) fn grow(&mut self, count: usize) {
        self.seen.resize(count.max(self.seen.len()), 0);
    }

    /// Adds to the end of `list` these items and everything below them, parents before components.
    pub(super) fn below(&mut self, net: &Net<'_>, tops: &[usize], list: &mut Vec<usize>) {
        self.round += 1;
        let begin = list.len();
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
        list[begin..].reverse();
    }
}
