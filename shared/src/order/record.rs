//! What is recorded of one order: the newest facts, and what the ledger already holds for them.
//!
//! `facts → what they call for → minus what is applied → steps`. Every step can be repeated after a crash, because the
//! record is written in the same transaction as the movement of the step.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Facts, Fulfilment, FulfilmentStatus, OrderSnapshot};
use crate::alert::Subject;
use crate::catalog::{FulfilmentId, LineId, Network, OrderId, Place, Quantity, ShopDomain, Sku};
use crate::ledger::Kind;
use crate::store::{Key, Row};

/// An order as we know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The newest facts; none while only a fulfilment has been heard of.
    pub facts: Option<Facts>,
    /// Every fulfilment heard of, each at its newest.
    pub fulfilments: BTreeMap<FulfilmentId, Fulfilment>,
    /// The fulfilments that the `open` of the facts' lines accounts for, each as it was then.
    pub counted: BTreeMap<FulfilmentId, FulfilmentStatus>,
    /// What the ledger holds, per line.
    pub lines: BTreeMap<LineId, Line>,
}

/// What the ledger holds for one line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Line {
    /// Our item; none while the shop's SKU is not mapped.
    pub sku: Option<Sku>,
    /// Reserved units, by place. No entry is zero.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reserved: BTreeMap<Place, Quantity>,
    /// Shipped units, by fulfilment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shipped: BTreeMap<FulfilmentId, Shipped>,
}

/// Units of a line that left with one fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// Where they left from.
    pub place: Place,
    /// How many.
    pub quantity: Quantity,
}

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

impl OrderRecord {
    /// An order nothing is known of yet.
    #[must_use]
    pub fn new(shop: ShopDomain, order: OrderId) -> Self {
        Self { shop, order, facts: None, fulfilments: BTreeMap::new(), counted: BTreeMap::new(), lines: BTreeMap::new() }
    }

    /// Where an order lives.
    #[must_use]
    pub fn key_of(shop: &ShopDomain, order: OrderId) -> Key {
        Key::head(format!("ORD#{shop}#{order}"))
    }

    /// Takes what is newer in `snapshot`; what is older changes nothing. Merging is commutative and can be repeated.
    pub fn merge(&mut self, snapshot: &OrderSnapshot) {
        for (id, seen) in &snapshot.fulfilments {
            // A statement that knows the location says more than one that does not.
            let rank = |f: &Fulfilment| (f.version, f.status, f.location.is_some());
            if self.fulfilments.get(id).is_none_or(|known| rank(known) < rank(seen)) {
                self.fulfilments.insert(*id, seen.clone());
            }
        }
        if let Some(facts) = &snapshot.facts {
            let counted = snapshot.fulfilments.iter().map(|(id, fulfilment)| (*id, fulfilment.status)).collect();
            if self.facts.as_ref().is_none_or(|known| known.progress(&self.counted) < facts.progress(&counted)) {
                self.facts = Some(facts.clone());
                self.counted = counted;
            }
        }
    }

    /// The version of the newest facts.
    #[must_use]
    pub fn version(&self) -> Option<Timestamp> {
        self.facts.as_ref().map(|facts| facts.version)
    }

    /// The shop's SKUs of the lines that keep stock, with the line.
    pub fn stocked_lines(&self) -> impl Iterator<Item = (LineId, &str)> {
        self.facts
            .iter()
            .flat_map(|facts| &facts.lines)
            .filter(|(_, line)| !line.not_stocked)
            .map(|(id, line)| (*id, line.shop_sku.as_str()))
    }

    /// Notes the item of a line. A line keeps the item it first moved, even if the mapping changes later: what was
    /// reserved must be released where it was reserved.
    pub fn map_line(&mut self, line: LineId, sku: &Sku) {
        let line = self.lines.entry(line).or_default();
        if line.reserved.is_empty() && line.shipped.is_empty() {
            line.sku = Some(sku.clone());
        }
    }

    /// The place this order's units are reserved at before anyone says where they ship from.
    fn reserve_at(&self, network: &Network) -> Place {
        self.facts
            .as_ref()
            .and_then(|facts| facts.sold_at)
            .and_then(|id| network.by_shop_id(&self.shop, id))
            .map_or(Place::Unassigned, |location| Place::At(location.code.clone()))
    }

    /// The locations this order names that are not ours, as alerts.
    #[must_use]
    pub fn unmapped_locations(&self, network: &Network) -> Vec<(Subject, String)> {
        let shipped_from = self.fulfilments.values().filter_map(|fulfilment| fulfilment.location);
        let named: BTreeSet<_> = shipped_from.chain(self.facts.iter().filter_map(|facts| facts.sold_at)).collect();
        named
            .into_iter()
            .filter(|id| network.by_shop_id(&self.shop, *id).is_none())
            .map(|location| {
                let detail = format!("{} uses its location {location}, which is none of ours: add it to the network.", self.shop);
                (Subject::UnmappedLocation { shop: self.shop.clone(), location }, detail)
            })
            .collect()
    }

    /// The place a fulfilment leaves from. Without a location of ours it leaves from the unassigned place, so that the
    /// network's total is right; it is moved when the location becomes known.
    fn ships_from(&self, fulfilment: &Fulfilment, network: &Network) -> Place {
        fulfilment
            .location
            .and_then(|id| network.by_shop_id(&self.shop, id))
            .map_or(Place::Unassigned, |location| Place::At(location.code.clone()))
    }

