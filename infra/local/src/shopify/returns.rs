//! Returns: units that left and are asked back, what becomes of them, and what is sent in exchange.
//!
//! A unit that left is in one return at most. What a return put on sale again is said twice, by dispositions and by the
//! refunds that are part of it, in either order, and it moves inventory once: where one says more than the other it is
//! ahead, and two that disagree about the location are refused, because nobody could tell afterwards which units they meant.

use super::draft::Draft;
use super::ids::{
    DispositionId, FIRST_DISPOSITION, FIRST_RETURN, FIRST_REVERSE, FIRST_REVERSE_LINE, LineId, LocationId, OrderId, ReturnId,
    ReverseId, ReverseLineId,
};
use super::lifecycle::OrderRefused;
use super::notice;
use super::order::{Order, Shares};
use super::outbox::Topic;
use super::refund::Restock;
use super::shop::Shop;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a return stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// Asked for by the customer.
    Requested,
    /// Approved, and on its way.
    Open,
    /// Done with.
    Closed,
    /// Turned down.
    Declined,
    /// Called off.
    Cancelled,
}

impl ReturnStatus {
    /// As in a webhook; upper case in GraphQL. Shopify spells this one with one l.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReturnStatus::Requested => "requested",
            ReturnStatus::Open => "open",
            ReturnStatus::Closed => "closed",
            ReturnStatus::Declined => "declined",
            ReturnStatus::Cancelled => "canceled",
        }
    }

    /// Whether its units belong to it.
    #[must_use]
    pub fn is_live(self) -> bool {
        match self {
            ReturnStatus::Requested | ReturnStatus::Open | ReturnStatus::Closed => true,
            ReturnStatus::Declined | ReturnStatus::Cancelled => false,
        }
    }
}

/// A return of units that left.
#[derive(Clone, Debug, Serialize)]
pub struct Return {
    /// Its identifier.
    pub id: ReturnId,
    /// Where it stands.
    pub status: ReturnStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// What is asked back, each line once.
    pub lines: Vec<ReturnLine>,
    /// Its reverse fulfilment order: what the warehouse is asked to do with it.
    pub reverse: ReverseId,
    /// What became of its units.
    pub dispositions: Vec<Disposition>,
    /// The lines that are sent in exchange.
    pub exchanged: Vec<LineId>,
}

/// Units of a line that are asked back.
#[derive(Clone, Debug, Serialize)]
pub struct ReturnLine {
    /// The line of the reverse fulfilment order.
    pub id: ReverseLineId,
    /// The line of the order.
    pub line: LineId,
    /// How many.
    pub quantity: i64,
}

/// What became of units that came back.
#[derive(Clone, Debug, Serialize)]
pub struct Disposition {
    /// Its identifier.
    pub id: DispositionId,
    /// The line of the order.
    pub line: LineId,
    /// How many.
    pub quantity: i64,
    /// Where they came in.
    pub location: LocationId,
    /// What became of them.
    pub kind: Disposal,
}

/// What becomes of units that come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// On sale again.
    Restocked,
    /// Not to be sold.
    NotRestocked,
}

impl Disposal {
    /// As in a webhook; upper case in GraphQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Disposal::Restocked => "restocked",
            Disposal::NotRestocked => "not_restocked",
        }
    }
}

impl Return {
    /// Units of a line that are asked back.
    #[must_use]
    pub fn quantity(&self, line: LineId) -> i64 {
        self.lines.iter().filter(|asked| asked.line == line).map(|asked| asked.quantity).sum()
    }

    /// Units of a line that were disposed of.
    #[must_use]
    pub fn disposed(&self, line: LineId) -> i64 {
        self.dispositions.iter().filter(|done| done.line == line).map(|done| done.quantity).sum()
    }

    fn disposed_as(&self, line: LineId, kind: Disposal) -> Shares {
        let done = self.dispositions.iter().filter(|done| done.line == line && done.kind == kind);
        added_up(done.map(|done| (done.location, done.quantity)))
    }
}

impl Order {
    /// Units of a line that the refunds of a return restocked.
    fn refunded_back(&self, ret: ReturnId, line: LineId) -> Shares {
        let refunds = self.refunds.iter().filter(|refund| refund.return_id == Some(ret)).flat_map(|refund| &refund.lines);
        let back = refunds.filter(|refunded| refunded.line == line && refunded.restock == Restock::Return);
        added_up(back.filter_map(|refunded| Some((refunded.location?, refunded.quantity))))
    }

