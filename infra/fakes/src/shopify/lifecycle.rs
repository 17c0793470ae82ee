//! How an order lives on: payment, fulfilment and its cancellation, cancellation of the order.
//!
//! Fulfilling takes committed, and with it on hand, away; cancelling moves committed back to available, or takes it away
//! where nothing is restocked. Every step is refused whole or done whole, and announced as webhooks.

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

/// Why a change to an order was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderRefused {
    /// No such order.
    UnknownOrder,
    /// No such line in it.
    UnknownLine(LineId),
    /// No such fulfilment.
    UnknownFulfilment,
    /// No such fulfilment order.
    UnknownFulfilmentOrder,
    /// No such return.
    UnknownReturn,
    /// No such location, or not one that this can go to.
    BadLocation(LocationId),
    /// It is cancelled.
    Cancelled,
    /// Something of it has left: what is fulfilled cannot be cancelled.
    Fulfilled,
    /// Nothing is left to fulfil.
    NothingLeft,
    /// Nothing was asked for.
    Empty,
    /// Units below one, or more than are left.
    BadQuantity(LineId),
    /// It was paid already.
    Paid,
    /// On hold, or too many of its units are.
    OnHold,
    /// It is not on hold.
    NotOnHold,
    /// The fulfilment order has nothing left, or was cancelled.
    Inactive,
    /// The location does not stock what the line is of, or not enough.
    NotStocked(LineId),
    /// The fulfilment is cancelled.
    FulfilmentCancelled,
    /// Units of the line were refunded or asked back.
    Returned(LineId),
    /// The return is at a point where this cannot be done.
    ReturnIs(ReturnStatus),
    /// Something of the return was disposed of or refunded.
    Disposed,
    /// Dispositions and refunds of a return would disagree about where units of the line are.
    OtherLocation(LineId),
    /// What was to be added cannot be sold.
    Checkout(CheckoutRefused),
}

impl Shop {
    /// The customer pays.
    ///
    /// # Errors
    /// No such order, it is cancelled, or paid.
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

    /// Ships lines, or all that is left: one fulfilment for every location that is asked. What is on hold stays.
    ///
    /// # Errors
    /// No such order or line, it is cancelled, or more is asked for than is left.
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

    /// Calls a shipment back: its units are open again where it left from, and on hand there.
    ///
    /// # Errors
    /// It is not known, was called back before, or units of it were returned.
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

    /// Cancels an order of which nothing has left, and restocks it.
    ///
    /// # Errors
    /// As `cancel_with`.
    pub fn cancel(&mut self, now: Timestamp, id: OrderId) -> Result<(), OrderRefused> {
        self.cancel_with(now, id, true)
    }

    /// Cancels an order of which nothing has left; without restocking its units are gone.
    ///
    /// # Errors
    /// No such order, it is cancelled already, or something of it has left.
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

    /// Where units are asked for that are committed nowhere: the first location that fulfils online, else the first.
    pub(super) fn fallback_location(&self) -> LocationId {
        let first = self.locations.values().min_by_key(|location| (!location.fulfils_online, location.priority));
        first.expect("a shop that sells has a location").id
    }

    /// The bodies of fulfilments.
    pub(super) fn fulfilments(&self, topic: Topic, id: OrderId, made: &[FulfilmentId]) -> Vec<(Topic, Value)> {
        let order = &self.orders[&id];
        let made = order.fulfilments.iter().filter(|fulfilment| made.contains(&fulfilment.id));
        made.map(|fulfilment| (topic, webhooks::fulfilment_body(self, order, fulfilment))).collect()
    }

    /// Announces one event: the order under its topics, and the bodies of what else happened.
    pub(super) fn announce(&mut self, now: Timestamp, id: OrderId, topics: &[Topic], others: Vec<(Topic, Value)>) {
        let order = &self.orders[&id];
        let bodies: Vec<_> = topics.iter().map(|topic| (*topic, webhooks::order_body(self, order))).chain(others).collect();
        self.outbox.announce(now, &self.config, id, bodies);
    }
}

impl Draft {
    /// Takes units away at one location, and records the shipment.
    pub(super) fn ship(&mut self, location: LocationId, shares: &[(LineId, Share)]) -> FulfilmentId {
        let id = FulfilmentId(self.number(FIRST_FULFILMENT));
        let mut lines: BTreeMap<LineId, i64> = BTreeMap::new();
        for (line, share) in shares {
            self.withdraw(*line, *share, false);
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

/// Units by line, each line found and no more asked of it than is left.
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
