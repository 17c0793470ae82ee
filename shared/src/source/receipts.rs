//! What is to come of an item: purchase orders and production runs, by their papers.
//!
//! An announcement says how much its paper is of, all together, and when; the newest one holds. What is received, completed
//! or issued and names the paper counts towards it at once, whichever is heard of first, so that no unit is both there and
//! still to come. Little of it is ever forgotten, so that what was promised at any time can be explained.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Quantity, Sku, day_of};
use crate::movement::EventId;
use crate::source::{StockEvent, StockKind};

/// All that was said of what is to come of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledReceipts {
    /// The item.
    pub sku: Sku,
    /// Each paper, by the name that every system calls it.
    pub documents: BTreeMap<String, ReceiptDocument>,
}

/// What was said of one paper about one item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReceiptDocument {
    /// What it was announced to be, in the order of when it was so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Announced>,
    /// Units that have come of it, by when that was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came: Vec<Units>,
    /// Units of the item that went into the run of this name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issued: Vec<Units>,
}

/// One announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// When it was so.
    pub as_of: Timestamp,
    /// Which event said it.
    pub event: EventId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// A purchase order or a production run.
    pub kind: StockKind,
    /// Where it is to come.
    pub location: LocationId,
    /// Units of it all together, those that have come with them. Zero: it is cancelled.
    pub quantity: Quantity,
    /// When the last of them are to be there, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
}

/// Units, and when they were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub quantity: Quantity,
}

/// What is still to come of a paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledReceipt {
    /// The paper.
    pub reference: String,
    /// A purchase order or a production run.
    pub kind: StockKind,
    /// Where it is to come.
    pub location: LocationId,
    /// Units of it all together.
    pub quantity: Quantity,
    /// Units that have not come yet; above zero.
    pub left: Quantity,
    /// When they are to be there; `None` where neither the paper nor a supplier's lead time says so.
    pub due: Option<Date>,
}

impl ReceiptDocument {
    /// The most announcements of one paper that are kept: the newest.
    const MAX_ANNOUNCEMENTS: usize = 30;
    /// The most arrivals of one paper that are told apart; older ones are added up.
    const MAX_ARRIVALS: usize = 60;

    /// Units that have come.
    #[must_use]
    pub fn came(&self) -> Quantity {
        self.came.iter().map(|units| units.quantity).sum()
    }

    /// Units of the item that went into the run.
    #[must_use]
    pub fn issued(&self) -> Quantity {
        self.issued.iter().map(|units| units.quantity).sum()
    }

    /// Whether nothing is to come of it any more, as far as anybody said.
    fn is_closed(&self) -> bool {
        self.said.last().is_none_or(|said| said.quantity <= self.came())
    }

    fn last_heard(&self) -> Option<Timestamp> {
        let units = self.came.iter().chain(&self.issued).map(|units| units.at);
        units.chain(self.said.iter().map(|said| said.recorded_at)).max()
    }

    fn announce(&mut self, announced: Announced) {
        let place = self.said.partition_point(|said| (said.as_of, &said.event) < (announced.as_of, &announced.event));
        self.said.insert(place, announced);
        if self.said.len() > Self::MAX_ANNOUNCEMENTS {
            self.said.remove(0);
        }
    }

    fn as_of(&self, time: Timestamp) -> Self {
        let until = |units: &[Units]| units.iter().copied().filter(|units| units.at <= time).collect();
        let said = self.said.iter().filter(|said| said.recorded_at <= time).cloned().collect();
        Self { said, came: until(&self.came), issued: until(&self.issued) }
    }
}

/// What an event says of a paper.
enum Word {
    Announced,
    Came,
    Issued,
}

impl Word {
    fn of(kind: StockKind) -> Option<Self> {
        match kind {
            StockKind::PurchaseOrder | StockKind::ProductionRun => Some(Self::Announced),
            StockKind::Receipt | StockKind::ProductionCompleted => Some(Self::Came),
            StockKind::ComponentIssue => Some(Self::Issued),
            StockKind::Count
            | StockKind::Balance
            | StockKind::Adjustment
            | StockKind::WriteOff
            | StockKind::QualityHold
            | StockKind::QualityRelease
            | StockKind::TransferOut
            | StockKind::TransferIn
            | StockKind::TransferLoss
            | StockKind::CustomerReturn
            | StockKind::Allocation
            | StockKind::Deallocation
            | StockKind::PosSale
            | StockKind::PosVoid
            | StockKind::PosPosting
            | StockKind::Shipment
            | StockKind::WholesaleAllocation
            | StockKind::WholesaleRelease => None,
        }
    }
}

