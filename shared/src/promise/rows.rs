//! The rows that planning reads of one item, and the planning groups that these rows form.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlanMembership, Promise};
use crate::catalog::{BillOfMaterials, Item, Resource, Sku, WhereUsed};

/// The rows that were read of one item.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct PlanningRows {
    pub item: Option<Item>,
    pub bill: Option<BillOfMaterials>,
    pub used: Option<WhereUsed>,
    pub promise: Option<Promise>,
    pub in_plan: Option<PlanMembership>,
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

    /// The components and work centres that its production consumes, and the items that it is a component of.
    pub fn neighbours(&self) -> impl Iterator<Item = Resource> {
        let up = self.used.iter().flat_map(|used| used.parents.iter().cloned());
        self.resources().chain(up.map(Resource::Item))
    }

    /// The components and work centres that its production consumes.
    fn resources(&self) -> impl Iterator<Item = Resource> {
        self.bill.iter().flat_map(BillOfMaterials::resources)
    }
}

/// The planning groups of these items, without bulk items; each group in the order of SKUs. Items that are produced at one work
/// centre are in one group.
pub(crate) fn groups(rows: &BTreeMap<Sku, PlanningRows>) -> Vec<BTreeSet<Sku>> {
    let planned = |sku: &Sku| rows.get(sku).is_some_and(PlanningRows::is_planned);
    let mut beside: BTreeMap<Resource, Vec<Resource>> = BTreeMap::new();
    for (sku, rows) in rows.iter().filter(|(_, rows)| rows.is_planned()) {
        let parent = Resource::Item(sku.clone());
        for used in rows.resources().filter(|used| used.sku().is_none_or(planned)) {
            beside.entry(used.clone()).or_default().push(parent.clone());
            beside.entry(parent.clone()).or_default().push(used);
        }
        beside.entry(parent).or_default();
    }
    let mut groups = Vec::new();
    // Items are before work centres in this order, so each group is found from its first item.
    while let Some((first, mut open)) = beside.pop_first() {
        let mut group: BTreeSet<Sku> = first.sku().cloned().into_iter().collect();
        while let Some(next) = open.pop() {
            if let Some(more) = beside.remove(&next) {
                group.extend(next.sku().cloned());
                open.extend(more);
            }
        }
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Component, Factor};

    fn sku(name: &str) -> Sku {
        name.parse().expect("a SKU")
    }

    /// Protects the capacity of a work centre from being promised twice, and an item from being mistaken for a work centre of the
    /// same name: a shared work centre joins groups, and is a member of none.
    #[test]
    fn a_work_centre_joins_groups() {
        let row = |parent: &str, component: &str, centre: Option<&str>| {
            let components = [(sku(component), Component::new(Factor::ONE))].into();
            let centre = centre.map(|code| code.parse().expect("a code"));
            BillOfMaterials { components, centre, ..BillOfMaterials::new(sku(parent)) }
        };
        for (bills, expected) in [
            ([row("A", "X", None), row("B", "Y", None)], &["A X", "B Y"][..]),
            ([row("A", "X", Some("LINE")), row("B", "Y", None)], &["A X", "B Y"]),
            ([row("A", "X", Some("LINE")), row("B", "Y", Some("MIX"))], &["A X", "B Y"]),
            ([row("A", "X", Some("LINE")), row("B", "Y", Some("LINE"))], &["A B X Y"]),
            ([row("A", "X", Some("LINE")), row("B", "LINE", None)], &["A X", "B LINE"]),
        ] {
            let mut rows: BTreeMap<Sku, PlanningRows> = BTreeMap::new();
            for bill in bills {
                for component in bill.components.keys() {
                    let used = WhereUsed { resource: Resource::Item(component.clone()), parents: [bill.parent.clone()].into() };
                    rows.insert(component.clone(), PlanningRows { used: Some(used), ..PlanningRows::default() });
                }
                rows.insert(bill.parent.clone(), PlanningRows { bill: Some(bill), ..PlanningRows::default() });
            }
            let text = |group: &BTreeSet<Sku>| group.iter().map(Sku::as_str).collect::<Vec<_>>().join(" ");
            assert_eq!(groups(&rows).iter().map(text).collect::<Vec<_>>(), expected);
        }
    }
}
