//! Holds: an order reserves units until they ship, but only for a limited time.
//!
//! The hold of an unpaid order is released after a time, unless a warehouse has allocated or shipped units of it. An order that
//! is paid later by agreement (payment terms, cash on delivery) keeps its hold. The hold of a
//! paid order is not released silently: the order raises an alert, and its hold is released only if the merchant configured
//! that. A payment, payment terms, or an allocation or a shipment by a warehouse, restores a released hold.
//!
//! A draft order that reserves is a hold of its own. It ends when its time has passed, which a deletion brings forward, and when the
//! draft has become an order, which reserves by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertSubject;
use crate::catalog::{LineId, OrderId, Place, Quantity, ShopDomain};
use crate::movement::EventId;
use crate::order::shipped::Places;
use crate::order::{OrderFacts, OrderRecord, ReportKind};

/// How long holds last. `None` means without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldPolicy {
    /// Release the hold of an unpaid order this long after it was placed.
    pub unpaid: Option<Duration>,
    /// Raise an alert about a paid order that no warehouse has allocated this long after it was placed.
    pub unallocated: Option<Duration>,
    /// Release the hold of such a paid order, instead of only raising the alert.
    pub release_unallocated: bool,
}

/// The decision about a hold that has expired, as an event for the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldEvent {
    /// Its id: made of the order, the reason and the time.
    pub id: EventId,
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The decision.
    pub due: HoldAction,
    /// When it was made.
    pub at: Timestamp,
}

/// The action that an expired hold requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldAction {
    /// Release it: the order is unpaid.
    Unpaid,
    /// Release it: the order is paid but no warehouse has allocated it, and the merchant configured the release.
    Release,
    /// Raise an alert: the order is paid but no warehouse has allocated it.
    Alert,
    /// Release it: the time for which the draft order reserves has passed.
    DraftExpired,
    /// End its time: the shop does not have the draft order any more. It may have become an order before, so the hold is released
    /// like one whose time has passed.
    DraftDeleted,
}

/// The release of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExpiry {
    /// Whether the order was paid at that time.
    pub paid: bool,
    /// When it was released.
    pub at: Timestamp,
}

/// An alert about an order's hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldAlert {
    /// The order is paid, and no warehouse has allocated it.
    Unallocated,
    /// The order was paid after its hold had been released: its units are reserved again, and may be short.
    PaidLate,
}

impl HoldAlert {
    /// The subject of the alert, and a text that names the problem and what to do.
    #[must_use]
    pub fn about(self, record: &OrderRecord) -> (AlertSubject, String) {
        let (shop, order) = (record.shop.clone(), record.order);
        match self {
            Self::Unallocated => {
                let detail = format!("Order {order} of {shop} is paid and no warehouse has allocated it. Find out why.");
                (AlertSubject::Unallocated { shop, order }, detail)
            }
            Self::PaidLate => {
                let detail = format!(
                    "Order {order} of {shop} was paid after its hold had expired. Its units are reserved again: check that \
                     enough are on hand."
                );
                (AlertSubject::PaidLate { shop, order }, detail)
            }
        }
    }
}

impl OrderRecord {
    /// Units of a line that warehouses have allocated and that have not shipped, by place. Units that `left` from a place
    /// without an allocation reduce the allocations of the other places.
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

    /// Units of a line that warehouses have allocated and that have not shipped.
    fn allocated_units(&self, line: LineId) -> Quantity {
        self.allocated(line, &self.shipped_units(line).total).map(|(_, units)| units).sum()
    }

    /// Whether a warehouse has allocated any of its units, or has shipped some ahead of the shop.
    fn is_taken_over(&self) -> bool {
        let lines: BTreeSet<LineId> = self.reports.values().map(|report| report.line).collect();
        lines
            .into_iter()
            .any(|line| !self.shipped_units(line).shipped_ahead.is_empty() || self.allocated_units(line).is_positive())
    }

    /// Whether its hold was released and has not been restored since by a payment, by payment terms or by a warehouse.
    #[must_use]
    pub fn is_hold_released(&self) -> bool {
        let pays = self.facts.as_ref().is_some_and(|facts| facts.paid || facts.pays_later);
        self.expiry.is_some_and(|expiry| expiry.paid || !pays) && !self.is_taken_over()
    }

