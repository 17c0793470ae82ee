//! A mapping that a system or a shop needs and that the catalogue does not have.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ShopDomain, ShopLocationId};

/// A mapping that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum MissingMapping {
    /// Another system's item is none of ours.
    Item {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
    /// It is, and nobody explained the unit that it is counted in.
    Unit {
        /// The system.
        system: String,
        /// Its code of the item.
        code: String,
        /// The unit.
        unit: String,
    },
    /// An event that was kept before it was found not to fit: somebody must mend what it does not fit.
    Fit {
        /// The system.
        system: String,
        /// Its code of the item.
        code: String,
        /// The event.
        event: String,
    },
    /// Another system's location is none of ours.
    Location {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
    /// What a shop sells is no item of ours.
    ShopItem {
        /// The shop.
        shop: ShopDomain,
        /// What it calls it.
        shop_sku: String,
    },
    /// A shop's location is none of ours.
    ShopLocation {
        /// The shop.
        shop: ShopDomain,
        /// Its location.
        location: ShopLocationId,
    },
}

impl MissingMapping {
    /// The kinds that are about an item.
    pub const ITEM_KINDS: [&str; 2] = ["item", "shop_item"];

    /// The kinds that are about a location.
    pub const LOCATION_KINDS: [&str; 2] = ["location", "shop_location"];

    /// Its kind, the code that is not mapped, and who uses it; then what else tells it apart.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let fields = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
        match self {
            Self::Item { system, code } => fields(&["item", code, system]),
            Self::Unit { system, code, unit } => fields(&["item", code, system, "in", unit]),
            Self::Fit { system, code, event } => fields(&["item", code, system, "fit", event]),
            Self::Location { system, code } => fields(&["location", code, system]),
            Self::ShopItem { shop, shop_sku } => fields(&["shop_item", shop_sku, shop.as_str()]),
            Self::ShopLocation { shop, location } => fields(&["shop_location", &location.to_string(), shop.as_str()]),
        }
    }

    /// Reads what [`Self::fields`] gave.
    #[must_use]
    pub fn from_fields(fields: &[&str]) -> Option<Self> {
        let owned = |text: &str| text.to_owned();
        Some(match fields {
            ["item", code, system] => Self::Item { system: owned(system), code: owned(code) },
            ["item", code, system, "in", unit] => Self::Unit { system: owned(system), code: owned(code), unit: owned(unit) },
            ["item", code, system, "fit", event] => Self::Fit { system: owned(system), code: owned(code), event: owned(event) },
            ["location", code, system] => Self::Location { system: owned(system), code: owned(code) },
            ["shop_item", shop_sku, shop] => Self::ShopItem { shop: shop.parse().ok()?, shop_sku: owned(shop_sku) },
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
