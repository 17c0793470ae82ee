//! What the rows behind a plan mean, read by themselves: which units may be used for what, when they are there, and what is
//! promised of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use promissory::catalog::{BillOfMaterials, Component, Item, Location, LocationId, Place, Sku, WorkCentre, WorkCentreId};
use promissory::promise::{FinishedGoodPlan, GroupPlan, Promise};
use promissory::source::{ScheduledReceipt, StockKind};

use super::carry::{Share, Thing, Way, Yard};

/// The rows that a plan was computed from.
pub struct Rows<'a> {
    /// The items.
    pub items: BTreeMap<&'a Sku, &'a Item>,
    /// What they are made of.
    pub bills: BTreeMap<&'a Sku, &'a BillOfMaterials>,
    /// What is there of them.
    pub promises: BTreeMap<&'a Sku, &'a Promise>,
    /// Where they are made.
    pub centres: BTreeMap<&'a WorkCentreId, &'a WorkCentre>,
    /// Every item, also those that no plan is of.
    pub all_items: Vec<&'a Item>,
    /// The locations.
    pub locations: &'a BTreeMap<LocationId, Location>,
}

/// What is to be carried out so that everything a plan says comes true.
pub fn yard(plan: &GroupPlan, rows: &Rows<'_>, today: Date) -> Result<Yard, String> {
    let index: BTreeMap<&Sku, usize> = plan.items.iter().zip(0..).collect();
    let mut things = Vec::new();
    for sku in &plan.items {
        things.push(rows.thing(plan, sku, &index, today)?);
    }
    for sku in &plan.items {
        for (component, claim) in rows.taken_by_runs(sku, today) {
            if let Some(at) = index.get(component) {
                things[*at].taken.push(claim);
            }
        }
    }
    let centres = rows.centres.iter().map(|(code, centre)| (code.to_string(), centre.per_day.units())).collect();
    Ok(Yard { things, centres })
}

