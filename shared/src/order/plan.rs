//! The movements that an order requires.
//!
//! For each line, the steps are the difference between the required units and the units in its ledger. The required units are a
//! function of the newest facts alone, so it does not matter in which order, or how often, the facts arrived.

use jiff::Timestamp;

use crate::catalog::{FulfilmentId, LineId, Network, Place, Quantity, Sku};
use crate::movement::{BalanceChange, MovementKind};
use crate::order::OrderRecord;
use crate::order::required::RequiredUnits;
use crate::order::shipment_steps::{ShipmentSteps, excess};
use crate::order::shipped::Places;

/// One movement that an order requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStep {
    /// The line.
    pub line: LineId,
    /// The item.
    pub sku: Sku,
    /// The kind of movement.
    pub kind: MovementKind,
    /// Whether it reverses this kind.
    pub reversal: bool,
    /// The place.
    pub place: Place,
    /// The number of units; above zero.
    pub quantity: Quantity,
    /// The fulfilment, for a shipment.
    pub fulfilment: Option<FulfilmentId>,
    /// When it took effect, if the shop or a warehouse reported that. A stock count after this time has seen it.
    pub at: Option<Timestamp>,
}

impl OrderStep {
    /// A step without a fulfilment and without a time of its own.
    pub(super) fn new(line: LineId, sku: &Sku, kind: MovementKind, place: &Place, quantity: Quantity) -> Self {
        let (sku, place) = (sku.clone(), place.clone());
        Self { line, sku, kind, reversal: false, place, quantity, fulfilment: None, at: None }
    }

    /// The step that reverses it.
    #[must_use]
    pub(super) fn reversed(self) -> Self {
        Self { reversal: true, ..self }
    }

    /// The change that it makes to its position.
    #[must_use]
    pub fn change(&self) -> BalanceChange {
        self.kind.change(self.quantity, self.reversal)
    }
}

impl OrderRecord {
    /// The movements from the units in the ledger to the required units, in the order in which they must be made.
    ///
    /// For each line: reverse the shipments that are no longer valid; adjust the reservation to the open units plus the units
    /// about to ship, each at its place; ship; then record the returns. Steps that lower the sellable quantity come before steps
    /// that raise it, so that no intermediate state shows units as available that are not.
    ///
    /// An order of a shop without settings requires none, because its opening stock is unknown.
    #[must_use]
    pub fn next_steps(&self, network: &Network) -> Vec<OrderStep> {
        let mut steps = Vec::new();
        let Some(settings) = network.shop(&self.shop) else { return steps };
        if self.facts.as_ref().is_none_or(|facts| facts.test) || self.is_left_alone_by(settings) {
            return steps;
        }
        let required = RequiredUnits { record: self, network, settings };
        for (id, line) in &self.lines {
            let Some(sku) = &line.sku else { continue };
            let mut line_steps = LineSteps { id: *id, sku, steps: &mut steps };
            let withheld = required.lost(*id).withheld;
            let shipments = required.shipments(*id, line);
            let shipped = required.shipped(*id, &shipments, &withheld);
            let of_shipments = ShipmentSteps { record: self, id: *id, sku, line, shipments: &shipments, shipped: &shipped };
            let (reversed, made) = of_shipments.steps();
            line_steps.steps.extend(reversed);
            line_steps.adjust(MovementKind::Hold, &line.withheld_shipped, &shipped.withheld_shipped);
            line_steps.settle(MovementKind::Withhold, &line.withheld, &withheld);
            let mut reserved = required.open(*id, &shipped);
            for step in &made {
                *reserved.entry(step.place.clone()).or_default() -= step.change().reserved;
            }
            line_steps.reserve(&line.reserved, &reserved);
            line_steps.steps.extend(made);
            line_steps.reverse(MovementKind::Hold, &shipped.withheld_shipped, &line.withheld_shipped);
            let (returned, restocked) = required.returned_units(*id);
            line_steps.settle(MovementKind::Return, &line.returned, &returned);
            line_steps.settle(MovementKind::Restock, &line.restocked, &restocked);
        }
        steps
    }
}

/// A change of the units that edits removed from an order at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedUnits {
    /// The line.
    pub line: LineId,
    /// The item.
    pub sku: Sku,
    /// The place from which the units were to ship.
    pub place: Place,
    /// More units (above zero), or fewer.
    pub units: Quantity,
}

impl OrderRecord {
    /// The changes from the removed units that each line has recorded to those that the facts show.
    #[must_use]
    pub fn newly_removed(&self, network: &Network) -> Vec<RemovedUnits> {
        let Some(settings) = network.shop(&self.shop) else { return Vec::new() };
        if self.facts.as_ref().is_none_or(|facts| facts.test) || self.is_left_alone_by(settings) {
            return Vec::new();
        }
        let required = RequiredUnits { record: self, network, settings };
        let mut changes = Vec::new();
        for (id, line) in &self.lines {
            let Some(sku) = &line.sku else { continue };
            let removed = required.lost(*id).removed;
            let change = |place: Place, units| RemovedUnits { line: *id, sku: sku.clone(), place, units };
            changes.extend(excess(&line.removed, &removed).into_iter().map(|(place, units)| change(place, -units)));
            changes.extend(excess(&removed, &line.removed).into_iter().map(|(place, units)| change(place, units)));
        }
        changes
    }
}

/// Builds the steps of one line.
struct LineSteps<'a> {
    id: LineId,
    sku: &'a Sku,
    steps: &'a mut Vec<OrderStep>,
}

impl LineSteps<'_> {
    fn step(&self, kind: MovementKind, place: &Place, quantity: Quantity) -> OrderStep {
        OrderStep::new(self.id, self.sku, kind, place, quantity)
    }

    fn push(&mut self, kind: MovementKind, place: &Place, quantity: Quantity) {
        if quantity.is_positive() {
            self.steps.push(self.step(kind, place, quantity));
        }
    }

    /// Adds a step of `kind` at each place where `more` exceeds `less`.
    fn adjust(&mut self, kind: MovementKind, more: &Places, less: &Places) {
        for (place, units) in excess(more, less) {
            self.push(kind, &place, units);
        }
    }

    /// Adds a reversal of `kind` at each place where `more` exceeds `less`.
    fn reverse(&mut self, kind: MovementKind, more: &Places, less: &Places) {
        for (place, units) in excess(more, less) {
            self.steps.push(self.step(kind, &place, units).reversed());
        }
    }

    /// Brings the units of `kind` from what the ledger holds to what the order requires: the reversals come first.
    fn settle(&mut self, kind: MovementKind, held: &Places, required: &Places) {
        self.reverse(kind, held, required);
        self.adjust(kind, required, held);
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
