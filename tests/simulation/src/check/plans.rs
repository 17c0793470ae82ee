//! Checks plans after every write: each can be executed from the rows it was computed from, no plan replaces one that was
//! computed from newer rows, and no item belongs to two plans.
//!
//! The rows behind a plan are the last ones that its writer has read. A change after that read is covered by the next plan, so
//! a plan may lag behind the rows but may not mix versions.

use std::collections::{BTreeMap, BTreeSet};

use promissory::catalog::{BillOfMaterials, Item, Location, LocationId, Place, Sku, WorkCentre, WorkCentreId};
use promissory::promise::{FinishedGoodPlan, GroupPlan, PlanMembership, Promise};
use promissory::table::{Key, Record, RowKey, RowKind};

use super::decode;
use super::execution::Execution;
use super::rows::{Rows, execution};
use crate::coverage::Coverage;

/// The kinds of rows that plans are computed from.
const READ: [RowKind; 4] = [RowKind::Promise, RowKind::Item, RowKind::Bill, RowKind::WorkCentre];

/// Every version of a row, by its revision.
type Versions<R> = BTreeMap<u64, R>;

/// Watches the plans.
#[derive(Debug, Clone, Default)]
pub struct Plans {
    /// True if the world has finished goods that are sold before they are made.
    pub watching: bool,
    /// The number of the running invocation.
    pub worker: u64,
    /// The revisions that each invocation has last read of the rows behind plans.
    read: BTreeMap<u64, BTreeMap<Key, u64>>,
    items: BTreeMap<Sku, Versions<Item>>,
    bills: BTreeMap<Sku, Versions<BillOfMaterials>>,
    promises: BTreeMap<Sku, Versions<Promise>>,
    centres: BTreeMap<WorkCentreId, Versions<WorkCentre>>,
    locations: BTreeMap<LocationId, Location>,
    /// Every plan, as last written.
    pub plans: BTreeMap<Sku, GroupPlan>,
    /// The plan of each item.
    pub in_plan: BTreeMap<Sku, Sku>,
    /// The revisions that each plan was computed from.
    from: BTreeMap<Sku, BTreeMap<Key, u64>>,
    /// What each plan has to execute.
    executions: BTreeMap<Sku, Execution>,
    /// The successive plans of each finished good, and the index of the one that its promise has taken over.
    history: BTreeMap<Sku, (Vec<FinishedGoodPlan>, usize)>,
    touched: bool,
    /// Counts the rare cases among the plans.
    pub coverage: Coverage,
}

impl Plans {
    /// The current plan of a finished good.
    pub fn entry(&self, sku: &Sku) -> Option<&FinishedGoodPlan> {
        self.plans.get(self.in_plan.get(sku)?)?.finished_goods.get(sku)
    }

    /// Whether the given units can be made together, from the rows that the plans were computed from.
    pub fn can_be_made(&self, pushed: &BTreeMap<Sku, i64>) -> bool {
        self.executions.iter().all(|(id, execution)| {
            let Some(plan) = self.plans.get(id) else { return true };
            let beyond = |name: &str, offered: i64| {
                let (sku, planned) = plan.finished_goods.iter().find(|(sku, _)| sku.as_str() == name)?;
                let promised = planned.producible() - planned.offered;
                let pushed = pushed.get(sku).filter(|_| self.in_plan.get(sku) == Some(id));
                pushed.map(|pushed| (pushed - promised.units()).max(0)).filter(|units| *units > offered)
            };
            let mut execution = execution.clone();
            let mut is_more = false;
            for item in &mut execution.items {
                if let Some((_, offered)) = &mut item.offered
                    && let Some(units) = beyond(&item.name, *offered)
                {
                    (*offered, is_more) = (units, true);
                }
            }
            !is_more || execution.infeasibility().is_none()
        })
    }

