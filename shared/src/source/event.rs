//! One stock transaction of another system, in the system's own codes and units.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::{Amount, LineId, LocationId, LotId, OrderId, Quantity, ShopDomain, Sku, SystemId, Unit};
use crate::movement::EventId;
use crate::order::ReportKind;

/// The most events of one batch.
pub const MAX_BATCH: usize = 500;

/// The most characters of a transaction, a code or a reference.
const MAX_CODE: usize = 128;

/// One stock transaction. Its item, location and unit are the system's own. The mapping translates them into ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockEvent {
    /// The system, and the system's own id of the transaction.
    pub id: EventId,
    /// What happened.
    pub kind: StockKind,
    /// The system's code of the item.
    pub sku: String,
    /// The system's code of the location.
    pub location: String,
    /// How much, in `unit`. For a count or a balance: how much there was.
    pub quantity: Amount,
    /// The unit of the quantity. Without it, the unit of the mapping applies, or our own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// When it happened in the system.
    pub occurred_at: Timestamp,
    /// The lot of the units. Ignored for items that are not tracked by lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<LotId>,
    /// When that lot expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// The reference of the ticket, transfer, order or hold, as every system names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The destination of a transfer, in the system's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The line of a shop's order that the units belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderLineOf>,
    /// The day on which the last unit of a purchase order or production run is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
}

/// A line of an order of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLineOf {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The line.
    pub line: LineId,
}

/// What can happen to stock. The table in infra/docs/cases.md defines how each kind changes a position, and a test checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockKind {
    /// Units arrived from a supplier.
    Receipt,
    /// Finished goods came off the line.
    ProductionCompleted,
    /// Components went into production.
    ComponentIssue,
    /// A physical count of the units on hand.
    Count,
    /// The on-hand balance in the system's book stock.
    Balance,
    /// A correction up or down.
    Adjustment,
    /// Units are lost or destroyed.
    WriteOff,
    /// Units are on hold and may not be sold.
    QualityHold,
    /// Held units may be sold again.
    QualityRelease,
    /// Units left for another of our locations.
    TransferOut,
    /// Units of a transfer arrived.
    TransferIn,
    /// Units of a transfer are lost.
    TransferLoss,
    /// Units came back from a customer.
    CustomerReturn,
    /// A warehouse allocated units to an order.
    Allocation,
    /// They are not any more.
    Deallocation,
    /// A POS sold units that the book stock still includes.
    PosSale,
    /// A POS sale is voided.
    PosVoid,
    /// The book stock includes the POS sale now.
    PosPosting,
    /// Units left with a shipment.
    Shipment,
    /// Units are allocated to a wholesale customer.
    WholesaleAllocation,
    /// They are not any more.
    WholesaleRelease,
    /// The ordered quantity of an item on a purchase order, received units included. It moves no stock before it is received.
    PurchaseOrder,
    /// The planned quantity of an item of a production run, completed units included. It moves no stock before it is
    /// completed.
    ProductionRun,
}

