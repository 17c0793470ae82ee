//! Computes a second time what stock events lead to at a position. The simulator and `demo sources` compare the ledger with it.
//!
//! The oracle sums over all events, while the ledger applies one event after the other, so that the two do not share a mistake.
//! It takes names from `promissory` (kinds, documents, quantities) and no rule of the ledger.
//!
//! Deliberately absent: orders of the shop. Their units leave when the shop or a warehouse reports it, and each of the two users
//! of the oracle accounts for its own orders.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use promissory::movement::Balance;
use promissory::source::{DocumentKind, StockKind};

/// A stock event that the ledger must have applied, in base units. All facts of one call belong to one item, and none of them
/// to an order of the shop. `P` names a place, `T` a time, `R` a source document.
#[derive(Debug, Clone, Copy)]
pub struct Fact<P, T, R> {
    /// The kind of the event.
    pub kind: StockKind,
    /// The place where it happened.
    pub at: P,
    /// The destination of a transfer.
    pub to: Option<P>,
    /// The number of units; only an adjustment and a balance may be below zero.
    pub units: i64,
    /// The time at which it happened.
    pub time: T,
    /// The source document that it names.
    pub reference: R,
}

/// Computes the units on hand at a place, and the units that source documents leave open there. There were `opening` units before
/// any event. The newest opening stock, count or balance replaces them, and every event before it.
pub fn stock_at<P: PartialEq, T: Ord, R: Ord + Copy>(facts: &[Fact<P, T, R>], place: &P, opening: i64) -> (i64, Open) {
    let here = || facts.iter().filter(|fact| fact.at == *place);
    let states = here().filter(|fact| matches!(fact.kind, StockKind::OpeningStock | StockKind::Count | StockKind::Balance));
    let newest = states.max_by_key(|fact| &fact.time);
    let since = here().filter(|fact| newest.is_none_or(|newest| fact.time > newest.time));
    let on_hand = newest.map_or(opening, |newest| newest.units) + since.map(|fact| change(fact.kind, fact.units)).sum::<i64>();
    let mut documents: BTreeMap<(DocumentKind, R), BTreeMap<StockKind, i64>> = BTreeMap::new();
    // A transfer is open at its destination.
    for fact in facts.iter().filter(|fact| fact.to.as_ref().unwrap_or(&fact.at) == place) {
        if let Some(document) = DocumentKind::of(fact.kind) {
            *documents.entry((document, fact.reference)).or_default().entry(fact.kind).or_default() += fact.units;
        }
    }
    let mut open = Open::default();
    for ((document, _), reported) in &documents {
        open += Open::of(*document, |kind| reported.get(&kind).copied().unwrap_or_default());
    }
    (on_hand, open)
}

/// The units that an event adds to the units on hand at its place.
#[must_use]
pub fn change(kind: StockKind, units: i64) -> i64 {
    match kind {
        StockKind::Receipt
        | StockKind::ProductionCompleted
        | StockKind::Adjustment
        | StockKind::TransferIn
        | StockKind::CustomerReturn => units,
        StockKind::ComponentIssue
        | StockKind::WriteOff
        | StockKind::TransferOut
        | StockKind::PosPosting
        | StockKind::Shipment => -units,
        StockKind::OpeningStock
        | StockKind::Count
        | StockKind::Balance
        | StockKind::QualityHold
        | StockKind::QualityRelease
        | StockKind::TransferLoss
        | StockKind::Allocation
        | StockKind::Deallocation
        | StockKind::PosSale
        | StockKind::PosVoid
        | StockKind::WholesaleAllocation
        | StockKind::WholesaleRelease
        | StockKind::PurchaseOrder
        | StockKind::ProductionRun => 0,
    }
}

/// Units that source documents leave open at a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// Units in a quality hold.
    pub held: i64,
    /// Units on their way to the place.
    pub in_transit: i64,
    /// Units that a POS has sold and the ERP has not posted.
    pub pos_pending: i64,
    /// Units that a warehouse has allocated to orders of other channels.
    pub allocated: i64,
    /// Units that are promised to wholesale customers and not allocated.
    pub wholesale: i64,
}

impl Open {
    /// Computes the units that one source document leaves open. `reported` returns the reported units of each kind.
    pub fn of(document: DocumentKind, reported: impl Fn(StockKind) -> i64) -> Self {
        let mut open = Self::default();
        match document {
            DocumentKind::QualityHold => {
                open.held = (reported(StockKind::QualityHold) - reported(StockKind::QualityRelease)).max(0)
            }
            DocumentKind::Transfer => {
                let ended = reported(StockKind::TransferIn) + reported(StockKind::TransferLoss);
                open.in_transit = (reported(StockKind::TransferOut) - ended).max(0);
            }
            DocumentKind::Ticket => {
                let ended = reported(StockKind::PosVoid) + reported(StockKind::PosPosting);
                open.pos_pending = (reported(StockKind::PosSale) - ended).max(0);
            }
            DocumentKind::Outbound => {
                let shipped = reported(StockKind::Shipment);
                let aside = (reported(StockKind::Allocation) - reported(StockKind::Deallocation)).max(0);
                let promised = reported(StockKind::WholesaleAllocation) - reported(StockKind::WholesaleRelease);
                open.allocated = (aside - shipped).max(0);
                open.wholesale = (promised - aside.max(shipped)).max(0);
            }
        }
        open
    }

    /// Computes the same numbers from a balance. `other_holds` are held units that belong to no source document.
    #[must_use]
    pub fn found(balance: Balance, other_holds: i64) -> Self {
        Self {
            held: balance.held.units() - other_holds,
            in_transit: balance.in_transit.units(),
            pos_pending: balance.pos_pending.units(),
            allocated: balance.allocated.units(),
            wholesale: balance.wholesale.units(),
        }
    }
}

impl AddAssign for Open {
    fn add_assign(&mut self, other: Self) {
        self.held += other.held;
        self.in_transit += other.in_transit;
        self.pos_pending += other.pos_pending;
        self.allocated += other.allocated;
        self.wholesale += other.wholesale;
    }
}

/// Returns whether a kind opens a source document. The other kinds close it.
#[must_use]
pub fn opens(kind: StockKind) -> bool {
    matches!(
        kind,
        StockKind::QualityHold
            | StockKind::TransferOut
            | StockKind::PosSale
            | StockKind::Allocation
            | StockKind::WholesaleAllocation
    )
}
