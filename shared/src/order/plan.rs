//! From what is said of an order to the movements it calls for.
//!
//! `what must be held − what is held = steps`, line by line. What must be held is a function of the newest statements
//! alone, so it does not matter in which order, or how often, they came.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Counted, Fulfilment, FulfilmentStatus, Line, OrderRecord, Refund, RefundLine, Restock};
use crate::catalog::{FulfilmentId, LineId, Network, Place, Quantity, ReturnId, ShopLocationId, Sku};
use crate::ledger::Kind;
use crate::source::ReportKind;

/// One movement that an order calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line.
    pub line: LineId,
    /// The item.
    pub sku: Sku,
    /// What to do.
    pub kind: Kind,
    /// Where.
    pub place: Place,
    /// How many units; above zero.
    pub quantity: Quantity,
    /// The fulfilment, for a shipment.
    pub fulfilment: Option<FulfilmentId>,
}

/// Units by place.
type Places = BTreeMap<Place, Quantity>;

impl OrderRecord {
    /// The movements that lead from what is held to what must be held, in the order they must be made.
    ///
    /// For each line: undo void shipments; bring the reservation to the units still open plus the units about to ship,
    /// each where it belongs; ship; then book what came back, and what must be held back.
    #[must_use]
    pub fn next_steps(&self, network: &Network) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.facts.as_ref().is_none_or(|facts| facts.test) {
            return steps;
        }
        let at = Whereabouts { record: self, network };
        for (id, line) in &self.lines {
            let Some(sku) = &line.sku else { continue };
            let mut line_steps = LineSteps { id: *id, sku, steps: &mut steps };
            let to_ship = line_steps.undo_shipments(&at, line);
            // Held back before it is released: in between, it would look as if it could be sold.
            let withheld = at.withheld(*id);
            line_steps.bring(Kind::Unwithhold, &line.withheld, &withheld);
            line_steps.bring(Kind::Withhold, &withheld, &line.withheld);
            let mut wanted = at.open(*id);
            for (_, place, units) in &to_ship {
                *wanted.entry(place.clone()).or_default() += *units;
            }
            line_steps.reserve(&line.reserved, &wanted);
            for (fulfilment, place, units) in to_ship {
                line_steps.push(Kind::Ship, &place, units, Some(fulfilment));
            }
            let (returned, restocked) = at.came_back(*id);
            line_steps.bring(Kind::Unreturn, &line.returned, &returned);
            line_steps.bring(Kind::Return, &returned, &line.returned);
            line_steps.bring(Kind::Unrestock, &line.restocked, &restocked);
            line_steps.bring(Kind::Restock, &restocked, &line.restocked);
        }
        steps
    }
}

/// Where the units of an order must be, by everything that was said.
struct Whereabouts<'a> {
    record: &'a OrderRecord,
    network: &'a Network,
}

