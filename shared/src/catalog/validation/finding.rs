//! What a validation finds, and how it is told.

use std::fmt;

use serde::Serialize;

use crate::catalog::{InventoryItemId, Sku, VariantId};

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum MappingFinding {
    /// The shop counts a variant that is not mapped: its orders reserve nothing.
    Missing {
        /// The shop's SKU.
        shop_sku: String,
        /// The variant.
        variant: VariantId,
        /// What it stocks, for the mapping to come.
        inventory_item: InventoryItemId,
    },
    /// A mapping whose inventory item the shop does not have.
    Gone {
        /// The shop's SKU as we know it.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// What the shop does not have.
        inventory_item: InventoryItemId,
    },
    /// Several variants have one SKU: an order line does not say which is meant.
    Duplicate {
        /// The SKU.
        shop_sku: String,
        /// The variants.
        variants: Vec<VariantId>,
    },
    /// A mapped variant is not counted by the shop: what we push is not shown.
    Untracked {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The variant.
        variant: VariantId,
    },
    /// A mapped variant is a bundle: the shop computes its level from its components, which are what to map.
    Bundle {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The variant.
        variant: VariantId,
    },
    /// The shop's SKU is a mapped one but for upper and lower case, or spaces around it: its orders do not find the mapping.
    DiffersInCase {
        /// The shop's SKU.
        shop_sku: String,
        /// How it is mapped.
        mapped_as: String,
        /// Our item.
        sku: Sku,
    },
    /// What is stocked is mapped, and the shop calls it by another SKU now: its orders do not find the mapping.
    Renamed {
        /// The shop's SKU, if it has one.
        shop_sku: Option<String>,
        /// How it is mapped.
        mapped_as: String,
        /// Our item.
        sku: Sku,
    },
    /// A variant without a SKU: no order of it can be mapped.
    NoSku {
        /// The variant.
        variant: VariantId,
        /// What it stocks.
        inventory_item: InventoryItemId,
    },
    /// The mapping names another inventory item than the shop's variant has: levels are pushed to the wrong one.
    WrongInventoryItem {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// What the mapping names.
        mapped: InventoryItemId,
        /// What the shop has.
        found: Vec<InventoryItemId>,
    },
    /// The listing names another variant than the shop has: its lots would be shown elsewhere.
    WrongVariant {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// What the listing names.
        mapped: VariantId,
        /// What the shop has.
        found: VariantId,
    },
    /// The mapping and the item say different things of the listing: import its line of `listings.csv` again.
    Half {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
    },
}

impl fmt::Display for MappingFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { shop_sku, variant, inventory_item } => {
                write!(f, "missing: {shop_sku:?} (variant {variant}, inventory item {inventory_item}) is not mapped")
            }
            Self::Gone { shop_sku, sku, inventory_item } => {
                write!(f, "gone: the shop has no inventory item {inventory_item}, which {shop_sku:?} ({sku}) is mapped to")
            }
            Self::Duplicate { shop_sku, variants } => {
                let variants: Vec<String> = variants.iter().map(ToString::to_string).collect();
                write!(f, "duplicate: the variants {} all have the SKU {shop_sku:?}", variants.join(", "))
            }
            Self::Untracked { shop_sku, sku, variant } => {
                write!(f, "untracked: the shop does not count {shop_sku:?} ({sku}, variant {variant})")
            }
            Self::Bundle { shop_sku, sku, variant } => {
                write!(f, "bundle: {shop_sku:?} ({sku}, variant {variant}) is sold as its components: map those instead")
            }
            Self::DiffersInCase { shop_sku, mapped_as, sku } => {
                write!(f, "differs in case: the shop says {shop_sku:?}, and {mapped_as:?} ({sku}) is mapped")
            }
            Self::Renamed { shop_sku: Some(shop_sku), mapped_as, sku } => {
                write!(f, "renamed: what is mapped as {mapped_as:?} ({sku}) is called {shop_sku:?} by the shop")
            }
            Self::Renamed { shop_sku: None, mapped_as, sku } => {
                write!(f, "renamed: what is mapped as {mapped_as:?} ({sku}) has no SKU in the shop any more")
            }
            Self::NoSku { variant, inventory_item } => {
                write!(f, "no SKU: variant {variant} (inventory item {inventory_item}) has none")
            }
            Self::WrongInventoryItem { shop_sku, sku, mapped, found } => {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "wrong inventory item: {shop_sku:?} ({sku}) is mapped to {mapped}, and the shop has {}",
                    found.join(", ")
                )
            }
            Self::WrongVariant { shop_sku, sku, mapped, found } => {
                write!(f, "wrong variant: {shop_sku:?} ({sku}) is listed as {mapped}, and the shop has {found}")
            }
            Self::Half { shop_sku, sku } => {
                write!(f, "half: mapping and item differ about {shop_sku:?} ({sku}): import its line of listings.csv again")
            }
        }
    }
}
