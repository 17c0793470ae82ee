//! Planning inputs from the rows of a planning group: which units may be used for what, and when.
//!
//! Stock at a location that serves online orders is kept for the item's own orders, unless the item goes into kits only: a kit is
//! put together when it ships, from what is sold by itself too. Stock at another location that feeds production may go into
//! anything. An overdue scheduled receipt does not count until its source reports a new date. A production
//! run takes its components when it starts, less the units that were already issued to it. Units that were completed keep their
//! components until the system has posted their issue.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use rust_decimal::Decimal;

use crate::catalog::{BillOfMaterials, Component, Location, Network, Place, Quantity, Sku, WorkCentre, WorkCentreId, day_of};
use crate::promise::planning::{ComponentUse, Day, GroupItem, GroupWorkCentre, Offer, PlanningGroup, Ratio, Recipe, Slot};
use crate::promise::{LocationPromise, PlanningRows, Promise};
use crate::source::{CompletedRun, POSTING_DAYS, RecordedUnits, ScheduledReceipt, StockKind};

/// The rows from which a planning group is built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanningInputs<'a> {
    pub rows: &'a BTreeMap<Sku, PlanningRows>,
    pub centres: &'a BTreeMap<WorkCentreId, WorkCentre>,
    pub network: &'a Network,
    pub today: Date,
}

/// The units of a component that a production run will still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunRequirement<'a> {
    pub component: &'a Sku,
    /// The reference of the run's source document.
    pub run: &'a str,
    /// The day on which the run starts.
    pub day: Day,
    pub units: Quantity,
}

