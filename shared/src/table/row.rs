//! Rows as they are read and written: the envelope around every stored type.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::index::IndexKey;
use super::key::{Key, RowKey};
use super::stored::UnwritableRow;

/// The most rows one atomic write may touch (DynamoDB's `TransactWriteItems`).
pub const MAX_WRITES: usize = 100;

/// A stored row that this code cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row {key} cannot be read: {detail}")]
pub struct UnreadableRow {
    /// The key of the row.
    pub key: String,
    /// What is wrong with it.
    pub detail: String,
}

impl UnreadableRow {
    /// The name of the row, if its key has one.
    #[must_use]
    pub fn name(&self) -> Option<RowKey> {
        RowKey::parse(&Key::parse(&self.key)?)
    }
}

/// A row that cannot be read, or can never be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableRow),
    /// It can never be written.
    #[error(transparent)]
    Unwritable(#[from] UnwritableRow),
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it is stored.
    pub key: Key,
    /// Counts its writes, from 1.
    pub revision: u64,
    /// Its content.
    pub body: Value,
}

impl Record {
    /// The typed content. A derived row that cannot be read counts as absent: the function that needs it computes it and writes it anew.
    ///
    /// # Errors
    /// As [`Record::decode`], for other rows.
    pub fn content<R: Row>(&self) -> Result<Option<R>, UnreadableRow> {
        match self.decode() {
            Ok(row) => Ok(Some(row)),
            Err(error) if R::IS_DERIVED => {
                tracing::error!(%error, "a derived row cannot be read and is computed anew");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The typed content.
    ///
    /// # Errors
    /// When the stored row does not have the shape of `R`: a newer or older version of the code wrote it.
    pub fn decode<R: Row>(&self) -> Result<R, UnreadableRow> {
        R::deserialize(&self.body).map_err(|error| UnreadableRow { key: self.key.to_string(), detail: error.to_string() })
    }
}

/// A typed row: it knows its key and its entry in the index.
pub trait Row: Serialize + DeserializeOwned {
    /// Whether the row is computed from other rows, or only remembers how far a job has come.
    const IS_DERIVED: bool = false;

    /// The name of the row.
    fn row_key(&self) -> RowKey;

    /// The entry of the sparse index under which the row is found now, if any.
    fn index(&self) -> Option<IndexKey> {
        None
    }

    /// Where the row is stored.
    fn key(&self) -> Key {
        self.row_key().key()
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
        /// The key of the row.
        key: Key,
        /// The whole new content: an object.
        body: Value,
        /// The index entry the row has from now on.
        index: Option<Key>,
        /// What the write expects to find.
        expect: Expect,
    },
    /// Deletes the row.
    Delete {
        /// The key of the row.
        key: Key,
        /// What the write expects to find.
        expect: Expect,
    },
}

impl Write {
    /// Puts a typed row.
    #[must_use]
    pub fn put<R: Row>(row: &R, expect: Expect) -> Self {
        let body = serde_json::to_value(row).expect("rows have string keys and finite numbers, so they always serialise");
        Self::Put { key: row.key(), body, index: row.index().map(|entry| entry.key()), expect }
    }

    /// The key of the row that it writes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }
}