impl Whereabouts<'_> {
    /// Our place for a location of the shop. Without one the units count for the network, and for no location.
    fn place(&self, location: Option<ShopLocationId>) -> Place {
        location
            .and_then(|id| self.network.by_shop_id(&self.record.shop, id))
            .map_or(Place::Unassigned, |location| Place::At(location.code.clone()))
    }

    /// The place of units that nobody has said anything else about.
    fn default_place(&self) -> Place {
        self.place(self.record.facts.as_ref().and_then(|facts| facts.sold_at))
    }

    /// Units of a line still to be shipped, by where they are to be shipped from: what a warehouse has allocated, then
    /// what the shop has routed, then the rest.
    fn open(&self, line: LineId) -> Places {
        let mut claims: Vec<(Place, Quantity)> = self.record.allocated(line, |location| self.place(location)).collect();
        if let Some((routing, counted)) = &self.record.routed {
            let since = self.shipped_since(line, counted);
            let mut routed = Places::new();
            for (location, units) in routing.open.get(&line).into_iter().flatten() {
                *routed.entry(self.place(Some(*location))).or_default() += *units;
            }
            let gone = |place: &Place| since.get(place).copied().unwrap_or_default();
            claims.extend(routed.into_iter().map(|(place, units)| (place.clone(), units - gone(&place))));
        }
        let mut left = self.open_units(line);
        let mut open = Places::new();
        for (place, units) in claims {
            let here = open.entry(place).or_default();
            let more = left.min(units - *here).at_least_zero();
            *here += more;
            left -= more;
        }
        *open.entry(self.default_place()).or_default() += left;
        open.retain(|_, units| units.is_positive());
        open
    }

    /// Units of a line still to be shipped: what the facts say, less what has shipped or was cancelled since.
    fn open_units(&self, line: LineId) -> Quantity {
        let Some(facts) = &self.record.facts else { return Quantity::ZERO };
        if facts.cancelled || !facts.confirmed || self.record.is_given_up() {
            return Quantity::ZERO;
        }
        // A line the facts do not have any more has nothing open.
        let said = facts.lines.get(&line).map_or(Quantity::ZERO, |said| said.open);
        let shipped: Quantity = self.shipped_since(line, &self.record.counted).into_values().sum();
        let news = self.record.refunds.iter().filter(|(id, _)| !self.record.counted.refunds.contains(id));
        let cancelled = refunded(news.map(|(_, refund)| refund), line, Restock::Cancel);
        (said - shipped - cancelled).at_least_zero()
    }

    /// Units of a line that shipped, or (below zero) came undone, since a statement was made, by place.
    fn shipped_since(&self, line: LineId, counted: &Counted) -> Places {
        let mut since = Places::new();
        for (id, fulfilment) in &self.record.fulfilments {
            let units = fulfilment.lines.get(&line).copied().unwrap_or_default();
            let shipped = |status: FulfilmentStatus| match status {
                FulfilmentStatus::Shipped => units,
                FulfilmentStatus::Void => Quantity::ZERO,
            };
            let then = counted.fulfilments.get(id).map_or(Quantity::ZERO, |status| shipped(*status));
            *since.entry(self.place(fulfilment.location)).or_default() += shipped(fulfilment.status) - then;
        }
        since
    }

    /// Units of a line that left the order unshipped and that a refund says are not to be sold: those that are refunded
    /// so, as far as they do not go back on sale. They are held where they were to be shipped from at that time.
    fn withheld(&self, line: LineId) -> Places {
        let mut withheld = Places::new();
        let Some(facts) = self.record.facts.as_ref().filter(|facts| facts.confirmed) else { return withheld };
        let Some(said) = facts.lines.get(&line) else { return withheld };
        let counted = &self.record.counted;
        let units = |fulfilment: &Fulfilment| fulfilment.lines.get(&line).copied().unwrap_or_default();
        let fulfilments = &self.record.fulfilments;
        let stand = fulfilments.iter().filter(|(id, _)| counted.fulfilments.get(*id) == Some(&FulfilmentStatus::Shipped));
        let shipped: Quantity = stand.map(|(_, fulfilment)| units(fulfilment)).sum();
        let stood = |fulfilment: &Fulfilment, moment: Timestamp| {
            let void_by_then = fulfilment.status == FulfilmentStatus::Void && fulfilment.version <= moment;
            fulfilment.made_at <= moment && !void_by_then
        };
        let shipped_by = |moment: Timestamp| -> Quantity {
            fulfilments.values().filter(|fulfilment| stood(fulfilment, moment)).map(units).sum()
        };
        let mut refunds: Vec<&Refund> =
            self.record.refunds.iter().filter(|(id, _)| counted.refunds.contains(id)).map(|(_, refund)| refund).collect();
        refunds.sort_by_key(|refund| refund.made_at);
        let cancelled = refunded(refunds.iter().copied(), line, Restock::Cancel);
        let mut unshipped = said.ordered - said.open - shipped - cancelled;
        let mut of_shipped = Quantity::ZERO;
        for refund in refunds {
            for refunded in refund.lines.iter().filter(|refunded| refunded.line == line) {
                match refunded.restock {
                    Restock::Return => of_shipped += refunded.quantity,
                    Restock::None => {
                        // Without a restock the shop refunds units that have shipped before those that have not.
                        let from_shipped = (shipped_by(refund.made_at) - of_shipped).at_least_zero().min(refunded.quantity);
                        of_shipped += from_shipped;
                        let units = (refunded.quantity - from_shipped).min(unshipped).at_least_zero();
                        unshipped -= units;
                        *withheld.entry(self.home(line, refund.made_at)).or_default() += units;
                    }
                    Restock::Cancel | Restock::Legacy => {}
                }
            }
        }
        withheld.retain(|_, units| units.is_positive());
        withheld
    }

    /// Where the units of a line were to be shipped from at a time.
    fn home(&self, line: LineId, moment: Timestamp) -> Place {
        let since = self.record.routed.as_ref().and_then(|(routing, _)| routing.since.get(&line));
        let then = since.and_then(|since| since.range(..=moment).next_back().or_else(|| since.first_key_value()));
        then.map_or_else(|| self.default_place(), |(_, location)| self.place(Some(*location)))
    }

    /// Units of a line that came back, by where they are, and by where the shop put them back on its own number.
    ///
    /// Refund, disposition and warehouse may each tell of the same units: within one return the shop's two tell of the
    /// same, and the warehouse knows best where units are.
    fn came_back(&self, line: LineId) -> (Places, Places) {
        let restocked = self.restocked(line);
        let mut returned = Places::new();
        for report in self.record.reports.values().filter(|report| report.line == line && report.kind == ReportKind::Returned) {
            *returned.entry(Place::At(report.location.clone())).or_default() += report.quantity;
        }
        let seen: Quantity = returned.values().copied().sum();
        let mut unseen = (restocked.values().copied().sum::<Quantity>() - seen).at_least_zero();
        for (place, units) in &restocked {
            let units = unseen.min(*units);
            if units.is_positive() {
                *returned.entry(place.clone()).or_default() += units;
                unseen -= units;
            }
        }
        (returned, restocked)
    }

    /// Shipped units of a line that the shop put back on its own number, by place.
    fn restocked(&self, line: LineId) -> Places {
        let mut restocked = Places::new();
        // What dispositions of a return already account for; a refund of that return says the same units again.
        let mut disposed: BTreeMap<ReturnId, Quantity> = BTreeMap::new();
        for disposition in self.record.dispositions.values().filter(|disposition| disposition.line == line) {
            *disposed.entry(disposition.of_return).or_default() += disposition.quantity;
            *restocked.entry(self.place(disposition.location)).or_default() += disposition.quantity;
        }
        let mut unshipped = self.legacy_unshipped(line);
        for refund in self.record.refunds.values() {
            for back in refund.lines.iter().filter(|refunded| refunded.line == line) {
                let again = match back.restock {
                    Restock::Return => refund.of_return.and_then(|of_return| disposed.get_mut(&of_return)),
                    Restock::Legacy => Some(&mut unshipped),
                    Restock::Cancel | Restock::None => continue,
                };
                let known = again.map_or(Quantity::ZERO, |known| {
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

    /// Units of a line that an old order refunded before they shipped, without saying so: as many as left it unshipped.
    fn legacy_unshipped(&self, line: LineId) -> Quantity {
        let Some(said) = self.record.facts.as_ref().and_then(|facts| facts.lines.get(&line)) else { return Quantity::ZERO };
        let shipped = self.record.fulfilments.values().filter(|fulfilment| fulfilment.status == FulfilmentStatus::Shipped);
        let shipped: Quantity = shipped.filter_map(|fulfilment| fulfilment.lines.get(&line)).copied().sum();
        (said.ordered - said.open - shipped).at_least_zero()
    }
}

/// Units of a line that these refunds refunded so.
fn refunded<'a>(refunds: impl Iterator<Item = &'a Refund>, line: LineId, restock: Restock) -> Quantity {
    let lines = refunds.flat_map(|refund| &refund.lines).filter(|refunded| refunded.line == line && refunded.restock == restock);
    lines.map(|RefundLine { quantity, .. }| *quantity).sum()
}

/// Builds the steps of one line.
struct LineSteps<'a> {
    id: LineId,
    sku: &'a Sku,
    steps: &'a mut Vec<Step>,
}

impl LineSteps<'_> {
    fn push(&mut self, kind: Kind, place: &Place, quantity: Quantity, fulfilment: Option<FulfilmentId>) {
        if quantity.is_positive() {
            self.steps.push(Step { line: self.id, sku: self.sku.clone(), kind, place: place.clone(), quantity, fulfilment });
        }
    }

    /// A step of `kind` wherever there is more in `more` than in `less`.
    fn bring(&mut self, kind: Kind, more: &Places, less: &Places) {
        for (place, units) in more {
            self.push(kind, place, *units - less.get(place).copied().unwrap_or_default(), None);
        }
    }

    /// Undoes what was shipped and is void, or left from elsewhere, and returns what is to be shipped.
    fn undo_shipments(&mut self, at: &Whereabouts, line: &Line) -> Vec<(FulfilmentId, Place, Quantity)> {
        let mut to_ship = Vec::new();
        for (id, fulfilment) in &at.record.fulfilments {
            let units = match fulfilment.status {
                FulfilmentStatus::Shipped => fulfilment.lines.get(&self.id).copied().unwrap_or_default(),
                FulfilmentStatus::Void => Quantity::ZERO,
            };
            let from = at.place(fulfilment.location);
            match line.shipped.get(id) {
                Some(done) if done.place == from || from == Place::Unassigned => {
                    self.push(Kind::Unship, &done.place, done.quantity - units, Some(*id));
                    to_ship.push((*id, done.place.clone(), units - done.quantity));
                }
                Some(done) => {
                    self.push(Kind::Unship, &done.place, done.quantity, Some(*id));
                    to_ship.push((*id, from, units));
                }
                None => to_ship.push((*id, from, units)),
            }
        }
        to_ship.retain(|(_, _, units)| units.is_positive());
        to_ship
    }

    /// Brings the reservation of the line to `wanted`: what is too much altogether is released, what is elsewhere is
    /// assigned, what is too little is reserved where it belongs.
    fn reserve(&mut self, reserved: &Places, wanted: &Places) {
        let less = |more: &Places, less: &Places| -> Vec<(Place, Quantity)> {
            let rest = more.iter().map(|(place, units)| (place.clone(), *units - less.get(place).copied().unwrap_or_default()));
            rest.filter(|(_, units)| units.is_positive()).collect()
        };
        // Unassigned sorts first: units nobody has been asked to ship are given back before assigned ones.
        let (mut surplus, mut missing) = (less(reserved, wanted), less(wanted, reserved));
        let total = |places: &[(Place, Quantity)]| places.iter().map(|(_, units)| *units).sum::<Quantity>();
        let mut too_many = (total(&surplus) - total(&missing)).at_least_zero();
        for (place, units) in &mut surplus {
            let released = too_many.min(*units);
            self.push(Kind::Release, place, released, None);
            *units -= released;
            too_many -= released;
        }
        for (from, left) in &mut surplus {
            for (to, needed) in &mut missing {
                let moved = (*left).min(*needed);
                self.push(Kind::AssignOut, from, moved, None);
                self.push(Kind::AssignIn, to, moved, None);
                *left -= moved;
                *needed -= moved;
            }
        }
        for (place, needed) in missing {
            self.push(Kind::Reserve, &place, needed, None);
        }
    }
}