impl PlanningInputs<'_> {
    /// The [`PlanningGroup`] of these items; its items are in the order of `group`.
    pub fn planning_group(&self, group: &BTreeSet<Sku>) -> PlanningGroup {
        let index: BTreeMap<&Sku, usize> = group.iter().zip(0..).collect();
        let of = |sku: &Sku| self.rows.get(sku).and_then(|rows| rows.bill.as_ref());
        let used: BTreeSet<&WorkCentreId> = group.iter().filter_map(|sku| of(sku)?.centre.as_ref()).collect();
        let centres: BTreeMap<&WorkCentreId, usize> = used.into_iter().zip(0..).collect();
        let mut items: Vec<GroupItem> = group.iter().map(|sku| self.item(sku, &index, &centres)).collect();
        for sku in group {
            for requirement in self.run_requirements(sku) {
                if let Some(item) = index.get(requirement.component).and_then(|at| items.get_mut(*at)) {
                    item.requirements.push((requirement.day, requirement.units));
                }
            }
        }
        let per_day = |code: &WorkCentreId| self.centres.get(code).map_or(Quantity::ZERO, |centre| centre.per_day);
        let centres = centres.keys().map(|code| GroupWorkCentre { code: code.to_string(), per_day: per_day(code) }).collect();
        PlanningGroup { items, centres }
    }

    fn item(&self, sku: &Sku, index: &BTreeMap<&Sku, usize>, centres: &BTreeMap<&WorkCentreId, usize>) -> GroupItem {
        let nothing = PlanningRows::default();
        let rows = self.rows.get(sku).unwrap_or(&nothing);
        let planning = rows.item.as_ref().map(|item| item.planning).unwrap_or_default();
        let is_sold = rows.item.as_ref().is_some_and(|item| !item.shops.is_empty());
        let offer = planning.promise_days.filter(|_| is_sold).map(|days| Offer {
            by: days.into(),
            priority: planning.priority.unwrap_or(u32::MAX),
            since: planning.since.unwrap_or(Date::MAX),
        });
        let promise = rows.promise.as_ref();
        let incoming = promise.into_iter().flat_map(|promise| &promise.incoming);
        let bill = rows.bill.as_ref().filter(|bill| !bill.components.is_empty());
        GroupItem {
            sku: sku.clone(),
            stock: promise.map_or(Quantity::ZERO, |promise| self.stock(sku, promise, is_sold)),
            receipts: incoming.filter_map(|receipt| Some((self.day_of(receipt)?, receipt.left))).collect(),
            requirements: Vec::new(),
            promised: promise.map_or_else(Vec::new, |promise| self.promised(promise, planning.promise_days.unwrap_or(0))),
            recipe: bill.and_then(|bill| self.recipe(bill, index, centres)),
            bought_in: planning.supplier_days.map(Day::from),
            policy: planning.policy,
            offer,
        }
    }

    /// Units that may go into production or into kits, or may be moved to where they are sold.
    fn stock(&self, sku: &Sku, promise: &Promise, is_sold: bool) -> Quantity {
        let usable = promise.places.iter().filter(|(place, _)| self.may_use(place, is_sold));
        let usable: Quantity = usable.map(|(_, at)| at.in_stock()).sum();
        if !self.is_only_in_kits(sku) {
            return usable;
        }
        // Orders that wait for units are among the promised units.
        let shown = promise.places.iter().filter(|(place, _)| self.ships_kits(place) && !self.may_use(place, is_sold));
        // What a place keeps back does not depend on what this plan keeps for kits.
        let buffer = |at: &LocationPromise| promise.buffer.min((at.balance.sellable() - at.expired).at_least_zero());
        usable + shown.map(|(_, at)| at.in_stock() - buffer(at)).sum::<Quantity>().at_least_zero()
    }

    /// Whether an item that is sold by itself goes into kits, and into nothing else. An item that is also sold before it is there has
    /// an offer of its own, which would take the same stock.
    pub fn is_only_in_kits(&self, sku: &Sku) -> bool {
        let Some(PlanningRows { item: Some(item), used: Some(used), .. }) = self.rows.get(sku) else { return false };
        let bills = || used.parents.iter().filter_map(|parent| self.rows.get(parent)?.bill.as_ref());
        let mut of_it = bills().filter(|bill| bill.components.contains_key(sku)).peekable();
        !item.shops.is_empty() && item.planning.promise_days.is_none() && of_it.peek().is_some() && of_it.all(|bill| bill.phantom)
    }

    /// Whether kits are put together from the units at a place: online orders ship from there.
    fn ships_kits(&self, place: &Place) -> bool {
        // At no location are the orders whose location is not known yet.
        self.network.at(place).is_none_or(Location::ships_online)
    }

    /// Units of the items of a group that are sold by themselves and that kits take: kits that orders wait for, and kits that have
    /// shipped and whose components the system has not posted yet.
    pub fn kept_for_kits(&self, group: &BTreeSet<Sku>) -> BTreeMap<Sku, Quantity> {
        let mut kept: BTreeMap<Sku, Quantity> = BTreeMap::new();
        for kit in group {
            let Some(PlanningRows { bill: Some(bill), promise: Some(promise), .. }) = self.rows.get(kit) else { continue };
            if !bill.phantom {
                continue;
            }
            let waited_for = promise.waited_for(self.network);
            for (component, line, _) in self.slots_of(bill, "", 0) {
                *kept.entry(component.clone()).or_default() += takes(bill, line, waited_for).unwrap_or_default();
            }
            for requirement in self.run_requirements(kit) {
                *kept.entry(requirement.component.clone()).or_default() += requirement.units;
            }
        }
        kept.retain(|sku, units| units.is_positive() && self.is_only_in_kits(sku));
        kept
    }

    /// Whether units at a place may go into production, or may be moved to where they are sold.
    pub fn may_use(&self, place: &Place, is_sold: bool) -> bool {
        match self.network.at(place) {
            None => !is_sold,
            Some(location) => location.active && location.feeds_production() && !(is_sold && location.promises_online()),
        }
    }

    /// The day on which the units of a receipt arrive; `None` when its source gave no date, or when the date has passed.
    pub fn day_of(&self, receipt: &ScheduledReceipt) -> Option<Day> {
        let days = receipt.due?.since(self.today).ok()?.get_days();
        Day::try_from(days).ok()
    }

    /// Units that orders wait for, by the day that was promised. The stock serves the oldest orders, so the newest orders are the
    /// ones that wait.
    fn promised(&self, promise: &Promise, promise_days: u16) -> Vec<(Day, Quantity)> {
        let mut left = promise.waited_for(self.network);
        let mut promised = Vec::new();
        for (placed, units) in promise.placed.iter().rev() {
            let units = units.at_least_zero().min(left);
            if units.is_positive() {
                let by = placed.checked_add(Span::new().days(promise_days)).unwrap_or(Date::MAX);
                promised.push((self.days_until(by), units));
                left -= units;
            }
        }
        if left.is_positive() {
            promised.push((0, left)); // Orders that were stored before their day was kept.
        }
        promised
    }

    fn days_until(&self, day: Date) -> Day {
        let days = day.since(self.today).map_or(0, |span| span.get_days());
        Day::try_from(days).unwrap_or(0)
    }

    fn recipe(
        &self,
        bill: &BillOfMaterials,
        index: &BTreeMap<&Sku, usize>,
        centres: &BTreeMap<&WorkCentreId, usize>,
    ) -> Option<Recipe> {
        let mut slots = Vec::new();
        for options in bill.slots() {
            // A bulk item limits nothing, and neither does a component that a bulk item can replace.
            let is_bulk = |sku: &Sku| self.rows.get(sku).is_some_and(PlanningRows::is_bulk);
            if !options.iter().any(|(sku, _)| is_bulk(sku)) {
                slots.extend(self.windows(&options, index)?);
            }
        }
        let yields = yields(bill)?;
        let (lead, centre) = if bill.phantom { (0, None) } else { (bill.lead_days.into(), bill.centre.as_ref()) };
        Some(Recipe { yields, lead, centre: centre.and_then(|code| centres.get(code).copied()), slots })
    }

    /// A component and its alternates, as one slot for each span of days on which the same options are in force.
    fn windows(&self, options: &[(&Sku, &Component)], index: &BTreeMap<&Sku, usize>) -> Option<Vec<Slot>> {
        let edges = options.iter().flat_map(|(_, component)| [component.from, component.until]).flatten();
        let mut edges: BTreeSet<Day> = edges.map(|edge| self.days_until(edge)).collect();
        edges.insert(0);
        let ends: Vec<Day> = edges.iter().copied().skip(1).chain([Day::MAX]).collect();
        let mut slots = Vec::new();
        for (from, until) in edges.into_iter().zip(ends) {
            let day = self.today.checked_add(Span::new().days(from)).unwrap_or(Date::MAX);
            let taken = options.iter().filter(|(_, component)| component.is_used_on(day));
            let taken: Option<Vec<ComponentUse>> = taken
                .map(|(sku, component)| Some(ComponentUse { item: *index.get(*sku)?, per: per_start(component)? }))
                .collect();
            let taken = taken?;
            if !taken.is_empty() {
                slots.push(Slot { from, until, options: taken });
            }
        }
        Some(slots)
    }

    /// The units of each component that the production runs of an item will still take, and the day on which each run starts.
    ///
    /// Units that were issued to a run are deducted. The requirement of open units is at most what these units take, because an
    /// issue that names no run can be seen only in the output. Units that were completed a short time ago keep their components
    /// until the system posts the issue, see [`Self::not_posted`].
    pub fn run_requirements<'a>(&'a self, sku: &Sku) -> Vec<RunRequirement<'a>> {
        let Some(rows) = self.rows.get(sku) else { return Vec::new() };
        let (Some(bill), Some(promise)) = (&rows.bill, &rows.promise) else { return Vec::new() };
        let mut requirements = Vec::new();
        let mut require = |component, run, day, units: Quantity| {
            if units.is_positive() {
                requirements.push(RunRequirement { component, run, day, units });
            }
        };
        let runs: Vec<&ScheduledReceipt> =
            promise.incoming.iter().filter(|receipt| receipt.kind == StockKind::ProductionRun).collect();
        for lines in runs.chunk_by(|one, other| one.reference == other.reference) {
            // What was issued serves the completed units first, then the line that is due first.
            let mut earlier = Quantity::ZERO;
            for run in lines {
                let due = run.due.map_or(0, |due| self.days_until(due));
                let start = due.saturating_sub(bill.lead_days.into());
                for (component, line, gone) in self.slots_of(bill, &run.reference, start) {
                    let until = |open: Quantity| {
                        let (all, open) = (takes(bill, line, run.received + open)?, takes(bill, line, open)?);
                        Some((all - gone).at_least_zero().min(open))
                    };
                    let (Some(before), Some(with)) = (until(earlier), until(earlier + run.left)) else { continue };
                    require(component, run.reference.as_str(), start, with - before);
                }
                earlier += run.left;
            }
        }
        for run in &promise.completed {
            for (component, line, gone) in self.slots_of(bill, &run.reference, 0) {
                let recent = self.not_posted(component, run);
                let all = if run.location.is_some() { run.total } else { self.of_kits_since_count(component, &run.recent) };
                let (Some(all), Some(recent)) = (takes(bill, line, all), takes(bill, line, recent)) else { continue };
                require(component, run.reference.as_str(), 0, (all - gone).at_least_zero().min(recent));
            }
        }
        requirements
    }

    /// The component of each slot of a bill that is used on a day, and the units of the slot that were issued to a run.
    fn slots_of<'a>(
        &'a self,
        bill: &'a BillOfMaterials,
        run: &str,
        day: Day,
    ) -> impl Iterator<Item = (&'a Sku, &'a Component, Quantity)> {
        let date = self.today.checked_add(Span::new().days(day)).unwrap_or(Date::MAX);
        let issued = |component: &Sku| -> Quantity {
            let Some(promise) = self.rows.get(component).and_then(|rows| rows.promise.as_ref()) else { return Quantity::ZERO };
            match promise.issued_to_kits.get(run) {
                Some(issued) => since(counted_of_kits(promise), issued).map(|units| units.quantity).sum(),
                None => promise.issued.get(run).copied().unwrap_or_default(),
            }
        };
        let slots = bill.slots().filter_map(move |slot| {
            let (component, line) = slot.iter().find(|(_, line)| line.is_used_on(date))?;
            Some((*component, *line, slot.iter().map(|(sku, _)| issued(sku)).sum()))
        });
        slots.collect::<Vec<_>>().into_iter()
    }

    /// The units of a run that were completed in the last days, and whose components the system may not have posted yet: a
    /// system often posts them hours after the output. It has posted them when the component was counted since. A system that
    /// issues this component without the name of the run posts them by itself.
    fn not_posted(&self, component: &Sku, run: &CompletedRun) -> Quantity {
        let Some(promise) = self.rows.get(component).and_then(|rows| rows.promise.as_ref()) else { return Quantity::ZERO };
        let month = self.today.saturating_sub(Span::new().days(30));
        if promise.unnamed_issue.is_some_and(|day| day >= month) {
            return Quantity::ZERO;
        }
        let counted = match &run.location {
            Some(location) => promise.places.get(&Place::At(location.clone())).and_then(|at| at.counted),
            None => counted_of_kits(promise),
        };
        let first = self.today.saturating_sub(Span::new().days(POSTING_DAYS));
        since(counted, &run.recent).filter(|units| day_of(units.at) >= first).map(|units| units.quantity).sum()
    }

    /// The recorded kits that were put together after a component was last counted.
    fn of_kits_since_count(&self, component: &Sku, kits: &[RecordedUnits]) -> Quantity {
        let counted = self.rows.get(component).and_then(|rows| rows.promise.as_ref()).and_then(counted_of_kits);
        since(counted, kits).map(|units| units.quantity).sum()
    }
}

