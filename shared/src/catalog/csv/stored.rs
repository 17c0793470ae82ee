//! The catalogue as the table holds it, with the revisions that writes must name.

use std::collections::BTreeMap;

use crate::catalog::{
    Bill, CentreId, InventoryItemId, Item, Location, LocationId, Quantity, ShopDomain, ShopItem, Sku, SystemId, SystemItem, Tier,
    TierId, UsedIn, VariantId, WorkCentre,
};
use crate::store::{Expect, Key, Record, Row, StoreError};

/// Everything that sheets speak of, row by row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    /// Tiers.
    pub tiers: BTreeMap<TierId, Tier>,
    /// Items, with how each shop lists them.
    pub items: BTreeMap<Sku, Item>,
    /// Work centres.
    pub centres: BTreeMap<CentreId, WorkCentre>,
    /// Locations.
    pub locations: BTreeMap<LocationId, Location>,
    /// What shops' SKUs lead to.
    pub mappings: BTreeMap<(ShopDomain, String), ShopItem>,
    /// What other systems' codes lead to.
    pub system_items: BTreeMap<(SystemId, String), SystemItem>,
    /// The bills in force.
    pub bills: BTreeMap<Sku, Bill>,
    /// What each component goes into. No sheet says it: it follows from the bills.
    pub used_in: BTreeMap<Sku, UsedIn>,
}

/// How a shop lists an item: what its mapping and the item itself say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
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

impl Catalogue {
    /// Every listing, by shop and the shop's SKU.
    #[must_use]
    pub fn listings(&self) -> BTreeMap<(ShopDomain, String), Listing> {
        let mut listings = BTreeMap::new();
        for (key, mapping) in &self.mappings {
            let ShopItem { shop, shop_sku, sku, inventory_item } = mapping;
            let listed = self.items.get(sku).and_then(|item| item.shops.get(shop)).filter(|it| it.shop_sku == *shop_sku);
            let listing = Listing {
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
                listings.entry((shop.clone(), listed.shop_sku.clone())).or_insert_with(|| Listing {
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

/// What the table holds, with the revision of each row.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    catalogue: Catalogue,
    revisions: BTreeMap<Key, u64>,
}

/// A row of the catalogue, by its key.
enum Kind {
    Tier(TierId),
    Item(Sku),
    Centre(CentreId),
    Location(LocationId),
    Mapping(ShopDomain, String),
    SystemItem(SystemId, String),
    Bill(Sku),
    UsedIn(Sku),
}

impl Kind {
    /// The kind of a row. None for all that is not of the catalogue, older versions of bills among it.
    fn of(key: &Key) -> Option<Self> {
        let kind = match key.pk.as_str() {
            Tier::PARTITION => Self::Tier(key.sk.parse().ok()?),
            WorkCentre::PARTITION => Self::Centre(key.sk.parse().ok()?),
            Location::PARTITION => Self::Location(key.sk.strip_prefix("LOC#")?.parse().ok()?),
            pk => match pk.split_once('#')? {
                ("ITEM", sku) => Self::Item(sku.parse().ok()?),
                ("MAP", system) if !system.contains('.') => {
                    Self::SystemItem(system.parse().ok()?, key.sk.strip_prefix("SKU#")?.to_owned())
                }
                ("MAP", shop) => Self::Mapping(shop.parse().ok()?, key.sk.strip_prefix("SKU#")?.to_owned()),
                ("BOM", parent) if key.sk == Key::head("").sk => Self::Bill(parent.parse().ok()?),
                ("USED", component) => Self::UsedIn(component.parse().ok()?),
                _other => return None,
            },
        };
        Some(kind)
    }
}

impl Stored {
    /// What these rows hold; rows that are not of the catalogue are passed over.
    ///
    /// # Errors
    /// When one of the catalogue cannot be read.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Result<Self, StoreError> {
        let mut stored = Self::default();
        for record in records {
            stored.take(&record)?;
        }
        Ok(stored)
    }

    /// The rows.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What a write of this row must expect.
    pub(super) fn expect(&self, key: &Key) -> Expect {
        self.revisions.get(key).map_or(Expect::Absent, |revision| Expect::Revision(*revision))
    }

    /// Takes a row as it is now.
    ///
    /// # Errors
    /// When it is of the catalogue and cannot be read.
    pub fn take(&mut self, record: &Record) -> Result<(), StoreError> {
        let Some(kind) = Kind::of(&record.key) else { return Ok(()) };
        let catalogue = &mut self.catalogue;
        match kind {
            Kind::Tier(id) => drop(catalogue.tiers.insert(id, content(record)?)),
            Kind::Item(sku) => drop(catalogue.items.insert(sku, content(record)?)),
            Kind::Centre(code) => drop(catalogue.centres.insert(code, content(record)?)),
            Kind::Location(code) => drop(catalogue.locations.insert(code, content(record)?)),
            Kind::Mapping(shop, shop_sku) => drop(catalogue.mappings.insert((shop, shop_sku), content(record)?)),
            Kind::SystemItem(system, code) => drop(catalogue.system_items.insert((system, code), content(record)?)),
            Kind::Bill(parent) => drop(catalogue.bills.insert(parent, content(record)?)),
            Kind::UsedIn(component) => drop(catalogue.used_in.insert(component, content(record)?)),
        }
        self.revisions.insert(record.key.clone(), record.revision);
        Ok(())
    }

    /// Takes it that there is no such row now.
    pub fn forget(&mut self, key: &Key) {
        let Some(kind) = Kind::of(key) else { return };
        let catalogue = &mut self.catalogue;
        match kind {
            Kind::Tier(id) => drop(catalogue.tiers.remove(&id)),
            Kind::Item(sku) => drop(catalogue.items.remove(&sku)),
            Kind::Centre(code) => drop(catalogue.centres.remove(&code)),
            Kind::Location(code) => drop(catalogue.locations.remove(&code)),
            Kind::Mapping(shop, shop_sku) => drop(catalogue.mappings.remove(&(shop, shop_sku))),
            Kind::SystemItem(system, code) => drop(catalogue.system_items.remove(&(system, code))),
            Kind::Bill(parent) => drop(catalogue.bills.remove(&parent)),
            Kind::UsedIn(component) => drop(catalogue.used_in.remove(&component)),
        }
        self.revisions.remove(key);
    }
}

/// A row's content, when it is where it says it belongs.
fn content<R: Row>(record: &Record) -> Result<R, StoreError> {
    let content: R = record.decode()?;
    if content.key() == record.key {
        return Ok(content);
    }
    let detail = format!("it says that it is {}", content.key());
    Err(StoreError::Corrupt { key: record.key.to_string(), detail })
}
