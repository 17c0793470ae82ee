//! What a comparison with a shop found, and where it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Quantity, ShopDomain, Sku};

/// Where the comparison of a shop stands, and what its last page showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareProgress {
    /// The shop.
    pub shop: ShopDomain,
    /// The last item compared, by the shop's SKU and by ours; none at the beginning of the catalogue.
    pub after: Option<(String, Sku)>,
}

/// One level that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelDrift {
    /// The item.
    pub sku: Sku,
    /// The location.
    pub location: LocationId,
    /// What the shop shows, available and committed together.
    pub shown: Quantity,
    /// What we say.
    pub supply: Quantity,
}

/// What comparing one page showed. Stored, and found again by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareReport {
    /// The shop.
    pub shop: ShopDomain,
    /// When it began.
    pub began: Timestamp,
    /// Levels compared.
    pub levels: usize,
    /// Levels left alone, because something may be in flight or is due.
    pub in_flight: usize,
    /// Levels that differ; each is contacted anew.
    pub drifted: Vec<LevelDrift>,
    /// Whether this was the last page of the catalogue.
    pub end: bool,
}
