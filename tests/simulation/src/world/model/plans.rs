//! Checks of plans and scheduled receipts in a world at rest.
//!
//! Each plan was checked for feasibility when it was written. At rest it must also equal the plan that would be computed now,
//! and promises and shop must show it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use promissory::alert::{AlertState, AlertSubject};
use promissory::catalog::{Item, LocationId, Quantity, Sku, day_of};
use promissory::flows::{recompute, replan};
use promissory::ports::{Clock, Listing, Page, Store, StoreError, WriteError};
use promissory::reconcile::RefreshProgress;
use promissory::source::{ReceiptEffect, ScheduledReceipts, StockKind};
use promissory::table::{Key, Record, RowKey, Write};

use crate::check::Checker;
use crate::store::{SimStore, Table};
use crate::tasks::Task;
use crate::world::World;
use crate::world::stock_events::SourceEvent;
use crate::world::workshop::KIT;

/// A scheduled receipt: kind, location, ordered units, remaining units, and due date.
type ExpectedReceipt = (StockKind, LocationId, i64, i64, Option<Date>);

/// A store that reads the real table, and only records the keys that a caller writes.
#[derive(Debug, Clone)]
struct DryRunStore {
    store: SimStore,
    written: Arc<Mutex<Vec<Key>>>,
}

impl Store for DryRunStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.store.get(keys).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend(writes.iter().map(|write| write.key().clone()));
        Ok(())
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.store.list(listing).await
    }
}

impl World {
    /// Whether a location is the one that shows producible units.
    pub(super) fn is_production(&self, code: &LocationId) -> bool {
        self.workshop.as_ref().is_some_and(|workshop| workshop.production.0 == *code)
    }

    /// Producible units of an item at the location that shows them, otherwise zero.
    pub(super) fn producible(&self, sku: &Sku, code: &LocationId, checker: &Checker) -> i64 {
        let planned = checker.plans.entry(sku).filter(|_| self.is_production(code));
        planned.map_or(0, |planned| planned.producible().units())
    }

    /// The rows that a recompute or a new plan would change. The caller must not hold the table.
    pub(in crate::world) fn not_as_computed(&self) -> Vec<String> {
        if self.workshop.is_none() {
            return Vec::new();
        }
        let sold: BTreeSet<Sku> = self.items.iter().map(|(item, _)| item.sku.clone()).collect();
        let all: BTreeSet<Sku> = sold.iter().chain(&self.unsold).cloned().collect();
        let dry = DryRunStore { store: self.store.clone(), written: Arc::default() };
        let (store, clock) = (dry.clone(), self.clock.clone());
        let mut task = Task::new(self.clock.now(), async move {
            let network = promissory::flows::load_network(&store).await.expect("the world has no faults at rest");
            for sku in &all {
                recompute(&store, &clock, &network, sku).await.expect("the world has no faults at rest");
            }
            replan(&store, &clock, &network, &all).await.expect("the world has no faults at rest");
        });
        while task.step().is_none() {}
        let written: BTreeSet<Key> = dry.written.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let table = self.store.table();
        let outdated = |key: &Key| format!("{key} is outdated: {:?}", table.get(key).map(|record| &record.body));
        written.iter().map(outdated).collect()
    }

    /// Whether the plans of the current day are not complete yet.
    pub(in crate::world) fn is_new_day(&self, table: &Table) -> bool {
        let planned: Option<RefreshProgress> = table.get(&RowKey::Refresh.key()).and_then(|record| record.decode().ok());
        planned.is_none_or(|planned| !planned.done || self.has_new_day(planned.asked_at))
    }

