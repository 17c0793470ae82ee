//! What holds between bills: nothing is made of itself, and no way down is endless. A row knows nothing of the others, so this
//! is checked where bills come in. An alternate is on the way down like any other component.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::catalog::{BillOfMaterials, Sku};

/// What is wrong between bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BomCycle {
    /// An item is made of itself; the path begins and ends with it.
    Cycle(Vec<Sku>),
    /// The way down from an item is longer than [`BillOfMaterials::MAX_DEPTH`]; the path goes from the top to the bottom.
    TooDeep(Vec<Sku>),
}

impl BomCycle {
    /// The items on the way, in order.
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
            Self::Cycle(_) => write!(f, "an item may not be made of itself: {}", path()),
            Self::TooDeep(_) => write!(f, "bills go at most {} levels deep: {}", BillOfMaterials::MAX_DEPTH, path()),
        }
    }
}

/// The bom_cycles of these bills: each cycle that a walk from the top meets, and the longest way down from each top that is
/// too deep. In the order of items, and in a stack of its own: data decides how deep it goes.
#[must_use]
pub fn bom_cycles(bills: &BTreeMap<Sku, BillOfMaterials>) -> Vec<BomCycle> {
    let mut found = Vec::new();
    // Levels below each item that is done, and where the longest way goes on.
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
                    let way = stack.iter().map(|(sku, _)| *sku).skip_while(|sku| *sku != next);
                    found.push(BomCycle::Cycle(way.chain([next]).cloned().collect()));
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
            let way = std::iter::successors(Some(top), |sku| below.get(sku).and_then(|(_, next)| *next));
            found.push(BomCycle::TooDeep(way.cloned().collect()));
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

    /// Bills, and what is said of them.
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

    /// Protects whoever explodes a bill from never coming to an end, and whoever wrote it from not finding the cycle.
    #[test]
    fn a_cycle_is_found_and_shown() {
        let rows: [Case; 6] = [
            (&[], &[]),
            (&[("A", "B"), ("A", "C"), ("B", "D"), ("C", "D")], &[]),
            (&[("A", "A")], &["an item may not be made of itself: A → A"]),
            (&[("A", "B"), ("B", "C"), ("C", "B")], &["an item may not be made of itself: B → C → B"]),
            (&[("A", "B"), ("B", "A"), ("C", "A")], &["an item may not be made of itself: A → B → A"]),
            (
                &[("A", "B"), ("B", "A"), ("X", "Y"), ("Y", "X")],
                &["an item may not be made of itself: A → B → A", "an item may not be made of itself: X → Y → X"],
            ),
        ];
        for (edges, expected) in rows {
            let found: Vec<String> = bom_cycles(&bills(edges)).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{edges:?}");
        }
    }

    /// Protects the bound on depth: as many levels as are allowed are, one more is not, and a long chain ends nobody's stack.
    #[test]
    fn bills_go_so_deep_and_no_deeper() {
        for (levels, expected) in
            [(BillOfMaterials::MAX_DEPTH, None), (BillOfMaterials::MAX_DEPTH + 1, Some(22)), (50_000, Some(50_001))]
        {
            let names: Vec<String> = (0..=levels).map(|n| format!("{n:06}")).collect();
            let edges: Vec<(&str, &str)> = names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
            let found = bom_cycles(&bills(&edges));
            assert_eq!(found.first().map(|tangle| tangle.path().len()), expected, "{levels} levels");
        }
    }
}
