//! The events of source systems: receipts and losses, counts, documents that open and close, and reports about orders of the
//! shop. They are often late and rarely in order.
//!
//! Worlds do not count items that the shop sells. The model would have to compare such a count with shipments of the same
//! second, and could not know their order. Unsold items are counted all the time.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use promissory::catalog::{LineId, LocationId, OrderId, Sku};
use promissory::ports::Clock;
use promissory::source::{DocumentKind, StockKind};
use promissory_fakes::oracle::change;
use promissory_fakes::shopify::{FulfilmentStatus, LocationId as ShopLocation, Order, OrderId as ShopOrder};

use super::World;
use super::build::{LOTS, RAW, SILENT, SOLD_AT_POS, SOLD_BY_LOT, number};
use super::stock_events::{CASE, EventBatch, Mapping, PALLET, SYSTEMS, SourceEvent};
use super::workshop::{KIT, KIT_OF};

/// A source document that events refer to.
#[derive(Debug, Clone)]
pub struct SourceDocument {
    reference: String,
    kind: DocumentKind,
    sku: Sku,
    at: LocationId,
    to: LocationId,
}

impl SourceDocument {
    /// A document about an item, from one location to another.
    pub fn new(reference: String, kind: DocumentKind, sku: Sku, (at, to): (LocationId, LocationId)) -> Self {
        Self { reference, kind, sku, at, to }
    }

    /// Whether the document starts at this location.
    pub fn is_from(&self, at: &LocationId) -> bool {
        self.at == *at
    }
}

/// The events that source systems have sent, and the batches in flight.
#[derive(Debug, Default)]
pub struct Sources {
    /// Every event sent so far. Of an id with two contents, both.
    pub events: Vec<SourceEvent>,
    /// Batches in flight.
    pub batches: Vec<EventBatch>,
    /// Batches that arrive days late.
    pub late: Vec<EventBatch>,
    /// Batches with an event that was refused because of a faulty row. Their system sends them again when the row is repaired.
    pub faulty: Vec<EventBatch>,
    /// Source documents.
    pub documents: Vec<SourceDocument>,
    /// Missing mappings.
    pub unmapped: Vec<Mapping>,
    /// Names of events whose id was sent with two contents.
    pub two_contents: BTreeSet<String>,
    /// Systems of which an event must have been refused, and systems of which an event may have been refused.
    pub refused: (BTreeSet<&'static str>, BTreeSet<&'static str>),
    /// The times of all events, in milliseconds. No two events share a time.
    pub moments: BTreeSet<i64>,
}

/// Kinds of events without a source document.
const PLAIN: [StockKind; 8] = [
    StockKind::Receipt,
    StockKind::Receipt,
    StockKind::ProductionCompleted,
    StockKind::ComponentIssue,
    StockKind::Adjustment,
    StockKind::Adjustment,
    StockKind::WriteOff,
    StockKind::CustomerReturn,
];

/// Kinds of events that never lower supply, if adjustments are positive.
const GROWING: [StockKind; 4] =
    [StockKind::Receipt, StockKind::ProductionCompleted, StockKind::Adjustment, StockKind::CustomerReturn];

/// Expiry dates: worlds begin on 2026-11-21, and a night passes in some.
const EXPIRES: [Date; 4] = [date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23), date(2027, 11, 21)];

fn kinds_of(kind: DocumentKind) -> &'static [StockKind] {
    match kind {
        DocumentKind::Ticket => &[StockKind::PosSale, StockKind::PosVoid, StockKind::PosPosting],
        DocumentKind::Transfer => &[StockKind::TransferOut, StockKind::TransferIn, StockKind::TransferLoss],
        DocumentKind::QualityHold => &[StockKind::QualityHold, StockKind::QualityRelease],
        DocumentKind::Outbound => &[
            StockKind::Allocation,
            StockKind::Deallocation,
            StockKind::Shipment,
            StockKind::WholesaleAllocation,
            StockKind::WholesaleRelease,
        ],
    }
}

impl World {
    /// Sends a batch of random events.
    pub(super) fn source_sends_batch(&mut self) {
        // Levels of a shop that is going live need settled stock before they can be initialised, so events are rarer there.
        if !self.config.initialised && self.rng.per_mille(600) {
            return;
        }
        let system = *self.rng.pick(&SYSTEMS);
        let events: Vec<SourceEvent> = (0..self.rng.up_to(6)).filter_map(|_| self.source_event(system)).collect();
        if !events.is_empty() {
            self.send_batch(system, events);
        }
    }

    /// A random event of a system.
    pub fn source_event(&mut self, system: &'static str) -> Option<SourceEvent> {
        match self.rng.below(10) {
            0..3 => self.some_order().and_then(|order| self.order_event(system, order)),
            3..7 => Some(self.document_event(system)),
            _ => Some(self.plain_event(system)),
        }
    }

