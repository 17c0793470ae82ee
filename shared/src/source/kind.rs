//! The kinds of stock events, and the table of their properties.
//!
//! A new kind of event is one variant of [`StockKind`] and one row of [`StockKind::properties`]. The checks of its fields, its
//! movement, its document and its scheduled receipt follow from the row. infra/docs/cases.md and infra/docs/sources-api.md show
//! what each kind does and needs, and tests compare them with the table.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::movement::{CountBasis, MovementKind};
use crate::order::ReportKind;
use crate::source::DocumentKind;

/// What can happen to stock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantArray, IntoStaticStr, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StockKind {
    /// The units that were physically there at one instant, when the records of the position began.
    OpeningStock,
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
    /// A correction up or down. One that names a document corrects what the document received or what was issued to it.
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
    /// A warehouse no longer allocates units to an order.
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
    /// Units are no longer allocated to a wholesale customer.
    WholesaleRelease,
    /// The ordered quantity of an item on a purchase order, received units included. It moves no stock before it is received.
    PurchaseOrder,
    /// The planned quantity of an item of a production run, completed units included. It moves no stock before it is
    /// completed.
    ProductionRun,
}

/// The properties of a kind of event: one row of the table.
#[derive(Debug, Clone, Copy)]
pub struct KindProperties {
    /// How the event changes the units on hand.
    pub stock: StockEffect,
    /// The part of a source document that the event opens or closes.
    pub document: Option<(DocumentPart, DocumentEffect)>,
    /// How the event changes the scheduled receipt that its reference names.
    pub receipt: Option<ReceiptEffect>,
    /// What the event reports about an order of a shop, when it names an order line. `None`: it cannot name one.
    pub report: Option<ReportKind>,
    /// Which quantities are valid.
    pub quantity: QuantityRule,
    /// Whether the event needs a reference.
    pub reference: ReferenceRule,
    /// Whether the event names a destination.
    pub names_destination: bool,
    /// Whether the event has a due date.
    pub due: DueRule,
}

/// How an event changes the units on hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockEffect {
    /// It does not change them.
    None,
    /// It makes one movement of its quantity.
    Moves(MovementKind),
    /// It corrects them up or down by its quantity.
    Corrects,
    /// Its quantity replaces them, as of its time.
    Counts(CountBasis),
    /// As a physical count, and the ledger shows the difference as opening stock, not as units that were found or lost.
    Opens,
}

/// The part of a source document whose units an event adds to or takes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentPart {
    /// Units that a POS ticket sold.
    PosSold,
    /// Units that a transfer moves.
    Transferred,
    /// Units that a quality hold holds.
    Held,
    /// Units that an order of another channel promises to its customer.
    Promised,
    /// Units that a warehouse allocated to an order of another channel.
    Allocated,
    /// Units that shipped for an order of another channel.
    Shipped,
}

/// Whether an event adds its quantity to a part of a document, or takes it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentEffect {
    /// It adds its quantity.
    Adds,
    /// It takes its quantity off.
    TakesOff,
}

/// How an event changes a scheduled receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptEffect {
    /// It gives the total quantity and the due date.
    Schedules,
    /// It records received or completed units.
    Receives,
    /// It records components that were issued to a production run.
    Issues,
    /// It takes back a part of what was received or issued, or adds to it: a correction of the document that it names.
    TakesBack,
}

/// The valid quantities of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantityRule {
    /// Above zero.
    Positive,
    /// Zero or above: the quantity is a total, not a change.
    Total,
    /// Above or below zero.
    Signed,
    /// Any number: the books of a system go below zero when an issue is posted before its receipt.
    Any,
}

/// Whether an event needs the reference of a document that other events share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceRule {
    /// It may have one.
    Optional,
    /// It needs one.
    Required,
    /// It needs a reference, or the line of a shop's order.
    OrLineOfOrder,
}

/// Whether an event has a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueRule {
    /// It has none.
    None,
    /// It may have one. Without it, a purchase order is due after the supplier's lead time.
    Optional,
    /// It needs one unless it cancels its document: only the factory knows the day of a production run.
    Required,
}

impl QuantityRule {
    /// Whether a quantity of zero is valid.
    #[must_use]
    pub const fn allows_zero(self) -> bool {
        matches!(self, Self::Total | Self::Any)
    }

