//! The planning group as arrays: items in the order of netting, parents before components, so that each is netted once.

use crate::catalog::Sku;
use crate::promise::planning::index::{IndexVec, NodeIndex, TypedIndex};
use crate::promise::planning::{Day, PlanningError, PlanningGroup, Ratio};

/// A planning group, laid out for walking. A node is an item at its place in the order of netting.
pub(super) struct ItemGraph<'p> {
    pub(super) group: &'p PlanningGroup,
    pub(super) nodes: IndexVec<NodeIndex, Node>,
    pub(super) slots: Vec<SlotSpan>,
    pub(super) uses: Vec<ComponentEdge>,
    /// The index in the group of each node, and the node of each index.
    pub(super) index: IndexVec<NodeIndex, usize>,
    pub(super) node_of: Vec<NodeIndex>,
    /// The position of each index in the list of items that is loaded; used while the order is computed.
    position: Vec<usize>,
}

/// How an item is produced; an item that is not produced has no slots.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) yields: Ratio,
    pub(super) lead: Day,
    pub(super) is_produced: bool,
    pub(super) centre: Option<usize>,
    pub(super) bought_in: Option<Day>,
}

/// A slot: its options, and the days on which starts require it.
#[derive(Clone, Copy)]
pub(super) struct SlotSpan {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) from: Day,
    pub(super) until: Day,
}

impl SlotSpan {
    /// Whether the slot has one component and no effectivity window, as nearly every slot.
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
pub(super) struct ComponentEdge {
    pub(super) item: NodeIndex,
    pub(super) per: Ratio,
}

impl<'p> ItemGraph<'p> {
    /// A graph with no item loaded yet.
    pub(super) fn empty(group: &'p PlanningGroup) -> Self {
        let node_of = vec![NodeIndex::new(0); group.items.len()];
        let (nodes, slots, uses, index) = Default::default();
        Self { group, nodes, slots, uses, index, node_of, position: vec![0; group.items.len()] }
    }

    /// Lays out only these items. They must be in ascending order and include everything below them.
    pub(super) fn load(&mut self, items: &[usize]) -> Result<(), PlanningError> {
        let Self { group, nodes, slots, uses, index, node_of, position } = self;
        *index = IndexVec::of(netting_order(group, items, position)?);
        for (at, &index) in index.enumerate() {
            node_of[index] = at;
        }
        let nodes = nodes.elements();
        nodes.clear();
        slots.clear();
        uses.clear();
        for &index in index.iter() {
            let item = &group.items[index];
            let first = slots.len();
            let (mut yields, mut lead, mut centre) = (Ratio::ONE, 0, None);
            if let Some(recipe) = &item.recipe {
                (yields, lead, centre) = (recipe.yields, recipe.lead, recipe.centre);
                for slot in &recipe.slots {
                    let first = uses.len();
                    uses.extend(slot.options.iter().map(|option| ComponentEdge { item: node_of[option.item], per: option.per }));
                    slots.push(SlotSpan { first, end: uses.len(), from: slot.from, until: slot.until });
                }
            }
            let is_produced = item.recipe.is_some();
            let end = slots.len();
            nodes.push(Node { first, end, yields, lead, is_produced, centre, bought_in: item.bought_in });
        }
        Ok(())
    }

    pub(super) fn sku(&self, at: NodeIndex) -> &'p Sku {
        &self.group.items[self.index[at]].sku
    }

    /// Every component and alternate of an item.
    #[inline]
    pub(super) fn edges(&self, at: NodeIndex) -> &[ComponentEdge] {
        let node = &self.nodes[at];
        if node.first == node.end { &[] } else { &self.uses[self.slots[node.first].first..self.slots[node.end - 1].end] }
    }
}

/// Checks that every reference of a group is valid, and every slot and yield.
pub(super) fn check(group: &PlanningGroup) -> Result<(), PlanningError> {
    for recipe in group.items.iter().filter_map(|item| item.recipe.as_ref()) {
        if recipe.centre.is_some_and(|centre| centre >= group.centres.len()) {
            return Err(PlanningError::Missing);
        }
        if !recipe.yields.is_at_most_one() {
            return Err(PlanningError::Yield);
        }
        for slot in &recipe.slots {
            if slot.options.is_empty() {
                return Err(PlanningError::EmptySlot);
            }
            if slot.options.iter().any(|option| option.item >= group.items.len()) {
                return Err(PlanningError::Missing);
            }
        }
    }
    Ok(())
}

/// The items by level, parents before components; within a level by SKU, so that the result does not depend on the order of the
/// group's items.
fn netting_order(group: &PlanningGroup, items: &[usize], position: &mut [usize]) -> Result<Vec<usize>, PlanningError> {
    let count = items.len();
    for (at, &index) in items.iter().enumerate() {
        position[index] = at;
    }
    let below = |at: usize| {
        group.items[items[at]]
            .recipe
            .iter()
            .flat_map(|recipe| &recipe.slots)
            .flat_map(|slot| &slot.options)
            .map(|option| option.item)
    };
    let mut parents = vec![0_usize; count];
    for component in (0..count).flat_map(below) {
        parents[position[component]] += 1;
    }
    let name = |at: usize| &group.items[items[at]].sku;
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
            let component = position[component];
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
    // A counting sort: the begin of each level, then every item in the order of SKUs.
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

/// Finds the items below an item, with buffers that are reused.
#[derive(Default)]
pub(super) struct Descendants {
    seen: IndexVec<NodeIndex, u32>,
    round: u32,
    stack: Vec<(NodeIndex, usize)>,
}

impl Descendants {
    /// Makes room for `count` items.
    pub(super) fn grow(&mut self, count: usize) {
        let count = count.max(self.seen.len());
        self.seen.elements().resize(count, 0);
    }

    /// Appends to `list` these items and everything below them, parents before components.
    pub(super) fn below(&mut self, graph: &ItemGraph<'_>, tops: &[NodeIndex], list: &mut Vec<NodeIndex>) {
        self.round += 1;
        let begin = list.len();
        // Depth first: an item is added after all items below it, so the reversed list is an order of netting. The last slot is
        // walked first, so that the first slot comes first in the reversed list.
        for &top in tops {
            if self.seen[top] == self.round {
                continue;
            }
            self.seen[top] = self.round;
            self.stack.push((top, 0));
            while let Some((at, next)) = self.stack.last_mut() {
                if let Some(edge) = graph.edges(*at).iter().nth_back(*next) {
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