    /// An event with default properties.
    pub fn event(&mut self, system: &'static str, kind: StockKind, (sku, at): (Sku, LocationId), units: i64) -> SourceEvent {
        let id = (self.sources.events.len() + self.sources.moments.len() + 1).to_string();
        let (to, reference, due, lot, expires, by_lot, order, of_kit, unit) = Default::default();
        let occurred_at = self.moment(0);
        let amount = units.to_string();
        SourceEvent {
            system,
            id,
            kind,
            sku,
            at,
            to,
            units,
            occurred_at,
            reference,
            due,
            lot,
            expires,
            by_lot,
            order,
            of_kit,
            unit,
            amount,
        }
    }

    /// A time before now by the given milliseconds, at which no other event happened.
    fn moment(&mut self, ago: i64) -> jiff::Timestamp {
        // A process with a slow clock treats a newer event as happening now, and a count as older than it is. The margin avoids
        // that.
        let margin = if self.config.skew > 0 { 12 * 60 * 1_000 } else { 0 };
        let mut at = self.clock.now().as_millisecond() - margin - ago - 1;
        while !self.sources.moments.insert(at) {
            at -= 1;
        }
        jiff::Timestamp::from_millisecond(at).expect("a simulated time is in range")
    }

    /// An event with random time, unit and lot.
    pub(super) fn random_event(
        &mut self,
        system: &'static str,
        kind: StockKind,
        of: (Sku, LocationId),
        units: i64,
    ) -> SourceEvent {
        let sku = of.0.clone();
        let mut event = self.event(system, kind, of, units);
        let ago = match self.rng.below(10) {
            0..5 => 0,
            5..8 => self.rng.up_to(10 * 60 * 1_000),
            _ => self.rng.up_to(6 * 60 * 60 * 1_000),
        };
        event.occurred_at = self.moment(ago);
        let unit = match (system, self.rng.below(20)) {
            ("wms", 0..5) => Some(("case", CASE)),
            ("tpl", 0..3) => Some(("pallet", PALLET)),
            _ => None,
        };
        // Sold items rarely leave by the pallet, so that some stock stays for customers.
        let goes = change(kind, units) <= 0 && !self.unsold.contains(&sku) && self.rng.per_mille(700);
        if let Some((unit, factor)) = unit.filter(|_| !goes) {
            (event.unit, event.units) = (Some(unit), units * factor);
            if self.rng.per_mille(200) {
                (event.units, event.amount) = (factor / 2, "0.5".to_owned());
            }
        }
        if self.rng.per_mille(self.config.flawed_events / 2) {
            (event.unit, event.amount) = (None, "1.5".to_owned());
        }
        event.by_lot = self.is_by_lot(&sku);
        if event.by_lot && self.rng.per_mille(600) {
            let lot = self.rng.up_to(3);
            event.lot = Some(format!("L{lot}"));
            // The first lot expires within a day or two, the second is good, and the third has no date.
            event.expires = (lot < 3 && self.rng.per_mille(700)).then(|| EXPIRES[if lot == 1 { self.rng.below(3) } else { 3 }]);
        }
        event
    }

    /// Whether an item is kept by lot.
    pub fn is_by_lot(&self, sku: &Sku) -> bool {
        sku.as_str() == LOTS || (self.config.sold_by_lot && sku.as_str() == SOLD_BY_LOT)
    }

    fn some_item(&self) -> (Sku, bool) {
        if self.rng.per_mille(400) {
            let sold = &self.rng.pick(&self.items).0.sku;
            return (if sold.as_str() == SILENT { self.items[0].0.sku.clone() } else { sold.clone() }, true);
        }
        (self.rng.pick(&self.unsold).clone(), false)
    }

    fn plain_event(&mut self, system: &'static str) -> SourceEvent {
        let ((sku, is_sold), at) = (self.some_item(), self.rng.pick(&self.codes).0.clone());
        let grows = is_sold && self.config.only_grows;
        if (sku.as_str() == RAW || sku.as_str() == SOLD_AT_POS) && self.rng.per_mille(400) {
            let kind = if sku.as_str() == RAW && self.rng.per_mille(600) { StockKind::Count } else { StockKind::Balance };
            let units = self.rng.up_to(15) - 1;
            return self.random_event(system, kind, (sku, at), units);
        }
        let kind = if grows { *self.rng.pick(&GROWING) } else { *self.rng.pick(&PLAIN) };
        let mut units = self.rng.up_to(6);
        if kind == StockKind::Adjustment && !grows && self.rng.per_mille(400) {
            units = -units;
        }
        let mut event = self.random_event(system, kind, (sku, at), units);
        if kind == StockKind::Adjustment && units < 0 && event.units > 0 {
            (event.units, event.unit, event.amount) = (units, None, units.to_string());
        }
        event
    }

    /// An event that opens or closes a document, in part or in excess. A document may be closed before it is opened.
    fn document_event(&mut self, system: &'static str) -> SourceEvent {
        let document = if self.sources.documents.is_empty() || self.rng.per_mille(400) {
            let Some(document) = self.new_document() else { return self.plain_event(system) };
            self.sources.documents.push(document.clone());
            document
        } else {
            self.rng.pick(&self.sources.documents).clone()
        };
        let (kind, units) = (*self.rng.pick(kinds_of(document.kind)), self.rng.up_to(4));
        self.event_of(system, &document, kind, units)
    }

