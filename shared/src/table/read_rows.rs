//! The rows that a flow has read: what it decides from, and what its writes expect to find.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::key::{Key, RowKey};
use super::row::{Expect, Record, Row, UnreadableRow, Write};
use crate::alert::{Alert, AlertState, AlertSubject};

/// Rows by name, each as it was read. A row that was asked for and does not exist is known to be absent.
#[derive(Debug, Clone, Default)]
pub struct ReadRows(BTreeMap<Key, Option<Record>>);

impl ReadRows {
    /// Rows that were read, in the order of `keys`.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Key>, records: impl IntoIterator<Item = Option<Record>>) -> Self {
        Self(keys.into_iter().zip(records).collect())
    }

    /// The row as it was stored; `None` where there is none.
    ///
    /// # Panics
    /// When the row was not read.
    #[must_use]
    pub fn record(&self, row: &RowKey) -> Option<&Record> {
        self.0.get(&row.key()).unwrap_or_else(|| panic!("the {row} was read")).as_ref()
    }

    /// The typed row; `None` where there is none, and where a derived row cannot be read.
    ///
    /// # Errors
    /// When another stored row has another shape.
    ///
    /// # Panics
    /// When the row was not read.
    pub fn get<R: Row>(&self, row: &RowKey) -> Result<Option<R>, UnreadableRow> {
        self.record(row).map_or(Ok(None), Record::content)
    }

    /// The typed row; `None` where there is none. For a function that uses a derived row and does not write it.
    ///
    /// # Errors
    /// When the stored row has another shape, also if it is a derived row.
    ///
    /// # Panics
    /// When the row was not read.
    pub fn decoded<R: Row>(&self, row: &RowKey) -> Result<Option<R>, UnreadableRow> {
        self.record(row).map(Record::decode).transpose()
    }

    /// The typed rows among these, in their order, without those that do not exist.
    ///
    /// # Errors
    /// When a stored row has another shape.
    ///
    /// # Panics
    /// When a row was not read.
    pub fn all<'a, R: Row>(&self, rows: impl IntoIterator<Item = &'a RowKey>) -> Result<Vec<R>, UnreadableRow> {
        rows.into_iter().filter_map(|row| self.get(row).transpose()).collect()
    }

    /// Writes `row` in the place of what was read.
    ///
    /// # Panics
    /// When the row was not read.
    #[must_use]
    pub fn put<R: Row>(&self, row: &R) -> Write {
        Write::put(row, Expect::as_read(self.record(&row.row_key())))
    }

    /// Deletes what was read; `None` where there was nothing.
    ///
    /// # Panics
    /// When the row was not read.
    #[must_use]
    pub fn delete(&self, row: &RowKey) -> Option<Write> {
        self.record(row).map(Write::delete)
    }

    /// Raises or clears an alert; `None` where it is in that state already.
    ///
    /// # Errors
    /// When the stored alert has another shape.
    ///
    /// # Panics
    /// When the alert was not read.
    pub fn turn_alert(
        &self,
        subject: AlertSubject,
        state: AlertState,
        detail: String,
        now: Timestamp,
    ) -> Result<Option<Write>, UnreadableRow> {
        let record = self.record(&RowKey::Alert(subject.clone()));
        let known = record.map(|record| record.decode().unwrap_or_else(|_| Alert::lost(subject.clone(), state, now)));
        Ok(Alert::next(known.as_ref(), subject, state, detail, now).map(|next| self.put(&next)))
    }
}