impl Rows<'_> {
    fn thing(&self, plan: &GroupPlan, sku: &Sku, index: &BTreeMap<&Sku, usize>, today: Date) -> Result<Thing, String> {
        let item = self.items.get(sku);
        let is_sold = item.is_some_and(|item| !item.shops.is_empty());
        let within = item.and_then(|item| item.planning.promise_days).filter(|_| is_sold);
        let promise = self.promises.get(sku);
        let mut thing = Thing { name: sku.to_string(), ..Thing::default() };
        if let Some(promise) = promise {
            thing.stock = self.usable(promise, is_sold);
            let comes = promise.incoming.iter().filter_map(|paper| Some((days_to(today, paper.due?)?, paper.left.units())));
            thing.comes = comes.collect();
        }
        thing.way = self.bills.get(sku).and_then(|bill| self.way(bill, index));
        let planned = plan.goods.get(sku);
        match (within, planned) {
            (Some(within), Some(planned)) => {
                let waiting = promise.map_or_else(Vec::new, |promise| self.waiting(promise, within, today));
                let all: i64 = waiting.iter().map(|(_, units)| units).sum();
                if planned.waiting.units() != all {
                    return Err(format!("{all} of {sku} are waited for, and it says {planned:?}"));
                }
                if planned.offered.is_negative() || (planned.offered.is_positive() && !planned.late.is_empty()) {
                    return Err(format!("{sku} is offered while what was promised of it is late: {planned:?}"));
                }
                thing.promised = in_time(sku, waiting, planned, today)?;
                thing.offered = Some((usize::from(within), planned.offered.units()));
            }
            // What is sold only as it is there: its orders may take what is there of it.
            (None, None) if is_sold => {
                let waiting = promise.map_or_else(Vec::new, |promise| self.waiting(promise, 0, today));
                thing.taken = waiting;
            }
            (None, None) => {}
            (Some(_), None) => return Err(format!("it says nothing of {sku}")),
            (None, Some(planned)) => return Err(format!("{sku} is not sold before it is made: {planned:?}")),
        }
        Ok(thing)
    }

    fn sells_online(&self, place: &Place) -> bool {
        match place {
            Place::Unassigned => true,
            Place::At(code) => self.locations.get(code).is_some_and(|at| at.active && at.fulfils_online),
        }
    }

    /// Units that may be used for anything: not those that a shop sells where they lie.
    fn usable(&self, promise: &Promise, is_sold: bool) -> i64 {
        let may = |place: &Place| match place {
            Place::Unassigned => !is_sold,
            Place::At(code) => {
                self.locations.get(code).is_some_and(Location::feeds_production) && !(is_sold && self.sells_online(place))
            }
        };
        promise.places.iter().filter(|(place, _)| may(place)).map(|(_, at)| at.balance.available().units()).sum()
    }

    /// What orders wait for, by the day it was promised for: the last to come wait.
    fn waiting(&self, promise: &Promise, within: u16, today: Date) -> Vec<(usize, i64)> {
        let there: i64 = promise
            .places
            .iter()
            .filter(|(place, _)| self.sells_online(place))
            .map(|(_, at)| at.balance.available().units())
            .sum();
        let mut left = (-there).max(0);
        let mut waiting = Vec::new();
        for (placed, units) in promise.placed.iter().rev() {
            let units = units.units().clamp(0, left);
            let by = placed.checked_add(jiff::Span::new().days(within)).expect("a simulation is short");
            waiting.push((days_to(today, by).unwrap_or(0), units));
            left -= units;
        }
        waiting.push((0, left));
        waiting.retain(|(_, units)| *units > 0);
        waiting
    }

    fn way(&self, bill: &BillOfMaterials, index: &BTreeMap<&Sku, usize>) -> Option<Way> {
        let is_bulk = |sku: &Sku| self.all_items.iter().any(|item| item.sku == *sku && item.planning.bulk);
        let mut slots = Vec::new();
        for slot in bill.slots().filter(|slot| !slot.iter().any(|(sku, _)| is_bulk(sku))) {
            let options: Option<Vec<(usize, Share)>> =
                slot.iter().map(|(sku, component)| Some((*index.get(*sku)?, per_start(component)))).collect();
            slots.push(options?);
        }
        let centre = bill.centre.as_ref().filter(|_| !bill.phantom).map(ToString::to_string);
        let lead = if bill.phantom { 0 } else { usize::from(bill.lead_days) };
        (!bill.components.is_empty()).then(|| Way { yields: yields(bill), lead, centre, slots })
    }

    /// What the runs of an item take of its components when they begin, beyond what was issued to them.
    fn taken_by_runs(&self, sku: &Sku, today: Date) -> Vec<(&Sku, (usize, i64))> {
        let (Some(bill), Some(promise)) = (self.bills.get(sku), self.promises.get(sku)) else { return Vec::new() };
        let mut taken = Vec::new();
        for run in promise.incoming.iter().filter(|paper| paper.kind == StockKind::ProductionRun) {
            let begins = run.due.and_then(|due| days_to(today, due)).unwrap_or(0).saturating_sub(usize::from(bill.lead_days));
            for slot in bill.slots() {
                let Some((component, first)) = slot.first() else { continue };
                let takes = |units: i64| up(up(units, inverse(yields(bill))), per_start(first));
                let issued: i64 = slot.iter().map(|(sku, _)| self.issued(sku, run)).sum();
                let units = (takes(run.quantity.units()) - issued).min(takes(run.left.units()));
                if units > 0 {
                    taken.push((*component, (begins, units)));
                }
            }
        }
        taken
    }

    fn issued(&self, component: &Sku, run: &ScheduledReceipt) -> i64 {
        let issued = self.promises.get(component).and_then(|promise| promise.issued.get(&run.reference));
        issued.map_or(0, |units| units.units())
    }
}

/// What is waited for, with what is late moved to when it can be there.
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
            return Err(format!("{left} of {sku} are late that nobody waits for: {planned:?}"));
        }
        if let Some(possible) = late.possible.and_then(|day| days_to(today, day)) {
            waiting.push((possible, late.units.units()));
        }
    }
    Ok(waiting)
}

/// Days from one to another; nothing where it has passed.
fn days_to(today: Date, day: Date) -> Option<usize> {
    usize::try_from(day.since(today).ok()?.get_days()).ok()
}

fn per_start(component: &Component) -> Share {
    let quantity = component.quantity.number();
    let (many, of) = (quantity.mantissa(), 10_i128.pow(quantity.scale()));
    let Some(scrap) = component.scrap else { return (many, of) };
    let (lost, parts) = (scrap.number().mantissa(), 10_i128.pow(scrap.number().scale()));
    (many * 100 * parts, of * (100 * parts - lost))
}

fn yields(bill: &BillOfMaterials) -> Share {
    bill.yields.map_or((1, 1), |share| (share.number().mantissa(), 100 * 10_i128.pow(share.number().scale())))
}

fn inverse((many, of): Share) -> Share {
    (of, many)
}

fn up(units: i64, (many, of): Share) -> i64 {
    let exact = i128::from(units) * many;
    i64::try_from((exact + of - 1).div_euclid(of)).unwrap_or(i64::MAX)
}
