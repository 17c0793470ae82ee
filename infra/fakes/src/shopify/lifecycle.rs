//! The lifecycle of an order: payment, fulfilment, cancellation of a fulfilment, and cancellation of the order.
//!
//! Fulfilling takes units out of committed, and with it out of on hand. Cancelling the order moves units from committed back to
//! available, or takes them out of committed if nothing is restocked. The shop refuses a step as a whole or does all of it, and
//! announces it with webhooks.

use super::checkout::CheckoutRefused;
use super::draft::{Draft, Source};
use super::fulfilment_order::{FulfilmentOrderStatus, Share};
use super::ids::{FIRST_FULFILMENT, FulfilmentId, FulfilmentOrderId, LineId, LocationId, OrderId};
use super::order::{Financial, Fulfilment, FulfilmentStatus};
use super::outbox::Topic;
use super::refund::Restock;
use super::returns::ReturnStatus;
use super::shop::Shop;
use super::webhooks;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The reason why the shop refused a change of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderRefused {
    /// The shop has no such order.
    UnknownOrder,
    /// The order has no such line.
    UnknownLine(LineId),
    /// The shop has no such fulfilment.
    UnknownFulfilment,
    /// The shop has no such fulfilment order.
    UnknownFulfilmentOrder,
    /// The shop has no such return.
    UnknownReturn,
    /// The shop has no such location, or the units cannot go to it.
    BadLocation(LocationId),
    /// The order is cancelled.
    Cancelled,
    /// Units of the order have left, and an order with fulfilled units cannot be cancelled.
    Fulfilled,
    /// The order has no units left to fulfil.
    NothingLeft,
    /// The call names no units.
    Empty,
    /// The quantity is below one, or above the units that are left.
    BadQuantity(LineId),
    /// The order was already paid.
    Paid,
    /// The fulfilment order is on hold, or too many of the units are.
    OnHold,
    /// The fulfilment order is not on hold.
    NotOnHold,
    /// The fulfilment order has no units left, or was cancelled.
    Inactive,
    /// The location does not stock the item of the line, or does not have enough units.
    NotStocked(LineId),
    /// The fulfilment is already cancelled.
    FulfilmentCancelled,
    /// Units of the line were refunded or are in a return.
    Returned(LineId),
    /// The status of the return does not allow the step.
    ReturnIs(ReturnStatus),
    /// Units of the return were disposed of, refunded or exchanged.
    Disposed,
    /// The dispositions and the refunds of a return would disagree about the location of the line's units.
    OtherLocation(LineId),
    /// The added SKU cannot be sold.
    Checkout(CheckoutRefused),
}

impl Shop {
    /// Records the payment of the customer.
    ///
    /// # Errors
    /// The order does not exist, is cancelled, or is already paid.
    pub fn pay(&mut self, now: Timestamp, id: OrderId) -> Result<(), OrderRefused> {
        let mut draft = self.begin(now, id)?;
        if draft.order.financial != Financial::Pending {
            return Err(OrderRefused::Paid);
        }
        draft.order.financial = Financial::Paid;
        self.commit(draft);
        self.announce(now, id, &[Topic::OrdersPaid, Topic::OrdersUpdated], Vec::new());
        Ok(())
    }