impl StockKind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::Receipt,
        Self::ProductionCompleted,
        Self::ComponentIssue,
        Self::Count,
        Self::Balance,
        Self::Adjustment,
        Self::WriteOff,
        Self::QualityHold,
        Self::QualityRelease,
        Self::TransferOut,
        Self::TransferIn,
        Self::TransferLoss,
        Self::CustomerReturn,
        Self::Allocation,
        Self::Deallocation,
        Self::PosSale,
        Self::PosVoid,
        Self::PosPosting,
        Self::Shipment,
        Self::WholesaleAllocation,
        Self::WholesaleRelease,
        Self::PurchaseOrder,
        Self::ProductionRun,
    ];

    /// The name in events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::ProductionCompleted => "production_completed",
            Self::ComponentIssue => "component_issue",
            Self::Count => "count",
            Self::Balance => "balance",
            Self::Adjustment => "adjustment",
            Self::WriteOff => "write_off",
            Self::QualityHold => "quality_hold",
            Self::QualityRelease => "quality_release",
            Self::TransferOut => "transfer_out",
            Self::TransferIn => "transfer_in",
            Self::TransferLoss => "transfer_loss",
            Self::CustomerReturn => "customer_return",
            Self::Allocation => "allocation",
            Self::Deallocation => "deallocation",
            Self::PosSale => "pos_sale",
            Self::PosVoid => "pos_void",
            Self::PosPosting => "pos_posting",
            Self::Shipment => "shipment",
            Self::WholesaleAllocation => "wholesale_allocation",
            Self::WholesaleRelease => "wholesale_release",
            Self::PurchaseOrder => "purchase_order",
            Self::ProductionRun => "production_run",
        }
    }

    /// What an event of this kind reports about an order of a shop, if it can belong to one.
    #[must_use]
    pub fn report(self) -> Option<ReportKind> {
        match self {
            Self::Allocation => Some(ReportKind::Allocated),
            Self::Deallocation => Some(ReportKind::Deallocated),
            Self::Shipment => Some(ReportKind::Shipped),
            Self::CustomerReturn => Some(ReportKind::Returned),
            Self::Receipt
            | Self::ProductionCompleted
            | Self::ComponentIssue
            | Self::Count
            | Self::Balance
            | Self::Adjustment
            | Self::WriteOff
            | Self::QualityHold
            | Self::QualityRelease
            | Self::TransferOut
            | Self::TransferIn
            | Self::TransferLoss
            | Self::PosSale
            | Self::PosVoid
            | Self::PosPosting
            | Self::WholesaleAllocation
            | Self::WholesaleRelease
            | Self::PurchaseOrder
            | Self::ProductionRun => None,
        }
    }

    /// Whether the quantity is how much there is, not how much came or went.
    #[must_use]
    pub fn is_a_state(self) -> bool {
        matches!(self, Self::Count | Self::Balance)
    }

    /// Whether it schedules a receipt and moves no stock.
    #[must_use]
    pub fn announces(self) -> bool {
        matches!(self, Self::PurchaseOrder | Self::ProductionRun)
    }

    /// Whether the event needs the reference of a document that other events share.
    fn needs_reference(self) -> bool {
        matches!(
            self,
            Self::TransferOut
                | Self::TransferIn
                | Self::TransferLoss
                | Self::PosSale
                | Self::PosVoid
                | Self::PosPosting
                | Self::WholesaleAllocation
                | Self::WholesaleRelease
                | Self::PurchaseOrder
                | Self::ProductionRun
        )
    }
}

/// Why an event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct StockEventFormatError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with the field, and what it must be.
    pub problem: String,
}

impl StockEventFormatError {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

const FIELDS: [&str; 13] =
    ["id", "kind", "sku", "location", "quantity", "unit", "occurred_at", "lot", "expires", "reference", "to", "order", "due"];

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_CODE && !text.chars().any(char::is_control) && text.trim() == text
}

/// Reads one event of `system`.
///
/// # Errors
/// The first field that is missing, unknown or malformed.
pub fn parse(system: &SystemId, event: &Value) -> Result<StockEvent, StockEventFormatError> {
    let Value::Object(fields) = event else { return Err(StockEventFormatError::new("event", "it must be a JSON object")) };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        let problem = format!("{unknown:?} is not a field of an event; the fields are {}", FIELDS.join(", "));
        return Err(StockEventFormatError::new("event", problem));
    }
    let optional = |field: &'static str| match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if is_code(text) => Ok(Some(text.clone())),
        Some(_) => {
            let problem = format!("it must be a text of 1 to {MAX_CODE} characters, without control characters or outer spaces");
            Err(StockEventFormatError::new(field, problem))
        }
    };
    let required = |field: &'static str| optional(field)?.ok_or_else(|| StockEventFormatError::new(field, "it is missing"));

    let id = EventId::new(system.as_str(), required("id")?);
    let name = required("kind")?;
    let kind = StockKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<&str> = StockKind::ALL.into_iter().map(StockKind::name).collect();
        StockEventFormatError::new("kind", format!("{name:?} is not one of {}", names.join(", ")))
    })?;
    let quantity = fields.get("quantity").ok_or_else(|| StockEventFormatError::new("quantity", "it is missing"))?;
    let quantity = Amount::from_json(quantity).map_err(|error| StockEventFormatError::new("quantity", error.to_string()))?;
    let unit = optional("unit")?
        .map(Unit::try_from)
        .transpose()
        .map_err(|error| StockEventFormatError::new("unit", error.to_string()))?;
    let occurred_at = required("occurred_at")?;
    let occurred_at = occurred_at.parse::<Timestamp>().map_err(|_| {
        StockEventFormatError::new("occurred_at", format!("{occurred_at:?} is not a time like 2026-11-21T09:30:00Z"))
    })?;
    let lot = optional("lot")?
        .map(LotId::try_from)
        .transpose()
        .map_err(|error| StockEventFormatError::new("lot", error.to_string()))?;
    let date = |field: &'static str| {
        let read = |text: String| {
            text.parse::<Date>().map_err(|_| StockEventFormatError::new(field, format!("{text:?} is not a date like 2027-05-31")))
        };
        optional(field)?.map(read).transpose()
    };
    let (expires, due) = (date("expires")?, date("due")?);
    let order = match fields.get("order") {
        None | Some(Value::Null) => None,
        Some(order) => Some(OrderLineOf::deserialize(order).map_err(|error| {
            StockEventFormatError::new(
                "order",
                format!("{error}; it has the form {{\"shop\": domain, \"order\": number, \"line\": number}}"),
            )
        })?),
    };
    let (sku, location) = (required("sku")?, required("location")?);
    let (reference, to) = (optional("reference")?, optional("to")?);
    let event = StockEvent { id, kind, sku, location, quantity, unit, occurred_at, lot, expires, reference, to, order, due };
    event.check_fields()?;
    Ok(event)
}

