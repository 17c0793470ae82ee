//! Scheduled receipts of an item: purchase orders and production runs, by document.
//!
//! A schedule event gives the total quantity and the due date of its document, or of one line of it; the newest one applies.
//! Receipts, completions and component issues that name the document count towards it at once, whichever event arrives first, so
//! that no unit is both on hand and still to come. An adjustment that names the document takes them back: units of a reversed
//! receipt are to come again, and components that a run gave back are owed to it again. Old entries are kept for long, so that a
//! promise of the past can be explained.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Quantity, Sku, day_of};
use crate::movement::EventId;
use crate::source::kind::ReceiptEffect;
use crate::source::{StockEvent, StockKind};

/// How long after a completion its components may be posted. Until then they are kept for the run.
pub const POSTING_DAYS: u32 = 3;

/// The scheduled receipts of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledReceipts {
    /// The item.
    pub sku: Sku,
    /// The documents, by the reference that every system uses.
    pub documents: BTreeMap<String, ReceiptDocument>,
    /// The day on which components of this item were last issued without the name of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_issue: Option<Date>,
    /// Kits that are recorded as put together without a movement: they had left whole, and what came back for them was components.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub unmoved_kits: Quantity,
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
    /// Units that adjustments which name the document added (above zero) or took off (below zero). They correct the received
    /// units of the document, or the issued units if the item is a component of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjusted: Vec<RecordedUnits>,
}

/// One schedule event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEvent {
    /// The time from which it applies, by the system's clock.
    pub as_of: Timestamp,
    /// The event.
    pub event: EventId,
    /// The line of the document, if the event names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
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

impl ScheduleEvent {
    /// What it says of its line.
    fn content(&self) -> (&'static str, LocationId, Quantity, Option<Date>) {
        (self.kind.name(), self.location.clone(), self.quantity, self.due)
    }
}

/// Whether two versions of a line say the same.
fn say_the_same(one: &[&ScheduleEvent], other: &[&ScheduleEvent]) -> bool {
    let contents = |version: &[&ScheduleEvent]| {
        let mut contents: Vec<_> = version.iter().map(|event| event.content()).collect();
        contents.sort_unstable();
        contents
    };
    one.len() == other.len() && contents(one) == contents(other)
}

/// A number of units, and when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedUnits {
    /// When it was recorded.
    pub at: Timestamp,
    /// The number of units.
    pub quantity: Quantity,
}

/// Units of a run that were completed a short time ago, and whose components may not be posted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedRun {
    /// The run.
    pub reference: String,
    /// Where the units were completed; `None` for kits, whose components leave from any location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
    /// All completed units of the run.
    pub total: Quantity,
    /// The latest completions; of kits, all that are recorded.
    pub recent: Vec<RecordedUnits>,
}

/// The open rest of a document, or of one line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledReceipt {
    /// The document.
    pub reference: String,
    /// The line, if the document names its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// A purchase order or a production run.
    pub kind: StockKind,
    /// Where it is to come.
    pub location: LocationId,
    /// The total quantity of the line.
    pub quantity: Quantity,
    /// Units of the line that have not been received yet. Always positive.
    pub left: Quantity,
    /// Units of the whole document that were received.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub received: Quantity,
    /// The expected day. `None` when neither the document nor a supplier's lead time gives one.
    pub due: Option<Date>,
}

impl ReceiptDocument {
    /// The most schedule events of one document that are kept for a promise of the past. Events that apply now are always kept.
    const MAX_SCHEDULE_EVENTS: usize = 30;
    /// The most lines of one document.
    pub const MAX_LINES: usize = 100;
    /// The most receipts of one document that are kept apart. Older ones are added up.
    const MAX_RECEIVED: usize = 60;

    /// Units received or completed, less those that were taken back.
    #[must_use]
    pub fn received(&self) -> Quantity {
        let back = if self.is_receipt() { total(&self.adjusted) } else { Quantity::ZERO };
        (total(&self.received) + back).at_least_zero()
    }

    /// Units of the item that were issued to the run, less those that it gave back.
    #[must_use]
    pub fn issued(&self) -> Quantity {
        let back = if self.is_receipt() { Quantity::ZERO } else { total(&self.adjusted) };
        (total(&self.issued) - back).at_least_zero()
    }

