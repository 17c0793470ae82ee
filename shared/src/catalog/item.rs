//! Items, and the mappings from the names that shops and other systems use to our items.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::unit::metric_factor;
use crate::catalog::{Factor, InventoryItemId, PlanningSettings, Quantity, ShopDomain, Sku, SystemId, TierId, Unit, VariantId};

/// An item that we keep in stock, and its listings in shops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Our code.
    pub sku: Sku,
    /// The base unit in which the ledger counts it; pieces ([`Item::PIECE`]) without a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Other units of measure that systems may report it in, each with the number of base units it holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<Unit, Factor>,
    /// Its tier, whose buffer applies when the item has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierId>,
    /// Whether it is kept by lot: the ledger tracks its lots, they ship first-expired-first-out, and the shops show them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_lot: bool,
    /// Safety buffer: units held back from every shop at each location with stock, in case the count is wrong. Without a
    /// value the buffer of its tier applies.
    #[serde(default)]
    pub buffer: Option<Quantity>,
    /// Threshold of the low-stock alert: it is raised when the available quantity of the network falls to this. Without a
    /// value there is no alert.
    #[serde(default)]
    pub low_at: Option<Quantity>,
    /// How it takes part in promises beyond the stock on hand.
    #[serde(default, skip_serializing_if = "PlanningSettings::is_default")]
    pub planning: PlanningSettings,
    /// Its listing in each shop that sells it.
    #[serde(default)]
    pub shops: BTreeMap<ShopDomain, ShopListing>,
}

/// How an item is listed in one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopListing {
    /// The SKU that the shop's order lines carry.
    pub shop_sku: String,
    /// The shop's inventory item.
    pub inventory_item: InventoryItemId,
    /// The shop's variant. Only the variant metafields (lots, promise date) need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// Safety buffer for this shop, instead of the item's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Quantity>,
}

impl ShopListing {
    /// A listing without a variant and without a buffer of its own.
    #[must_use]
    pub fn new(shop_sku: impl Into<String>, inventory_item: InventoryItemId) -> Self {
        Self { shop_sku: shop_sku.into(), inventory_item, variant: None, buffer: None }
    }
}

impl Item {
    /// An item that is counted in pieces and not listed in any shop.
    #[must_use]
    pub fn new(sku: Sku) -> Self {
        let (unit, units, tier, by_lot, buffer, low_at, planning, shops) = Default::default();
        Self { sku, unit, units, tier, by_lot, buffer, low_at, planning, shops }
    }

    /// How many base units of the item one `unit` holds; `None` when the catalog has no factor and the unit is not metric.
    #[must_use]
    pub fn factor(&self, unit: &Unit) -> Option<Factor> {
        if unit.as_str() == self.unit.as_ref().map_or(Self::PIECE, Unit::as_str) {
            return Some(Factor::ONE);
        }
        self.units.get(unit).copied().or_else(|| metric_factor(unit, self.unit.as_ref()?))
    }

    /// The safety buffer for `shop`, or for the network as a whole when `shop` is `None`.
    #[must_use]
    pub fn buffer_for(&self, shop: Option<&ShopDomain>, tier: Option<&Tier>) -> Quantity {
        let of_shop = shop.and_then(|shop| self.shops.get(shop)).and_then(|listed| listed.buffer);
        of_shop.or(self.buffer).or_else(|| tier.map(|tier| tier.buffer)).unwrap_or_default()
    }

    /// The base unit of an item that names none.
    pub const PIECE: &'static str = "each";
}

/// The mapping from a shop's SKU to our item. The item of an order line is found by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopItem {
    /// The shop.
    pub shop: ShopDomain,
    /// The SKU exactly as the shop's order lines carry it.
    pub shop_sku: String,
    /// Our item.
    pub sku: Sku,
    /// The shop's inventory item.
    pub inventory_item: InventoryItemId,
    /// The shop's variant, where it is known. Another variant with the same SKU is not this item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
}

/// The mapping from a shop's variant to our item. The item of an order line is found by it first, because two variants of a shop
/// may have one SKU, and a variant may get another SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedVariant {
    /// The shop.
    pub shop: ShopDomain,
    /// The variant.
    pub variant: VariantId,
    /// The SKU under which the shop lists it.
    pub shop_sku: String,
    /// Our item.
    pub sku: Sku,
}

/// The mapping from another system's code to our item, with the units of measure that the system reports it in. It is needed
/// only where the code or a unit differs from ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemItem {
    /// The system.
    pub system: SystemId,
    /// Its exact code of the item.
    pub code: String,
    /// Our item.
    pub sku: Sku,
    /// The unit of amounts that name none; without a value our base unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The units as this system defines them, where they differ from the item's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<Unit, Factor>,
}

/// A class of items and its common safety buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its name.
    pub id: TierId,
    /// Safety buffer of each item that has none of its own.
    pub buffer: Quantity,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::AllocationPolicy;

    /// Protects against confusing units: the base unit has factor one, a known unit has its factor, any other unit has none.
    #[test]
    fn only_known_units_have_a_factor() {
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

    /// Protects item rows that were stored before planning existed, and the row size of items with default settings.
    #[test]
    fn default_planning_settings_are_left_out_of_the_row() {
        let text = r#"{"sku":"A","buffer":null,"low_at":null,"shops":{}}"#;
        assert_eq!(serde_json::from_str::<Item>(text).expect("an old row"), item());
        assert_eq!(serde_json::to_string(&item()).expect("an item serialises"), text);
        let planning =
            PlanningSettings { promise_days: Some(14), policy: AllocationPolicy::FirstCome, ..PlanningSettings::default() };
        let row = serde_json::to_value(Item { planning, ..item() }).expect("an item serialises");
        assert_eq!(row["planning"], serde_json::json!({ "promise_days": 14, "policy": "first_come" }));
        assert_eq!(serde_json::from_value::<Item>(row).expect("a row"), Item { planning, ..item() });
    }

    /// Protects the precedence of buffers: the listing's before the item's, the item's before its tier's.
    #[test]
    fn the_most_specific_buffer_applies() {
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