    /// Records the rows that the running invocation reads.
    pub fn read<'a>(&mut self, keys: &[Key], found: impl Iterator<Item = Option<&'a Record>>) {
        if !self.watching {
            return;
        }
        for (key, record) in keys.iter().zip(found) {
            if RowKind::of(key).is_some_and(|kind| READ.contains(&kind)) {
                let revision = record.map_or(0, |record| record.revision);
                self.read.entry(self.worker).or_default().insert(key.clone(), revision);
            }
        }
    }

    /// Forgets the reads of an invocation that has ended.
    pub fn ended(&mut self, worker: u64) {
        self.read.remove(&worker);
    }

    /// Records a row and returns the violations.
    pub fn put(&mut self, row: &RowKey, new: &Record) -> Vec<String> {
        let revision = new.revision;
        if let RowKey::Plan(_) = row {
            return self.plan(decode(new));
        } else if let RowKey::PlanOf(_) = row {
            let of: PlanMembership = decode(new);
            self.in_plan.insert(of.sku, of.plan);
            self.touched = true;
        } else if let RowKey::Item(sku) = row {
            self.items.entry(sku.clone()).or_default().insert(revision, decode(new));
        } else if let RowKey::Bill(parent) = row {
            self.bills.entry(parent.clone()).or_default().insert(revision, decode(new));
        } else if let RowKey::WorkCentre(code) = row {
            self.centres.entry(code.clone()).or_default().insert(revision, decode(new));
        } else if let RowKey::Location(code) = row {
            self.locations.insert(code.clone(), decode(new));
        }
        Vec::new()
    }

    /// Records the deletion of a row.
    pub fn delete(&mut self, key: &Key) {
        match RowKey::parse(key) {
            Some(RowKey::Plan(id)) => {
                self.plans.remove(&id);
                self.executions.remove(&id);
                self.touched = true;
            }
            Some(RowKey::PlanOf(item)) => {
                self.in_plan.remove(&item);
                self.touched = true;
            }
            Some(_) | None => {}
        }
    }

    /// Records a promise and returns the violations.
    pub fn promise(&mut self, promise: &Promise, revision: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        let sku = &promise.sku;
        if let Some(planned) = &promise.planned {
            let (history, taken_over) = self.history.entry(sku.clone()).or_default();
            match history[*taken_over..].iter().position(|plan| plan == planned) {
                Some(ahead) => *taken_over += ahead,
                None if history.contains(planned) => {
                    wrong.push(format!("the promise of {sku} returns to an older plan: {planned:?}"));
                }
                None => wrong.push(format!("the promise of {sku} contains a plan that was never written: {planned:?}")),
            }
        }
        let shown = self.locations.values().find(|at| at.kind == promissory::catalog::LocationKind::Production);
        if let Some(shown) = shown {
            let producible = promise.planned.as_ref().map(FinishedGoodPlan::producible).unwrap_or_default();
            let at = promise.places.get(&Place::At(shown.code.clone())).map(|at| at.producible).unwrap_or_default();
            if at != producible {
                wrong.push(format!("{producible} of {sku} are producible, and the promise has {at} at {}", shown.code));
            }
        }
        self.promises.entry(sku.clone()).or_default().insert(revision, promise.clone());
        wrong
    }

    fn plan(&mut self, plan: GroupPlan) -> Vec<String> {
        let mut wrong = Vec::new();
        let read = self.read.get(&self.worker).cloned().unwrap_or_default();
        let of_it = |key: &Key| {
            let named = |sku: &Sku| {
                [RowKey::Promise(sku.clone()).key(), RowKey::Item(sku.clone()).key(), RowKey::Bill(sku.clone()).key()]
                    .contains(key)
            };
            RowKind::of(key) == Some(RowKind::WorkCentre) || plan.items.iter().any(named)
        };
        let from: BTreeMap<Key, u64> = read.into_iter().filter(|(key, _)| of_it(key)).collect();
        let before = self.from.get(&plan.id);
        for (key, revision) in before.into_iter().flatten() {
            if from.get(key).is_some_and(|now| now < revision) {
                wrong.push(format!("the plan {} replaces one that was computed from a newer {key}", plan.id));
            }
        }
        let rows = Rows {
            items: plan
                .items
                .iter()
                .filter_map(|sku| version(&self.items, sku, from.get(&RowKey::Item(sku.clone()).key())))
                .collect(),
            bills: plan
                .items
                .iter()
                .filter_map(|sku| version(&self.bills, sku, from.get(&RowKey::Bill(sku.clone()).key())))
                .collect(),
            promises: plan
                .items
                .iter()
                .filter_map(|sku| version(&self.promises, sku, from.get(&RowKey::Promise(sku.clone()).key())))
                .collect(),
            centres: self
                .centres
                .keys()
                .filter_map(|code| version(&self.centres, code, from.get(&RowKey::WorkCentre(code.clone()).key())))
                .collect(),
            all_items: self.items.values().filter_map(|versions| versions.values().next_back()).collect(),
            locations: &self.locations,
        };
        let today = plan.day;
        match execution(&plan, &rows, today) {
            Ok(execution) => {
                wrong.extend(execution.infeasibility().map(|why| format!("the plan {} cannot be executed: {why}", plan.id)));
                self.executions.insert(plan.id.clone(), execution);
            }
            Err(why) => wrong.push(format!("the plan {} contradicts its rows: {why}", plan.id)),
        }
        self.note(&plan);
        for (sku, planned) in &plan.finished_goods {
            let (history, _) = self.history.entry(sku.clone()).or_default();
            if history.last() != Some(planned) {
                history.push(planned.clone());
            }
        }
        self.from.insert(plan.id.clone(), from);
        self.plans.insert(plan.id.clone(), plan);
        self.touched = true;
        wrong
    }

    fn note(&self, plan: &GroupPlan) {
        let limits = plan.finished_goods.values().filter_map(|planned| Some(&planned.limit.as_ref()?.item));
        let mut limiting = BTreeSet::new();
        if limits.filter(|item| !limiting.insert(*item)).count() > 0 {
            self.coverage.note("limited by a shared item");
        }
        if plan.finished_goods.values().any(|planned| planned.offered.is_positive()) {
            self.coverage.note("producible units offered");
        }
        let old = self.plans.get(&plan.id);
        if old.is_some_and(|old| old.items.difference(&plan.items).count() > 0) {
            self.coverage.note("planning group split");
        }
        if old.is_some_and(|old| plan.items.difference(&old.items).count() > 0) {
            self.coverage.note("planning groups joined");
        }
    }

    /// Checks a complete transaction and returns the violation, if there is one.
    pub fn written(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.touched) {
            return None;
        }
        // Only a plan to which an item points takes part in promises. No two of these may share an item.
        let is_live = |plan: &&GroupPlan| plan.finished_goods.keys().any(|sku| self.in_plan.get(sku) == Some(&plan.id));
        let mut given = BTreeSet::new();
        let mut live = self.plans.values().filter(is_live).flat_map(|plan| &plan.items);
        live.find(|item| !given.insert(*item)).map(|item| format!("{item} belongs to two plans"))
    }
}

/// The version of a row that was read, if there was one.
fn version<'a, K: Ord, R>(of: &'a BTreeMap<K, Versions<R>>, name: &K, revision: Option<&u64>) -> Option<(&'a K, &'a R)> {
    let (name, versions) = of.get_key_value(name)?;
    Some((name, versions.get(revision?)?))
}
