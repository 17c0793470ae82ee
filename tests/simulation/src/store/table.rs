//! The rows of the simulated store: conditions, the sparse index, and the stream of changes.

use std::collections::{BTreeMap, BTreeSet};

use promissory::ports::{Cursor, Listing, Page, Refusal};
use promissory::table::{Key, Record, RowKey, RowKind, SCHEMA_VERSION, Streamed, Write};

use crate::check::Checker;

/// The changes that one write made to the index.
#[derive(Debug, Default)]
struct IndexChanges {
    removed: Vec<(Key, Key)>,
    added: Vec<(Key, Key)>,
}

/// A stream record: a row before and after a write.
#[derive(Debug)]
pub struct Change {
    /// The key of the row.
    pub key: Key,
    /// The row before the write; `None` if it did not exist.
    pub old: Option<Record>,
    /// The row after the write; `None` if it was deleted.
    pub new: Option<Record>,
}

/// The table and its stream.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<Key, (Record, Option<Key>)>,
    /// The changes that pass the filter of the stream, in order.
    pub stream: Vec<Change>,
    /// The sparse index: pairs of index entry and row key.
    index: BTreeSet<(Key, Key)>,
    /// The changes that the last write made to the index. A stale listing does not see them.
    index_changes: IndexChanges,
    /// Checks the invariants on every write.
    pub checker: Checker,
}

/// The rows at an earlier time, and what was checked by then.
#[derive(Debug)]
pub struct TableBackup {
    rows: BTreeMap<Key, (Record, Option<Key>)>,
    index: BTreeSet<(Key, Key)>,
    checker: Checker,
}

impl Table {
    /// The rows as they are now.
    pub fn back_up(&self) -> TableBackup {
        TableBackup { rows: self.rows.clone(), index: self.index.clone(), checker: self.checker.clone() }
    }

    /// Restores the rows. The stream keeps the changes so far.
    pub fn restore(&mut self, backup: TableBackup) {
        let checker = backup.checker.restored(&mut self.checker);
        (self.rows, self.index, self.checker) = (backup.rows, backup.index, checker);
        self.index_changes = IndexChanges::default();
    }

    /// Every row.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.rows.values().map(|(record, _)| record)
    }

    /// The row of a key.
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.rows.get(key).map(|(record, _)| record)
    }

    /// The rows of a kind.
    pub fn of_kind(&self, kind: RowKind) -> impl Iterator<Item = &Record> {
        self.rows.iter().filter(move |(key, _)| RowKind::of(key) == Some(kind)).map(|(_, (record, _))| record)
    }

    /// The rows whose condition does not hold.
    pub fn refusals(&self, writes: &[Write]) -> Vec<Refusal> {
        let refused = |write: &&Write| self.get(write.key()).map(|record| record.revision) != write.expect().revision();
        let stored = |key: &Key| self.get(key).cloned();
        writes.iter().filter(refused).map(|write| Refusal { key: write.key().clone(), stored: stored(write.key()) }).collect()
    }

    /// One page of a listing. A stale page shows the index as it was before the last write.
    pub fn page(&self, listing: &Listing, stale: bool) -> Page {
        let mut entries: Vec<(Key, Option<Key>)> = if listing.by_index {
            let IndexChanges { removed, added } = &self.index_changes;
            let first = (Key::new(listing.partition.as_str(), listing.prefix.as_str()), Key::new("", ""));
            let of_it = |entry: &&(Key, Key)| entry.0.pk == listing.partition && entry.0.sk.starts_with(&listing.prefix);
            let mut entries: BTreeSet<&(Key, Key)> = self.index.range(first..).take_while(of_it).collect();
            if stale {
                entries.retain(|entry| !added.contains(entry));
                entries.extend(removed.iter().filter(of_it));
            }
            entries.into_iter().map(|(index, key)| (key.clone(), Some(index.clone()))).collect()
        } else {
            let first = Key::new(listing.partition.as_str(), listing.prefix.as_str());
            let of_it = |key: &&Key| key.pk == listing.partition && key.sk.starts_with(&listing.prefix);
            let rows = self.rows.range(first..).map(|(key, _)| key).take_while(of_it);
            rows.map(|key| (key.clone(), None)).collect()
        };
        if let Some(after) = &listing.after {
            let place = |key: &Key, index: &Option<Key>| (index.clone(), key.clone());
            entries.retain(|(key, index)| place(key, index) > place(&after.key, &after.index));
        }
        let more = entries.len() > listing.limit;
        entries.truncate(listing.limit);
        let next = entries.last().filter(|_| more).map(|(key, index)| Cursor { key: key.clone(), index: index.clone() });
        let records = entries.iter().filter_map(|(key, _)| self.get(key).cloned()).collect();
        Page { records, next }
    }

    /// Applies a transaction. The caller has checked its conditions.
    pub fn apply(&mut self, writes: &[Write]) {
        self.apply_as(writes, SCHEMA_VERSION);
    }

    /// Applies a transaction of code of a schema version.
    pub fn apply_as(&mut self, writes: &[Write], version: u32) {
        self.index_changes = IndexChanges::default();
        for write in writes {
            let before = self.rows.get(write.key()).and_then(|(_, index)| index.clone());
            if let Some(entry) = before.map(|index| (index, write.key().clone())) {
                self.index.remove(&entry);
                self.index_changes.removed.push(entry);
            }
            match write {
                Write::Delete { key, .. } => {
                    self.checker.delete(key);
                    let old = self.rows.remove(key).map(|(record, _)| record);
                    if streamed(key) == Streamed::WrittenOrRemoved {
                        self.stream.push(Change { key: key.clone(), old, new: None });
                    }
                }
                Write::Put { key, index, .. } => {
                    let Some(mut record) = write.record() else { continue };
                    record.version = record.version.max(version);
                    self.checker.put(self.rows.get(key).map(|(record, _)| record), &record);
                    let new = (streamed(key) != Streamed::No).then(|| record.clone());
                    if let Some(entry) = index.clone().map(|index| (index, key.clone())) {
                        self.index.insert(entry.clone());
                        self.index_changes.added.push(entry);
                    }
                    let old = self.rows.insert(key.clone(), (record, index.clone())).map(|(record, _)| record);
                    if new.is_some() {
                        self.stream.push(Change { key: key.clone(), old, new });
                    }
                }
            }
        }
        self.checker.written();
    }
}

/// Which images of a row the stream carries.
fn streamed(key: &Key) -> Streamed {
    RowKey::parse(key).map_or(Streamed::No, |row| row.streamed())
}
