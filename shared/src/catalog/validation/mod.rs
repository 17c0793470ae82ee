//! Validation of the mappings of a shop against its variants: which are missing, gone, duplicate or different.
//!
//! The function is pure: the caller reads the shop's variants and our listings. It corrects nothing; each finding names a
//! difference for a person to resolve.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{CatalogListing, InventoryItemId, VariantId};

mod finding;

pub use finding::MappingFinding;

/// A variant as a shop has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopVariant {
    /// The variant.
    pub variant: VariantId,
    /// Its exact SKU, if it has one.
    pub sku: Option<String>,
    /// Its inventory item.
    pub inventory_item: InventoryItemId,
    /// Whether the shop tracks its inventory.
    pub tracked: bool,
    /// Whether it is a bundle: the shop stocks its components instead.
    pub bundle: bool,
}

/// Compares the listings of a shop, by the shop's SKU, with its variants. The findings are sorted.
#[must_use]
pub fn validate(listings: &BTreeMap<&str, &CatalogListing>, variants: &[ShopVariant]) -> Vec<MappingFinding> {
    let mut findings = BTreeSet::new();
    let mut by_sku: BTreeMap<&str, Vec<&ShopVariant>> = BTreeMap::new();
    let by_stock: BTreeMap<InventoryItemId, &ShopVariant> = variants.iter().map(|it| (it.inventory_item, it)).collect();
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    let mut mapped_stock: BTreeMap<InventoryItemId, (&str, &CatalogListing)> = BTreeMap::new();
    for (shop_sku, listing) in listings {
        folded.insert(fold(shop_sku), shop_sku);
        mapped_stock.insert(listing.inventory_item, (shop_sku, listing));
    }
    for it in variants {
        match &it.sku {
            Some(sku) => by_sku.entry(sku).or_default().push(it),
            None => {
                findings.insert(MappingFinding::NoSku { variant: it.variant, inventory_item: it.inventory_item });
            }
        }
    }
    for (shop_sku, variants) in &by_sku {
        if variants.len() > 1 {
            let variants = variants.iter().map(|it| it.variant).collect();
            findings.insert(MappingFinding::Duplicate { shop_sku: (*shop_sku).to_owned(), variants });
        }
        if !listings.contains_key(shop_sku) {
            findings.extend(variants.iter().filter_map(|it| unmapped(shop_sku, it, listings, &folded, &mapped_stock)));
        }
    }
    for (shop_sku, listing) in listings {
        findings.extend(mapped(shop_sku, listing, by_sku.get(shop_sku).map_or(&[], Vec::as_slice), &by_stock));
    }
    findings.into_iter().collect()
}

/// The form of a SKU in which differences in case and surrounding spaces disappear.
fn fold(sku: &str) -> String {
    sku.trim().to_lowercase()
}

/// The finding about a variant whose SKU no listing has; `None` if the shop does not track it.
fn unmapped(
    shop_sku: &str,
    it: &ShopVariant,
    listings: &BTreeMap<&str, &CatalogListing>,
    folded: &BTreeMap<String, &str>,
    mapped_stock: &BTreeMap<InventoryItemId, (&str, &CatalogListing)>,
) -> Option<MappingFinding> {
    let own = shop_sku.to_owned();
    if let Some((mapped_as, listing)) = folded.get(&fold(shop_sku)).and_then(|name| Some((*name, *listings.get(name)?))) {
        return Some(MappingFinding::DiffersInCase { shop_sku: own, mapped_as: mapped_as.to_owned(), sku: listing.sku.clone() });
    }
    if let Some((mapped_as, listing)) = mapped_stock.get(&it.inventory_item) {
        return Some(MappingFinding::Renamed {
            shop_sku: Some(own),
            mapped_as: (*mapped_as).to_owned(),
            sku: listing.sku.clone(),
        });
    }
    let needs_mapping = it.tracked && !it.bundle;
    needs_mapping.then_some(MappingFinding::Missing { shop_sku: own, variant: it.variant, inventory_item: it.inventory_item })
}

