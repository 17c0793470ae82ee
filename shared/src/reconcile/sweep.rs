//! How far a shop's orders have been swept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::ShopDomain;

/// How far a shop has been swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWatermark {
    /// The shop.
    pub shop: ShopDomain,
    /// The newest change of an order seen, by the shop's clock, less `flows::OVERLAP`. It is never the present time, because an
    /// order can become visible later than the time it carries.
    pub watermark: Option<Timestamp>,
    /// When the last complete sweep began, by the shop's clock: the ledger has every order up to then.
    pub complete_at: Option<Timestamp>,
}
