//! The storefront port on Shopify's Admin GraphQL API. The API version is pinned here and nowhere else.

mod client;
mod orders;
mod storefront;
mod transport;

pub use client::{API_VERSION, Shopify};
pub use transport::{Http, Response, Transport};

/// The operations we send, by name: the only documents that ever leave for Shopify.
pub mod operations {
    /// Adds to `available`.
    pub const ADJUST_AVAILABLE: &str = include_str!("operations/adjust_available.graphql");
    /// Sets `available` by compare-and-set.
    pub const SET_AVAILABLE: &str = include_str!("operations/set_available.graphql");
    /// Stocks an item at a location.
    pub const ACTIVATE_LEVEL: &str = include_str!("operations/activate_level.graphql");
    /// Reads the levels of several items.
    pub const LEVELS_OF_ITEMS: &str = include_str!("operations/levels_of_items.graphql");
    /// Reads all levels of one item.
    pub const LEVELS_OF_ITEM: &str = include_str!("operations/levels_of_item.graphql");
    /// Reads orders by their last change.
    pub const ORDERS_UPDATED: &str = include_str!("operations/orders_updated.graphql");
    /// Reads the lines of a large order.
    pub const ORDER_LINES: &str = include_str!("operations/order_lines.graphql");
    /// Reads the fulfilments of an order with many.
    pub const ORDER_FULFILMENTS: &str = include_str!("operations/order_fulfilments.graphql");
    /// Reads the lines of a large fulfilment.
    pub const FULFILMENT_LINES: &str = include_str!("operations/fulfilment_lines.graphql");

    /// All of them.
    pub const ALL: [&str; 9] = [
        ADJUST_AVAILABLE,
        SET_AVAILABLE,
        ACTIVATE_LEVEL,
        LEVELS_OF_ITEMS,
        LEVELS_OF_ITEM,
        ORDERS_UPDATED,
        ORDER_LINES,
        ORDER_FULFILMENTS,
        FULFILMENT_LINES,
    ];
}
