//! Reads the dependency closure of an item: its components, the items it goes into, and so on until no new item is found.
//! Items that are produced at one work centre belong to one closure, too, because they share its capacity.
//!
//! The plans of these items are read first and their inputs after them, so a function that then replaces a plan has seen
//! inputs at least as new as the plan's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalog::{Resource, Sku, WhereUsed, WorkCentre, WorkCentreId};
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
    /// The condition of the next write of each item's row that says which plan the item is in.
    pub memberships: BTreeMap<Sku, Expect>,
    /// Items of a closure that is too large which were not read.
    pub unread: BTreeSet<Sku>,
    /// Set when the closure is too large to be read: the component or work centre that goes into the most items.
    pub too_many: Option<Resource>,
}

impl DependencyClosure {
    /// When the newest of the plans was computed.
    pub fn computed_last(&self) -> Option<Timestamp> {
        self.plans.values().filter_map(|(plan, _)| Some(plan.as_ref()?.computed_at)).max()
    }

    /// The newest day that any of the plans begins with.
    pub fn last_day(&self) -> Option<Date> {
        self.plans.values().filter_map(|(plan, _)| Some(plan.as_ref()?.day)).max()
    }

    /// Whether one of the plans cannot be read.
    pub fn has_unreadable_plan(&self) -> bool {
        self.plans.values().any(|(plan, expect)| plan.is_none() && *expect != Expect::Absent)
    }

    /// Whether a plan, as it was read, names an item.
    pub fn names(&self, plan: &Sku, sku: &Sku) -> bool {
        let (plan, _) = self.plans.get(plan).unwrap_or(&(None, Expect::Absent));
        plan.as_ref().is_some_and(|plan| plan.items.contains(sku))
    }
}

/// The work centres that the bills of materials name, each once.
pub(crate) fn centres_of(rows: &BTreeMap<Sku, PlanningRows>) -> BTreeSet<WorkCentreId> {
    rows.values().filter_map(|rows| rows.bill.as_ref()?.centre.clone()).collect()
}

/// Work centres by code.
pub(crate) fn by_code(centres: Vec<WorkCentre>) -> BTreeMap<WorkCentreId, WorkCentre> {
    centres.into_iter().map(|centre| (centre.code.clone(), centre)).collect()
}

/// Reads the planning rows of these items, each with the condition of the next write of the row that says which plan the item is in.
pub(crate) async fn read_planning_rows<S: Store>(
    store: &S,
    skus: &BTreeSet<Sku>,
) -> Result<BTreeMap<Sku, (PlanningRows, Expect)>, StoreError> {
    let keys: Vec<Key> = skus.iter().flat_map(keys_of).collect();
    let mut records = store.get(&keys).await?.into_iter();
    skus.iter().map(|sku| Ok((sku.clone(), rows_of(&mut records)?))).collect()
}

/// The keys of the planning rows of an item, in the order in which [`rows_of`] takes their records.
fn keys_of(sku: &Sku) -> [Key; 5] {
    [
        RowKey::Item(sku.clone()).key(),
        RowKey::Bill(sku.clone()).key(),
        RowKey::WhereUsed(Resource::Item(sku.clone())).key(),
        RowKey::Promise(sku.clone()).key(),
        RowKey::PlanOf(sku.clone()).key(),
    ]
}

/// Decodes the planning rows of the next item.
fn rows_of(records: &mut impl Iterator<Item = Option<Record>>) -> Result<(PlanningRows, Expect), UnreadableRow> {
    let mut next = || records.next().flatten();
    let (item, bill, used, promise, in_plan) = (next(), next(), next(), next(), next());
    let rows = PlanningRows {
        item: decoded(item.as_ref())?,
        bill: decoded(bill.as_ref())?,
        used: decoded(used.as_ref())?,
        // Without its promise, an item would be planned as if it had no stock.
        promise: promise.as_ref().map(Record::decode).transpose()?,
        in_plan: decoded(in_plan.as_ref())?,
    };
    Ok((rows, Expect::as_read(in_plan.as_ref())))
}

fn decoded<R: Row>(record: Option<&Record>) -> Result<Option<R>, UnreadableRow> {
    record.map_or(Ok(None), Record::content)
}

