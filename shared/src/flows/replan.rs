//! Plans the groups of items that depend on changed items again.
//!
//! All items that compete for components or capacity are planned together and written together. As long as one plan decides
//! how many units of each finished good may be shown, all shown units can be produced. The revision of the plan is the gate,
//! like the revision of a promise: it is read before all other inputs. When bills of materials join or split groups, the old
//! plans are replaced by the new ones in one step. An unchanged plan is not written, except for the first time on a day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::alert::{AlertState, AlertSubject};
use crate::catalog::{Network, Resource, Sku};
use crate::flows::closure::{DependencyClosure, by_code, centres_of, read_closure, read_planning_rows};
use crate::flows::recompute::{recompute_all_as_planned, recompute_as_planned, recompute_without_plan};
use crate::flows::{Retries, RetryBudget};
use crate::ports::{Clock, Store, StoreError, WriteError, read_rows};
use crate::promise::inputs::PlanningInputs;
use crate::promise::{GroupPlan, PlanMembership, groups, plan};
use crate::table::{Expect, MAX_WRITES, ReadRows, RowKey, UnreadableRow, Write};

/// Plans the groups of these items again. Returns how many plans changed.
///
/// # Errors
/// When the store fails, or other functions keep planning the same items.
pub async fn replan<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    skus: &BTreeSet<Sku>,
) -> Result<usize, StoreError> {
    let (mut renewed, mut unplanned) = (BTreeSet::new(), BTreeSet::new());
    let changed = loop {
        let error = match replan_from_promises(store, clock, network, skus).await {
            Ok(changed) => break changed,
            Err(StoreError::Unreadable(row)) => row,
            Err(error) => return Err(error),
        };
        // A promise that cannot be read is computed anew. Without it, its item would be planned as if it had no stock.
        let sku = match error.name() {
            Some(RowKey::Promise(sku)) if renewed.insert(sku.clone()) => sku,
            Some(_) | None => return Err(error.into()),
        };
        match recompute_as_planned(store, clock, network, &sku).await {
            Err(StoreError::Unreadable(row)) if matches!(row.name(), Some(RowKey::Plan(_) | RowKey::PlanOf(_))) => {
                recompute_without_plan(store, clock, network, &sku).await?;
                unplanned.insert(sku);
            }
            done => drop(done?),
        }
    };
    recompute_all_as_planned(store, clock, network, &unplanned).await?;
    Ok(changed)
}

/// Plans the groups of these items again, from promises that can be read.
///
/// # Errors
/// As [`replan`], and when a promise cannot be read.
async fn replan_from_promises<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    skus: &BTreeSet<Sku>,
) -> Result<usize, StoreError> {
    let rows = read_planning_rows(store, skus).await?;
    let concerned = rows.iter().filter(|(_, (rows, membership))| rows.is_planned() || *membership != Expect::Absent);
    let mut left: BTreeSet<Sku> = concerned.map(|(sku, _)| sku.clone()).collect();
    let mut written = 0;
    while let Some(seed) = left.pop_first() {
        let (done, plans) = replan_group(store, clock, network, &seed).await?;
        left.retain(|sku| !done.contains(sku));
        written += plans;
    }
    Ok(written)
}

/// Plans the dependency closure of one item again. Returns the items of the closure, and how many plans were written.
async fn replan_group<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    seed: &Sku,
) -> Result<(BTreeSet<Sku>, usize), StoreError> {
    let what = format!("the plan of {seed}");
    let mut retries = Retries::new(RetryBudget::RECOMPUTE, what);
    loop {
        match replan_once(store, clock, network, seed).await {
            Ok(done) => return Ok(done),
            Err(error) => retries.again(clock, error).await?,
        }
    }
}

async fn replan_once<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    seed: &Sku,
) -> Result<(BTreeSet<Sku>, usize), WriteError> {
    let closure = read_closure(store, seed).await?;
    let centres: Vec<RowKey> = centres_of(&closure.rows).into_iter().map(RowKey::WorkCentre).collect();
    let alerts = alerts_to_turn(&closure, seed);
    let rows = read_rows(store, centres.iter().cloned().chain(alerts.iter().cloned().map(RowKey::Alert))).await?;
    let centres = by_code(rows.all(&centres)?);
    // A function whose clock is behind plans for the newest day that another function planned for. A plan never goes back to
    // an earlier day.
    let now = closure.computed_last().map_or(clock.now(), |last| last.max(clock.now()));
    let inputs = PlanningInputs { rows: &closure.rows, centres: &centres, network, today: network.time_zone().day_of(now) };

    // Too many items to be planned together. Only their stock on hand is sold until the bills of materials no longer join
    // them.
    let groups = if closure.too_many.is_some() { Vec::new() } else { groups(&closure.rows) };
    let plans: Vec<GroupPlan> = groups.into_iter().filter_map(|group| plan(&inputs, group, now)).collect();

    let mut writes = alert_writes(&closure, alerts, &rows, now)?;
    let changed = plan_writes(&closure, &plans);
    let count = changed.len();
    writes.extend(changed);

    // Usually one transaction. The writes are split only when more items change their plan than a transaction holds.
    let (joining, leaving) = memberships(&closure, &plans);
    let all: Vec<Write> = joining.into_iter().chain(writes).chain(leaving).collect();
    for part in all.chunks(MAX_WRITES) {
        store.write(part).await?;
    }
    if closure.has_unreadable_plan() {
        // The stream finds the items whose entry changed by the old plan, which cannot be read.
        recompute_all_as_planned(store, clock, network, closure.rows.keys()).await?;
    }
    // An item that was not read is connected to the seed, so its closure is too large as well.
    Ok((closure.rows.into_keys().chain(closure.unread).collect(), count))
}

