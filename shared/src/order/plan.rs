//! The movements that an order requires.
//!
//! For each line, the steps are the difference between the required units and the units in its ledger. The required units are a
//! function of the newest facts alone, so it does not matter in which order, or how often, the facts arrived.

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Network, Place, Quantity, Sku};
use crate::movement::MovementKind;
use crate::order::OrderRecord;
use crate::order::departure::Places;
use crate::order::leaving::{Leaving, excess};
use crate::order::whereabouts::Whereabouts;

/// One movement that an order requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStep {
    /// The line.
    pub line: LineId,
    /// The item.
    pub sku: Sku,
    /// The kind of movement.
    pub kind: MovementKind,
    /// The place.
    pub place: Place,
    /// The number of units; above zero.
    pub quantity: Quantity,
    /// The fulfilment, for a shipment.
    pub fulfilment: Option<FulfilmentId>,
    /// When it took effect, if the shop or a warehouse reported that. A stock count after this time has seen it.
    pub at: Option<Timestamp>,
}

impl OrderRecord {
    /// The movements from the units in the ledger to the required units, in the order in which they must be made.
    ///
    /// For each line: reverse the shipments that are no longer valid; adjust the reservation to the open units plus the units
    /// about to ship, each at its place; ship; then record the returns. Steps that lower the sellable quantity come before steps
    /// that raise it, so that no intermediate state shows units as available that are not.
    #[must_use]
    pub fn next_steps(&self, network: &Network) -> Vec<OrderStep> {
        let mut steps = Vec::new();
        if self.facts.as_ref().is_none_or(|facts| facts.test) {
            return steps;
        }
        let at = Whereabouts { record: self, network };
        for (id, line) in &self.lines {
            let Some(sku) = &line.sku else { continue };
            let mut line_steps = LineSteps { id: *id, sku, steps: &mut steps };
            let withheld = at.withheld(*id);
            let shipments = at.shipments(*id, line);
            let departures = at.departures(*id, &shipments, &withheld);
            let leaving = Leaving { record: self, id: *id, sku, line, shipments: &shipments, departures: &departures };
            let (undone, leaving) = leaving.steps();
            line_steps.steps.extend(undone);
            line_steps.adjust(MovementKind::Hold, &line.gone, &departures.gone);
            line_steps.adjust(MovementKind::Unwithhold, &line.withheld, &withheld);
            line_steps.adjust(MovementKind::Withhold, &withheld, &line.withheld);
            let mut wanted = at.open(*id, &departures);
            for step in &leaving {
                *wanted.entry(step.place.clone()).or_default() -= step.kind.change(step.quantity).reserved;
            }
            line_steps.reserve(&line.reserved, &wanted);
            line_steps.steps.extend(leaving);
            line_steps.adjust(MovementKind::Unhold, &departures.gone, &line.gone);
            let (returned, restocked) = at.came_back(*id);
            line_steps.adjust(MovementKind::Unreturn, &line.returned, &returned);
            line_steps.adjust(MovementKind::Return, &returned, &line.returned);
            line_steps.adjust(MovementKind::Unrestock, &line.restocked, &restocked);
            line_steps.adjust(MovementKind::Restock, &restocked, &line.restocked);
        }
        steps
    }
}

/// Builds the steps of one line.
struct LineSteps<'a> {
    id: LineId,
    sku: &'a Sku,
    steps: &'a mut Vec<OrderStep>,
}

impl LineSteps<'_> {
    fn push(&mut self, kind: MovementKind, place: &Place, quantity: Quantity) {
        if quantity.is_positive() {
            let (fulfilment, at) = (None, None);
            self.steps.push(OrderStep {
                line: self.id,
                sku: self.sku.clone(),
                kind,
                place: place.clone(),
                quantity,
                fulfilment,
                at,
            });
        }
    }

    /// Adds a step of `kind` at each place where `more` exceeds `less`.
    fn adjust(&mut self, kind: MovementKind, more: &Places, less: &Places) {
        for (place, units) in excess(more, less) {
            self.push(kind, &place, units);
        }
    }

    /// Adjusts the reservation of the line to `wanted`: releases the total surplus, assigns units from places with a surplus to
    /// places that lack units, and reserves the rest at the places that lack units.
    fn reserve(&mut self, reserved: &Places, wanted: &Places) {
        // The unassigned place sorts first, so units that no location was asked to ship are released before assigned ones.
        let (mut surplus, mut missing) = (excess(reserved, wanted), excess(wanted, reserved));
        let total = |places: &Places| places.values().copied().sum::<Quantity>();
        let mut too_many = (total(&surplus) - total(&missing)).at_least_zero();
        for (place, units) in &mut surplus {
            let released = too_many.min(*units);
            self.push(MovementKind::Release, place, released);
            *units -= released;
            too_many -= released;
        }
        for (from, left) in &mut surplus {
            for (to, needed) in &mut missing {
                let moved = (*left).min(*needed);
                self.push(MovementKind::AssignOut, from, moved);
                self.push(MovementKind::AssignIn, to, moved);
                *left -= moved;
                *needed -= moved;
            }
        }
        for (place, needed) in missing {
            self.push(MovementKind::Reserve, &place, needed);
        }
    }
}
