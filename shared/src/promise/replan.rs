//! Planning anew what hangs together with items that changed.
//!
//! Everything that competes is decided together and written together: as long as one plan says what a good may show, what is
//! shown of all of them can be made. The plan's revision is the gate, as a promise's is: it is read before whatever it is
//! computed from. Where bills have tied items together or let them go, the plans that were are replaced by those that are, at
//! once. What came out as before is not written, but for the first time on a day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::around::{Around, Rows, by_code, centres_of, groups, read_around, read_rows};
use super::terms::Terms;
use super::{InPlan, Late, Limit, Plan, Planned, Why, making};
use crate::alert::{Alert, State, Subject};
use crate::catalog::{CentreId, Network, Quantity, Sku, WorkCentre};
use crate::clock::{Clock, backoff, day_of};
use crate::store::{Expect, Key, MAX_WRITES, Record, Store, StoreError, Write, WriteError};

/// How often a plan is made anew when its rows change under it.
const MAX_ATTEMPTS: u32 = 10;

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
    for attempt in 1..=MAX_ATTEMPTS {
        match replan_once(store, clock, network, seed).await {
            Ok(done) => return Ok(done),
            Err(WriteError::Store(error)) => return Err(error),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {
                clock.sleep(backoff(Duration::from_millis(5), attempt, seed.as_str())).await;
            }
        }
    }
    Err(StoreError::Unavailable { detail: format!("{seed} was planned by others {MAX_ATTEMPTS} times over"), source: None })
}

async fn replan_once<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    seed: &Sku,
) -> Result<(BTreeSet<Sku>, usize), WriteError> {
    let around = read_around(store, seed).await?;
    let alert_of = Subject::PlanTooLarge { sku: around.too_many.clone().unwrap_or_else(|| seed.clone()) };
    let (centres, alert) = read_beside(store, &around.rows, &alert_of).await?;
    // A clock that is behind plans for the day that another has begun: what was planned for a day is not planned back.
    let now = around.computed_last().map_or(clock.now(), |last| last.max(clock.now()));
    let terms = Terms { rows: &around.rows, centres: &centres, network, today: day_of(now) };

    // Too many to be decided together: only what is there of them is sold until somebody unties them.
    let groups = if around.too_many.is_some() { Vec::new() } else { groups(&around.rows) };
    let plans: Vec<Plan> = groups.into_iter().filter_map(|group| plan(&terms, group, now)).collect();

    let mut writes = Vec::new();
    let state = if around.too_many.is_some() { State::Raised } else { State::Cleared };
    let detail = format!(
        "More than {} items hang together by their bills with {}. Only what is there of them is sold: mark as bulk what is always there.",
        Plan::MAX_ITEMS,
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
    rows: &BTreeMap<Sku, Rows>,
    alert: &Subject,
) -> Result<(BTreeMap<CentreId, WorkCentre>, Option<Record>), StoreError> {
    let keys: Vec<Key> = [Alert::key_of(alert)].into_iter().chain(centres_of(rows)).collect();
    let mut records = store.get(&keys).await?;
    let alert = records.first_mut().and_then(Option::take);
    Ok((by_code(&records)?, alert))
}

/// The plan of one group; `None` where nothing of it is sold before it is made.
pub(super) fn plan(terms: &Terms<'_>, group: BTreeSet<Sku>, now: Timestamp) -> Option<Plan> {
    let pool = terms.pool(&group);
    if pool.items.iter().all(|item| item.offer.is_none()) {
        return None;
    }
    let goods = match making::solve(&pool) {
        Ok(solution) => solution,
        Err(error) => {
            // A cycle that somebody wrote past the import. Nothing can be made of what is made of itself.
            tracing::error!(%error, first = ?group.first(), "items cannot be planned");
            return None;
        }
    };
    let day = |days: making::Day| terms.today.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX);
    let mut planned = BTreeMap::new();
    for (at, item) in pool.items.iter().enumerate().filter(|(_, item)| item.offer.is_some()) {
        let Some(made) = goods.makeable.get(at).and_then(Option::as_ref) else { continue };
        let shows = terms.rows.get(&item.sku).and_then(|rows| rows.item.as_ref()).is_some_and(|item| item.planning.shows_date);
        let one = || making::earliest(&pool, at, Quantity::new(1)).ok().and_then(|found| found.day).map(day);
        let earliest = if shows { one() } else { None };
        let late = made.late.iter().map(|late| Late {
            units: late.units,
            promised: day(late.promised),
            possible: late.possible.map(day),
        });
        let limit = made.limit.as_ref().map(|made| limit(made, &day));
        let waiting = item.promised.iter().map(|(_, units)| *units).sum();
        planned.insert(item.sku.clone(), Planned { waiting, offered: made.shown, limit, late: late.collect(), earliest });
    }
    let id = group.first()?.clone();
    Some(Plan { id, items: group, goods: planned, computed_at: now }.that_fits())
}

/// What stops the next unit, with its day in the calendar.
pub(super) fn limit(limit: &making::Limit, day: &dyn Fn(making::Day) -> Date) -> Limit {
    let why = match &limit.why {
        making::Why::Component => Why::Units,
        making::Why::Centre(code) => Why::Centre(code.clone()),
        making::Why::LeadTime => Why::Time,
    };
    Limit { why, item: limit.item.clone(), path: limit.path.clone(), day: day(limit.day) }
}

/// The writes that put these plans in the place of those that were.
fn replacing(around: &Around, plans: &[Plan]) -> Vec<Write> {
    let mut writes = Vec::new();
    for plan in plans {
        let (old, expect) = around.plans.get(&plan.id).map_or((None, Expect::Absent), |(old, expect)| (old.as_ref(), *expect));
        if !old.is_some_and(|old| plan.says_the_same(old)) {
            writes.push(Write::put(plan, expect));
        }
    }
    for (id, (old, expect)) in &around.plans {
        if old.is_some() && !plans.iter().any(|plan| plan.id == *id) {
            writes.push(Write::Delete { key: Plan::key_of(id), expect: *expect });
        }
    }
    writes
}

/// The rows that say which plan an item is in: those that must be there before the plans, and those that go after them.
///
/// One that a plan is to take back in is written even where it has stayed: whoever let the item go may be about to take it
/// away, and must find that it was written since.
fn pointers(around: &Around, plans: &[Plan]) -> (Vec<Write>, Vec<Write>) {
    let of: BTreeMap<&Sku, &Sku> = plans.iter().flat_map(|plan| plan.items.iter().map(|sku| (sku, &plan.id))).collect();
    let (mut taken_in, mut let_go) = (Vec::new(), Vec::new());
    for (sku, rows) in &around.rows {
        let expect = rows.in_plan_was.map_or(Expect::Absent, Expect::Revision);
        let is = rows.in_plan.as_ref().map(|of| &of.plan);
        let named = is.is_some_and(|plan| around.names(plan, sku));
        match of.get(sku) {
            Some(plan) if is != Some(*plan) || !named => {
                taken_in.push(Write::put(&InPlan { sku: sku.clone(), plan: (*plan).clone() }, expect));
            }
            None if is.is_some() => let_go.push(Write::Delete { key: InPlan::key_of(sku), expect }),
            Some(_) | None => {}
        }
    }
    (taken_in, let_go)
}
