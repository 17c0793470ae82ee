//! What has left: the shop's fulfilments and the warehouses' reports tell of the same units.
//!
//! A unit is gone when either says so, and it is gone once. What both say is matched, first where they name the same place;
//! what only the warehouses say is what the shop still counts, and what it does not count any more. All of it is worked
//! out from totals by place, so it does not matter which of the two spoke first, or how often.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{LineId, Place, Quantity, ShopLocationId};
use crate::order::{CoveredChanges, FulfilmentStatus, OrderRecord, ReportKind};

/// Units by place.
pub(super) type Places = BTreeMap<Place, Quantity>;

/// What of one line has left. No entry is zero.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Departures {
    /// Units that left from here, whoever said so.
    pub left: Places,
    /// Those of them that the shop still counts as to be shipped.
    pub ahead: Places,
    /// Units that left from here and that the shop books at another place or not at all. Below zero: units it books here,
    /// and that left from another place.
    pub strayed: Places,
    /// Units held back here, as nobody shipped them, that a warehouse has shipped all the same.
    pub gone: Places,
}

impl Departures {
    /// Of what the shop has `fulfilled`, what warehouses have `reported` as shipped, what the shop counts as `open`, and
    /// what is `withheld`.
    pub fn of(mut fulfilled: Places, mut reported: Places, open: Quantity, mut withheld: Places) -> Self {
        let mut left = reported.clone();
        let (booked, seen) = pair(&mut fulfilled, &mut reported);
        add_all(&mut left, fulfilled);
        let mut strayed = seen;
        add_all(&mut strayed, booked.into_iter().map(|(place, units)| (place, -units)));
        let ahead = take(&mut reported, open);
        // The shop does not count the rest any more. What it took off its own number unshipped is what left.
        add_all(&mut strayed, reported.clone());
        let (_, gone) = pair(&mut reported, &mut withheld);
        let mut departures = Self { left, ahead, strayed, gone };
        for places in [&mut departures.left, &mut departures.ahead, &mut departures.strayed, &mut departures.gone] {
            places.retain(|_, units| !units.is_zero());
        }
        departures
    }
}

/// Takes equally many units of both, as many as there are: where they are at the same place first, then in the order of
/// places. Returns what was taken of each.
fn pair(one: &mut Places, other: &mut Places) -> (Places, Places) {
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

/// Takes at most so many units, in the order of places, and returns them.
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

fn add_all(places: &mut Places, more: impl IntoIterator<Item = (Place, Quantity)>) {
    for (place, units) in more {
        *places.entry(place).or_default() += units;
    }
}

fn total(places: &Places) -> Quantity {
    places.values().copied().sum()
}

impl OrderRecord {
    /// Units of a line that warehouses say they have shipped, by place.
    pub(super) fn reported(&self, line: LineId) -> Places {
        let mut reported = Places::new();
        for report in self.reports.values().filter(|report| report.line == line && report.kind == ReportKind::Shipped) {
            *reported.entry(Place::At(report.location.clone())).or_default() += report.quantity;
        }
        reported
    }

    /// When a warehouse last shipped units of a line from a place, as far as it said so.
    pub(super) fn reported_at(&self, line: LineId, place: &Place) -> Option<Timestamp> {
        let of_line = self.reports.values().filter(|report| report.line == line && report.kind == ReportKind::Shipped);
        of_line.filter(|report| Place::At(report.location.clone()) == *place).filter_map(|report| report.at).max()
    }

    /// Units of a line that the shop counts as to be shipped: what its facts say, less what has shipped or was cancelled
    /// since.
    pub(super) fn open_in_shop(&self, line: LineId) -> Quantity {
        let Some(facts) = self.facts.as_ref().filter(|facts| facts.confirmed && !facts.cancelled) else { return Quantity::ZERO };
        // A line the facts do not have any more has nothing open.
        let said = facts.lines.get(&line).map_or(Quantity::ZERO, |said| said.open);
        let shipped: Quantity = self.shipped_since(line, &self.counted).map(|(_, units)| units).sum();
        (said - shipped - self.cancelled_since(line)).at_least_zero()
    }

    /// Units of a line that shipped, or (below zero) came undone, since a statement was made, by the shop's location.
    pub(super) fn shipped_since(
        &self,
        line: LineId,
        counted: &CoveredChanges,
    ) -> impl Iterator<Item = (Option<ShopLocationId>, Quantity)> {
        self.fulfilments.iter().map(move |(id, fulfilment)| {
            let units = fulfilment.lines.get(&line).copied().unwrap_or_default();
            let shipped = |status: FulfilmentStatus| match status {
                FulfilmentStatus::Shipped => units,
                FulfilmentStatus::Void => Quantity::ZERO,
            };
            let then = counted.fulfilments.get(id).map_or(Quantity::ZERO, |status| shipped(*status));
            (fulfilment.location, shipped(fulfilment.status) - then)
        })
    }

    /// Units of a line that have left, and those of them that the shop still counts, without a network: the shop's
    /// locations are left open, which changes no total.
    pub(super) fn departed(&self, line: LineId) -> Departures {
        let standing = self.fulfilments.values().filter(|fulfilment| fulfilment.status == FulfilmentStatus::Shipped);
        let fulfilled = standing.filter_map(|fulfilment| fulfilment.lines.get(&line)).copied().sum();
        let fulfilled = Places::from([(Place::Unassigned, fulfilled)]);
        Departures::of(fulfilled, self.reported(line), self.open_in_shop(line), Places::new())
    }
}
