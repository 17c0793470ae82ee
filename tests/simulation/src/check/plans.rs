//! What must hold of plans after every write: what each says can be made from the rows it was computed from, no older row
//! takes the place of a newer one, and nothing is planned twice.
//!
//! Which rows a plan was computed from is known: the last that its writer read. Whatever has moved on since comes with the
//! next plan; until then what is shown is as old as that, and no older.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use promissory::catalog::{BillOfMaterials, Item, Location, LocationId, Place, Sku, WorkCentre, WorkCentreId, day_of};
use promissory::promise::{FinishedGoodPlan, GroupPlan, PlanMembership, Promise};
use promissory::table::{Key, Record, RowKey, RowKind};

use super::carry::Yard;
use super::decode;
use super::rows::{Rows, yard};
use crate::met::Met;

/// The rows that plans are computed from.
const READ: [RowKind; 4] = [RowKind::Promise, RowKind::Item, RowKind::Bill, RowKind::WorkCentre];

/// Every version of a row, by its revision.
type Versions<R> = BTreeMap<u64, R>;

/// Watches what is planned.
#[derive(Debug, Default)]
pub struct Plans {
    /// Whether anything is made in this world.
    pub watching: bool,
    /// Which invocation is at work.
    pub worker: u64,
    /// What each invocation read last of the rows that plans are computed from.
    read: BTreeMap<u64, BTreeMap<Key, u64>>,
    items: BTreeMap<Sku, Versions<Item>>,
    bills: BTreeMap<Sku, Versions<BillOfMaterials>>,
    promises: BTreeMap<Sku, Versions<Promise>>,
    centres: BTreeMap<WorkCentreId, Versions<WorkCentre>>,
    locations: BTreeMap<LocationId, Location>,
    /// The plans.
    pub plans: BTreeMap<Sku, GroupPlan>,
    /// The plan of each item.
    pub in_plan: BTreeMap<Sku, Sku>,
    /// What each plan was computed from.
    from: BTreeMap<Sku, BTreeMap<Key, u64>>,
    /// What each plan would carry out.
    yards: BTreeMap<Sku, Yard>,
    /// What plans have said of each good, one after the other, and which of it its promise has taken over.
    said: BTreeMap<Sku, (Vec<FinishedGoodPlan>, usize)>,
    touched: bool,
    /// Told of rare things that are planned.
    pub met: Met,
}

impl Plans {
    /// What the plan of an item says of it.
    pub fn entry(&self, sku: &Sku) -> Option<&FinishedGoodPlan> {
        self.plans.get(self.in_plan.get(sku)?)?.goods.get(sku)
    }

    /// Whether all of this can be made together, from what the plans were computed from.
    pub fn can_be_made(&self, told: &BTreeMap<Sku, i64>) -> bool {
        self.yards.iter().all(|(id, yard)| {
            let Some(plan) = self.plans.get(id) else { return true };
            let beyond = |name: &str, offered: i64| {
                let (sku, planned) = plan.goods.iter().find(|(sku, _)| sku.as_str() == name)?;
                let promised = planned.producible() - planned.offered;
                let told = told.get(sku).filter(|_| self.in_plan.get(sku) == Some(id));
                told.map(|told| (told - promised.units()).max(0)).filter(|units| *units > offered)
            };
            let mut yard = yard.clone();
            let mut is_more = false;
            for thing in &mut yard.things {
                if let Some((_, offered)) = &mut thing.offered
                    && let Some(units) = beyond(&thing.name, *offered)
                {
                    (*offered, is_more) = (units, true);
                }
            }
            !is_more || yard.carry_out().is_none()
        })
    }

    /// Rows are read by whoever is at work.
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

    /// An invocation has ended.
    pub fn ended(&mut self, worker: u64) {
        self.read.remove(&worker);
    }

    /// A row is put; what is wrong with it.
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