    /// The movements that lead from what is applied to what the facts call for, in the order they must be made.
    ///
    /// For each line: undo void shipments, bring the reservation to the units still open plus the units about to ship,
    /// then assign and ship what has shipped.
    #[must_use]
    pub fn next_steps(&self, network: &Network) -> Vec<Step> {
        let Some(facts) = &self.facts else { return Vec::new() };
        let mut steps = Vec::new();
        for (id, line) in &self.lines {
            let Some(sku) = &line.sku else { continue };
            let mut line_steps = LineSteps { id: *id, sku, reserved: line.reserved.clone(), steps: &mut steps };

            let mut to_ship = Vec::new();
            // Units that shipped, or came back, since the facts were stated.
            let mut since = Quantity::ZERO;
            for (fulfilment_id, fulfilment) in &self.fulfilments {
                let units = fulfilment.lines.get(id).copied().unwrap_or_default();
                let shipped = |status: FulfilmentStatus| match status {
                    FulfilmentStatus::Shipped => units,
                    FulfilmentStatus::Void => Quantity::ZERO,
                };
                let ships = shipped(fulfilment.status);
                since += ships - self.counted.get(fulfilment_id).map_or(Quantity::ZERO, |status| shipped(*status));
                let from = self.ships_from(fulfilment, network);
                match line.shipped.get(fulfilment_id) {
                    Some(done) if done.place == from || from == Place::Unassigned => {
                        line_steps.push(Kind::Unship, &done.place, done.quantity - ships, Some(*fulfilment_id));
                        to_ship.push((*fulfilment_id, done.place.clone(), ships - done.quantity));
                    }
                    Some(done) => {
                        line_steps.push(Kind::Unship, &done.place, done.quantity, Some(*fulfilment_id));
                        to_ship.push((*fulfilment_id, from, ships));
                    }
                    None => to_ship.push((*fulfilment_id, from, ships)),
                }
            }
            to_ship.retain(|(_, _, quantity)| quantity.is_positive());

            // A line the facts do not have any more has nothing open.
            let said = facts.lines.get(id).map_or(Quantity::ZERO, |said| said.open);
            let open = if facts.cancelled || !facts.confirmed { Quantity::ZERO } else { (said - since).at_least_zero() };
            let shipping: Quantity = to_ship.iter().map(|(_, _, quantity)| *quantity).sum();
            line_steps.reserve(open + shipping, &self.reserve_at(network));
            for (fulfilment, place, quantity) in to_ship {
                line_steps.ship(&place, quantity, fulfilment);
            }
        }
        steps
    }

    /// Notes that a step was made.
    pub fn apply(&mut self, step: &Step) {
        let line = self.lines.entry(step.line).or_default();
        let change = step.kind.change(step.quantity);
        let reserved = line.reserved.entry(step.place.clone()).or_default();
        *reserved += change.reserved;
        assert!(!reserved.is_negative(), "an order never gives back more than it reserved");
        if reserved.is_zero() {
            line.reserved.remove(&step.place);
        }
        if let Some(id) = step.fulfilment {
            let shipped =
                line.shipped.entry(id).or_insert_with(|| Shipped { place: step.place.clone(), quantity: Quantity::ZERO });
            shipped.quantity -= change.on_hand;
            if shipped.quantity.is_zero() {
                line.shipped.remove(&id);
            }
        }
    }
}

impl Row for OrderRecord {
    fn key(&self) -> Key {
        Self::key_of(&self.shop, self.order)
    }
}

/// Builds the steps of one line, keeping track of where its reservation stands in between.
struct LineSteps<'a> {
    id: LineId,
    sku: &'a Sku,
    reserved: BTreeMap<Place, Quantity>,
    steps: &'a mut Vec<Step>,
}

impl LineSteps<'_> {
    fn push(&mut self, kind: Kind, place: &Place, quantity: Quantity, fulfilment: Option<FulfilmentId>) {
        if !quantity.is_positive() {
            return;
        }
        *self.reserved.entry(place.clone()).or_default() += kind.change(quantity).reserved;
        self.steps.push(Step { line: self.id, sku: self.sku.clone(), kind, place: place.clone(), quantity, fulfilment });
    }

    /// Brings the whole reservation of the line to `wanted`.
    fn reserve(&mut self, wanted: Quantity, place: &Place) {
        let now: Quantity = self.reserved.values().copied().sum();
        self.push(Kind::Reserve, place, wanted - now, None);
        // Unassigned sorts first: units nobody has been asked to ship are given back before assigned ones.
        for (place, units) in self.take(now - wanted) {
            self.push(Kind::Release, &place, units, None);
        }
    }

    /// Ships from `place`, bringing the reservation there first.
    fn ship(&mut self, place: &Place, quantity: Quantity, fulfilment: FulfilmentId) {
        let here = self.reserved.remove(place).unwrap_or_default();
        for (from, units) in self.take(quantity - here) {
            self.push(Kind::AssignOut, &from, units, None);
            self.push(Kind::AssignIn, place, units, None);
        }
        *self.reserved.entry(place.clone()).or_default() += here;
        self.push(Kind::Ship, place, quantity, Some(fulfilment));
    }

    /// Which places give `units` of the reservation, in order. The reservation itself is left as it is.
    fn take(&self, units: Quantity) -> Vec<(Place, Quantity)> {
        let mut left = units.at_least_zero();
        let mut taken = Vec::new();
        for (place, reserved) in &self.reserved {
            let units = left.min(*reserved);
            if units.is_positive() {
                taken.push((place.clone(), units));
                left -= units;
            }
        }
        taken
    }
}