    /// Units of a line that a return put on sale again: what dispositions or refunds say, whichever are ahead.
    pub(super) fn put_back(&self, ret: ReturnId, line: LineId) -> Result<Shares, OrderRefused> {
        let found = self.return_of(ret).ok_or(OrderRefused::UnknownReturn)?;
        let (disposed, refunded) = (found.disposed_as(line, Disposal::Restocked), self.refunded_back(ret, line));
        let kept_out: i64 = found.disposed_as(line, Disposal::NotRestocked).values().sum();
        let back = if ahead(&disposed, &refunded) {
            disposed
        } else if ahead(&refunded, &disposed) {
            refunded
        } else {
            return Err(OrderRefused::OtherLocation(line));
        };
        if back.values().sum::<i64>() + kept_out > found.quantity(line) {
            return Err(OrderRefused::BadQuantity(line));
        }
        Ok(back)
    }

    /// Where a refund finds units of a return: where dispositions are ahead of refunds, else where they had left from.
    pub(super) fn awaited(&self, ret: ReturnId, line: LineId, mut quantity: i64) -> Shares {
        let refunded = self.refunded_back(ret, line);
        let disposed = self.return_of(ret).map(|ret| ret.disposed_as(line, Disposal::Restocked)).unwrap_or_default();
        let mut shares = Shares::new();
        for (location, units) in disposed {
            let share = quantity.min(units - refunded.get(&location).unwrap_or(&0));
            if share > 0 {
                shares.insert(location, share);
                quantity -= share;
            }
        }
        let passed = self.refunded_alone(line) + self.refunded_of(ret, line);
        for (location, share) in self.shipped_from(line, passed, quantity) {
            *shares.entry(location).or_default() += share;
        }
        shares
    }
}

impl Draft {
    /// Restocks what a return puts on sale now beyond what it had before.
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
    /// Asks units back that left.
    ///
    /// # Errors
    /// No such order or line, it is cancelled, or more is asked for than left and was neither refunded nor asked back.
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

    /// Approves a return that was asked for.
    ///
    /// # Errors
    /// It is not known, or not just asked for.
    pub fn approve_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        self.turn(now, id, &[ReturnStatus::Requested], ReturnStatus::Open, Topic::ReturnsApprove)
    }

    /// Turns a return down that was asked for.
    ///
    /// # Errors
    /// It is not known, or not just asked for.
    pub fn decline_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        self.turn(now, id, &[ReturnStatus::Requested], ReturnStatus::Declined, Topic::ReturnsDecline)
    }

    /// Calls a return off of which nothing was disposed of, refunded or exchanged.
    ///
    /// # Errors
    /// It is not known, is over, or something of it is done.
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
    /// It is not known or not open.
    pub fn close_return(&mut self, now: Timestamp, id: ReturnId) -> Result<(), OrderRefused> {
        self.turn(now, id, &[ReturnStatus::Open], ReturnStatus::Closed, Topic::ReturnsClose)
    }

    /// Says what became of units of a return that is open.
    ///
    /// # Errors
    /// No such return, line or location, it is not open, or more is disposed of than is asked back.
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
        let ret = draft.return_mut(id)?;
        if ret.quantity(line) == 0 {
            return Err(OrderRefused::UnknownLine(line));
        }
        if quantity < 1 || quantity > ret.quantity(line) - ret.disposed(line) {
            return Err(OrderRefused::BadQuantity(line));
        }
        ret.dispositions.push(Disposition { id: disposition, line, quantity, location, kind });
        let body = notice::disposed(ret, disposition);
        draft.put_back_since(id, line, &before)?;
        self.commit(draft);
        self.announce(now, order, &[], vec![(Topic::ReverseFulfillmentOrdersDispose, body)]);
        Ok(disposition)
    }

    /// Adds to the order what is sent in exchange for a return that is open; gives its lines.
    ///
    /// # Errors
    /// It is not known or not open, or the SKU cannot be sold.
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
        let body = notice::return_body(order, ret);
        self.announce(now, order, &[], vec![(topic, body)]);
    }

    fn order_of_return(&self, id: ReturnId) -> Result<OrderId, OrderRefused> {
        self.owners.get(&id.0).copied().ok_or(OrderRefused::UnknownReturn)
    }
}

fn standing(ret: &Return, allowed: &[ReturnStatus]) -> Result<(), OrderRefused> {
    if allowed.contains(&ret.status) { Ok(()) } else { Err(OrderRefused::ReturnIs(ret.status)) }
}

/// Whether one says at least as much as the other, location by location.
fn ahead(one: &Shares, other: &Shares) -> bool {
    other.iter().all(|(location, units)| one.get(location).is_some_and(|said| said >= units))
}

fn added_up(units: impl Iterator<Item = (LocationId, i64)>) -> Shares {
    let mut shares = Shares::new();
    for (location, units) in units {
        *shares.entry(location).or_default() += units;
    }
    shares
}
