//! The required units of each order line by place, worked out from all facts about the order: open, shipped, withheld and
//! returned units.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Network, Place, Quantity, ReturnId, ShopLocationId, ShopSettings};
use crate::order::shipment_steps::excess;
use crate::order::shipped::{Places, ShippedUnits, add_all, pair, total};
use crate::order::{
    Fulfilment, FulfilmentStatus, LineLedger, LineShipment, OrderRecord, OrderReport, Refund, RefundLine, ReportKind, Restock,
};

/// Units that an order lost before they shipped and that the shop may not have put back on sale, by the place from which they
/// were to ship at that time. No entry is zero.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LostUnits {
    /// Units of refunds without a restock: they are not to be sold.
    pub withheld: Places,
    /// Units without a refund, as an edit removes them: no fact of the order tells whether the shop restocked them.
    pub removed: Places,
}

/// An order, the network in which to place its units, and the shop that decides which of them the opening stock contains.
pub(super) struct RequiredUnits<'a> {
    pub record: &'a OrderRecord,
    pub network: &'a Network,
    pub settings: &'a ShopSettings,
}

impl RequiredUnits<'_> {
    /// Our place for a location of the shop. Units at an unmapped location count for the network, at the unassigned place.
    fn place(&self, location: Option<ShopLocationId>) -> Place {
        location
            .and_then(|id| self.network.by_shop_id(&self.record.shop, id))
            .map_or(Place::Unassigned, |location| Place::At(location.code.clone()))
    }

    /// The place of units without a routing: the location that sold the order, or the unassigned place.
    fn default_place(&self) -> Place {
        self.place(self.record.facts.as_ref().and_then(|facts| facts.sold_at))
    }

    /// Whether the opening stock contains what a warehouse reports. A report without a time happened when it arrived.
    fn is_from_before(&self, report: &OrderReport) -> bool {
        report.at.is_some_and(|at| self.settings.opening_contains(at))
    }

    /// The shop's shipments of a line by fulfilment, without those that the opening stock contains. Below zero: units of such a
    /// shipment that was cancelled since, which are back. A shipment whose location is no longer mapped stays at the place where
    /// it was booked.
    pub fn shipments(&self, id: LineId, line: &LineLedger) -> BTreeMap<FulfilmentId, LineShipment> {
        let shipments = self.record.fulfilments.iter().filter_map(|(fulfilment_id, fulfilment)| {
            let units = fulfilment.lines.get(&id).copied().filter(|units| units.is_positive())?;
            let quantity = match (fulfilment.status, self.settings.opening_contains(fulfilment.made_at)) {
                (FulfilmentStatus::Shipped, false) => units,
                (FulfilmentStatus::Void, true) if !self.settings.opening_contains(fulfilment.version) => -units,
                (FulfilmentStatus::Shipped, true) | (FulfilmentStatus::Void, _) => return None,
            };
            let place = match (self.place(fulfilment.location), line.shipped.get(fulfilment_id)) {
                (Place::Unassigned, Some(done)) => done.place.clone(),
                (place, _) => place,
            };
            Some((*fulfilment_id, LineShipment { place, quantity }))
        });
        shipments.collect()
    }

    /// The shipped units of a line, from the shop's shipments and the warehouses' reports.
    pub fn shipped(&self, line: LineId, shipments: &BTreeMap<FulfilmentId, LineShipment>, withheld: &Places) -> ShippedUnits {
        let mut fulfilled = Places::new();
        for shipment in shipments.values().filter(|shipment| shipment.quantity.is_positive()) {
            *fulfilled.entry(shipment.place.clone()).or_default() += shipment.quantity;
        }
        // A warehouse and the shop may both have reported a unit that left before the opening stock was taken.
        let contained = self.shipped_before(line);
        let mut reported_before = self.record.reported_if(line, |report| self.is_from_before(report));
        pair(&mut contained.clone(), &mut reported_before);
        let mut reported = self.record.reported_if(line, |report| !self.is_from_before(report));
        add_all(&mut reported, reported_before);
        let mut shipped = ShippedUnits::of(fulfilled, reported, self.record.open_in_shop(line), withheld.clone());
        add_all(&mut shipped.total, contained);
        shipped
    }

    /// Units of a line that the shop had shipped, and has not taken back, when the opening stock was taken.
    fn shipped_before(&self, line: LineId) -> Places {
        let mut shipped = Places::new();
        let valid = self.record.fulfilments.values().filter(|made| made.status == FulfilmentStatus::Shipped);
        for made in valid.filter(|made| self.settings.opening_contains(made.made_at)) {
            if let Some(units) = made.lines.get(&line).filter(|units| units.is_positive()) {
                *shipped.entry(self.place(made.location)).or_default() += *units;
            }
        }
        shipped
    }

    /// Units of a line still to ship, by the place from which they are to ship: first the units that a warehouse has allocated,
    /// then those that the shop has routed, then the rest. Units shipped ahead of the shop are not included.
    pub fn open(&self, line: LineId, shipped: &ShippedUnits) -> Places {
        if self.record.is_hold_released() || self.record.ended_before(self.settings) {
            return Places::new();
        }
        let mut demands: Vec<(Place, Quantity)> = self.record.allocated(line, &shipped.total).collect();
        if let Some((routing, covered)) = &self.record.routed {
            let mut routed = Places::new();
            for (location, units) in routing.open.get(&line).into_iter().flatten() {
                *routed.entry(self.place(Some(*location))).or_default() += *units;
            }
            let mut gone = shipped.shipped_ahead.clone();
            for (location, units) in self.record.shipped_since(line, covered) {
                *gone.entry(self.place(location)).or_default() += units;
            }
            let gone = |place: &Place| gone.get(place).copied().unwrap_or_default();
            demands.extend(routed.into_iter().map(|(place, units)| (place.clone(), units - gone(&place))));
        }
        let mut left = self.record.open_in_shop(line) - shipped.shipped_ahead.values().copied().sum();
        let mut open = Places::new();
        for (place, units) in demands {
            let here = open.entry(place).or_default();
            let more = left.min(units - *here).at_least_zero();
            *here += more;
            left -= more;
        }
        *open.entry(self.default_place()).or_default() += left;
        open.retain(|_, units| units.is_positive());
        open
    }

    /// Units of a line that the order lost before they shipped and that the shop did not restock, as far as the facts show
    /// it. Units that were lost before the opening stock was taken are not held.
    pub fn lost(&self, line: LineId) -> LostUnits {
        let mut lost = LostUnits::default();
        let Some(facts) = self.record.facts.as_ref().filter(|facts| facts.confirmed) else { return lost };
        let Some(known) = facts.lines.get(&line) else { return lost };
        let covered = &self.record.covered;
        let units = |fulfilment: &Fulfilment| fulfilment.lines.get(&line).copied().unwrap_or_default();
        let fulfilments = &self.record.fulfilments;
        let valid = fulfilments.iter().filter(|(id, _)| covered.fulfilments.get(*id) == Some(&FulfilmentStatus::Shipped));
        let shipped: Quantity = valid.map(|(_, fulfilment)| units(fulfilment)).sum();
        let was_valid = |fulfilment: &Fulfilment, moment: Timestamp| {
            let void_by_then = fulfilment.status == FulfilmentStatus::Void && fulfilment.version <= moment;
            fulfilment.made_at <= moment && !void_by_then
        };
        let shipped_by = |moment: Timestamp| -> Quantity {
            fulfilments.values().filter(|fulfilment| was_valid(fulfilment, moment)).map(units).sum()
        };
        let mut refunds: Vec<&Refund> =
            self.record.refunds.iter().filter(|(id, _)| covered.refunds.contains(id)).map(|(_, refund)| refund).collect();
        refunds.sort_by_key(|refund| refund.made_at);
        let (alone, in_returns): (Vec<&Refund>, Vec<&Refund>) = refunds.iter().partition(|refund| refund.of_return.is_none());
        let refunded = |restock| refunded(refunds.iter().copied(), line, restock);
        let unshipped = known.ordered - known.open - shipped - refunded(Restock::Cancel);
        // The units of a return have shipped. Of the other units that were refunded without a restock, those have shipped by
        // which the shop counts fewer shipped units. The rest is of unshipped units: the admin removes such units also when
        // others of the line have shipped, while a refund by the API takes shipped units first.
        let not_restocked = self::refunded(alone.into_iter(), line, Restock::None);
        let of_shipped = known.current.map_or(Quantity::ZERO, |current| {
            let of_returns = self::refunded(in_returns.into_iter(), line, Restock::None) + self.not_refunded_yet(line);
            let gone = shipped - (current - known.open) - refunded(Restock::Return) - of_returns;
            gone.at_least_zero().min(not_restocked)
        });
        let mut left = (not_restocked - of_shipped).min(unshipped).at_least_zero();
        let unaccounted = (unshipped - left - refunded(Restock::Legacy)).at_least_zero();
        // Each refund took shipped units first, as far as units had shipped by then. What remains is of the newest refunds.
        let mut of_shipped = Quantity::ZERO;
        let mut from_shipped: Vec<(Timestamp, Quantity)> = Vec::new();
        for refund in &refunds {
            for refunded in refund.lines.iter().filter(|refunded| refunded.line == line) {
                match refunded.restock {
                    Restock::Return => of_shipped += refunded.quantity,
                    Restock::None if refund.of_return.is_some() => of_shipped += refunded.quantity,
                    Restock::None => {
                        let here = (shipped_by(refund.made_at) - of_shipped).at_least_zero().min(refunded.quantity);
                        of_shipped += here;
                        let units = (refunded.quantity - here).min(left);
                        left -= units;
                        if self.settings.opening_contains(refund.made_at) {
                            continue;
                        }
                        *lost.withheld.entry(self.home(line, refund.made_at)).or_default() += units;
                        from_shipped.push((refund.made_at, refunded.quantity - units));
                    }
                    Restock::Cancel | Restock::Legacy => {}
                }
            }
        }
        for (made_at, units) in from_shipped.into_iter().rev() {
            let units = units.min(left);
            left -= units;
            *lost.withheld.entry(self.home(line, made_at)).or_default() += units;
        }
        lost.removed.insert(self.home(line, facts.version), unaccounted);
        lost.withheld.retain(|_, units| units.is_positive());
        lost.removed.retain(|_, units| units.is_positive());
        lost
    }

    /// Units of a line that a return put back in stock and that no refund of the return has repeated.
    fn not_refunded_yet(&self, line: LineId) -> Quantity {
        let mut disposed: BTreeMap<ReturnId, Quantity> = BTreeMap::new();
        for disposition in self.record.dispositions.values().filter(|disposition| disposition.line == line) {
            *disposed.entry(disposition.of_return).or_default() += disposition.quantity;
        }
        for (of_return, refund) in self.record.refunds.values().filter_map(|refund| Some((refund.of_return?, refund))) {
            let refunded: Quantity =
                refund.lines.iter().filter(|refunded| refunded.line == line).map(|refunded| refunded.quantity).sum();
            disposed.entry(of_return).and_modify(|units| *units = (*units - refunded).at_least_zero());
        }
        disposed.values().copied().sum()
    }

    /// The place from which the units of a line were to ship at `moment`.
    fn home(&self, line: LineId, moment: Timestamp) -> Place {
        let since = self.record.routed.as_ref().and_then(|(routing, _)| routing.since.get(&line));
        let then = since.and_then(|since| since.range(..=moment).next_back().or_else(|| since.first_key_value()));
        then.map_or_else(|| self.default_place(), |(_, location)| self.place(Some(*location)))
    }

    /// Returned units of a line by the place where they are, and by the place where the shop restocked them.
    ///
    /// A refund, a disposition and a report of a warehouse may be about the same units. Within one return the refund and the
    /// dispositions are about the same units. The report of the warehouse takes precedence for the place of the units.
    ///
    /// The opening stock contains the units that came back before it. Only of those that one side had reported by then and the
    /// other reports later, the later report still counts for its own side.
    pub fn returned_units(&self, line: LineId) -> (Places, Places) {
        let restocked_before = self.restocked(line, |at| self.settings.opening_contains(at));
        let restocked = excess(&self.restocked(line, |_| true), &restocked_before);
        let (mut returned, mut returned_before) = (Places::new(), Quantity::ZERO);
        for report in self.record.reports.values().filter(|report| report.line == line && report.kind == ReportKind::Returned) {
            if self.is_from_before(report) {
                returned_before += report.quantity;
            } else {
                *returned.entry(Place::At(report.location.clone())).or_default() += report.quantity;
            }
        }
        let seen = total(&returned) + (returned_before - total(&restocked_before)).at_least_zero();
        let mut unseen = (total(&restocked) - seen).at_least_zero();
        for (place, units) in &restocked {
            let units = unseen.min(*units);
            if units.is_positive() {
                *returned.entry(place.clone()).or_default() += units;
                unseen -= units;
            }
        }
        (returned, restocked)
    }

    /// Shipped units of a line that the shop put back on its own on-hand quantity, by place, at the times that `counts` accepts.
    fn restocked(&self, line: LineId, counts: impl Fn(Timestamp) -> bool) -> Places {
        let mut restocked = Places::new();
        // The units that the dispositions of a return account for. A refund of that return repeats these units.
        let mut disposed: BTreeMap<ReturnId, Quantity> = BTreeMap::new();
        let of_line = self.record.dispositions.values().filter(|disposition| disposition.line == line);
        for disposition in of_line.filter(|disposition| counts(disposition.made_at)) {
            *disposed.entry(disposition.of_return).or_default() += disposition.quantity;
            *restocked.entry(self.place(disposition.location)).or_default() += disposition.quantity;
        }
        let mut unshipped = self.legacy_unshipped(line);
        for refund in self.record.refunds.values().filter(|refund| counts(refund.made_at)) {
            for back in refund.lines.iter().filter(|refunded| refunded.line == line) {
                let covered = match back.restock {
                    Restock::Return => refund.of_return.and_then(|of_return| disposed.get_mut(&of_return)),
                    Restock::Legacy => Some(&mut unshipped),
                    Restock::Cancel | Restock::None => continue,
                };
                let known = covered.map_or(Quantity::ZERO, |known| {
                    let units = back.quantity.min(*known);
                    *known -= units;
                    units
                });
                *restocked.entry(self.place(back.location)).or_default() += back.quantity - known;
            }
        }
        restocked.retain(|_, units| units.is_positive());
        restocked
    }

    /// Units of a line that an old order refunded before they shipped. Its refunds do not record that, so all units that the
    /// order lost unshipped count.
    fn legacy_unshipped(&self, line: LineId) -> Quantity {
        let Some(known) = self.record.facts.as_ref().and_then(|facts| facts.lines.get(&line)) else { return Quantity::ZERO };
        let shipped = self.record.fulfilments.values().filter(|fulfilment| fulfilment.status == FulfilmentStatus::Shipped);
        let shipped: Quantity = shipped.filter_map(|fulfilment| fulfilment.lines.get(&line)).copied().sum();
        (known.ordered - known.open - shipped).at_least_zero()
    }
}

impl OrderRecord {
    /// Units of a line that were cancelled by refunds which its facts do not account for yet.
    pub(super) fn cancelled_since(&self, line: LineId) -> Quantity {
        let since = self.refunds.iter().filter(|(id, _)| !self.covered.refunds.contains(id));
        refunded(since.map(|(_, refund)| refund), line, Restock::Cancel)
    }
}

/// Units of a line that these refunds refunded with this kind of restock.
fn refunded<'a>(refunds: impl Iterator<Item = &'a Refund>, line: LineId, restock: Restock) -> Quantity {
    let lines = refunds.flat_map(|refund| &refund.lines).filter(|refunded| refunded.line == line && refunded.restock == restock);
    lines.map(|RefundLine { quantity, .. }| *quantity).sum()
}
