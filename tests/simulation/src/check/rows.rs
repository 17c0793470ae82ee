//! Interprets the rows behind a plan independently of the shipped code: which units are usable, when receipts arrive, and what
//! was promised.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use promissory::catalog::{
    BillOfMaterials, Component, Item, Location, LocationId, LocationKind, Place, Sku, WorkCentre, WorkCentreId,
};
use promissory::promise::{FinishedGoodPlan, GroupPlan, Promise};
use promissory::source::{CompletedRun, StockKind};

use super::execution::{Execution, PlannedItem, Ratio, Routing};

/// The rows that a plan was computed from.
pub struct Rows<'a> {
    /// The items of the plan.
    pub items: BTreeMap<&'a Sku, &'a Item>,
    /// Their bills of materials.
    pub bills: BTreeMap<&'a Sku, &'a BillOfMaterials>,
    /// Their promises.
    pub promises: BTreeMap<&'a Sku, &'a Promise>,
    /// The work centres.
    pub centres: BTreeMap<&'a WorkCentreId, &'a WorkCentre>,
    /// Every item, including those without a plan.
    pub all_items: Vec<&'a Item>,
    /// The locations.
    pub locations: &'a BTreeMap<LocationId, Location>,
}

/// What must be executed so that the whole plan comes true.
pub fn execution(plan: &GroupPlan, rows: &Rows<'_>, today: Date) -> Result<Execution, String> {
    let index: BTreeMap<&Sku, usize> = plan.items.iter().zip(0..).collect();
    let mut items = Vec::new();
    for sku in &plan.items {
        items.push(rows.planned_item(plan, sku, &index, today)?);
    }
    for sku in &plan.items {
        for (component, requirement) in rows.taken_by_runs(sku, today) {
            if let Some(at) = index.get(component) {
                items[*at].other_requirements.push(requirement);
            }
        }
    }
    let centres = rows.centres.iter().map(|(code, centre)| (code.to_string(), centre.per_day.units())).collect();
    Ok(Execution { items, centres })
}

