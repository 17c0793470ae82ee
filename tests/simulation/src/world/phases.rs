//! The start and the end of a run. At the end all faults and events stop, the remaining work and the schedules run, and the
//! world must reach the expected state.

use std::time::Duration;

use promissory::catalog::Sku;
use promissory::flows::NetworkCache;
use promissory::ports::Clock;
use promissory::source::StockKind;
use promissory::table::{Key, RowKind};
use promissory_fakes::shopify::Faults;
use reconciler::Job;

use super::World;
use super::build::{OPENING, OPENING_FINISHED_GOODS, SILENT};
use super::workshop::{FINISHED_GOODS, KIT};
use crate::ports::PortFaults;
use crate::store::StoreFaults;

/// How late a webhook or batch may be.
const DAYS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

impl World {
    /// Receives the opening stock, and initialises the shop unless the world is going live.
    pub fn open(&mut self) {
        let lost_deliveries = std::mem::take(&mut self.config.lost_deliveries);
        let flawed_events = std::mem::take(&mut self.config.flawed_events);
        let given_up_batches = std::mem::take(&mut self.config.given_up_batches);
        let skus: Vec<Sku> = self.items.iter().map(|(item, _)| item.sku.clone()).chain(self.unsold.clone()).collect();
        let mut events = Vec::new();
        let components: Vec<Sku> = self.workshop.iter().flat_map(|workshop| workshop.components.clone()).collect();
        for sku in skus.into_iter().filter(|sku| !components.contains(sku) && sku.as_str() != SILENT) {
            let is_made = sku.as_str() == KIT || FINISHED_GOODS.contains(&sku.as_str());
            let units = if is_made { OPENING_FINISHED_GOODS } else { OPENING };
            for (location, _) in self.codes.clone() {
                events.push(self.event("erp", StockKind::Receipt, (sku.clone(), location), units));
            }
        }
        if let Some(factory) = self.workshop.as_ref().map(|workshop| workshop.factory.clone()) {
            for sku in components {
                let units = self.rng.up_to(12);
                events.push(self.event("erp", StockKind::Receipt, (sku, factory.clone()), units));
            }
        }
        self.send_batch("erp", events);
        self.settle();
        if self.config.initialised {
            self.run_schedules();
        } else {
            self.ports.queue().clear();
            self.unstock_some_pairs();
        }
        (self.config.lost_deliveries, self.config.flawed_events) = (lost_deliveries, flawed_events);
        self.config.given_up_batches = given_up_batches;
    }

    /// Leaves some pairs unstocked in a shop that is going live.
    fn unstock_some_pairs(&mut self) {
        for (_, item) in &self.items {
            for (_, location) in &self.codes {
                if self.rng.per_mille(100) {
                    self.ports.shop().stock(self.clock.now(), *item, *location, 0, false).expect("the pair exists");
                }
            }
        }
    }

    /// Starts the faults.
    pub fn start_faults(&mut self) {
        self.store.set_faults(self.config.store);
        self.ports.set_faults(self.config.ports);
        if self.config.skew > 0 {
            self.coverage.note("clocks apart");
        }
    }

    /// Stops all faults and runs until the world has the expected state, or fails to reach it.
    pub fn converge(&mut self) {
        self.log_event(|| "all faults stop".to_owned());
        // A running invocation stays of its version.
        self.store.set_faults(StoreFaults { newer: self.config.store.newer, ..StoreFaults::default() });
        let met_faulty_rows = self.store.repair();
        self.sources.batches.append(&mut self.sources.faulty);
        self.ports.set_faults(PortFaults::default());
        self.ports.shop().faults = Faults::default();
        self.settle_late();
        (self.config.lost_deliveries, self.config.given_up_batches, self.stalled) = (0, 0, 0);
        while self.continue_import() {}
        self.settle();
        // An invocation that had read a row before its repair may have refused an event.
        self.sources.batches.append(&mut self.sources.faulty);
        self.settle();
        self.check();
        if met_faulty_rows || self.restore.is_done || self.given_up.is_trimmed {
            // What the stream left out because of a faulty row is computed when the row is repaired: every item, if the row was one
            // of the network. Every item is also computed after a restore, and where given-up records could not be read
            // again.
            self.run_the_backlog();
        }
        if self.config.trimmed_records > 0 && self.violations.is_empty() {
            // No refresh that another change requested is left to recompute the item.
            self.run_the_backlog();
            self.lose_records_of_an_unsold_item();
            self.run_the_backlog();
        }
        self.check_stream_left_nothing();
        self.reach_expected_state();
        if (!self.late_webhooks.is_empty() || !self.sources.late.is_empty()) && self.violations.is_empty() {
            self.clock.advance(DAYS);
            self.log_event(|| "three days pass, and the late webhooks and batches arrive".to_owned());
            self.webhooks.append(&mut self.late_webhooks);
            self.sources.batches.append(&mut self.sources.late);
            self.settle();
            self.reach_expected_state();
        }
    }

