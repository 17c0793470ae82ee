//! Bills of materials: what one unit of an item is made of, and how it is made.
//!
//! The bill in force is one row; each change of it also leaves a row of its own that never changes again, so that what was
//! promised by an older version can still be explained. What holds between bills is checked where they come in ([`super::tangles`]).
//! Whoever needs the other way, from a component to what it goes into, asks [`WhereUsed`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Factor, Percent, Quantity, Sku, WorkCentreId, Yield};

/// The bill in force of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillOfMaterials {
    /// What is made.
    pub parent: Sku,
    /// Counts its changes, from 1.
    pub version: u32,
    /// What it is made of. Empty when nothing is left of it: the item is not made, as if it had no bill.
    pub components: BTreeMap<Sku, Component>,
    /// How many of the units that are started come out good; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yields: Option<Yield>,
    /// Days from the start of a unit until it is there, at most [`BillOfMaterials::MAX_LEAD_DAYS`].
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub lead_days: u16,
    /// Where it is made, if that limits how many are started on a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre: Option<WorkCentreId>,
    /// Made on the way, as part of what it goes into: it takes no time and no work centre.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phantom: bool,
    /// When this version came into force. Rows from before this was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// How much of one component goes into one unit of the parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Units of the component for each unit that is started, before scrap.
    pub quantity: Factor,
    /// How much of it is lost on the way, in per cent of what is taken; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrap: Option<Percent>,
    /// Only what is started on this day or later takes it; from ever without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Only what is started before this day takes it; for ever without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// It is an alternate: it stands in for this component of the same bill, which is no alternate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Sku>,
    /// Which of the alternates is taken first: the lower.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub rank: u16,
}

/// One version of a bill, as it was when it came into force. Never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BillVersion(pub BillOfMaterials);

/// Where a component or a work centre is used: every item whose bill names it, one level up, alternates included.
///
/// It never names too few: who adds a component to a bill writes this first, who takes one out writes this after. It may name
/// one too many for a while, so whoever follows it looks at the bill. Of a bulk component there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhereUsed {
    /// What is used.
    pub component: Sku,
    /// What it goes into.
    pub parents: BTreeSet<Sku>,
}

/// A place where things are made, and how much it can start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkCentre {
    /// Its code.
    pub code: WorkCentreId,
    /// Units that can be started on one day, of everything that is made there together.
    pub per_day: Quantity,
}

impl BillOfMaterials {
    /// The most components of one bill, so that its row stays small.
    pub const MAX_COMPONENTS: usize = 200;
    /// The most levels of bills below an item.
    pub const MAX_DEPTH: usize = 20;
    /// The most days that making a unit may take.
    pub const MAX_LEAD_DAYS: u16 = 730;

    /// A bill of nothing yet, made at once and anywhere, of which everything comes out. No version of it is in force.
    #[must_use]
    pub fn new(parent: Sku) -> Self {
        let (components, yields, lead_days, centre, phantom, since) = Default::default();
        Self { parent, version: 0, components, yields, lead_days, centre, phantom, since }
    }

    /// What goes into a unit, slot by slot: the component that is meant and those that may stand in for it, the first choice
    /// first. No slot is empty.
    pub fn slots(&self) -> impl Iterator<Item = Vec<(&Sku, &Component)>> {
        let mut alternates: BTreeMap<&Sku, Vec<(&Sku, &Component)>> = BTreeMap::new();
        for (sku, component) in &self.components {
            if let Some(main) = &component.instead_of {
                alternates.entry(main).or_default().push((sku, component));
            }
        }
        self.components.iter().filter(|(_, component)| component.instead_of.is_none()).map(move |main| {
            let mut slot = vec![main];
            let mut others = alternates.remove(main.0).unwrap_or_default();
            others.sort_by_key(|(sku, component)| (component.rank, *sku));
            slot.append(&mut others);
            slot
        })
    }

    /// Everything that making it draws on: its components, alternates included, and its work centre under
    /// [`WorkCentre::as_used`]. Items that draw on the same compete.
    pub fn draws_on(&self) -> impl Iterator<Item = Sku> {
        self.components.keys().cloned().chain(self.centre.as_ref().map(WorkCentre::as_used))
    }

    /// Whether it says the same as `other`, whichever version either is.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { parent, version: _, components, yields, lead_days, centre, phantom, since: _ } = self;
        (parent, components, yields, lead_days, centre, phantom)
            == (&other.parent, &other.components, &other.yields, &other.lead_days, &other.centre, &other.phantom)
    }
}

impl Component {
    /// So much of it, always, with nothing lost and nothing instead.
    #[must_use]
    pub fn new(quantity: Factor) -> Self {
        let (scrap, from, until, instead_of, rank) = Default::default();
        Self { quantity, scrap, from, until, instead_of, rank }
    }

