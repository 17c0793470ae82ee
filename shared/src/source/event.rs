//! One stock transaction of another system, in the system's own codes and units.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::{
    Amount, LineId, LocationId, LotId, NumberError, OrderId, Quantity, ShopDomain, Sku, SystemId, Unit, excerpt,
};
use crate::movement::EventId;
use crate::source::StockKind;
use crate::source::kind::{DueRule, ReceiptEffect, ReferenceRule};

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
    /// The line of a purchase order or production run, if its lines have dates of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
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
pub struct OrderLineOf {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The line.
    pub line: LineId,
    /// Whether an id arrived as a number above 2^53. Software that keeps numbers as floats rounds such a number, so it may be
    /// the id of another order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maybe_rounded: bool,
}

impl OrderLineOf {
    /// Reads `{"shop": domain, "order": id, "line": id}`. An id is a number, the same digits as text, or a global id.
    fn from_json(value: &Value) -> Result<Self, String> {
        const FORM: &str = r#"it has the form {"shop": domain, "order": id, "line": id}, with the ids as text"#;
        let Value::Object(fields) = value else { return Err(FORM.to_owned()) };
        if let Some(unknown) = fields.keys().find(|name| !["shop", "order", "line"].contains(&name.as_str())) {
            return Err(format!("{unknown:?} is not a field of it; {FORM}"));
        }
        let field = |name: &str| fields.get(name).ok_or_else(|| format!("{name} is missing; {FORM}"));
        let shop = field("shop")?.as_str().ok_or_else(|| format!("shop is not text; {FORM}"))?;
        let shop = shop.parse().map_err(|error| format!("{error}"))?;
        let mut maybe_rounded = false;
        let mut id = |name: &str, of_gid: &dyn Fn(&str) -> Option<u64>| match field(name)? {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| format!("{name} {text:?} is not an id of a shop"))
            }
            Value::String(gid) => of_gid(gid).ok_or_else(|| format!("{name} {gid:?} is not an id of a shop")),
            Value::Number(number) => {
                let number = number.as_u64().ok_or_else(|| format!("{name} {number} is not an id of a shop"))?;
                maybe_rounded |= number > MAX_EXACT;
                Ok(number)
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(format!("{name} is not an id; {FORM}")),
        };
        let order = OrderId::new(id("order", &|gid| OrderId::from_gid(gid).map(OrderId::number))?);
        let line = LineId::new(id("line", &|gid| LineId::from_gid(gid).map(LineId::number))?);
        Ok(Self { shop, order, line, maybe_rounded })
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
    /// The most characters of a problem: it may quote a text of the system.
    pub const MAX_PROBLEM: usize = 1_000;

    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: excerpt(problem.into(), Self::MAX_PROBLEM) }
    }
}

/// The largest whole number that a float holds exactly: 2^53.
const MAX_EXACT: u64 = 1 << 53;

const FIELDS: [&str; 14] = [
    "id",
    "kind",
    "sku",
    "location",
    "quantity",
    "unit",
    "occurred_at",
    "lot",
    "expires",
    "reference",
    "line",
    "to",
    "order",
    "due",
];

/// The form of a transaction, a code or a reference, as messages name it.
pub(super) const CODE: &str = "a text of 1 to 128 characters, without control characters or outer spaces";

/// Whether a text can be a transaction, a code or a reference.
pub(super) fn is_code(text: &str) -> bool {
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
        Some(_) => Err(StockEventFormatError::new(field, format!("it must be {CODE}"))),
    };
    let required = |field: &'static str| optional(field)?.ok_or_else(|| StockEventFormatError::new(field, "it is missing"));

    let id = EventId::new(system.as_str(), required("id")?);
    let name = required("kind")?;
    let kind = StockKind::from_str(&name).map_err(|_| {
        let names: Vec<&str> = StockKind::ALL.iter().map(|kind| kind.name()).collect();
        StockEventFormatError::new("kind", format!("{name:?} is not one of {}", names.join(", ")))
    })?;
    let quantity = fields.get("quantity").ok_or_else(|| StockEventFormatError::new("quantity", "it is missing"))?;
    let quantity = Amount::from_json(quantity).map_err(|error| StockEventFormatError::new("quantity", amount_problem(&error)))?;
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
        Some(order) => Some(OrderLineOf::from_json(order).map_err(|problem| StockEventFormatError::new("order", problem))?),
    };
    let (sku, location) = (required("sku")?, required("location")?);
    let (reference, line, to) = (optional("reference")?, optional("line")?, optional("to")?);
    let event =
        StockEvent { id, kind, sku, location, quantity, unit, occurred_at, lot, expires, reference, line, to, order, due };
    event.check_fields()?;
    Ok(event)
}