    /// Ships the given units, or all units that are left: one fulfilment for each location. Units on hold are not shipped.
    ///
    /// # Errors
    /// The order or a line does not exist, the order is cancelled, the call names more units than are left, no units are left,
    /// or the units are on hold.
    pub fn fulfil(
        &mut self,
        now: Timestamp,
        id: OrderId,
        lines: Option<&[(LineId, i64)]>,
    ) -> Result<Vec<FulfilmentId>, OrderRefused> {
        let mut draft = self.begin(now, id)?;
        let asked = match lines {
            Some(lines) => added_up(&draft, lines)?,
            None => draft.order.lines.iter().map(|line| (line.id, line.unfulfilled())).filter(|(_, left)| *left > 0).collect(),
        };
        if asked.is_empty() {
            return Err(OrderRefused::NothingLeft);
        }
        let mut by_location: BTreeMap<LocationId, Vec<(LineId, Share)>> = BTreeMap::new();
        for (line, quantity) in asked {
            let free = draft.order.fulfilment_orders.iter().filter(|asked| asked.status != FulfilmentOrderStatus::OnHold);
            let shares = Share::of(line, quantity, free);
            if lines.is_some() && shares.iter().map(|share| share.quantity).sum::<i64>() < quantity {
                return Err(OrderRefused::OnHold);
            }
            for share in shares {
                by_location.entry(share.location).or_default().push((line, share));
            }
        }
        if by_location.is_empty() {
            return Err(OrderRefused::OnHold);
        }
        let made: Vec<FulfilmentId> = by_location.into_iter().map(|(location, shares)| draft.ship(location, &shares)).collect();
        self.commit(draft);
        let progress = if self.orders[&id].is_fulfilled() { Topic::OrdersFulfilled } else { Topic::OrdersPartiallyFulfilled };
        let bodies = self.fulfilments(Topic::FulfillmentsCreate, id, &made);
        self.announce(now, id, &[Topic::OrdersUpdated, progress], bodies);
        Ok(made)
    }

    /// Cancels a fulfilment. Its units are on hand again at the location that they left from, and that location is asked to
    /// ship them again.
    ///
    /// # Errors
    /// The fulfilment does not exist, is already cancelled, or has units that were refunded or are in a return.
    pub fn cancel_fulfilment(&mut self, now: Timestamp, id: FulfilmentId) -> Result<FulfilmentOrderId, OrderRefused> {
        let order = *self.owners.get(&id.0).ok_or(OrderRefused::UnknownFulfilment)?;
        let found = self.orders[&order].fulfilments.iter().find(|fulfilment| fulfilment.id == id);
        let Fulfilment { status, location, lines, .. } = found.cloned().ok_or(OrderRefused::UnknownFulfilment)?;
        if status == FulfilmentStatus::Cancelled {
            return Err(OrderRefused::FulfilmentCancelled);
        }
        let mut draft = self.begin(now, order)?;
        for (line, quantity) in &lines {
            if draft.order.returnable(draft.line(*line)?) < *quantity {
                return Err(OrderRefused::Returned(*line));
            }
            draft.line_mut(*line).fulfilled -= quantity;
        }
        let opened = draft.open(location, &lines, Source::Outside);
        let at = draft.now;
        let fulfilment = draft.order.fulfilments.iter_mut().find(|fulfilment| fulfilment.id == id).expect("found above");
        fulfilment.status = FulfilmentStatus::Cancelled;
        fulfilment.updated_at = at;
        self.commit(draft);
        let bodies = self.fulfilments(Topic::FulfillmentsUpdate, order, &[id]);
        self.announce(now, order, &[Topic::OrdersUpdated], bodies);
        Ok(opened)
    }

    /// Cancels an order of which no units have left, and restocks its units.
    ///
    /// # Errors
    /// The same as for `cancel_with`.
    pub fn cancel(&mut self, now: Timestamp, id: OrderId) -> Result<(), OrderRefused> {
        self.cancel_with(now, id, true)
    }

    /// Cancels an order of which no units have left. Without `restock` its units leave the shop.
    ///
    /// # Errors
    /// The order does not exist, is already cancelled, or has units that have left.
    pub fn cancel_with(&mut self, now: Timestamp, id: OrderId, restock: bool) -> Result<(), OrderRefused> {
        let mut draft = self.begin(now, id)?;
        if draft.order.shipments().next().is_some() {
            return Err(OrderRefused::Fulfilled);
        }
        let restock = if restock { Restock::Cancel } else { Restock::NoRestock };
        let open: Vec<_> = draft.order.fulfilment_orders.iter().filter(|asked| asked.status.is_active()).map(|a| a.id).collect();
        let refund = draft.refund_all(restock);
        for asked in open {
            draft.fulfilment_order(asked).status = FulfilmentOrderStatus::Cancelled;
        }
        draft.order.cancelled_at = Some(draft.now);
        draft.order.financial = match draft.order.financial {
            Financial::Pending | Financial::Voided => Financial::Voided,
            Financial::Paid | Financial::PartiallyRefunded | Financial::Refunded => Financial::Refunded,
        };
        self.commit(draft);
        let bodies = refund.map(|refund| self.refunded(id, refund)).into_iter().collect();
        self.announce(now, id, &[Topic::OrdersCancelled, Topic::OrdersUpdated], bodies);
        Ok(())
    }

