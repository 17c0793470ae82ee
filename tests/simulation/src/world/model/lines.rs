//! What must be so of one line of an order, by what the shop says of it and what warehouses said.
//!
//! A unit has left when either says so, and it has left once: by totals, the same place first, then in the order of places.

use std::collections::BTreeMap;

use promissory::catalog::{LineId, LocationId, OrderId, Place};
use promissory::order::ReportKind;
use promissory_fakes::shopify::{Financial, LocationId as ShopLocation, Order, OrderLine};

use crate::check::Checker;
use crate::world::World;
use crate::world::bookkeeping::{gone, returned, shipped};
use crate::world::build::number;

/// Units by location.
pub type Units = BTreeMap<LocationId, i64>;

/// What must be so of a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OfLine {
    /// Units reserved for it.
    pub open: i64,
    /// Units that the shop shipped, by fulfilment.
    pub shipped: BTreeMap<u64, i64>,
    /// Units that came back, by where.
    pub returned: Units,
    /// Units that the shop put back on its own number.
    pub restocked: i64,
    /// Units that left the order unshipped and were not put back on sale.
    pub withheld: i64,
    /// Units that left, and that the shop still counts.
    pub ahead: Units,
    /// Units that left from a place and that the shop books elsewhere, or not at all.
    pub strayed: Units,
    /// Withheld units that left all the same.
    pub gone: Units,
}

/// What left of a line, and what of it is not what the shop says.
#[derive(Debug, Default)]
pub struct Left {
    /// Units that are not there any more.
    pub left: Units,
    /// Those that the shop still counts.
    pub ahead: Units,
    /// Those it books elsewhere, or not at all.
    pub strayed: Units,
    /// Those that were held.
    pub gone: Units,
}

/// What warehouses said of a line.
#[derive(Debug, Default)]
struct Reported {
    shipped: Units,
    aside: Units,
    returned: Units,
}

impl World {
    /// What must be so of a line, by what the ledger can have heard.
    pub fn of_line(&self, order: &Order, line: &OrderLine, checker: &Checker) -> OfLine {
        let (_, left) = self.left(order, line, checker);
        let restocked = self.by_code(returned(order, line));
        let total: i64 = restocked.values().sum();
        let mut back = self.heard_of(order, line, checker).returned;
        let mut unseen = (total - back.values().sum::<i64>()).max(0);
        for (code, units) in &restocked {
            *back.entry(code.clone()).or_default() += unseen.min(*units);
            unseen -= unseen.min(*units);
        }
        let is_reserved = !self.is_given_up(order, checker);
        let open = if is_reserved { still_open(order, line) - left.ahead.values().sum::<i64>() } else { 0 };
        let without_nothing = |mut units: Units| {
            units.retain(|_, units| *units != 0);
            units
        };
        OfLine {
            open,
            shipped: World::counts(shipped(order, line).map(|(made, units)| (number(made.id.0), units))),
            returned: without_nothing(back),
            restocked: total,
            withheld: gone(order, line),
            ahead: without_nothing(left.ahead),
            strayed: without_nothing(left.strayed),
            gone: without_nothing(left.gone),
        }
    }

    /// What left of a line, by where the shop shipped it from, and by who said so.
    pub fn left(&self, order: &Order, line: &OrderLine, checker: &Checker) -> (Units, Left) {
        let booked = self.by_code(World::counts(shipped(order, line).map(|(made, units)| (made.location, units))));
        let reported = self.heard_of(order, line, checker).shipped;
        let home = order.fulfilment_orders.iter().find(|routed| routed.lines.iter().any(|of| of.line == line.id));
        let withheld = home.map(|home| (home.location, gone(order, line)));
        let withheld = self.by_code(withheld.into_iter().collect());
        (booked.clone(), Left::of(booked, reported, still_open(order, line), withheld))
    }

    /// Whether units of a line are reserved that no warehouse has set aside.
    pub fn is_unallocated(&self, order: &Order, checker: &Checker) -> bool {
        let of = |line: &OrderLine| self.of_line(order, line, checker).open > self.aside(order, line, checker);
        order.lines.iter().any(|line| self.counts_here(order, line) && of(line))
    }

    /// Whether its hold was given up as nobody paid, and no warehouse has taken it over.
    fn is_given_up(&self, order: &Order, checker: &Checker) -> bool {
        let record = checker.orders.get(&OrderId::new(number(order.id.0)));
        let expired = order.financial == Financial::Pending && record.is_some_and(|record| record.expiry.is_some());
        let taken_over = |line: &OrderLine| {
            self.left(order, line, checker).1.ahead.values().any(|units| *units > 0) || self.aside(order, line, checker) > 0
        };
        expired && !order.lines.iter().any(taken_over)
    }

