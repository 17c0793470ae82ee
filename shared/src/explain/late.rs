//! Whose promises break: of the orders that were promised a day, the newest wait first.

use std::cmp::Reverse;

use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;

use crate::catalog::{OrderId, Quantity, ShopDomain};
use crate::explain::facts::{ExplainFacts, OpenOrder};
use crate::promise::{FinishedGoodPlan, LateUnitsByDate};

/// Units that were promised for a day and cannot be there by then, and the orders that wait for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LateUnits {
    /// How many, for when, and when they can be there.
    #[serde(flatten)]
    pub late: LateUnitsByDate,
    /// The orders, the newest first: whoever was promised first is served first.
    pub orders: Vec<LateOrder>,
    /// Units of these of which no open order was found.
    #[serde(skip_serializing_if = "Quantity::is_nothing")]
    pub of_unknown_orders: Quantity,
}

/// An order whose promise breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LateOrder {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The day it was placed, where that was kept.
    pub placed: Option<Date>,
    /// Units of the item that it still waits for.
    pub open: Quantity,
    /// Units of these that cannot be there in time.
    pub late: Quantity,
}

/// The orders behind what is late.
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
        let mut breaks = Vec::new();
        for (_, units, order) in orders.iter_mut().filter(|(by, _, _)| *by == late.promised) {
            let late = left.min(*units);
            if late.is_positive() {
                (*units, left) = (*units - late, left - late);
                let OpenOrder { shop, order, placed, units: open } = order;
                breaks.push(LateOrder { shop: shop.clone(), order: *order, placed: *placed, open: *open, late });
            }
        }
        found.push(LateUnits { late: late.clone(), orders: breaks, of_unknown_orders: left });
    }
    found
}
