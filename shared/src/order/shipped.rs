//! Shipped units of a line: fulfilments of the shop and reports of warehouses are about the same units.
//!
//! A unit has shipped when either of them reports it, and it counts once. Units that both report are matched, first those at the
//! same place. Units that only warehouses report have shipped ahead of the shop as far as the shop still counts them as open, and
//! the shop does not count the rest at all. The calculation uses totals by place, so the order and the number of the reports do
//! not matter.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{LineId, Place, Quantity, ShopLocationId};
use crate::order::{CoveredChanges, FulfilmentStatus, OrderRecord, OrderReport, ReportKind};

/// Units by place.
pub(super) type Places = BTreeMap<Place, Quantity>;

/// Shipped units of one line. No entry is zero.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ShippedUnits {
    /// Units that shipped from here, as reported by the shop or by a warehouse.
    pub total: Places,
    /// Those of them that the shop still counts as open: units shipped ahead of the shop.
    pub shipped_ahead: Places,
    /// Misattributed shipments: units that shipped from here and that the shop books at another place or not at all. Below zero:
    /// units that the shop books here and that shipped from another place.
    pub misattributed: Places,
    /// Units that were withheld here as unshipped and that a warehouse has shipped.
    pub withheld_shipped: Places,
}

impl ShippedUnits {
    /// Works out the shipped units from the units that the shop has `fulfilled`, the units that warehouses have `reported` as
    /// shipped, the units that the shop counts as `open`, and the `withheld` units.
    pub fn of(mut fulfilled: Places, mut reported: Places, open: Quantity, mut withheld: Places) -> Self {
        let mut all = reported.clone();
        let (booked, seen) = pair(&mut fulfilled, &mut reported);
        add_all(&mut all, fulfilled);
        let mut misattributed = seen;
        add_all(&mut misattributed, booked.into_iter().map(|(place, units)| (place, -units)));
        let shipped_ahead = take(&mut reported, open);
        // The shop does not count the rest as open. It took withheld units off its own on-hand quantity as unshipped, so those
        // withheld units are the ones that shipped.
        add_all(&mut misattributed, reported.clone());
        let (_, withheld_shipped) = pair(&mut reported, &mut withheld);
        let mut shipped = Self { total: all, shipped_ahead, misattributed, withheld_shipped };
        let Self { total, shipped_ahead, misattributed, withheld_shipped } = &mut shipped;
        for places in [total, shipped_ahead, misattributed, withheld_shipped] {
            places.retain(|_, units| !units.is_zero());
        }
        shipped
    }
}

/// Takes the same number of units from both, as many as possible: first those at the same place, then in the order of places.
/// Returns the units taken from each.
pub(super) fn pair(one: &mut Places, other: &mut Places) -> (Places, Places) {
    let mut here = Places::new();
    for (place, units) in one.iter_mut() {
        let Some(others) = other.get_mut(place) else { continue };
        let both = (*units).min(*others);
        *units -= both;
        *others -= both;
        here.insert(place.clone(), both);
    }
    let rest = total(one).min(total(other));
    let (mut of_one, mut of_other) = (take(one, rest), take(other, rest));
    add_all(&mut of_one, here.clone());
    add_all(&mut of_other, here);
    (of_one, of_other)
}

/// Takes at most `most` units, in the order of places, and returns them.
fn take(places: &mut Places, most: Quantity) -> Places {
    let mut left = most;
    let mut taken = Places::new();
    for (place, units) in places {
        let here = left.min(*units);
        *units -= here;
        left -= here;
        taken.insert(place.clone(), here);
    }
    taken
}

pub(super) fn add_all(places: &mut Places, more: impl IntoIterator<Item = (Place, Quantity)>) {
    for (place, units) in more {
        *places.entry(place).or_default() += units;
    }
}

pub(super) fn total(places: &Places) -> Quantity {
    places.values().copied().sum()
}

impl OrderRecord {
    /// Units of a line that warehouses reported as shipped, by place.
    pub(super) fn reported(&self, line: LineId) -> Places {
        self.reported_if(line, |_| true)
    }

    /// Units of a line that warehouses reported as shipped, by place, from the reports that `counts` accepts.
    pub(super) fn reported_if(&self, line: LineId, counts: impl Fn(&OrderReport) -> bool) -> Places {
        let mut reported = Places::new();
        let shipped = |report: &&OrderReport| report.line == line && report.kind == ReportKind::Shipped && counts(report);
        for report in self.reports.values().filter(shipped) {
            *reported.entry(Place::At(report.location.clone())).or_default() += report.quantity;
        }
        reported
    }

    /// When a warehouse last shipped units of a line from a place, if a report has a time.
    pub(super) fn reported_at(&self, line: LineId, place: &Place) -> Option<Timestamp> {
        let of_line = self.reports.values().filter(|report| report.line == line && report.kind == ReportKind::Shipped);
        of_line.filter(|report| Place::At(report.location.clone()) == *place).filter_map(|report| report.at).max()
    }

    /// Units of a line that the shop counts as still to ship: the open units of its facts, less the units that shipped or were
    /// cancelled since.
    pub(super) fn open_in_shop(&self, line: LineId) -> Quantity {
        let Some(facts) = self.facts.as_ref().filter(|facts| facts.is_accepted() && !facts.cancelled) else {
            return Quantity::ZERO;
        };
        // A line that the facts no longer contain has no open units.
        let open = facts.lines.get(&line).map_or(Quantity::ZERO, |line| line.open);
        let shipped: Quantity = self.shipped_since(line, &self.covered).map(|(_, units)| units).sum();
        (open - shipped - self.cancelled_since(line)).at_least_zero()
    }

    /// Units of a line that shipped since a snapshot, by the shop's location. Below zero: units whose fulfilment became void.
    pub(super) fn shipped_since(
        &self,
        line: LineId,
        covered: &CoveredChanges,
    ) -> impl Iterator<Item = (Option<ShopLocationId>, Quantity)> {
        self.fulfilments.iter().map(move |(id, fulfilment)| {
            let units = fulfilment.lines.get(&line).copied().unwrap_or_default();
            let shipped = |status: FulfilmentStatus| match status {
                FulfilmentStatus::Shipped => units,
                FulfilmentStatus::Void => Quantity::ZERO,
            };
            let then = covered.fulfilments.get(id).map_or(Quantity::ZERO, |status| shipped(*status));
            (fulfilment.location, shipped(fulfilment.status) - then)
        })
    }

    /// The shipped units of a line without a network: all fulfilments count at the unassigned place, which changes no total.
    pub(super) fn shipped_units(&self, line: LineId) -> ShippedUnits {
        let shipped = self.fulfilments.values().filter(|fulfilment| fulfilment.status == FulfilmentStatus::Shipped);
        let fulfilled = shipped.filter_map(|fulfilment| fulfilment.lines.get(&line)).copied().sum();
        let fulfilled = Places::from([(Place::Unassigned, fulfilled)]);
        ShippedUnits::of(fulfilled, self.reported(line), self.open_in_shop(line), Places::new())
    }
}
