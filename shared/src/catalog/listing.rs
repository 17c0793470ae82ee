//! The whole catalogue: every row that says what exists, and how each shop lists it.

use std::collections::BTreeMap;

use super::{
    BillOfMaterials, InventoryItemId, Item, Location, LocationId, Quantity, ShopDomain, ShopItem, Sku, SystemId, SystemItem,
    Tier, TierId, VariantId, WhereUsed, WorkCentre, WorkCentreId,
};

/// Everything that sheets speak of, row by row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// Tiers.
    pub tiers: BTreeMap<TierId, Tier>,
    /// Items, with how each shop lists them.
    pub items: BTreeMap<Sku, Item>,
    /// Work centres.
    pub centres: BTreeMap<WorkCentreId, WorkCentre>,
    /// Locations.
    pub locations: BTreeMap<LocationId, Location>,
    /// What shops' SKUs lead to.
    pub mappings: BTreeMap<(ShopDomain, String), ShopItem>,
    /// What other systems' codes lead to.
    pub system_items: BTreeMap<(SystemId, String), SystemItem>,
    /// The bills in force.
    pub bills: BTreeMap<Sku, BillOfMaterials>,
    /// What each component goes into. No sheet says it: it follows from the bills.
    pub used_in: BTreeMap<Sku, WhereUsed>,
}

/// How a shop lists an item: what its mapping and the item itself say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogListing {
    /// Our item.
    pub sku: Sku,
    /// What the shop's inventory calls it.
    pub inventory_item: InventoryItemId,
    /// What the shop sells it as.
    pub variant: Option<VariantId>,
    /// Units kept back from this shop.
    pub buffer: Option<Quantity>,
    /// Mapping and item say the same. They are written together; where they differ, someone wrote one of them alone.
    pub whole: bool,
}

impl Catalog {
    /// Every listing, by shop and the shop's SKU.
    #[must_use]
    pub fn listings(&self) -> BTreeMap<(ShopDomain, String), CatalogListing> {
        let mut listings = BTreeMap::new();
        for (key, mapping) in &self.mappings {
            let ShopItem { shop, shop_sku, sku, inventory_item } = mapping;
            let listed = self.items.get(sku).and_then(|item| item.shops.get(shop)).filter(|it| it.shop_sku == *shop_sku);
            let listing = CatalogListing {
                sku: sku.clone(),
                inventory_item: *inventory_item,
                variant: listed.and_then(|listed| listed.variant),
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