impl Rows<'_> {
    fn planned_item(
        &self,
        plan: &GroupPlan,
        sku: &Sku,
        index: &BTreeMap<&Sku, usize>,
        today: Date,
    ) -> Result<PlannedItem, String> {
        let item = self.items.get(sku);
        let is_sold = item.is_some_and(|item| !item.shops.is_empty());
        let within = item.and_then(|item| item.planning.promise_days).filter(|_| is_sold);
        let promise = self.promises.get(sku);
        let mut planned_item = PlannedItem { name: sku.to_string(), ..PlannedItem::default() };
        if let Some(promise) = promise {
            planned_item.stock = self.usable(promise, is_sold) + self.usable_for_kits(sku, promise);
            let receipts =
                promise.incoming.iter().filter_map(|receipt| Some((days_to(today, receipt.due?)?, receipt.left.units())));
            planned_item.receipts = receipts.collect();
        }
        planned_item.routing = self.bills.get(sku).and_then(|bill| self.routing(bill, index));
        let planned = plan.finished_goods.get(sku);
        match (within, planned) {
            (Some(within), Some(planned)) => {
                let waiting = promise.map_or_else(Vec::new, |promise| self.waiting(promise, within, today));
                let all: i64 = waiting.iter().map(|(_, units)| units).sum();
                if planned.waiting.units() != all {
                    return Err(format!("{all} of {sku} wait for production, and the plan has {planned:?}"));
                }
                if planned.offered.is_negative() || (planned.offered.is_positive() && !planned.late.is_empty()) {
                    return Err(format!("{sku} is offered although a promise of it is late: {planned:?}"));
                }
                planned_item.promised = in_time(sku, waiting, planned, today)?;
                planned_item.offered = Some((usize::from(within), planned.offered.units()));
            }
            // The item is sold only from stock, so its orders may use the available units.
            (None, None) if is_sold => {
                let waiting = promise.map_or_else(Vec::new, |promise| self.waiting(promise, 0, today));
                planned_item.other_requirements = waiting;
            }
            (None, None) => {}
            (Some(_), None) => return Err(format!("the plan lacks the finished good {sku}")),
            (None, Some(planned)) => return Err(format!("{sku} is not sold before it is made, and the plan has {planned:?}")),
        }
        Ok(planned_item)
    }

    fn sells_online(&self, place: &Place) -> bool {
        match place {
            Place::Unassigned => true,
            Place::At(code) => self.locations.get(code).is_some_and(|at| at.active && at.fulfils_online),
        }
    }

    /// Units that production may use. Units at a location from which the shop sells are excluded for items that it sells.
    fn usable(&self, promise: &Promise, is_sold: bool) -> i64 {
        let may = |place: &Place| match place {
            Place::Unassigned => !is_sold,
            Place::At(code) => {
                self.locations.get(code).is_some_and(Location::feeds_production) && !(is_sold && self.sells_online(place))
            }
        };
        promise.places.iter().filter(|(place, _)| may(place)).map(|(_, at)| (at.balance.available() - at.expired).units()).sum()
    }

    /// Units that the shop sells and that kits may take: the item goes into nothing but kits.
    fn usable_for_kits(&self, sku: &Sku, promise: &Promise) -> i64 {
        let mut parents = self.bills.values().filter(|bill| bill.components.contains_key(sku)).peekable();
        if parents.peek().is_none() || !parents.all(|bill| bill.phantom) {
            return 0;
        }
        let ships = |place: &Place| match place {
            Place::Unassigned => true,
            Place::At(code) => {
                self.locations.get(code).is_some_and(|at| at.active && at.fulfils_online && at.kind == LocationKind::Warehouse)
            }
        };
        let shown = promise.places.iter().filter(|(place, _)| ships(place));
        let buffer = self.items.get(sku).and_then(|item| item.buffer).unwrap_or_default();
        let free = shown.map(|(_, at)| {
            let kept_back = buffer.min((at.balance.sellable() - at.expired).at_least_zero());
            (at.balance.available() - at.expired - kept_back).units()
        });
        free.sum::<i64>().max(0)
    }

    /// Units of orders that the stock does not cover, by the day for which they were promised. The newest orders wait first.
    fn waiting(&self, promise: &Promise, within: u16, today: Date) -> Vec<(usize, i64)> {
        let there: i64 = promise
            .places
            .iter()
            .filter(|(place, _)| self.sells_online(place))
            .map(|(_, at)| (at.balance.available() - at.expired).units())
            .sum();
        let mut left = (-there).max(0);
        let mut waiting = Vec::new();
        for (placed, units) in promise.placed.iter().rev() {
            let units = units.units().clamp(0, left);
            let by = placed.checked_add(jiff::Span::new().days(within)).expect("a simulated date is in range");
            waiting.push((days_to(today, by).unwrap_or(0), units));
            left -= units;
        }
        waiting.push((0, left));
        waiting.retain(|(_, units)| *units > 0);
        waiting
    }

    fn routing(&self, bill: &BillOfMaterials, index: &BTreeMap<&Sku, usize>) -> Option<Routing> {
        let is_bulk = |sku: &Sku| self.all_items.iter().any(|item| item.sku == *sku && item.planning.bulk);
        let mut slots = Vec::new();
        for slot in bill.slots().filter(|slot| !slot.iter().any(|(sku, _)| is_bulk(sku))) {
            let options: Option<Vec<(usize, Ratio)>> =
                slot.iter().map(|(sku, component)| Some((*index.get(*sku)?, per_start(component)))).collect();
            slots.push(options?);
        }
        let centre = bill.centre.as_ref().filter(|_| !bill.phantom).map(ToString::to_string);
        let lead = if bill.phantom { 0 } else { usize::from(bill.lead_days) };
        (!bill.components.is_empty()).then(|| Routing { yields: yields(bill), lead, centre, slots })
    }

    /// Components that the production runs of an item still take when they start, beyond the issued units.
    fn taken_by_runs(&self, sku: &Sku, today: Date) -> Vec<(&Sku, (usize, i64))> {
        let (Some(bill), Some(promise)) = (self.bills.get(sku), self.promises.get(sku)) else { return Vec::new() };
        let mut taken = Vec::new();
        for run in promise.incoming.iter().filter(|receipt| receipt.kind == StockKind::ProductionRun) {
            let begins = run.due.and_then(|due| days_to(today, due)).unwrap_or(0).saturating_sub(usize::from(bill.lead_days));
            for slot in bill.slots() {
                let Some((component, first)) = slot.first() else { continue };
                let takes = |units: i64| up(up(units, inverse(yields(bill))), per_start(first));
                let issued: i64 = slot.iter().map(|(sku, _)| self.issued(sku, &run.reference)).sum();
                let units = (takes(run.quantity.units()) - issued).min(takes(run.left.units()));
                if units > 0 {
                    taken.push((*component, (begins, units)));
                }
            }
        }
        // A run that completed units in the last three days keeps their components until their issue is posted.
        for run in &promise.completed {
            for slot in bill.slots() {
                let Some((component, first)) = slot.first() else { continue };
                let takes = |units: i64| up(up(units, inverse(yields(bill))), per_start(first));
                let recent = self.waits_for_posting(component, run, today);
                let all = if run.location.is_some() { run.total.units() } else { recent };
                let issued: i64 = slot.iter().map(|(sku, _)| self.issued(sku, &run.reference)).sum();
                let units = (takes(all) - issued).min(takes(recent));
                if units > 0 {
                    taken.push((*component, (0, units)));
                }
            }
        }
        taken
    }

    fn issued(&self, component: &Sku, run: &str) -> i64 {
        let Some(promise) = self.promises.get(component) else { return 0 };
        // Worlds last for less than the days during which components of kits may be posted, and do not count them.
        let to_kits = promise.issued_to_kits.get(run).into_iter().flatten().map(|issued| issued.quantity.units());
        promise.issued.get(run).map_or(0, |units| units.units()) + to_kits.sum::<i64>()
    }

    /// Completed units whose components may still be posted: for three days, until the component is counted there, and only if
    /// the component was issued by run during the last thirty days.
    fn waits_for_posting(&self, component: &Sku, run: &CompletedRun, today: Date) -> i64 {
        let Some(promise) = self.promises.get(component) else { return 0 };
        let days_since = |day: Date| days_to(day, today).unwrap_or(0);
        if promise.unnamed_issue.is_some_and(|day| days_since(day) <= 30) {
            return 0;
        }
        let counted = run.location.clone().and_then(|location| promise.places.get(&Place::At(location))?.counted);
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let recent = run.recent.iter().filter(|units| days_since(day(units.at)) <= 3 && counted.is_none_or(|at| at < units.at));
        recent.map(|units| units.quantity.units()).sum()
    }
}

