//! The whole catalog, row by row as it is stored, and the listings that its rows form together.

use std::collections::BTreeMap;

use super::{
    BillOfMaterials, InventoryItemId, Item, ListedVariant, Location, LocationId, Quantity, Resource, ShopDomain, ShopItem, Sku,
    SystemId, SystemItem, Tier, TierId, VariantId, WhereUsed, WorkCentre, WorkCentreId,
};

/// All rows of the catalog as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// Tiers.
    pub tiers: BTreeMap<TierId, Tier>,
    /// Items, with their listings in shops.
    pub items: BTreeMap<Sku, Item>,
    /// Work centres.
    pub centres: BTreeMap<WorkCentreId, WorkCentre>,
    /// Locations.
    pub locations: BTreeMap<LocationId, Location>,
    /// Mappings from SKUs of shops.
    pub mappings: BTreeMap<(ShopDomain, String), ShopItem>,
    /// The items of the variants of shops.
    pub variants: BTreeMap<(ShopDomain, VariantId), ListedVariant>,
    /// Mappings from codes of other systems.
    pub system_items: BTreeMap<(SystemId, String), SystemItem>,
    /// The bills in force.
    pub bills: BTreeMap<Sku, BillOfMaterials>,
    /// The where-used index. It is derived from the bills; no sheet contains it.
    pub used_in: BTreeMap<Resource, WhereUsed>,
}

/// How a shop lists an item: the combination of the shop's mapping row and the item row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogListing {
    /// Our item.
    pub sku: Sku,
    /// The shop's inventory item.
    pub inventory_item: InventoryItemId,
    /// The shop's variant.
    pub variant: Option<VariantId>,
    /// Safety buffer for this shop.
    pub buffer: Option<Quantity>,
    /// Whether mapping and item agree. The import writes both in one transaction, so a difference means that something else
    /// wrote one of them.
    pub whole: bool,
}

impl Catalog {
    /// Every listing, by shop and the shop's SKU.
    #[must_use]
    pub fn listings(&self) -> BTreeMap<(ShopDomain, String), CatalogListing> {
        let mut listings = BTreeMap::new();
        for (key, mapping) in &self.mappings {
            let ShopItem { shop, shop_sku, sku, inventory_item, variant } = mapping;
            let listed = self.items.get(sku).and_then(|item| item.shops.get(shop)).filter(|it| it.shop_sku == *shop_sku);
            let listing = CatalogListing {
                sku: sku.clone(),
                inventory_item: *inventory_item,
                variant: listed.and_then(|listed| listed.variant).or(*variant),
                buffer: listed.and_then(|listed| listed.buffer),
                whole: listed.is_some_and(|listed| listed.inventory_item == *inventory_item),
            };
            listings.insert(key.clone(), listing);
        }
        for item in self.items.values() {
            for (shop, listed) in &item.shops {
                listings.entry((shop.clone(), listed.shop_sku.clone())).or_insert_with(|| CatalogListing {
                    sku: item.sku.clone(),
                    inventory_item: listed.inventory_item,
                    variant: listed.variant,
                    buffer: listed.buffer,
                    whole: false,
                });
            }
        }
        listings
    }
}
