//! An order and its parts, as the shop stores them.
//!
//! A line counts units: `quantity` units were ever ordered, `current_quantity` of them were not removed before they left, and
//! `fulfilled` of those have left. The line does not count units that came back; refunds and returns record them. The open
//! units of a line are in the fulfilment orders of its order. `invariants` checks what always holds. `lifecycle`, `edit`,
//! `refund`, `returns` and `fulfilment_order` change an order.

use super::fulfilment_order::FulfilmentOrder;
use super::ids::{FulfilmentId, ItemId, LineId, LocationId, OrderId, ReturnId, VariantId};
use super::refund::Refund;
use super::returns::Return;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Units by location.
pub(super) type Shares = BTreeMap<LocationId, i64>;

/// An order of the shop.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// Its identifier.
    pub id: OrderId,
    /// The number that people see. The first order has 1001.
    pub number: i64,
    /// The time at which it was placed.
    pub created_at: Timestamp,
    /// The time of its last change, in whole seconds.
    pub updated_at: Timestamp,
    /// The time at which it was cancelled; `None` if it was not.
    pub cancelled_at: Option<Timestamp>,
    /// The time at which it was archived; `None` if it was not. The fake archives no order by itself.
    pub closed_at: Option<Timestamp>,
    /// Whether the shop reserved inventory for it. False for an unconfirmed order; an order that the API creates may be
    /// unconfirmed.
    pub confirmed: bool,
    /// Whether it is a test order.
    pub test: bool,
    /// How it is paid.
    pub payment: Payment,
    /// Its financial status.
    pub financial: Financial,
    /// The retail location that sold it over the counter; `None` for an online order.
    pub retail_location: Option<LocationId>,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// Its fulfilments, including the cancelled ones.
    pub fulfilments: Vec<Fulfilment>,
    /// Its fulfilment orders, including those that were shipped, moved or cancelled.
    pub fulfilment_orders: Vec<FulfilmentOrder>,
    /// Its refunds.
    pub refunds: Vec<Refund>,
    /// Its returns.
    pub returns: Vec<Return>,
}

/// How an order is paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// By a payment provider, at the checkout.
    #[default]
    Provider,
    /// By a manual method, such as cash on delivery.
    CashOnDelivery,
    /// By an invoice that is due after this number of days.
    NetDays(u16),
}

impl Payment {
    /// Returns the name of the payment gateway.
    #[must_use]
    pub fn gateway(self) -> &'static str {
        match self {
            Self::Provider => "shopify_payments",
            Self::CashOnDelivery => "Cash on Delivery (COD)",
            Self::NetDays(_) => "manual",
        }
    }

    /// Returns whether the merchant records the payment by hand.
    #[must_use]
    pub fn is_manual(self) -> bool {
        match self {
            Self::Provider => false,
            Self::CashOnDelivery | Self::NetDays(_) => true,
        }
    }
}

/// The financial status of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Financial {
    /// The order is not paid yet.
    Pending,
    /// The order is paid.
    Paid,
    /// The order is paid, and some units are refunded.
    PartiallyRefunded,
    /// The order is paid, and every unit is refunded.
    Refunded,
    /// The order was cancelled before it was paid.
    Voided,
}

impl Financial {
    /// Returns the name that REST bodies use. GraphQL uses upper case.
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
    /// The inventory item.
    pub item: ItemId,
    /// The variant that was sold.
    pub variant: VariantId,
    /// The SKU at the time of the order.
    pub sku: String,
    /// Units ordered, including units that were removed later.
    pub quantity: i64,
    /// Units ordered without those removed, cancelled or refunded before they left. Units that came back stay counted.
    pub current_quantity: i64,
    /// Units shipped, without those of cancelled fulfilments.
    pub fulfilled: i64,
    /// Whether Shopify tracked the item when the order was placed.
    pub tracked: bool,
    /// Whether it is a gift card.
    pub gift_card: bool,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Whether its units leave the level only when they ship: a pre-order by a selling plan that reserves on fulfilment.
    pub reserves_on_fulfilment: bool,
    /// Units committed for it, by location. Empty if the item is not tracked or the order is unconfirmed.
    pub committed: BTreeMap<LocationId, i64>,
}

