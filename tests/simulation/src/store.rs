//! The simulated store: a map, the conditions, the stream, and everything a table may do to its callers.

mod table;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promissory::ports::{Listing, Page, Store, StoreError, WriteError};
use promissory::table::{Key, MAX_WRITES, Record, RowKind, Write};

pub use table::{Change, Table};

use crate::met::Met;
use crate::rng::Rng;
use crate::tasks::give_way;

/// How often, per thousand calls, the store misbehaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFaults {
    /// It throttles: nothing happens.
    pub throttle: usize,
    /// Another transaction is at work on one of several rows: nothing happens.
    pub conflict: usize,
    /// It does what it was asked, and the answer is lost.
    pub lost_answer: usize,
    /// A listing by index misses what was written last.
    pub stale_index: usize,
    /// A row is written as a newer version of the code would: with a field that this one does not know.
    pub newer: usize,
}

/// A handle on the table.
#[derive(Debug, Clone)]
pub struct SimStore {
    table: Arc<Mutex<Table>>,
    faults: Arc<Mutex<StoreFaults>>,
    calls: Arc<AtomicU64>,
    rng: Rng,
    met: Met,
}

impl SimStore {
    /// An empty table that behaves.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self { table: Arc::default(), faults: Arc::default(), calls: Arc::default(), rng, met: Met::default() }
    }

    /// Tells `met` of what it does to its callers.
    #[must_use]
    pub fn telling(self, met: Met) -> Self {
        Self { met, ..self }
    }

    /// The table itself, for the world and its checks.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the store misbehaves so.
    pub fn misbehave(&self, faults: StoreFaults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// How often it was called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn faults(&self) -> StoreFaults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.rng.per_mille(self.faults().throttle) {
            self.met.note("store throttled");
            return Err(StoreError::Unavailable { detail: "throttled by the simulation".into(), source: None });
        }
        Ok(())
    }

    /// Writes as a newer version of the code might: each row with a field more.
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
            self.met.note("row of a newer version read");
        }
        give_way().await;
        Ok(found)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        assert!(!writes.is_empty() && writes.len() <= MAX_WRITES, "{} writes in one transaction", writes.len());
        let distinct: BTreeSet<&Key> = writes.iter().map(Write::key).collect();
        assert_eq!(distinct.len(), writes.len(), "a transaction names a row once");
        give_way().await;
        self.called()?;
        if writes.len() > 1 && self.rng.per_mille(self.faults().conflict) {
            self.met.note("store conflict");
            return Err(WriteError::Conflict);
        }
        let refusals = self.table().refusals(writes);
        if let Some(first) = refusals.first() {
            self.met.note("store refused a condition");
            let kind = RowKind::of(&first.key);
            if kind == Some(RowKind::Intent) {
                self.met.note("two pushers at once");
            } else if kind == Some(RowKind::Plan) {
                self.met.note("two plans at once");
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
            self.met.note("store answer lost");
            return Err(StoreError::Unavailable { detail: "the answer was lost by the simulation".into(), source: None }.into());
        }
        Ok(())
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        give_way().await;
        self.called()?;
        let stale = listing.by_index && self.rng.per_mille(self.faults().stale_index);
        if stale {
            self.met.note("store index stale");
        }
        let page = self.table().page(listing, stale);
        give_way().await;
        Ok(page)
    }
}
