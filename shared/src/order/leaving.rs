//! The movements that record shipped units, line by line.
//!
//! One movement records that the shop fulfils units that had shipped ahead of it, or cancels such a fulfilment. Two movements at
//! one place that cancel each other out carry the same time, so that a stock count in between has seen both or neither.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Place, Quantity, Sku};
use crate::movement::MovementKind;
use crate::order::departure::{Departures, Places};
use crate::order::{FulfilmentStatus, LineLedger, LineShipment, OrderRecord, OrderStep};

/// The input for one line: the shop's shipments and the departures, and the line's ledger to compare them with.
pub(super) struct Leaving<'a> {
    pub record: &'a OrderRecord,
    pub id: LineId,
    pub sku: &'a Sku,
    pub line: &'a LineLedger,
    pub shipments: &'a BTreeMap<FulfilmentId, LineShipment>,
    pub departures: &'a Departures,
}

impl Leaving<'_> {
    /// The steps before the reservation is adjusted, and the steps after it. The second ones consume reserved units.
    pub fn steps(&self) -> (Vec<OrderStep>, Vec<OrderStep>) {
        let mut to_dispatch = excess(&self.departures.ahead, &self.line.dispatched);
        let mut to_undispatch = excess(&self.line.dispatched, &self.departures.ahead);
        let (mut undone, mut made) = (Vec::new(), Vec::new());
        for (id, done) in &self.line.shipped {
            let stays = self.shipments.get(id).filter(|shipment| shipment.place == done.place);
            let units = (done.quantity - stays.map_or(Quantity::ZERO, |shipment| shipment.quantity)).at_least_zero();
            let still_gone = take_at(&mut to_dispatch, &done.place, units);
            undone.extend(self.step(MovementKind::ReverseConfirmShipment, &done.place, still_gone, Some(*id), None));
            undone.extend(self.step(MovementKind::Unship, &done.place, units - still_gone, Some(*id), self.undone_at(*id)));
        }
        for (id, shipment) in self.shipments {
            let done = self.line.shipped.get(id).filter(|done| done.place == shipment.place);
            let units = (shipment.quantity - done.map_or(Quantity::ZERO, |done| done.quantity)).at_least_zero();
            let left_before = take_at(&mut to_undispatch, &shipment.place, units);
            made.extend(self.step(MovementKind::ConfirmShipment, &shipment.place, left_before, Some(*id), None));
            made.extend(self.step(MovementKind::Ship, &shipment.place, units - left_before, Some(*id), self.made_at(*id)));
        }
        for (place, units) in &to_undispatch {
            undone.extend(self.step(
                MovementKind::ReverseShipAhead,
                place,
                *units,
                None,
                self.record.reported_at(self.id, place),
            ));
        }
        for (place, units) in &to_dispatch {
            made.extend(self.step(MovementKind::ShipAhead, place, *units, None, self.record.reported_at(self.id, place)));
        }
        // Steps that lower the sellable quantity come first and steps that raise it last, so that no intermediate state shows
        // units as available that are not.
        let misattributed =
            self.misattributed(MovementKind::Misattribute, &self.departures.misattributed, &self.line.misattributed, &undone);
        let unstrayed = self.misattributed(
            MovementKind::ReverseMisattribute,
            &self.line.misattributed,
            &self.departures.misattributed,
            &made,
        );
        (misattributed.into_iter().chain(undone).collect(), made.into_iter().chain(unstrayed).collect())
    }

    /// A step of `kind` at each place where `more` has more misattributed units than `less`. `others` are the steps that it may
    /// cancel out: then it carries the same time.
    fn misattributed(&self, kind: MovementKind, more: &Places, less: &Places, others: &[OrderStep]) -> Vec<OrderStep> {
        let places = excess(more, less);
        let steps = places.iter().filter_map(|(place, units)| {
            let counterpart = others.iter().rev().find(|other| other.place == *place && other.at.is_some());
            let at = counterpart.map_or_else(|| self.misattributed_at(place), |other| other.at);
            self.step(kind, place, *units, None, at)
        });
        steps.collect()
    }

    /// When units of a place became misattributed, or no longer were: by the clock of the warehouse if it reported the place,
    /// else by the shop's.
    fn misattributed_at(&self, place: &Place) -> Option<Timestamp> {
        let booked_here = self.departures.misattributed.get(place).is_some_and(|units| units.is_negative());
        if !booked_here && self.record.reported(self.id).contains_key(place) {
            return self.record.reported_at(self.id, place);
        }
        let here = self.shipments.iter().filter(|(_, shipment)| shipment.place == *place);
        here.filter_map(|(id, _)| self.made_at(*id)).max()
    }

    fn made_at(&self, id: FulfilmentId) -> Option<Timestamp> {
        self.record.fulfilments.get(&id).map(|fulfilment| fulfilment.made_at)
    }

    /// When a shipment was reversed: when its fulfilment became void, or, if that is valid and shipped from another place, when
    /// the fulfilment was made.
    fn undone_at(&self, id: FulfilmentId) -> Option<Timestamp> {
        self.record.fulfilments.get(&id).map(|fulfilment| match fulfilment.status {
            FulfilmentStatus::Void => fulfilment.version,
            FulfilmentStatus::Shipped => fulfilment.made_at,
        })
    }

    fn step(
        &self,
        kind: MovementKind,
        place: &Place,
        quantity: Quantity,
        fulfilment: Option<FulfilmentId>,
        at: Option<Timestamp>,
    ) -> Option<OrderStep> {
        let step = OrderStep { line: self.id, sku: self.sku.clone(), kind, place: place.clone(), quantity, fulfilment, at };
        Some(step).filter(|step| step.quantity.is_positive())
    }
}

/// The units by which `more` exceeds `less`, at each place where it does. Entries of both may be below zero.
pub(super) fn excess(more: &Places, less: &Places) -> Places {
    let places = more.keys().chain(less.keys());
    let units = |of: &Places, place: &Place| of.get(place).copied().unwrap_or_default();
    let excess = places.map(|place| (place.clone(), units(more, place) - units(less, place)));
    excess.filter(|(_, units)| units.is_positive()).collect()
}

/// Takes at most `most` units of a place, and returns how many.
fn take_at(places: &mut Places, place: &Place, most: Quantity) -> Quantity {
    let Some(here) = places.get_mut(place) else { return Quantity::ZERO };
    let taken = most.min(*here);
    *here -= taken;
    taken
}