    /// Whether what is started on this day takes it.
    #[must_use]
    pub fn is_used_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }
}

impl WhereUsed {
    /// The most items that one component may go into; what goes into everything is to be marked `bulk`.
    pub const MAX_PARENTS: usize = 2_000;
    /// The most bytes of their names together, so that they fit a row (DynamoDB's are at most 400 KB).
    pub const MAX_BYTES: usize = 350_000;

    /// Whether its row can be kept.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.parents.len() <= Self::MAX_PARENTS && self.bytes() <= Self::MAX_BYTES
    }

    /// The bytes of its parents' names.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parents.iter().map(|sku| sku.as_str().len()).sum()
    }
}

impl WorkCentre {
    /// What the where-used index calls it: a name beside those of the components.
    ///
    /// # Panics
    /// Never: with its prefix a code is still a name that an item could have.
    #[must_use]
    pub fn as_used(code: &WorkCentreId) -> Sku {
        format!("@centre {code}").parse().expect("codes of centres are short")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_nothing(number: &u16) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(name: &str) -> Sku {
        name.parse().expect("a SKU")
    }

    /// Protects bills that were stored before there were headers and alternates, and the size of plain ones.
    #[test]
    fn a_plain_bill_reads_and_writes_as_before() {
        let text = r#"{"parent":"A","version":3,"components":{"B":{"quantity":"0.5"},"C":{"quantity":"2","scrap":"3"}}}"#;
        let bill: BillOfMaterials = serde_json::from_str(text).expect("an old row");
        let half = Component::new("0.5".parse().expect("a factor"));
        let components = [
            (sku("B"), half),
            (sku("C"), Component { scrap: "3".parse().ok(), ..Component::new("2".parse().expect("a factor")) }),
        ];
        assert_eq!(bill, BillOfMaterials { version: 3, components: components.into(), ..BillOfMaterials::new(sku("A")) });
        assert_eq!(serde_json::to_string(&bill).expect("it can be written"), text);
    }

    /// Protects whoever plans from an alternate taken before what it stands in for, or for something else.
    #[test]
    fn alternates_stand_behind_what_they_stand_in_for() {
        let mut bill = BillOfMaterials::new(sku("A"));
        for (name, instead_of, rank) in
            [("B", None, 0), ("C", None, 0), ("D", Some("B"), 2), ("E", Some("B"), 1), ("F", Some("B"), 1), ("A1", Some("C"), 9)]
        {
            let component = Component { instead_of: instead_of.map(sku), rank, ..Component::new(Factor::ONE) };
            bill.components.insert(sku(name), component);
        }
        let names = |slot: Vec<(&Sku, &Component)>| slot.iter().map(|(sku, _)| sku.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(bill.slots().map(names).collect::<Vec<_>>(), ["B E F D", "C A1"]);
        assert_eq!(BillOfMaterials::new(sku("A")).slots().count(), 0);
    }

    /// Protects the days of a change: the first one counts, the last one does not.
    #[test]
    fn a_component_is_used_from_and_until() {
        let day = |text: &str| text.parse::<Date>().expect("a date");
        for (from, until, on, used) in [
            (None, None, "2026-11-21", true),
            (Some("2026-11-21"), None, "2026-11-20", false),
            (Some("2026-11-21"), None, "2026-11-21", true),
            (None, Some("2026-11-21"), "2026-11-20", true),
            (None, Some("2026-11-21"), "2026-11-21", false),
            (Some("2026-11-20"), Some("2026-11-21"), "2026-11-20", true),
        ] {
            let component = Component { from: from.map(day), until: until.map(day), ..Component::new(Factor::ONE) };
            assert_eq!(component.is_used_on(day(on)), used, "{from:?} {until:?} on {on}");
        }
    }

    /// Protects the row that names what a component goes into from growing beyond what a row holds.
    #[test]
    fn so_many_parents_fit() {
        let (long, wide) = ("x".repeat(124), "é".repeat(124));
        for (parents, tail, fits) in [
            (0, "", true),
            (WhereUsed::MAX_PARENTS, "", true),
            (WhereUsed::MAX_PARENTS + 1, "", false),
            (WhereUsed::MAX_PARENTS, long.as_str(), true),
            (WhereUsed::MAX_PARENTS, wide.as_str(), false),
        ] {
            let parents: BTreeSet<Sku> = (0..parents).map(|n| sku(&format!("{n:04}{tail}"))).collect();
            let count = parents.len();
            assert_eq!(WhereUsed { component: sku("C"), parents }.fits(), fits, "{count} with {tail:?}");
        }
    }
}