    /// Whether the item is to come with this document. Otherwise it is a component of the run.
    fn is_receipt(&self) -> bool {
        !self.schedule_events.is_empty() || !self.received.is_empty()
    }

    /// The schedule events that apply. When the newest event names its line, the newest event of each line applies. When it
    /// names none, all events of its moment apply: they are the lines of one version.
    fn lines(&self) -> Vec<&ScheduleEvent> {
        let Some(newest) = self.schedule_events.last() else { return Vec::new() };
        if newest.line.is_none() {
            let of_version = self.schedule_events.iter().filter(|event| event.line.is_none() && event.as_of == newest.as_of);
            return of_version.collect();
        }
        let named = self.schedule_events.iter().filter_map(|event| Some((event.line.as_ref()?, event)));
        named.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The newest schedule event, which a later statement of the document must follow.
    #[must_use]
    pub fn newest(&self) -> Option<&ScheduleEvent> {
        self.schedule_events.last()
    }

    /// Whether the schedule events that apply leave nothing to be received.
    fn is_closed(&self) -> bool {
        self.lines().iter().map(|line| line.quantity).sum::<Quantity>() <= self.received()
    }

    fn last_recorded(&self) -> Option<Timestamp> {
        let units = self.received.iter().chain(&self.issued).chain(&self.adjusted).map(|units| units.at);
        units.chain(self.schedule_events.iter().map(|event| event.recorded_at)).max()
    }

    /// Adds a schedule event. Returns `false` when the document has too many lines.
    fn add_schedule_event(&mut self, new: ScheduleEvent) -> bool {
        let place = self.schedule_events.partition_point(|known| (known.as_of, &known.event) < (new.as_of, &new.event));
        self.schedule_events.insert(place, new);
        self.forget_repeats();
        if self.schedule_events.len() <= Self::MAX_SCHEDULE_EVENTS {
            return true;
        }
        let in_force: BTreeSet<EventId> = self.lines().into_iter().map(|line| line.event.clone()).collect();
        match self.schedule_events.iter().position(|event| !in_force.contains(&event.event)) {
            Some(oldest) => drop(self.schedule_events.remove(oldest)),
            None if self.schedule_events.len() > Self::MAX_LINES => return false,
            None => {}
        }
        true
    }

    /// Removes each schedule event between two others that say the same of its line: an ERP may report every open document again in
    /// every night. Events without a line are compared by version. The first one stays, as it tells since when this is known.
    fn forget_repeats(&mut self) {
        let mut of_lines: BTreeMap<Option<&str>, BTreeMap<Timestamp, Vec<&ScheduleEvent>>> = BTreeMap::new();
        for event in &self.schedule_events {
            of_lines.entry(event.line.as_deref()).or_default().entry(event.as_of).or_default().push(event);
        }
        let mut repeats: BTreeSet<EventId> = BTreeSet::new();
        for versions in of_lines.values() {
            let versions: Vec<&Vec<&ScheduleEvent>> = versions.values().collect();
            for three in versions.windows(3) {
                let [before, version, after] = three else { continue };
                if say_the_same(before, version) && say_the_same(version, after) {
                    repeats.extend(version.iter().map(|event| event.event.clone()));
                }
            }
        }
        self.schedule_events.retain(|event| !repeats.contains(&event.event));
    }

    /// The events that are superseded, and when each was recorded.
    fn superseded(&self) -> impl Iterator<Item = (Timestamp, EventId)> {
        let in_force: BTreeSet<&EventId> = self.lines().into_iter().map(|line| &line.event).collect();
        let superseded = self.schedule_events.iter().filter(move |event| !in_force.contains(&event.event));
        superseded.map(|event| (event.recorded_at, event.event.clone()))
    }

    /// The number of entries.
    fn entries(&self) -> usize {
        self.schedule_events.len() + self.units()
    }

    /// The number of entries about units.
    fn units(&self) -> usize {
        self.received.len() + self.issued.len() + self.adjusted.len()
    }

    /// Adds the older half of the entries about units up.
    fn add_up_units(&mut self) {
        for units in [&mut self.received, &mut self.issued, &mut self.adjusted] {
            let older = units.len() / 2;
            let sum = total(&units[..older]);
            units.drain(..older);
            if let Some(next) = units.first_mut() {
                next.quantity += sum;
            }
        }
    }

    /// Removes the schedule event of this id. Returns whether there was one.
    fn withdraw(&mut self, event: &EventId) -> bool {
        let before = self.schedule_events.len();
        self.schedule_events.retain(|known| known.event != *event);
        self.schedule_events.len() < before
    }

    fn as_of(&self, time: Timestamp) -> Self {
        let until = |units: &[RecordedUnits]| units.iter().copied().filter(|units| units.at <= time).collect();
        let schedule_events = self.schedule_events.iter().filter(|event| event.recorded_at <= time).cloned().collect();
        let (received, issued, adjusted) = (until(&self.received), until(&self.issued), until(&self.adjusted));
        Self { schedule_events, received, issued, adjusted }
    }
}

fn total(units: &[RecordedUnits]) -> Quantity {
    units.iter().map(|units| units.quantity).sum()
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

/// The number of the span of six hours that a time is in.
fn hours_of_kits(at: Timestamp) -> i64 {
    at.as_second().div_euclid(6 * 3_600)
}

/// Adds kits, or components that went into kits. The kits of some hours are one entry. What is older than all posting days counts as
/// posted, and is removed two days later: a component may be reported on the day before its kit is complete.
fn add_of_kits(to: &mut Vec<RecordedUnits>, units: RecordedUnits) {
    let of = |units: &RecordedUnits| hours_of_kits(units.at);
    let place = to.partition_point(|known| of(known) < of(&units));
    match to.get_mut(place).filter(|known| of(known) == of(&units)) {
        Some(known) => *known = RecordedUnits { at: known.at.max(units.at), quantity: known.quantity + units.quantity },
        None => to.insert(place, units),
    }
    let newest = to.last().map_or(units.at, |newest| newest.at);
    let kept = Duration::from_secs(24 * 3_600) * (POSTING_DAYS + 2);
    to.retain(|known| known.at.saturating_add(kept).is_ok_and(|until| until >= newest));
}

/// Why an event about a document cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// The item has [`ScheduledReceipts::MAX_DOCUMENTS`] open documents.
    Documents,
    /// The document has [`ReceiptDocument::MAX_LINES`] lines.
    Lines,
    /// The item has [`ScheduledReceipts::MAX_ENTRIES`] entries that are needed.
    Entries,
}

impl ScheduledReceipts {
    /// The most documents of one item that still have units to be received.
    pub const MAX_DOCUMENTS: usize = 300;
    /// The most entries of all documents of one item. Their row has room for about as many.
    pub const MAX_ENTRIES: usize = 4_000;

