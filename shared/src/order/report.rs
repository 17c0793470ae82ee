//! What a warehouse reports about an order of a shop, with its codes resolved.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LineId, LocationId, OrderId, Quantity, ShopDomain};
use crate::movement::EventId;

/// One report. The order's record keeps it, and what the order calls for is worked out with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// The warehouse system's own transaction.
    pub id: EventId,
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The line.
    pub line: LineId,
    /// What it did.
    pub kind: ReportKind,
    /// Where.
    pub location: LocationId,
    /// How many units; above zero.
    pub quantity: Quantity,
    /// When, by the warehouse's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What a warehouse can do with an order's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// It takes the hold over: these units are set aside there.
    Allocated,
    /// It gives it back.
    Deallocated,
    /// They have left. The shop's fulfilment of the same line tells of the same units.
    Shipped,
    /// The customer's units are back.
    Returned,
}
