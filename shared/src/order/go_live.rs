//! Orders from before a shop went live.
//!
//! The opening stock contains what an order did up to that instant, so it moves nothing (`required` leaves it out). What was open
//! then is reserved, and what the order does later moves. An order that had ended by then is left alone: it raises no alert about
//! a missing mapping, and is neither read nor forwarded.

use crate::catalog::ShopSettings;
use crate::order::{FulfilmentStatus, LineLedger, OrderRecord};

impl OrderRecord {
    /// Whether the opening stock of the shop contains everything that is known of the order: it was placed before, nothing of it
    /// is open, and it has not changed any unit since. An order that was archived by then has nothing open.
    #[must_use]
    pub fn ended_before(&self, settings: &ShopSettings) -> bool {
        let contained = |at| settings.opening_contains(at);
        let Some(facts) = self.facts.as_ref().filter(|facts| contained(facts.placed_at)) else { return false };
        let archived = facts.closed_at.is_some_and(contained);
        (archived || facts.lines.keys().all(|line| self.open_in_shop(*line).is_zero()))
            && self.fulfilments.values().all(|made| match made.status {
                FulfilmentStatus::Shipped => contained(made.made_at),
                FulfilmentStatus::Void => contained(made.version),
            })
            && self.refunds.values().all(|refund| contained(refund.made_at))
            && self.dispositions.values().all(|disposition| contained(disposition.made_at))
            && self.reports.values().all(|report| report.at.is_some_and(contained))
    }

    /// Whether the order had ended before its shop went live, and left nothing in the ledger or in another system.
    #[must_use]
    pub fn is_left_alone_by(&self, settings: &ShopSettings) -> bool {
        let moved_nothing = self.lines.values().all(LineLedger::has_moved_nothing);
        moved_nothing && self.forwarded.is_none() && self.ended_before(settings)
    }

    /// Notes whether the newest version must be forwarded as a sales order, and whether the manufacturing system may have an earlier
    /// one.
    pub fn decide_forwarding(&mut self, settings: &ShopSettings) {
        if self.may_have_been_forwarded(settings) {
            self.forwarded = self.facts.as_ref().map(|facts| facts.version);
        }
        self.unforwarded &= self.is_forwarded_by(settings);
    }

    /// Whether new versions of the order are forwarded as sales orders. Orders from before going live are not, unless the settings
    /// say so and the order had not ended by then. An order of which the other system has a version is always forwarded.
    fn is_forwarded_by(&self, settings: &ShopSettings) -> bool {
        let Some(facts) = &self.facts else { return true };
        let is_new = facts.placed_at >= settings.go_live_at;
        self.forwarded.is_some() || is_new || (settings.forward_open_orders && !self.ended_before(settings))
    }

    /// Whether the manufacturing system may have an earlier version that the table does not know, because it was restored to a time
    /// before that version was forwarded. A cancellation must then follow.
    fn may_have_been_forwarded(&self, settings: &ShopSettings) -> bool {
        let Some(facts) = self.facts.as_ref().filter(|facts| facts.cancelled) else { return false };
        // An order from before the shop went live may have been forwarded if it has changed since.
        let changed_live = !settings.opening_contains(facts.version);
        let is_forwardable = facts.placed_at >= settings.go_live_at || (settings.forward_open_orders && changed_live);
        let before_restore = settings.restored_until().is_some_and(|until| facts.placed_at <= until);
        self.forwarded.is_none() && is_forwardable && before_restore
    }
}
