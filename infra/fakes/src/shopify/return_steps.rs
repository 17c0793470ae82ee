//! The steps of a return: request, approval or refusal, cancellation, disposition, exchange and closing.
//!
//! A step identifies the return by its number alone. Every step sets the time of the order's last change, but only an exchange
//! announces the order.

use super::draft::Draft;
use super::id_webhooks;
use super::ids::{
    DispositionId, FIRST_DISPOSITION, FIRST_RETURN, FIRST_REVERSE, FIRST_REVERSE_LINE, LineId, LocationId, OrderId, ReturnId,
    ReverseId, ReverseLineId,
};
use super::lifecycle::OrderRefused;
use super::order::Shares;
use super::outbox::Topic;
use super::returns::{Disposal, Disposition, Return, ReturnLine, ReturnStatus};
use super::shop::Shop;
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Draft {
    /// Restocks the units that a return puts back on sale now and had not put back before.
    pub(super) fn put_back_since(&mut self, ret: ReturnId, line: LineId, before: &Shares) -> Result<(), OrderRefused> {
        for (location, units) in self.order.put_back(ret, line)? {
            let more = units - before.get(&location).unwrap_or(&0);
            if more > 0 {
                self.restock(line, location, more);
            }
        }
        Ok(())
    }

    fn return_mut(&mut self, id: ReturnId) -> Result<&mut Return, OrderRefused> {
        self.order.returns.iter_mut().find(|ret| ret.id == id).ok_or(OrderRefused::UnknownReturn)
    }
}

impl Shop {
    /// Requests a return of units that left.
    ///
    /// # Errors
    /// The order or a line does not exist, the order is cancelled, or the call names more units than left and were neither
    /// refunded nor put into a return.
    pub fn request_return(&mut self, now: Timestamp, id: OrderId, lines: &[(LineId, i64)]) -> Result<ReturnId, OrderRefused> {
        let mut draft = self.begin(now, id)?;
        if lines.is_empty() {
            return Err(OrderRefused::Empty);
        }
        let mut asked: BTreeMap<LineId, i64> = BTreeMap::new();
        for (line, quantity) in lines {
            let most = draft.order.returnable(draft.line(*line)?);
            let total = asked.entry(*line).or_default();
            *total = total.checked_add(*quantity).ok_or(OrderRefused::BadQuantity(*line))?;
            if *quantity < 1 || *total > most {
                return Err(OrderRefused::BadQuantity(*line));
            }
        }
        let (ret, reverse) = (ReturnId(draft.number(FIRST_RETURN)), ReverseId(draft.number(FIRST_REVERSE)));
        let lines = asked
            .into_iter()
            .map(|(line, quantity)| ReturnLine { id: ReverseLineId(draft.number(FIRST_REVERSE_LINE)), line, quantity })
            .collect();
        draft.order.returns.push(Return {
            id: ret,
            status: ReturnStatus::Requested,
            created_at: draft.now,
            lines,
            reverse,
            dispositions: Vec::new(),
            exchanged: Vec::new(),
        });
        self.commit(draft);
        self.announce_return(now, id, ret, Topic::ReturnsRequest);
        Ok(ret)
    }

