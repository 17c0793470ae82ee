//! A plan: what the finished goods of one planning group may offer. The group is planned together and its plan is one row, so
//! that everything the plan offers can be produced.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Quantity, Sku};
use crate::promise::planned::{FinishedGoodPlan, LateUnitsByDate};

/// The plan of one planning group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPlan {
    /// The name of the plan: the first of its items.
    pub id: Sku,
    /// All items of the group: finished goods, their components, and the other items that use these components.
    pub items: BTreeSet<Sku>,
    /// The plan of each item that is offered before it is produced.
    pub finished_goods: BTreeMap<Sku, FinishedGoodPlan>,
    /// Units of items that are sold by themselves and that kits take.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept_for_kits: BTreeMap<Sku, Quantity>,
    /// The day that the plan begins with, in the time zone of the plant. A plan of an older version does not have it, and is
    /// planned again.
    #[serde(default)]
    pub day: Date,
    /// When the plan was computed.
    pub computed_at: Timestamp,
}

impl GroupPlan {
    /// The most items that are planned together.
    pub const MAX_ITEMS: usize = 1_000;

    /// The most bytes of a plan, as JSON. A row holds at most 400 KB, and numbers and names take no more space in a row than in
    /// JSON.
    const MAX_BYTES: usize = 300_000;

    /// Removes as many explanations as it takes for the plan to fit into a row: first the paths to the bottlenecks, then the days
    /// of late units, and last the bottlenecks. Units are never removed.
    #[must_use]
    pub fn that_fits(mut self) -> Self {
        let shrink: [fn(&mut FinishedGoodPlan); 3] = [
            |planned| planned.limit.iter_mut().for_each(|limit| limit.path.clear()),
            |planned| planned.late = LateUnitsByDate::together(&planned.late).into_iter().collect(),
            |planned| planned.limit = None,
        ];
        for shrink in shrink {
            if serde_json::to_vec(&self).map_or(0, |bytes| bytes.len()) <= Self::MAX_BYTES {
                break;
            }
            self.finished_goods.values_mut().for_each(shrink);
        }
        self
    }

    /// Whether both plans have the same content and begin with the same day. A plan of another day is written even when its
    /// content is the same, so that a planner that still plans for the day before finds a changed row.
    #[must_use]
    pub fn has_the_same_content(&self, other: &Self) -> bool {
        *self == Self { computed_at: self.computed_at, ..other.clone() }
    }

    /// The items for which two states of a plan differ.
    #[must_use]
    pub fn differing(old: Option<&Self>, new: Option<&Self>) -> BTreeSet<Sku> {
        let of = |plan: Option<&Self>, sku: &Sku| {
            plan.map(|plan| (plan.finished_goods.get(sku).cloned(), plan.kept_for_kits.get(sku).copied())).unwrap_or_default()
        };
        let all = old.iter().chain(&new).flat_map(|plan| plan.finished_goods.keys().chain(plan.kept_for_kits.keys()));
        all.filter(|sku| of(old, sku) != of(new, sku)).cloned().collect()
    }
}

/// The plan that an item is in. The transaction that adds the item to a plan writes this row, and the transaction that removes
/// the item deletes it. Where one transaction cannot hold all rows, memberships are written before the plan and deleted after it.
/// An item that its plan does not list is not planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanMembership {
    /// The item.
    pub sku: Sku,
    /// The name of its plan.
    pub plan: Sku,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::promise::{Bottleneck, BottleneckCause};

    fn plan(count: usize, name: usize, path: usize, late: i8) -> GroupPlan {
        let sku = |at: usize| format!("{at:0name$}").parse::<Sku>().expect("a SKU");
        let day = |add: i8| date(2026, 11, 1 + add % 28);
        let of = |at: usize| {
            let lateness =
                |at: i8| LateUnitsByDate { units: Quantity::new(2), promised: day(at), possible: (at > 0).then(|| day(at + 1)) };
            let path: Vec<Sku> = (0..path).map(sku).collect();
            let limit = Bottleneck { why: BottleneckCause::Units, item: sku(at), path, day: day(9) };
            let (waiting, offered) = (Quantity::new(900), Quantity::new(7));
            (
                sku(at),
                FinishedGoodPlan {
                    waiting,
                    offered,
                    limit: Some(limit),
                    late: (0..late).map(lateness).collect(),
                    earliest: None,
                },
            )
        };
        let finished_goods: BTreeMap<Sku, FinishedGoodPlan> = (0..count).map(of).collect();
        GroupPlan {
            id: sku(0),
            items: finished_goods.keys().cloned().collect(),
            finished_goods,
            kept_for_kits: BTreeMap::new(),
            day: day(0),
            computed_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Protects the largest plans from being rejected by the table, which would block all later work: the units of a plan are
    /// complete, and it keeps as many explanations as fit.
    #[test]
    fn a_plan_fits_into_its_row() {
        for (count, name, path, late, has_path, lates, has_limit) in [
            (3, 8, 20, 20, true, 20, true),
            (1_000, 8, 6, 0, true, 0, true),
            (1_000, 30, 20, 0, false, 0, true),
            (900, 30, 20, 100, false, 1, true),
            (1_000, 100, 20, 100, false, 1, false),
        ] {
            let case = format!("{count} finished goods, names of {name}, {path} levels, {late} late");
            let whole = plan(count, name, path, late);
            let fits = whole.clone().that_fits();
            assert!(serde_json::to_vec(&fits).expect("a row").len() <= GroupPlan::MAX_BYTES, "{case}");
            for (sku, planned) in &fits.finished_goods {
                assert_eq!(planned.producible(), whole.finished_goods[sku].producible(), "{case}");
                let limit = planned.limit.as_ref();
                assert_eq!(limit.map(|limit| !limit.path.is_empty()), has_limit.then_some(has_path), "{case}");
                assert_eq!(planned.late.len(), lates, "{case}");
            }
        }
    }
}
