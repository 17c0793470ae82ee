//! What exists: quantities, items, locations, and their names in every shop.
//!
//! An item is known by our [`Sku`]; a shop calls it by a shop SKU and an inventory item id, and [`ShopItem`] is the
//! mapping between them; another system may call it something else again, and speak of it in other units ([`SystemItem`]).
//! The [`Network`] is the few locations, with their names in every shop and system; a [`Bill`] says what an item is made of, a [`WorkCentre`] how much of it can
//! be started, [`Planning`] what may be promised of it, and [`UsedIn`] leads the other way.
//! People keep all of it in sheets ([`csv`]), and have the mappings compared with a shop ([`validate`]). Deliberately absent:
//! prices, titles, customers. Nothing here decides anything.

mod bill;
mod bom_cycle;
mod day;
mod ids;
mod item;
mod listing;
mod missing;
mod network;
mod percent;
mod planning;
mod quantity;
mod unit;
mod validation;

pub use bill::{Bill, BillVersion, Component, UsedIn, WorkCentre};
pub use bom_cycle::{Tangle, tangles};
pub use day::day_of;
pub use ids::{
    CentreId, DispositionId, FeedId, FulfilmentId, InvalidName, InventoryItemId, LineId, LocationId, LotId, OrderId, Place,
    RefundId, ReturnId, ShopDomain, ShopLocationId, Sku, SystemId, TierId, Unit, VariantId,
};
pub use item::{Item, Listed, ShopItem, SystemItem, Tier};
pub use listing::{Catalogue, Listing};
pub use missing::Missing;
pub use network::{Location, LocationKind, Network};
pub use percent::{Percent, Yield};
pub use planning::{Planning, Policy};
pub use quantity::Quantity;
pub use unit::{Amount, DoesNotFit, Factor, InvalidNumber};
pub use validation::{Finding, ShopVariant, validate};
