//! The webhook topics we listen to, and what each kind of them says.

use crate::order::{OrderSnapshot, WebhookNote};

/// A topic, by what its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookTopic {
    /// The whole order.
    Order,
    /// One fulfilment of an order.
    Fulfilment,
    /// One refund of an order.
    Refund,
    /// The name of something whose order must be read.
    Pointer,
    /// A location that was closed or deleted.
    LocationClosed,
    /// The app was removed.
    AppRemoved,
    /// Something that calls for nothing now: the schedules look at what it is about, or we keep nothing of it.
    Notice,
}

/// Every topic we take, for the person who subscribes to them.
const TOPICS: [(&str, WebhookTopic); 48] = [
    ("orders/create", WebhookTopic::Order),
    ("orders/updated", WebhookTopic::Order),
    ("orders/paid", WebhookTopic::Order),
    ("orders/cancelled", WebhookTopic::Order),
    ("orders/fulfilled", WebhookTopic::Order),
    ("orders/partially_fulfilled", WebhookTopic::Order),
    ("orders/edited", WebhookTopic::Pointer),
    ("fulfillments/create", WebhookTopic::Fulfilment),
    ("fulfillments/update", WebhookTopic::Fulfilment),
    ("refunds/create", WebhookTopic::Refund),
    ("returns/request", WebhookTopic::Pointer),
    ("returns/approve", WebhookTopic::Pointer),
    ("returns/update", WebhookTopic::Pointer),
    ("returns/decline", WebhookTopic::Pointer),
    ("returns/cancel", WebhookTopic::Pointer),
    ("returns/close", WebhookTopic::Pointer),
    ("returns/reopen", WebhookTopic::Pointer),
    ("returns/process", WebhookTopic::Pointer),
    ("reverse_fulfillment_orders/dispose", WebhookTopic::Pointer),
    ("fulfillment_orders/order_routing_complete", WebhookTopic::Pointer),
    ("fulfillment_orders/moved", WebhookTopic::Pointer),
    ("fulfillment_orders/split", WebhookTopic::Pointer),
    ("fulfillment_orders/merged", WebhookTopic::Pointer),
    ("fulfillment_orders/cancelled", WebhookTopic::Pointer),
    ("fulfillment_orders/placed_on_hold", WebhookTopic::Pointer),
    ("fulfillment_orders/hold_released", WebhookTopic::Pointer),
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
    ("draft_orders/update", WebhookTopic::Notice),
    ("customers/data_request", WebhookTopic::Notice),
    ("customers/redact", WebhookTopic::Notice),
    ("shop/redact", WebhookTopic::Notice),
];

/// What a webhook says.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookContent {
    /// Something about an order.
    Order(OrderSnapshot),
    /// Something that is noted.
    Note(WebhookNote),
}

impl WebhookTopic {
    /// Reads the topic header; `None` for a topic nobody here listens to.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        TOPICS.iter().find(|(name, _)| *name == value).map(|(_, topic)| *topic)
    }

    /// The names of every topic we take.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TOPICS.iter().map(|(name, _)| *name)
    }
}