    /// A row is removed.
    pub fn delete(&mut self, key: &Key) {
        match RowKey::parse(key) {
            Some(RowKey::Plan(id)) => {
                self.plans.remove(&id);
                self.yards.remove(&id);
                self.touched = true;
            }
            Some(RowKey::PlanOf(item)) => {
                self.in_plan.remove(&item);
                self.touched = true;
            }
            Some(_) | None => {}
        }
    }

    /// A promise is put; what is wrong with it.
    pub fn promise(&mut self, promise: &Promise, revision: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        let sku = &promise.sku;
        if let Some(planned) = &promise.planned {
            let (said, taken_over) = self.said.entry(sku.clone()).or_default();
            match said[*taken_over..].iter().position(|said| said == planned) {
                Some(ahead) => *taken_over += ahead,
                None if said.contains(planned) => {
                    wrong.push(format!("the promise of {sku} goes back to what was planned before: {planned:?}"));
                }
                None => wrong.push(format!("the promise of {sku} says what no plan said: {planned:?}")),
            }
        }
        let shown = self.locations.values().find(|at| at.kind == promissory::catalog::LocationKind::Production);
        if let Some(shown) = shown {
            let producible = promise.planned.as_ref().map(FinishedGoodPlan::producible).unwrap_or_default();
            let at = promise.places.get(&Place::At(shown.code.clone())).map(|at| at.producible).unwrap_or_default();
            if at != producible {
                wrong.push(format!("{producible} of {sku} can still be made, and {at} are shown at {}", shown.code));
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
                wrong.push(format!("the plan {} takes the place of one that was computed from a newer {key}", plan.id));
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
        let today: Date = day_of(plan.computed_at);
        match yard(&plan, &rows, today) {
            Ok(yard) => {
                wrong.extend(yard.carry_out().map(|why| format!("the plan {} cannot be carried out: {why}", plan.id)));
                self.yards.insert(plan.id.clone(), yard);
            }
            Err(why) => wrong.push(format!("the plan {} makes no sense: {why}", plan.id)),
        }
        self.note(&plan);
        for (sku, planned) in &plan.goods {
            let (said, _) = self.said.entry(sku.clone()).or_default();
            if said.last() != Some(planned) {
                said.push(planned.clone());
            }
        }
        self.from.insert(plan.id.clone(), from);
        self.plans.insert(plan.id.clone(), plan);
        self.touched = true;
        wrong
    }

    fn note(&self, plan: &GroupPlan) {
        let limits = plan.goods.values().filter_map(|planned| Some(&planned.limit.as_ref()?.item));
        let mut limiting = BTreeSet::new();
        if limits.filter(|item| !limiting.insert(*item)).count() > 0 {
            self.met.note("limited by what goods share");
        }
        if plan.goods.values().any(|planned| planned.offered.is_positive()) {
            self.met.note("offered before it is made");
        }
        let old = self.plans.get(&plan.id);
        if old.is_some_and(|old| old.items.difference(&plan.items).count() > 0) {
            self.met.note("planned apart");
        }
        if old.is_some_and(|old| plan.items.difference(&old.items).count() > 0) {
            self.met.note("planned together");
        }
    }

    /// A transaction is written; what is wrong with it.
    pub fn written(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.touched) {
            return None;
        }
        // Only what is pointed to is taken over: of that, nothing may be given twice.
        let is_live = |plan: &&GroupPlan| plan.goods.keys().any(|good| self.in_plan.get(good) == Some(&plan.id));
        let mut given = BTreeSet::new();
        let mut live = self.plans.values().filter(is_live).flat_map(|plan| &plan.items);
        live.find(|item| !given.insert(*item)).map(|item| format!("two plans give away {item}"))
    }
}

/// The version of a row that was read, unless there was none.
fn version<'a, K: Ord, R>(of: &'a BTreeMap<K, Versions<R>>, name: &K, revision: Option<&u64>) -> Option<(&'a K, &'a R)> {
    let (name, versions) = of.get_key_value(name)?;
    Some((name, versions.get(revision?)?))
}
