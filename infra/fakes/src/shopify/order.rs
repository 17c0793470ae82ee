//! An order and its parts, as the shop keeps them.
//!
//! A line counts units: `quantity` were ever ordered, `current_quantity` of them were not removed before they left, and
//! `fulfilled` of those have left. What came back is not counted on the line: it is what refunds and returns say. A
//! line's open units stand in the order's fulfilment orders. What always holds is in `invariants`; how an order changes is in
//! `lifecycle`, `edit`, `refund`, `returns` and `fulfilment_order`.

use super::fulfilment_order::FulfilmentOrder;
use super::ids::{FulfilmentId, ItemId, LineId, LocationId, OrderId, ReturnId, VariantId};
use super::refund::Refund;
use super::returns::Return;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Units by location.
pub(super) type Shares = BTreeMap<LocationId, i64>;

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
    /// Whether the shop reserved inventory for it. False for an unconfirmed order, as an order created by API may.
    pub confirmed: bool,
    /// Whether it is a test order.
    pub test: bool,
    /// Where its money is.
    pub financial: Financial,
    /// The shop where it was sold over the counter; none for an online order.
    pub retail_location: Option<LocationId>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What was shipped, with what was called back.
    pub fulfilments: Vec<Fulfilment>,
    /// Which location is asked to ship what, with what was shipped, moved or cancelled.
    pub fulfilment_orders: Vec<FulfilmentOrder>,
    /// What was refunded.
    pub refunds: Vec<Refund>,
    /// What is on its way back, and what came back.
    pub returns: Vec<Return>,
}

/// Where the money of an order is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Financial {
    /// Not paid yet.
    Pending,
    /// Paid.
    Paid,
    /// Paid, and some units refunded.
    PartiallyRefunded,
    /// Paid, and every unit refunded.
    Refunded,
    /// Cancelled before it was paid.
    Voided,
}

impl Financial {
    /// As in a REST body; upper case in GraphQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Financial::Pending => "pending",
            Financial::Paid => "paid",
            Financial::PartiallyRefunded => "partially_refunded",
            Financial::Refunded => "refunded",
            Financial::Voided => "voided",
        }
    }
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
    /// Units ordered less those removed, cancelled or refunded before they left. What came back stays counted.
    pub current_quantity: i64,
    /// Units shipped, and not called back.
    pub fulfilled: i64,
    /// Whether the item was counted when the order was placed.
    pub tracked: bool,
    /// Whether it is a gift card.
    pub gift_card: bool,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Units committed for it, by location. Empty if the item is not tracked or the order is unconfirmed.
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
    /// Whether it stands.
    pub status: FulfilmentStatus,
    /// Where it left from.
    pub location: LocationId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Units by line.
    pub lines: Vec<(LineId, i64)>,
}

/// Whether a shipment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// It left.
    Success,
    /// It was called back, and its units are open again.
    Cancelled,
}

impl FulfilmentStatus {
    /// As in a REST body; upper case in GraphQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FulfilmentStatus::Success => "success",
            FulfilmentStatus::Cancelled => "cancelled",
        }
    }
}

impl Order {
    /// A line of it.
    #[must_use]
    pub fn line(&self, id: LineId) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// A return of it.
    #[must_use]
    pub fn return_of(&self, id: ReturnId) -> Option<&Return> {
        self.returns.iter().find(|ret| ret.id == id)
    }

    /// Whether a line takes inventory: the item is tracked and the order is confirmed.
    #[must_use]
    pub fn takes_stock(&self, line: &OrderLine) -> bool {
        self.confirmed && line.tracked
    }

    /// The fulfilments that stand.
    pub(super) fn shipments(&self) -> impl Iterator<Item = &Fulfilment> {
        self.fulfilments.iter().filter(|fulfilment| fulfilment.status == FulfilmentStatus::Success)
    }

    /// Whether nothing is left to ship.
    #[must_use]
    pub fn is_fulfilled(&self) -> bool {
        self.lines.iter().all(|line| line.unfulfilled() == 0)
    }

    /// Units of a line that left, and were neither refunded nor asked back: what may still be.
    #[must_use]
    pub fn returnable(&self, line: &OrderLine) -> i64 {
        line.fulfilled - self.refunded_alone(line.id) - self.in_returns(line.id)
    }

    /// Units of a line that left and came back, or were given up by a refund.
    #[must_use]
    pub fn returned(&self, line: LineId) -> i64 {
        let settled = |ret: &Return| ret.disposed(line).max(self.refunded_of(ret.id, line));
        self.refunded_alone(line) + self.returns.iter().map(settled).sum::<i64>()
    }

    /// Units of a line that left and were refunded outside of a return.
    pub(super) fn refunded_alone(&self, line: LineId) -> i64 {
        self.refunded(None, line)
    }

    /// Units of a line that were refunded as part of a return.
    pub(super) fn refunded_of(&self, ret: ReturnId, line: LineId) -> i64 {
        self.refunded(Some(ret), line)
    }

    fn refunded(&self, ret: Option<ReturnId>, line: LineId) -> i64 {
        let refunds = self.refunds.iter().filter(|refund| refund.return_id == ret);
        refunds.flat_map(|refund| &refund.lines).filter(|refunded| refunded.line == line).map(|refunded| refunded.shipped).sum()
    }

    /// Units of a line that are in returns which were not turned down.
    pub(super) fn in_returns(&self, line: LineId) -> i64 {
        self.returns.iter().filter(|ret| ret.status.is_live()).map(|ret| ret.quantity(line)).sum()
    }

    /// Where units of a line left from, in the order of shipping, the first `skipped` of them left out.
    pub(super) fn shipped_from(&self, line: LineId, mut skipped: i64, mut quantity: i64) -> Shares {
        let mut shares = Shares::new();
        for fulfilment in self.shipments() {
            for (_, units) in fulfilment.lines.iter().filter(|(id, _)| *id == line) {
                let passed = skipped.min(*units);
                let share = quantity.min(units - passed);
                skipped -= passed;
                quantity -= share;
                if share > 0 {
                    *shares.entry(fulfilment.location).or_default() += share;
                }
            }
        }
        assert_eq!(quantity, 0, "only what was shipped comes back");
        shares
    }
}
