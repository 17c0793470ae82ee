//! The expected state of one order line, computed from the orders of the shop and the reports of warehouses.
//!
//! A unit has left when either source reports it, and it leaves only once. The two sources are matched by totals: first within
//! a location, then across locations in their order.

use std::collections::BTreeMap;

use promissory::catalog::{LineId, LocationId, OrderId, Place};
use promissory::order::ReportKind;
use promissory_fakes::shopify::{Financial, LocationId as ShopLocation, Order, OrderLine};

use crate::check::Checker;
use crate::world::World;
use crate::world::build::number;
use crate::world::shop_invariants::{not_restocked, returned, shipped};
use crate::world::stock_events::SourceEvent;
use crate::world::workshop::KIT_OF;

/// Units by location.
pub type Units = BTreeMap<LocationId, i64>;

/// The expected totals of an order line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExpectedLine {
    /// Reserved units.
    pub open: i64,
    /// Units that the shop has shipped, by fulfilment.
    pub shipped: BTreeMap<u64, i64>,
    /// Returned units, by location.
    pub returned: Units,
    /// Units that the shop has restocked in its own inventory.
    pub restocked: i64,
    /// Units removed from the order before shipment and not restocked.
    pub withheld: i64,
    /// Units shipped ahead of the shop, by location.
    pub ahead: Units,
    /// Units of misattributed shipments, by location: positive where they left, negative where the shop booked them.
    pub misattributed: Units,
    /// Withheld units that were shipped all the same, by location.
    pub withheld_shipped: Units,
}

/// The units of a line that left, and those that differ from the fulfilments of the shop.
#[derive(Debug, Default)]
pub struct Departed {
    /// Units that left, by location.
    pub left: Units,
    /// Units shipped ahead of the shop.
    pub ahead: Units,
    /// Units of misattributed shipments.
    pub misattributed: Units,
    /// Shipped units that were withheld.
    pub withheld_shipped: Units,
}

/// The reports of warehouses about a line.
#[derive(Debug, Default)]
struct Reported {
    shipped: Units,
    allocated: Units,
    returned: Units,
}

impl World {
    /// The expected totals of a line, from the reports that the ledger has recorded.
    pub fn of_line(&self, order: &Order, line: &OrderLine, checker: &Checker) -> ExpectedLine {
        let (_, left) = self.left(order, line, checker);
        let restocked = self.by_code(returned(order, line));
        let total: i64 = restocked.values().sum();
        let mut back = self.reports_of(order, line, checker).returned;
        let mut unseen = (total - back.values().sum::<i64>()).max(0);
        for (code, units) in &restocked {
            *back.entry(code.clone()).or_default() += unseen.min(*units);
            unseen -= unseen.min(*units);
        }
        let is_reserved = !self.is_hold_released(order, checker);
        let open = if is_reserved { still_open(order, line) - left.ahead.values().sum::<i64>() } else { 0 };
        let without_nothing = |mut units: Units| {
            units.retain(|_, units| *units != 0);
            units
        };
        ExpectedLine {
            open,
            shipped: World::counts(shipped(order, line).map(|(made, units)| (number(made.id.0), units))),
            returned: without_nothing(back),
            restocked: total,
            withheld: not_restocked(order, line),
            ahead: without_nothing(left.ahead),
            misattributed: without_nothing(left.misattributed),
            withheld_shipped: without_nothing(left.withheld_shipped),
        }
    }

    /// The units that the shop has shipped, by location, and the units that left by either source.
    pub fn left(&self, order: &Order, line: &OrderLine, checker: &Checker) -> (Units, Departed) {
        let booked = self.by_code(World::counts(shipped(order, line).map(|(made, units)| (made.location, units))));
        let reported = self.reports_of(order, line, checker).shipped;
        let home = order.fulfilment_orders.iter().find(|routed| routed.lines.iter().any(|of| of.line == line.id));
        let withheld = home.map(|home| (home.location, not_restocked(order, line)));
        let withheld = self.by_code(withheld.into_iter().collect());
        (booked.clone(), Departed::of(booked, reported, still_open(order, line), withheld))
    }

