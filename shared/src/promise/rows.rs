//! The rows that planning reads of one item, and the planning groups that these rows form.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlanMembership, Promise};
use crate::catalog::{BillOfMaterials, Item, Sku, WhereUsed};

/// The rows that were read of one item.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct PlanningRows {
    pub item: Option<Item>,
    pub bill: Option<BillOfMaterials>,
    pub used: Option<WhereUsed>,
    pub promise: Option<Promise>,
    pub in_plan: Option<PlanMembership>,
    pub in_plan_was: Option<u64>,
}

impl PlanningRows {
    /// Whether the item takes part in planning.
    pub fn is_planned(&self) -> bool {
        let sold = self.item.as_ref().is_some_and(|item| item.planning.promise_days.is_some());
        !self.is_bulk() && (sold || self.bill.is_some() || self.used.is_some())
    }

    pub fn is_bulk(&self) -> bool {
        self.item.as_ref().is_some_and(|item| item.planning.bulk)
    }

    /// The components of its bill of materials.
    pub fn components(&self) -> impl Iterator<Item = &Sku> {
        self.bill.iter().flat_map(|bill| bill.components.keys())
    }

    /// The items that its production draws on, and the items that it is a component of.
    pub fn neighbours(&self) -> impl Iterator<Item = Sku> {
        let up = self.used.iter().flat_map(|used| used.parents.iter().cloned());
        self.bill.iter().flat_map(BillOfMaterials::draws_on).chain(up)
    }
}

/// The planning groups of these items, without bulk items; each group in the order of SKUs.
pub(crate) fn groups(rows: &BTreeMap<Sku, PlanningRows>) -> Vec<BTreeSet<Sku>> {
    let planned: BTreeSet<&Sku> = rows.iter().filter(|(_, rows)| rows.is_planned()).map(|(sku, _)| sku).collect();
    let mut beside: BTreeMap<&Sku, Vec<&Sku>> = BTreeMap::new();
    for parent in &planned {
        for used in rows.get(*parent).and_then(|rows| rows.bill.as_ref()).into_iter().flat_map(BillOfMaterials::draws_on) {
            if let Some(used) = planned.get(&used) {
                beside.entry(parent).or_default().push(used);
                beside.entry(used).or_default().push(parent);
            }
        }
    }
    let mut left = planned;
    let mut groups = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut group = BTreeSet::from([first.clone()]);
        let mut open = vec![first];
        while let Some(at) = open.pop() {
            for next in beside.get(at).into_iter().flatten() {
                if left.remove(next) {
                    group.insert((*next).clone());
                    open.push(next);
                }
            }
        }
        groups.push(group);
    }
    groups
}
