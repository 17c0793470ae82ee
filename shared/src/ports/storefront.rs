//! The storefront port: the calls to a shop that the flows need.

use std::future::Future;

use crate::catalog::{InventoryItemId, OrderId, Quantity, ShopDomain, ShopLocationId};
use crate::storefront::{
    Adjustment, LevelSet, MetafieldWrite, OrderRead, OrderSearch, OrdersPage, ShopAnswer, ShopLevel, StorefrontError,
};

/// A shop.
pub trait Storefront: Sync {
    /// Adds to `available`, all rows or none, once per `key`.
    fn adjust(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[Adjustment],
    ) -> impl Future<Output = Result<ShopAnswer, StorefrontError>> + Send;

    /// Sets `available` by compare-and-set, all rows or none, once per `key`.
    fn set(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[LevelSet],
    ) -> impl Future<Output = Result<ShopAnswer, StorefrontError>> + Send;

    /// Activates an item at a location, once per `key`, with what is `available` from then on. `None` keeps what the level had.
    fn activate(
        &self,
        shop: &ShopDomain,
        key: &str,
        item: InventoryItemId,
        location: ShopLocationId,
        available: Option<Quantity>,
    ) -> impl Future<Output = Result<ShopAnswer, StorefrontError>> + Send;

    /// Sets variant metafields (at most [`Self::METAFIELDS_AT_ONCE`]): all rows or none. Each row replaces the whole value, so
    /// repeating the call changes nothing.
    fn set_metafields(
        &self,
        shop: &ShopDomain,
        rows: &[MetafieldWrite],
    ) -> impl Future<Output = Result<ShopAnswer, StorefrontError>> + Send;

    /// The most rows of one `set_metafields` call.
    const METAFIELDS_AT_ONCE: usize = 25;

    /// Every level of these items (at most [`Self::LEVELS_AT_ONCE`]). An item the shop does not know has none.
    fn levels(
        &self,
        shop: &ShopDomain,
        items: &[InventoryItemId],
    ) -> impl Future<Output = Result<Vec<ShopLevel>, StorefrontError>> + Send;

    /// The most items whose levels are read at once.
    const LEVELS_AT_ONCE: usize = 40;

    /// Reads an order or a draft order. `None` when the shop has no order with this id.
    fn order(&self, shop: &ShopDomain, order: OrderId)
    -> impl Future<Output = Result<Option<OrderRead>, StorefrontError>> + Send;

    /// The order that another object of the shop belongs to, by the object's global id. `None` when the shop has no such
    /// object.
    fn order_of(&self, shop: &ShopDomain, gid: &str) -> impl Future<Output = Result<Option<OrderId>, StorefrontError>> + Send;

    /// One page of the orders, or draft orders, that a search finds, oldest change first.
    fn orders_updated(
        &self,
        shop: &ShopDomain,
        search: OrderSearch,
        after: Option<&str>,
    ) -> impl Future<Output = Result<OrdersPage, StorefrontError>> + Send;
}
