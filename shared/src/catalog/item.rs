//! Items and what each shop calls them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InventoryItemId, Quantity, ShopDomain, Sku};
use crate::store::{Key, Row};

/// What we keep in stock, and how it is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Our code.
    pub sku: Sku,
    /// Units kept back from every shop at each location that has stock, in case the count is wrong.
    #[serde(default)]
    pub buffer: Quantity,
    /// Alert the planner when the network's available falls to this; no alert without it.
    #[serde(default)]
    pub low_at: Option<Quantity>,
    /// Where it is sold: each shop with its inventory item.
    #[serde(default)]
    pub shops: BTreeMap<ShopDomain, Listed>,
}

/// How an item is listed in one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// What the shop's order lines call it.
    pub shop_sku: String,
    /// What the shop's inventory calls it.
    pub inventory_item: InventoryItemId,
}

impl Item {
    /// Where the item of `sku` lives.
    #[must_use]
    pub fn key_of(sku: &Sku) -> Key {
        Key::head(format!("ITEM#{sku}"))
    }
}

impl Row for Item {
    fn key(&self) -> Key {
        Self::key_of(&self.sku)
    }
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

impl ShopItem {
    /// Where the mapping of a shop's SKU lives.
    #[must_use]
    pub fn key_of(shop: &ShopDomain, shop_sku: &str) -> Key {
        Key::new(Self::partition(shop), format!("SKU#{shop_sku}"))
    }

    /// The partition of a shop's mappings.
    #[must_use]
    pub fn partition(shop: &ShopDomain) -> String {
        format!("MAP#{shop}")
    }

    /// The index partition under which a shop's catalogue is found, by our SKU.
    #[must_use]
    pub fn index_of(shop: &ShopDomain) -> String {
        format!("CATALOG#{shop}")
    }
}

impl Row for ShopItem {
    fn key(&self) -> Key {
        Self::key_of(&self.shop, &self.shop_sku)
    }

    fn index(&self) -> Option<Key> {
        Some(Key::new(Self::index_of(&self.shop), self.sku.as_str()))
    }
}
