//! Returns: units that left and are asked back, what becomes of them, and what is sent in exchange. The steps of one are
//! in `return_steps`.
//!
//! A unit that left is in one return at most. What a return put on sale again is said twice, by dispositions and by the refunds
//! that are part of it, in either order, and it moves inventory once: where one says more than the other it is ahead, and two
//! that disagree about the location are refused, because the shop could not decide afterwards which units they meant.

use super::ids::{DispositionId, LineId, LocationId, ReturnId, ReverseId, ReverseLineId};
use super::lifecycle::OrderRefused;
use super::order::{Order, Shares};
use super::refund::Restock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
