//! Reading what hangs together: from an item down its bills, up to what it goes into, and on until nothing is left. A work
//! centre ties together what is made there, as a component does: it is read, and planned, as one.
//!
//! The plans that these items are in are read first, and whatever they were computed from after them: whoever then replaces
//! a plan has seen rows at least as new as its.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::{Sku, WorkCentre, WorkCentreId};
use crate::ports::{Store, StoreError};
use crate::promise::{GroupPlan, PlanningRows, groups};
use crate::table::{Expect, Key, Record, Row, RowKey, UnreadableRow};

/// How often reading begins anew when it meets another plan.
const MAX_ROUNDS: usize = 20;

/// What was read around an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Around {
    /// The plans that any of the items is in, or that would take its name, with what writing it must expect.
    pub plans: BTreeMap<Sku, (Option<GroupPlan>, Expect)>,
    /// The items, those that are bulk among them.
    pub rows: BTreeMap<Sku, PlanningRows>,
    /// Nothing, or the item that more hangs on than on any other: there were too many to read them all.
    pub too_many: Option<Sku>,
}

impl Around {
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

/// Where the work centres are that bills name, each once.
pub(crate) fn centres_of(rows: &BTreeMap<Sku, PlanningRows>) -> impl Iterator<Item = Key> {
    let named: BTreeSet<&WorkCentreId> = rows.values().filter_map(|rows| rows.bill.as_ref()?.centre.as_ref()).collect();
    named.into_iter().map(|code| RowKey::WorkCentre(code.clone()).key())
}

/// Work centres that were read, by what they are called.
pub(crate) fn by_code(records: &[Option<Record>]) -> Result<BTreeMap<WorkCentreId, WorkCentre>, StoreError> {
    let centres = records.iter().flatten().map(Record::decode::<WorkCentre>);
    Ok(centres.map(|centre| centre.map(|centre| (centre.code.clone(), centre))).collect::<Result<_, _>>()?)
}

/// Reads these items.
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

/// Reads what hangs together with `seed`, and with whatever its plan took in before.
pub(crate) async fn read_around<S: Store>(store: &S, seed: &Sku) -> Result<Around, StoreError> {
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
            too_many.or_else(|| large.and_then(|group| most_hangs_on(rows.iter().filter(|(sku, _)| group.contains(*sku)))));
        named.extend(groups.into_iter().filter_map(|group| group.into_iter().next()));
        if too_many.is_some() || named.iter().all(|id| plans.contains_key(id)) {
            return Ok(Around { plans, rows, too_many });
        }
    }
    Err(StoreError::Unavailable { detail: format!("the plans around {seed} keep changing"), source: None })
}

/// Reads from these items on to all that hang together with them; stops where that is too many.
async fn walk<S: Store>(store: &S, begin: BTreeSet<Sku>) -> Result<(BTreeMap<Sku, PlanningRows>, Option<Sku>), StoreError> {
    let mut rows: BTreeMap<Sku, PlanningRows> = BTreeMap::new();
    let mut next = begin;
    while !next.is_empty() {
        let read = read_rows(store, &next).await?;
        rows.extend(read);
        let of = |sku: &Sku| rows.get(sku).into_iter().filter(|rows| !rows.is_bulk());
        let around = next.iter().flat_map(of).flat_map(PlanningRows::neighbours);
        let around: BTreeSet<Sku> = around.filter(|sku| !rows.contains_key(sku)).collect();
        if rows.len() + around.len() > 2 * GroupPlan::MAX_ITEMS {
            let most = most_hangs_on(rows.iter());
            return Ok((rows, most));
        }
        next = around;
    }
    Ok((rows, None))
}

/// The item that goes into the most others.
fn most_hangs_on<'a>(rows: impl Iterator<Item = (&'a Sku, &'a PlanningRows)>) -> Option<Sku> {
    let hangs = |rows: &PlanningRows| rows.used.as_ref().map_or(0, |used| used.parents.len());
    rows.max_by_key(|(_, rows)| hangs(rows)).map(|(sku, _)| sku.clone())
}
