//! Prepares a table that was restored to an earlier time.
//!
//! The rows of such a table state what had been sent to the shop and to the bus by that time, and not what was sent later. A
//! difference that is computed from such a row would be applied a second time. So every level is initialised anew, every metafield
//! and every alert is sent again, and no push continues a call of that time. A cancelled order is forwarded even if
//! the table does not know that it was forwarded. Everything else either is repeated by the shop and
//! the source systems, or is computed again from what they repeat.

use serde::Serialize;

use crate::catalog::ShopSettings;
use crate::flows::write_if_unchanged;
use crate::ports::{Clock, Store, StoreError};
use crate::storefront::{Level, PushIntent, VariantMetafield};
use crate::table::{Expect, Record, Row, RowKey, UnreadableRow, Write, rewrite};

/// What was prepared of the rows that were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Prepared {
    /// Rows that were looked at.
    pub rows: u64,
    /// Levels that are initialised anew.
    pub levels: u64,
    /// Metafields that are sent again.
    pub metafields: u64,
    /// Shops whose cancelled orders are forwarded, although the table does not know that the orders were.
    pub shops: u64,
    /// Push intents that no push continues.
    pub intents: u64,
    /// Alerts that are published again.
    pub alerts: u64,
    /// Rows that cannot be read. The functions compute them anew, or name them in an alert.
    pub unreadable: u64,
    /// Rows that another function changed meanwhile. There must be none: the table is in use already.
    pub changed: u64,
}

impl Prepared {
    /// Adds what was prepared of other rows.
    pub fn add(&mut self, more: &Self) {
        let Self { rows, levels, metafields, shops, intents, alerts, unreadable, changed } = more;
        self.rows += rows;
        self.levels += levels;
        self.metafields += metafields;
        self.shops += shops;
        self.intents += intents;
        self.alerts += alerts;
        self.unreadable += unreadable;
        self.changed += changed;
    }
}

/// Prepares these rows of a restored table. Preparing a row again changes nothing that matters, so an interrupted run is repeated from
/// the beginning. The caller passes every row of the table, and then requests the refresh of all items.
///
/// # Errors
/// When the store fails, or a row can never be written.
pub async fn prepare_restored<S: Store, C: Clock>(store: &S, clock: &C, records: &[Record]) -> Result<Prepared, StoreError> {
    let mut prepared = Prepared::default();
    for record in records {
        prepared.rows += 1;
        let (write, count) = match RowKey::parse(&record.key) {
            Some(RowKey::Level { .. }) => (rewritten(record, |level: &Level| level.forgotten()), &mut prepared.levels),
            Some(RowKey::Metafield { .. }) => {
                (rewritten(record, |metafield: &VariantMetafield| metafield.forgotten()), &mut prepared.metafields)
            }
            Some(RowKey::Intent(shop)) => {
                let replace = |intent: &PushIntent| {
                    (!intent.is_replacement()).then(|| PushIntent::in_place_of_revision(record.revision, shop, clock.now()))
                };
                (rewritten(record, replace), &mut prepared.intents)
            }
            Some(RowKey::Shop(_)) => {
                let restored = |shop: &ShopSettings| Some(ShopSettings { restored_at: Some(clock.now()), ..shop.clone() });
                (rewritten(record, restored), &mut prepared.shops)
            }
            // Written without a change, so that the stream carries it again.
            Some(RowKey::Alert(_)) => (rewrite(record).map(Some), &mut prepared.alerts),
            Some(_) | None => continue,
        };
        match write {
            Ok(None) => {}
            Ok(Some(write)) => *if write_if_unchanged(store, &[write]).await? { count } else { &mut prepared.changed } += 1,
            Err(error) => {
                tracing::error!(%error, "a row of the restored table cannot be read");
                prepared.unreadable += 1;
            }
        }
    }
    Ok(prepared)
}

/// The write of a row as `change` makes it; `None` if it stays as it is.
fn rewritten<R: Row>(record: &Record, change: impl FnOnce(&R) -> Option<R>) -> Result<Option<Write>, UnreadableRow> {
    let changed = change(&record.decode::<R>()?);
    Ok(changed.map(|row| Write::put(&row, Expect::as_read(Some(record)))))
}
