//! Where-used: which finished goods a change of an item affects, and which items must be planned together.
//!
//! Finished goods compete when they share a component at any level, or a work centre. A planning group holds all finished goods
//! that compete with each other, directly or through others, and everything below them. An item that no finished good needs
//! belongs to no group.

use std::collections::BTreeMap;

use crate::promise::planning::{GroupItem, GroupWorkCentre, PlanningGroup};

/// Bills of materials as a graph, from parents to components and back.
#[derive(Debug, Clone)]
pub struct WhereUsedGraph {
    down: Links,
    up: Links,
    /// The items of each work centre, as links from the work centre.
    centres: Links,
    centre_of: Vec<Option<usize>>,
    is_finished_good: Vec<bool>,
    /// Finished goods, items that are produced regardless, and everything below both.
    wanted: Vec<bool>,
    /// The group of each wanted item, and the items of each group.
    group_of: Vec<Option<usize>>,
    groups: Links,
}

/// Links from each node to others, in one block of memory.
#[derive(Debug, Clone, Default)]
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

    #[inline]
    fn from(&self, at: usize) -> &[usize] {
        &self.to[self.begin[at]..self.begin[at + 1]]
    }
}

impl WhereUsedGraph {
    /// The graph of `items` items. `bills` are pairs of an item and one of its components; `produced_at` are pairs of an item and
    /// its work centre; `finished_goods` are items that are offered or promised; `drawing` are items that are produced
    /// regardless, because production runs take them or their stock is negative.
    ///
    /// # Panics
    /// When an index is not below `items`.
    #[must_use]
    pub fn of(
        items: usize,
        bills: &[(usize, usize)],
        produced_at: &[(usize, usize)],
        finished_goods: &[usize],
        drawing: &[usize],
    ) -> Self {
        let centres = produced_at.iter().map(|(_, centre)| centre + 1).max().unwrap_or(0);
        let mut centre_of = vec![None; items];
        for &(item, centre) in produced_at {
            centre_of[item] = Some(centre);
        }
        let mut graph = Self {
            down: Links::of(items, bills.iter().copied()),
            up: Links::of(items, bills.iter().map(|&(parent, component)| (component, parent))),
            centres: Links::of(centres, produced_at.iter().map(|&(item, centre)| (centre, item))),
            centre_of,
            is_finished_good: vec![false; items],
            wanted: vec![false; items],
            group_of: vec![None; items],
            groups: Links::default(),
        };
        let mut open = Vec::new();
        for &item in finished_goods {
            graph.is_finished_good[item] = true;
        }
        for &item in finished_goods.iter().chain(drawing) {
            if !graph.wanted[item] {
                graph.wanted[item] = true;
                open.push(item);
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
        graph.find_groups();
        graph
    }

    /// The graph of a planning group.
    #[must_use]
    pub fn of_group(group: &PlanningGroup) -> Self {
        let (mut bills, mut produced_at, mut finished_goods, mut drawing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, item) in group.items.iter().enumerate() {
            if item.offer.is_some() || !item.promised.is_empty() {
                finished_goods.push(index);
            }
            if let Some(recipe) = &item.recipe {
                if item.stock.is_negative() || !item.requirements.is_empty() {
                    drawing.push(index);
                }
                bills.extend(recipe.slots.iter().flat_map(|slot| &slot.options).map(|option| (index, option.item)));
                produced_at.extend(recipe.centre.map(|centre| (index, centre)));
            }
        }
        Self::of(group.items.len(), &bills, &produced_at, &finished_goods, &drawing)
    }

    /// The finished goods above these items, in order: those whose numbers a change of the items can affect directly.
    #[must_use]
    pub fn finished_goods_above(&self, changed: &[usize]) -> Vec<usize> {
        let mut seen = vec![false; self.is_finished_good.len()];
        let mut open: Vec<usize> = changed.to_vec();
        let mut finished_goods = Vec::new();
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            if self.is_finished_good[at] {
                finished_goods.push(at);
            }
            open.extend(self.up.from(at).iter().filter(|parent| !seen[**parent]));
        }
        finished_goods.sort_unstable();
        finished_goods
    }

    /// All items that must be planned together with these, in order. Empty when no finished good needs them.
    #[must_use]
    pub fn group_of(&self, changed: &[usize]) -> Vec<usize> {
        let mut groups: Vec<usize> = changed.iter().filter_map(|&item| self.group_of[item]).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut items: Vec<usize> = groups.iter().flat_map(|&group| self.groups.from(group)).copied().collect();
        if groups.len() > 1 {
            items.sort_unstable();
        }
        items
    }

    /// Every group with its items in order; groups in the order of their first items.
    pub fn groups(&self) -> impl Iterator<Item = &[usize]> {
        (0..self.groups.begin.len() - 1).map(|group| self.groups.from(group))
    }

    /// Finds the connected components.
    fn find_groups(&mut self) {
        let mut found = 0;
        let mut open = Vec::new();
        for first in 0..self.is_finished_good.len() {
            if !self.wanted[first] || self.group_of[first].is_some() {
                continue;
            }
            self.group_of[first] = Some(found);
            open.push(first);
            while let Some(at) = open.pop() {
                let at_same_centre = self.centre_of[at].map_or(&[][..], |centre| self.centres.from(centre));
                for &other in self.down.from(at).iter().chain(self.up.from(at)).chain(at_same_centre) {
                    if self.wanted[other] && self.group_of[other].is_none() {
                        self.group_of[other] = Some(found);
                        open.push(other);
                    }
                }
            }
            found += 1;
        }
        let members = self.group_of.iter().enumerate().filter_map(|(item, group)| group.map(|group| (group, item)));
        self.groups = Links::of(found, members);
    }
}

impl PlanningGroup {
    /// The group of only these items, with their work centres. The items must be closed: they include every component of each
    /// item.
    ///
    /// # Panics
    /// When a component of one of the items is not among them.
    #[must_use]
    pub fn part(&self, items: &[usize]) -> Self {
        let place = |index: usize| items.binary_search(&index).expect("the items include every component of each item");
        let mut centres: BTreeMap<usize, usize> = BTreeMap::new();
        for recipe in items.iter().filter_map(|&index| self.items[index].recipe.as_ref()) {
            if let Some(centre) = recipe.centre {
                let next = centres.len();
                centres.entry(centre).or_insert(next);
            }
        }
        let item = |&index: &usize| {
            let mut item: GroupItem = self.items[index].clone();
            if let Some(recipe) = &mut item.recipe {
                recipe.centre = recipe.centre.and_then(|centre| centres.get(&centre).copied());
                for option in recipe.slots.iter_mut().flat_map(|slot| &mut slot.options) {
                    option.item = place(option.item);
                }
            }
            item
        };
        let mut listed: Vec<(usize, GroupWorkCentre)> =
            centres.iter().map(|(&old, &new)| (new, self.centres[old].clone())).collect();
        listed.sort_by_key(|(new, _)| *new);
        Self { items: items.iter().map(item).collect(), centres: listed.into_iter().map(|(_, centre)| centre).collect() }
    }
}
