//! The store port: rows in one table, read by key and written by condition.
//!
//! Every mutable row carries a revision. A write names the revision it replaces, or requires that the row does not exist, and
//! a list of writes happens completely or not at all. The ledger depends on this rule: no row changes between a decision and
//! its write. Deliberately absent: scans, unconditional puts, partial updates, and transactions over more than
//! [`MAX_WRITES`](crate::table::MAX_WRITES) rows.

use std::future::Future;

use crate::table::{
    Expect, IndexPartition, Key, Partition, ReadRows, Record, Row, RowFault, RowKey, UnreadableRow, UnwritableRow, Write,
};

/// A row that did not meet the condition of its write, with its stored state.
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
    /// At least one condition did not hold. The error carries the stored rows, so a retry needs no read.
    #[error("{} rows were not as expected, the first is {}", .0.len(), .0.first().map_or_else(String::new, |r| r.key.to_string()))]
    Refused(Vec<Refusal>),
    /// Another transaction was writing one of the rows. Nothing was written. Retry at once.
    #[error("another transaction holds one of the rows")]
    Conflict,
    /// The store failed. When it is unavailable, the write may or may not have happened; repeating it is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UnreadableRow> for WriteError {
    fn from(error: UnreadableRow) -> Self {
        Self::Store(error.into())
    }
}

impl From<UnwritableRow> for WriteError {
    fn from(error: UnwritableRow) -> Self {
        Self::Store(error.into())
    }
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
    #[error(transparent)]
    Unreadable(#[from] UnreadableRow),
    /// A row can never be written as it is. The transaction that contains it was not executed.
    #[error(transparent)]
    Unwritable(#[from] UnwritableRow),
    /// The store rejects the call, for example because the role of the function does not allow it.
    #[error("the store rejects the call: {detail}")]
    Rejected {
        /// What was tried and what came back.
        detail: String,
    },
}

impl From<RowFault> for StoreError {
    fn from(fault: RowFault) -> Self {
        match fault {
            RowFault::Unreadable(row) => Self::Unreadable(row),
            RowFault::Unwritable(row) => Self::Unwritable(row),
        }
    }
}

impl StoreError {
    /// The row that cannot be read or written. The same call fails again until a person repairs the row, and only what needs the row
    /// must be left out. A store that is unavailable, or that rejects a call of a function, fails every call: those must be repeated.
    #[must_use]
    pub fn faulty_row(&self) -> Option<RowFault> {
        match self {
            Self::Unreadable(row) => Some(row.clone().into()),
            Self::Unwritable(row) => Some(row.clone().into()),
            Self::Unavailable { .. } | Self::Rejected { .. } => None,
        }
    }
}

/// Rows to list, in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The partition: of the table, or of the index.
    pub partition: String,
    /// Only rows whose sort key begins with this prefix.
    pub prefix: String,
    /// List by index entry instead of by row key. The index follows the table with a delay.
    pub by_index: bool,
    /// The most rows of one page.
    pub limit: usize,
    /// Continue after this position, as returned by the page before.
    pub after: Option<Cursor>,
}

impl Listing {
    /// Every row of `partition`.
    #[must_use]
    pub fn rows(partition: &Partition) -> Self {
        let (partition, prefix) = partition.key_and_prefix();
        Self { partition, prefix, by_index: false, limit: 1_000, after: None }
    }

    /// Every row of a stored partition key whose sort key begins with `prefix`: for a partition whose key may be damaged.
    #[must_use]
    pub fn stored(partition: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { partition: partition.into(), prefix: prefix.into(), by_index: false, limit: 1_000, after: None }
    }

    /// Every row in `partition` of the index.
    #[must_use]
    pub fn index(partition: &IndexPartition, limit: usize) -> Self {
        Self { partition: partition.key(), prefix: String::new(), by_index: true, limit, after: None }
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

/// The table. Reads by key see every write that was acknowledged before the read.
pub trait Store: Sync {
    /// Reads rows by key, in the order of `keys`; a missing row is `None`. Keys must be distinct.
    fn get(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Option<Record>>, StoreError>> + Send;

    /// Writes all of `writes` (1 to [`MAX_WRITES`](crate::table::MAX_WRITES), distinct keys) or none.
    fn write(&self, writes: &[Write]) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Lists one page of rows. A listing by key is consistent. A listing by index may miss the newest writes.
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

/// Reads one typed row (a derived one that cannot be read counts as absent), together with the condition that a later write of the row must carry.
///
/// # Errors
/// As [`Store::get`], and when the row has another shape.
pub async fn read<R: Row, S: Store>(store: &S, row: &RowKey) -> Result<(Option<R>, Expect), StoreError> {
    let record = store.get(&[row.key()]).await?.pop().flatten();
    let expect = Expect::as_read(record.as_ref());
    Ok((record.as_ref().map_or(Ok(None), Record::content)?, expect))
}

/// Reads several rows in one call.
///
/// # Errors
/// As [`Store::get`].
pub async fn read_rows<S: Store>(store: &S, rows: impl IntoIterator<Item = RowKey>) -> Result<ReadRows, StoreError> {
    let keys: Vec<Key> = rows.into_iter().map(|row| row.key()).collect();
    let records = store.get(&keys).await?;
    Ok(ReadRows::new(keys, records))
}