    /// Whether an order has reserved units that no warehouse has allocated.
    pub fn is_unallocated(&self, order: &Order, checker: &Checker) -> bool {
        let of = |line: &OrderLine| self.of_line(order, line, checker).open > self.allocated(order, line, checker);
        order.lines.iter().any(|line| self.counts_here(order, line) && of(line))
    }

    /// Whether the hold of an order has expired unpaid, and no warehouse has allocated or shipped units of it.
    fn is_hold_released(&self, order: &Order, checker: &Checker) -> bool {
        let record = checker.orders.get(&OrderId::new(number(order.id.0)));
        let expired = order.financial == Financial::Pending && record.is_some_and(|record| record.expiry.is_some());
        let taken_over = |line: &OrderLine| {
            self.left(order, line, checker).1.ahead.values().any(|units| *units > 0) || self.allocated(order, line, checker) > 0
        };
        expired && !order.lines.iter().any(taken_over)
    }

    /// Units of a line that warehouses have allocated and not shipped. Shipments from other locations reduce any allocation.
    fn allocated(&self, order: &Order, line: &OrderLine, checker: &Checker) -> i64 {
        let Reported { shipped: reported, allocated, .. } = self.reports_of(order, line, checker);
        let booked: i64 = shipped(order, line).map(|(_, units)| units).sum();
        let unseen = (booked - reported.values().sum::<i64>()).max(0);
        let strange = reported.iter().filter(|(code, _)| !allocated.contains_key(*code)).map(|(_, units)| units);
        let mut elsewhere = unseen + strange.sum::<i64>();
        let mut left = 0;
        for (code, units) in &allocated {
            let here = (units - reported.get(code).copied().unwrap_or_default()).max(0);
            left += here - here.min(elsewhere);
            elsewhere -= here.min(elsewhere);
        }
        left
    }

    /// The reports about a line that the ledger has recorded.
    fn reports_of(&self, order: &Order, line: &OrderLine, checker: &Checker) -> Reported {
        let mut reported = Reported::default();
        let (id, line) = (OrderId::new(number(order.id.0)), LineId::new(number(line.id.0)));
        let Some(record) = checker.orders.get(&id).filter(|record| !record.reports.is_empty()) else { return reported };
        for event in self.sources.events.iter().filter(|event| event.order == Some((id, line))) {
            // Where two contents share one id, the recorded one counts.
            let recorded = record.reports.get(&event.name()).filter(|report| report.quantity.units() == event.units);
            if event.of_kit || recorded.is_none() {
                continue;
            }
            let (units, sign) = match event.kind.properties().report {
                Some(ReportKind::Shipped) => (&mut reported.shipped, 1),
                Some(ReportKind::Allocated) => (&mut reported.allocated, 1),
                Some(ReportKind::Deallocated) => (&mut reported.allocated, -1),
                Some(ReportKind::Returned) => (&mut reported.returned, 1),
                None => continue,
            };
            *units.entry(event.at.clone()).or_default() += sign * event.units;
        }
        // Where the units of a kit are depends on where the shop had routed it when it became complete.
        for (id, report) in record.reports.iter().filter(|(id, _)| record.components.contains_key(*id)) {
            let units = match record.components[id].kind {
                ReportKind::Shipped => &mut reported.shipped,
                ReportKind::Allocated | ReportKind::Deallocated => &mut reported.allocated,
                ReportKind::Returned => continue,
            };
            let sign = if report.kind == ReportKind::Deallocated { -1 } else { 1 };
            if report.line == line {
                *units.entry(report.location.clone()).or_default() += sign * report.quantity.units();
            }
        }
        reported
    }

