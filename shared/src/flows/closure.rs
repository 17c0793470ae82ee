//! Reads the dependency closure of an item: its components, the items it goes into, and so on until no new item is found.
//! Items that are produced at one work centre belong to one closure, too, because they share its capacity.
//!
//! The plans of these items are read first and their inputs after them, so a function that then replaces a plan has seen
//! inputs at least as new as the plan's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::{Sku, WorkCentre, WorkCentreId};
use crate::ports::{Store, StoreError};
use crate::promise::{GroupPlan, PlanningRows, groups};
use crate::table::{Expect, Key, Record, Row, RowKey, UnreadableRow};

/// How often reading is repeated because it met another plan.
const MAX_ROUNDS: usize = 20;

/// The dependency closure of an item, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DependencyClosure {
    /// The plans that any of the items belongs to, and the plans whose id a new plan would take, each with the condition of
    /// its next write.
    pub plans: BTreeMap<Sku, (Option<GroupPlan>, Expect)>,
    /// The items, bulk items included.
    pub rows: BTreeMap<Sku, PlanningRows>,
    /// Set when the closure is too large to be read: the item that goes into the most others.
    pub too_many: Option<Sku>,
}

impl DependencyClosure {
    /// When the newest of the plans was computed.
    pub fn computed_last(&self) -> Option<Timestamp> {
        self.plans.values().filter_map(|(plan, _)| Some(plan.as_ref()?.computed_at)).max()
    }

    /// Whether a plan, as it was read, names an item.
    pub fn names(&self, plan: &Sku, sku: &Sku) -> bool {
        let (plan, _) = self.plans.get(plan).unwrap_or(&(None, Expect::Absent));
        plan.as_ref().is_some_and(|plan| plan.items.contains(sku))
    }
}

/// The keys of the work centres that the bills of materials name, each once.
pub(crate) fn centres_of(rows: &BTreeMap<Sku, PlanningRows>) -> impl Iterator<Item = Key> {
    let named: BTreeSet<&WorkCentreId> = rows.values().filter_map(|rows| rows.bill.as_ref()?.centre.as_ref()).collect();
    named.into_iter().map(|code| RowKey::WorkCentre(code.clone()).key())
}

/// Decodes work centres, by code.
pub(crate) fn by_code(records: &[Option<Record>]) -> Result<BTreeMap<WorkCentreId, WorkCentre>, StoreError> {
    let centres = records.iter().flatten().map(Record::decode::<WorkCentre>);
    Ok(centres.map(|centre| centre.map(|centre| (centre.code.clone(), centre))).collect::<Result<_, _>>()?)
}

/// Reads the planning rows of these items.
pub(crate) async fn read_rows<S: Store>(store: &S, skus: &BTreeSet<Sku>) -> Result<BTreeMap<Sku, PlanningRows>, StoreError> {
    let keys: Vec<_> = skus
        .iter()
        .flat_map(|sku| {
            [
                RowKey::Item(sku.clone()).key(),
                RowKey::Bill(sku.clone()).key(),
                RowKey::WhereUsed(sku.clone()).key(),
                RowKey::Promise(sku.clone()).key(),
                RowKey::PlanOf(sku.clone()).key(),
            ]
        })
        .collect();
    let mut records = store.get(&keys).await?.into_iter();
    let mut rows = BTreeMap::new();
    for sku in skus {
        let mut next = || records.next().flatten();
        let (item, bill, used, promise, in_plan) = (next(), next(), next(), next(), next());
        let read = PlanningRows {
            item: decoded(item.as_ref())?,
            bill: decoded(bill.as_ref())?,
            used: decoded(used.as_ref())?,
            promise: decoded(promise.as_ref())?,
            in_plan: decoded(in_plan.as_ref())?,
            in_plan_was: in_plan.map(|record| record.revision),
        };
        rows.insert(sku.clone(), read);
    }
    Ok(rows)
}

fn decoded<R: Row>(record: Option<&Record>) -> Result<Option<R>, UnreadableRow> {
    record.map(Record::decode).transpose()
}

/// Reads the dependency closure of `seed` and of the items that are in its plan now.
pub(crate) async fn read_closure<S: Store>(store: &S, seed: &Sku) -> Result<DependencyClosure, StoreError> {
    let mut plans: BTreeMap<Sku, (Option<GroupPlan>, Expect)> = BTreeMap::new();
    let first = read_rows(store, &BTreeSet::from([seed.clone()])).await?;
    let mut named: BTreeSet<Sku> = first.values().filter_map(|rows| Some(rows.in_plan.as_ref()?.plan.clone())).collect();
    for _ in 0..MAX_ROUNDS {
        let new: Vec<Sku> = named.iter().filter(|id| !plans.contains_key(*id)).cloned().collect();
        let records = store.get(&new.iter().map(|id| RowKey::Plan(id.clone()).key()).collect::<Vec<_>>()).await?;
        for (id, record) in new.into_iter().zip(records) {
            plans.insert(id, (decoded(record.as_ref())?, Expect::as_read(record.as_ref())));
        }
        let begin = plans.values().filter_map(|(plan, _)| plan.as_ref()).flat_map(|plan| plan.items.iter().cloned());
        let (rows, too_many) = walk(store, begin.chain([seed.clone()]).collect()).await?;
        named.extend(rows.values().filter_map(|rows| Some(rows.in_plan.as_ref()?.plan.clone())));
        let groups = groups(&rows);
        let large = groups.iter().find(|group| group.len() > GroupPlan::MAX_ITEMS);
        let too_many =
            too_many.or_else(|| large.and_then(|group| most_used(rows.iter().filter(|(sku, _)| group.contains(*sku)))));
        named.extend(groups.into_iter().filter_map(|group| group.into_iter().next()));
        if too_many.is_some() || named.iter().all(|id| plans.contains_key(id)) {
            return Ok(DependencyClosure { plans, rows, too_many });
        }
    }
    Err(StoreError::Unavailable { detail: format!("the plans that {seed} depends on keep changing"), source: None })
}

/// Reads the closure of `begin`. Stops when it is too large.
async fn walk<S: Store>(store: &S, begin: BTreeSet<Sku>) -> Result<(BTreeMap<Sku, PlanningRows>, Option<Sku>), StoreError> {
    let mut rows: BTreeMap<Sku, PlanningRows> = BTreeMap::new();
    let mut next = begin;
    while !next.is_empty() {
        let read = read_rows(store, &next).await?;
        rows.extend(read);
        let of = |sku: &Sku| rows.get(sku).into_iter().filter(|rows| !rows.is_bulk());
        let found = next.iter().flat_map(of).flat_map(PlanningRows::neighbours);
        let found: BTreeSet<Sku> = found.filter(|sku| !rows.contains_key(sku)).collect();
        if rows.len() + found.len() > 2 * GroupPlan::MAX_ITEMS {
            let most = most_used(rows.iter());
            return Ok((rows, most));
        }
        next = found;
    }
    Ok((rows, None))
}

/// The item that goes into the most others.
fn most_used<'a>(rows: impl Iterator<Item = (&'a Sku, &'a PlanningRows)>) -> Option<Sku> {
    let parents = |rows: &PlanningRows| rows.used.as_ref().map_or(0, |used| used.parents.len());
    rows.max_by_key(|(_, rows)| parents(rows)).map(|(sku, _)| sku.clone())
}
