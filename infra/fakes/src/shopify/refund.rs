//! Refunds, and what they record about units: cancelled before they left, returned, or neither.
//!
//! A unit is refunded once. A unit that left is refunded alone or as part of the return that it is in, never both. Each line of
//! a refund is at one location, so one requested line may be recorded as several lines.

use super::draft::Draft;
use super::ids::{FIRST_REFUND, FIRST_REFUND_LINE, LineId, LocationId, OrderId, RefundId, RefundLineId, ReturnId};
use super::lifecycle::OrderRefused;
use super::order::Financial;
use super::outbox::Topic;
use super::returns::ReturnStatus;
use super::shop::Shop;
use super::webhooks;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request for a refund.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefundInput {
    /// The lines to refund.
    pub lines: Vec<RefundLine>,
    /// The return that the refund is part of.
    pub return_id: Option<ReturnId>,
}

/// Units of a line to refund.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundLine {
    /// The line of the order.
    pub line: LineId,
    /// The number of units.
    pub quantity: i64,
    /// What happens to the units.
    pub restock: Restock,
    /// The location where the units are restocked. If it is `None`, they are restocked where they were committed or left from.
    pub location: Option<LocationId>,
}

/// What happens to refunded units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restock {
    /// The units never left, and are available again.
    Cancel,
    /// The units left, and are available again.
    Return,
    /// The units are not restocked: they stay with the customer, or are gone.
    NoRestock,
}

impl Restock {
    /// Returns the name that REST bodies use. GraphQL uses upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Restock::Cancel => "cancel",
            Restock::Return => "return",
            Restock::NoRestock => "no_restock",
        }
    }
}

/// A refund.
#[derive(Clone, Debug, Serialize)]
pub struct Refund {
    /// Its identifier.
    pub id: RefundId,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The return that it is part of.
    pub return_id: Option<ReturnId>,
    /// Its lines.
    pub lines: Vec<RefundedLine>,
}

/// Units of a line that were refunded.
#[derive(Clone, Debug, Serialize)]
pub struct RefundedLine {
    /// Its identifier.
    pub id: RefundLineId,
    /// The line of the order.
    pub line: LineId,
    /// The number of units.
    pub quantity: i64,
    /// What happened to the units.
    pub restock: Restock,
    /// The location where the units were restocked; `None` if they were not restocked.
    pub location: Option<LocationId>,
    /// The number of these units that had left.
    pub shipped: i64,
}

impl Shop {
    /// Refunds units of an order.
    ///
    /// # Errors
    /// The order, a line, the return or a location does not exist, the order is cancelled, the input has no lines, the return
    /// has the wrong status, or the input names more units than can be refunded in this way.
    pub fn refund(&mut self, now: Timestamp, id: OrderId, input: &RefundInput) -> Result<RefundId, OrderRefused> {
        let mut draft = self.begin(now, id)?;
        if input.lines.is_empty() {
            return Err(OrderRefused::Empty);
        }
        let location = input.lines.iter().filter_map(|line| line.location).find(|at| !self.locations.contains_key(at));
        if let Some(location) = location {
            return Err(OrderRefused::BadLocation(location));
        }
        if let Some(ret) = input.return_id {
            let ret = draft.order.return_of(ret).ok_or(OrderRefused::UnknownReturn)?;
            if !matches!(ret.status, ReturnStatus::Open | ReturnStatus::Closed) {
                return Err(OrderRefused::ReturnIs(ret.status));
            }
        }
        let refund = draft.new_refund(input.return_id);
        let mut lines: Vec<&RefundLine> = input.lines.iter().collect();
        // Lines that are not restocked use the units that the other lines leave, so they come last.
        lines.sort_by_key(|line| line.restock);
        for line in lines {
            draft.refund_line(input.return_id, line)?;
        }
        draft.settle_money();
        self.commit(draft);
        let body = self.refunded(id, refund);
        self.announce(now, id, &[Topic::OrdersUpdated], vec![body]);
        Ok(refund)
    }

    /// Removes units of a line that have not left, refunds them, and does not restock them, as a person does in the admin. The
    /// admin takes unshipped units even if others of the line have shipped, while a refund by the API takes shipped units first.
    ///
    /// # Errors
    /// The order or the line does not exist, the order is cancelled, or fewer units are left than the call removes.
    pub fn remove_in_admin(
        &mut self,
        now: Timestamp,
        id: OrderId,
        line: LineId,
        quantity: i64,
    ) -> Result<RefundId, OrderRefused> {
        let mut draft = self.begin(now, id)?;
        let refund = draft.new_refund(None);
        draft.remove(line, quantity, None, false)?;
        draft.record(line, quantity, Restock::NoRestock, None, 0);
        draft.settle_money();
        self.commit(draft);
        let body = self.refunded(id, refund);
        self.announce(now, id, &[Topic::OrdersUpdated], vec![body]);
        Ok(refund)
    }