    /// Units of a line that warehouses have set aside and that have not left. What left from elsewhere takes of any.
    fn aside(&self, order: &Order, line: &OrderLine, checker: &Checker) -> i64 {
        let Reported { shipped: reported, aside, .. } = self.heard_of(order, line, checker);
        let booked: i64 = shipped(order, line).map(|(_, units)| units).sum();
        let unseen = (booked - reported.values().sum::<i64>()).max(0);
        let strange = reported.iter().filter(|(code, _)| !aside.contains_key(*code)).map(|(_, units)| units);
        let mut elsewhere = unseen + strange.sum::<i64>();
        let mut left = 0;
        for (code, units) in &aside {
            let here = (units - reported.get(code).copied().unwrap_or_default()).max(0);
            left += here - here.min(elsewhere);
            elsewhere -= here.min(elsewhere);
        }
        left
    }

    /// What warehouses said of a line, as far as it was heard.
    fn heard_of(&self, order: &Order, line: &OrderLine, checker: &Checker) -> Reported {
        let mut reported = Reported::default();
        let (id, line) = (OrderId::new(number(order.id.0)), LineId::new(number(line.id.0)));
        let Some(record) = checker.orders.get(&id).filter(|record| !record.reports.is_empty()) else { return reported };
        for said in self.sources.said.iter().filter(|said| said.order == Some((id, line))) {
            // Of two contents of one id the one that was heard first stands.
            let last_seen = record.reports.get(&said.name()).filter(|report| report.quantity.units() == said.units);
            if last_seen.is_none() {
                continue;
            }
            let (units, sign) = match said.kind.report() {
                Some(ReportKind::Shipped) => (&mut reported.shipped, 1),
                Some(ReportKind::Allocated) => (&mut reported.aside, 1),
                Some(ReportKind::Deallocated) => (&mut reported.aside, -1),
                Some(ReportKind::Returned) => (&mut reported.returned, 1),
                None => continue,
            };
            *units.entry(said.at.clone()).or_default() += sign * said.units;
        }
        reported
    }

    fn by_code(&self, units: BTreeMap<ShopLocation, i64>) -> Units {
        let code = |at: ShopLocation| self.places().find(|(_, id)| *id == Some(at)).map(|(code, _)| code.clone());
        units.into_iter().filter_map(|(at, units)| Some((code(at)?, units))).collect()
    }
}

/// Units of a line that the shop counts as to be shipped.
fn still_open(order: &Order, line: &OrderLine) -> i64 {
    if order.cancelled_at.is_some() { 0 } else { line.unfulfilled() }
}

impl Left {
    /// Of what the shop `booked` as shipped and what warehouses `reported`, with so many `open` and so many `withheld`.
    fn of(booked: Units, reported: Units, open: i64, withheld: Units) -> Self {
        let mut all = Self { left: reported.clone(), ..Self::default() };
        let (only_booked, only_reported) = (less(&booked, &reported), less(&reported, &booked));
        let crossed = only_booked.values().sum::<i64>().min(only_reported.values().sum());
        let (from, only_reported) = split(only_reported, crossed);
        let (to, only_booked) = split(only_booked, crossed);
        only_booked.into_iter().for_each(|(code, units)| *all.left.entry(code).or_default() += units);
        from.into_iter().for_each(|(code, units)| *all.strayed.entry(code).or_default() += units);
        to.into_iter().for_each(|(code, units)| *all.strayed.entry(code).or_default() -= units);
        let (ahead, lost) = split(only_reported, open);
        all.ahead = ahead;
        lost.iter().for_each(|(code, units)| *all.strayed.entry(code.clone()).or_default() += units);
        let here: Units =
            withheld.iter().map(|(code, units)| (code.clone(), lost.get(code).map_or(0, |lost| *lost.min(units)))).collect();
        let rest = (lost.values().sum::<i64>() - here.values().sum::<i64>()).max(0);
        let (elsewhere, _) = split(less(&withheld, &here), rest);
        all.gone = here;
        elsewhere.into_iter().for_each(|(code, units)| *all.gone.entry(code).or_default() += units);
        all
    }
}

/// What is more in `one` than in `other`, by place.
fn less(one: &Units, other: &Units) -> Units {
    one.iter().map(|(code, units)| (code.clone(), (units - other.get(code).copied().unwrap_or_default()).max(0))).collect()
}

/// The first so many units in the order of places, and the rest.
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

/// The code of a place; the unassigned one has none.
pub fn code_of(place: &Place) -> Option<&LocationId> {
    match place {
        Place::At(code) => Some(code),
        Place::Unassigned => None,
    }
}