    /// What the references of all kits begin with.
    const KITS_OF: &str = "kits of ";

    /// The reference under which the kits of an item that were put together, and the components that went into them, are recorded.
    #[must_use]
    pub fn kits_of(sku: &Sku) -> String {
        format!("{}{sku}", Self::KITS_OF)
    }

    /// Records kits that were put together to be shipped, or (below zero) kits of that time that did not ship after all. Kits that
    /// were put together later are of other orders.
    pub fn put_together(&mut self, kits: Quantity, at: Timestamp) {
        let known = &mut self.documents.entry(Self::kits_of(&self.sku)).or_default().received;
        if kits.is_positive() {
            return add_of_kits(known, RecordedUnits { at, quantity: kits });
        }
        let mut left = -kits;
        for latest in known.iter_mut().rev().filter(|known| hours_of_kits(known.at) <= hours_of_kits(at)) {
            let units = latest.quantity.min(left);
            latest.quantity -= units;
            left -= units;
        }
        known.retain(|of| of.quantity.is_positive());
    }

    /// Takes up to `kits` off the kits that are recorded without a movement, and returns how many.
    pub fn take_unmoved_kits(&mut self, kits: Quantity) -> Quantity {
        let taken = kits.min(self.unmoved_kits);
        self.unmoved_kits -= taken;
        taken
    }

    /// An item without a scheduled receipt.
    #[must_use]
    pub fn none(sku: Sku) -> Self {
        Self { sku, documents: BTreeMap::new(), unnamed_issue: None, unmoved_kits: Quantity::ZERO }
    }

