//! How far a shop's orders have been swept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::ShopDomain;

/// How far a shop has been swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWatermark {
    /// The shop.
    pub shop: ShopDomain,
    /// The newest change of an order seen, by the shop's clock, less [`OVERLAP`]. Never the present time: an order may
    /// carry an earlier time than the moment it becomes visible.
    pub watermark: Option<Timestamp>,
    /// When the last sweep that took in everything began, by the shop's clock: the ledger is complete up to then.
    pub complete_at: Option<Timestamp>,
}