    /// Archives an order, as a person does in the admin. Its units stay as they are.
    ///
    /// # Errors
    /// The order does not exist, or is cancelled.
    pub fn archive(&mut self, now: Timestamp, id: OrderId) -> Result<(), OrderRefused> {
        let mut draft = self.begin(now, id)?;
        draft.order.closed_at = Some(draft.now);
        self.commit(draft);
        self.announce(now, id, &[Topic::OrdersUpdated], Vec::new());
        Ok(())
    }

    /// Returns the location that ships units which are committed nowhere: the first location that fulfils online orders,
    /// otherwise the first location.
    pub(super) fn fallback_location(&self) -> LocationId {
        let first = self.locations.values().min_by_key(|location| (!location.fulfils_online, location.priority));
        first.expect("a shop that sells has a location").id
    }

    /// Builds the webhook bodies of fulfilments.
    pub(super) fn fulfilments(&self, topic: Topic, id: OrderId, made: &[FulfilmentId]) -> Vec<(Topic, Value)> {
        let order = &self.orders[&id];
        let made = order.fulfilments.iter().filter(|fulfilment| made.contains(&fulfilment.id));
        made.map(|fulfilment| (topic, webhooks::fulfilment_body(self, order, fulfilment))).collect()
    }

    /// Announces one event: the order under its topics, and the bodies of the other topics.
    pub(super) fn announce(&mut self, now: Timestamp, id: OrderId, topics: &[Topic], others: Vec<(Topic, Value)>) {
        let order = &self.orders[&id];
        let bodies: Vec<_> = topics.iter().map(|topic| (*topic, webhooks::order_body(self, order))).chain(others).collect();
        self.outbox.announce(now, &self.config, id, bodies);
    }
}

impl Draft {
    /// Ships units from one location, and records the fulfilment.
    pub(super) fn ship(&mut self, location: LocationId, shares: &[(LineId, Share)]) -> FulfilmentId {
        let id = FulfilmentId(self.number(FIRST_FULFILMENT));
        let mut lines: BTreeMap<LineId, i64> = BTreeMap::new();
        for (line, share) in shares {
            self.withdraw(*line, *share, false);
            self.leave(*line, share.location, share.quantity);
            self.line_mut(*line).fulfilled += share.quantity;
            let asked = self.fulfilment_order(share.from);
            if asked.status.is_active() {
                asked.status = FulfilmentOrderStatus::InProgress;
            }
            *lines.entry(*line).or_default() += share.quantity;
        }
        self.order.fulfilments.push(Fulfilment {
            id,
            status: FulfilmentStatus::Success,
            location,
            created_at: self.now,
            updated_at: self.now,
            lines: lines.into_iter().collect(),
        });
        id
    }
}

/// Adds up units by line. Checks that each line exists, and that the sum is not above the units left.
fn added_up(draft: &Draft, lines: &[(LineId, i64)]) -> Result<BTreeMap<LineId, i64>, OrderRefused> {
    let mut asked: BTreeMap<LineId, i64> = BTreeMap::new();
    for (id, quantity) in lines {
        let line = draft.line(*id)?;
        let total = asked.entry(*id).or_default();
        *total = total.checked_add(*quantity).ok_or(OrderRefused::BadQuantity(*id))?;
        if *quantity < 1 || *total > line.unfulfilled() {
            return Err(OrderRefused::BadQuantity(*id));
        }
    }
    Ok(asked)
}
