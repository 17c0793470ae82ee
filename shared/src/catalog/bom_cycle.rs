//! Cycles and excessive depth in bills of materials: no item may contain itself, and the depth of components is bounded.
//!
//! One bill cannot show either, so the import checks all bills together. An alternate counts like any other component.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::catalog::{BillOfMaterials, Sku};

/// A violation of the rules between bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BomCycle {
    /// An item contains itself; the path begins and ends with it.
    Cycle(Vec<Sku>),
    /// An item has more levels of components than [`BillOfMaterials::MAX_DEPTH`]; the path goes from the top to the bottom.
    TooDeep(Vec<Sku>),
}

impl BomCycle {
    /// The items of the path, in order.
    #[must_use]
    pub fn path(&self) -> &[Sku] {
        match self {
            Self::Cycle(path) | Self::TooDeep(path) => path,
        }
    }
}

impl fmt::Display for BomCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = || self.path().iter().map(Sku::as_str).collect::<Vec<_>>().join(" → ");
        match self {
            Self::Cycle(_) => write!(f, "an item may not contain itself: {}", path()),
            Self::TooDeep(_) => write!(f, "bills have at most {} levels: {}", BillOfMaterials::MAX_DEPTH, path()),
        }
    }
}

/// The violations in these bills: each cycle that a depth-first walk finds, then the longest path below each top item whose
/// depth exceeds the bound. The order follows the SKUs. The walk keeps its own stack, because the data decides its depth and a
/// recursion could overflow.
#[must_use]
pub fn bom_cycles(bills: &BTreeMap<Sku, BillOfMaterials>) -> Vec<BomCycle> {
    let mut found = Vec::new();
    // For each finished item: the number of levels below it, and the next item of the longest path.
    let mut below: BTreeMap<&Sku, (usize, Option<&Sku>)> = BTreeMap::new();
    for start in bills.keys() {
        let mut open: BTreeSet<&Sku> = BTreeSet::new();
        let mut stack = Vec::new();
        if !below.contains_key(start) {
            open.insert(start);
            stack.push((start, components(bills, start)));
        }
        while let Some((at, rest)) = stack.last_mut() {
            let at = *at;
            match rest.next() {
                Some(next) if open.contains(next) => {
                    let path = stack.iter().map(|(sku, _)| *sku).skip_while(|sku| *sku != next);
                    found.push(BomCycle::Cycle(path.chain([next]).cloned().collect()));
                }
                Some(next) if below.contains_key(next) => {}
                Some(next) => {
                    open.insert(next);
                    stack.push((next, components(bills, next)));
                }
                None => {
                    let deepest = components(bills, at).filter_map(|sku| Some((below.get(sku)?.0 + 1, Some(sku))));
                    let deepest = deepest.max_by_key(|(levels, _)| *levels).unwrap_or((0, None));
                    below.insert(at, deepest);
                    open.remove(at);
                    stack.pop();
                }
            }
        }
    }
    let used: BTreeSet<&Sku> = bills.values().flat_map(|bill| bill.components.keys()).collect();
    for top in bills.keys().filter(|top| !used.contains(top)) {
        if below.get(top).is_some_and(|(levels, _)| *levels > BillOfMaterials::MAX_DEPTH) {
            let path = std::iter::successors(Some(top), |sku| below.get(sku).and_then(|(_, next)| *next));
            found.push(BomCycle::TooDeep(path.cloned().collect()));
        }
    }
    found
}

fn components<'a>(bills: &'a BTreeMap<Sku, BillOfMaterials>, sku: &Sku) -> impl Iterator<Item = &'a Sku> + use<'a> {
    bills.get(sku).into_iter().flat_map(|bill| bill.components.keys())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Component, Factor};

    fn sku(name: &str) -> Sku {
        name.parse().expect("a SKU")
    }

    fn bills(edges: &[(&str, &str)]) -> BTreeMap<Sku, BillOfMaterials> {
        let mut bills = BTreeMap::new();
        for (parent, component) in edges {
            let bill = bills.entry(sku(parent)).or_insert_with(|| BillOfMaterials::new(sku(parent)));
            bill.components.insert(sku(component), Component::new(Factor::ONE));
        }
        bills
    }

    /// Bills as (parent, component), and the expected violations.
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

    /// Protects the explosion of bills from an endless loop, and shows the planner where the cycle is.
    #[test]
    fn a_cycle_is_found_with_its_path() {
        let rows: [Case; 6] = [
            (&[], &[]),
            (&[("A", "B"), ("A", "C"), ("B", "D"), ("C", "D")], &[]),
            (&[("A", "A")], &["an item may not contain itself: A → A"]),
            (&[("A", "B"), ("B", "C"), ("C", "B")], &["an item may not contain itself: B → C → B"]),
            (&[("A", "B"), ("B", "A"), ("C", "A")], &["an item may not contain itself: A → B → A"]),
            (
                &[("A", "B"), ("B", "A"), ("X", "Y"), ("Y", "X")],
                &["an item may not contain itself: A → B → A", "an item may not contain itself: X → Y → X"],
            ),
        ];
        for (edges, expected) in rows {
            let found: Vec<String> = bom_cycles(&bills(edges)).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{edges:?}");
        }
    }

    /// Protects the bound on depth: the maximum passes, one more level does not, and a long chain does not overflow the stack.
    #[test]
    fn the_depth_of_bills_is_bounded() {
        for (levels, expected) in
            [(BillOfMaterials::MAX_DEPTH, None), (BillOfMaterials::MAX_DEPTH + 1, Some(22)), (50_000, Some(50_001))]
        {
            let names: Vec<String> = (0..=levels).map(|n| format!("{n:06}")).collect();
            let edges: Vec<(&str, &str)> = names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
            let found = bom_cycles(&bills(&edges));
            assert_eq!(found.first().map(|violation| violation.path().len()), expected, "{levels} levels");
        }
    }
}
