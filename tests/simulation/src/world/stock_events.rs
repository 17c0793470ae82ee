//! A stock event of a source system: its meaning, and its form in a batch.
//!
//! Each system has its own conventions. `erp` uses our codes. `wms` has its own codes and sometimes counts in cases. `pos` has
//! its own location codes and `tpl` its own item codes, both unmapped at first; `tpl` also counts in pallets. Pulled sources
//! have no [`Channel`] here; they would carry the same events.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use promissory::catalog::{LineId, LocationId, OrderId, Sku};
use promissory::source::{DocumentKind, StockKind};
use promissory_fakes::oracle::Fact;
use serde_json::{Value, json};

/// The source systems.
pub const SYSTEMS: [&str; 4] = ["erp", "wms", "pos", "tpl"];

/// Units per case in `wms`.
pub const CASE: i64 = 6;

/// Units per pallet in `tpl`.
pub const PALLET: i64 = 12;

/// A mapping that is missing at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// The location code of `pos`.
    Location(LocationId),
    /// The item code of `tpl`.
    Item(Sku),
    /// The number of units per pallet, together with the item code of `tpl`.
    Pallet(Sku),
}

/// One event, in our terms and as it is sent.
#[derive(Debug, Clone)]
pub struct SourceEvent {
    /// The system that sends it.
    pub system: &'static str,
    /// Its id in that system.
    pub id: String,
    /// The kind of event.
    pub kind: StockKind,
    /// The item.
    pub sku: Sku,
    /// The location.
    pub at: LocationId,
    /// The destination of a transfer.
    pub to: Option<LocationId>,
    /// Number of units; negative only for an adjustment.
    pub units: i64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The source document.
    pub reference: Option<String>,
    /// The due date of a purchase order or production run.
    pub due: Option<Date>,
    /// The lot.
    pub lot: Option<String>,
    /// When the lot expires.
    pub expires: Option<Date>,
    /// Whether the item is kept by lot.
    pub by_lot: bool,
    /// The order line of the shop.
    pub order: Option<(OrderId, LineId)>,
    /// Whether the item is a component of the kit that this line sells.
    pub of_kit: bool,
    /// The unit of the sent amount.
    pub unit: Option<&'static str>,
    /// The sent amount, in that unit.
    pub amount: String,
}

/// The validity of an event in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Valid: it is applied at once or when its mapping exists.
    Valid,
    /// Its amount is not a whole number of units: it is refused, or waits for a correction.
    NotWhole,
    /// It cannot be parsed.
    Malformed,
}

/// The channel of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// HTTP, with a signature.
    Http,
    /// The event bus.
    Bus,
}

/// A flaw of a whole batch. A flawed batch must have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Signed with a wrong secret.
    Forged,
    /// Signed outside the accepted time window.
    Stale,
    /// Truncated.
    Cut,
    /// More events than a batch may contain.
    TooMany,
    /// A body that is too large.
    Oversized,
}

impl Flaw {
    /// The status that the intake must answer with.
    pub fn answer(self) -> u16 {
        match self {
            Self::Forged | Self::Stale => 401,
            Self::Cut | Self::TooMany => 400,
            Self::Oversized => 413,
        }
    }

    /// The name of the rare path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forged => "batch forged",
            Self::Stale => "batch stale",
            Self::Cut => "batch cut",
            Self::TooMany => "batch of too many",
            Self::Oversized => "batch oversized",
        }
    }
}

/// A batch of events in flight.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// The system that sends it.
    pub system: &'static str,
    /// The events, each with the id that its answer repeats and its validity.
    pub events: Vec<(Option<String>, Validity, Value)>,
    /// The channel.
    pub channel: Channel,
    /// The flaw, if any.
    pub flaw: Option<Flaw>,
    /// Number of earlier deliveries.
    pub tries: u32,
    /// Whether its system sends it again because the table was restored to an earlier time.
    pub again: bool,
}

/// The code of an item in a system.
pub fn item_code(system: &str, sku: &Sku) -> String {
    match system {
        "wms" => format!("W-{sku}"),
        "tpl" => format!("T-{sku}"),
        _ => sku.to_string(),
    }
}

/// The code of a location in a system.
pub fn location_code(system: &str, at: &LocationId) -> String {
    match system {
        "wms" => format!("0-{at}"),
        "pos" => format!("POS-{at}"),
        _ => at.to_string(),
    }
}

impl fmt::Display for SourceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, units, sku, at, occurred_at, reference, order, .. } = self;
        write!(f, "{}: {} {units} {sku}@{at} at {occurred_at}", self.name(), kind.name())?;
        if let Some(reference) = reference {
            write!(f, " of {reference}")?;
        }
        if let Some((order, line)) = order {
            write!(f, " of order {order} line {line}")?;
        }
        Ok(())
    }
}

impl SourceEvent {
    /// Whether the sent amount is a whole number of units. It follows from the amount alone: a flag beside the amount once stayed
    /// behind when the amount was replaced, and the check then expected a refusal of a valid event.
    pub fn is_whole(&self) -> bool {
        self.unit.is_some() || !self.amount.contains('.')
    }

    /// Its name in the ledger.
    pub fn name(&self) -> String {
        format!("{}#{}", self.system, self.id)
    }

    /// The mappings that it needs, in the order in which the intake looks them up.
    pub fn needs(&self) -> Vec<Mapping> {
        let mut needs = Vec::new();
        if self.system == "pos" {
            needs.extend(std::iter::once(&self.at).chain(&self.to).cloned().map(Mapping::Location));
        }
        if self.system == "tpl" {
            needs.push(Mapping::Item(self.sku.clone()));
            needs.extend((self.unit == Some("pallet")).then(|| Mapping::Pallet(self.sku.clone())));
        }
        needs
    }

    /// Its JSON form in a batch.
    pub fn body(&self, shop: &str) -> Value {
        let mut body = json!({
            "id": self.id,
            "kind": self.kind.name(),
            "sku": item_code(self.system, &self.sku),
            "location": location_code(self.system, &self.at),
            "quantity": self.amount,
            "occurred_at": self.occurred_at.to_string(),
        });
        if let (Ok(number), true) = (self.amount.parse::<i64>(), self.system == "erp") {
            body["quantity"] = number.into();
        }
        for (field, value) in [
            ("unit", self.unit.map(str::to_owned)),
            ("reference", self.reference.clone()),
            ("lot", self.lot.clone()),
            ("expires", self.expires.map(|day| day.to_string())),
            ("to", self.to.as_ref().map(|to| location_code(self.system, to))),
            ("due", self.due.map(|due| due.to_string())),
        ] {
            if let Some(value) = value {
                body[field] = value.into();
            }
        }
        if let Some((order, line)) = self.order {
            body["order"] = json!({ "shop": shop, "order": order.to_string(), "line": line.to_string() });
        }
        body
    }

    /// Its form for the oracle. Only holds of an item that is kept by lot carry the lot.
    pub fn fact(&self) -> Fact<&LocationId, Timestamp, (&str, Option<&str>)> {
        let Self { kind, units, .. } = *self;
        let kind = if self.of_kit && kind == StockKind::Shipment { StockKind::ComponentIssue } else { kind };
        let lot = self.lot.as_deref().filter(|_| DocumentKind::of(kind) == Some(DocumentKind::QualityHold) && self.by_lot);
        let reference = (self.reference.as_deref().unwrap_or(self.system), lot);
        Fact { kind, at: &self.at, to: self.to.as_ref(), units, time: self.occurred_at, reference }
    }
}
