//! `listings.csv`: the listings of items in shops. One line concerns two rows of the table, the shop's mapping and the item.

use std::collections::BTreeMap;

use crate::catalog::{
    Catalog, CatalogListing, InventoryItemId, ListedVariant, Quantity, ShopDomain, ShopItem, ShopListing, Sku, VariantId,
};
use crate::sheets::cell::{Cell, Cells, code, named, shop_id, show};
use crate::sheets::items::unknown;
use crate::sheets::number::units;
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

/// A shop, and its SKU of the item.
pub(super) type ListingKey = (ShopDomain, String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListingRow {
    sku: Cell<Sku>,
    inventory_item: Cell<InventoryItemId>,
    variant: Cell<VariantId>,
    buffer: Cell<Quantity>,
}

pub(super) fn read(cells: &mut Cells<'_>) -> Option<(ListingKey, ListingRow)> {
    let (shop, shop_sku) = (cells.key("shop", named), cells.key("shop_sku", code));
    let row = ListingRow {
        sku: cells.required("sku", named),
        inventory_item: cells
            .required("inventory_item", |text| shop_id(text, InventoryItemId::from_gid, InventoryItemId::new, "InventoryItem")),
        variant: cells.optional("variant", |text| shop_id(text, VariantId::from_gid, VariantId::new, "ProductVariant")),
        buffer: cells.optional("buffer", units),
    };
    Some(((shop?, shop_sku?), row))
}

/// Applies the lines. It first detaches the old listings of all lines and then attaches the new ones, so that lines may swap
/// items in any order.
pub(super) fn apply(
    rows: &BTreeMap<ListingKey, Lined<ListingRow>>,
    before: &BTreeMap<ListingKey, CatalogListing>,
    catalog: &mut Catalog,
    problems: &mut SheetProblems,
) {
    let mut wanted = Vec::new();
    for (key, lined) in rows {
        let old = before.get(key);
        match target(lined, old, catalog, problems) {
            Target::Remove => detach(key, old, catalog),
            Target::Is(listing) => {
                detach(key, old, catalog);
                wanted.push((key, lined.line, listing));
            }
            Target::Invalid => {}
        }
    }
    for (key, line, listing) in wanted {
        attach(key, line, listing, rows, catalog, problems);
    }
    inventory_items_are_listed_once(rows, catalog, problems);
}

/// The result of a line.
enum Target {
    Remove,
    Is(CatalogListing),
    /// The line is invalid, and its problem is reported.
    Invalid,
}

fn target(lined: &Lined<ListingRow>, old: Option<&CatalogListing>, catalog: &Catalog, problems: &mut SheetProblems) -> Target {
    let Lined { line, remove, row } = lined;
    if *remove {
        return Target::Remove;
    }
    let mut problem = |column: &str, detail: String| problems.add(Sheet::Listings, *line, column, detail);
    let sku = row.sku.or_required(old.map(|old| old.sku.clone()), || {
        problem("sku", "a new listing needs a sku: enter our item".to_owned());
    });
    let inventory_item = row.inventory_item.or_required(old.map(|old| old.inventory_item), || {
        problem("inventory_item", "a new listing needs an inventory_item: enter the shop's id of it".to_owned());
    });
    let (Some(sku), Some(inventory_item)) = (sku, inventory_item) else { return Target::Invalid };
    if !catalog.items.contains_key(&sku) {
        problem("sku", unknown(&sku));
        return Target::Invalid;
    }
    let (mut variant, mut buffer) = old.map_or((None, None), |old| (old.variant, old.buffer));
    row.variant.update(&mut variant);
    row.buffer.update(&mut buffer);
    Target::Is(CatalogListing { sku, inventory_item, variant, buffer, whole: true })
}

fn detach(key: &ListingKey, old: Option<&CatalogListing>, catalog: &mut Catalog) {
    let (shop, shop_sku) = key;
    catalog.mappings.remove(key);
    if let Some(variant) = old.and_then(|old| old.variant) {
        catalog.variants.remove(&(shop.clone(), variant));
    }
    if let Some(item) = old.and_then(|old| catalog.items.get_mut(&old.sku))
        && item.shops.get(shop).is_some_and(|listed| listed.shop_sku == *shop_sku)
    {
        item.shops.remove(shop);
    }
}

fn attach(
    key: &ListingKey,
    line: u64,
    listing: CatalogListing,
    rows: &BTreeMap<ListingKey, Lined<ListingRow>>,
    catalog: &mut Catalog,
    problems: &mut SheetProblems,
) {
    let (shop, shop_sku) = key.clone();
    let CatalogListing { sku, inventory_item, variant, buffer, whole: _ } = listing;
    let item = catalog.items.get_mut(&sku).expect("target() returns only listings of known items");
    if let Some(other) = item.shops.get(&shop)
        && other.shop_sku != shop_sku
    {
        let name = &other.shop_sku;
        let detail = match rows.get(&(shop.clone(), name.clone())) {
            Some(Lined { line, .. }) => {
                format!("line {line} already lists {sku} in {shop}, as {name:?}: a shop lists an item once")
            }
            None => format!(
                "{shop} already lists {sku} as {name:?}: a shop lists an item once; add a line with remove = yes for {name:?}"
            ),
        };
        problems.add(Sheet::Listings, line, "sku", detail);
        return;
    }
    item.shops.insert(shop.clone(), ShopListing { shop_sku: shop_sku.clone(), inventory_item, variant, buffer });
    if let Some(variant) = variant {
        let of = ListedVariant { shop: shop.clone(), variant, shop_sku: shop_sku.clone(), sku: sku.clone() };
        if let Some(other) = catalog.variants.insert((shop.clone(), variant), of).filter(|other| other.shop_sku != shop_sku) {
            let detail = format!("variant {variant} is also listed as {:?}: a variant is one item", other.shop_sku);
            problems.add(Sheet::Listings, line, "variant", detail);
        }
    }
    catalog.mappings.insert(key.clone(), ShopItem { shop, shop_sku, sku, inventory_item, variant });
}

/// Reports the lines that list one inventory item of a shop for two of our items: their levels would overwrite each other.
fn inventory_items_are_listed_once(
    rows: &BTreeMap<ListingKey, Lined<ListingRow>>,
    catalog: &Catalog,
    problems: &mut SheetProblems,
) {
    let mut listed: BTreeMap<(&ShopDomain, InventoryItemId), Vec<&ShopItem>> = BTreeMap::new();
    for mapping in catalog.mappings.values() {
        listed.entry((&mapping.shop, mapping.inventory_item)).or_default().push(mapping);
    }
    for mappings in listed.values().filter(|mappings| mappings.len() > 1) {
        for mapping in mappings {
            let key = (mapping.shop.clone(), mapping.shop_sku.clone());
            let Some(Lined { line, .. }) = rows.get(&key) else { continue };
            let others: Vec<String> = mappings
                .iter()
                .filter(|other| other.shop_sku != mapping.shop_sku)
                .map(|other| match rows.get(&(other.shop.clone(), other.shop_sku.clone())) {
                    Some(Lined { line, .. }) => format!("{} (line {line})", other.sku),
                    None => format!("{} (as {:?})", other.sku, other.shop_sku),
                })
                .collect();
            let detail = format!(
                "{} is also listed for {}: an inventory item belongs to one item",
                mapping.inventory_item,
                others.join(", ")
            );
            problems.add(Sheet::Listings, *line, "inventory_item", detail);
        }
    }
}

pub(super) fn cells(listings: &BTreeMap<ListingKey, CatalogListing>, key: &ListingKey) -> Option<Vec<String>> {
    let CatalogListing { sku, inventory_item, variant, buffer, whole: _ } = listings.get(key)?;
    let (shop, shop_sku) = key;
    Some(vec![
        shop.to_string(),
        shop_sku.clone(),
        sku.to_string(),
        inventory_item.to_string(),
        show(variant.as_ref()),
        show(buffer.as_ref()),
    ])
}
