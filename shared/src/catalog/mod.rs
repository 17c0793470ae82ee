//! What exists: quantities, items, locations, and their names in every shop.
//!
//! An item is known by our [`Sku`]; a shop calls it by a shop SKU and an inventory item id, and [`ShopItem`] is the
//! mapping between them; another system may call it something else again, and speak of it in other units ([`SystemItem`]).
//! The [`Network`] is the few locations, with their names in every shop and system; a [`BillOfMaterials`] says what an item is made of, a [`WorkCentre`] how much of it can
//! be started, [`PlanningSettings`] what may be promised of it, and [`WhereUsed`] leads the other way.
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

pub use bill::{BillOfMaterials, BillVersion, Component, WhereUsed, WorkCentre};
pub use bom_cycle::{BomCycle, bom_cycles};
pub use day::day_of;
pub use ids::{
    DispositionId, FeedId, FulfilmentId, InventoryItemId, LineId, LocationId, LotId, NameError, OrderId, Place, RefundId,
    ReturnId, ShopDomain, ShopLocationId, Sku, SystemId, TierId, Unit, VariantId, WorkCentreId,
};
pub use item::{Item, ShopItem, ShopListing, SystemItem, Tier};
pub use listing::{Catalog, CatalogListing};
pub use missing::MissingMapping;
pub use network::{Location, LocationKind, Network};
pub use percent::{Percent, Yield};
pub use planning::{AllocationPolicy, PlanningSettings};
pub use quantity::Quantity;
pub use unit::{Amount, AmountError, Factor, NumberError};
pub use validation::{MappingFinding, ShopVariant, validate};