    /// Whether it reserves units that no warehouse has allocated.
    #[must_use]
    pub fn is_unallocated(&self) -> bool {
        self.lines.iter().any(|(id, line)| line.reserved.values().copied().sum::<Quantity>() > self.allocated_units(*id))
    }

    /// The action that its hold requires at `now`, if any. An order from before the shop went live is held from that time on,
    /// because what warehouses did for it before is not known.
    #[must_use]
    pub fn hold_action(&self, policy: HoldPolicy, go_live_at: Timestamp, now: Timestamp) -> Option<HoldAction> {
        let facts = self.facts.as_ref().filter(|_| !self.order.is_draft() && self.is_unallocated())?;
        let since = facts.placed_at.max(go_live_at);
        let passed = |time: Option<Duration>| time.is_some_and(|time| since.saturating_add(time).is_ok_and(|due| due <= now));
        match facts.paid {
            // Only a query shows every way in which an order may be paid later.
            false if passed(policy.unpaid) && !facts.pays_later && facts.queried_at.is_some() && !self.is_taken_over() => {
                Some(HoldAction::Unpaid)
            }
            true if passed(policy.unallocated) && policy.release_unallocated && !self.is_taken_over() => {
                Some(HoldAction::Release)
            }
            true if passed(policy.unallocated) && !self.alerted.contains(&HoldAlert::Unallocated) => Some(HoldAction::Alert),
            true | false => None,
        }
    }

    /// Applies a decision about its hold if the decision is still valid. It was made from an earlier state of the record, and the
    /// order may have been paid or allocated since.
    pub fn expire(&mut self, event: &HoldEvent) {
        if self.order.is_draft() {
            self.end_draft(event);
            return;
        }
        let Some(facts) = self.facts.as_ref().filter(|_| self.is_unallocated()) else { return };
        match event.due {
            HoldAction::Unpaid if !facts.paid && !facts.pays_later => {
                self.expiry = Some(HoldExpiry { paid: false, at: event.at })
            }
            HoldAction::Release if facts.paid => self.expiry = Some(HoldExpiry { paid: true, at: event.at }),
            HoldAction::Alert if facts.paid => {
                self.alerted.insert(HoldAlert::Unallocated);
            }
            HoldAction::Unpaid
            | HoldAction::Release
            | HoldAction::Alert
            | HoldAction::DraftExpired
            | HoldAction::DraftDeleted => {}
        }
    }

    /// Ends the hold of a draft order, or its time. The facts of an ended draft are those of a draft that reserves nothing, so that
    /// only newer facts of the shop reserve again.
    fn end_draft(&mut self, event: &HoldEvent) {
        match event.due {
            HoldAction::DraftExpired => {
                let passed = |facts: &&mut OrderFacts| facts.reserves_until.is_some_and(|until| until <= event.at);
                if let Some(facts) = self.facts.as_mut().filter(passed) {
                    facts.reserves_until = None;
                    facts.lines.clear();
                }
            }
            HoldAction::DraftDeleted => {
                (self.unread, self.unreadable) = (false, None);
                if let Some(facts) = &mut self.facts {
                    facts.reserves_until = facts.reserves_until.map(|until| until.min(event.at));
                    // An answer from before the deletion that is committed later must not restore the hold.
                    facts.version = facts.version.max(event.at);
                }
            }
            HoldAction::Unpaid | HoldAction::Release | HoldAction::Alert => {}
        }
    }

    /// The open alerts about its hold once all its steps are made: those that were open `before` and those that are new, without
    /// those whose condition has passed.
    #[must_use]
    pub fn hold_alerts(&self, before: Option<&Self>) -> BTreeSet<HoldAlert> {
        let mut alerts = self.alerted.clone();
        let reserved = self.lines.values().any(|line| !line.reserved.is_empty());
        let paid = |record: &Self| record.facts.as_ref().is_some_and(|facts| facts.paid);
        if before.is_some_and(|before| before.is_hold_released() && !paid(before)) && paid(self) && !self.is_hold_released() {
            alerts.insert(HoldAlert::PaidLate);
        }
        alerts.retain(|alert| match alert {
            HoldAlert::Unallocated => self.is_unallocated(),
            HoldAlert::PaidLate => reserved,
        });
        alerts
    }
}
