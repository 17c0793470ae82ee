//! The store port: rows in one table, read by key and written by condition.
//!
//! Every mutable row carries a revision. A write says which revision it replaces, or that the row must not exist, and a
//! whole list of writes happens or none of it does. That one rule carries the ledger: nothing is edited behind the back
//! of a decision. Deliberately absent: scans, unconditional puts, partial updates, transactions over more than
//! [`MAX_WRITES`] rows.

use std::fmt;
use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The most rows one atomic write may touch (DynamoDB's `TransactWriteItems`).
pub const MAX_WRITES: usize = 100;

/// Where a row lives: partition and sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition: the thing the row belongs to.
    pub pk: String,
    /// The row within its partition.
    pub sk: String,
}

impl Key {
    /// A key from its two parts.
    #[must_use]
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key of a partition's one main row.
    #[must_use]
    pub fn head(pk: impl Into<String>) -> Self {
        Self::new(pk, "HEAD")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it lives.
    pub key: Key,
    /// Counts its writes, from 1.
    pub revision: u64,
    /// Its content.
    pub body: Value,
}

impl Record {
    /// The typed content.
    ///
    /// # Errors
    /// When the stored row does not have the shape of `R`: a newer or older version of the code wrote it.
    pub fn decode<R: Row>(&self) -> Result<R, StoreError> {
        R::deserialize(&self.body).map_err(|error| StoreError::Corrupt { key: self.key.to_string(), detail: error.to_string() })
    }
}

/// A typed row: it knows where it lives and under which index entry it is found.
pub trait Row: Serialize + DeserializeOwned {
    /// Where the row lives.
    fn key(&self) -> Key;

    /// The entry of the sparse index that leads to it, if it is to be found that way now.
    fn index(&self) -> Option<Key> {
        None
    }
}

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the row must not exist.
    Absent,
    /// The row as it was read.
    Revision(u64),
}

impl Expect {
    /// Expects what a read returned.
    #[must_use]
    pub fn as_read(record: Option<&Record>) -> Self {
        record.map_or(Self::Absent, |found| Self::Revision(found.revision))
    }

    /// The revision that a write under this condition leaves.
    #[must_use]
    pub fn next_revision(self) -> u64 {
        match self {
            Self::Absent => 1,
            Self::Revision(revision) => revision + 1,
        }
    }

    /// Expects what a write under this condition leaves.
    #[must_use]
    pub fn after(self) -> Self {
        Self::Revision(self.next_revision())
    }
}

/// One conditional write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts the whole row; its revision becomes one more than the one expected.
    Put {
        /// Where.
        key: Key,
        /// The whole new content: an object.
        body: Value,
        /// The index entry the row has from now on.
        index: Option<Key>,
        /// The condition.
        expect: Expect,
    },
    /// Deletes the row.
    Delete {
        /// Where.
        key: Key,
        /// The condition.
        expect: Expect,
    },
}

impl Write {
    /// Puts a typed row.
    #[must_use]
    pub fn put<R: Row>(row: &R, expect: Expect) -> Self {
        let body = serde_json::to_value(row).expect("rows have string keys and finite numbers, so they always serialise");
        Self::Put { key: row.key(), body, index: row.index(), expect }
    }

    /// Where it writes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }
}

/// A row that was not what its write expected, with what is there instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The key of the refused write.
    pub key: Key,
    /// The row as it is now; `None` when there is none.
    pub stored: Option<Record>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// At least one condition did not hold. The stored rows come along, so a retry needs no read.
    #[error("{} rows were not as expected, the first is {}", .0.len(), .0.first().map_or_else(String::new, |r| r.key.to_string()))]
    Refused(Vec<Refusal>),
    /// Another transaction was at work on one of the rows. Nothing was written; try again at once.
    #[error("another transaction holds one of the rows")]
    Conflict,
    /// The store failed. The write may or may not have happened; repeating it is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, timed out or unreachable: try again later.
    #[error("the store is unavailable: {detail}")]
    Unavailable {
        /// What was tried and what came back.
        detail: String,
        /// The adapter's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A row does not have the shape this code expects.
    #[error("the row {key} cannot be read: {detail}")]
    Corrupt {
        /// Which row.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// Rows to list, in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The partition: of the table, or of the index.
    pub partition: String,
    /// Only sort keys that begin so.
    pub prefix: String,
    /// List by index entry instead of by row key. The index follows the table with a delay.
    pub by_index: bool,
    /// At most this many rows.
    pub limit: usize,
    /// Continue after this position, as returned by the page before.
    pub after: Option<Cursor>,
}

impl Listing {
    /// Every row of `partition` whose sort key begins with `prefix`.
    #[must_use]
    pub fn rows(partition: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { partition: partition.into(), prefix: prefix.into(), by_index: false, limit: 1_000, after: None }
    }

    /// Every row found under `partition` of the index.
    #[must_use]
    pub fn index(partition: impl Into<String>, limit: usize) -> Self {
        Self { partition: partition.into(), prefix: String::new(), by_index: true, limit, after: None }
    }
}

/// A position in a listing: the row's key, and its index entry when listed by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The last row seen.
    pub key: Key,
    /// Its index entry.
    pub index: Option<Key>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The rows, in order.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// The table. Reads by key see every write that was acknowledged before them.
pub trait Store: Sync {
    /// Reads rows by key, in the order of `keys`; a missing row is `None`. Keys must be distinct.
    fn get(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Option<Record>>, StoreError>> + Send;

    /// Writes all of `writes` (1 to [`MAX_WRITES`], distinct keys) or none.
    fn write(&self, writes: &[Write]) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Lists one page of rows. By key: consistent. By index: may miss the newest.
    fn list(&self, listing: &Listing) -> impl Future<Output = Result<Page, StoreError>> + Send;
}

/// Lists every row, page after page.
///
/// # Errors
/// As [`Store::list`].
pub async fn list_all<S: Store>(store: &S, mut listing: Listing) -> Result<Vec<Record>, StoreError> {
    let mut all = Vec::new();
    loop {
        let page = store.list(&listing).await?;
        all.extend(page.records);
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(all),
        }
    }
}

/// Reads one typed row with the condition that a later write of it must carry.
///
/// # Errors
/// As [`Store::get`], and when the row has another shape.
pub async fn read<R: Row, S: Store>(store: &S, key: Key) -> Result<(Option<R>, Expect), StoreError> {
    let record = store.get(&[key]).await?.pop().flatten();
    let expect = Expect::as_read(record.as_ref());
    Ok((record.map(|found| found.decode()).transpose()?, expect))
}