    /// The kits of a line that its component reports should have completed, and those that they have completed, by kind.
    pub fn completed_kits(&self, order: &Order, line: &OrderLine, checker: &Checker) -> Option<[(ReportKind, i64, i64); 3]> {
        let (id, line) = (OrderId::new(number(order.id.0)), LineId::new(number(line.id.0)));
        let record = checker.orders.get(&id)?;
        let events = || self.sources.events.iter().filter(|event| event.of_kit && event.order == Some((id, line)));
        let is_known = |event: &SourceEvent| {
            record.components.get(&event.name()).is_some_and(|report| report.quantity.units() == event.units)
        };
        // Where two contents share one id, the recorded one counts.
        let recorded = |event: &&SourceEvent| {
            let name = event.name();
            checker.marks.contains_key(&name) && (is_known(event) || !self.sources.two_contents.contains(&name))
        };
        events().next()?;
        Some([ReportKind::Shipped, ReportKind::Allocated, ReportKind::Deallocated].map(|kind| {
            let of_kind = || events().filter(recorded).filter(move |event| event.kind.properties().report == Some(kind));
            let complete = KIT_OF.map(|(name, per)| {
                of_kind().filter(|event| event.sku.as_str() == name).map(|event| event.units).sum::<i64>() / per
            });
            let reports = record.reports.iter().filter(|(id, _)| record.components.contains_key(*id));
            let found = reports.filter(|(_, report)| report.line == line && report.kind == kind);
            let found: i64 = found.map(|(_, report)| report.quantity.units()).sum();
            (kind, complete.into_iter().min().unwrap_or_default(), found)
        }))
    }

    fn by_code(&self, units: BTreeMap<ShopLocation, i64>) -> Units {
        let code = |at: ShopLocation| self.places().find(|(_, id)| *id == Some(at)).map(|(code, _)| code.clone());
        units.into_iter().filter_map(|(at, units)| Some((code(at)?, units))).collect()
    }
}

/// Units of a line that the shop still has to ship.
fn still_open(order: &Order, line: &OrderLine) -> i64 {
    if order.cancelled_at.is_some() { 0 } else { line.unfulfilled() }
}

impl Departed {
    /// Matches the units `booked` as shipped by the shop with those `reported` by warehouses, for a line with `open` and
    /// `withheld` units.
    fn of(booked: Units, reported: Units, open: i64, withheld: Units) -> Self {
        let mut all = Self { left: reported.clone(), ..Self::default() };
        let (only_booked, only_reported) = (less(&booked, &reported), less(&reported, &booked));
        let crossed = only_booked.values().sum::<i64>().min(only_reported.values().sum());
        let (from, only_reported) = split(only_reported, crossed);
        let (to, only_booked) = split(only_booked, crossed);
        only_booked.into_iter().for_each(|(code, units)| *all.left.entry(code).or_default() += units);
        from.into_iter().for_each(|(code, units)| *all.misattributed.entry(code).or_default() += units);
        to.into_iter().for_each(|(code, units)| *all.misattributed.entry(code).or_default() -= units);
        let (ahead, lost) = split(only_reported, open);
        all.ahead = ahead;
        lost.iter().for_each(|(code, units)| *all.misattributed.entry(code.clone()).or_default() += units);
        let here: Units =
            withheld.iter().map(|(code, units)| (code.clone(), lost.get(code).map_or(0, |lost| *lost.min(units)))).collect();
        let rest = (lost.values().sum::<i64>() - here.values().sum::<i64>()).max(0);
        let (elsewhere, _) = split(less(&withheld, &here), rest);
        all.withheld_shipped = here;
        elsewhere.into_iter().for_each(|(code, units)| *all.withheld_shipped.entry(code).or_default() += units);
        all
    }
}

/// Units of `one` beyond those of `other`, by location.
fn less(one: &Units, other: &Units) -> Units {
    one.iter().map(|(code, units)| (code.clone(), (units - other.get(code).copied().unwrap_or_default()).max(0))).collect()
}

/// Splits off the first `most` units in the order of locations. Returns them and the rest.
fn split(units: Units, most: i64) -> (Units, Units) {
    let mut left = most;
    let (mut first, mut rest) = (Units::new(), Units::new());
    for (code, units) in units {
        let taken = units.min(left);
        left -= taken;
        first.insert(code.clone(), taken);
        rest.insert(code, units - taken);
    }
    (first, rest)
}

/// The code of a location; `None` for the unassigned place.
pub fn code_of(place: &Place) -> Option<&LocationId> {
    match place {
        Place::At(code) => Some(code),
        Place::Unassigned => None,
    }
}
