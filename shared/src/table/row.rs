//! Rows as they are read and written: the envelope around every stored type.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::index::IndexKey;
use super::key::{Key, RowKey};
use super::schema::{SCHEMA_VERSION, keep_unknown};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is stored.
    pub key: Key,
    /// Counts its writes, from 1.
    pub revision: u64,
    /// The schema version of the code that wrote it.
    pub version: u32,
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
        R::deserialize(&self.body)
            .map_err(|error| UnreadableRow { key: self.key.to_string(), detail: self.why(&error.to_string()) })
    }

    /// Why the row cannot be read, and what to do if it is too new for this code.
    fn why(&self, error: &str) -> String {
        if self.version > SCHEMA_VERSION {
            let version = self.version;
            format!(
                "{error}; code of schema version {version} wrote it, and this code reads version {SCHEMA_VERSION}: deploy version {version} or a newer one"
            )
        } else {
            error.to_owned()
        }
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

    /// The time from which the retention of its kind counts. `None` while the row must be kept.
    fn kept_from(&self) -> Option<Timestamp> {
        None
    }

    /// Where the row is stored.
    fn key(&self) -> Key {
        self.row_key().key()
    }
}

/// What a write expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the row must not exist.
    Absent,
    /// The revision of the row as it was read.
    Revision(u64),
    /// The row as it was read. A newer version of the code wrote it, and a put keeps what only that version knows.
    Newer(Arc<Record>),
}

impl Expect {
    /// Expects what a read returned.
    #[must_use]
    pub fn as_read(record: Option<&Record>) -> Self {
        match record {
            None => Self::Absent,
            Some(found) if found.version > SCHEMA_VERSION => Self::Newer(Arc::new(found.clone())),
            Some(found) => Self::Revision(found.revision),
        }
    }

    /// The revision that the row must have; `None` where there must be no row.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Revision(revision) => Some(*revision),
            Self::Newer(record) => Some(record.revision),
        }
    }

    /// The revision that a write under this condition leaves.
    #[must_use]
    pub fn next_revision(&self) -> u64 {
        self.revision().map_or(1, |revision| revision + 1)
    }

    /// The schema version that a put under this condition leaves. A row that keeps fields of a newer version keeps that version, so that the
    /// next rewrite keeps the fields too.
    #[must_use]
    pub fn next_version(&self) -> u32 {
        match self {
            Self::Absent | Self::Revision(_) => SCHEMA_VERSION,
            Self::Newer(record) => record.version,
        }
    }

    /// Expects what a write under this condition leaves.
    #[must_use]
    pub fn after(&self) -> Self {
        match self {
            Self::Absent | Self::Revision(_) => Self::Revision(self.next_revision()),
            Self::Newer(record) => Self::Newer(Arc::new(Record { revision: self.next_revision(), ..Record::clone(record) })),
        }
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
        /// When DynamoDB may delete the row.
        expires_at: Option<Timestamp>,
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
    /// Puts a typed row, with what only a newer version of the code knows of the row that it replaces. A row that this code cannot read is
    /// written anew and keeps nothing.
    #[must_use]
    pub fn put<R: Row>(row: &R, mut expect: Expect) -> Self {
        let mut body = body_of(row);
        if let Expect::Newer(stored) = &expect {
            match stored.decode::<R>() {
                Ok(known) => keep_unknown(&mut body, &body_of(&known), &stored.body),
                Err(_) => expect = Expect::Revision(stored.revision),
            }
        }
        let name = row.row_key();
        let expires_at = name.retention().end(row.kept_from());
        Self::Put { key: name.key(), body, index: row.index().map(|entry| entry.key()), expires_at, expect }
    }

    /// Deletes a row that was read.
    #[must_use]
    pub fn delete(record: &Record) -> Self {
        Self::Delete { key: record.key.clone(), expect: Expect::Revision(record.revision) }
    }

    /// The row that it leaves; `None` for a deletion.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        match self {
            Self::Put { key, body, expect, .. } => Some(Record {
                key: key.clone(),
                revision: expect.next_revision(),
                version: expect.next_version(),
                body: body.clone(),
            }),
            Self::Delete { .. } => None,
        }
    }

    /// What it expects to find.
    #[must_use]
    pub fn expect(&self) -> &Expect {
        match self {
            Self::Put { expect, .. } | Self::Delete { expect, .. } => expect,
        }
    }

    /// The key of the row that it writes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }
}

fn body_of<R: Row>(row: &R) -> Value {
    serde_json::to_value(row).expect("rows have string keys and finite numbers, so they always serialise")
}