    /// Runs the backlog job of some minutes.
    fn run_the_backlog(&mut self) {
        for _ in 0..3 {
            self.clock.advance(NetworkCache::KEPT);
            self.reconcile(Job::Backlog);
            self.settle();
        }
    }

    fn reach_expected_state(&mut self) {
        for _ in 0..12 {
            if !self.violations.is_empty() || self.differences().is_empty() {
                return;
            }
            self.run_schedules();
            self.check();
        }
        for difference in self.differences() {
            self.violate(difference);
        }
    }

    /// Checks that the stream alone has brought every promise up to date and emptied every lane, before any schedule runs.
    fn check_stream_left_nothing(&mut self) {
        if !self.violations.is_empty() {
            return;
        }
        let mut left = Vec::new();
        {
            let table = self.store.table();
            let checker = &table.checker;
            for (of, (seq, _)) in &checker.positions {
                let promised = checker.promises.get(&of.sku).and_then(|promise| promise.places.get(&of.place));
                if promised.is_none_or(|at| at.seq != *seq) {
                    left.push(format!("the stream is empty, but the promise lacks movement {seq} of {of}"));
                }
            }
            let waits: Vec<&Key> = table.of_kind(RowKind::Deferred).map(|record| &record.key).collect();
            if !waits.is_empty() {
                left.push(format!("the stream is empty, but events wait in lanes: {waits:?}"));
            }
        }
        if !self.is_new_day(&self.store.table()) {
            left.extend(self.not_as_computed().into_iter().map(|left| format!("the stream is empty, but {left}")));
        }
        left.into_iter().for_each(|left| self.violate(left));
    }

    /// Runs the schedules of some minutes.
    pub fn run_schedules(&mut self) {
        for _ in 0..2 {
            self.clock.advance(super::SETTLING_WINDOW * 3);
            for job in [Job::Sweep, Job::Read, Job::Holds, Job::Backlog] {
                self.reconcile(job);
                self.settle();
            }
            self.compared_all = false;
            while !self.compared_all && self.violations.is_empty() {
                self.reconcile(Job::Compare);
                self.settle();
            }
            self.confirm_parked_changes();
            self.stock_again();
            self.settle();
        }
    }

    /// Runs until no work is left. A stalled stream stays stalled.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if self.advance_all() {
                return;
            }
        }
        let what = format!(
            "the world does not come to rest: {} invocations, {} webhooks, {} batches and {} hints are left",
            self.invocations.len(),
            self.webhooks.len(),
            self.sources.batches.len(),
            self.ports.queue().len(),
        );
        self.violate(what);
    }

    /// Starts everything that waits and lets each invocation take a step. Returns whether no work is left.
    pub fn advance_all(&mut self) -> bool {
        self.take_webhooks();
        self.deliver_batch();
        self.deliver_webhook();
        self.deliver_records();
        self.deliver_given_up();
        self.deliver_hints();
        for at in (0..self.invocations.len()).rev() {
            self.step(at);
        }
        if self.invocations.iter().all(|invocation| invocation.task.wakes_at.is_some())
            && let Some(first) = self.invocations.iter().filter_map(|invocation| invocation.task.wakes_at).min()
        {
            self.clock.advance_to(first);
        }
        self.check();
        self.split_the_stream();
        let streamed = self.stalled > 0 || self.lanes.iter().all(|lane| lane.waiting.is_empty());
        let idle = self.invocations.is_empty() && self.webhooks.is_empty() && self.sources.batches.is_empty();
        idle && streamed && self.given_up.messages.is_empty() && (self.ports.queue().is_empty() || self.are_pushes_paused())
    }
}
