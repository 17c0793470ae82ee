//! Webhooks that tell no order whole: what they leave to be read, and what a person must look at.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertSubject;
use crate::catalog::ShopDomain;

/// What such a webhook leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookNote {
    /// Something whose order must be read.
    pub pointer: Option<OrderToRead>,
    /// What a person must look at.
    pub alert: Option<(AlertSubject, String)>,
}

/// Something of a shop whose order must be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderToRead {
    /// The shop.
    pub shop: ShopDomain,
    /// Its global id: of an order, or of a fulfilment order, a return or a reverse fulfilment order of one.
    pub gid: String,
    /// When it was last named.
    pub named_at: Timestamp,
}

impl OrderToRead {
    /// What may be pointed at.
    const KINDS: [&str; 4] = ["Order", "FulfillmentOrder", "Return", "ReverseFulfillmentOrder"];

    /// Whether a text is the global id of something that may be pointed at.
    #[must_use]
    pub fn is_gid(gid: &str) -> bool {
        let number = |kind: &str| gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?.parse::<u64>().ok();
        Self::KINDS.iter().any(|kind| number(kind).is_some())
    }
}
