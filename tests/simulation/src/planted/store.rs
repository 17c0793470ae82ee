//! The store port of the handlers, with the planted bug in it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use promissory::catalog::ShopDomain;
use promissory::ports::{Listing, Page, Store, StoreError, WriteError};
use promissory::table::{Expect, IndexPartition, Key, Record, RowKind, SCHEMA_VERSION, Write};
use promissory_fakes::shopify::ShopConfig;
use serde_json::Value;

use super::PlantedBug;
use crate::roles::Role;
use crate::store::SimStore;
use crate::tasks::give_way;

/// How often a slow writer yields before it writes.
const SLOW: usize = 40;

/// A store that makes one kind of mistake, or none.
#[derive(Debug, Clone)]
pub struct PlantedStore {
    inner: SimStore,
    bug: Option<PlantedBug>,
    /// The levels as they were when their hint was written.
    hinted: Arc<Mutex<BTreeMap<Key, Record>>>,
    /// True after a listing of the due levels: the next read is the one from which the pusher plans.
    planning: Arc<AtomicBool>,
}

impl PlantedStore {
    /// Wraps `inner` with the planted bug.
    #[must_use]
    pub fn new(inner: SimStore, bug: Option<PlantedBug>) -> Self {
        Self { inner, bug, hinted: Arc::default(), planning: Arc::default() }
    }

    /// A store that calls with the role of a function. A planted bug needs no permission, because it must be caught by what it does.
    #[must_use]
    pub fn acting_as(&self, function: &str) -> Self {
        let store = self.clone();
        if store.bug.is_some() { store } else { Self { inner: store.inner.acting_as(Role::of(function)), ..store } }
    }

    /// The same writes with conditions that hold against the current rows.
    fn unconditional(&self, writes: &[Write]) -> Vec<Write> {
        let table = self.inner.table();
        let mut writes = writes.to_vec();
        for write in &mut writes {
            let stored = Expect::as_read(table.get(write.key()));
            match write {
                Write::Put { expect, .. } | Write::Delete { expect, .. } => *expect = stored,
            }
        }
        writes
    }

    /// Writes `first` and `then` as two transactions.
    async fn torn(&self, first: Vec<Write>, then: Vec<Write>) -> Result<(), WriteError> {
        for part in [first, then] {
            if !part.is_empty() {
                self.inner.write(&part).await?;
            }
        }
        Ok(())
    }

    /// Writes all rows except those that `some` selects.
    async fn without(&self, writes: &[Write], some: impl Fn(&Write) -> bool) -> Result<(), WriteError> {
        let kept: Vec<Write> = writes.iter().filter(|write| !some(write)).cloned().collect();
        if kept.is_empty() { Ok(()) } else { self.inner.write(&kept).await }
    }

    /// The planted mistakes that do not know a field of a row.
    fn forget_fields<'a>(&self, records: impl Iterator<Item = &'a mut Record>) {
        match self.bug {
            Some(PlantedBug::TimeZoneIgnored) => forget(records, RowKind::Location, "time_zone"),
            Some(PlantedBug::ClaimsForgotten) => forget(records, RowKind::Level, "unclaimed"),
            Some(PlantedBug::KitsNotKept) => forget(records, RowKind::Plan, "kept_for_kits"),
            Some(PlantedBug::ComponentsForgotten) => forget(records, RowKind::Order, "components"),
            Some(PlantedBug::NewerFieldLost) => records.for_each(|record| record.version = SCHEMA_VERSION),
            _ => {}
        }
    }

    fn remember_hints(&self, writes: &[Write]) {
        let mut hinted = self.hinted.lock().unwrap_or_else(PoisonError::into_inner);
        for write in writes {
            if let Write::Put { key, body, index: Some(_), .. } = write
                && RowKind::of(key) == Some(RowKind::Level)
            {
                hinted.entry(key.clone()).or_insert_with(|| Record {
                    key: key.clone(),
                    revision: 0,
                    version: SCHEMA_VERSION,
                    body: body.clone(),
                });
            }
        }
    }
}

fn touches(writes: &[Write], kind: RowKind) -> bool {
    writes.iter().any(|write| is_of(write, kind))
}

fn is_mark(write: &Write) -> bool {
    is_of(write, RowKind::AppliedEvent)
}

fn is_of(write: &Write, kind: RowKind) -> bool {
    RowKind::of(write.key()) == Some(kind)
}

fn is_put(write: &Write) -> bool {
    matches!(write, Write::Put { .. })
}

fn clears_an_alert(write: &Write) -> bool {
    match write {
        Write::Put { key, body, .. } => RowKind::of(key) == Some(RowKind::Alert) && body["state"] == "cleared",
        Write::Delete { .. } => false,
    }
}

/// Removes a field of each of the parts that a row of a kind has.
fn forget_in_parts(write: &mut Write, kind: RowKind, parts: &str, field: &str) {
    let Write::Put { key, body, .. } = write else { return };
    if let Some(parts) = body.get_mut(parts).and_then(Value::as_object_mut).filter(|_| RowKind::of(key) == Some(kind)) {
        parts.values_mut().filter_map(Value::as_object_mut).for_each(|part| drop(part.remove(field)));
    }
}

/// Removes a field of the rows of a kind.
fn forget<'a>(records: impl Iterator<Item = &'a mut Record>, kind: RowKind, field: &str) {
    for record in records {
        if let Some(body) = record.body.as_object_mut().filter(|_| RowKind::of(&record.key) == Some(kind)) {
            body.remove(field);
        }
    }
}

