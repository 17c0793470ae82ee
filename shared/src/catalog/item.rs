//! Items and what each shop calls them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::unit::metric_factor;
use crate::catalog::{Factor, InventoryItemId, PlanningSettings, Quantity, ShopDomain, Sku, SystemId, TierId, Unit, VariantId};

/// What we keep in stock, and how it is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Our code.
    pub sku: Sku,
    /// What one unit of it is; pieces where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Other units it is spoken of in, each with the base units it holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<Unit, Factor>,
    /// Its class, which says how much of it is kept back where the item itself does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierId>,
    /// Whether it is kept by lot: its lots are known, shipped first-expired-first-out, and shown in the shops.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_lot: bool,
    /// Units kept back from every shop at each location that has stock, in case the count is wrong. Without it its tier's.
    #[serde(default)]
    pub buffer: Option<Quantity>,
    /// Alert the planner when the network's available falls to this; no alert without it.
    #[serde(default)]
    pub low_at: Option<Quantity>,
    /// How it takes part in what can be promised beyond what is there.
    #[serde(default, skip_serializing_if = "PlanningSettings::is_default")]
    pub planning: PlanningSettings,
    /// Where it is sold: each shop with its inventory item.
    #[serde(default)]
    pub shops: BTreeMap<ShopDomain, ShopListing>,
}

/// How an item is listed in one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopListing {
    /// What the shop's order lines call it.
    pub shop_sku: String,
    /// What the shop's inventory calls it.
    pub inventory_item: InventoryItemId,
    /// What the shop sells it as; needed only to show its lots there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// Units kept back from this shop, instead of what is kept back from all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Quantity>,
}

impl ShopListing {
    /// Listed under this name, with nothing kept back for this shop alone.
    #[must_use]
    pub fn new(shop_sku: impl Into<String>, inventory_item: InventoryItemId) -> Self {
        Self { shop_sku: shop_sku.into(), inventory_item, variant: None, buffer: None }
    }
}

impl Item {
    /// A plain item, counted in pieces and sold nowhere yet.
    #[must_use]
    pub fn new(sku: Sku) -> Self {
        let (unit, units, tier, by_lot, buffer, low_at, planning, shops) = Default::default();
        Self { sku, unit, units, tier, by_lot, buffer, low_at, planning, shops }
    }

    /// How many of our units one `unit` of it is; `None` when nobody said.
    #[must_use]
    pub fn factor(&self, unit: &Unit) -> Option<Factor> {
        if unit.as_str() == self.unit.as_ref().map_or(Self::PIECE, Unit::as_str) {
            return Some(Factor::ONE);
        }
        self.units.get(unit).copied().or_else(|| metric_factor(unit, self.unit.as_ref()?))
    }

    /// Units kept back from `shop`, or from the network as a whole where none is named.
    #[must_use]
    pub fn buffer_for(&self, shop: Option<&ShopDomain>, tier: Option<&Tier>) -> Quantity {
        let of_shop = shop.and_then(|shop| self.shops.get(shop)).and_then(|listed| listed.buffer);
        of_shop.or(self.buffer).or_else(|| tier.map(|tier| tier.buffer)).unwrap_or_default()
    }

    /// What a unit is called where nothing is said.
    pub const PIECE: &'static str = "each";
}

/// The mapping from a shop's SKU to our item: what an order line is looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopItem {
    /// The shop.
    pub shop: ShopDomain,
    /// The SKU as the shop's order lines carry it, to the letter.
    pub shop_sku: String,
    /// Our item.
    pub sku: Sku,
    /// What the shop's inventory calls it.
    pub inventory_item: InventoryItemId,
}

/// What another system calls an item of ours, where it is not what we call it; and in which units it speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemItem {
    /// The system.
    pub system: SystemId,
    /// Its code of the item, to the letter.
    pub code: String,
    /// Our item.
    pub sku: Sku,
    /// The unit of its amounts where they name none; our own without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The units as this system means them, where they differ from the item's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<Unit, Factor>,
}

/// A class of items, and what holds for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its name.
    pub id: TierId,
    /// Units kept back of each item that says nothing itself.
    pub buffer: Quantity,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::AllocationPolicy;

    /// Protects units from being taken for others: the base unit is one, what is known is converted, the rest is not guessed.
    #[test]
    fn a_unit_is_known_or_it_is_not() {
        let unit = |name: &str| name.parse::<Unit>().expect("a unit");
        let pieces = Item { units: [(unit("case"), "12".parse().expect("a factor"))].into(), ..item() };
        let grams = Item { unit: Some(unit("g")), ..item() };
        for (item, name, factor) in [
            (&pieces, "each", Some("1")),
            (&pieces, "case", Some("12")),
            (&pieces, "kg", None),
            (&pieces, "Case", None),
            (&grams, "g", Some("1")),
            (&grams, "kg", Some("1000")),
            (&grams, "each", None),
        ] {
            assert_eq!(item.factor(&unit(name)).map(|factor| factor.to_string()).as_deref(), factor, "{name} of {:?}", item.unit);
        }
    }

    /// Protects items that were stored before there was planning, and the size of those it says nothing of.
    #[test]
    fn planning_is_left_out_where_nothing_is_said() {
        let text = r#"{"sku":"A","buffer":null,"low_at":null,"shops":{}}"#;
        assert_eq!(serde_json::from_str::<Item>(text).expect("an old row"), item());
        assert_eq!(serde_json::to_string(&item()).expect("it can be written"), text);
        let planning =
            PlanningSettings { promise_days: Some(14), policy: AllocationPolicy::FirstCome, ..PlanningSettings::default() };
        let said = serde_json::to_value(Item { planning, ..item() }).expect("it can be written");
        assert_eq!(said["planning"], serde_json::json!({ "promise_days": 14, "policy": "first_come" }));
        assert_eq!(serde_json::from_value::<Item>(said).expect("a row"), Item { planning, ..item() });
    }

    /// Protects buffers: the shop's word before the item's, the item's before its tier's.
    #[test]
    fn the_nearest_buffer_counts() {
        let shop: ShopDomain = "a.myshopify.com".parse().expect("a shop");
        let units = |units: Option<i64>| units.map(Quantity::new);
        for (of_shop, of_item, of_tier, for_shop, for_all) in [
            (Some(1), Some(2), Some(3), 1, 2),
            (None, Some(2), Some(3), 2, 2),
            (None, None, Some(3), 3, 3),
            (Some(0), None, Some(3), 0, 3),
            (None, None, None, 0, 0),
        ] {
            let listed = ShopListing { buffer: units(of_shop), ..ShopListing::new("A", InventoryItemId::new(1)) };
            let item = Item { buffer: units(of_item), shops: [(shop.clone(), listed)].into(), ..item() };
            let tier = of_tier.map(|buffer| Tier { id: "A".parse().expect("a tier"), buffer: Quantity::new(buffer) });
            assert_eq!(item.buffer_for(Some(&shop), tier.as_ref()).units(), for_shop);
            assert_eq!(item.buffer_for(None, tier.as_ref()).units(), for_all);
        }
    }

    fn item() -> Item {
        Item::new("A".parse().expect("a SKU"))
    }
}
