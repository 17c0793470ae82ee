//! Bills of materials: the components of one unit of an item, and how the item is made.
//!
//! The bill in force is one row. Each change also writes a version row that never changes again, so that a promise made under an
//! older version can still be explained. The import checks the rules between bills ([`super::bom_cycles`]). [`WhereUsed`] leads
//! from a component or a work centre to the items that use it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::catalog::{Factor, Percent, Quantity, Resource, Sku, WorkCentreId, Yield};

/// The bill in force of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillOfMaterials {
    /// The item that is made.
    pub parent: Sku,
    /// The number of its changes, from 1.
    pub version: u32,
    /// Its components. Without any the item is not made, as if it had no bill.
    pub components: BTreeMap<Sku, Component>,
    /// The share of started units that come out usable; without a value all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yields: Option<Yield>,
    /// Lead time: days from the start of a unit until it is on hand, at most [`BillOfMaterials::MAX_LEAD_DAYS`].
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub lead_days: u16,
    /// The work centre that limits how many units can be started on a day, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre: Option<WorkCentreId>,
    /// Whether it is a phantom assembly: it is made as part of its parent, or put together when it ships (a kit), so it takes no
    /// time and no work centre, and is not kept in stock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phantom: bool,
    /// When this version came into force. Older rows do not have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// One component of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Units of the component for each unit that is started, before scrap.
    pub quantity: Factor,
    /// Scrap, in per cent of the units that are taken; without a value nothing is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrap: Option<Percent>,
    /// The first day on which a started unit takes it; without a value there is no first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The first day on which a started unit no longer takes it; without a value there is no such day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// For an alternate: the component of the same bill that it replaces, which must not be an alternate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Sku>,
    /// The order of alternates: the one with the lowest rank is taken first.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub rank: u16,
}

/// One version of a bill, as it came into force. Its row never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BillVersion(pub BillOfMaterials);

/// Where-used entry of a component or a work centre: every item whose bill names it directly, alternates included.
///
/// It never names too few parents: the import writes it before it adds a component to a bill, and after it removes one. It may
/// name one parent too many for a while, so every reader checks the bill too. A bulk component has no entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhereUsed {
    /// The component or the work centre.
    pub resource: Resource,
    /// The items whose bills name it.
    pub parents: BTreeSet<Sku>,
}

/// A work centre and its daily capacity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkCentre {
    /// Its code.
    pub code: WorkCentreId,
    /// Capacity: units that can be started on one day, over all items made there.
    pub per_day: Quantity,
}

impl BillOfMaterials {
    /// The most components of one bill, so that its row stays small.
    pub const MAX_COMPONENTS: usize = 200;
    /// The most levels of bills below an item.
    pub const MAX_DEPTH: usize = 20;
    /// The longest lead time in days.
    pub const MAX_LEAD_DAYS: u16 = 730;

    /// A bill without components, lead time, work centre or yield, and with version 0: no version of it is in force.
    #[must_use]
    pub fn new(parent: Sku) -> Self {
        let (components, yields, lead_days, centre, phantom, since) = Default::default();
        Self { parent, version: 0, components, yields, lead_days, centre, phantom, since }
    }

    /// The components of a unit, slot by slot: a main component followed by its alternates in the order of their rank. No slot
    /// is empty.
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

    /// The resources that its production consumes: its components, alternates included, and its work centre. Items that consume
    /// the same resource compete for it.
    pub fn resources(&self) -> impl Iterator<Item = Resource> {
        let components = self.components.keys().cloned().map(Resource::Item);
        components.chain(self.centre.clone().map(Resource::WorkCentre))
    }

    /// Complete units that these units of its components make on `day`, without scrap and yield. Components that `is_bulk` selects
    /// limit nothing.
    #[must_use]
    pub fn complete_units(&self, of: &BTreeMap<&Sku, Quantity>, day: Date, is_bulk: impl Fn(&Sku) -> bool) -> Quantity {
        self.units_of_slots(of, day, is_bulk).map(|units| whole(units.floor())).min().unwrap_or_default()
    }

