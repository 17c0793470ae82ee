//! From what has left to the movements that say so, line by line.
//!
//! Where units only change sides, one movement says it: the shop fulfils what had left ahead of it, or takes that back.
//! Movements of one place that undo each other carry one time, so that a count in between has seen both or neither.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Place, Quantity, Sku};
use crate::movement::MovementKind;
use crate::order::departure::{Departures, Places};
use crate::order::{FulfilmentStatus, LineLedger, LineShipment, OrderRecord, OrderStep};

/// What is to be said of one line: what the shop shipped and what has left, against what the ledger holds.
pub(super) struct Leaving<'a> {
    pub record: &'a OrderRecord,
    pub id: LineId,
    pub sku: &'a Sku,
    pub line: &'a LineLedger,
    pub shipments: &'a BTreeMap<FulfilmentId, LineShipment>,
    pub departures: &'a Departures,
}

impl Leaving<'_> {
    /// What comes before the reservation is brought to what is wanted, and what comes after: the second takes of it.
    pub fn steps(&self) -> (Vec<OrderStep>, Vec<OrderStep>) {
        let mut to_dispatch = excess(&self.departures.ahead, &self.line.dispatched);
        let mut to_undispatch = excess(&self.line.dispatched, &self.departures.ahead);
        let (mut undone, mut made) = (Vec::new(), Vec::new());
        for (id, done) in &self.line.shipped {
            let stays = self.shipments.get(id).filter(|shipment| shipment.place == done.place);
            let units = (done.quantity - stays.map_or(Quantity::ZERO, |shipment| shipment.quantity)).at_least_zero();
            let still_gone = take_at(&mut to_dispatch, &done.place, units);
            undone.extend(self.step(MovementKind::Unconfirm, &done.place, still_gone, Some(*id), None));
            undone.extend(self.step(MovementKind::Unship, &done.place, units - still_gone, Some(*id), self.undone_at(*id)));
        }
        for (id, shipment) in self.shipments {
            let done = self.line.shipped.get(id).filter(|done| done.place == shipment.place);
            let units = (shipment.quantity - done.map_or(Quantity::ZERO, |done| done.quantity)).at_least_zero();
            let left_before = take_at(&mut to_undispatch, &shipment.place, units);
            made.extend(self.step(MovementKind::Confirm, &shipment.place, left_before, Some(*id), None));
            made.extend(self.step(MovementKind::Ship, &shipment.place, units - left_before, Some(*id), self.made_at(*id)));
        }
        for (place, units) in &to_undispatch {
            undone.extend(self.step(MovementKind::Undispatch, place, *units, None, self.record.reported_at(self.id, place)));
        }
        for (place, units) in &to_dispatch {
            made.extend(self.step(MovementKind::Dispatch, place, *units, None, self.record.reported_at(self.id, place)));
        }
        // Less first, more last: in between it must not look as if it could be sold.
        let strayed = self.strayed(MovementKind::Stray, &self.departures.strayed, &self.line.strayed, &undone);
        let unstrayed = self.strayed(MovementKind::Unstray, &self.line.strayed, &self.departures.strayed, &made);
        (strayed.into_iter().chain(undone).collect(), made.into_iter().chain(unstrayed).collect())
    }

    /// Where more strayed by `more` than by `less`. `others` are the steps it may undo.
    fn strayed(&self, kind: MovementKind, more: &Places, less: &Places, others: &[OrderStep]) -> Vec<OrderStep> {
        let places = excess(more, less);
        let steps = places.iter().filter_map(|(place, units)| {
            let undoes = others.iter().rev().find(|other| other.place == *place && other.at.is_some());
            let at = undoes.map_or_else(|| self.strayed_at(place), |other| other.at);
            self.step(kind, place, *units, None, at)
        });
        steps.collect()
    }

    /// When units strayed from a place, or back: by the warehouse's clock where it spoke of the place, else by the shop's.
    fn strayed_at(&self, place: &Place) -> Option<Timestamp> {
        let booked_here = self.departures.strayed.get(place).is_some_and(|units| units.is_negative());
        if !booked_here && self.record.reported(self.id).contains_key(place) {
            return self.record.reported_at(self.id, place);
        }
        let here = self.shipments.iter().filter(|(_, shipment)| shipment.place == *place);
        here.filter_map(|(id, _)| self.made_at(*id)).max()
    }

    fn made_at(&self, id: FulfilmentId) -> Option<Timestamp> {
        self.record.fulfilments.get(&id).map(|fulfilment| fulfilment.made_at)
    }

    /// When a shipment was undone: when it became void, or if it stands and left from elsewhere, when it was made.
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

/// How much more there is in `more` than in `less`, wherever it is more. Either may be below zero.
pub(super) fn excess(more: &Places, less: &Places) -> Places {
    let places = more.keys().chain(less.keys());
    let units = |of: &Places, place: &Place| of.get(place).copied().unwrap_or_default();
    let excess = places.map(|place| (place.clone(), units(more, place) - units(less, place)));
    excess.filter(|(_, units)| units.is_positive()).collect()
}

/// Takes at most so many units of a place, and returns how many.
fn take_at(places: &mut Places, place: &Place, most: Quantity) -> Quantity {
    let Some(here) = places.get_mut(place) else { return Quantity::ZERO };
    let taken = most.min(*here);
    *here -= taken;
    taken
}
