//! The movements that record shipped units, line by line.
//!
//! One movement records that the shop fulfils units that had shipped ahead of it, or cancels such a fulfilment. Two movements at
//! one place that cancel each other out carry the same time, so that a stock count in between has seen both or neither.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Place, Quantity, Sku};
use crate::movement::MovementKind;
use crate::order::shipped::{Places, ShippedUnits};
use crate::order::{FulfilmentStatus, LineLedger, LineShipment, OrderRecord, OrderStep};

/// The input for one line: the shop's shipments and all shipped units, and the line's ledger to compare them with.
pub(super) struct ShipmentSteps<'a> {
    pub record: &'a OrderRecord,
    pub id: LineId,
    pub sku: &'a Sku,
    pub line: &'a LineLedger,
    pub shipments: &'a BTreeMap<FulfilmentId, LineShipment>,
    pub shipped: &'a ShippedUnits,
}

impl ShipmentSteps<'_> {
    /// The steps before the reservation is adjusted, and the steps after it. The second ones consume reserved units.
    pub fn steps(&self) -> (Vec<OrderStep>, Vec<OrderStep>) {
        let mut to_ship_ahead = excess(&self.shipped.shipped_ahead, &self.line.shipped_ahead);
        let mut to_confirm = excess(&self.line.shipped_ahead, &self.shipped.shipped_ahead);
        let (mut reversed, mut made) = (Vec::new(), Vec::new());
        for (id, done) in &self.line.shipped {
            let stays = self.shipments.get(id).filter(|shipment| shipment.place == done.place);
            let units = (done.quantity - stays.map_or(Quantity::ZERO, |shipment| shipment.quantity)).at_least_zero();
            let have_shipped = take_at(&mut to_ship_ahead, &done.place, units);
            let step =
                |kind, units, at| OrderStep { fulfilment: Some(*id), at, ..self.step(kind, &done.place, units).reversed() };
            reversed.push(step(MovementKind::ConfirmShipment, have_shipped, None));
            reversed.push(step(MovementKind::Ship, units - have_shipped, self.reversed_at(*id)));
        }
        // The ledger has no shipment of a fulfilment from before going live. Its cancellation brings the units back all the same.
        for (id, shipment) in self.shipments.iter().filter(|(id, _)| !self.line.shipped.contains_key(id)) {
            let units = (-shipment.quantity).at_least_zero();
            let step = self.step(MovementKind::Ship, &shipment.place, units).reversed();
            reversed.push(OrderStep { fulfilment: Some(*id), at: self.reversed_at(*id), ..step });
        }
        for (id, shipment) in self.shipments {
            let done = self.line.shipped.get(id).filter(|done| done.place == shipment.place);
            let units = (shipment.quantity - done.map_or(Quantity::ZERO, |done| done.quantity)).at_least_zero();
            let shipped_before = take_at(&mut to_confirm, &shipment.place, units);
            let step = |kind, units, at| OrderStep { fulfilment: Some(*id), at, ..self.step(kind, &shipment.place, units) };
            made.push(step(MovementKind::ConfirmShipment, shipped_before, None));
            made.push(step(MovementKind::Ship, units - shipped_before, self.made_at(*id)));
        }
        let ahead = |place: &Place, units: &Quantity| {
            let at = self.record.reported_at(self.id, place);
            OrderStep { at, ..self.step(MovementKind::ShipAhead, place, *units) }
        };
        reversed.extend(to_confirm.iter().map(|(place, units)| ahead(place, units).reversed()));
        made.extend(to_ship_ahead.iter().map(|(place, units)| ahead(place, units)));
        // Steps that lower the sellable quantity come first and steps that raise it last, so that no intermediate state shows
        // units as available that are not.
        let mut before = self.misattributed(&self.shipped.misattributed, &self.line.misattributed, &reversed);
        before.extend(reversed);
        let corrected = self.misattributed(&self.line.misattributed, &self.shipped.misattributed, &made);
        made.extend(corrected.into_iter().map(OrderStep::reversed));
        for steps in [&mut before, &mut made] {
            steps.retain(|step| step.quantity.is_positive());
        }
        (before, made)
    }

    /// A step at each place where `more` has more misattributed units than `less`. `others` are the steps that it may cancel
    /// out: then it carries the same time.
    fn misattributed(&self, more: &Places, less: &Places, others: &[OrderStep]) -> Vec<OrderStep> {
        let places = excess(more, less);
        let steps = places.iter().map(|(place, units)| {
            let moves = |other: &&OrderStep| other.quantity.is_positive() && other.place == *place && other.at.is_some();
            let at = others.iter().rev().find(moves).map_or_else(|| self.misattributed_at(place), |other| other.at);
            OrderStep { at, ..self.step(MovementKind::Misattribute, place, *units) }
        });
        steps.collect()
    }

    /// When units of a place became misattributed, or no longer were: by the clock of the warehouse if it reported the place,
    /// else by the shop's.
    fn misattributed_at(&self, place: &Place) -> Option<Timestamp> {
        let booked_here = self.shipped.misattributed.get(place).is_some_and(|units| units.is_negative());
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
    fn reversed_at(&self, id: FulfilmentId) -> Option<Timestamp> {
        self.record.fulfilments.get(&id).map(|fulfilment| match fulfilment.status {
            FulfilmentStatus::Void => fulfilment.version,
            FulfilmentStatus::Shipped => fulfilment.made_at,
        })
    }

    fn step(&self, kind: MovementKind, place: &Place, quantity: Quantity) -> OrderStep {
        OrderStep::new(self.id, self.sku, kind, place, quantity)
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
