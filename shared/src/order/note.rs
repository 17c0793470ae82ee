//! Webhooks that do not contain an order: the order they leave to be read, and the alert they raise.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertSubject;
use crate::catalog::ShopDomain;

/// The result of a webhook that does not contain an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookNote {
    /// A request to read an order.
    pub order_to_read: Option<OrderToRead>,
    /// An alert, with its detail text.
    pub alert: Option<(AlertSubject, String)>,
}

/// A request to read an order or a draft order of a shop, by its global id or that of one of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderToRead {
    /// The shop.
    pub shop: ShopDomain,
    /// The global id of the order or draft order, or of a fulfilment order, a return or a reverse fulfilment order of it.
    pub gid: String,
    /// When a webhook last named this id.
    pub named_at: Timestamp,
}

impl OrderToRead {
    /// The kinds of objects whose order can be read.
    const KINDS: [&str; 5] = ["Order", "DraftOrder", "FulfillmentOrder", "Return", "ReverseFulfillmentOrder"];

    /// Whether `gid` is the global id of an object whose order can be read.
    #[must_use]
    pub fn is_gid(gid: &str) -> bool {
        let number = |kind: &str| gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/');
        // Each object has one gid: a sign or a leading zero would make a second request for it.
        let is_number = |text: &str| text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
        Self::KINDS.iter().filter_map(|kind| number(kind)).any(is_number)
    }
}
