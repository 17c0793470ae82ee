//! Documents that open and close over several events: a POS ticket, a transfer, an order that is not a shop's, a quality hold.
//!
//! A commitment keeps the sum of its events by kind. Its open quantities are a function of these sums and never negative. A
//! closing event that arrives before its opening event therefore leaves nothing open, and the same events lead to the same
//! result in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::Quantity;
use crate::movement::{BalanceChange, PositionKey};
use crate::source::StockKind;
use crate::source::kind::{DocumentEffect, DocumentPart};

/// The kinds of source documents that stay open over several events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A POS ticket: opened by the sale, closed by its void or when the ERP posts it.
    Ticket,
    /// A transfer, at its destination: opened by the departure, closed by the arrival or the loss.
    Transfer,
    /// A quality hold.
    QualityHold,
    /// An order that is not a shop's: promised to a customer, allocated by a warehouse, closed by its shipment.
    Outbound,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Ticket, Self::Transfer, Self::QualityHold, Self::Outbound];

    /// The name that is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Transfer => "transfer",
            Self::QualityHold => "quality_hold",
            Self::Outbound => "outbound",
        }
    }

    /// The kind of document that an event of `kind` belongs to, if any.
    #[must_use]
    pub fn of(kind: StockKind) -> Option<Self> {
        kind.properties().document.map(|(part, _)| part.document())
    }
}

/// The sums of the events of one document at one position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCommitment {
    /// The kind of the document.
    pub document: DocumentKind,
    /// The reference by which every system names the document. Holds without a reference form one commitment per system. The
    /// holds of each lot form their own.
    pub reference: String,
    /// The position.
    #[serde(flatten)]
    pub of: PositionKey,
    /// The sum of units by kind of event.
    pub totals: BTreeMap<StockKind, Quantity>,
}

impl OpenCommitment {
    /// A commitment without an event.
    #[must_use]
    pub fn new(document: DocumentKind, reference: String, of: PositionKey) -> Self {
        Self { document, reference, of, totals: BTreeMap::new() }
    }

    /// Adds the quantity of one event.
    pub fn add(&mut self, kind: StockKind, quantity: Quantity) {
        *self.totals.entry(kind).or_default() += quantity;
    }

    /// The open quantities: what this document contributes to the balance of its position.
    #[must_use]
    pub fn open_quantities(&self) -> BalanceChange {
        let total = |wanted: DocumentPart| -> Quantity {
            let of_part = self.totals.iter().filter_map(|(kind, units)| {
                let (_, effect) = kind.properties().document.filter(|(part, _)| *part == wanted)?;
                Some(match effect {
                    DocumentEffect::Adds => *units,
                    DocumentEffect::TakesOff => -*units,
                })
            });
            of_part.sum()
        };
        let nothing = BalanceChange::default();
        match self.document {
            DocumentKind::Ticket => BalanceChange { pos_pending: total(DocumentPart::PosSold).at_least_zero(), ..nothing },
            DocumentKind::Transfer => BalanceChange { in_transit: total(DocumentPart::Transferred).at_least_zero(), ..nothing },
            DocumentKind::QualityHold => BalanceChange { held: total(DocumentPart::Held).at_least_zero(), ..nothing },
            DocumentKind::Outbound => {
                // A warehouse allocates units that may be promised already, and ships units that may be allocated already.
                // Each unit counts once.
                let shipped = total(DocumentPart::Shipped);
                let allocations = total(DocumentPart::Allocated).at_least_zero();
                let allocated = (allocations - shipped).at_least_zero();
                let wholesale = (total(DocumentPart::Promised) - allocations.max(shipped)).at_least_zero();
                BalanceChange { allocated, wholesale, ..nothing }
            }
        }
    }
}
