//! The catalog as the table holds it, with the conditions of the next writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, ShopItem, SystemId, SystemItem};
use crate::table::{Expect, Key, Record, Row, RowKey, UnreadableRow, Write};

/// The stored catalog, with the condition of the next write of each row.
#[derive(Debug, Clone, Default)]
pub struct StoredCatalog {
    catalog: Catalog,
    expects: BTreeMap<Key, Expect>,
    /// The systems that have a connector, or have sent an event.
    connected: BTreeSet<SystemId>,
}

impl StoredCatalog {
    /// The catalog in these records. Of connectors and heartbeats only the names of the systems are kept; records of other rows
    /// are ignored.
    ///
    /// # Errors
    /// When a row of the catalog cannot be read.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Result<Self, UnreadableRow> {
        let mut stored = Self::default();
        for record in records {
            stored.take(&record)?;
        }
        Ok(stored)
    }

    /// The rows of the catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The systems that are known: those with a connector, those that have sent an event, and those whose codes the catalog has.
    #[must_use]
    pub fn systems(&self) -> BTreeSet<&SystemId> {
        let of_locations = self.catalog.locations.values().flat_map(|location| location.systems.keys());
        let of_items = self.catalog.system_items.keys().map(|(system, _)| system);
        self.connected.iter().chain(of_locations).chain(of_items).collect()
    }

    /// The condition for a write of this row.
    pub(super) fn expect(&self, key: &Key) -> Expect {
        self.expects.get(key).cloned().unwrap_or(Expect::Absent)
    }

    /// Replaces a row by its current record.
    ///
    /// # Errors
    /// When it is a row of the catalog and cannot be read.
    pub fn take(&mut self, record: &Record) -> Result<(), UnreadableRow> {
        self.set(&record.key, Some(record))
    }

    /// Takes a write that the table has done.
    ///
    /// # Errors
    /// As [`StoredCatalog::take`].
    pub fn apply(&mut self, write: &Write) -> Result<(), UnreadableRow> {
        self.set(write.key(), write.record().as_ref())
    }

    /// Removes a row that the table no longer has.
    pub fn forget(&mut self, key: &Key) {
        self.set(key, None).expect("removing a row reads no record");
    }

    fn set(&mut self, key: &Key, record: Option<&Record>) -> Result<(), UnreadableRow> {
        let Some(row) = RowKey::parse(key) else { return Ok(()) };
        let catalog = &mut self.catalog;
        match row {
            RowKey::Tier(id) => put(&mut catalog.tiers, id, record)?,
            RowKey::Item(sku) => put(&mut catalog.items, sku, record)?,
            RowKey::WorkCentre(code) => put(&mut catalog.centres, code, record)?,
            RowKey::Location(code) => put(&mut catalog.locations, code, record)?,
            RowKey::ShopItem { shop, shop_sku } => {
                let named = |row: &ShopItem| (row.shop.clone(), row.shop_sku.clone());
                put_named(&mut catalog.mappings, (key, (shop, shop_sku)), record, named)?;
            }
            RowKey::ListedVariant { shop, variant } => put(&mut catalog.variants, (shop, variant), record)?,
            RowKey::SystemItem { system, code } => {
                let Ok(system) = system.parse() else { return Ok(()) };
                let named = |row: &SystemItem| (row.system.clone(), row.code.clone());
                put_named(&mut catalog.system_items, (key, (system, code)), record, named)?;
            }
            RowKey::Bill(parent) => put(&mut catalog.bills, parent, record)?,
            RowKey::WhereUsed(resource) => put(&mut catalog.used_in, resource, record)?,
            RowKey::System(code) => {
                self.connected.insert(code);
                return Ok(());
            }
            RowKey::Heartbeat(system) => {
                self.connected.extend(system.parse());
                return Ok(());
            }
            RowKey::Shop(_)
            | RowKey::BillVersion { .. }
            | RowKey::Position(_)
            | RowKey::Movement { .. }
            | RowKey::Order { .. }
            | RowKey::OrderToRead { .. }
            | RowKey::AppliedEvent(_)
            | RowKey::Deferred { .. }
            | RowKey::Commitment { .. }
            | RowKey::Receipts(_)
            | RowKey::Waiting { .. }
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
            Some(record) => self.expects.insert(key.clone(), Expect::as_read(Some(record))),
            None => self.expects.remove(key),
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

/// As [`put`], for a row whose key may hold only the beginning of its name and a hash: the content has the whole name.
fn put_named<O: Ord, R: Row>(
    rows: &mut BTreeMap<(O, String), R>,
    (key, id): (&Key, (O, String)),
    record: Option<&Record>,
    named: impl Fn(&R) -> (O, String),
) -> Result<(), UnreadableRow> {
    match record {
        Some(record) => {
            let row: R = content(record)?;
            rows.insert(named(&row), row);
        }
        None if rows.remove(&id).is_none() => rows.retain(|_, row| row.key() != *key),
        None => {}
    }
    Ok(())
}

/// The content of a row, checked to belong under its key.
fn content<R: Row>(record: &Record) -> Result<R, UnreadableRow> {
    let content: R = record.decode()?;
    if content.key() == record.key {
        return Ok(content);
    }
    let detail = format!("its content belongs to the key {}", content.key());
    Err(UnreadableRow { key: record.key.to_string(), detail })
}