/// The waiting units, with late units moved to the day on which they are possible.
fn in_time(
    sku: &Sku,
    mut waiting: Vec<(usize, i64)>,
    planned: &FinishedGoodPlan,
    today: Date,
) -> Result<Vec<(usize, i64)>, String> {
    for late in &planned.late {
        let promised = days_to(today, late.promised).unwrap_or(0);
        let mut left = late.units.units();
        for (_, units) in waiting.iter_mut().filter(|(day, _)| *day == promised) {
            let moved = left.min(*units);
            *units -= moved;
            left -= moved;
        }
        if left > 0 {
            return Err(format!("{left} late units of {sku} belong to no order: {planned:?}"));
        }
        if let Some(possible) = late.possible.and_then(|day| days_to(today, day)) {
            waiting.push((possible, late.units.units()));
        }
    }
    Ok(waiting)
}

/// Days between two dates, or `None` if the second one is in the past.
fn days_to(today: Date, day: Date) -> Option<usize> {
    usize::try_from(day.since(today).ok()?.get_days()).ok()
}

fn per_start(component: &Component) -> Ratio {
    let quantity = component.quantity.number();
    let (many, of) = (quantity.mantissa(), 10_i128.pow(quantity.scale()));
    let Some(scrap) = component.scrap else { return (many, of) };
    let (lost, parts) = (scrap.number().mantissa(), 10_i128.pow(scrap.number().scale()));
    (many * 100 * parts, of * (100 * parts - lost))
}

fn yields(bill: &BillOfMaterials) -> Ratio {
    bill.yields.map_or((1, 1), |share| (share.number().mantissa(), 100 * 10_i128.pow(share.number().scale())))
}

fn inverse((many, of): Ratio) -> Ratio {
    (of, many)
}

fn up(units: i64, (many, of): Ratio) -> i64 {
    let exact = i128::from(units) * many;
    i64::try_from((exact + of - 1).div_euclid(of)).unwrap_or(i64::MAX)
}
