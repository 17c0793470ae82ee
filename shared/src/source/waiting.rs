//! What waits for a mapping: stock events that cannot be applied without it, and orders that reserve nothing without it.
//! An event is kept whole; of an order its name is enough. An alert counts as open while any of them waits.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StockEvent;
use crate::alert::Subject;
use crate::catalog::{OrderId, ShopDomain, ShopLocationId};
use crate::store::{Key, Row};

/// A mapping that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum Missing {
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

impl Missing {
    /// The partition of what waits for this.
    #[must_use]
    pub fn partition(&self) -> String {
        format!("{}{self}", Waiting::PREFIX)
    }

    /// What begins the index entries of whatever waits for any system's or shop's item of this name.
    #[must_use]
    pub fn items_called(code: &str) -> [String; 2] {
        [format!("item#{code}#"), format!("shop_item#{code}#")]
    }

    /// What begins the index entries of whatever waits for a location.
    pub const ANY_LOCATION: [&str; 2] = ["location#", "shop_location#"];

    /// The alert about it.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self.clone() {
            Self::Item { system, code } | Self::Unit { system, code, .. } | Self::Fit { system, code, .. } => {
                Subject::UnmappedItem { system, code }
            }
            Self::Location { system, code } => Subject::UnmappedFacility { system, code },
            Self::ShopItem { shop, shop_sku } => Subject::UnmappedSku { shop, shop_sku },
            Self::ShopLocation { shop, location } => Subject::UnmappedLocation { shop, location },
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { system, code } => write!(f, "item#{code}#{system}"),
            Self::Unit { system, code, unit } => write!(f, "item#{code}#{system}#in#{unit}"),
            Self::Fit { system, code, event } => write!(f, "item#{code}#{system}#fit#{event}"),
            Self::Location { system, code } => write!(f, "location#{code}#{system}"),
            Self::ShopItem { shop, shop_sku } => write!(f, "shop_item#{shop_sku}#{shop}"),
            Self::ShopLocation { shop, location } => write!(f, "shop_location#{location}#{shop}"),
        }
    }
}

/// One thing that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What for.
    #[serde(flatten)]
    pub missing: Missing,
    /// What waits.
    pub what: Waits,
    /// Since when.
    pub since: Timestamp,
}

/// What can wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// A stock event, whole.
    Event(Box<StockEvent>),
    /// An order, to be read again.
    Order {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
}

impl Waiting {
    /// The index partition under which everything that waits is found, by what it waits for.
    pub const INDEX: &'static str = "WAITING";

    /// The prefix of the partitions of what waits.
    pub const PREFIX: &'static str = "WAITING#";

    /// Where something waits for what it is missing.
    #[must_use]
    pub fn key_of(missing: &Missing, what: &Waits) -> Key {
        let name = match what {
            Waits::Event(event) => event.id.id.clone(),
            Waits::Order { order, .. } => order.to_string(),
        };
        Key::new(missing.partition(), name)
    }
}

impl Row for Waiting {
    fn key(&self) -> Key {
        Self::key_of(&self.missing, &self.what)
    }

    fn index(&self) -> Option<Key> {
        Some(Key::new(Self::INDEX, format!("{}#{}", self.missing, self.key().sk)))
    }
}
