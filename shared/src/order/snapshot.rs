//! What a shop says about one order at one moment: the same shape from a webhook and from a query.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{FulfilmentId, LineId, OrderId, Quantity, ShopDomain, ShopLocationId};

/// One statement about an order. It may be old, repeated, or partial; merging it into the record is what makes it safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnapshot {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The whole order, when this speaks of the whole order.
    pub facts: Option<Facts>,
    /// Fulfilments: all of them in a statement about the whole order, else the one it is about.
    pub fulfilments: BTreeMap<FulfilmentId, Fulfilment>,
}

/// The state of a whole order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The order's own clock: `updated_at`, in seconds. A higher one is newer.
    pub version: Timestamp,
    /// Cancelled: nothing more will be shipped.
    pub cancelled: bool,
    /// The shop took stock for it. An order made by API may claim none.
    pub confirmed: bool,
    /// The location that sold it, for an order taken in a store.
    pub sold_at: Option<ShopLocationId>,
    /// Its lines.
    pub lines: BTreeMap<LineId, SnapshotLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotLine {
    /// What the shop calls the item. Empty when the shop gave it no SKU.
    pub shop_sku: String,
    /// Units ever ordered, removed ones included: it only grows.
    pub ordered: Quantity,
    /// Units still to be shipped, by the fulfilments this statement knows of.
    pub open: Quantity,
    /// Nothing of it is kept in stock: a gift card.
    pub not_stocked: bool,
}

/// Units of an order that left together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// How far it got.
    pub status: FulfilmentStatus,
    /// Its own clock.
    pub version: Timestamp,
    /// Where it left from.
    pub location: Option<ShopLocationId>,
    /// How many units of each line.
    pub lines: BTreeMap<LineId, Quantity>,
}

/// How far a fulfilment got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// The units have left, or are leaving.
    Shipped,
    /// They did not: cancelled, failed, or refused.
    Void,
}

impl FulfilmentStatus {
    /// Reads Shopify's status, in either case. A status nobody has heard of yet counts as shipped: the shop has already
    /// taken the units off its own number.
    #[must_use]
    pub fn from_shopify(status: &str) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "cancelled" | "error" | "failure" => Self::Void,
            _ => Self::Shipped,
        }
    }
}

impl Facts {
    /// Orders statements that carry the same second. Within one second each change raises one of these and lowers none
    /// before it: a cancellation, an addition, a fulfilment made void, a shipment or removal.
    pub(super) fn progress(&self, counted: &BTreeMap<FulfilmentId, FulfilmentStatus>) -> impl Ord + use<> {
        let ordered: Quantity = self.lines.values().map(|line| line.ordered).sum();
        let open: Quantity = self.lines.values().map(|line| line.open).sum();
        let void = counted.values().filter(|status| **status == FulfilmentStatus::Void).count();
        (self.version, self.cancelled, self.confirmed, ordered, void, -open)
    }
}
