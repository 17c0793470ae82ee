//! The plan of one planning group.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::inputs::PlanningInputs;
use super::{Bottleneck, BottleneckCause, FinishedGoodPlan, GroupPlan, LateUnitsByDate, planning};
use crate::catalog::{Quantity, Sku};

/// Plans one group. Returns `None` when the group offers no item before it is produced.
pub(crate) fn plan(inputs: &PlanningInputs<'_>, group: BTreeSet<Sku>, now: Timestamp) -> Option<GroupPlan> {
    let planning_group = inputs.planning_group(&group);
    if planning_group.items.iter().all(|item| item.offer.is_none()) {
        return None;
    }
    let solution = match planning::solve(&planning_group) {
        Ok(solution) => solution,
        Err(error) => {
            // The rows contain a BOM cycle that was not written by the import, which rejects cycles. An item that is its own
            // component cannot be produced.
            tracing::error!(%error, first = ?group.first(), "the planning group cannot be planned");
            return None;
        }
    };
    let day = |days: planning::Day| inputs.today.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX);
    let mut planned = BTreeMap::new();
    for (at, item) in planning_group.items.iter().enumerate().filter(|(_, item)| item.offer.is_some()) {
        let Some(producible) = solution.producible.get(at).and_then(Option::as_ref) else { continue };
        let shows = inputs.rows.get(&item.sku).and_then(|rows| rows.item.as_ref()).is_some_and(|item| item.planning.shows_date);
        let one = || planning::earliest(&planning_group, at, Quantity::new(1)).ok().and_then(|found| found.day).map(day);
        let earliest = if shows { one() } else { None };
        let late = producible.late.iter().map(|late| LateUnitsByDate {
            units: late.units,
            promised: day(late.promised),
            possible: late.possible.map(day),
        });
        let limit = producible.limit.as_ref().map(|found| limit(found, &day));
        let waiting = item.promised.iter().map(|(_, units)| *units).sum();
        planned.insert(
            item.sku.clone(),
            FinishedGoodPlan { waiting, offered: producible.offered, limit, late: late.collect(), earliest },
        );
    }
    let id = group.first()?.clone();
    let kept_for_kits = inputs.kept_for_kits(&group);
    Some(GroupPlan { id, items: group, finished_goods: planned, kept_for_kits, day: inputs.today, computed_at: now }.that_fits())
}

/// The stored [`Bottleneck`] of a planning limit, with its day as a date.
pub(crate) fn limit(limit: &planning::Limit, day: &dyn Fn(planning::Day) -> Date) -> Bottleneck {
    let why = match &limit.why {
        planning::LimitCause::Component => BottleneckCause::Units,
        planning::LimitCause::Centre(code) => BottleneckCause::Centre(code.clone()),
        planning::LimitCause::LeadTime => BottleneckCause::Time,
    };
    Bottleneck { why, item: limit.item.clone(), path: limit.path.clone(), day: day(limit.day) }
}
