//! What other systems say about stock: events that move one position, bound to the transaction they come from.
//!
//! Each is applied exactly once by (system, transaction id), through the same commit as an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LineId, LocationId, OrderId, Quantity, ShopDomain, Sku};
use crate::ledger::{EventId, Kind};

/// One stock transaction of another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockEvent {
    /// The system's own transaction.
    pub id: EventId,
    /// The item.
    pub sku: Sku,
    /// Where.
    pub location: LocationId,
    /// What happened.
    pub kind: StockKind,
    /// How many units; above zero.
    pub quantity: Quantity,
    /// When it happened there.
    pub occurred_at: Timestamp,
}

/// What can happen to stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockKind {
    /// Units arrived.
    Receipt,
    /// A count found more.
    Found,
    /// A count found less, or units were written off.
    Lost,
    /// Units may not be sold for now.
    Hold,
    /// Held units may be sold again.
    Unhold,
}

impl StockKind {
    /// The movement it makes.
    #[must_use]
    pub fn movement(self) -> Kind {
        match self {
            Self::Receipt => Kind::Receipt,
            Self::Found => Kind::Found,
            Self::Lost => Kind::Lost,
            Self::Hold => Kind::Hold,
            Self::Unhold => Kind::Unhold,
        }
    }
}

/// What a warehouse reports about an order of a shop.
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
}

/// What a warehouse can do with an order's units, besides shipping them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// It takes the hold over: these units are set aside there.
    Allocated,
    /// It gives it back.
    Deallocated,
    /// The customer's units are back.
    Returned,
}