    /// The least number of units that these units of its components can come from on `day`, without scrap and yield.
    #[must_use]
    pub fn started_units(&self, of: &BTreeMap<&Sku, Quantity>, day: Date) -> Quantity {
        self.units_of_slots(of, day, |_| false).map(|units| whole(units.ceil())).max().unwrap_or_default()
    }

    /// For each slot that a unit takes on `day`, how many units these units of its components are enough for.
    fn units_of_slots(
        &self,
        of: &BTreeMap<&Sku, Quantity>,
        day: Date,
        is_bulk: impl Fn(&Sku) -> bool,
    ) -> impl Iterator<Item = Decimal> {
        let is_used = move |slot: &Vec<(&Sku, &Component)>| slot.iter().any(|(_, component)| component.is_used_on(day));
        let slots = self.slots().filter(move |slot| is_used(slot) && !slot.iter().any(|(sku, _)| is_bulk(sku)));
        slots.map(|slot| {
            let share = |(sku, component): &(&Sku, &Component)| {
                let units = of.get(*sku).copied().unwrap_or_default();
                Decimal::from(units.units()).checked_div(component.quantity.number()).unwrap_or_default()
            };
            slot.iter().map(share).sum()
        })
    }

    /// Whether it has the same content as `other`, whatever their versions.
    #[must_use]
    pub fn has_the_same_content(&self, other: &Self) -> bool {
        let Self { parent, version: _, components, yields, lead_days, centre, phantom, since: _ } = self;
        (parent, components, yields, lead_days, centre, phantom)
            == (&other.parent, &other.components, &other.yields, &other.lead_days, &other.centre, &other.phantom)
    }
}

fn whole(units: Decimal) -> Quantity {
    Quantity::new(units.to_i64().unwrap_or_default())
}

impl Component {
    /// A component with this quantity, without scrap or validity dates, that is not an alternate.
    #[must_use]
    pub fn new(quantity: Factor) -> Self {
        let (scrap, from, until, instead_of, rank) = Default::default();
        Self { quantity, scrap, from, until, instead_of, rank }
    }

    /// Whether a unit that is started on `day` takes it.
    #[must_use]
    pub fn is_used_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }
}

impl WhereUsed {
    /// The most items that one resource may go into. A component that goes into everything must be marked `bulk`.
    pub const MAX_PARENTS: usize = 2_000;
    /// The most bytes of all their SKUs together, so that the row fits into a DynamoDB item (400 KB).
    pub const MAX_BYTES: usize = 350_000;

    /// Whether it fits into one row.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.parents.len() <= Self::MAX_PARENTS && self.bytes() <= Self::MAX_BYTES
    }

    /// The bytes of all SKUs of its parents together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parents.iter().map(|sku| sku.as_str().len()).sum()
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

    /// Protects bill rows that were stored before assemblies and alternates existed, and the row size of plain bills.
    #[test]
    fn a_plain_bill_keeps_its_stored_form() {
        let text = r#"{"parent":"A","version":3,"components":{"B":{"quantity":"0.5"},"C":{"quantity":"2","scrap":"3"}}}"#;
        let bill: BillOfMaterials = serde_json::from_str(text).expect("an old row");
        let half = Component::new("0.5".parse().expect("a factor"));
        let components = [
            (sku("B"), half),
            (sku("C"), Component { scrap: "3".parse().ok(), ..Component::new("2".parse().expect("a factor")) }),
        ];
        assert_eq!(bill, BillOfMaterials { version: 3, components: components.into(), ..BillOfMaterials::new(sku("A")) });
        assert_eq!(serde_json::to_string(&bill).expect("a bill serialises"), text);
    }

    /// Protects planning from taking an alternate before its main component, or for another component.
    #[test]
    fn alternates_follow_their_main_component() {
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

    /// Protects the validity days of a component: `from` is included, `until` is not.
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

    /// Protects the where-used row from growing beyond the size of a row.
    #[test]
    fn the_number_of_parents_is_bounded() {
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
            assert_eq!(WhereUsed { resource: Resource::Item(sku("C")), parents }.fits(), fits, "{count} with {tail:?}");
        }
    }
}
