//! The simulated store: a map with conditional writes, a stream, and the faults that DynamoDB may show to its callers.

mod table;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promissory::ports::{Listing, Page, Store, StoreError, WriteError};
use promissory::table::{Key, MAX_WRITES, Record, RowKind, Write, stored_bodies};

pub use table::{Change, Table};

use crate::coverage::Coverage;
use crate::rng::Rng;
use crate::tasks::give_way;

/// How often each fault occurs, per thousand calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFaults {
    /// The store throttles the call and does nothing.
    pub throttle: usize,
    /// A transaction of several rows conflicts with another one, and the store does nothing.
    pub conflict: usize,
    /// The store executes the write, and the answer is lost.
    pub lost_answer: usize,
    /// A listing by index misses the last write.
    pub stale_index: usize,
    /// A row is written as a newer version of the code would write it: with a field that this version does not know.
    pub newer: usize,
}

/// A handle on the table. Clones share the table.
#[derive(Debug, Clone)]
pub struct SimStore {
    table: Arc<Mutex<Table>>,
    faults: Arc<Mutex<StoreFaults>>,
    calls: Arc<AtomicU64>,
    rng: Rng,
    coverage: Coverage,
}

impl SimStore {
    /// An empty table without faults.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self { table: Arc::default(), faults: Arc::default(), calls: Arc::default(), rng, coverage: Coverage::default() }
    }

    /// Counts the injected faults in `coverage`.
    #[must_use]
    pub fn counting_in(self, coverage: Coverage) -> Self {
        Self { coverage, ..self }
    }

    /// The table itself, for the world and its checks.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the faults from now on.
    pub fn set_faults(&self, faults: StoreFaults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Number of calls to the store.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn faults(&self) -> StoreFaults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.rng.per_mille(self.faults().throttle) {
            self.coverage.note("store throttled");
            return Err(StoreError::Unavailable { detail: "the simulator throttled the call".into(), source: None });
        }
        Ok(())
    }

    /// Adds an unknown field to each row, as a newer version of the code might. Returns `None` where the fault does not occur.
    fn as_newer(&self, writes: &[Write]) -> Option<Vec<Write>> {
        if !self.rng.per_mille(self.faults().newer) {
            return None;
        }
        let mut newer = writes.to_vec();
        for write in &mut newer {
            if let Write::Put { body, .. } = write {
                body["of_a_newer_version"] = true.into();
            }
        }
        Some(newer)
    }
}

impl Store for SimStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        give_way().await;
        self.called()?;
        let found: Vec<Option<Record>> = {
            let mut table = self.table();
            let found: Vec<Option<Record>> = keys.iter().map(|key| table.get(key).cloned()).collect();
            table.checker.plans.read(keys, found.iter().map(Option::as_ref));
            found
        };
        if self.faults().newer > 0 && found.iter().flatten().any(|record| record.body.get("of_a_newer_version").is_some()) {
            self.coverage.note("row of a newer version read");
        }
        give_way().await;
        Ok(found)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        assert!(!writes.is_empty() && writes.len() <= MAX_WRITES, "{} writes in one transaction", writes.len());
        let distinct: BTreeSet<&Key> = writes.iter().map(Write::key).collect();
        assert_eq!(distinct.len(), writes.len(), "a transaction contains the same row twice");
        give_way().await;
        self.called()?;
        stored_bodies(writes)?;
        if writes.len() > 1 && self.rng.per_mille(self.faults().conflict) {
            self.coverage.note("store conflict");
            return Err(WriteError::Conflict);
        }
        let refusals = self.table().refusals(writes);
        if let Some(first) = refusals.first() {
            self.coverage.note("store refused a condition");
            let kind = RowKind::of(&first.key);
            if kind == Some(RowKind::Intent) {
                self.coverage.note("two pushers at once");
            } else if kind == Some(RowKind::Plan) {
                self.coverage.note("two plans at once");
            }
            give_way().await;
            return Err(WriteError::Refused(refusals));
        }
        match self.as_newer(writes) {
            Some(newer) => self.table().apply(&newer),
            None => self.table().apply(writes),
        }
        give_way().await;
        if self.rng.per_mille(self.faults().lost_answer) {
            self.coverage.note("store answer lost");
            return Err(StoreError::Unavailable { detail: "the simulator lost the answer".into(), source: None }.into());
        }
        Ok(())
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        give_way().await;
        self.called()?;
        let stale = listing.by_index && self.rng.per_mille(self.faults().stale_index);
        if stale {
            self.coverage.note("store index stale");
        }
        let page = self.table().page(listing, stale);
        give_way().await;
        Ok(page)
    }
}