impl OrderLine {
    /// Returns the units that are still to be shipped.
    #[must_use]
    pub fn unfulfilled(&self) -> i64 {
        self.current_quantity - self.fulfilled
    }

    /// Returns the units committed over all locations.
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
    /// Its status.
    pub status: FulfilmentStatus,
    /// The location that it left from.
    pub location: LocationId,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time of its last change.
    pub updated_at: Timestamp,
    /// Units by line.
    pub lines: Vec<(LineId, i64)>,
}

/// The status of a shipment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// The shipment left.
    Success,
    /// The shipment was cancelled, and its units are open again.
    Cancelled,
}

impl FulfilmentStatus {
    /// Returns the name that REST bodies use. GraphQL uses upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FulfilmentStatus::Success => "success",
            FulfilmentStatus::Cancelled => "cancelled",
        }
    }
}

impl Order {
    /// Returns a line of the order.
    #[must_use]
    pub fn line(&self, id: LineId) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// Returns a return of the order.
    #[must_use]
    pub fn return_of(&self, id: ReturnId) -> Option<&Return> {
        self.returns.iter().find(|ret| ret.id == id)
    }

    /// Returns whether a line commits inventory while it is open: the item is tracked, the order is confirmed, and its selling plan
    /// reserves on sale.
    #[must_use]
    pub fn takes_stock(&self, line: &OrderLine) -> bool {
        self.confirmed && line.tracked && !line.reserves_on_fulfilment
    }

    /// Returns whether the units of a line leave the available quantity of a level when they ship, because they were never
    /// committed. That a shipment of an unconfirmed order does so is inferred.
    #[must_use]
    pub fn leaves_available(&self, line: &OrderLine) -> bool {
        line.tracked && !self.takes_stock(line)
    }

    /// Returns the fulfilments that are not cancelled.
    pub(super) fn shipments(&self) -> impl Iterator<Item = &Fulfilment> {
        self.fulfilments.iter().filter(|fulfilment| fulfilment.status == FulfilmentStatus::Success)
    }

    /// Returns whether no units are left to ship.
    #[must_use]
    pub fn is_fulfilled(&self) -> bool {
        self.lines.iter().all(|line| line.unfulfilled() == 0)
    }

    /// Returns the status of its fulfilment that GraphQL shows.
    pub(super) fn display_status(&self) -> &'static str {
        match (self.shipments().next().is_some(), self.is_fulfilled()) {
            (true, true) => "FULFILLED",
            (true, false) => "PARTIALLY_FULFILLED",
            (false, _) => "UNFULFILLED",
        }
    }

    /// Returns the units of a line that can still be refunded or returned: they left, and were neither refunded nor put into a
    /// return.
    #[must_use]
    pub fn returnable(&self, line: &OrderLine) -> i64 {
        line.fulfilled - self.refunded_alone(line.id) - self.in_returns(line.id)
    }

    /// Returns the units of a line that left, and then came back or were refunded.
    #[must_use]
    pub fn returned(&self, line: LineId) -> i64 {
        let settled = |ret: &Return| ret.disposed(line).max(self.refunded_of(ret.id, line));
        self.refunded_alone(line) + self.returns.iter().map(settled).sum::<i64>()
    }

    /// Returns the units of a line that left and were refunded outside of a return.
    pub(super) fn refunded_alone(&self, line: LineId) -> i64 {
        self.refunded(None, line)
    }

    /// Returns the units of a line that were refunded as part of a return.
    pub(super) fn refunded_of(&self, ret: ReturnId, line: LineId) -> i64 {
        self.refunded(Some(ret), line)
    }

    fn refunded(&self, ret: Option<ReturnId>, line: LineId) -> i64 {
        let refunds = self.refunds.iter().filter(|refund| refund.return_id == ret);
        refunds.flat_map(|refund| &refund.lines).filter(|refunded| refunded.line == line).map(|refunded| refunded.shipped).sum()
    }

    /// Returns the units of a line that are in returns which were neither declined nor cancelled.
    pub(super) fn in_returns(&self, line: LineId) -> i64 {
        self.returns.iter().filter(|ret| ret.status.is_live()).map(|ret| ret.quantity(line)).sum()
    }

    /// Returns the locations that units of a line left from, in the order of shipping. It leaves out the first `skipped` units.
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