/// The findings about a listing, given the variants that have its SKU.
fn mapped(
    shop_sku: &str,
    listing: &CatalogListing,
    variants: &[&ShopVariant],
    by_stock: &BTreeMap<InventoryItemId, &ShopVariant>,
) -> Vec<MappingFinding> {
    let mut findings = Vec::new();
    let (shop_sku, sku, mapped) = (shop_sku.to_owned(), listing.sku.clone(), listing.inventory_item);
    if !listing.whole {
        findings.push(MappingFinding::Half { shop_sku: shop_sku.clone(), sku: sku.clone() });
    }
    let Some(it) = variants.iter().find(|it| it.inventory_item == mapped) else {
        let found: Vec<_> = variants.iter().map(|it| it.inventory_item).collect();
        findings.extend(match by_stock.get(&mapped) {
            _ if !found.is_empty() => Some(MappingFinding::WrongInventoryItem { shop_sku, sku, mapped, found }),
            None => Some(MappingFinding::Gone { shop_sku, sku, inventory_item: mapped }),
            // If the variant has another SKU, `unmapped` reports it; if it has none, only this branch can.
            Some(it) if it.sku.is_none() => Some(MappingFinding::Renamed { shop_sku: None, mapped_as: shop_sku, sku }),
            Some(_) => None,
        });
        return findings;
    };
    if it.bundle {
        findings.push(MappingFinding::Bundle { shop_sku: shop_sku.clone(), sku: sku.clone(), variant: it.variant });
    } else if !it.tracked {
        findings.push(MappingFinding::Untracked { shop_sku: shop_sku.clone(), sku: sku.clone(), variant: it.variant });
    }
    if let Some(mapped) = listing.variant.filter(|mapped| *mapped != it.variant) {
        findings.push(MappingFinding::WrongVariant { shop_sku, sku, mapped, found: it.variant });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(sku: &str, id: u64) -> ShopVariant {
        ShopVariant {
            variant: VariantId::new(1_000 + id),
            sku: (!sku.is_empty()).then(|| sku.to_owned()),
            inventory_item: InventoryItemId::new(id),
            tracked: true,
            bundle: false,
        }
    }

    fn listing(sku: &str, id: u64) -> CatalogListing {
        let sku = sku.parse().expect("a SKU");
        CatalogListing { sku, inventory_item: InventoryItemId::new(id), variant: None, buffer: None, whole: true }
    }

    fn check(listings: &[(&str, CatalogListing)], variants: &[ShopVariant], expected: &[&str]) {
        let of: BTreeMap<&str, &CatalogListing> = listings.iter().map(|(name, listing)| (*name, listing)).collect();
        let found: Vec<String> = validate(&of, variants).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{listings:?}\n{variants:?}");
    }

    /// Protects orders from unmapped SKUs, and levels from being pushed to a variant that the shop does not have or track: each
    /// difference is found once, and a correct mapping yields no finding.
    #[test]
    fn each_difference_is_found_once() {
        check(&[], &[], &[]);
        check(&[("a", listing("A", 1))], &[variant("a", 1)], &[]);
        let (untracked, bundle) =
            (ShopVariant { tracked: false, ..variant("a", 1) }, ShopVariant { bundle: true, tracked: false, ..variant("a", 1) });
        // An unmapped variant that the shop does not track needs no mapping.
        check(&[], std::slice::from_ref(&untracked), &[]);
        check(&[], std::slice::from_ref(&bundle), &[]);
        check(&[], &[variant("a", 1)], &[r#"missing: "a" (variant 1001, inventory item 1) is not mapped"#]);
        check(&[("a", listing("A", 1))], &[], &[r#"gone: the shop has no inventory item 1, which "a" (A) is mapped to"#]);
        check(
            &[("a", listing("A", 1))],
            &[variant("a", 1), variant("a", 2)],
            &[r#"duplicate: the variants 1001, 1002 all have the SKU "a""#],
        );
        check(&[("a", listing("A", 1))], &[untracked], &[r#"untracked: the shop does not track "a" (A, variant 1001)"#]);
        check(
            &[("a", listing("A", 1))],
            &[bundle],
            &[r#"bundle: "a" (A, variant 1001) is sold as its components: map those instead"#],
        );
        for differing in ["A", "a ", " A"] {
            let text = format!("differs in case: the shop has {differing:?}, and \"a\" (A) is mapped");
            check(&[("a", listing("A", 1))], &[variant(differing, 1)], &[&text]);
        }
        check(
            &[("a", listing("A", 1))],
            &[variant("b", 1)],
            &[r#"renamed: the variant that is mapped as "a" (A) now has the SKU "b""#],
        );
        check(
            &[("a", listing("A", 1))],
            &[variant("", 1), variant("", 2)],
            &[
                r#"renamed: the variant that is mapped as "a" (A) no longer has a SKU"#,
                "no SKU: variant 1001 (inventory item 1) has none",
                "no SKU: variant 1002 (inventory item 2) has none",
            ],
        );
        check(
            &[("a", listing("A", 1))],
            &[variant("a", 2)],
            &[r#"wrong inventory item: "a" (A) is mapped to 1, and the shop has 2"#],
        );
        check(
            &[("a", listing("A", 1)), ("b", listing("B", 2))],
            &[variant("a", 2), variant("b", 1)],
            &[
                r#"wrong inventory item: "a" (A) is mapped to 1, and the shop has 2"#,
                r#"wrong inventory item: "b" (B) is mapped to 2, and the shop has 1"#,
            ],
        );
        let of_variant = CatalogListing { variant: Some(VariantId::new(9)), whole: false, ..listing("A", 1) };
        check(
            &[("a", of_variant)],
            &[variant("a", 1)],
            &[
                r#"wrong variant: "a" (A) is listed as 9, and the shop has 1001"#,
                r#"half: mapping and item differ about "a" (A): import its line of listings.csv again"#,
            ],
        );
    }
}
