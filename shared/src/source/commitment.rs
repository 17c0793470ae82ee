//! What opens and closes over several events of one paper: a till's ticket, a transfer, an order of somebody else, a hold.
//!
//! A claim keeps the sum of what was said of it, by kind. What stands is a function of these sums, never below zero, so a
//! closing that comes before its opening leaves nothing open, and the same events in any order lead to the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::Quantity;
use crate::movement::{BalanceChange, PositionKey};
use crate::source::StockKind;

/// The kinds of papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A till's ticket: opened by the sale, closed by its void or when the books have it.
    Ticket,
    /// A transfer, at its destination: opened by leaving, closed by arriving or being lost.
    Transfer,
    /// A quality hold.
    Hold,
    /// An order that is not a shop's: promised to a customer, set aside by a warehouse, closed by shipping.
    Outbound,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Ticket, Self::Transfer, Self::Hold, Self::Outbound];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Transfer => "transfer",
            Self::Hold => "hold",
            Self::Outbound => "outbound",
        }
    }

    /// The paper that an event of `kind` is about, if it is about one.
    #[must_use]
    pub fn of(kind: StockKind) -> Option<Self> {
        match kind {
            StockKind::PosSale | StockKind::PosVoid | StockKind::PosPosting => Some(Self::Ticket),
            StockKind::TransferOut | StockKind::TransferIn | StockKind::TransferLoss => Some(Self::Transfer),
            StockKind::QualityHold | StockKind::QualityRelease => Some(Self::Hold),
            StockKind::Allocation
            | StockKind::Deallocation
            | StockKind::Shipment
            | StockKind::WholesaleAllocation
            | StockKind::WholesaleRelease => Some(Self::Outbound),
            StockKind::Receipt
            | StockKind::ProductionCompleted
            | StockKind::ComponentIssue
            | StockKind::Count
            | StockKind::Balance
            | StockKind::Adjustment
            | StockKind::WriteOff
            | StockKind::PurchaseOrder
            | StockKind::ProductionRun
            | StockKind::CustomerReturn => None,
        }
    }
}

/// What was said of one paper about one position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCommitment {
    /// The kind of paper.
    pub paper: DocumentKind,
    /// Its name, by which every system calls it. Holds that name none are one claim of their system, and each lot has its own.
    pub reference: String,
    /// The position.
    #[serde(flatten)]
    pub of: PositionKey,
    /// Units said so far, by the kind of event that said them.
    pub said: BTreeMap<StockKind, Quantity>,
}

impl OpenCommitment {
    /// A paper nothing was said of yet.
    #[must_use]
    pub fn new(paper: DocumentKind, reference: String, of: PositionKey) -> Self {
        Self { paper, reference, of, said: BTreeMap::new() }
    }

    /// Adds what one event says.
    pub fn say(&mut self, kind: StockKind, quantity: Quantity) {
        *self.said.entry(kind).or_default() += quantity;
    }

    /// What stands: its share of the quantities of its position.
    #[must_use]
    pub fn stands(&self) -> BalanceChange {
        let said = |kind: StockKind| self.said.get(&kind).copied().unwrap_or_default();
        let nothing = BalanceChange::default();
        match self.paper {
            DocumentKind::Ticket => {
                let open = said(StockKind::PosSale) - said(StockKind::PosVoid) - said(StockKind::PosPosting);
                BalanceChange { pos_pending: open.at_least_zero(), ..nothing }
            }
            DocumentKind::Transfer => {
                let open = said(StockKind::TransferOut) - said(StockKind::TransferIn) - said(StockKind::TransferLoss);
                BalanceChange { in_transit: open.at_least_zero(), ..nothing }
            }
            DocumentKind::Hold => {
                let open = said(StockKind::QualityHold) - said(StockKind::QualityRelease);
                BalanceChange { held: open.at_least_zero(), ..nothing }
            }
            DocumentKind::Outbound => {
                // A warehouse sets aside what was promised already, and ships what was set aside: each unit counts once.
                let shipped = said(StockKind::Shipment);
                let aside = (said(StockKind::Allocation) - said(StockKind::Deallocation)).at_least_zero();
                let promised = said(StockKind::WholesaleAllocation) - said(StockKind::WholesaleRelease);
                let allocated = (aside - shipped).at_least_zero();
                BalanceChange { allocated, wholesale: (promised - aside.max(shipped)).at_least_zero(), ..nothing }
            }
        }
    }
}
