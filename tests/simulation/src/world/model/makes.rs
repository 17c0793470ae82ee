//! What must be so of what is sold before it is made, and of what is to come.
//!
//! That a plan can be carried out was checked when it was written. Once all is at rest it must also be the one that would be
//! made now, and the promises and the shop must have heard of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use promissory::alert::{AlertState, AlertSubject};
use promissory::catalog::{Item, LocationId, Quantity, Sku, day_of};
use promissory::flows::{recompute, replan};
use promissory::ports::{Clock, Listing, Page, Store, StoreError, WriteError};
use promissory::reconcile::RefreshProgress;
use promissory::source::{ScheduledReceipts, StockKind};
use promissory::table::{Key, Record, RowKey, Write};

use crate::check::Checker;
use crate::store::{SimStore, Table};
use crate::tasks::Task;
use crate::world::World;
use crate::world::said::Said;

/// A paper: what is left of it, of how much, and when the rest is to be there.
type Left = (StockKind, LocationId, i64, i64, Option<Date>);

/// A table that can be read, and that only notes what somebody would write.
#[derive(Debug, Clone)]
struct Dry {
    store: SimStore,
    written: Arc<Mutex<Vec<Key>>>,
}

impl Store for Dry {
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
    /// Whether a location is the one that shows what can still be made.
    pub(super) fn is_production(&self, code: &LocationId) -> bool {
        self.workshop.as_ref().is_some_and(|workshop| workshop.production.0 == *code)
    }

    /// What the plan says can still be made of an item, where it is shown.
    pub(super) fn producible(&self, sku: &Sku, code: &LocationId, checker: &Checker) -> i64 {
        let planned = checker.plans.entry(sku).filter(|_| self.is_production(code));
        planned.map_or(0, |planned| planned.producible().units())
    }

    /// What would be computed or planned otherwise from the rows as they are. Called while nobody holds the table.
    pub(in crate::world) fn not_as_computed(&self) -> Vec<String> {
        if self.workshop.is_none() {
            return Vec::new();
        }
        let sold: BTreeSet<Sku> = self.items.iter().map(|(item, _)| item.sku.clone()).collect();
        // No comparison recomputes what no shop sells: once the stream gave up on it, it is as it was until it moves again.
        let unsold = self.unsold.iter().filter(|_| !self.given_up);
        let all: BTreeSet<Sku> = sold.iter().chain(unsold).cloned().collect();
        let dry = Dry { store: self.store.clone(), written: Arc::default() };
        let (store, clock) = (dry.clone(), self.clock.clone());
        let mut task = Task::new(self.clock.now(), async move {
            let network = promissory::flows::load_network(&store).await.expect("nothing goes wrong now");
            for sku in &all {
                recompute(&store, &clock, &network, sku).await.expect("nothing goes wrong now");
            }
            replan(&store, &clock, &network, &all).await.expect("nothing goes wrong now");
        });
        while task.step().is_none() {}
        let written: BTreeSet<Key> = dry.written.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let table = self.store.table();
        let told = |key: &Key| format!("{key} would be written anew: {:?}", table.get(key).map(|record| &record.body));
        written.iter().map(told).collect()
    }

    /// Whether a day has begun on which nobody has planned anew yet.
    pub(in crate::world) fn is_new_day(&self, table: &Table) -> bool {
        let planned: Option<RefreshProgress> = table.get(&RowKey::Refresh.key()).and_then(|record| record.decode().ok());
        planned.is_none_or(|planned| !planned.done || day_of(planned.asked_at) != day_of(self.clock.now()))
    }