    /// Whether a quantity below zero is valid.
    #[must_use]
    pub const fn allows_negative(self) -> bool {
        matches!(self, Self::Signed | Self::Any)
    }
}

impl DocumentPart {
    /// The kind of document that the part belongs to.
    #[must_use]
    pub fn document(self) -> DocumentKind {
        match self {
            Self::PosSold => DocumentKind::Ticket,
            Self::Transferred => DocumentKind::Transfer,
            Self::Held => DocumentKind::QualityHold,
            Self::Promised | Self::Allocated | Self::Shipped => DocumentKind::Outbound,
        }
    }
}

impl StockKind {
    /// Every kind.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name in events.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The table: the properties of each kind.
    #[must_use]
    pub const fn properties(self) -> KindProperties {
        use DocumentEffect::{Adds, TakesOff};
        use DocumentPart::{Allocated, Held, PosSold, Promised, Shipped, Transferred};
        use MovementKind::{Deliver, Issue, Produce, Return, Sell, TransferIn, TransferOut};
        use ReceiptEffect::{Issues, Receives, Schedules, TakesBack};
        use ReferenceRule::{OrLineOfOrder, Required};
        use StockEffect::{Corrects, Counts, Moves, Opens};
        const NONE: KindProperties = KindProperties {
            stock: StockEffect::None,
            document: None,
            receipt: None,
            report: None,
            quantity: QuantityRule::Positive,
            reference: ReferenceRule::Optional,
            names_destination: false,
            due: DueRule::None,
        };
        const fn document(part: DocumentPart, effect: DocumentEffect, reference: ReferenceRule) -> KindProperties {
            KindProperties { document: Some((part, effect)), reference, ..NONE }
        }
        const fn state(basis: CountBasis, quantity: QuantityRule) -> KindProperties {
            KindProperties { stock: Counts(basis), quantity, ..NONE }
        }
        const fn schedule(due: DueRule) -> KindProperties {
            KindProperties { receipt: Some(Schedules), quantity: QuantityRule::Total, reference: Required, due, ..NONE }
        }
        match self {
            Self::OpeningStock => KindProperties { stock: Opens, quantity: QuantityRule::Total, ..NONE },
            Self::Receipt => KindProperties { stock: Moves(MovementKind::Receipt), receipt: Some(Receives), ..NONE },
            Self::ProductionCompleted => KindProperties { stock: Moves(Produce), receipt: Some(Receives), ..NONE },
            Self::ComponentIssue => KindProperties { stock: Moves(Issue), receipt: Some(Issues), ..NONE },
            Self::Count => state(CountBasis::Physical, QuantityRule::Total),
            Self::Balance => state(CountBasis::BookStock, QuantityRule::Any),
            Self::Adjustment => {
                KindProperties { stock: Corrects, receipt: Some(TakesBack), quantity: QuantityRule::Signed, ..NONE }
            }
            Self::WriteOff => KindProperties { stock: Moves(MovementKind::WriteOff), ..NONE },
            Self::QualityHold => document(Held, Adds, ReferenceRule::Optional),
            Self::QualityRelease => document(Held, TakesOff, ReferenceRule::Optional),
            Self::TransferOut => {
                KindProperties { stock: Moves(TransferOut), names_destination: true, ..document(Transferred, Adds, Required) }
            }
            Self::TransferIn => KindProperties { stock: Moves(TransferIn), ..document(Transferred, TakesOff, Required) },
            Self::TransferLoss => document(Transferred, TakesOff, Required),
            Self::CustomerReturn => KindProperties { stock: Moves(Return), report: Some(ReportKind::Returned), ..NONE },
            Self::Allocation => {
                KindProperties { report: Some(ReportKind::Allocated), ..document(Allocated, Adds, OrLineOfOrder) }
            }
            Self::Deallocation => {
                KindProperties { report: Some(ReportKind::Deallocated), ..document(Allocated, TakesOff, OrLineOfOrder) }
            }
            Self::Shipment => KindProperties {
                stock: Moves(Deliver),
                report: Some(ReportKind::Shipped),
                ..document(Shipped, Adds, OrLineOfOrder)
            },
            Self::PosSale => document(PosSold, Adds, Required),
            Self::PosVoid => document(PosSold, TakesOff, Required),
            Self::PosPosting => KindProperties { stock: Moves(Sell), ..document(PosSold, TakesOff, Required) },
            Self::WholesaleAllocation => document(Promised, Adds, Required),
            Self::WholesaleRelease => document(Promised, TakesOff, Required),
            Self::PurchaseOrder => schedule(DueRule::Optional),
            Self::ProductionRun => schedule(DueRule::Required),
        }
    }

