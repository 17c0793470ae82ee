//! Fulfilment orders: each asks one location to ship units of an order, and can be moved or held.
//!
//! The units that remain in active fulfilment orders add up to the open units of each line, and at each location to the
//! committed units (`invariants`). A move makes a new fulfilment order, and so does cancelling a fulfilment. A unit is
//! therefore identified by its line, never by its fulfilment order.

use super::draft::Source;
use super::id_webhooks;
use super::ids::{FulfilmentOrderId, ItemId, LineId, LocationId, OrderId};
use super::lifecycle::OrderRefused;
use super::order::Order;
use super::outbox::Topic;
use super::shop::Shop;
use super::stock::Oversell;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The status of a fulfilment order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentOrderStatus {
    /// No units of it have left.
    Open,
    /// Some of its units have left.
    InProgress,
    /// No units of it may leave until the hold is released.
    OnHold,
    /// No units of it remain.
    Closed,
    /// The order was cancelled.
    Cancelled,
}

impl FulfilmentOrderStatus {
    /// Returns the name that webhooks use. GraphQL uses upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FulfilmentOrderStatus::Open => "open",
            FulfilmentOrderStatus::InProgress => "in_progress",
            FulfilmentOrderStatus::OnHold => "on_hold",
            FulfilmentOrderStatus::Closed => "closed",
            FulfilmentOrderStatus::Cancelled => "cancelled",
        }
    }

    /// Returns whether units of it remain.
    #[must_use]
    pub fn is_active(self) -> bool {
        match self {
            FulfilmentOrderStatus::Open | FulfilmentOrderStatus::InProgress | FulfilmentOrderStatus::OnHold => true,
            FulfilmentOrderStatus::Closed | FulfilmentOrderStatus::Cancelled => false,
        }
    }
}

/// Units of an order that one location is asked to ship.
#[derive(Clone, Debug, Serialize)]
pub struct FulfilmentOrder {
    /// Its identifier.
    pub id: FulfilmentOrderId,
    /// Its status.
    pub status: FulfilmentOrderStatus,
    /// The location that is asked to ship.
    pub location: LocationId,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time of its last change.
    pub updated_at: Timestamp,
    /// Its lines.
    pub lines: Vec<FulfilmentOrderLine>,
}

/// A line of a fulfilment order.
#[derive(Clone, Debug, Serialize)]
pub struct FulfilmentOrderLine {
    /// The line of the order.
    pub line: LineId,
    /// Units that it asked for when it was created.
    pub total: i64,
    /// Units that the location still has to ship.
    pub remaining: i64,
}

/// Units of a line that a step takes out of one fulfilment order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) from: FulfilmentOrderId,
    pub(super) location: LocationId,
    pub(super) quantity: i64,
}

impl Share {
    /// Takes units of a line from fulfilment orders, in the order given, until the quantity is reached or no units remain.
    pub(super) fn of<'a>(line: LineId, mut quantity: i64, asked: impl IntoIterator<Item = &'a FulfilmentOrder>) -> Vec<Share> {
        let mut shares = Vec::new();
        for asked in asked {
            let share = quantity.min(asked.remaining(line));
            if share > 0 {
                shares.push(Share { from: asked.id, location: asked.location, quantity: share });
                quantity -= share;
            }
        }
        shares
    }
}

impl FulfilmentOrder {
    /// Returns the units of a line that the location still has to ship.
    #[must_use]
    pub fn remaining(&self, line: LineId) -> i64 {
        self.lines.iter().filter(|asked| asked.line == line).map(|asked| asked.remaining).sum()
    }

    /// Takes out units that remain, and closes the fulfilment order if they were the last ones.
    pub(super) fn take(&mut self, now: Timestamp, line: LineId, quantity: i64) {
        let asked = self.lines.iter_mut().find(|asked| asked.line == line).expect("shares are of lines that remain");
        assert!(asked.remaining >= quantity, "no more is taken than remains");
        asked.remaining -= quantity;
        self.updated_at = now;
        if self.lines.iter().all(|asked| asked.remaining == 0) {
            self.status = FulfilmentOrderStatus::Closed;
        }
    }
}

