//! A mapping that the events of a system or a shop need and that the catalog does not have.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ShopDomain, ShopLocationId, VariantId};

/// A mapping that the catalog does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum MissingMapping {
    /// The code that another system uses for an item is not mapped to one of our items.
    Item {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
    /// The item is mapped, but the catalog has no factor for the unit of measure that the system reports it in.
    Unit {
        /// The system.
        system: String,
        /// Its code of the item.
        code: String,
        /// The unit of measure.
        unit: String,
    },
    /// An event that was already acknowledged as kept, and whose content the ledger rejects, for example because of its unit. It
    /// waits until a person corrects the mapping that it does not fit.
    Correction {
        /// The system.
        system: String,
        /// Its code of the item.
        code: String,
        /// The id of the event.
        event: String,
    },
    /// The code that another system uses for a location is not mapped to one of our locations.
    Location {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
    /// A SKU of a shop is not mapped to one of our items.
    ShopItem {
        /// The shop.
        shop: ShopDomain,
        /// The SKU of the shop.
        shop_sku: String,
    },
    /// A variant of a shop is not mapped to one of our items, and its SKU does not tell which one it is.
    ShopVariant {
        /// The shop.
        shop: ShopDomain,
        /// The variant.
        variant: VariantId,
    },
    /// A location of a shop is not mapped to one of our locations.
    ShopLocation {
        /// The shop.
        shop: ShopDomain,
        /// Its location.
        location: ShopLocationId,
    },
}

impl MissingMapping {
    /// The kinds of missing mappings of items: the first of [`Self::fields`].
    pub const ITEM_KINDS: [&str; 2] = ["item", "shop_item"];

    /// The kinds of missing mappings of locations: the first of [`Self::fields`].
    pub const LOCATION_KINDS: [&str; 2] = ["location", "shop_location"];

    /// The kind, the code that is not mapped, and the system or shop that uses it; then whatever else distinguishes it.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let fields = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
        match self {
            Self::Item { system, code } => fields(&["item", code, system]),
            Self::Unit { system, code, unit } => fields(&["item", code, system, "in", unit]),
            Self::Correction { system, code, event } => fields(&["item", code, system, "correction", event]),
            Self::Location { system, code } => fields(&["location", code, system]),
            Self::ShopItem { shop, shop_sku } => fields(&["shop_item", shop_sku, shop.as_str()]),
            Self::ShopVariant { shop, variant } => fields(&["shop_variant", &variant.to_string(), shop.as_str()]),
            Self::ShopLocation { shop, location } => fields(&["shop_location", &location.to_string(), shop.as_str()]),
        }
    }

    /// Parses the result of [`Self::fields`]; `None` when these are not the fields of a missing mapping.
    #[must_use]
    pub fn from_fields(fields: &[&str]) -> Option<Self> {
        let owned = |text: &str| text.to_owned();
        Some(match fields {
            ["item", code, system] => Self::Item { system: owned(system), code: owned(code) },
            ["item", code, system, "in", unit] => Self::Unit { system: owned(system), code: owned(code), unit: owned(unit) },
            ["item", code, system, "correction", event] => {
                Self::Correction { system: owned(system), code: owned(code), event: owned(event) }
            }
            ["location", code, system] => Self::Location { system: owned(system), code: owned(code) },
            ["shop_item", shop_sku, shop] => Self::ShopItem { shop: shop.parse().ok()?, shop_sku: owned(shop_sku) },
            ["shop_variant", variant, shop] => {
                Self::ShopVariant { shop: shop.parse().ok()?, variant: VariantId::new(variant.parse().ok()?) }
            }
            ["shop_location", location, shop] => {
                let location = ShopLocationId::new(location.parse().ok()?);
                Self::ShopLocation { shop: shop.parse().ok()?, location }
            }
            _other => return None,
        })
    }
}

impl fmt::Display for MissingMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fields().join("#"))
    }
}