/// What is wrong with an amount. A sender whose numbers are floats must round them itself: only it knows to how many places.
fn amount_problem(error: &NumberError) -> String {
    let hint = matches!(error, NumberError::TooFine(_)).then_some("; round it to the digits that count, and send it as a text");
    format!("{error}{}", hint.unwrap_or_default())
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
        let (unit, lot, expires, reference, line, to, order, due) = Default::default();
        let quantity = Amount::of(units);
        Self { id, kind, sku, location, quantity, unit, occurred_at, lot, expires, reference, line, to, order, due }
    }

    /// The system that sent it.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.id.source
    }

    /// The system's codes of the locations that it names: where it happened, and the destination of a transfer.
    pub fn location_codes(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.location).chain(&self.to)
    }

    /// Checks the fields against each other and against the properties of the kind.
    fn check_fields(&self) -> Result<(), StockEventFormatError> {
        let (kind, properties) = (self.kind.name(), self.kind.properties());
        let wrong = |field, problem: String| Err(StockEventFormatError::new(field, problem));
        if !properties.quantity.allows_negative() && self.quantity.is_negative() {
            return wrong("quantity", format!("it cannot be negative in an event of kind {kind}"));
        }
        if !properties.quantity.allows_zero() && self.quantity.is_zero() {
            return wrong("quantity", format!("it cannot be zero in an event of kind {kind}"));
        }
        if self.order.is_some() && properties.report.is_none() {
            let kinds = StockKind::names(|properties| properties.report.is_some());
            return wrong("order", format!("{kind} cannot name a shop's order: only these kinds can: {kinds}"));
        }
        match properties.reference {
            ReferenceRule::Required if self.reference.is_none() => {
                return wrong("reference", format!("{kind} needs the reference of its document"));
            }
            ReferenceRule::OrLineOfOrder if self.reference.is_none() && self.order.is_none() => {
                return wrong("reference", format!("{kind} needs a shop's order or a reference"));
            }
            ReferenceRule::Optional | ReferenceRule::Required | ReferenceRule::OrLineOfOrder => {}
        }
        match (properties.names_destination, &self.to) {
            (true, None) => return wrong("to", format!("{kind} needs its destination")),
            (true, Some(to)) if *to == self.location => {
                return wrong("to", "the destination of a transfer must be another location".to_owned());
            }
            (false, Some(_)) => {
                let kinds = StockKind::names(|properties| properties.names_destination);
                return wrong("to", format!("{kind} has no destination: only these kinds have one: {kinds}"));
            }
            (true, Some(_)) | (false, None) => {}
        }
        match (properties.due, self.due) {
            (DueRule::None, Some(_)) => {
                let kinds = StockKind::names(|properties| properties.due != DueRule::None);
                return wrong("due", format!("{kind} has no due date: only these kinds have one: {kinds}"));
            }
            (DueRule::Required, None) if !self.quantity.is_zero() => {
                return wrong("due", format!("{kind} needs the day on which it is to be completed"));
            }
            (DueRule::None | DueRule::Required, None)
            | (DueRule::Optional | DueRule::Required, Some(_))
            | (DueRule::Optional, None) => {}
        }
        if self.line.is_some() && (properties.receipt != Some(ReceiptEffect::Schedules) || self.reference.is_none()) {
            let kinds = StockKind::names(|properties| properties.receipt == Some(ReceiptEffect::Schedules));
            return wrong("line", format!("{kind} has no line: only these kinds have one: {kinds}"));
        }
        if self.expires.is_some() && self.lot.is_none() {
            return wrong("expires", "it needs the lot that expires: set lot".to_owned());
        }
        Ok(())
    }
}