/// Reads the dependency closure of `seed` and of the items that are in its plan now.
pub(crate) async fn read_closure<S: Store>(store: &S, seed: &Sku) -> Result<DependencyClosure, StoreError> {
    let mut plans: BTreeMap<Sku, (Option<GroupPlan>, Expect)> = BTreeMap::new();
    let first = read_planning_rows(store, &BTreeSet::from([seed.clone()])).await?;
    let mut named: BTreeSet<Sku> = first.values().filter_map(|(rows, _)| Some(rows.in_plan.as_ref()?.plan.clone())).collect();
    for _ in 0..MAX_ROUNDS {
        let new: Vec<Sku> = named.iter().filter(|id| !plans.contains_key(*id)).cloned().collect();
        let records = store.get(&new.iter().map(|id| RowKey::Plan(id.clone()).key()).collect::<Vec<_>>()).await?;
        for (id, record) in new.into_iter().zip(records) {
            plans.insert(id, (decoded(record.as_ref())?, Expect::as_read(record.as_ref())));
        }
        let begin = plans.values().filter_map(|(plan, _)| plan.as_ref()).flat_map(|plan| plan.items.iter().cloned());
        let Walked { rows, memberships, centres, is_complete, unread } =
            walk(store, begin.chain([seed.clone()]).collect()).await?;
        named.extend(rows.values().filter_map(|rows| Some(rows.in_plan.as_ref()?.plan.clone())));
        let groups = groups(&rows);
        let used = rows.values().filter_map(|rows| rows.used.as_ref()).chain(centres.values().flatten());
        let most_used = |used| most_used(used).unwrap_or_else(|| Resource::Item(seed.clone()));
        let too_many = if is_complete {
            let large = groups.iter().find(|group| group.len() > GroupPlan::MAX_ITEMS);
            large.map(|group| most_used(used.filter(|used| is_used_in(group, used)).collect()))
        } else {
            Some(most_used(used.collect()))
        };
        named.extend(groups.into_iter().filter_map(|group| group.into_iter().next()));
        if too_many.is_some() || named.iter().all(|id| plans.contains_key(id)) {
            return Ok(DependencyClosure { plans, rows, memberships, unread, too_many });
        }
    }
    Err(StoreError::Unavailable { detail: format!("the plans that {seed} depends on keep changing"), source: None })
}

/// The rows of a closure.
#[derive(Default)]
struct Walked {
    rows: BTreeMap<Sku, PlanningRows>,
    /// The conditions of the next writes of the rows that say which plans the items are in.
    memberships: BTreeMap<Sku, Expect>,
    /// The where-used rows of the work centres at which its items are produced.
    centres: BTreeMap<WorkCentreId, Option<WhereUsed>>,
    /// False when reading stopped because there are too many items.
    is_complete: bool,
    /// The next items of a closure that is not complete.
    unread: BTreeSet<Sku>,
}

/// Reads the closure of `begin`. Stops when it is too large.
async fn walk<S: Store>(store: &S, begin: BTreeSet<Sku>) -> Result<Walked, StoreError> {
    let mut walked = Walked { is_complete: true, ..Walked::default() };
    let (mut items, mut centres) = (begin, BTreeSet::<WorkCentreId>::new());
    while !items.is_empty() || !centres.is_empty() {
        let of_centre = |code: &WorkCentreId| RowKey::WhereUsed(Resource::WorkCentre(code.clone())).key();
        let keys: Vec<Key> = items.iter().flat_map(keys_of).chain(centres.iter().map(of_centre)).collect();
        let mut records = store.get(&keys).await?.into_iter();
        let mut found = BTreeSet::new();
        for sku in items {
            let (rows, membership) = rows_of(&mut records)?;
            if !rows.is_bulk() {
                found.extend(rows.neighbours());
            }
            walked.memberships.insert(sku.clone(), membership);
            walked.rows.insert(sku, rows);
        }
        for code in centres {
            let used: Option<WhereUsed> = decoded(records.next().flatten().as_ref())?;
            found.extend(used.iter().flat_map(|used| &used.parents).cloned().map(Resource::Item));
            walked.centres.insert(code, used);
        }
        (items, centres) = (BTreeSet::new(), BTreeSet::new());
        for resource in found {
            match resource {
                Resource::Item(sku) if !walked.rows.contains_key(&sku) => drop(items.insert(sku)),
                Resource::WorkCentre(code) if !walked.centres.contains_key(&code) => drop(centres.insert(code)),
                Resource::Item(_) | Resource::WorkCentre(_) => {}
            }
        }
        if walked.rows.len() + items.len() > 2 * GroupPlan::MAX_ITEMS {
            (walked.is_complete, walked.unread) = (false, items);
            break;
        }
    }
    Ok(walked)
}

/// The component or work centre that goes into the most items.
fn most_used(used: Vec<&WhereUsed>) -> Option<Resource> {
    used.into_iter().max_by_key(|used| used.parents.len()).map(|used| used.resource.clone())
}

/// Whether a component or work centre goes into items of a planning group.
fn is_used_in(group: &BTreeSet<Sku>, used: &WhereUsed) -> bool {
    match &used.resource {
        Resource::Item(component) => group.contains(component),
        Resource::WorkCentre(_) => used.parents.iter().any(|parent| group.contains(parent)),
    }
}