    /// Whether an event changes the scheduled receipts of its item.
    #[must_use]
    pub fn are_changed_by(stock: &StockEvent) -> bool {
        match stock.kind.properties().receipt {
            // An issue without the name of a run shows that this component is not issued by run.
            Some(ReceiptEffect::Issues) => true,
            Some(ReceiptEffect::Schedules | ReceiptEffect::Receives | ReceiptEffect::TakesBack) => stock.reference.is_some(),
            None => false,
        }
    }

    /// Records an event of `quantity` units at `location`.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn record(
        &mut self,
        stock: &StockEvent,
        location: &LocationId,
        quantity: Quantity,
        now: Timestamp,
    ) -> Result<(), NoRoom> {
        let Some(event) = stock.kind.properties().receipt else { return Ok(()) };
        let Some(reference) = &stock.reference else {
            self.unnamed_issue = self.unnamed_issue.max(Some(day_of(now)));
            return Ok(());
        };
        if !self.documents.contains_key(reference) && !self.make_room() {
            return Err(NoRoom::Documents);
        }
        let document = self.documents.entry(reference.clone()).or_default();
        let units = RecordedUnits { at: now, quantity };
        match event {
            ReceiptEffect::Schedules => {
                let new = ScheduleEvent {
                    as_of: stock.occurred_at,
                    event: stock.id.clone(),
                    line: stock.line.clone(),
                    recorded_at: now,
                    kind: stock.kind,
                    location: location.clone(),
                    quantity,
                    due: stock.due,
                };
                if !document.add_schedule_event(new) {
                    return Err(NoRoom::Lines);
                }
            }
            ReceiptEffect::Receives => add(&mut document.received, units),
            ReceiptEffect::Issues if reference.starts_with(Self::KITS_OF) => {
                add_of_kits(&mut document.issued, RecordedUnits { at: stock.occurred_at, quantity });
            }
            ReceiptEffect::Issues => add(&mut document.issued, units),
            ReceiptEffect::TakesBack => add(&mut document.adjusted, units),
        }
        if self.keep_within_bounds() { Ok(()) } else { Err(NoRoom::Entries) }
    }

    /// Removes history while there are too many entries: the oldest superseded schedule events first, then the oldest entries about
    /// units are added up, and last the closed documents are removed. Returns whether that was enough.
    fn keep_within_bounds(&mut self) -> bool {
        let entries =
            |documents: &BTreeMap<String, ReceiptDocument>| documents.values().map(ReceiptDocument::entries).sum::<usize>();
        let excess = entries(&self.documents).saturating_sub(Self::MAX_ENTRIES);
        if excess == 0 {
            return true;
        }
        let mut superseded: Vec<(Timestamp, EventId)> = self.documents.values().flat_map(ReceiptDocument::superseded).collect();
        superseded.sort_unstable();
        superseded.truncate(excess);
        let oldest: BTreeSet<EventId> = superseded.into_iter().map(|(_, event)| event).collect();
        for document in self.documents.values_mut() {
            document.schedule_events.retain(|event| !oldest.contains(&event.event));
        }
        while entries(&self.documents) > Self::MAX_ENTRIES {
            let most = self.documents.iter_mut().filter(|(reference, _)| !reference.starts_with(Self::KITS_OF));
            let most = most.map(|(_, document)| document).max_by_key(|document| document.units());
            if let Some(document) = most.filter(|document| document.units() > 3) {
                document.add_up_units();
            } else if !self.remove_oldest_closed() {
                return false;
            }
        }
        true
    }

    /// Removes the schedule event of this id from its document. Returns whether there was one.
    pub fn withdraw(&mut self, event: &EventId) -> bool {
        let found = self.documents.values_mut().any(|document| document.withdraw(event));
        self.documents.retain(|_, document| *document != ReceiptDocument::default());
        found
    }

    /// Makes room for one more document by removing the closed document with the oldest entry.
    fn make_room(&mut self) -> bool {
        self.documents.len() < Self::MAX_DOCUMENTS || self.remove_oldest_closed()
    }

