//! Plans the groups of items that depend on changed items again.
//!
//! All items that compete for components or capacity are planned together and written together. As long as one plan decides
//! how many units of each finished good may be shown, all shown units can be produced. The revision of the plan is the gate,
//! like the revision of a promise: it is read before all other inputs. When bills of materials join or split groups, the old
//! plans are replaced by the new ones in one step. An unchanged plan is not written, except for the first time on a day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::alert::{Alert, AlertState, AlertSubject};
use crate::catalog::{Network, Resource, Sku, WorkCentre, WorkCentreId, day_of};
use crate::flows::closure::{DependencyClosure, by_code, centres_of, read_closure, read_rows};
use crate::flows::{Retries, RetryBudget};
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::promise::inputs::PlanningInputs;
use crate::promise::{GroupPlan, PlanMembership, groups, plan};
use crate::table::{Expect, Key, MAX_WRITES, Record, RowKey, UnreadableRow, Write};

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
    let rows = read_rows(store, skus).await?;
    let concerned = rows.iter().filter(|(_, rows)| rows.is_planned() || rows.in_plan.is_some());
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
    let (centres, alerts) = read_centres_and_alerts(store, seed, &closure).await?;
    // A function whose clock is behind plans for the newest day that another function planned for. A plan never goes back to
    // an earlier day.
    let now = closure.computed_last().map_or(clock.now(), |last| last.max(clock.now()));
    let inputs = PlanningInputs { rows: &closure.rows, centres: &centres, network, today: day_of(now) };

    // Too many items to be planned together. Only their stock on hand is sold until the bills of materials no longer join
    // them.
    let groups = if closure.too_many.is_some() { Vec::new() } else { groups(&closure.rows) };
    let plans: Vec<GroupPlan> = groups.into_iter().filter_map(|group| plan(&inputs, group, now)).collect();

    let mut writes = alert_writes(&closure, &alerts, now)?;
    let changed = plan_writes(&closure, &plans);
    let count = changed.len();
    writes.extend(changed);

    // Usually one transaction. The writes are split only when more items change their plan than a transaction holds.
    let (joining, leaving) = memberships(&closure, &plans);
    let all: Vec<Write> = joining.into_iter().chain(writes).chain(leaving).collect();
    for part in all.chunks(MAX_WRITES) {
        store.write(part).await?;
    }
    Ok((closure.rows.into_keys().collect(), count))
}

/// What the alert about a planning group that is too large may name, each with its record.
type Alerts = BTreeMap<Resource, Option<Record>>;

/// Reads the work centres that the bills of materials name, and the alerts to raise or to clear: the one that names what makes
/// the group too large; in a group of a size that can be planned, those that name the seed or one of the work centres.
async fn read_centres_and_alerts<S: Store>(
    store: &S,
    seed: &Sku,
    closure: &DependencyClosure,
) -> Result<(BTreeMap<WorkCentreId, WorkCentre>, Alerts), StoreError> {
    let named = centres_of(&closure.rows);
    let about: Vec<Resource> = match &closure.too_many {
        Some(most_used) => vec![most_used.clone()],
        None => [Resource::Item(seed.clone())].into_iter().chain(named.iter().cloned().map(Resource::WorkCentre)).collect(),
    };
    let alert = |most_used: &Resource| RowKey::Alert(AlertSubject::PlanTooLarge { most_used: most_used.clone() }).key();
    let centre = |code: &WorkCentreId| RowKey::WorkCentre(code.clone()).key();
    let keys: Vec<Key> = about.iter().map(alert).chain(named.iter().map(centre)).collect();
    let mut alerts = store.get(&keys).await?;
    let centres = alerts.split_off(about.len());
    Ok((by_code(&centres)?, about.into_iter().zip(alerts).collect()))
}

/// The writes that raise or clear the alerts.
fn alert_writes(closure: &DependencyClosure, alerts: &Alerts, now: Timestamp) -> Result<Vec<Write>, UnreadableRow> {
    let state = if closure.too_many.is_some() { AlertState::Raised } else { AlertState::Cleared };
    let mut writes = Vec::new();
    for (most_used, record) in alerts {
        let detail = format!(
            "More than {} items depend on each other through bills of materials; {most_used} connects the most of them. \
             Only their stock on hand is sold. Mark components that are always in stock as bulk.",
            GroupPlan::MAX_ITEMS,
        );
        let known = record.as_ref().map(Record::decode::<Alert>).transpose()?;
        let subject = AlertSubject::PlanTooLarge { most_used: most_used.clone() };
        let next = Alert::next(known.as_ref(), subject, state, detail, now);
        writes.extend(next.map(|next| Write::put(&next, Expect::as_read(record.as_ref()))));
    }
    Ok(writes)
}

/// The writes that replace the old plans by the new ones.
fn plan_writes(closure: &DependencyClosure, plans: &[GroupPlan]) -> Vec<Write> {
    let mut writes = Vec::new();
    for plan in plans {
        let (old, expect) = closure.plans.get(&plan.id).map_or((None, Expect::Absent), |(old, expect)| (old.as_ref(), *expect));
        if !old.is_some_and(|old| plan.has_the_same_content(old)) {
            writes.push(Write::put(plan, expect));
        }
    }
    for (id, (old, expect)) in &closure.plans {
        if old.is_some() && !plans.iter().any(|plan| plan.id == *id) {
            writes.push(Write::Delete { key: RowKey::Plan(id.clone()).key(), expect: *expect });
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
        let expect = rows.in_plan_was.map_or(Expect::Absent, Expect::Revision);
        let is = rows.in_plan.as_ref().map(|of| &of.plan);
        let named = is.is_some_and(|plan| closure.names(plan, sku));
        match of.get(sku) {
            Some(plan) if is != Some(*plan) || !named => {
                joining.push(Write::put(&PlanMembership { sku: sku.clone(), plan: (*plan).clone() }, expect));
            }
            None if is.is_some() => leaving.push(Write::Delete { key: RowKey::PlanOf(sku.clone()).key(), expect }),
            Some(_) | None => {}
        }
    }
    (joining, leaving)
}
