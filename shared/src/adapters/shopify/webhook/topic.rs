//! The webhook topics we listen to, and what each kind of them says.

use crate::order::{Note, OrderSnapshot};

/// A topic, by what its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
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
const TOPICS: [(&str, Topic); 48] = [
    ("orders/create", Topic::Order),
    ("orders/updated", Topic::Order),
    ("orders/paid", Topic::Order),
    ("orders/cancelled", Topic::Order),
    ("orders/fulfilled", Topic::Order),
    ("orders/partially_fulfilled", Topic::Order),
    ("orders/edited", Topic::Pointer),
    ("fulfillments/create", Topic::Fulfilment),
    ("fulfillments/update", Topic::Fulfilment),
    ("refunds/create", Topic::Refund),
    ("returns/request", Topic::Pointer),
    ("returns/approve", Topic::Pointer),
    ("returns/update", Topic::Pointer),
    ("returns/decline", Topic::Pointer),
    ("returns/cancel", Topic::Pointer),
    ("returns/close", Topic::Pointer),
    ("returns/reopen", Topic::Pointer),
    ("returns/process", Topic::Pointer),
    ("reverse_fulfillment_orders/dispose", Topic::Pointer),
    ("fulfillment_orders/order_routing_complete", Topic::Pointer),
    ("fulfillment_orders/moved", Topic::Pointer),
    ("fulfillment_orders/split", Topic::Pointer),
    ("fulfillment_orders/merged", Topic::Pointer),
    ("fulfillment_orders/cancelled", Topic::Pointer),
    ("fulfillment_orders/placed_on_hold", Topic::Pointer),
    ("fulfillment_orders/hold_released", Topic::Pointer),
    ("locations/create", Topic::Notice),
    ("locations/update", Topic::Notice),
    ("locations/activate", Topic::Notice),
    ("locations/deactivate", Topic::LocationClosed),
    ("locations/delete", Topic::LocationClosed),
    ("app/uninstalled", Topic::AppRemoved),
    ("app/scopes_update", Topic::Notice),
    ("inventory_levels/connect", Topic::Notice),
    ("inventory_levels/update", Topic::Notice),
    ("inventory_levels/disconnect", Topic::Notice),
    ("inventory_items/create", Topic::Notice),
    ("inventory_items/update", Topic::Notice),
    ("inventory_items/delete", Topic::Notice),
    ("products/create", Topic::Notice),
    ("products/update", Topic::Notice),
    ("products/delete", Topic::Notice),
    ("bulk_operations/finish", Topic::Notice),
    ("orders/delete", Topic::Notice),
    ("draft_orders/update", Topic::Notice),
    ("customers/data_request", Topic::Notice),
    ("customers/redact", Topic::Notice),
    ("shop/redact", Topic::Notice),
];

/// What a webhook says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Something about an order.
    Order(OrderSnapshot),
    /// Something that is noted.
    Note(Note),
}

impl Topic {
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
