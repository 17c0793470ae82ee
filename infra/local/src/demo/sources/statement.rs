//! One thing that a system says, and how it says it.

use jiff::{SignedDuration, Timestamp};
use promissory::source::StockKind;
use promissory_fakes::oracle::Fact;
use promissory_fakes::systems::Document;
use serde_json::{Map, Value, json};

use super::world::{Item, Site, System};

/// One thing that a system says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who.
    pub system: System,
    /// Its name of the transaction; rises, and is the same only where one contradicts another.
    pub number: u64,
    /// What happened.
    pub kind: StockKind,
    /// To what.
    pub item: Item,
    /// Where.
    pub site: Site,
    /// How many of our units.
    pub units: i64,
    /// When, in milliseconds of the morning; below zero before it.
    pub at: i64,
    /// The paper it belongs to.
    pub reference: Option<String>,
    /// Where a transfer goes.
    pub to: Option<Site>,
    /// The line of the shop's order it is about: the cart, and the line in it.
    pub order: Option<(usize, usize)>,
    /// What must become of it.
    pub fate: Fate,
}

/// What must become of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is applied, once.
    Applied,
    /// It waits: nobody knows its item.
    Unmapped,
    /// It is refused: its kind is none.
    Malformed,
    /// It is refused: half a piece.
    HalfAPiece,
    /// It is refused: its name came before with another amount.
    Contradiction,
}

impl Fate {
    /// Whether it must be refused.
    pub fn is_refused(self) -> bool {
        match self {
            Self::Malformed | Self::HalfAPiece | Self::Contradiction => true,
            Self::Applied | Self::Unmapped => false,
        }
    }
}

/// An order's line in the shop's words, once it was placed.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The shop.
    pub shop: String,
    /// The order.
    pub order: u64,
    /// Its lines, in the order of the cart.
    pub lines: Vec<u64>,
}

impl Statement {
    /// When it happened, on a morning that began then. The ERP knows whole seconds.
    pub fn occurred_at(&self, began: Timestamp) -> Timestamp {
        let at = began.saturating_add(SignedDuration::from_millis(self.effective_at())).unwrap_or(began);
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    }

    /// When it happened as far as its system can tell, in milliseconds of a morning that begins with a whole second.
    pub fn effective_at(&self) -> i64 {
        match self.system {
            System::Erp => self.at.div_euclid(1_000) * 1_000,
            System::Wms | System::Pos | System::ThirdParty => self.at,
        }
    }

    /// It as the oracle takes it.
    pub fn fact(&self) -> Fact<Site, i64, Option<&str>> {
        let Self { kind, site: at, to, units, .. } = *self;
        Fact { kind, at, to, units, time: self.effective_at(), reference: self.reference.as_deref() }
    }

    /// Its system's name of the transaction, as the ledger knows it; none where the content is the name.
    pub fn id(&self) -> Option<String> {
        match self.system {
            System::Erp => (!self.kind.is_a_state()).then(|| self.number.to_string()),
            System::Wms | System::Pos | System::ThirdParty => Some(format!("{}-{}", self.system, self.number)),
        }
    }

    fn item_code(&self) -> String {
        match self.fate {
            Fate::Unmapped => format!("NEW-{}", self.number % 5),
            Fate::Applied | Fate::Malformed | Fate::HalfAPiece | Fate::Contradiction => self.system.calls_item(self.item),
        }
    }

    /// As it is sent.
    pub fn json(&self, began: Timestamp, placed: Option<&Placed>) -> Value {
        let (quantity, unit) = self.system.says(self.item, self.units);
        let kind = if self.fate == Fate::Malformed { "teleported" } else { self.kind.name() };
        let half = self.fate == Fate::HalfAPiece;
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        set("id", self.id().into());
        set("kind", kind.into());
        set("sku", self.item_code().into());
        set("location", self.system.calls_site(self.site).into());
        set("quantity", if half { "0.5".into() } else { quantity.into() });
        set("occurred_at", self.occurred_at(began).to_string().into());
        let mut optional = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
        optional("unit", unit.filter(|_| !half).map(Value::from));
        optional("reference", self.reference.clone().map(Value::from));
        optional("to", self.to.map(|to| self.system.calls_site(to).into()));
        if let (Some((_, line)), Some(placed)) = (self.order, placed) {
            optional("order", Some(json!({ "shop": placed.shop, "order": placed.order, "line": placed.lines.get(line) })));
        }
        Value::Object(fields)
    }

    /// As the ERP has it in its books.
    pub fn document(&self, began: Timestamp) -> Document {
        // What leaves has a sign there.
        let (kind, sign) = match self.kind {
            StockKind::Receipt => ("ItemRcpt", 1),
            StockKind::ProductionCompleted => ("Build", 1),
            StockKind::ComponentIssue => ("BuildIssue", -1),
            StockKind::PosPosting => ("CashSale", -1),
            StockKind::WholesaleAllocation => ("SalesOrd", 1),
            StockKind::Balance => ("InvCount", 1),
            StockKind::Count
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
            | StockKind::ProductionRun => panic!("the script has the ERP say {}", self.kind.name()),
        };
        let (quantity, unit) = self.system.says(self.item, sign * self.units);
        let half = self.fate == Fate::HalfAPiece;
        Document {
            id: self.number,
            kind,
            item: self.item_code(),
            location: self.system.calls_site(self.site).to_owned(),
            to: None,
            quantity: if half { "0.5".to_owned() } else { quantity },
            unit: if half { "Ea" } else { unit.unwrap_or("Ea") }.to_owned(),
            at: self.occurred_at(began),
            reference: self.reference.clone(),
        }
    }
}
