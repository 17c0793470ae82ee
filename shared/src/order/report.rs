//! Reports of warehouses about an order of a shop, with their codes resolved to our items and locations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LineId, LocationId, OrderId, Quantity, ShopDomain, Sku};
use crate::movement::EventId;

/// One report of a warehouse. The order's record keeps it, and the steps of the order take it into account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// The event of the warehouse system.
    pub id: EventId,
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The line.
    pub line: LineId,
    /// What the warehouse did with the units.
    pub kind: ReportKind,
    /// The location where it did so.
    pub location: LocationId,
    /// The number of units; above zero.
    pub quantity: Quantity,
    /// When it did so, by the clock of the warehouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A report of a warehouse about components of a kit that a line of an order sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentReport {
    /// The line that sells the kit.
    pub line: LineId,
    /// What the warehouse did with the components.
    pub kind: ReportKind,
    /// The component.
    pub component: Sku,
    /// Units of the component.
    pub quantity: Quantity,
    /// Kits that this report completed.
    pub completes: Quantity,
}

/// What a warehouse did with units of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// It allocated them to the order.
    Allocated,
    /// It deallocated them.
    Deallocated,
    /// It shipped them. A fulfilment of the same line in the shop is about the same units.
    Shipped,
    /// It received them back from the customer.
    Returned,
}