    /// The differences between the expected and the actual plans and scheduled receipts.
    pub(super) fn plan_differences(&self, applied: &[&SourceEvent], table: &Table, differences: &mut Vec<String>) {
        let Some(workshop) = &self.workshop else { return };
        let plans = &table.checker.plans;
        let named = plans.plans.values().flat_map(|plan| plan.items.iter().map(|item| (item.clone(), plan.id.clone())));
        let named: BTreeMap<Sku, Sku> = named.collect();
        for plan in plans.plans.values().filter(|plan| plan.day != self.day_at_plant()) {
            differences.push(format!("the plan {} begins with {}, and the plant has {}", plan.id, plan.day, self.day_at_plant()));
        }
        if named != plans.in_plan {
            differences.push(format!("the plans contain the items {named:?}, and the items point to {:?}", plans.in_plan));
        }
        let kit = self.items.iter().map(|(item, _)| &item.sku).filter(|sku| sku.as_str() == KIT);
        for sku in workshop.finished_goods.iter().chain(kit) {
            let taken_over = table.checker.promises.get(sku).and_then(|promise| promise.planned.as_ref());
            if taken_over != plans.entry(sku) || taken_over.is_none() {
                differences.push(format!("the promise of {sku} has {taken_over:?}, and the plan has {:?}", plans.entry(sku)));
            }
            let raised = table.checker.alerts.get(&AlertSubject::LatePromise { sku: sku.clone() });
            let raised = raised.is_some_and(|alert| alert.state == AlertState::Raised);
            if raised != is_late(sku, &table.checker) {
                differences.push(format!("{sku} is planned as {:?}, and its late alert is raised: {raised}", plans.entry(sku)));
            }
        }
        if !workshop.is_edited {
            for (sku, pushed) in self.pushed_producible(&table.checker) {
                let planned = plans.entry(&sku).map_or(0, |planned| planned.producible().units());
                if pushed != planned {
                    differences.push(format!("the shop shows {pushed} of {sku} as producible, and the plan has {planned}"));
                }
            }
        }
        let components = workshop.production_setup.components();
        let items = components.iter().chain(self.items.iter().map(|(item, _)| item));
        for item in items {
            self.receipts_difference(item, applied, table, differences);
        }
    }

    /// The difference between the scheduled receipts of an item and the documents that source systems have sent.
    fn receipts_difference(&self, item: &Item, applied: &[&SourceEvent], table: &Table, differences: &mut Vec<String>) {
        let of_it = applied.iter().filter(|event| event.sku == item.sku && event.reference.is_some());
        let mut documents: BTreeMap<&str, Vec<&SourceEvent>> = BTreeMap::new();
        of_it.for_each(|event| documents.entry(event.reference.as_deref().unwrap_or_default()).or_default().push(event));
        let (mut expected, mut issued) = (BTreeMap::new(), BTreeMap::new());
        for (reference, events) in documents {
            let sum = |kinds: &[StockKind]| -> i64 {
                events.iter().filter(|event| kinds.contains(&event.kind)).map(|event| event.units).sum()
            };
            // What an adjustment takes back was received, unless the item is a component of the run.
            let received = [StockKind::Receipt, StockKind::ProductionCompleted];
            let scheduled = || events.iter().filter(|event| event.kind.properties().receipt == Some(ReceiptEffect::Schedules));
            let is_receipt = scheduled().next().is_some() || events.iter().any(|event| received.contains(&event.kind));
            let back = sum(&[StockKind::Adjustment]);
            let issued_units = sum(&[StockKind::ComponentIssue]) - if is_receipt { 0 } else { back };
            if issued_units > 0 {
                issued.insert(reference.to_owned(), Quantity::new(issued_units));
            }
            let first = scheduled().min_by_key(|event| event.occurred_at);
            let Some((first, newest)) = first.zip(scheduled().max_by_key(|event| event.occurred_at)) else { continue };
            let rest = newest.units - (sum(&received) + back).max(0);
            let lead = item.planning.supplier_days.map(|days| jiff::Span::new().days(days));
            let ordered = day_of(first.occurred_at);
            let due = newest.due.or_else(|| Some(ordered.checked_add(lead?).expect("a simulated date is in range")));
            if rest > 0 {
                expected.insert(reference.to_owned(), (newest.kind, newest.at.clone(), newest.units, rest, due));
            }
        }
        let row: Option<ScheduledReceipts> =
            table.get(&RowKey::Receipts(item.sku.clone()).key()).map(|record| record.decode().expect("a receipts row"));
        let found: BTreeMap<String, ExpectedReceipt> = row
            .iter()
            .flat_map(|row| row.incoming(item.planning.supplier_days))
            .map(|of| (of.reference, (of.kind, of.location, of.quantity.units(), of.left.units(), of.due)))
            .collect();
        let found_issued = row.as_ref().map(ScheduledReceipts::issued).unwrap_or_default();
        if found != expected || found_issued != issued {
            let sku = &item.sku;
            differences.push(format!(
                "{sku} has the receipts {found:?} and issued {found_issued:?}; expected are {expected:?} and {issued:?}"
            ));
        }
    }
}

/// Whether the plan cannot keep a promise of an item.
pub fn is_late(sku: &Sku, checker: &Checker) -> bool {
    checker.plans.entry(sku).is_some_and(|planned| !planned.late.is_empty())
}
