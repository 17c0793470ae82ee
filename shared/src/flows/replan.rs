//! Planning anew what hangs together with items that changed.
//!
//! Everything that competes is decided together and written together: as long as one plan says what a good may show, what is
//! shown of all of them can be made. The plan's revision is the gate, as a promise's is: it is read before whatever it is
//! computed from. Where bills have tied items together or let them go, the plans that were are replaced by those that are, at
//! once. What came out as before is not written, but for the first time on a day.

use std::collections::{BTreeMap, BTreeSet};

use crate::alert::{Alert, AlertState, AlertSubject};
use crate::catalog::{Network, Sku, WorkCentre, WorkCentreId, day_of};
use crate::flows::closure::{Around, by_code, centres_of, read_around, read_rows};
use crate::flows::{RetryBudget, retry};
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::promise::inputs::PlanningInputs;
use crate::promise::{GroupPlan, PlanMembership, PlanningRows, groups, plan};
use crate::table::{Expect, Key, MAX_WRITES, Record, RowKey, Write};

/// Plans anew whatever hangs together with these items. Returns how many plans say something else than before.
///
/// # Errors
/// When the store fails, or others keep planning the same items.
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
        let (done, plans) = replan_around(store, clock, network, &seed).await?;
        left.retain(|sku| !done.contains(sku));
        written += plans;
    }
    Ok(written)
}

/// Plans anew whatever hangs together with one item. Returns what that was, and how many plans were written.
async fn replan_around<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    seed: &Sku,
) -> Result<(BTreeSet<Sku>, usize), StoreError> {
    let what = format!("the plan of {seed}");
    retry(clock, RetryBudget::RECOMPUTE, &what, async || replan_once(store, clock, network, seed).await).await
}

async fn replan_once<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    seed: &Sku,
) -> Result<(BTreeSet<Sku>, usize), WriteError> {
    let around = read_around(store, seed).await?;
    let alert_of = AlertSubject::PlanTooLarge { sku: around.too_many.clone().unwrap_or_else(|| seed.clone()) };
    let (centres, alert) = read_beside(store, &around.rows, &alert_of).await?;
    // A clock that is behind plans for the day that another has begun: what was planned for a day is not planned back.
    let now = around.computed_last().map_or(clock.now(), |last| last.max(clock.now()));
    let terms = PlanningInputs { rows: &around.rows, centres: &centres, network, today: day_of(now) };

    // Too many to be decided together: only what is there of them is sold until somebody unties them.
    let groups = if around.too_many.is_some() { Vec::new() } else { groups(&around.rows) };
    let plans: Vec<GroupPlan> = groups.into_iter().filter_map(|group| plan(&terms, group, now)).collect();

    let mut writes = Vec::new();
    let state = if around.too_many.is_some() { AlertState::Raised } else { AlertState::Cleared };
    let detail = format!(
        "More than {} items hang together by their bills with {}. Only what is there of them is sold: mark as bulk what is always there.",
        GroupPlan::MAX_ITEMS,
        around.too_many.as_ref().unwrap_or(seed),
    );
    let known = alert.as_ref().map(Record::decode::<Alert>).transpose()?;
    let next = Alert::next(known.as_ref(), alert_of, state, detail, now);
    writes.extend(next.map(|next| Write::put(&next, Expect::as_read(alert.as_ref()))));
    let changed = replacing(&around, &plans);
    let count = changed.len();
    writes.extend(changed);

    // At once as a rule: in parts only where more items change their plan than a transaction holds.
    let (taken_in, let_go) = pointers(&around, &plans);
    let all: Vec<Write> = taken_in.into_iter().chain(writes).chain(let_go).collect();
    for part in all.chunks(MAX_WRITES) {
        store.write(part).await?;
    }
    Ok((around.rows.into_keys().collect(), count))
}

/// Reads the work centres that bills name, and an alert.
async fn read_beside<S: Store>(
    store: &S,
    rows: &BTreeMap<Sku, PlanningRows>,
    alert: &AlertSubject,
) -> Result<(BTreeMap<WorkCentreId, WorkCentre>, Option<Record>), StoreError> {
    let keys: Vec<Key> = [RowKey::Alert(alert.clone()).key()].into_iter().chain(centres_of(rows)).collect();
    let mut records = store.get(&keys).await?;
    let alert = records.first_mut().and_then(Option::take);
    Ok((by_code(&records)?, alert))
}

/// The writes that put these plans in the place of those that were.
fn replacing(around: &Around, plans: &[GroupPlan]) -> Vec<Write> {
    let mut writes = Vec::new();
    for plan in plans {
        let (old, expect) = around.plans.get(&plan.id).map_or((None, Expect::Absent), |(old, expect)| (old.as_ref(), *expect));
        if !old.is_some_and(|old| plan.says_the_same(old)) {
            writes.push(Write::put(plan, expect));
        }
    }
    for (id, (old, expect)) in &around.plans {
        if old.is_some() && !plans.iter().any(|plan| plan.id == *id) {
            writes.push(Write::Delete { key: RowKey::Plan(id.clone()).key(), expect: *expect });
        }
    }
    writes
}

/// The rows that say which plan an item is in: those that must be there before the plans, and those that go after them.
///
/// One that a plan is to take back in is written even where it has stayed: whoever let the item go may be about to take it
/// away, and must find that it was written since.
fn pointers(around: &Around, plans: &[GroupPlan]) -> (Vec<Write>, Vec<Write>) {
    let of: BTreeMap<&Sku, &Sku> = plans.iter().flat_map(|plan| plan.items.iter().map(|sku| (sku, &plan.id))).collect();
    let (mut taken_in, mut let_go) = (Vec::new(), Vec::new());
    for (sku, rows) in &around.rows {
        let expect = rows.in_plan_was.map_or(Expect::Absent, Expect::Revision);
        let is = rows.in_plan.as_ref().map(|of| &of.plan);
        let named = is.is_some_and(|plan| around.names(plan, sku));
        match of.get(sku) {
            Some(plan) if is != Some(*plan) || !named => {
                taken_in.push(Write::put(&PlanMembership { sku: sku.clone(), plan: (*plan).clone() }, expect));
            }
            None if is.is_some() => let_go.push(Write::Delete { key: RowKey::PlanOf(sku.clone()).key(), expect }),
            Some(_) | None => {}
        }
    }
    (taken_in, let_go)
}
