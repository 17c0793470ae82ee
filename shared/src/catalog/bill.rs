//! Bills of materials: what one unit of an item is made of.
//!
//! The bill in force is one row; each change of it also leaves a row of its own that never changes again, so that what was
//! promised by an older version can still be explained. What holds between bills (no cycles, no endless depth) is checked
//! where they come in, because a row knows nothing of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::unit::decimal;
use super::{Factor, InvalidNumber, Sku};
use crate::store::{Key, Row};

/// The bill in force of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// What is made.
    pub parent: Sku,
    /// Counts its changes, from 1.
    pub version: u32,
    /// What it is made of. Empty when nothing is left of it: the item is not made, as if it had no bill.
    pub components: BTreeMap<Sku, Component>,
}

/// How much of one component goes into one unit of the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Units of the component, before scrap.
    pub quantity: Factor,
    /// How much of it is lost on the way, in per cent of what is taken; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrap: Option<Percent>,
}

/// One version of a bill, as it was when it came into force. Never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BillVersion(pub Bill);

impl Bill {
    /// The most components of one bill, so that its row stays small.
    pub const MAX_COMPONENTS: usize = 200;
    /// The most levels of bills below an item.
    pub const MAX_DEPTH: usize = 20;

    /// Where the bill in force of an item lives.
    #[must_use]
    pub fn key_of(parent: &Sku) -> Key {
        Key::head(Self::partition(parent))
    }

    fn partition(parent: &Sku) -> String {
        format!("BOM#{parent}")
    }
}

impl Row for Bill {
    fn key(&self) -> Key {
        Self::key_of(&self.parent)
    }
}

impl Row for BillVersion {
    fn key(&self) -> Key {
        Key::new(Bill::partition(&self.0.parent), format!("VERSION#{:06}", self.0.version))
    }
}

/// A share in per cent: from 0 to below 100, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(Decimal);

impl FromStr for Percent {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        let number = decimal(text)?;
        let sane = number >= Decimal::ZERO && number < Decimal::ONE_HUNDRED;
        if sane { Ok(Self(number)) } else { Err(InvalidNumber::NoPercentage(text.to_owned())) }
    }
}

impl TryFrom<String> for Percent {
    type Error = InvalidNumber;

    fn try_from(text: String) -> Result<Self, InvalidNumber> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is wrong between bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tangle {
    /// An item is made of itself; the path begins and ends with it.
    Cycle(Vec<Sku>),
    /// The way down from an item is longer than [`Bill::MAX_DEPTH`]; the path goes from the top to the bottom.
    TooDeep(Vec<Sku>),
}

impl Tangle {
    /// The items on the way, in order.
    #[must_use]
    pub fn path(&self) -> &[Sku] {
        match self {
            Self::Cycle(path) | Self::TooDeep(path) => path,
        }
    }
}

impl fmt::Display for Tangle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = || self.path().iter().map(Sku::as_str).collect::<Vec<_>>().join(" → ");
        match self {
            Self::Cycle(_) => write!(f, "an item may not be made of itself: {}", path()),
            Self::TooDeep(_) => write!(f, "bills go at most {} levels deep: {}", Bill::MAX_DEPTH, path()),
        }
    }
}

/// The tangles of these bills: each cycle that a walk from the top meets, and the longest way down from each top that is
/// too deep. In the order of items, and in a stack of its own: data decides how deep it goes.
#[must_use]
pub fn tangles(bills: &BTreeMap<Sku, Bill>) -> Vec<Tangle> {
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
                    found.push(Tangle::Cycle(way.chain([next]).cloned().collect()));
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
        if below.get(top).is_some_and(|(levels, _)| *levels > Bill::MAX_DEPTH) {
            let way = std::iter::successors(Some(top), |sku| below.get(sku).and_then(|(_, next)| *next));
            found.push(Tangle::TooDeep(way.cloned().collect()));
        }
    }
    found
}

fn components<'a>(bills: &'a BTreeMap<Sku, Bill>, sku: &Sku) -> impl Iterator<Item = &'a Sku> + use<'a> {
    bills.get(sku).into_iter().flat_map(|bill| bill.components.keys())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(name: &str) -> Sku {
        name.parse().expect("a SKU")
    }

    fn bills(edges: &[(&str, &str)]) -> BTreeMap<Sku, Bill> {
        let mut bills = BTreeMap::new();
        for (parent, component) in edges {
            let bill = Bill { parent: sku(parent), version: 1, components: BTreeMap::new() };
            let bill = bills.entry(sku(parent)).or_insert(bill);
            bill.components.insert(sku(component), Component { quantity: Factor::ONE, scrap: None });
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
            let found: Vec<String> = tangles(&bills(edges)).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{edges:?}");
        }
    }

    /// Protects the bound on depth: as many levels as are allowed are, one more is not, and a long chain ends nobody's stack.
    #[test]
    fn bills_go_so_deep_and_no_deeper() {
        for (levels, expected) in [(Bill::MAX_DEPTH, None), (Bill::MAX_DEPTH + 1, Some(22)), (50_000, Some(50_001))] {
            let names: Vec<String> = (0..=levels).map(|n| format!("{n:06}")).collect();
            let edges: Vec<(&str, &str)> = names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
            let found = tangles(&bills(&edges));
            assert_eq!(found.first().map(|tangle| tangle.path().len()), expected, "{levels} levels");
        }
    }

    /// Protects scrap from being more than there is.
    #[test]
    fn a_share_is_below_a_hundred() {
        for (text, good) in [("0", true), ("2.5", true), ("99.999999", true), ("100", false), ("-1", false), ("x", false)] {
            assert_eq!(text.parse::<Percent>().is_ok(), good, "{text}");
        }
    }
}
