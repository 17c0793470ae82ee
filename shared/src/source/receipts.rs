//! Scheduled receipts of an item: purchase orders and production runs, by document.
//!
//! A schedule event gives the total quantity of its document and the due date; the newest one applies. Receipts, completions
//! and component issues that name the document count towards it at once, whichever event arrives first, so that no unit is
//! both on hand and still to come. Old entries are kept for long, so that a promise of the past can be explained.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Quantity, Sku, day_of};
use crate::movement::EventId;
use crate::source::kind::ReceiptEffect;
use crate::source::{StockEvent, StockKind};

/// The scheduled receipts of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledReceipts {
    /// The item.
    pub sku: Sku,
    /// The documents, by the reference that every system uses.
    pub documents: BTreeMap<String, ReceiptDocument>,
}

/// The events of one document about one item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReceiptDocument {
    /// Its schedule events, ordered by the time from which they apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule_events: Vec<ScheduleEvent>,
    /// Received or completed units, by the time they were recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<RecordedUnits>,
    /// Units of the item that were issued to the production run of this reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issued: Vec<RecordedUnits>,
}

/// One schedule event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEvent {
    /// The time from which it applies, by the system's clock.
    pub as_of: Timestamp,
    /// The event.
    pub event: EventId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// A purchase order or a production run.
    pub kind: StockKind,
    /// Where it is to come.
    pub location: LocationId,
    /// The total quantity, received units included. Zero means that the document is cancelled.
    pub quantity: Quantity,
    /// The day on which the last units are expected, if the event names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
}

/// A number of units, and when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedUnits {
    /// When it was recorded.
    pub at: Timestamp,
    /// The number of units.
    pub quantity: Quantity,
}

/// The open rest of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledReceipt {
    /// The document.
    pub reference: String,
    /// A purchase order or a production run.
    pub kind: StockKind,
    /// Where it is to come.
    pub location: LocationId,
    /// The total quantity.
    pub quantity: Quantity,
    /// Units that have not been received yet. Always positive.
    pub left: Quantity,
    /// The expected day. `None` when neither the document nor a supplier's lead time gives one.
    pub due: Option<Date>,
}

impl ReceiptDocument {
    /// The most schedule events of one document that are kept. The newest are kept.
    const MAX_SCHEDULE_EVENTS: usize = 30;
    /// The most receipts of one document that are kept apart. Older ones are added up.
    const MAX_RECEIVED: usize = 60;

    /// Units received or completed.
    #[must_use]
    pub fn received(&self) -> Quantity {
        self.received.iter().map(|units| units.quantity).sum()
    }

    /// Units of the item that were issued to the run.
    #[must_use]
    pub fn issued(&self) -> Quantity {
        self.issued.iter().map(|units| units.quantity).sum()
    }

    /// Whether the newest schedule event leaves nothing to be received.
    fn is_closed(&self) -> bool {
        self.schedule_events.last().is_none_or(|newest| newest.quantity <= self.received())
    }

    fn last_recorded(&self) -> Option<Timestamp> {
        let units = self.received.iter().chain(&self.issued).map(|units| units.at);
        units.chain(self.schedule_events.iter().map(|event| event.recorded_at)).max()
    }

    fn add_schedule_event(&mut self, new: ScheduleEvent) {
        let place = self.schedule_events.partition_point(|known| (known.as_of, &known.event) < (new.as_of, &new.event));
        self.schedule_events.insert(place, new);
        if self.schedule_events.len() > Self::MAX_SCHEDULE_EVENTS {
            self.schedule_events.remove(0);
        }
    }

    fn as_of(&self, time: Timestamp) -> Self {
        let until = |units: &[RecordedUnits]| units.iter().copied().filter(|units| units.at <= time).collect();
        let schedule_events = self.schedule_events.iter().filter(|event| event.recorded_at <= time).cloned().collect();
        Self { schedule_events, received: until(&self.received), issued: until(&self.issued) }
    }
}