    /// An event of a document.
    pub fn event_of(&mut self, system: &'static str, document: &SourceDocument, kind: StockKind, units: i64) -> SourceEvent {
        let there = matches!(kind, StockKind::TransferIn | StockKind::TransferLoss);
        let at = if there { document.to.clone() } else { document.at.clone() };
        let mut event = self.random_event(system, kind, (document.sku.clone(), at), units);
        let unnamed = document.kind == DocumentKind::QualityHold && self.rng.per_mille(200);
        event.reference = (!unnamed).then(|| document.reference.clone());
        event.to = (kind == StockKind::TransferOut).then(|| document.to.clone());
        event
    }

    fn new_document(&mut self) -> Option<SourceDocument> {
        let (sku, is_sold) = self.some_item();
        if is_sold && self.config.only_grows {
            return None;
        }
        let kind =
            *self.rng.pick(&[DocumentKind::Ticket, DocumentKind::Transfer, DocumentKind::QualityHold, DocumentKind::Outbound]);
        // A POS sale reduces the stock that a count finds when it is made, not when the POS posts it. The model does not know
        // that time.
        let kind = if kind == DocumentKind::Ticket && sku.as_str() == RAW { DocumentKind::Transfer } else { kind };
        Some(self.document(kind, sku))
    }

    /// A new document.
    pub fn document(&self, kind: DocumentKind, sku: Sku) -> SourceDocument {
        let from = self.rng.below(self.codes.len());
        let (at, to) = (self.codes[from].0.clone(), self.codes[(from + 1) % self.codes.len()].0.clone());
        SourceDocument::new(format!("P-{}", self.sources.documents.len() + 1), kind, sku, (at, to))
    }

    /// A report of a warehouse about an order of the shop. Of a kit, it mostly reports a component.
    pub(super) fn order_event(&mut self, system: &'static str, order: ShopOrder) -> Option<SourceEvent> {
        let kinds: &[StockKind] = if self.config.only_grows {
            &[StockKind::Allocation, StockKind::Allocation, StockKind::Deallocation]
        } else {
            &[
                StockKind::Allocation,
                StockKind::Allocation,
                StockKind::Deallocation,
                StockKind::Shipment,
                StockKind::Shipment,
                StockKind::Shipment,
                StockKind::Shipment,
                StockKind::CustomerReturn,
            ]
        };
        let kind = *self.rng.pick(kinds);
        let (line, sku, most, shipping_location) = {
            let shop = self.ports.shop();
            let order = shop.order(order)?;
            let lines: Vec<_> = order.lines.iter().filter(|line| line.tracked && self.sku_of(line.item).is_some()).collect();
            if lines.is_empty() {
                return None;
            }
            let line = *self.rng.pick(&lines);
            (line.id, self.sku_of(line.item)?.clone(), line.quantity.clamp(1, 3), shipping_location(order, line.id))
        };
        let units = self.rng.up_to(most);
        let elsewhere = self.rng.per_mille(150);
        let at = if elsewhere { None } else { shipping_location.and_then(|shipping_location| self.code_of(shipping_location)) };
        let at = at.unwrap_or_else(|| self.rng.pick(&self.codes).0.clone());
        let of_line = (number(order.0), number(line.0));
        if sku.as_str() == KIT && self.rng.per_mille(850) {
            let (component, per) = *self.rng.pick(&KIT_OF);
            let mut event = self.report(system, kind, of_line, (super::workshop::sku(component), at), units * per);
            event.of_kit = true;
            self.coverage.note("component of a kit reported");
            return Some(event);
        }
        Some(self.report(system, kind, of_line, (sku, at), units))
    }

    /// A report about a line of an order.
    pub fn report(
        &mut self,
        system: &'static str,
        kind: StockKind,
        (order, line): (u64, u64),
        of: (Sku, LocationId),
        units: i64,
    ) -> SourceEvent {
        let mut event = self.event(system, kind, of, units);
        event.order = Some((OrderId::new(order), LineId::new(line)));
        event
    }

    /// Our code of a location of the shop.
    pub fn code_of(&self, location: ShopLocation) -> Option<LocationId> {
        self.codes.iter().find(|(_, id)| *id == location).map(|(code, _)| code.clone())
    }
}

/// The location that ships a line, or that the shop has routed it to.
pub fn shipping_location(order: &Order, line: promissory_fakes::shopify::LineId) -> Option<ShopLocation> {
    let made = order.fulfilments.iter().filter(|made| made.status == FulfilmentStatus::Success);
    let made = made.filter(|made| made.lines.iter().any(|(of, _)| *of == line)).map(|made| made.location).next();
    let routed = order.fulfilment_orders.iter().filter(|routed| routed.lines.iter().any(|of| of.line == line));
    made.or_else(|| routed.map(|routed| routed.location).next_back())
}