/// The units that were recorded after a count.
fn since(counted: Option<Timestamp>, units: &[RecordedUnits]) -> impl Iterator<Item = &RecordedUnits> {
    units.iter().filter(move |units| counted.is_none_or(|at| at < units.at))
}

/// When the components of kits were last counted. It is not known where the components of a kit left, so every place with units
/// must have been counted. Where no place has units, the newest count of all places applies.
fn counted_of_kits(promise: &Promise) -> Option<Timestamp> {
    let with_units = promise.places.values().filter(|at| !at.balance.on_hand.is_zero()).map(|at| at.counted).min();
    with_units.unwrap_or_else(|| promise.places.values().map(|at| at.counted).max().flatten())
}

/// Units of a component for each unit that is started, scrap included.
fn per_start(component: &Component) -> Option<Ratio> {
    let whole = Ratio::from_decimal(component.quantity.number())?;
    component.scrap.map_or(Some(whole), |scrap| whole.over(per_cent(Decimal::ONE_HUNDRED - scrap.number())?))
}

/// Units of a component that this number of good units takes.
fn takes(bill: &BillOfMaterials, component: &Component, units: Quantity) -> Option<Quantity> {
    Some(per_start(component)?.of(yields(bill)?.starts_for(units)))
}

/// Good units for each unit that is started.
fn yields(bill: &BillOfMaterials) -> Option<Ratio> {
    bill.yields.map_or(Some(Ratio::ONE), |share| per_cent(share.number()))
}

fn per_cent(number: Decimal) -> Option<Ratio> {
    Ratio::from_decimal(number)?.over(Ratio::new(100, 1)?)
}