    /// Approves a return that was requested.
    ///
    /// # Errors
    /// The return does not exist, or its status is not `Requested`.
    pub fn approve_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        self.turn(now, id, &[ReturnStatus::Requested], ReturnStatus::Open, Topic::ReturnsApprove)
    }

    /// Declines a return that was requested.
    ///
    /// # Errors
    /// The return does not exist, or its status is not `Requested`.
    pub fn decline_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        self.turn(now, id, &[ReturnStatus::Requested], ReturnStatus::Declined, Topic::ReturnsDecline)
    }

    /// Cancels a return that has no disposition, refund or exchange.
    ///
    /// # Errors
    /// The return does not exist, has ended, or has a disposition, a refund or an exchange.
    pub fn cancel_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        let order = &self.orders[&self.order_of_return(id)?];
        let ret = order.return_of(id).ok_or(OrderRefused::UnknownReturn)?;
        let refunded = order.refunds.iter().any(|refund| refund.return_id == Some(id));
        if refunded || !ret.dispositions.is_empty() || !ret.exchanged.is_empty() {
            return Err(OrderRefused::Disposed);
        }
        let before = [ReturnStatus::Requested, ReturnStatus::Open];
        self.turn(now, id, &before, ReturnStatus::Cancelled, Topic::ReturnsCancel)
    }

    /// Closes a return that is open.
    ///
    /// # Errors
    /// The return does not exist or is not open.
    pub fn close_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        self.turn(now, id, &[ReturnStatus::Open], ReturnStatus::Closed, Topic::ReturnsClose)
    }

    /// Records what happened to units of a return that is open.
    ///
    /// # Errors
    /// The return, the line or the location does not exist, the return is not open, the call disposes of more units than are in
    /// the return, or a refund of the return disagrees about the location.
    pub fn dispose(
        &mut self,
        now: Timestamp,
        id: ReturnId,
        line: LineId,
        quantity: i64,
        location: LocationId,
        kind: Disposal,
    ) -> Result<DispositionId, OrderRefused> {
        let order = self.order_of_return(id)?;
        let mut draft = self.begin(now, order)?;
        standing(draft.return_mut(id)?, &[ReturnStatus::Open])?;
        if !self.locations.contains_key(&location) {
            return Err(OrderRefused::BadLocation(location));
        }
        let before = draft.order.put_back(id, line)?;
        let disposition = DispositionId(draft.number(FIRST_DISPOSITION));
        let created_at = draft.now;
        let ret = draft.return_mut(id)?;
        if ret.quantity(line) == 0 {
            return Err(OrderRefused::UnknownLine(line));
        }
        if quantity < 1 || quantity > ret.quantity(line) - ret.disposed(line) {
            return Err(OrderRefused::BadQuantity(line));
        }
        ret.dispositions.push(Disposition { id: disposition, line, quantity, location, kind, created_at });
        let body = id_webhooks::disposed(ret, disposition);
        draft.put_back_since(id, line, &before)?;
        self.commit(draft);
        self.announce(now, order, &[], vec![(Topic::ReverseFulfillmentOrdersDispose, body)]);
        Ok(disposition)
    }

    /// Adds the lines that are sent in exchange for an open return to the order. Returns these lines.
    ///
    /// # Errors
    /// The return does not exist or is not open, or the SKU cannot be sold.
    pub fn exchange(&mut self, now: Timestamp, id: ReturnId, sku: &str, units: i64) -> Result<Vec<LineId>, OrderRefused> {
        let order = self.order_of_return(id)?;
        let mut draft = self.begin(now, order)?;
        standing(draft.return_mut(id)?, &[ReturnStatus::Open])?;
        let added = self.added(&mut draft, &[(sku.to_owned(), units)])?;
        draft.return_mut(id)?.exchanged.extend(&added);
        self.commit(draft);
        self.announce(now, order, &[Topic::OrdersUpdated], Vec::new());
        Ok(added)
    }

    fn turn(
        &mut self,
        now: Timestamp,
        id: ReturnId,
        before: &[ReturnStatus],
        after: ReturnStatus,
        topic: Topic,
    ) -> Result<(), OrderRefused> {
        let order = self.order_of_return(id)?;
        let mut draft = self.begin(now, order)?;
        let ret = draft.return_mut(id)?;
        standing(ret, before)?;
        ret.status = after;
        self.commit(draft);
        self.announce_return(now, order, id, topic);
        Ok(())
    }

    fn announce_return(&mut self, now: Timestamp, order: OrderId, id: ReturnId, topic: Topic) {
        let ret = self.orders[&order].return_of(id).expect("the step found the return");
        let body = id_webhooks::return_body(order, ret);
        self.announce(now, order, &[], vec![(topic, body)]);
    }

    fn order_of_return(&self, id: ReturnId) -> Result<OrderId, OrderRefused> {
        self.owners.get(&id.0).copied().ok_or(OrderRefused::UnknownReturn)
    }
}

fn standing(ret: &Return, allowed: &[ReturnStatus]) -> Result<(), OrderRefused> {
    if allowed.contains(&ret.status) { Ok(()) } else { Err(OrderRefused::ReturnIs(ret.status)) }
}