/// Writes a quarantined order as one that was read.
fn settle_quarantined(write: &mut Write) {
    let Write::Put { key, body, index, .. } = write else { return };
    if let Some(order) = body.as_object_mut().filter(|_| RowKind::of(key) == Some(RowKind::Order))
        && order.remove("unreadable").is_some()
    {
        *index = None;
    }
}

/// Sets the offered quantity of every finished good in a plan to the highest one.
fn plan_alone(write: &mut Write) {
    let Write::Put { key, body, .. } = write else { return };
    let Some(finished_goods) = body["finished_goods"].as_object_mut().filter(|_| RowKind::of(key) == Some(RowKind::Plan)) else {
        return;
    };
    let most = finished_goods.values().filter_map(|planned| planned["offered"].as_i64()).max();
    finished_goods
        .values_mut()
        .filter(|planned| planned.get("late").is_none())
        .for_each(|planned| planned["offered"] = most.into());
}

impl Store for PlantedStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut records = self.inner.get(keys).await?;
        if self.bug == Some(PlantedBug::PayloadTrusted) && self.planning.swap(false, Ordering::Relaxed) {
            let mut hinted = self.hinted.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, record) in keys.iter().zip(&mut records) {
                if let Some(old) = hinted.remove(key) {
                    *record = Some(old);
                }
            }
        }
        self.forget_fields(records.iter_mut().flatten());
        Ok(records)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        match self.bug {
            Some(PlantedBug::MarkerFirst) => {
                let (marks, effects) = writes.iter().cloned().partition(is_mark);
                self.torn(marks, effects).await
            }
            Some(PlantedBug::MarkerLast) => {
                let (marks, effects) = writes.iter().cloned().partition(is_mark);
                self.torn(effects, marks).await
            }
            Some(PlantedBug::NoVersionCheck) if (touches(writes, RowKind::Position) || touches(writes, RowKind::Movement)) => {
                self.inner.write(&self.unconditional(writes)).await
            }
            Some(PlantedBug::NoSequenceGate) if touches(writes, RowKind::Promise) => {
                self.inner.write(&self.unconditional(writes)).await
            }
            Some(PlantedBug::AlertNeverCleared) => self.without(writes, clears_an_alert).await,
            Some(PlantedBug::NoMark) => {
                let is_stock = |write: &Write| is_mark(write) && !write.key().pk.contains(':');
                self.without(writes, is_stock).await
            }
            Some(PlantedBug::WaitingEventNotStored) => {
                self.without(writes, |write| is_put(write) && is_of(write, RowKind::Waiting)).await
            }
            Some(PlantedBug::PlannedAlone) if touches(writes, RowKind::Plan) => {
                let mut writes = writes.to_vec();
                writes.iter_mut().for_each(plan_alone);
                self.inner.write(&writes).await
            }
            Some(PlantedBug::ExpiryNotStored) => {
                let mut writes = writes.to_vec();
                writes.iter_mut().for_each(|write| forget_in_parts(write, RowKind::Position, "lots", "expires"));
                self.inner.write(&writes).await
            }
            Some(PlantedBug::TakenBackIgnored) => {
                let mut writes = writes.to_vec();
                writes.iter_mut().for_each(|write| forget_in_parts(write, RowKind::Receipts, "documents", "adjusted"));
                self.inner.write(&writes).await
            }
            Some(PlantedBug::NeverReportedIsZero) => {
                let mut writes = writes.to_vec();
                for write in &mut writes {
                    if let Write::Put { key, body, .. } = write
                        && RowKind::of(key) == Some(RowKind::Position)
                    {
                        body["reported"] = true.into();
                    }
                }
                self.inner.write(&writes).await
            }
            Some(PlantedBug::QuarantineNotStored) => {
                let mut writes = writes.to_vec();
                writes.iter_mut().for_each(settle_quarantined);
                self.inner.write(&writes).await
            }
            Some(PlantedBug::StalePlanWins) if touches(writes, RowKind::Plan) => {
                // The writer yields often, so that other invocations write in between.
                for _ in 0..SLOW {
                    give_way().await;
                }
                self.inner.write(&self.unconditional(writes)).await
            }
            Some(PlantedBug::PlanLost) => self.without(writes, |write| is_put(write) && is_of(write, RowKind::Plan)).await,
            Some(PlantedBug::ReceiptsNotStored) => self.without(writes, |write| is_of(write, RowKind::Receipts)).await,
            Some(PlantedBug::CommitmentNotStored) => self.without(writes, |write| is_of(write, RowKind::Commitment)).await,
            bug => {
                let written = self.inner.write(writes).await;
                if bug == Some(PlantedBug::PayloadTrusted) && touches(writes, RowKind::Promise) {
                    self.remember_hints(writes);
                }
                written
            }
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.planning.store(is_due_levels(listing), Ordering::Relaxed);
        let unseen = [
            (PlantedBug::MappingUnseen, IndexPartition::Waiting),
            (PlantedBug::NewDayUnseen, IndexPartition::Items),
            (PlantedBug::DraftsUnseen, IndexPartition::HeldDrafts(the_shop())),
        ];
        if unseen.iter().any(|(bug, index)| self.bug == Some(*bug) && listing.partition == index.key()) {
            return Ok(Page { records: Vec::new(), next: None });
        }
        let mut page = self.inner.list(listing).await?;
        self.forget_fields(page.records.iter_mut());
        Ok(page)
    }
}

/// Whether a listing reads the levels that the pusher must send to a shop.
fn is_due_levels(listing: &Listing) -> bool {
    listing.partition == IndexPartition::DueLevels(the_shop()).key()
}

fn the_shop() -> ShopDomain {
    ShopConfig::default().domain.parse().expect("the fake shop's domain is valid")
}
