//! What exists: quantities, items, locations, and their names in every shop.
//!
//! An item is known by our [`Sku`]; a shop calls it by a shop SKU and an inventory item id, and [`ShopItem`] is the
//! mapping between them. The [`Network`] is the few locations and their ids in every shop. Deliberately absent: prices,
//! titles, customers. Nothing here decides anything.

mod ids;
mod item;
mod network;
mod quantity;

pub use ids::{
    DispositionId, FulfilmentId, InvalidName, InventoryItemId, LineId, LocationId, OrderId, Place, RefundId, ReturnId,
    ShopDomain, ShopLocationId, Sku,
};
pub use item::{Item, Listed, ShopItem};
pub use network::{Location, LocationKind, Network, NetworkCache};
pub use quantity::Quantity;
