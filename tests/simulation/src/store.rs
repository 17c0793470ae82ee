//! The simulated store: a map, the conditions, the stream, and everything a table may do to its callers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use promissory::store::{Cursor, Expect, Key, Listing, MAX_WRITES, Page, Record, Refusal, Store, StoreError, Write, WriteError};

use crate::check::Checker;
use crate::rng::Rng;
use crate::tasks::give_way;

/// How often, per thousand calls, the store misbehaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFaults {
    /// It throttles: nothing happens.
    pub throttle: usize,
    /// Another transaction is at work: nothing happens.
    pub conflict: usize,
    /// It does what it was asked, and the answer is lost.
    pub lost_answer: usize,
    /// A listing by index misses what was written last.
    pub stale_index: usize,
}

/// What one write did to the index.
#[derive(Debug, Default)]
struct IndexChanges {
    removed: Vec<(Key, Key)>,
    added: Vec<(Key, Key)>,
}

/// The table and its stream.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<Key, (Record, Option<Key>)>,
    /// Every row put, in order.
    pub stream: Vec<Record>,
    /// The sparse index: entry and row.
    index: BTreeSet<(Key, Key)>,
    /// What the last write took out of the index and put into it: a stale reader does not know yet.
    index_changes: IndexChanges,
    /// Watches every write.
    pub checker: Checker,
}

/// A handle on the table.
#[derive(Debug, Clone)]
pub struct SimStore {
    table: Arc<Mutex<Table>>,
    faults: Arc<Mutex<StoreFaults>>,
    rng: Rng,
}

impl SimStore {
    /// An empty table that behaves.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self { table: Arc::default(), faults: Arc::default(), rng }
    }

    /// The table itself, for the world and its checks.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the store misbehaves so.
    pub fn misbehave(&self, faults: StoreFaults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> StoreFaults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttled(&self) -> Result<(), StoreError> {
        if self.rng.per_mille(self.faults().throttle) {
            return Err(StoreError::Unavailable { detail: "throttled by the simulation".into(), source: None });
        }
        Ok(())
    }
}

impl Table {
    /// Every row.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.rows.values().map(|(record, _)| record)
    }

    fn refusals(&self, writes: &[Write]) -> Vec<Refusal> {
        let refused = |write: &&Write| {
            let expect = match write {
                Write::Put { expect, .. } | Write::Delete { expect, .. } => *expect,
            };
            Expect::as_read(self.rows.get(write.key()).map(|(record, _)| record)) != expect
        };
        let stored = |key: &Key| self.rows.get(key).map(|(record, _)| record.clone());
        writes.iter().filter(refused).map(|write| Refusal { key: write.key().clone(), stored: stored(write.key()) }).collect()
    }

    fn page(&self, listing: &Listing, stale: bool) -> Page {
        let mut entries: Vec<(Key, Option<Key>)> = if listing.by_index {
            let IndexChanges { removed, added } = &self.index_changes;
            let mut entries: BTreeSet<&(Key, Key)> = self.index.iter().filter(|entry| entry.0.pk == listing.partition).collect();
            if stale {
                entries.retain(|entry| !added.contains(entry));
                entries.extend(removed.iter().filter(|entry| entry.0.pk == listing.partition));
            }
            entries.into_iter().map(|(index, key)| (key.clone(), Some(index.clone()))).collect()
        } else {
            let rows = self.rows.keys().filter(|key| key.pk == listing.partition && key.sk.starts_with(&listing.prefix));
            rows.map(|key| (key.clone(), None)).collect()
        };
        if let Some(after) = &listing.after {
            let place = |key: &Key, index: &Option<Key>| (index.clone(), key.clone());
            entries.retain(|(key, index)| place(key, index) > place(&after.key, &after.index));
        }
        let more = entries.len() > listing.limit;
        entries.truncate(listing.limit);
        let next = entries.last().filter(|_| more).map(|(key, index)| Cursor { key: key.clone(), index: index.clone() });
        let records = entries.iter().filter_map(|(key, _)| Some(self.rows.get(key)?.0.clone())).collect();
        Page { records, next }
    }

    fn apply(&mut self, writes: &[Write]) {
        self.index_changes = IndexChanges::default();
        for write in writes {
            let before = self.rows.get(write.key()).and_then(|(_, index)| index.clone());
            if let Some(entry) = before.map(|index| (index, write.key().clone())) {
                self.index.remove(&entry);
                self.index_changes.removed.push(entry);
            }
            match write {
                Write::Delete { key, .. } => {
                    self.rows.remove(key);
                }
                Write::Put { key, body, index, expect } => {
                    let revision = match expect {
                        Expect::Absent => 1,
                        Expect::Revision(revision) => revision + 1,
                    };
                    let record = Record { key: key.clone(), revision, body: body.clone() };
                    self.checker.put(self.rows.get(key).map(|(record, _)| record), &record);
                    self.stream.push(record.clone());
                    if let Some(entry) = index.clone().map(|index| (index, key.clone())) {
                        self.index.insert(entry.clone());
                        self.index_changes.added.push(entry);
                    }
                    self.rows.insert(key.clone(), (record, index.clone()));
                }
            }
        }
        self.checker.written();
    }
}

impl Store for SimStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        give_way().await;
        self.throttled()?;
        let found = {
            let table = self.table();
            keys.iter().map(|key| table.rows.get(key).map(|(record, _)| record.clone())).collect()
        };
        give_way().await;
        Ok(found)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        assert!(!writes.is_empty() && writes.len() <= MAX_WRITES, "{} writes in one transaction", writes.len());
        let distinct: std::collections::BTreeSet<&Key> = writes.iter().map(Write::key).collect();
        assert_eq!(distinct.len(), writes.len(), "a transaction names a row once");
        give_way().await;
        self.throttled()?;
        if self.rng.per_mille(self.faults().conflict) {
            return Err(WriteError::Conflict);
        }
        let refusals = self.table().refusals(writes);
        if !refusals.is_empty() {
            give_way().await;
            return Err(WriteError::Refused(refusals));
        }
        self.table().apply(writes);
        give_way().await;
        if self.rng.per_mille(self.faults().lost_answer) {
            return Err(StoreError::Unavailable { detail: "the answer was lost by the simulation".into(), source: None }.into());
        }
        Ok(())
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        give_way().await;
        self.throttled()?;
        let stale = listing.by_index && self.rng.per_mille(self.faults().stale_index);
        let page = self.table().page(listing, stale);
        give_way().await;
        Ok(page)
    }
}
