//! From what is said of an order to the movements it calls for.
//!
//! `what must be held − what is held = steps`, line by line. What must be held is a function of the newest statements
//! alone, so it does not matter in which order, or how often, they came.

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Network, Place, Quantity, Sku};
use crate::movement::MovementKind;
use crate::order::OrderRecord;
use crate::order::departure::Places;
use crate::order::leaving::{Leaving, excess};
use crate::order::whereabouts::Whereabouts;

/// One movement that an order calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStep {
    /// The line.
    pub line: LineId,
    /// The item.
    pub sku: Sku,
    /// What to do.
    pub kind: MovementKind,
    /// Where.
    pub place: Place,
    /// How many units; above zero.
    pub quantity: Quantity,
    /// The fulfilment, for a shipment.
    pub fulfilment: Option<FulfilmentId>,
    /// When it took effect in the world, as far as anybody said: a count that is newer has seen it.
    pub at: Option<Timestamp>,
}

impl OrderRecord {
    /// The movements that lead from what is held to what must be held, in the order they must be made.
    ///
    /// For each line: undo what did not leave so; bring the reservation to the units still open plus the units about to
    /// leave, each where it belongs; let them leave; then book what came back. What makes less sellable comes before what
    /// makes more: in between, it would look as if it could be sold.
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
            line_steps.bring(MovementKind::Hold, &line.gone, &departures.gone);
            line_steps.bring(MovementKind::Unwithhold, &line.withheld, &withheld);
            line_steps.bring(MovementKind::Withhold, &withheld, &line.withheld);
            let mut wanted = at.open(*id, &departures);
            for step in &leaving {
                *wanted.entry(step.place.clone()).or_default() -= step.kind.change(step.quantity).reserved;
            }
            line_steps.reserve(&line.reserved, &wanted);
            line_steps.steps.extend(leaving);
            line_steps.bring(MovementKind::Unhold, &departures.gone, &line.gone);
            let (returned, restocked) = at.came_back(*id);
            line_steps.bring(MovementKind::Unreturn, &line.returned, &returned);
            line_steps.bring(MovementKind::Return, &returned, &line.returned);
            line_steps.bring(MovementKind::Unrestock, &line.restocked, &restocked);
            line_steps.bring(MovementKind::Restock, &restocked, &line.restocked);
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

    /// A step of `kind` wherever there is more in `more` than in `less`.
    fn bring(&mut self, kind: MovementKind, more: &Places, less: &Places) {
        for (place, units) in excess(more, less) {
            self.push(kind, &place, units);
        }
    }

    /// Brings the reservation of the line to `wanted`: what is too much altogether is released, what is elsewhere is
    /// assigned, what is too little is reserved where it belongs.
    fn reserve(&mut self, reserved: &Places, wanted: &Places) {
        // Unassigned sorts first: units nobody has been asked to ship are given back before assigned ones.
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
