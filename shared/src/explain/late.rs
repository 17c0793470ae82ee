//! The orders whose promises cannot be kept: among the orders promised for a day, the newest are late first.

use std::cmp::Reverse;

use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;

use crate::catalog::{OrderId, Quantity, ShopDomain};
use crate::explain::facts::{ExplainFacts, OpenOrder};
use crate::promise::{FinishedGoodPlan, LateUnitsByDate};

/// Units that were promised for a day and cannot be available by then, and the orders that wait for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LateUnits {
    /// The number of units, the promised day, and the possible day.
    #[serde(flatten)]
    pub late: LateUnitsByDate,
    /// The orders, the newest first, because older orders are served first.
    pub orders: Vec<LateOrder>,
    /// Late units for which no open order was found.
    #[serde(skip_serializing_if = "Quantity::is_nothing")]
    pub of_unknown_orders: Quantity,
}

/// An order whose promise cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LateOrder {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The day it was placed; `None` when the order record has no such day.
    pub placed: Option<Date>,
    /// Units of the item that it still waits for.
    pub open: Quantity,
    /// The part of them that cannot be available in time.
    pub late: Quantity,
}

/// Assigns the late units of a plan to orders.
pub(super) fn late(facts: &ExplainFacts, planned: &FinishedGoodPlan) -> Vec<LateUnits> {
    let days = facts.item.planning.promise_days.unwrap_or(0);
    let promised = |order: &OpenOrder| {
        let by = order.placed.and_then(|placed| placed.checked_add(Span::new().days(days)).ok());
        by.unwrap_or(facts.today).max(facts.today)
    };
    let mut orders: Vec<(Date, Quantity, &OpenOrder)> =
        facts.orders.iter().map(|order| (promised(order), order.units, order)).collect();
    orders.sort_by_key(|(_, _, order)| Reverse((order.placed, order.order)));
    let mut found = Vec::new();
    for late in &planned.late {
        let mut left = late.units;
        let mut late_orders = Vec::new();
        for (_, units, order) in orders.iter_mut().filter(|(by, _, _)| *by == late.promised) {
            let late = left.min(*units);
            if late.is_positive() {
                (*units, left) = (*units - late, left - late);
                let OpenOrder { shop, order, placed, units: open } = order;
                late_orders.push(LateOrder { shop: shop.clone(), order: *order, placed: *placed, open: *open, late });
            }
        }
        found.push(LateUnits { late: late.clone(), orders: late_orders, of_unknown_orders: left });
    }
    found
}