impl Shop {
    /// Moves the remaining units of a fulfilment order to another location: opens a new one there, and closes the old one.
    ///
    /// # Errors
    /// The fulfilment order does not exist, is not active or is on hold, or the location cannot take the units.
    pub fn move_fulfilment_order(
        &mut self,
        now: Timestamp,
        id: FulfilmentOrderId,
        to: LocationId,
    ) -> Result<FulfilmentOrderId, OrderRefused> {
        let order = self.order_of(id)?;
        let asked = active(&self.orders[&order], id)?;
        if asked.status == FulfilmentOrderStatus::OnHold {
            return Err(OrderRefused::OnHold);
        }
        if asked.location == to || !self.locations.contains_key(&to) {
            return Err(OrderRefused::BadLocation(to));
        }
        let from = asked.location;
        let left: Vec<(LineId, i64)> =
            asked.lines.iter().filter(|line| line.remaining > 0).map(|line| (line.line, line.remaining)).collect();
        self.has_room(&self.orders[&order], &left, to)?;
        let mut draft = self.begin(now, order)?;
        for (line, quantity) in &left {
            draft.withdraw(*line, Share { from: id, location: from, quantity: *quantity }, true);
        }
        let moved = draft.open(to, &left, Source::Available);
        self.commit(draft);
        let body = id_webhooks::moved(&self.orders[&order], id, moved);
        self.announce(now, order, &[], vec![(Topic::FulfillmentOrdersMoved, body)]);
        Ok(moved)
    }

    /// Checks that a location stocks and has the units of a move, for each item whose lines take inventory.
    fn has_room(&self, order: &Order, lines: &[(LineId, i64)], to: LocationId) -> Result<(), OrderRefused> {
        let mut wanted: BTreeMap<ItemId, i64> = BTreeMap::new();
        for (id, quantity) in lines {
            let line = order.line(*id).expect("a fulfilment order names lines of its order");
            if order.takes_stock(line) {
                let wanted = wanted.entry(line.item).or_default();
                *wanted += quantity;
                let level = self.levels.get(&(line.item, to)).filter(|level| level.active);
                let level = level.ok_or(OrderRefused::NotStocked(*id))?;
                if level.available < *wanted && self.items[&line.item].oversell == Oversell::Deny {
                    return Err(OrderRefused::NotStocked(*id));
                }
            }
        }
        Ok(())
    }

    /// Puts a fulfilment order on hold, so that its remaining units cannot be shipped.
    ///
    /// # Errors
    /// The fulfilment order does not exist, is not active, or is already on hold.
    pub fn hold(&mut self, now: Timestamp, id: FulfilmentOrderId) -> Result<(), OrderRefused> {
        let order = self.order_of(id)?;
        if active(&self.orders[&order], id)?.status == FulfilmentOrderStatus::OnHold {
            return Err(OrderRefused::OnHold);
        }
        self.restate(now, order, id, FulfilmentOrderStatus::OnHold, Topic::FulfillmentOrdersPlacedOnHold)
    }

    /// Releases the hold of a fulfilment order, so that its units can be shipped again.
    ///
    /// # Errors
    /// The fulfilment order does not exist, is not active, or is not on hold.
    pub fn release_hold(&mut self, now: Timestamp, id: FulfilmentOrderId) -> Result<(), OrderRefused> {
        let order = self.order_of(id)?;
        if active(&self.orders[&order], id)?.status != FulfilmentOrderStatus::OnHold {
            return Err(OrderRefused::NotOnHold);
        }
        self.restate(now, order, id, FulfilmentOrderStatus::Open, Topic::FulfillmentOrdersHoldReleased)
    }

    fn restate(
        &mut self,
        now: Timestamp,
        order: OrderId,
        id: FulfilmentOrderId,
        status: FulfilmentOrderStatus,
        topic: Topic,
    ) -> Result<(), OrderRefused> {
        let mut draft = self.begin(now, order)?;
        let at = draft.now;
        let asked = draft.fulfilment_order(id);
        asked.status = status;
        asked.updated_at = at;
        let body = id_webhooks::fulfilment_order(asked);
        self.commit(draft);
        self.announce(now, order, &[], vec![(topic, body)]);
        Ok(())
    }

    fn order_of(&self, id: FulfilmentOrderId) -> Result<OrderId, OrderRefused> {
        self.owners.get(&id.0).copied().ok_or(OrderRefused::UnknownFulfilmentOrder)
    }
}

fn active(order: &Order, id: FulfilmentOrderId) -> Result<&FulfilmentOrder, OrderRefused> {
    let asked = order.fulfilment_orders.iter().find(|asked| asked.id == id).ok_or(OrderRefused::UnknownFulfilmentOrder)?;
    if asked.status.is_active() { Ok(asked) } else { Err(OrderRefused::Inactive) }
}
