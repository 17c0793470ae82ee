//! No more faults, no more customers: everything that was asked for is done, the schedules run, and it must come right.

use std::time::Duration;

use promissory::catalog::Sku;
use promissory::ports::Clock;
use promissory::source::StockKind;
use promissory::table::{Key, RowKind};
use promissory_fakes::shopify::Faults;
use reconciler::Job;

use super::World;
use super::build::{OPENING, OPENING_GOODS};
use super::workshop::GOODS;
use crate::ports::LineFaults;
use crate::store::StoreFaults;

/// How long it takes until everything is planned anew.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How late a letter may be.
const DAYS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

impl World {
    /// Before anything goes wrong: stock comes in, and mostly the shop is told.
    pub fn open(&mut self) {
        let lost_mail = std::mem::take(&mut self.climate.lost_mail);
        let odd_sources = std::mem::take(&mut self.climate.odd_sources);
        let skus: Vec<Sku> = self.items.iter().map(|(item, _)| item.sku.clone()).chain(self.unsold.clone()).collect();
        let mut said = Vec::new();
        let components: Vec<Sku> = self.workshop.iter().flat_map(|workshop| workshop.components.clone()).collect();
        for sku in skus.into_iter().filter(|sku| !components.contains(sku)) {
            let units = if GOODS.contains(&sku.as_str()) { OPENING_GOODS } else { OPENING };
            for (location, _) in self.codes.clone() {
                said.push(self.event("erp", StockKind::Receipt, (sku.clone(), location), units));
            }
        }
        if let Some(factory) = self.workshop.as_ref().map(|workshop| workshop.factory.clone()) {
            for sku in components {
                let units = self.rng.up_to(12);
                said.push(self.event("erp", StockKind::Receipt, (sku, factory.clone()), units));
            }
        }
        self.says("erp", said);
        self.settle();
        if self.climate.told {
            self.run_schedules();
        } else {
            self.line.queue().clear();
            self.leave_out_some();
        }
        (self.climate.lost_mail, self.climate.odd_sources) = (lost_mail, odd_sources);
    }

    /// A shop that was not told of anything yet may not stock every item at every location.
    fn leave_out_some(&mut self) {
        for (_, item) in &self.items {
            for (_, location) in &self.codes {
                if self.rng.per_mille(100) {
                    self.line.shop().stock(self.clock.now(), *item, *location, 0, false).expect("a known pair");
                }
            }
        }
    }

    /// From now on things go wrong.
    pub fn begin_to_misbehave(&mut self) {
        self.store.misbehave(self.climate.store);
        self.line.misbehave(self.climate.line);
        if self.climate.skew > 0 {
            self.met.note("clocks apart");
        }
    }

    /// Ends all faults and lives on until everything is as it should be, or will never be.
    pub fn come_to_rest(&mut self) {
        self.tell(|| "all faults end".to_owned());
        self.store.misbehave(StoreFaults::default());
        self.line.misbehave(LineFaults::default());
        self.line.shop().faults = Faults::default();
        self.settle_late();
        (self.climate.lost_mail, self.stalled) = (0, 0);
        while self.import_goes_on() {}
        self.settle();
        self.check();
        self.the_stream_left_nothing();
        if self.given_up && self.workshop.is_some() {
            // Nothing but the next day plans anew what the stream gave up on.
            self.clock.advance(DAY);
        }
        self.come_right();
        if (!self.attic.is_empty() || !self.sources.late.is_empty()) && self.violations.is_empty() {
            self.clock.advance(DAYS);
            self.tell(|| "days pass, and then the late letters come".to_owned());
            self.mail.append(&mut self.attic);
            self.sources.parcels.append(&mut self.sources.late);
            self.settle();
            self.come_right();
        }
    }

    fn come_right(&mut self) {
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

    /// Without any schedule the stream brings every promise up to its positions, and empties every lane.
    fn the_stream_left_nothing(&mut self) {
        if self.given_up || !self.violations.is_empty() {
            return;
        }
        let mut left = Vec::new();
        {
            let table = self.store.table();
            let checker = &table.checker;
            for (of, (seq, _)) in &checker.positions {
                let told = checker.promises.get(&of.sku).and_then(|promise| promise.places.get(&of.place));
                if told.is_none_or(|at| at.seq != *seq) {
                    left.push(format!("the stream has ended, and {of} is not in the promise at movement {seq}"));
                }
            }
            let waits: Vec<&Key> = table.of_kind(RowKind::Deferred).map(|record| &record.key).collect();
            if !waits.is_empty() {
                left.push(format!("the stream has ended, and events wait in lanes: {waits:?}"));
            }
        }
        if !self.is_new_day(&self.store.table()) {
            left.extend(self.not_as_computed().into_iter().map(|left| format!("the stream has ended, and {left}")));
        }
        left.into_iter().for_each(|left| self.violate(left));
    }

    /// What the schedules do in some minutes.
    pub fn run_schedules(&mut self) {
        for _ in 0..2 {
            self.clock.advance(super::QUIET * 3);
            for job in [Job::Sweep, Job::Read, Job::Holds, Job::Backlog] {
                self.reconcile(job);
                self.settle();
            }
            self.compared_all = false;
            while !self.compared_all && self.violations.is_empty() {
                self.reconcile(Job::Compare);
                self.settle();
            }
        }
    }

    /// Lets everything under way end, and everything it leads to. A stalled stream stays as it is.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if self.turn() {
                return;
            }
        }
        let what = format!(
            "something goes on for ever: {} functions, {} letters, {} batches, {} hints",
            self.tasks.len(),
            self.mail.len(),
            self.sources.parcels.len(),
            self.line.queue().len(),
        );
        self.violate(what);
    }

    /// Everything that waits is begun, and everything begun takes a step; whether there is nothing left to do.
    pub fn turn(&mut self) -> bool {
        self.post_the_mail();
        self.parcel_comes();
        self.post_comes();
        self.stream_comes();
        self.queue_comes();
        for at in (0..self.tasks.len()).rev() {
            self.step(at);
        }
        if self.tasks.iter().all(|job| job.task.wakes_at.is_some())
            && let Some(first) = self.tasks.iter().filter_map(|job| job.task.wakes_at).min()
        {
            self.clock.advance_to(first);
        }
        self.check();
        self.split_the_stream();
        let streamed = self.stalled > 0 || self.lanes.iter().all(|lane| lane.waiting.is_empty());
        let idle = self.tasks.is_empty() && self.mail.is_empty() && self.sources.parcels.is_empty();
        idle && streamed && self.line.queue().is_empty()
    }
}
