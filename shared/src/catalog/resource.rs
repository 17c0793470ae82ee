//! What production consumes: the units of a component, or the capacity of a work centre. Items that consume the same resource
//! compete for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, Sku, WorkCentreId};

/// A component, or a work centre.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Units of an item.
    Item(Sku),
    /// The daily capacity of a work centre.
    WorkCentre(WorkCentreId),
}

impl Resource {
    /// The item, if the resource is one.
    #[must_use]
    pub fn sku(&self) -> Option<&Sku> {
        match self {
            Self::Item(sku) => Some(sku),
            Self::WorkCentre(_) => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(sku) => write!(f, "item {sku}"),
            Self::WorkCentre(code) => write!(f, "work centre {code}"),
        }
    }
}

impl FromStr for Resource {
    type Err = NameError;

    /// Parses the text that `Display` gives.
    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix("work centre ") {
            Some(code) => code.parse().map(Self::WorkCentre),
            None => text.strip_prefix("item ").unwrap_or_default().parse().map(Self::Item),
        }
    }
}