/// The alerts about a planning group that is too large, to raise or to clear: the one of the resource that makes the group too
/// large; in a group of a size that can be planned, those of the seed and of every work centre.
fn alerts_to_turn(closure: &DependencyClosure, seed: &Sku) -> Vec<AlertSubject> {
    let most_used: Vec<Resource> = match &closure.too_many {
        Some(most_used) => vec![most_used.clone()],
        None => {
            let centres = centres_of(&closure.rows).into_iter().map(Resource::WorkCentre);
            [Resource::Item(seed.clone())].into_iter().chain(centres).collect()
        }
    };
    most_used.into_iter().map(|most_used| AlertSubject::PlanTooLarge { most_used }).collect()
}

/// The writes that raise or clear the alerts.
fn alert_writes(
    closure: &DependencyClosure,
    alerts: Vec<AlertSubject>,
    rows: &ReadRows,
    now: Timestamp,
) -> Result<Vec<Write>, UnreadableRow> {
    let (state, detail) = match &closure.too_many {
        Some(most_used) => (
            AlertState::Raised,
            format!(
                "More than {} items depend on each other through bills of materials; {most_used} connects the most of them. \
                 Only their stock on hand is sold. Mark components that are always in stock as bulk.",
                GroupPlan::MAX_ITEMS,
            ),
        ),
        None => (AlertState::Cleared, format!("The group has at most {} items and is planned again.", GroupPlan::MAX_ITEMS)),
    };
    let writes = alerts.into_iter().map(|subject| rows.turn_alert(subject, state, detail.clone(), now));
    writes.filter_map(Result::transpose).collect()
}

/// The writes that replace the old plans by the new ones.
fn plan_writes(closure: &DependencyClosure, plans: &[GroupPlan]) -> Vec<Write> {
    let mut writes = Vec::new();
    for plan in plans {
        let (old, expect) =
            closure.plans.get(&plan.id).map_or((None, Expect::Absent), |(old, expect)| (old.as_ref(), expect.clone()));
        if !old.is_some_and(|old| plan.has_the_same_content(old)) {
            writes.push(Write::put(plan, expect));
        }
    }
    for (id, (_, expect)) in &closure.plans {
        if *expect != Expect::Absent && !plans.iter().any(|plan| plan.id == *id) {
            writes.push(Write::Delete { key: RowKey::Plan(id.clone()).key(), expect: expect.clone() });
        }
    }
    writes
}

/// The rows that record which plan an item belongs to: first those that must exist before the plans are written, then those
/// that are deleted after the plans.
///
/// The row of an item that rejoins a plan is written even when it is unchanged: another function that removed the item from a
/// plan may be about to delete the row, and must find that the row was written since.
fn memberships(closure: &DependencyClosure, plans: &[GroupPlan]) -> (Vec<Write>, Vec<Write>) {
    let of: BTreeMap<&Sku, &Sku> = plans.iter().flat_map(|plan| plan.items.iter().map(|sku| (sku, &plan.id))).collect();
    let (mut joining, mut leaving) = (Vec::new(), Vec::new());
    for (sku, rows) in &closure.rows {
        let expect = closure.memberships.get(sku).cloned().unwrap_or(Expect::Absent);
        let is = rows.in_plan.as_ref().map(|of| &of.plan);
        let named = is.is_some_and(|plan| closure.names(plan, sku));
        match of.get(sku) {
            Some(plan) if is != Some(*plan) || !named => {
                joining.push(Write::put(&PlanMembership { sku: sku.clone(), plan: (*plan).clone() }, expect));
            }
            None if expect != Expect::Absent => leaving.push(Write::Delete { key: RowKey::PlanOf(sku.clone()).key(), expect }),
            Some(_) | None => {}
        }
    }
    (joining, leaving)
}
