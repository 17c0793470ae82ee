//! The index that `orders(query: …)` searches. It may contain a change of an order late; a query of one order by its id does not
//! use it.
//!
//! Only the place of an order in the index is late. The fields of the orders that a search finds are current, as Shopify reads
//! them from the order itself. How late a change is, `Faults` decides when the change happens.

use super::ids::OrderId;
use super::shop::Shop;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The index of the orders by their last change.
#[derive(Debug, Default)]
pub(super) struct SearchIndex {
    /// In the order of `orders(sortKey: UPDATED_AT)`.
    by_update: BTreeSet<(Timestamp, OrderId)>,
    /// The change under which an order is found.
    indexed: BTreeMap<OrderId, Timestamp>,
    /// Changes that the index does not contain yet, by the time from which it does.
    late: BTreeMap<(Timestamp, OrderId), Timestamp>,
}

impl SearchIndex {
    /// The orders by the change under which they are found.
    pub(super) fn by_update(&self) -> &BTreeSet<(Timestamp, OrderId)> {
        &self.by_update
    }

    fn insert(&mut self, order: OrderId, updated_at: Timestamp) {
        match self.indexed.insert(order, updated_at) {
            Some(newer) if newer > updated_at => drop(self.indexed.insert(order, newer)),
            older => {
                older.map(|older| self.by_update.remove(&(older, order)));
                self.by_update.insert((updated_at, order));
            }
        }
    }

    /// Moves the changes into the index that it contains at `now`.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        while let Some(first) = self.late.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, order), updated_at) = first.remove_entry();
            self.insert(order, updated_at);
        }
    }
}

impl Shop {
    /// Records a change of an order in the index, as late as the faults say.
    pub(super) fn index(&mut self, now: Timestamp, order: OrderId, updated_at: Timestamp) {
        let late = self.faults.late_in_search.get(&order).copied().unwrap_or(self.faults.search_lag);
        if late == 0 {
            self.search.insert(order, updated_at);
        } else {
            self.search.late.insert((now + SignedDuration::from_secs(i64::from(late)), order), updated_at);
        }
    }

    /// Lets the search contain every change from now on, as after the end of an incident.
    pub fn catch_up_search(&mut self) {
        self.search.catch_up(Timestamp::MAX);
    }
}