fn add(to: &mut Vec<Units>, units: Units) {
    to.push(units);
    if to.len() > ReceiptDocument::MAX_ARRIVALS {
        let oldest = to.remove(0);
        if let Some(next) = to.first_mut() {
            next.quantity += oldest.quantity;
        }
    }
}

impl ScheduledReceipts {
    /// The most papers of one item of which something is still to come.
    pub const MAX_DOCUMENTS: usize = 300;

    /// An item nothing was announced of yet.
    #[must_use]
    pub fn none(sku: Sku) -> Self {
        Self { sku, documents: BTreeMap::new() }
    }

    /// Whether an event is about what is to come of its item.
    #[must_use]
    pub fn are_in(stock: &StockEvent) -> bool {
        stock.reference.is_some() && Word::of(stock.kind).is_some()
    }

    /// Takes in what an event says of `quantity` units at `location`. `false`: there is no room for another paper.
    #[must_use]
    pub fn take(&mut self, stock: &StockEvent, location: &LocationId, quantity: Quantity, now: Timestamp) -> bool {
        let (Some(reference), Some(word)) = (&stock.reference, Word::of(stock.kind)) else { return true };
        if !self.documents.contains_key(reference) && !self.make_room() {
            return false;
        }
        let paper = self.documents.entry(reference.clone()).or_default();
        match word {
            Word::Announced => paper.announce(Announced {
                as_of: stock.occurred_at,
                event: stock.id.clone(),
                recorded_at: now,
                kind: stock.kind,
                location: location.clone(),
                quantity,
                due: stock.due,
            }),
            Word::Came => add(&mut paper.came, Units { at: now, quantity }),
            Word::Issued => add(&mut paper.issued, Units { at: now, quantity }),
        }
        true
    }

    /// Makes room for one more paper: of those of which nothing is to come, the one nobody spoke of for longest is forgotten.
    fn make_room(&mut self) -> bool {
        if self.documents.len() < Self::MAX_DOCUMENTS {
            return true;
        }
        let closed = self.documents.iter().filter(|(_, paper)| paper.is_closed());
        let oldest = closed.min_by_key(|(_, paper)| paper.last_heard()).map(|(reference, _)| reference.clone());
        oldest.is_some_and(|oldest| self.documents.remove(&oldest).is_some())
    }

    /// What had been said by a time.
    #[must_use]
    pub fn as_of(&self, time: Timestamp) -> Self {
        let documents = self.documents.iter().map(|(reference, paper)| (reference.clone(), paper.as_of(time)));
        Self { sku: self.sku.clone(), documents: documents.filter(|(_, paper)| *paper != ReceiptDocument::default()).collect() }
    }

    /// What is still to come, paper by paper. An order that names no day is due so many days after it was first announced.
    #[must_use]
    pub fn incoming(&self, supplier_days: Option<u16>) -> Vec<ScheduledReceipt> {
        let open = self.documents.iter().filter_map(|(reference, paper)| {
            let (first, said) = (paper.said.first()?, paper.said.last()?);
            let left = said.quantity - paper.came();
            let lead = || {
                let ordered = day_of(first.as_of);
                supplier_days.and_then(|days| ordered.checked_add(jiff::Span::new().days(days)).ok())
            };
            left.is_positive().then(|| ScheduledReceipt {
                reference: reference.clone(),
                kind: said.kind,
                location: said.location.clone(),
                quantity: said.quantity,
                left,
                due: said.due.or_else(lead),
            })
        });
        open.collect()
    }

    /// Units of the item that went into each run.
    #[must_use]
    pub fn issued(&self) -> BTreeMap<String, Quantity> {
        let issued = self.documents.iter().map(|(reference, paper)| (reference.clone(), paper.issued()));
        issued.filter(|(_, units)| !units.is_zero()).collect()
    }
}
