//! When a number of further units can be promised.

use jiff::Span;
use jiff::civil::Date;
use serde::Serialize;

use crate::catalog::{Place, Quantity};
use crate::explain::facts::ExplainFacts;
use crate::explain::planning::Planning;
use crate::promise::Bottleneck;
use crate::promise::available::sells_online;
use crate::promise::planning::{self, Day, HORIZON};

/// The first day on which further units can be available while every existing promise is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromiseDate {
    /// The number of further units.
    pub units: Quantity,
    /// The part of them that is in stock and not promised.
    pub in_stock: Quantity,
    /// The day; `None` when no known receipt or production brings them before [`PromiseDate::search_end`].
    pub day: Option<Date>,
    /// The end of the search.
    pub search_end: Date,
    /// The bottleneck on the day before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<Bottleneck>,
}

/// When `units` further units can be promised. Stock that is not promised is used first. Units that are offered of other items
/// are not promises.
pub(super) fn promise_date(facts: &ExplainFacts, planning: Option<&Planning>, units: Quantity) -> PromiseDate {
    let day = |day: Day| facts.today.checked_add(Span::new().days(day)).unwrap_or(Date::MAX);
    let places = facts.promise().into_iter().flat_map(|promise| &promise.places);
    let online = places.filter(|(place, _): &(&Place, _)| sells_online(&facts.network, place));
    let in_stock = online.map(|(_, at)| at.available - at.producible).sum::<Quantity>().at_least_zero().min(units);
    let search_end = day(HORIZON);
    if in_stock == units {
        return PromiseDate { units, in_stock, day: Some(facts.today), search_end, bottleneck: None };
    }
    let found = planning.and_then(|planning| planning.earliest(&facts.sku, units - in_stock));
    let limit = found.as_ref().and_then(|found| found.limit.as_ref());
    let limit = limit.map(|limit: &planning::Limit| crate::promise::limit(limit, &day));
    PromiseDate { units, in_stock, day: found.and_then(|found| found.day).map(day), search_end, bottleneck: limit }
}
