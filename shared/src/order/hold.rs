//! Holds: an order's units are reserved until they ship, but not for ever.
//!
//! An unpaid order that no warehouse has taken over gives its units back after a time; what has left is not held any
//! more. A paid order is never sold again behind the customer's back: it raises an alert, and is given up only where the
//! merchant asked for that. A payment, or an allocation or a shipment by a warehouse, takes a hold that was given up back.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertSubject;
use crate::catalog::{LineId, OrderId, Place, Quantity, ShopDomain};
use crate::movement::EventId;
use crate::order::departure::Places;
use crate::order::{OrderRecord, ReportKind};

/// How long holds last. `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldPolicy {
    /// Give up the hold of an unpaid order this long after it was placed.
    pub unpaid: Option<Duration>,
    /// Look at a paid order that no warehouse allocated this long after it was placed.
    pub unallocated: Option<Duration>,
    /// Then give its hold up, instead of only raising an alert.
    pub release_unallocated: bool,
}

/// What became of a hold whose time was up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldEvent {
    /// Its name: the order, the reason and the time.
    pub id: EventId,
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// What was decided.
    pub due: HoldDue,
    /// When.
    pub at: Timestamp,
}

/// What a hold whose time is up calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldDue {
    /// Give it up: nobody paid.
    Unpaid,
    /// Give it up: no warehouse allocated it, and the merchant wants it so.
    Release,
    /// Tell the planner: it is paid, and no warehouse allocated it.
    Alert,
}

/// A hold that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExpiry {
    /// Whether the order was paid by then.
    pub paid: bool,
    /// When.
    pub at: Timestamp,
}

/// An alert about an order's hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldAlert {
    /// It is paid, and no warehouse has allocated it.
    Unallocated,
    /// It was paid after its hold was given up: its units are reserved again, and may be short.
    PaidLate,
}

impl HoldAlert {
    /// What it is about, and what to do, in words.
    #[must_use]
    pub fn about(self, record: &OrderRecord) -> (AlertSubject, String) {
        let (shop, order) = (record.shop.clone(), record.order);
        match self {
            Self::Unallocated => {
                let detail = format!("Order {order} of {shop} is paid and no warehouse has allocated it. See why it is stuck.");
                (AlertSubject::Unallocated { shop, order }, detail)
            }
            Self::PaidLate => {
                let detail = format!(
                    "Order {order} of {shop} was paid after its hold had expired. Its units are reserved again: check that there are enough."
                );
                (AlertSubject::PaidLate { shop, order }, detail)
            }
        }
    }
}

impl OrderRecord {
    /// Units of a line that warehouses have allocated and that have not left, by place. What `left` from elsewhere takes of
    /// any.
    pub(super) fn allocated(&self, line: LineId, left: &Places) -> impl Iterator<Item = (Place, Quantity)> + use<> {
        let mut allocated = Places::new();
        for report in self.reports.values().filter(|report| report.line == line) {
            let units = match report.kind {
                ReportKind::Allocated => report.quantity,
                ReportKind::Deallocated => -report.quantity,
                ReportKind::Shipped | ReportKind::Returned => continue,
            };
            *allocated.entry(Place::At(report.location.clone())).or_default() += units;
        }
        let mut elsewhere = Quantity::ZERO;
        for (place, units) in left {
            match allocated.get_mut(place) {
                Some(here) => *here -= *units,
                None => elsewhere += *units,
            }
        }
        allocated.into_iter().filter_map(move |(place, units)| {
            let taken = units.at_least_zero().min(elsewhere);
            elsewhere -= taken;
            Some((place, units - taken)).filter(|(_, units)| units.is_positive())
        })
    }

    /// Units of a line that warehouses have allocated and that have not left.
    fn allocated_units(&self, line: LineId) -> Quantity {
        self.allocated(line, &self.departed(line).left).map(|(_, units)| units).sum()
    }

    /// Whether a warehouse has any of it set aside, or has shipped what the shop still counts.
    fn is_taken_over(&self) -> bool {
        let lines: BTreeSet<LineId> = self.reports.values().map(|report| report.line).collect();
        lines.into_iter().any(|line| !self.departed(line).ahead.is_empty() || self.allocated_units(line).is_positive())
    }

    /// Whether its hold was given up and nothing has taken it back since: a payment, or a warehouse.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        let paid = self.facts.as_ref().is_some_and(|facts| facts.paid);
        self.expiry.is_some_and(|expiry| expiry.paid || !paid) && !self.is_taken_over()
    }

    /// Whether units are reserved for it that no warehouse has taken over.
    #[must_use]
    pub fn is_unallocated(&self) -> bool {
        self.lines.iter().any(|(id, line)| line.reserved.values().copied().sum::<Quantity>() > self.allocated_units(*id))
    }

    /// What its hold calls for by now.
    #[must_use]
    pub fn hold_due(&self, policy: HoldPolicy, now: Timestamp) -> Option<HoldDue> {
        let facts = self.facts.as_ref().filter(|_| self.is_unallocated())?;
        let passed =
            |time: Option<Duration>| time.is_some_and(|time| facts.placed_at.saturating_add(time).is_ok_and(|due| due <= now));
        match facts.paid {
            false if passed(policy.unpaid) && !self.is_taken_over() => Some(HoldDue::Unpaid),
            true if passed(policy.unallocated) && policy.release_unallocated && !self.is_taken_over() => Some(HoldDue::Release),
            true if passed(policy.unallocated) && !self.alerted.contains(&HoldAlert::Unallocated) => Some(HoldDue::Alert),
            true | false => None,
        }
    }

    /// Takes a decision about its hold, if it still holds: it was made from an older reading of the order.
    pub fn expire(&mut self, event: &HoldEvent) {
        let Some(facts) = self.facts.as_ref().filter(|_| self.is_unallocated()) else { return };
        match event.due {
            HoldDue::Unpaid if !facts.paid => self.expiry = Some(HoldExpiry { paid: false, at: event.at }),
            HoldDue::Release if facts.paid => self.expiry = Some(HoldExpiry { paid: true, at: event.at }),
            HoldDue::Alert if facts.paid => {
                self.alerted.insert(HoldAlert::Unallocated);
            }
            HoldDue::Unpaid | HoldDue::Release | HoldDue::Alert => {}
        }
    }

    /// The alerts that stand about it, after everything it calls for is done: what was `before`, what began, less what
    /// has passed.
    #[must_use]
    pub fn hold_alerts(&self, before: Option<&Self>) -> BTreeSet<HoldAlert> {
        let mut alerts = self.alerted.clone();
        let reserved = self.lines.values().any(|line| !line.reserved.is_empty());
        let paid = |record: &Self| record.facts.as_ref().is_some_and(|facts| facts.paid);
        if before.is_some_and(|before| before.is_given_up() && !paid(before)) && paid(self) && !self.is_given_up() {
            alerts.insert(HoldAlert::PaidLate);
        }
        alerts.retain(|alert| match alert {
            HoldAlert::Unallocated => self.is_unallocated(),
            HoldAlert::PaidLate => reserved,
        });
        alerts
    }
}
