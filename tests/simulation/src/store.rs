//! The simulated store: a map with conditional writes, a stream, and the faults that DynamoDB may show to its callers.

mod table;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promissory::ports::{Listing, Page, Store, StoreError, WriteError};
use promissory::table::{Key, MAX_WRITES, Record, RowKind, SCHEMA_VERSION, UnwritableRow, Write, stored_bodies};
use serde_json::json;

pub use table::{Change, Table};

use crate::coverage::Coverage;
use crate::rng::Rng;
use crate::roles::{Role, needed_to_get, needed_to_list, needed_to_write};
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
    /// An invocation is of a newer version of the code: it writes rows with a field that this version does not know.
    pub newer: usize,
    /// The store rejects the call, as for a role without a permission, and does nothing.
    pub rejected: usize,
    /// A row that is read cannot be read from now on, until it is written or a person repairs it.
    pub unreadable: usize,
    /// Rows of locations can always be read. The checks of plans know all locations.
    pub spares_locations: bool,
    /// A row that is going to be written can never be written from now on, until a person repairs it.
    pub unwritable: usize,
    /// An invocation of a newer version writes a value that invocations of this version cannot read, until the deployment is complete.
    pub newer_value: usize,
}

/// The schema version of the newer version of the code.
const NEWER_VERSION: u32 = SCHEMA_VERSION + 1;

/// The field that only the newer version knows. Its value is larger with every write of it.
pub const NEWER_FIELD: &str = "of_a_newer_version";

impl StoreFaults {
    /// Whether rows may become faulty.
    pub fn has_faulty_rows(&self) -> bool {
        self.unreadable > 0 || self.unwritable > 0 || self.newer_value > 0
    }
}

/// The most rows that are faulty at the same time, of each kind of fault.
const MOST_FAULTY: usize = 2;

/// The rows that cannot be read, those that only a newer version can read, and those that cannot be written.
#[derive(Debug, Default)]
struct FaultyRows {
    unreadable: BTreeSet<Key>,
    newer_value: BTreeSet<Key>,
    unwritable: BTreeSet<Key>,
    /// Whether there was any faulty row.
    met: bool,
}

/// A handle on the table. Clones share the table.
#[derive(Debug, Clone)]
pub struct SimStore {
    table: Arc<Mutex<Table>>,
    faults: Arc<Mutex<StoreFaults>>,
    faulty: Arc<Mutex<FaultyRows>>,
    calls: Arc<AtomicU64>,
    rng: Rng,
    coverage: Coverage,
    /// The role of the calling function. The world itself has none, and may do everything.
    role: Option<Role>,
}

