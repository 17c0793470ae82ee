//! The catalog: quantities, items, locations, bills of materials, and the mappings to the names that other systems use.
//!
//! Our [`Sku`] identifies an item. A shop identifies it by a shop SKU and an inventory item id, and [`ShopItem`] maps those to
//! our SKU. Another system may use its own code and its own units of measure ([`SystemItem`]). The [`Network`] holds the
//! locations with their ids in every shop and system, and the [`ShopSettings`] of each shop. A [`BillOfMaterials`] lists the components of an item, a [`WorkCentre`]
//! limits how many units can be started on a day, [`PlanningSettings`] limit what may be promised, and [`WhereUsed`] leads from
//! a [`Resource`] (a component or a work centre) to the items that use it. Planners edit the catalog in sheets (the `sheets`
//! module), and [`validate`] compares the mappings with the variants of a shop. Deliberately absent: prices, titles, customers,
//! and every decision about stock.

mod bill;
mod bom_cycle;
mod day;
mod excerpt;
mod ids;
mod item;
mod listing;
mod metafield;
mod missing;
mod nearest;
mod network;
mod percent;
mod planning;
mod quantity;
mod resource;
mod shop;
mod time_zone;
mod unit;
mod validation;

pub use bill::{BillOfMaterials, BillVersion, Component, WhereUsed, WorkCentre};
pub use bom_cycle::{BomCycle, bom_cycles};
pub use day::day_of;
pub use excerpt::excerpt;
pub use ids::{
    AccountId, DispositionId, FeedId, FulfilmentId, InventoryItemId, LineId, LocationId, LotId, NameError, OrderId, Place,
    RefundId, ReturnId, ShopDomain, ShopLocationId, Sku, SystemId, TierId, Unit, VariantId, WorkCentreId,
};
pub use item::{Item, ListedVariant, ShopItem, ShopListing, SystemItem, Tier};
pub use listing::{Catalog, CatalogListing};
pub use metafield::MetafieldKind;
pub use missing::MissingMapping;
pub use nearest::nearest;
pub use network::{Location, LocationKind, Network, SystemLimits};
pub use percent::{Percent, Yield};
pub use planning::{AllocationPolicy, PlanningSettings};
pub use quantity::Quantity;
pub use resource::Resource;
pub use shop::ShopSettings;
pub use time_zone::{TimeZone, TimeZoneError};
pub use unit::{Amount, AmountError, Factor, NumberError};
pub use validation::{MappingFinding, ShopVariant, validate};