    /// Returns the topic and the body of the webhook about a refund.
    pub(super) fn refunded(&self, id: OrderId, refund: RefundId) -> (Topic, Value) {
        let order = &self.orders[&id];
        let refund = order.refunds.iter().find(|made| made.id == refund).expect("the refund was just made");
        (Topic::RefundsCreate, webhooks::refund_body(&self.config, order, refund))
    }
}

impl Draft {
    fn new_refund(&mut self, return_id: Option<ReturnId>) -> RefundId {
        let id = RefundId(self.number(FIRST_REFUND));
        self.order.refunds.push(Refund { id, created_at: self.now, return_id, lines: Vec::new() });
        id
    }

    /// Records units in the newest refund.
    fn record(&mut self, line: LineId, quantity: i64, restock: Restock, location: Option<LocationId>, shipped: i64) {
        let id = RefundLineId(self.number(FIRST_REFUND_LINE));
        let refund = self.order.refunds.last_mut().expect("lines follow their refund");
        refund.lines.push(RefundedLine { id, line, quantity, restock, location, shipped });
    }

    fn refund_line(&mut self, ret: Option<ReturnId>, asked: &RefundLine) -> Result<(), OrderRefused> {
        let RefundLine { line: id, quantity, restock, location } = *asked;
        let line = self.line(id)?;
        let shipped = match ret.and_then(|ret| self.order.return_of(ret)) {
            Some(ret) => ret.quantity(id) - self.order.refunded_of(ret.id, id),
            None => self.order.returnable(line),
        };
        let most = match restock {
            Restock::Cancel => line.unfulfilled(),
            Restock::Return => shipped,
            Restock::NoRestock if ret.is_some() => shipped,
            Restock::NoRestock => shipped + line.unfulfilled(),
        };
        if quantity < 1 || quantity > most {
            return Err(OrderRefused::BadQuantity(id));
        }
        match (restock, ret) {
            (Restock::Cancel, _) => {
                for share in self.remove(id, quantity, location, true)? {
                    self.record(id, share.quantity, restock, Some(share.location), 0);
                }
            }
            (Restock::Return, None) => {
                let passed = line.fulfilled - shipped;
                let shares = match location {
                    Some(location) => [(location, quantity)].into(),
                    None => self.order.shipped_from(id, passed, quantity),
                };
                for (location, share) in shares {
                    self.restock(id, location, share);
                    self.record(id, share, restock, Some(location), share);
                }
            }
            (Restock::Return, Some(ret)) => {
                let before = self.order.put_back(ret, id)?;
                let shares = match location {
                    Some(location) => [(location, quantity)].into(),
                    None => self.order.awaited(ret, id, quantity),
                };
                for (location, share) in shares {
                    self.record(id, share, restock, Some(location), share);
                }
                self.put_back_since(ret, id, &before)?;
            }
            (Restock::NoRestock, _) => {
                let kept = quantity.min(shipped);
                if quantity > kept {
                    self.remove(id, quantity - kept, None, false)?;
                }
                self.record(id, quantity, restock, None, kept);
            }
        }
        Ok(())
    }

    /// Refunds all units that have not left, as the cancellation of an order does. Returns `None` if there are no such units.
    pub(super) fn refund_all(&mut self, restock: Restock) -> Option<RefundId> {
        let lines = self.order.lines.iter().filter(|line| line.unfulfilled() > 0);
        let lines: Vec<RefundLine> =
            lines.map(|line| RefundLine { line: line.id, quantity: line.unfulfilled(), restock, location: None }).collect();
        let refund = (!lines.is_empty()).then(|| self.new_refund(None))?;
        for line in lines {
            self.refund_line(None, &line).expect("what has not left can be cancelled");
        }
        Some(refund)
    }

    /// Sets the financial status of a paid order after a refund.
    fn settle_money(&mut self) {
        let order = &self.order;
        let refunded = |line: LineId| -> i64 {
            let lines = order.refunds.iter().flat_map(|refund| &refund.lines).filter(|refunded| refunded.line == line);
            lines.map(|refunded| refunded.shipped).sum()
        };
        let kept: i64 = order.lines.iter().map(|line| line.current_quantity - refunded(line.id)).sum();
        self.order.financial = match self.order.financial {
            Financial::Paid | Financial::PartiallyRefunded | Financial::Refunded if kept == 0 => Financial::Refunded,
            Financial::Paid | Financial::PartiallyRefunded | Financial::Refunded => Financial::PartiallyRefunded,
            Financial::Pending => Financial::Pending,
            Financial::Voided => Financial::Voided,
        };
    }
}
