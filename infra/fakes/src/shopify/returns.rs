//! Returns: units that left and that the customer sends back, their dispositions, and the lines that are sent in exchange. The
//! steps of a return are in `return_steps`.
//!
//! A unit that left is in one return at most. Two kinds of record name the units that a return put back on sale: dispositions,
//! and the refunds that are part of the return. They come in either order, and the units move inventory once: the record that
//! names more units is ahead of the other, and counts. If the two would disagree about the location, the shop refuses the step,
//! because it could not decide afterwards which units they meant.

use super::ids::{DispositionId, LineId, LocationId, ReturnId, ReverseId, ReverseLineId};
use super::lifecycle::OrderRefused;
use super::order::{Order, Shares};
use super::refund::Restock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The status of a return.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// The customer has requested the return.
    Requested,
    /// The return is approved, and the units are on their way.
    Open,
    /// The return is finished.
    Closed,
    /// The return was declined.
    Declined,
    /// The return was cancelled.
    Cancelled,
}

impl ReturnStatus {
    /// Returns the name that webhooks use. GraphQL uses upper case. Shopify spells "canceled" with one l here.
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

    /// Returns whether the units of the return belong to it. A declined or cancelled return has released its units.
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
    /// Its status.
    pub status: ReturnStatus,
    /// The time at which it was requested.
    pub created_at: Timestamp,
    /// The units that it returns, each line once.
    pub lines: Vec<ReturnLine>,
    /// Its reverse fulfilment order, which asks the warehouse to process the return.
    pub reverse: ReverseId,
    /// The dispositions of its units.
    pub dispositions: Vec<Disposition>,
    /// The lines that are sent in exchange.
    pub exchanged: Vec<LineId>,
}

/// Units of a line that are in a return.
#[derive(Clone, Debug, Serialize)]
pub struct ReturnLine {
    /// The line of the reverse fulfilment order.
    pub id: ReverseLineId,
    /// The line of the order.
    pub line: LineId,
    /// The number of units.
    pub quantity: i64,
}

/// What happened to units that came back.
#[derive(Clone, Debug, Serialize)]
pub struct Disposition {
    /// Its identifier.
    pub id: DispositionId,
    /// The line of the order.
    pub line: LineId,
    /// The number of units.
    pub quantity: i64,
    /// The location where the units came in.
    pub location: LocationId,
    /// What happened to the units.
    pub kind: Disposal,
    /// The time at which it was created.
    pub created_at: Timestamp,
}

/// What happens to units that come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// The units are available again.
    Restocked,
    /// The units may not be sold.
    NotRestocked,
}

impl Disposal {
    /// Returns the name that webhooks use. GraphQL uses upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Disposal::Restocked => "restocked",
            Disposal::NotRestocked => "not_restocked",
        }
    }
}

impl Return {
    /// Returns the units of a line that are in the return.
    #[must_use]
    pub fn quantity(&self, line: LineId) -> i64 {
        self.lines.iter().filter(|asked| asked.line == line).map(|asked| asked.quantity).sum()
    }

    /// Returns the units of a line that were disposed of.
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
    /// Returns the units of a line that the refunds of a return restocked.
    fn refunded_back(&self, ret: ReturnId, line: LineId) -> Shares {
        let refunds = self.refunds.iter().filter(|refund| refund.return_id == Some(ret)).flat_map(|refund| &refund.lines);
        let back = refunds.filter(|refunded| refunded.line == line && refunded.restock == Restock::Return);
        added_up(back.filter_map(|refunded| Some((refunded.location?, refunded.quantity))))
    }

    /// Returns the units of a line that a return put back on sale: those of its dispositions or of its refunds, whichever are
    /// ahead.
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

    /// Returns the locations of units that a refund of a return restocks: where dispositions are ahead of refunds, otherwise
    /// where the units left from.
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

/// Returns whether `one` has at least as many units as `other` at every location.
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
