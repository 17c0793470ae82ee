//! The plan of one planning group.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::inputs::PlanningInputs;
use super::{Bottleneck, BottleneckCause, FinishedGoodPlan, GroupPlan, LateUnitsByDate, planning};
use crate::catalog::{Quantity, Sku};

/// The plan of one group; `None` where nothing of it is sold before it is made.
pub(crate) fn plan(terms: &PlanningInputs<'_>, group: BTreeSet<Sku>, now: Timestamp) -> Option<GroupPlan> {
    let pool = terms.pool(&group);
    if pool.items.iter().all(|item| item.offer.is_none()) {
        return None;
    }
    let goods = match planning::solve(&pool) {
        Ok(solution) => solution,
        Err(error) => {
            // A cycle that somebody wrote past the import. Nothing can be made of what is made of itself.
            tracing::error!(%error, first = ?group.first(), "items cannot be planned");
            return None;
        }
    };
    let day = |days: planning::Day| terms.today.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX);
    let mut planned = BTreeMap::new();
    for (at, item) in pool.items.iter().enumerate().filter(|(_, item)| item.offer.is_some()) {
        let Some(made) = goods.producible.get(at).and_then(Option::as_ref) else { continue };
        let shows = terms.rows.get(&item.sku).and_then(|rows| rows.item.as_ref()).is_some_and(|item| item.planning.shows_date);
        let one = || planning::earliest(&pool, at, Quantity::new(1)).ok().and_then(|found| found.day).map(day);
        let earliest = if shows { one() } else { None };
        let late = made.late.iter().map(|late| LateUnitsByDate {
            units: late.units,
            promised: day(late.promised),
            possible: late.possible.map(day),
        });
        let limit = made.limit.as_ref().map(|made| limit(made, &day));
        let waiting = item.promised.iter().map(|(_, units)| *units).sum();
        planned
            .insert(item.sku.clone(), FinishedGoodPlan { waiting, offered: made.shown, limit, late: late.collect(), earliest });
    }
    let id = group.first()?.clone();
    Some(GroupPlan { id, items: group, goods: planned, computed_at: now }.that_fits())
}

/// What stops the next unit, with its day in the calendar.
pub(crate) fn limit(limit: &planning::Limit, day: &dyn Fn(planning::Day) -> Date) -> Bottleneck {
    let why = match &limit.why {
        planning::Why::Component => BottleneckCause::Units,
        planning::Why::Centre(code) => BottleneckCause::Centre(code.clone()),
        planning::Why::LeadTime => BottleneckCause::Time,
    };
    Bottleneck { why, item: limit.item.clone(), path: limit.path.clone(), day: day(limit.day) }
}
