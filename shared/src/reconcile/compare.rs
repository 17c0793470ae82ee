//! The progress and the reports of comparisons with a shop.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Quantity, ShopDomain, Sku};

/// How far the comparison with a shop has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareProgress {
    /// The shop.
    pub shop: ShopDomain,
    /// The last item compared, by the shop's SKU and by ours; `None` at the beginning of the catalog.
    pub after: Option<(String, Sku)>,
}

/// One level that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelDrift {
    /// The item.
    pub sku: Sku,
    /// The location.
    pub location: LocationId,
    /// The sum of available and committed in the shop.
    pub shown: Quantity,
    /// The supply of the level, by the ledger.
    pub supply: Quantity,
}

/// The report of one compared page; reports are stored and listed by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareReport {
    /// The shop.
    pub shop: ShopDomain,
    /// When it began.
    pub began: Timestamp,
    /// Levels compared.
    pub levels: usize,
    /// Levels that were not compared, because an order may be in flight or a push is due.
    pub in_flight: usize,
    /// Levels that differ, and whose change waits for an operator.
    #[serde(default)]
    pub parked: usize,
    /// Levels that differ; each is marked for repair.
    pub drifted: Vec<LevelDrift>,
    /// Whether this was the last page of the catalog.
    pub end: bool,
}