fn add(to: &mut Vec<RecordedUnits>, units: RecordedUnits) {
    to.push(units);
    if to.len() > ReceiptDocument::MAX_RECEIVED {
        let oldest = to.remove(0);
        if let Some(next) = to.first_mut() {
            next.quantity += oldest.quantity;
        }
    }
}

impl ScheduledReceipts {
    /// The most documents of one item that still have units to be received.
    pub const MAX_DOCUMENTS: usize = 300;

    /// An item without a scheduled receipt.
    #[must_use]
    pub fn none(sku: Sku) -> Self {
        Self { sku, documents: BTreeMap::new() }
    }

    /// Whether an event changes the scheduled receipts of its item.
    #[must_use]
    pub fn are_changed_by(stock: &StockEvent) -> bool {
        stock.reference.is_some() && stock.kind.properties().receipt.is_some()
    }

    /// Records an event of `quantity` units at `location`. Returns `false` when there is no room for another document.
    #[must_use]
    pub fn record(&mut self, stock: &StockEvent, location: &LocationId, quantity: Quantity, now: Timestamp) -> bool {
        let (Some(reference), Some(event)) = (&stock.reference, stock.kind.properties().receipt) else { return true };
        if !self.documents.contains_key(reference) && !self.make_room() {
            return false;
        }
        let document = self.documents.entry(reference.clone()).or_default();
        match event {
            ReceiptEffect::Schedules => document.add_schedule_event(ScheduleEvent {
                as_of: stock.occurred_at,
                event: stock.id.clone(),
                recorded_at: now,
                kind: stock.kind,
                location: location.clone(),
                quantity,
                due: stock.due,
            }),
            ReceiptEffect::Receives => add(&mut document.received, RecordedUnits { at: now, quantity }),
            ReceiptEffect::Issues => add(&mut document.issued, RecordedUnits { at: now, quantity }),
        }
        true
    }

    /// Makes room for one more document by removing the closed document with the oldest entry.
    fn make_room(&mut self) -> bool {
        if self.documents.len() < Self::MAX_DOCUMENTS {
            return true;
        }
        let closed = self.documents.iter().filter(|(_, document)| document.is_closed());
        let oldest = closed.min_by_key(|(_, document)| document.last_recorded()).map(|(reference, _)| reference.clone());
        oldest.is_some_and(|oldest| self.documents.remove(&oldest).is_some())
    }

    /// The scheduled receipts as they were recorded by `time`.
    #[must_use]
    pub fn as_of(&self, time: Timestamp) -> Self {
        let documents = self.documents.iter().map(|(reference, document)| (reference.clone(), document.as_of(time)));
        Self {
            sku: self.sku.clone(),
            documents: documents.filter(|(_, document)| *document != ReceiptDocument::default()).collect(),
        }
    }

    /// The open receipts, one per document. A document without a due date is due `supplier_days` after its first schedule
    /// event.
    #[must_use]
    pub fn incoming(&self, supplier_days: Option<u16>) -> Vec<ScheduledReceipt> {
        let open = self.documents.iter().filter_map(|(reference, document)| {
            let (first, newest) = (document.schedule_events.first()?, document.schedule_events.last()?);
            let left = newest.quantity - document.received();
            let lead = || {
                let ordered = day_of(first.as_of);
                supplier_days.and_then(|days| ordered.checked_add(jiff::Span::new().days(days)).ok())
            };
            left.is_positive().then(|| ScheduledReceipt {
                reference: reference.clone(),
                kind: newest.kind,
                location: newest.location.clone(),
                quantity: newest.quantity,
                left,
                due: newest.due.or_else(lead),
            })
        });
        open.collect()
    }

    /// Units of the item that were issued to each run.
    #[must_use]
    pub fn issued(&self) -> BTreeMap<String, Quantity> {
        let issued = self.documents.iter().map(|(reference, document)| (reference.clone(), document.issued()));
        issued.filter(|(_, units)| !units.is_zero()).collect()
    }
}
