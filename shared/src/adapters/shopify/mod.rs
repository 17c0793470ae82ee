//! The storefront port on Shopify's Admin GraphQL API. The API version is pinned here and nowhere else.

#[cfg(feature = "adapters")]
mod client;
#[cfg(feature = "adapters")]
mod drafts;
#[cfg(feature = "adapters")]
mod order_body;
#[cfg(feature = "adapters")]
mod orders;
#[cfg(feature = "adapters")]
mod storefront;
#[cfg(feature = "adapters")]
mod transport;
#[cfg(feature = "adapters")]
mod variants;
pub mod webhook;

#[cfg(feature = "adapters")]
pub use client::{API_VERSION, Shopify};
#[cfg(feature = "adapters")]
pub use transport::{Http, Response, Transport};

/// The operations by name. No other document is sent to Shopify.
pub mod operations {
    /// Adds to `available`.
    pub const ADJUST_AVAILABLE: &str = include_str!("operations/adjust_available.graphql");
    /// Sets `available` by compare-and-set.
    pub const SET_AVAILABLE: &str = include_str!("operations/set_available.graphql");
    /// Activates an item at a location.
    pub const ACTIVATE_LEVEL: &str = include_str!("operations/activate_level.graphql");
    /// Sets variant metafields.
    pub const SET_METAFIELDS: &str = include_str!("operations/set_metafields.graphql");
    /// Reads the levels of several items.
    pub const LEVELS_OF_ITEMS: &str = include_str!("operations/levels_of_items.graphql");
    /// Reads all levels of one item.
    pub const LEVELS_OF_ITEM: &str = include_str!("operations/levels_of_item.graphql");
    /// Lists the ids of orders by their last change.
    pub const ORDERS_UPDATED: &str = include_str!("operations/orders_updated.graphql");
    /// Reads a whole order, if it is not large.
    pub const ORDER: &str = include_str!("operations/order.graphql");
    /// Reads the rest of an order's lines.
    pub const MORE_LINES: &str = include_str!("operations/more_lines.graphql");
    /// Reads the rest of an order's fulfilment orders.
    pub const MORE_FULFILMENT_ORDERS: &str = include_str!("operations/more_fulfilment_orders.graphql");
    /// Reads the rest of an order's returns.
    pub const MORE_RETURNS: &str = include_str!("operations/more_returns.graphql");
    /// Reads the rest of a fulfilment's, fulfilment order's, refund's or reverse fulfilment order's lines.
    pub const MORE_OF_PART: &str = include_str!("operations/more_of_part.graphql");
    /// Reads all fulfilments of an order with many.
    pub const ALL_FULFILMENTS: &str = include_str!("operations/all_fulfilments.graphql");
    /// Reads all refunds of an order with many.
    pub const ALL_REFUNDS: &str = include_str!("operations/all_refunds.graphql");
    /// Lists the ids of draft orders by their last change.
    pub const DRAFTS_UPDATED: &str = include_str!("operations/drafts_updated.graphql");
    /// Reads what a draft order reserves.
    pub const DRAFT: &str = include_str!("operations/draft.graphql");
    /// Reads the rest of a draft order's lines.
    pub const MORE_DRAFT_LINES: &str = include_str!("operations/more_draft_lines.graphql");
    /// Reads which order an object belongs to.
    pub const ORDER_OF: &str = include_str!("operations/order_of.graphql");
    /// Lists the variants of the shop.
    pub const VARIANTS: &str = include_str!("operations/variants.graphql");

    /// All operations.
    pub const ALL: [&str; 19] = [
        ADJUST_AVAILABLE,
        SET_AVAILABLE,
        ACTIVATE_LEVEL,
        SET_METAFIELDS,
        LEVELS_OF_ITEMS,
        LEVELS_OF_ITEM,
        ORDERS_UPDATED,
        ORDER,
        MORE_LINES,
        MORE_FULFILMENT_ORDERS,
        MORE_RETURNS,
        MORE_OF_PART,
        ALL_FULFILMENTS,
        ALL_REFUNDS,
        DRAFTS_UPDATED,
        DRAFT,
        MORE_DRAFT_LINES,
        ORDER_OF,
        VARIANTS,
    ];
}