impl StockEvent {
    /// An event in our own codes and units.
    #[must_use]
    pub fn new(
        id: EventId,
        kind: StockKind,
        (sku, location): (&Sku, &LocationId),
        units: Quantity,
        occurred_at: Timestamp,
    ) -> Self {
        let (sku, location) = (sku.to_string(), location.to_string());
        let (unit, lot, expires, reference, to, order, due) = Default::default();
        Self { id, kind, sku, location, quantity: Amount::of(units), unit, occurred_at, lot, expires, reference, to, order, due }
    }

    /// The system that sent it.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.id.source
    }

    /// Checks the fields against each other.
    fn check_fields(&self) -> Result<(), StockEventFormatError> {
        let kind = self.kind.name();
        let signed = self.kind == StockKind::Adjustment;
        if !signed && self.quantity.is_negative() {
            return Err(StockEventFormatError::new("quantity", format!("a {kind} cannot be negative")));
        }
        if !self.kind.is_a_state() && !self.kind.announces() && self.quantity.is_zero() {
            return Err(StockEventFormatError::new("quantity", format!("a {kind} cannot be zero")));
        }
        if self.order.is_some() && self.kind.report().is_none() {
            return Err(StockEventFormatError::new("order", format!("a {kind} cannot name a shop's order")));
        }
        if self.reference.is_none() && self.kind.needs_reference() {
            return Err(StockEventFormatError::new("reference", format!("a {kind} needs the reference of its document")));
        }
        let is_for_an_order = matches!(self.kind, StockKind::Allocation | StockKind::Deallocation | StockKind::Shipment);
        if is_for_an_order && self.order.is_none() && self.reference.is_none() {
            return Err(StockEventFormatError::new("reference", format!("a {kind} needs a shop's order or a reference")));
        }
        match (self.kind == StockKind::TransferOut, &self.to) {
            (true, None) => Err(StockEventFormatError::new("to", "a transfer_out needs its destination")),
            (true, Some(to)) if *to == self.location => {
                Err(StockEventFormatError::new("to", "the destination of a transfer must be another location"))
            }
            (false, Some(_)) => {
                Err(StockEventFormatError::new("to", format!("a {kind} has no destination: only a transfer_out has it")))
            }
            (true, Some(_)) | (false, None) => Ok(()),
        }?;
        if self.due.is_some() && !self.kind.announces() {
            return Err(StockEventFormatError::new(
                "due",
                format!("a {kind} has no due date: only a purchase_order or production_run has it"),
            ));
        }
        // A purchase order without a due date is due after the supplier's lead time. For a production run only the factory
        // knows the day.
        if self.due.is_none() && self.kind == StockKind::ProductionRun && !self.quantity.is_zero() {
            return Err(StockEventFormatError::new("due", "a production_run needs the day on which it is to be completed"));
        }
        if self.expires.is_some() && self.lot.is_none() {
            return Err(StockEventFormatError::new("expires", "it needs the lot that expires: set lot"));
        }
        Ok(())
    }
}
