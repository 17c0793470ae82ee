//! The catalogue as the table holds it, with the revisions that writes must name.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::table::{Expect, Key, Record, Row, RowKey, UnreadableRow};

/// What the table holds, with the revision of each row.
#[derive(Debug, Clone, Default)]
pub struct StoredCatalog {
    catalogue: Catalog,
    revisions: BTreeMap<Key, u64>,
}

impl StoredCatalog {
    /// What these rows hold; rows that are not of the catalogue are passed over.
    ///
    /// # Errors
    /// When one of the catalogue cannot be read.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Result<Self, UnreadableRow> {
        let mut stored = Self::default();
        for record in records {
            stored.take(&record)?;
        }
        Ok(stored)
    }

    /// The rows.
    #[must_use]
    pub fn catalogue(&self) -> &Catalog {
        &self.catalogue
    }

    /// What a write of this row must expect.
    pub(super) fn expect(&self, key: &Key) -> Expect {
        self.revisions.get(key).map_or(Expect::Absent, |revision| Expect::Revision(*revision))
    }

    /// Takes a row as it is now.
    ///
    /// # Errors
    /// When it is of the catalogue and cannot be read.
    pub fn take(&mut self, record: &Record) -> Result<(), UnreadableRow> {
        self.set(&record.key, Some(record))
    }

    /// Takes it that there is no such row now.
    pub fn forget(&mut self, key: &Key) {
        self.set(key, None).expect("a row that is not there is not read");
    }

    fn set(&mut self, key: &Key, record: Option<&Record>) -> Result<(), UnreadableRow> {
        let Some(row) = RowKey::parse(key) else { return Ok(()) };
        let catalogue = &mut self.catalogue;
        match row {
            RowKey::Tier(id) => put(&mut catalogue.tiers, id, record)?,
            RowKey::Item(sku) => put(&mut catalogue.items, sku, record)?,
            RowKey::WorkCentre(code) => put(&mut catalogue.centres, code, record)?,
            RowKey::Location(code) => put(&mut catalogue.locations, code, record)?,
            RowKey::ShopItem { shop, shop_sku } => put(&mut catalogue.mappings, (shop, shop_sku), record)?,
            RowKey::SystemItem { system, code } => {
                let Ok(system) = system.parse() else { return Ok(()) };
                put(&mut catalogue.system_items, (system, code), record)?;
            }
            RowKey::Bill(parent) => put(&mut catalogue.bills, parent, record)?,
            RowKey::WhereUsed(component) => put(&mut catalogue.used_in, component, record)?,
            RowKey::BillVersion { .. }
            | RowKey::Position(_)
            | RowKey::Movement { .. }
            | RowKey::Order { .. }
            | RowKey::OrderToRead { .. }
            | RowKey::AppliedEvent(_)
            | RowKey::Deferred { .. }
            | RowKey::Commitment { .. }
            | RowKey::Receipts(_)
            | RowKey::Waiting { .. }
            | RowKey::Heartbeat(_)
            | RowKey::System(_)
            | RowKey::FeedWatermark { .. }
            | RowKey::FullRefresh { .. }
            | RowKey::Promise(_)
            | RowKey::Plan(_)
            | RowKey::PlanOf(_)
            | RowKey::Level { .. }
            | RowKey::Metafield { .. }
            | RowKey::Intent(_)
            | RowKey::Call { .. }
            | RowKey::OrderWatermark(_)
            | RowKey::CompareProgress(_)
            | RowKey::CompareReport { .. }
            | RowKey::Refresh
            | RowKey::Alert(_) => return Ok(()),
        }
        match record {
            Some(record) => self.revisions.insert(key.clone(), record.revision),
            None => self.revisions.remove(key),
        };
        Ok(())
    }
}

fn put<K: Ord, R: Row>(rows: &mut BTreeMap<K, R>, id: K, record: Option<&Record>) -> Result<(), UnreadableRow> {
    match record {
        Some(record) => rows.insert(id, content(record)?),
        None => rows.remove(&id),
    };
    Ok(())
}

/// A row's content, when it is where it says it belongs.
fn content<R: Row>(record: &Record) -> Result<R, UnreadableRow> {
    let content: R = record.decode()?;
    if content.key() == record.key {
        return Ok(content);
    }
    let detail = format!("it says that it is {}", content.key());
    Err(UnreadableRow { key: record.key.to_string(), detail })
}
