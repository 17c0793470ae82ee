//! An order, its lines and its fulfilments, as the shop keeps them.
//!
//! Holds for every line: 0 ≤ fulfilled ≤ current quantity ≤ quantity, and what is committed over all locations never
//! exceeds what is still to be fulfilled. How an order changes is in `lifecycle`.

use super::ids::{FulfilmentId, ItemId, LineId, LocationId, OrderId, VariantId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// An order of the shop.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// Its identifier.
    pub id: OrderId,
    /// The number that people see, from 1001.
    pub number: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed; whole seconds.
    pub updated_at: Timestamp,
    /// When it was cancelled, if it was.
    pub cancelled_at: Option<Timestamp>,
    /// Whether the shop reserved inventory for it. False for one that claims nothing, as an order created by API may.
    pub confirmed: bool,
    /// Whether it is a test order.
    pub test: bool,
    /// The shop where it was sold over the counter; none for an online order.
    pub retail_location: Option<LocationId>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What was shipped.
    pub fulfilments: Vec<Fulfilment>,
}

/// A line of an order.
#[derive(Clone, Debug, Serialize)]
pub struct OrderLine {
    /// Its identifier.
    pub id: LineId,
    /// What is counted for it.
    pub item: ItemId,
    /// What was sold.
    pub variant: VariantId,
    /// The SKU at the time of the order.
    pub sku: String,
    /// Units ordered, with those removed since.
    pub quantity: i64,
    /// Units still wanted: ordered less removed or cancelled.
    pub current_quantity: i64,
    /// Units shipped.
    pub fulfilled: i64,
    /// Whether the item was counted when the order was placed.
    pub tracked: bool,
    /// Whether it is a gift card.
    pub gift_card: bool,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Units committed for it, by location. Empty for what is not tracked or claims nothing.
    pub committed: BTreeMap<LocationId, i64>,
}

impl OrderLine {
    /// Units still to be shipped.
    #[must_use]
    pub fn unfulfilled(&self) -> i64 {
        self.current_quantity - self.fulfilled
    }

    /// Units committed over all locations.
    #[must_use]
    pub fn committed_total(&self) -> i64 {
        self.committed.values().sum()
    }
}

/// A shipment from one location.
#[derive(Clone, Debug, Serialize)]
pub struct Fulfilment {
    /// Its identifier.
    pub id: FulfilmentId,
    /// Where it left from.
    pub location: LocationId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Units by line.
    pub lines: Vec<(LineId, i64)>,
}

impl Order {
    /// Panics where the order is in a state that the shop must never reach: a fault of this fake, not of its caller.
    pub(super) fn assert_sound(&self) {
        for line in &self.lines {
            let shipped: i64 =
                self.fulfilments.iter().flat_map(|f| &f.lines).filter(|(id, _)| *id == line.id).map(|(_, q)| q).sum();
            assert_eq!(shipped, line.fulfilled, "order {} line {}: shipments and count agree", self.id, line.id);
            assert!(0 <= line.fulfilled && line.fulfilled <= line.current_quantity && line.current_quantity <= line.quantity);
            assert!(line.committed.values().all(|q| *q > 0), "no empty commitment is kept");
            assert!(
                line.committed_total() <= line.unfulfilled(),
                "order {} line {}: nothing is committed twice",
                self.id,
                line.id
            );
        }
    }
}
