//! The webhook topics we accept, and the kind of body of each.

use crate::order::{OrderSnapshot, WebhookNote};

/// The kind of body of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookTopic {
    /// The whole order.
    Order,
    /// One fulfilment of an order.
    Fulfilment,
    /// One refund of an order.
    Refund,
    /// The id of an object whose order must be read.
    OrderToRead,
    /// A draft order, which must be read: its body does not contain what it reserves.
    DraftToRead,
    /// A location that was closed or deleted.
    LocationClosed,
    /// The app was uninstalled.
    AppRemoved,
    /// A body that needs no action: the scheduled jobs read the same data, or we store nothing of it.
    Notice,
}

/// Every accepted topic, with the kind of its body.
const TOPICS: [(&str, WebhookTopic); 50] = [
    ("orders/create", WebhookTopic::Order),
    ("orders/updated", WebhookTopic::Order),
    ("orders/paid", WebhookTopic::Order),
    ("orders/cancelled", WebhookTopic::Order),
    ("orders/fulfilled", WebhookTopic::Order),
    ("orders/partially_fulfilled", WebhookTopic::Order),
    ("orders/edited", WebhookTopic::OrderToRead),
    ("fulfillments/create", WebhookTopic::Fulfilment),
    ("fulfillments/update", WebhookTopic::Fulfilment),
    ("refunds/create", WebhookTopic::Refund),
    ("returns/request", WebhookTopic::OrderToRead),
    ("returns/approve", WebhookTopic::OrderToRead),
    ("returns/update", WebhookTopic::OrderToRead),
    ("returns/decline", WebhookTopic::OrderToRead),
    ("returns/cancel", WebhookTopic::OrderToRead),
    ("returns/close", WebhookTopic::OrderToRead),
    ("returns/reopen", WebhookTopic::OrderToRead),
    ("returns/process", WebhookTopic::OrderToRead),
    ("reverse_fulfillment_orders/dispose", WebhookTopic::OrderToRead),
    ("fulfillment_orders/order_routing_complete", WebhookTopic::OrderToRead),
    ("fulfillment_orders/moved", WebhookTopic::OrderToRead),
    ("fulfillment_orders/split", WebhookTopic::OrderToRead),
    ("fulfillment_orders/merged", WebhookTopic::OrderToRead),
    ("fulfillment_orders/cancelled", WebhookTopic::OrderToRead),
    ("fulfillment_orders/placed_on_hold", WebhookTopic::OrderToRead),
    ("fulfillment_orders/hold_released", WebhookTopic::OrderToRead),
    ("locations/create", WebhookTopic::Notice),
    ("locations/update", WebhookTopic::Notice),
    ("locations/activate", WebhookTopic::Notice),
    ("locations/deactivate", WebhookTopic::LocationClosed),
    ("locations/delete", WebhookTopic::LocationClosed),
    ("app/uninstalled", WebhookTopic::AppRemoved),
    ("app/scopes_update", WebhookTopic::Notice),
    ("inventory_levels/connect", WebhookTopic::Notice),
    ("inventory_levels/update", WebhookTopic::Notice),
    ("inventory_levels/disconnect", WebhookTopic::Notice),
    ("inventory_items/create", WebhookTopic::Notice),
    ("inventory_items/update", WebhookTopic::Notice),
    ("inventory_items/delete", WebhookTopic::Notice),
    ("products/create", WebhookTopic::Notice),
    ("products/update", WebhookTopic::Notice),
    ("products/delete", WebhookTopic::Notice),
    ("bulk_operations/finish", WebhookTopic::Notice),
    ("orders/delete", WebhookTopic::Notice),
    ("draft_orders/create", WebhookTopic::DraftToRead),
    ("draft_orders/update", WebhookTopic::DraftToRead),
    ("draft_orders/delete", WebhookTopic::DraftToRead),
    ("customers/data_request", WebhookTopic::Notice),
    ("customers/redact", WebhookTopic::Notice),
    ("shop/redact", WebhookTopic::Notice),
];

/// The content of a webhook.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookContent {
    /// A report about an order.
    Order(OrderSnapshot),
    /// A note: a request to read an order, or an alert.
    Note(WebhookNote),
}

impl WebhookTopic {
    /// Reads the topic header. `None` for a topic that we do not accept.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        TOPICS.iter().find(|(name, _)| *name == value).map(|(_, topic)| *topic)
    }

    /// The names of all accepted topics.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TOPICS.iter().map(|(name, _)| *name)
    }
}