    /// Whether the quantity is how much there is, not how much came or went.
    #[must_use]
    pub fn is_a_state(self) -> bool {
        matches!(self.properties().stock, StockEffect::Counts(_) | StockEffect::Opens)
    }

    /// Whether a quantity of zero is valid.
    #[must_use]
    pub fn may_be_zero(self) -> bool {
        self.properties().quantity.allows_zero()
    }

    /// The kinds whose properties meet a condition, for a message.
    pub(super) fn names(meets: impl Fn(&KindProperties) -> bool) -> String {
        let kinds = Self::ALL.iter().filter(|kind| meets(&kind.properties()));
        kinds.map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn stock(effect: StockEffect) -> String {
        match effect {
            StockEffect::None => String::new(),
            StockEffect::Moves(kind) => format!("`{}`", kind.name(false)),
            StockEffect::Corrects => "`found` or `lost`".to_owned(),
            StockEffect::Counts(CountBasis::Physical) => "replaces the physical units".to_owned(),
            StockEffect::Counts(CountBasis::BookStock) => "replaces the book stock".to_owned(),
            StockEffect::Opens => "opens the position with the physical units".to_owned(),
        }
    }

    fn document((part, effect): (DocumentPart, DocumentEffect)) -> String {
        let part = match part {
            DocumentPart::PosSold => "the sold units of the POS ticket",
            DocumentPart::Transferred => "the units of the transfer",
            DocumentPart::Held => "the held units",
            DocumentPart::Promised => "the promised units of the order",
            DocumentPart::Allocated => "the allocated units of the order",
            DocumentPart::Shipped => "the shipped units of the order",
        };
        match effect {
            DocumentEffect::Adds => format!("adds to {part}"),
            DocumentEffect::TakesOff => format!("takes off {part}"),
        }
    }

    fn receipt(effect: ReceiptEffect) -> &'static str {
        match effect {
            ReceiptEffect::Schedules => "schedules",
            ReceiptEffect::Receives => "receives",
            ReceiptEffect::Issues => "issues components",
            ReceiptEffect::TakesBack => "corrects what was received or issued",
        }
    }

    fn quantity(rule: QuantityRule) -> &'static str {
        match rule {
            QuantityRule::Positive => "above zero",
            QuantityRule::Total => "zero or above",
            QuantityRule::Signed => "above or below zero",
            QuantityRule::Any => "any",
        }
    }

    fn needs(properties: KindProperties) -> String {
        let reference = match properties.reference {
            ReferenceRule::Optional => None,
            ReferenceRule::Required => Some("`reference`"),
            ReferenceRule::OrLineOfOrder => Some("`reference` or `order`"),
        };
        let due = (properties.due == DueRule::Required).then_some("`due`, unless the quantity is zero");
        let to = properties.names_destination.then_some("`to`");
        [reference, to, due].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Protects the document for engineers of other systems: its table shows the properties that the code applies.
    #[test]
    fn the_table_of_kinds_is_current() {
        let mut table = String::from(
            "| kind | units on hand | document | scheduled receipt | quantity | needs |\n|---|---|---|---|---|---|\n",
        );
        for kind in StockKind::ALL {
            let properties = kind.properties();
            let (document, receipt) = (properties.document.map(document), properties.receipt.map(receipt));
            let _ = writeln!(
                table,
                "| `{}` | {} | {} | {} | {} | {} |",
                kind.name(),
                stock(properties.stock),
                document.unwrap_or_default(),
                receipt.unwrap_or_default(),
                quantity(properties.quantity),
                needs(properties),
            );
        }
        let page = include_str!("../../../infra/docs/sources-api.md");
        assert!(page.contains(&table), "infra/docs/sources-api.md must contain this table:\n{table}");
    }
}