impl SimStore {
    /// An empty table without faults.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        let (table, faults, faulty, calls) = Default::default();
        Self { table, faults, faulty, calls, rng, coverage: Coverage::default(), role: None }
    }

    /// Counts the injected faults in `coverage`.
    #[must_use]
    pub fn counting_in(self, coverage: Coverage) -> Self {
        Self { coverage, ..self }
    }

    /// A handle that calls with the role of a function.
    #[must_use]
    pub fn acting_as(self, role: Role) -> Self {
        Self { role: Some(role), ..self }
    }

    /// The table itself, for the world and its checks.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the faults from now on.
    pub fn set_faults(&self, faults: StoreFaults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// A person repairs every faulty row, and the deployment of the newer version is complete. Returns whether there ever was one.
    pub fn repair(&self) -> bool {
        let mut faulty = self.faulty();
        faulty.unreadable.clear();
        faulty.newer_value.clear();
        faulty.unwritable.clear();
        faulty.met
    }

    fn faulty(&self) -> MutexGuard<'_, FaultyRows> {
        self.faulty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows as a handler reads them. Some cannot be read.
    fn as_read<'a>(&self, records: impl Iterator<Item = &'a mut Record>) {
        let mut faulty = self.faulty();
        let chance = self.faults().unreadable;
        let is_newer = self.is_newer();
        for record in records {
            if faulty.unreadable.len() < MOST_FAULTY && self.rng.per_mille(chance) && !self.is_spared(&record.key) {
                faulty.unreadable.insert(record.key.clone());
                faulty.met = true;
                self.coverage.note("row unreadable");
            }
            if faulty.unreadable.contains(&record.key) {
                record.body = json!({ "written_by": "another program" });
            } else if !is_newer && faulty.newer_value.contains(&record.key) {
                record.body = json!({ "written_by": "a newer version" });
                record.version = NEWER_VERSION;
                self.coverage.note("value of a newer version read");
            } else {
                continue;
            }
            // A handler may write it anew, and lose what only the row knew.
            self.table().checker.renewed.insert(record.key.clone());
        }
    }

    fn is_spared(&self, key: &Key) -> bool {
        self.faults().spares_locations && RowKind::of(key) == Some(RowKind::Location)
    }

    /// Whether the running invocation is of the newer version. All of its writes are.
    fn is_newer(&self) -> bool {
        let nth = usize::try_from(self.table().checker.plans.worker).unwrap_or_default();
        nth.wrapping_mul(7_919) % 1_000 < self.faults().newer
    }

    /// The first of these rows that can never be written.
    fn unwritable(&self, writes: &[Write]) -> Option<UnwritableRow> {
        let mut faulty = self.faulty();
        let chance = self.faults().unwritable;
        if faulty.unwritable.len() < MOST_FAULTY && self.rng.per_mille(chance) {
            faulty.unwritable.insert(self.rng.pick(writes).key().clone());
            faulty.met = true;
            self.coverage.note("row unwritable");
        }
        let key = writes.iter().map(Write::key).find(|key| faulty.unwritable.contains(key))?;
        Some(UnwritableRow { key: key.to_string(), detail: "the simulator does not allow it".to_owned() })
    }

    /// Applies a transaction. A row that it writes can be read again.
    fn apply(&self, writes: &[Write]) {
        match self.as_newer(writes) {
            Some(newer) => self.table().apply_as(&newer, NEWER_VERSION),
            None => self.table().apply(writes),
        }
        let mut faulty = self.faulty();
        for key in writes.iter().map(Write::key) {
            faulty.unreadable.remove(key);
            faulty.newer_value.remove(key);
        }
        let chance = self.faults().newer_value;
        if chance > 0 && faulty.newer_value.len() < MOST_FAULTY && self.is_newer() && self.rng.per_mille(chance) {
            let key = self.rng.pick(writes).key();
            if self.table().get(key).is_some() && !self.is_spared(key) {
                faulty.newer_value.insert(key.clone());
                faulty.met = true;
            }
        }
    }

    /// Number of calls to the store.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The faults at this time.
    pub fn faults(&self) -> StoreFaults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn called(&self, needed: impl IntoIterator<Item = &'static str>) -> Result<(), StoreError> {
        for permission in needed {
            if let Some(role) = &self.role {
                role.uses(permission);
            }
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.rng.per_mille(self.faults().throttle) {
            self.coverage.note("store throttled");
            return Err(StoreError::Unavailable { detail: "the simulator throttled the call".into(), source: None });
        }
        if self.rng.per_mille(self.faults().rejected) {
            self.coverage.note("store rejected a call");
            return Err(StoreError::Rejected { detail: "the simulator rejects the call".into() });
        }
        Ok(())
    }

    /// Adds an unknown field to each row, as a newer version of the code does. Returns `None` if the running invocation is of this version.
    fn as_newer(&self, writes: &[Write]) -> Option<Vec<Write>> {
        if !self.is_newer() {
            return None;
        }
        let mut newer = writes.to_vec();
        for write in &mut newer {
            if let Write::Put { body, .. } = write {
                body[NEWER_FIELD] = self.calls().into();
            }
        }
        Some(newer)
    }
}

impl Store for SimStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        give_way().await;
        self.called(needed_to_get(keys.len()))?;
        let mut found: Vec<Option<Record>> = {
            let mut table = self.table();
            let found: Vec<Option<Record>> = keys.iter().map(|key| table.get(key).cloned()).collect();
            table.checker.plans.read(keys, found.iter().map(Option::as_ref));
            found
        };
        if self.faults().newer > 0 && found.iter().flatten().any(|record| record.body.get(NEWER_FIELD).is_some()) {
            self.coverage.note("row of a newer version read");
        }
        self.as_read(found.iter_mut().flatten());
        give_way().await;
        Ok(found)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        assert!(!writes.is_empty() && writes.len() <= MAX_WRITES, "{} writes in one transaction", writes.len());
        let distinct: BTreeSet<&Key> = writes.iter().map(Write::key).collect();
        assert_eq!(distinct.len(), writes.len(), "a transaction contains the same row twice");
        give_way().await;
        self.called(writes.iter().map(needed_to_write))?;
        stored_bodies(writes)?;
        if let Some(row) = self.unwritable(writes) {
            return Err(row.into());
        }
        if writes.len() > 1 && self.rng.per_mille(self.faults().conflict) {
            self.coverage.note("store conflict");
            return Err(WriteError::Conflict);
        }
        let mut refusals = self.table().refusals(writes);
        self.as_read(refusals.iter_mut().filter_map(|refusal| refusal.stored.as_mut()));
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
        self.apply(writes);
        give_way().await;
        if self.rng.per_mille(self.faults().lost_answer) {
            self.coverage.note("store answer lost");
            return Err(StoreError::Unavailable { detail: "the simulator lost the answer".into(), source: None }.into());
        }
        Ok(())
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        give_way().await;
        self.called([needed_to_list(listing)])?;
        let stale = listing.by_index && self.rng.per_mille(self.faults().stale_index);
        if stale {
            self.coverage.note("store index stale");
        }
        let mut page = self.table().page(listing, stale);
        self.as_read(page.records.iter_mut());
        give_way().await;
        Ok(page)
    }
}
