//! A stock event of the script, and how its system writes it.

use jiff::{SignedDuration, Timestamp};
use promissory::source::StockKind;
use promissory_fakes::oracle::Fact;
use promissory_fakes::systems::Document;
use serde_json::{Map, Value, json};

use super::master_data::{Item, Site, System};

/// A stock event that a system reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedEvent {
    /// The system that reports it.
    pub system: System,
    /// The system's number of the transaction. Numbers rise; only a content mismatch repeats the number of an earlier event.
    pub number: u64,
    /// The kind of the event.
    pub kind: StockKind,
    /// The item.
    pub item: Item,
    /// The site.
    pub site: Site,
    /// The quantity in base units.
    pub units: i64,
    /// The time, in milliseconds since the start of the morning; below zero before it.
    pub at: i64,
    /// The reference of its source document.
    pub reference: Option<String>,
    /// The destination of a transfer.
    pub to: Option<Site>,
    /// The line of a shop's order: the cart, and the line in the cart.
    pub order: Option<(usize, usize)>,
    /// The expected outcome.
    pub expected: ExpectedOutcome,
}

/// The expected outcome of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpectedOutcome {
    /// It is applied, once.
    Applied,
    /// It waits: its item code is not mapped.
    Unmapped,
    /// It is refused: its kind does not exist.
    Malformed,
    /// It is refused: its quantity is half a piece.
    NotWhole,
    /// It is refused: an earlier event has the same id and another quantity.
    ContentMismatch,
}

impl ExpectedOutcome {
    /// Whether the event must be refused.
    pub fn is_refused(self) -> bool {
        match self {
            Self::Malformed | Self::NotWhole | Self::ContentMismatch => true,
            Self::Applied | Self::Unmapped => false,
        }
    }
}

/// The shop's ids of an order that was placed.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The shop.
    pub shop: String,
    /// The order.
    pub order: u64,
    /// Its lines, in the order of the cart.
    pub lines: Vec<u64>,
}

impl ReportedEvent {
    /// The time of the event, for a morning that began at this time. The ERP rounds to whole seconds.
    pub fn occurred_at(&self, began: Timestamp) -> Timestamp {
        let at = began.saturating_add(SignedDuration::from_millis(self.effective_at())).unwrap_or(began);
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    }

    /// The time of the event as its system records it, in milliseconds since the start of the morning, which is a whole second.
    pub fn effective_at(&self) -> i64 {
        match self.system {
            System::Erp => self.at.div_euclid(1_000) * 1_000,
            System::Wms | System::Pos | System::ThirdParty => self.at,
        }
    }

    /// The event as input for the oracle.
    pub fn fact(&self) -> Fact<Site, i64, Option<&str>> {
        let Self { kind, site: at, to, units, .. } = *self;
        Fact { kind, at, to, units, time: self.effective_at(), reference: self.reference.as_deref() }
    }

    /// The id of the event in the ledger; `None` if the connector derives the id from the content.
    pub fn id(&self) -> Option<String> {
        match self.system {
            System::Erp => (!self.kind.is_a_state()).then(|| self.number.to_string()),
            System::Wms | System::Pos | System::ThirdParty => Some(format!("{}-{}", self.system, self.number)),
        }
    }

    fn item_code(&self) -> String {
        match self.expected {
            ExpectedOutcome::Unmapped => format!("NEW-{}", self.number % 5),
            ExpectedOutcome::Applied
            | ExpectedOutcome::Malformed
            | ExpectedOutcome::NotWhole
            | ExpectedOutcome::ContentMismatch => self.system.item_code(self.item),
        }
    }

    /// The event as JSON, as its system sends it.
    pub fn json(&self, began: Timestamp, placed: Option<&Placed>) -> Value {
        let (quantity, unit) = self.system.quantity_text(self.item, self.units);
        let kind = if self.expected == ExpectedOutcome::Malformed { "teleported" } else { self.kind.name() };
        let half = self.expected == ExpectedOutcome::NotWhole;
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        set("id", self.id().into());
        set("kind", kind.into());
        set("sku", self.item_code().into());
        set("location", self.system.site_code(self.site).into());
        set("quantity", if half { "0.5".into() } else { quantity.into() });
        set("occurred_at", self.occurred_at(began).to_string().into());
        let mut optional = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
        optional("unit", unit.filter(|_| !half).map(Value::from));
        optional("reference", self.reference.clone().map(Value::from));
        optional("to", self.to.map(|to| self.system.site_code(to).into()));
        if let (Some((_, line)), Some(placed)) = (self.order, placed) {
            let line = placed.lines.get(line).map(ToString::to_string);
            optional("order", Some(json!({ "shop": placed.shop, "order": placed.order.to_string(), "line": line })));
        }
        Value::Object(fields)
    }

    /// The event as a document of the ERP.
    pub fn document(&self, began: Timestamp) -> Document {
        // The ERP writes issues with a negative quantity.
        let (kind, sign) = match self.kind {
            StockKind::Receipt => ("ItemRcpt", 1),
            StockKind::ProductionCompleted => ("Build", 1),
            StockKind::ComponentIssue => ("BuildIssue", -1),
            StockKind::PosPosting => ("CashSale", -1),
            StockKind::WholesaleAllocation => ("SalesOrd", 1),
            StockKind::Balance => ("InvCount", 1),
            StockKind::OpeningStock
            | StockKind::Count
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
            | StockKind::Shipment
            | StockKind::WholesaleRelease
            | StockKind::PurchaseOrder
            | StockKind::ProductionRun => panic!("the script lets the ERP report {}, which it cannot", self.kind.name()),
        };
        let (quantity, unit) = self.system.quantity_text(self.item, sign * self.units);
        let half = self.expected == ExpectedOutcome::NotWhole;
        Document {
            id: self.number,
            kind,
            item: self.item_code(),
            location: self.system.site_code(self.site).to_owned(),
            to: None,
            quantity: if half { "0.5".to_owned() } else { quantity },
            unit: if half { "Ea" } else { unit.unwrap_or("Ea") }.to_owned(),
            at: self.occurred_at(began),
            reference: self.reference.clone(),
        }
    }
}
