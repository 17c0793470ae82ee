//! The findings of a validation, and their texts.

use std::fmt;

use serde::Serialize;

use crate::catalog::{InventoryItemId, Sku, VariantId};

/// A difference between the mappings and a shop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum MappingFinding {
    /// The shop tracks a variant that is not mapped: its orders reserve nothing.
    Missing {
        /// The shop's SKU.
        shop_sku: String,
        /// The variant.
        variant: VariantId,
        /// Its inventory item, which the new mapping needs.
        inventory_item: InventoryItemId,
    },
    /// The shop does not have the inventory item of a mapping.
    Gone {
        /// The shop's SKU in the mapping.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The inventory item that the shop does not have.
        inventory_item: InventoryItemId,
    },
    /// Several variants have the same SKU: an order line does not identify the variant.
    Duplicate {
        /// The SKU.
        shop_sku: String,
        /// The variants.
        variants: Vec<VariantId>,
    },
    /// The shop does not track a mapped variant: it ignores the levels that we push.
    Untracked {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The variant.
        variant: VariantId,
    },
    /// A mapped variant is a bundle: the shop computes its level from its components, so map the components instead.
    Bundle {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The variant.
        variant: VariantId,
    },
    /// The shop's SKU differs from a mapped one only in case or in surrounding spaces: its orders do not find the mapping.
    DiffersInCase {
        /// The shop's SKU.
        shop_sku: String,
        /// The SKU in the mapping.
        mapped_as: String,
        /// Our item.
        sku: Sku,
    },
    /// The inventory item is mapped, and its variant now has another SKU: its orders do not find the mapping.
    Renamed {
        /// The shop's SKU, if it has one.
        shop_sku: Option<String>,
        /// The SKU in the mapping.
        mapped_as: String,
        /// Our item.
        sku: Sku,
    },
    /// A variant has no SKU: its order lines cannot be mapped.
    NoSku {
        /// The variant.
        variant: VariantId,
        /// Its inventory item.
        inventory_item: InventoryItemId,
    },
    /// The mapping names another inventory item than the shop's variant has: levels are pushed to the wrong one.
    WrongInventoryItem {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The inventory item in the mapping.
        mapped: InventoryItemId,
        /// The inventory items of the shop's variants with this SKU.
        found: Vec<InventoryItemId>,
    },
    /// The listing names another variant than the shop has: its variant metafields would be written to the wrong variant.
    WrongVariant {
        /// The shop's SKU.
        shop_sku: String,
        /// Our item.
        sku: Sku,
        /// The variant in the listing.
        mapped: VariantId,
        /// The variant in the shop.
        found: VariantId,
    },
    /// The mapping row and the item row of a listing differ: import its line of `listings.csv` again.
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
                write!(f, "untracked: the shop does not track {shop_sku:?} ({sku}, variant {variant})")
            }
            Self::Bundle { shop_sku, sku, variant } => {
                write!(f, "bundle: {shop_sku:?} ({sku}, variant {variant}) is sold as its components: map those instead")
            }
            Self::DiffersInCase { shop_sku, mapped_as, sku } => {
                write!(f, "differs in case: the shop has {shop_sku:?}, and {mapped_as:?} ({sku}) is mapped")
            }
            Self::Renamed { shop_sku: Some(shop_sku), mapped_as, sku } => {
                write!(f, "renamed: the variant that is mapped as {mapped_as:?} ({sku}) now has the SKU {shop_sku:?}")
            }
            Self::Renamed { shop_sku: None, mapped_as, sku } => {
                write!(f, "renamed: the variant that is mapped as {mapped_as:?} ({sku}) no longer has a SKU")
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
