//! What another system says about stock: what it means in our terms, and how it looks on its way.
//!
//! Each system has its own way: `erp` speaks in our codes, `wms` in codes of its own and at times in cases, `pos` calls
//! our locations something that nobody mapped at first, `tpl` our items, and it counts some of them in pallets. A source
//! that we would ask ourselves has no door here yet: it would say the same things, and be one more [`Door`].

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use promissory::catalog::{LineId, LocationId, OrderId, Sku};
use promissory::source::{DocumentKind, StockKind};
use promissory_fakes::oracle::Fact;
use serde_json::{Value, json};

use super::build::LOTS;

/// The systems.
pub const SYSTEMS: [&str; 4] = ["erp", "wms", "pos", "tpl"];

/// Units of a case, as `wms` means it.
pub const CASE: i64 = 6;

/// Units of a pallet, as `tpl` means it.
pub const PALLET: i64 = 12;

/// A mapping that is not there from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// What `pos` calls a location.
    Till(LocationId),
    /// What `tpl` calls an item.
    Item(Sku),
    /// How many units a pallet of it is; with what `tpl` calls it.
    Pallet(Sku),
}

/// One event, in our terms and as it is said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who says it.
    pub system: &'static str,
    /// What it calls it.
    pub id: String,
    /// What happened.
    pub kind: StockKind,
    /// The item.
    pub sku: Sku,
    /// Where.
    pub at: LocationId,
    /// Where to.
    pub to: Option<LocationId>,
    /// How many units; below zero only of an adjustment.
    pub units: i64,
    /// Whether that is a whole number.
    pub fits: bool,
    /// When.
    pub occurred_at: Timestamp,
    /// The paper.
    pub reference: Option<String>,
    /// When what is announced is to be there.
    pub due: Option<Date>,
    /// The lot.
    pub lot: Option<String>,
    /// The line of an order of the shop.
    pub order: Option<(OrderId, LineId)>,
    /// The unit it is counted in.
    pub unit: Option<&'static str>,
    /// The amount in that unit.
    pub amount: String,
}

/// What is sent of an event, and what may become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is taken, now or when its mapping is there.
    Good,
    /// Its amount is no whole number of units: it is refused, or waits for someone to mend that.
    Refused,
    /// It cannot be read.
    Malformed,
}

/// Where a batch comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Over HTTP, signed.
    Http,
    /// Over the bus.
    Bus,
}

/// What is wrong with a batch as a whole. Nothing of it may have any effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Signed with another secret.
    Forged,
    /// Signed too long ago, or ahead of time.
    Stale,
    /// Cut in half.
    Cut,
    /// More events than are taken at once.
    TooMany,
    /// A body larger than is taken.
    Oversized,
}

impl Flaw {
    /// What it must be answered with.
    pub fn answer(self) -> u16 {
        match self {
            Self::Forged | Self::Stale => 401,
            Self::Cut | Self::TooMany => 400,
            Self::Oversized => 413,
        }
    }

    /// Its name among what a world meets.
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

/// A batch of events on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Who says it.
    pub system: &'static str,
    /// The events, each with what may become of it and the name by which it is answered.
    pub events: Vec<(Option<String>, Fate, Value)>,
    /// Where it comes in.
    pub door: Door,
    /// What is wrong with it, if anything.
    pub flaw: Option<Flaw>,
    /// How often it was sent before.
    pub tries: u32,
}

/// What a system calls an item.
pub fn item_code(system: &str, sku: &Sku) -> String {
    match system {
        "wms" => format!("W-{sku}"),
        "tpl" => format!("T-{sku}"),
        _ => sku.to_string(),
    }
}

/// What a system calls a location.
pub fn location_code(system: &str, at: &LocationId) -> String {
    match system {
        "wms" => format!("0-{at}"),
        "pos" => format!("TILL-{at}"),
        _ => at.to_string(),
    }
}

impl fmt::Display for Said {
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

impl Said {
    /// Its name in the ledger.
    pub fn name(&self) -> String {
        format!("{}#{}", self.system, self.id)
    }

    /// The mappings it needs, in the order in which they are missed.
    pub fn needs(&self) -> Vec<Mapping> {
        let mut needs = Vec::new();
        if self.system == "pos" {
            needs.extend(std::iter::once(&self.at).chain(&self.to).cloned().map(Mapping::Till));
        }
        if self.system == "tpl" {
            needs.push(Mapping::Item(self.sku.clone()));
            needs.extend((self.unit == Some("pallet")).then(|| Mapping::Pallet(self.sku.clone())));
        }
        needs
    }

    /// As it is sent.
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
            ("to", self.to.as_ref().map(|to| location_code(self.system, to))),
            ("due", self.due.map(|due| due.to_string())),
        ] {
            if let Some(value) = value {
                body[field] = value.into();
            }
        }
        if let Some((order, line)) = self.order {
            body["order"] = json!({ "shop": shop, "order": order.number(), "line": line.number() });
        }
        body
    }

    /// It as the oracle takes it: where it happened, when, and of which paper (and of which lot, of a hold of what is kept by lot).
    pub fn fact(&self) -> Fact<&LocationId, Timestamp, (&str, Option<&str>)> {
        let Self { kind, units, .. } = *self;
        let lot = self.lot.as_deref().filter(|_| DocumentKind::of(kind) == Some(DocumentKind::Hold) && self.sku.as_str() == LOTS);
        let reference = (self.reference.as_deref().unwrap_or(self.system), lot);
        Fact { kind, at: &self.at, to: self.to.as_ref(), units, time: self.occurred_at, reference }
    }
}