    /// Removes the closed document with the oldest entry. Returns whether there was one.
    fn remove_oldest_closed(&mut self) -> bool {
        let closed = self.documents.iter().filter(|(_, document)| document.is_closed());
        let oldest = closed.min_by_key(|(_, document)| document.last_recorded()).map(|(reference, _)| reference.clone());
        oldest.is_some_and(|oldest| self.documents.remove(&oldest).is_some())
    }

    /// The scheduled receipts as they were recorded by `time`.
    #[must_use]
    pub fn as_of(&self, time: Timestamp) -> Self {
        let documents = self.documents.iter().map(|(reference, document)| (reference.clone(), document.as_of(time)));
        Self {
            documents: documents.filter(|(_, document)| *document != ReceiptDocument::default()).collect(),
            unnamed_issue: self.unnamed_issue.filter(|day| *day <= day_of(time)),
            ..Self::none(self.sku.clone())
        }
    }

    /// The open receipts, one per document and line. What was received counts towards the line that is due first. A document
    /// without a due date is due `supplier_days` after its first schedule event.
    #[must_use]
    pub fn incoming(&self, supplier_days: Option<u16>) -> Vec<ScheduledReceipt> {
        let mut open = Vec::new();
        for (reference, document) in &self.documents {
            let Some(first) = document.schedule_events.first() else { continue };
            let ordered = day_of(first.as_of);
            let lead = supplier_days.and_then(|days| ordered.checked_add(jiff::Span::new().days(days)).ok());
            let mut lines: Vec<(Option<Date>, &ScheduleEvent)> =
                document.lines().into_iter().map(|line| (line.due.or(lead), line)).collect();
            lines.sort_by_key(|(due, line)| (due.is_none(), *due, &line.line, &line.event));
            let received = document.received();
            let mut uncounted = received;
            for (due, line) in lines {
                let here = uncounted.min(line.quantity);
                uncounted -= here;
                let left = line.quantity - here;
                if left.is_positive() {
                    open.push(ScheduledReceipt {
                        reference: reference.clone(),
                        line: line.line.clone(),
                        kind: line.kind,
                        location: line.location.clone(),
                        quantity: line.quantity,
                        left,
                        received,
                        due,
                    });
                }
            }
        }
        open
    }

    /// The runs that completed units in the [`POSTING_DAYS`] days before the newest completion of the item, and the recorded kits. The
    /// present day has no part in this, so that the answer changes only when something is recorded.
    #[must_use]
    pub fn completed(&self) -> Vec<CompletedRun> {
        let newest = self.documents.values().flat_map(|document| &document.received).map(|units| units.at).max();
        let Some(newest) = newest else { return Vec::new() };
        let since = day_of(newest).saturating_sub(jiff::Span::new().days(POSTING_DAYS));
        let kits = Self::kits_of(&self.sku);
        let runs = self.documents.iter().filter_map(|(reference, document)| {
            let run = document.newest().filter(|newest| newest.kind == StockKind::ProductionRun);
            if run.is_none() && *reference != kits {
                return None;
            }
            let is_recent = |units: &&RecordedUnits| run.is_none() || day_of(units.at) >= since;
            let recent: Vec<RecordedUnits> = document.received.iter().filter(is_recent).copied().collect();
            let (location, total) = (run.map(|run| run.location.clone()), document.received());
            (!recent.is_empty()).then(|| CompletedRun { reference: reference.clone(), location, total, recent })
        });
        runs.collect()
    }

    /// Units of the item that were issued to each run.
    #[must_use]
    pub fn issued(&self) -> BTreeMap<String, Quantity> {
        let runs = self.documents.iter().filter(|(reference, _)| !reference.starts_with(Self::KITS_OF));
        runs.map(|(reference, document)| (reference.clone(), document.issued())).filter(|(_, units)| !units.is_zero()).collect()
    }

    /// Units of the item that went into the kits of each item lately.
    #[must_use]
    pub fn issued_to_kits(&self) -> BTreeMap<String, Vec<RecordedUnits>> {
        let kits = self.documents.iter().filter(|(reference, _)| reference.starts_with(Self::KITS_OF));
        let issued = kits.map(|(reference, document)| (reference.clone(), document.issued.clone()));
        issued.filter(|(_, issued)| !issued.is_empty()).collect()
    }
}
