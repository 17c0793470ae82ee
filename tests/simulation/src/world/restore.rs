//! A restore of the table to an earlier time, as the runbook describes it: the pushes are paused, the table is prepared, the functions
//! start anew on it, the source systems send again what they sent since then, and the pushes go on when a sweep is complete.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::{BillOfMaterials, Sku};
use promissory::flows::{prepare_restored, request_refresh};
use promissory::ports::Clock;
use promissory::table::RowKind;

use super::World;
use super::invocations::{Ended, Trigger};
use super::stock_events::{EventBatch, Mapping};
use super::workshop::Step;
use crate::planted::{PlantedBug, PlantedStore};
use crate::store::{StoreFaults, TableBackup};

/// How long the restore of a table takes.
const RESTORING: Duration = Duration::from_secs(20 * 60);

/// A restore of the table.
#[derive(Debug, Default)]
pub struct Restore {
    /// The table at an earlier time.
    backup: Option<Box<Backup>>,
    /// The batches that arrived since then.
    arrived: Vec<EventBatch>,
    /// When the table was restored, while the pushes are paused.
    pub paused_since: Option<Timestamp>,
    /// Whether the table was restored.
    pub is_done: bool,
}

/// The table, and what a person has imported into it.
#[derive(Debug)]
struct Backup {
    table: TableBackup,
    unmapped: Vec<Mapping>,
    /// The systems of which an event must have been refused by then. The alerts of later refusals are not in the table.
    refused: BTreeSet<&'static str>,
    bills: Option<(BTreeMap<Sku, BillOfMaterials>, VecDeque<Step>)>,
}

impl World {
    /// In a world with a restore: sometimes takes the backup, and later restores it.
    pub(super) fn back_up_or_restore(&mut self) {
        if !self.config.restores || self.restore.is_done || !self.rng.per_mille(8) {
            return;
        }
        if self.restore.backup.is_none() { self.back_up() } else { self.restore_the_table() }
    }

    /// Keeps the table as it is now. DynamoDB keeps every second of the last weeks.
    pub(super) fn back_up(&mut self) {
        let table = self.store.table().back_up();
        let bills = self.workshop.as_ref().map(|workshop| (workshop.bills.clone(), workshop.import.clone()));
        self.restore.backup = Some(Box::new(Backup {
            table,
            unmapped: self.sources.unmapped.clone(),
            refused: self.sources.refused.0.clone(),
            bills,
        }));
        // Their effects may not be in the backup yet.
        let running = self.invocations.iter().filter_map(|invocation| invocation.trigger.source_batch());
        self.restore.arrived = running.filter(|batch| batch.flaw.is_none()).cloned().collect();
        self.log_event(|| "the backup is of this moment".to_owned());
    }

    /// Keeps a batch for the case that the table is restored to a time before it.
    pub(super) fn keep_for_a_restore(&mut self, batch: &EventBatch) {
        if self.restore.backup.is_some() && batch.flaw.is_none() {
            self.restore.arrived.push(batch.clone());
        }
    }

    /// Restores the table to the time of the backup.
    pub(super) fn restore_the_table(&mut self) {
        let Some(backup) = self.restore.backup.take() else { return };
        while !self.invocations.is_empty() {
            self.kill(0);
        }
        self.clock.advance(RESTORING);
        self.settle_late();
        let Backup { table, unmapped, refused, bills } = *backup;
        self.store.repair();
        self.store.table().restore(table);
        self.log_event(|| "the table is restored".to_owned());
        self.coverage.note("table restored");
        // The restored table has a new stream, which carries no earlier change.
        self.lanes = Default::default();
        self.streamed = self.store.table().stream.len();
        self.sources.unmapped = unmapped;
        self.sources.refused.0 = refused;
        if let (Some(workshop), Some((bills, import))) = (&mut self.workshop, bills) {
            (workshop.bills, workshop.import) = (bills, import);
        }
        let now = self.clock.now();
        (self.restore.paused_since, self.restore.is_done) = (Some(now), true);
        self.prepare();
        let arrived = std::mem::take(&mut self.restore.arrived).into_iter();
        self.sources.batches.extend(arrived.map(|batch| EventBatch { again: true, ..batch }));
        self.restart_processes();
    }

    /// Runs `restore prepare` until it succeeds.
    fn prepare(&mut self) {
        let faults = self.store.faults();
        self.store.set_faults(StoreFaults { unreadable: 0, unwritable: 0, newer_value: 0, ..faults });
        self.start_to_prepare();
        while !self.invocations.is_empty() && self.violations.is_empty() {
            self.step(0);
            if let Some(wakes_at) = self.invocations.first().and_then(|invocation| invocation.task.wakes_at) {
                self.clock.advance_to(wakes_at);
            }
            if self.config.restores && self.rng.per_mille(5) {
                self.kill_an_invocation();
            }
        }
        self.store.set_faults(faults);
    }

    pub(super) fn start_to_prepare(&mut self) {
        let records = {
            let mut table = self.store.table();
            let intents: Vec<_> = table.of_kind(RowKind::Intent).map(|record| record.key.clone()).collect();
            table.checker.renewed.extend(intents);
            let kept = |kind| self.bug == Some(PlantedBug::RestoreKeepsAcknowledged) && kind == Some(RowKind::Level);
            table.records().filter(|record| !kept(RowKind::of(&record.key))).cloned().collect::<Vec<_>>()
        };
        let (store, clock) = (PlantedStore::new(self.store.clone(), self.bug), self.clock.clone());
        self.start(Trigger::Prepare, async move {
            let done = async {
                let prepared = prepare_restored(&store, &clock, &records).await?;
                assert_eq!(prepared.changed, 0, "no function writes a table that is being restored");
                request_refresh(&store, &clock).await
            };
            Ended::Prepared(done.await.is_ok())
        });
    }

    /// Whether the pushes are still paused. They go on when a sweep that began after the restore is complete and every batch of the time
    /// since the backup has arrived again.
    pub(super) fn are_pushes_paused(&mut self) -> bool {
        let Some(since) = self.restore.paused_since else { return false };
        let is_swept = self.store.table().checker.sweep.as_ref().is_some_and(|sweep| sweep.complete_at >= Some(since));
        let in_flight = self.invocations.iter().filter_map(|invocation| invocation.trigger.source_batch());
        let mut batches = self.sources.batches.iter().chain(in_flight);
        if is_swept && !batches.any(|batch| batch.again) {
            self.restore.paused_since = None;
            self.log_event(|| "the pushes go on".to_owned());
            self.coverage.note("pushes go on after a restore");
        }
        self.restore.paused_since.is_some()
    }
}