    /// What is not as it should be of plans and supplies.
    pub(super) fn making_differences(&self, applied: &[&Said], table: &Table, differences: &mut Vec<String>) {
        let Some(workshop) = &self.workshop else { return };
        let plans = &table.checker.plans;
        let named = plans.plans.values().flat_map(|plan| plan.items.iter().map(|item| (item.clone(), plan.id.clone())));
        let named: BTreeMap<Sku, Sku> = named.collect();
        if named != plans.in_plan {
            differences.push(format!("plans name {named:?}, and items point to {:?}", plans.in_plan));
        }
        for sku in &workshop.goods {
            let taken_over = table.checker.promises.get(sku).and_then(|promise| promise.planned.as_ref());
            if taken_over != plans.entry(sku) || taken_over.is_none() {
                differences.push(format!("of {sku} {taken_over:?} is promised where {:?} is planned", plans.entry(sku)));
            }
            let raised = table.checker.alerts.get(&AlertSubject::LatePromise { sku: sku.clone() });
            let raised = raised.is_some_and(|alert| alert.state == AlertState::Raised);
            if raised != is_late(sku, &table.checker) {
                differences.push(format!("{sku} is planned as {:?}, and that it is late is told: {raised}", plans.entry(sku)));
            }
        }
        if !workshop.is_edited {
            for (sku, told) in self.told_makeable(&table.checker) {
                let planned = plans.entry(&sku).map_or(0, |planned| planned.producible().units());
                if told != planned {
                    differences.push(format!("the shop was told that {told} of {sku} can still be made, and {planned} can"));
                }
            }
        }
        let components = workshop.making.components();
        let items = components.iter().chain(self.items.iter().map(|(item, _)| item));
        for item in items {
            self.supply_difference(item, applied, table, differences);
        }
    }

    /// What is to come of an item, by what systems said.
    fn supply_difference(&self, item: &Item, applied: &[&Said], table: &Table, differences: &mut Vec<String>) {
        let of_it = applied.iter().filter(|said| said.sku == item.sku && said.reference.is_some());
        let mut documents: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
        of_it.for_each(|said| documents.entry(said.reference.as_deref().unwrap_or_default()).or_default().push(said));
        let (mut left, mut issued) = (BTreeMap::new(), BTreeMap::new());
        for (reference, said) in documents {
            let sum = |kinds: &[StockKind]| -> i64 {
                said.iter().filter(|said| kinds.contains(&said.kind)).map(|said| said.units).sum()
            };
            let gone = sum(&[StockKind::ComponentIssue]);
            if gone > 0 {
                issued.insert(reference.to_owned(), Quantity::new(gone));
            }
            let announced = || said.iter().filter(|said| said.kind.announces());
            let first = announced().min_by_key(|said| said.occurred_at);
            let Some((first, newest)) = first.zip(announced().max_by_key(|said| said.occurred_at)) else { continue };
            let rest = newest.units - sum(&[StockKind::Receipt, StockKind::ProductionCompleted]);
            let lead = item.planning.supplier_days.map(|days| jiff::Span::new().days(days));
            let ordered = day_of(first.occurred_at);
            let due = newest.due.or_else(|| Some(ordered.checked_add(lead?).expect("a simulation is short")));
            if rest > 0 {
                left.insert(reference.to_owned(), (newest.kind, newest.at.clone(), newest.units, rest, due));
            }
        }
        let row: Option<ScheduledReceipts> =
            table.get(&RowKey::Receipts(item.sku.clone()).key()).map(|record| record.decode().expect("supplies"));
        let found: BTreeMap<String, Left> = row
            .iter()
            .flat_map(|row| row.incoming(item.planning.supplier_days))
            .map(|of| (of.reference, (of.kind, of.location, of.quantity.units(), of.left.units(), of.due)))
            .collect();
        let found_issued = row.as_ref().map(ScheduledReceipts::issued).unwrap_or_default();
        if found != left || found_issued != issued {
            let sku = &item.sku;
            differences.push(format!(
                "of {sku} {found:?} are to come and {found_issued:?} went into runs; said was {left:?} and {issued:?}"
            ));
        }
    }
}

/// Whether the plan cannot keep what was promised of an item.
pub fn is_late(sku: &Sku, checker: &Checker) -> bool {
    checker.plans.entry(sku).is_some_and(|planned| !planned.late.is_empty())
}
