//! What stock events lead to at a position, worked out a second time: the simulator and `demo sources` compare the ledger with
//! it.
//!
//! It is written as sums over all events, where the ledger applies one event after the other, so that the two do not share a
//! mistake. From `promissory` it takes names (kinds, papers, quantities) and no rule of the ledger. Deliberately absent: orders of
//! the shop. Their units leave when the shop or a warehouse says so, and each of the two users knows its own orders.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use promissory::movement::Balance;
use promissory::source::{DocumentKind, StockKind};

/// A stock event that the ledger must have applied, in our units. It is of one item, and of no order of the shop. `P` names a
/// place, `T` a time, `R` a paper.
#[derive(Debug, Clone, Copy)]
pub struct Fact<P, T, R> {
    /// What happened.
    pub kind: StockKind,
    /// Where.
    pub at: P,
    /// Where a transfer goes.
    pub to: Option<P>,
    /// How many units; below zero only of an adjustment.
    pub units: i64,
    /// The time it speaks of.
    pub time: T,
    /// The paper it names.
    pub reference: R,
}

/// The units on hand at a place, and what papers leave open there. There were `opening` units before any event: the newest
/// count or balance replaces them, and what happened before it counts no more.
pub fn stock_at<P: PartialEq, T: Ord, R: Ord + Copy>(facts: &[Fact<P, T, R>], place: &P, opening: i64) -> (i64, Open) {
    let here = || facts.iter().filter(|fact| fact.at == *place);
    let states = here().filter(|fact| matches!(fact.kind, StockKind::Count | StockKind::Balance));
    let newest = states.max_by_key(|fact| &fact.time);
    let since = here().filter(|fact| newest.is_none_or(|newest| fact.time > newest.time));
    let on_hand = newest.map_or(opening, |newest| newest.units) + since.map(|fact| change(fact.kind, fact.units)).sum::<i64>();
    let mut documents: BTreeMap<(DocumentKind, R), BTreeMap<StockKind, i64>> = BTreeMap::new();
    // A transfer is open where it goes.
    for fact in facts.iter().filter(|fact| fact.to.as_ref().unwrap_or(&fact.at) == place) {
        if let Some(paper) = DocumentKind::of(fact.kind) {
            *documents.entry((paper, fact.reference)).or_default().entry(fact.kind).or_default() += fact.units;
        }
    }
    let mut open = Open::default();
    for ((paper, _), said) in &documents {
        open += Open::of(*paper, |kind| said.get(&kind).copied().unwrap_or_default());
    }
    (on_hand, open)
}

/// What an event adds to the units on hand where it happened.
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
        StockKind::Count
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

/// Units that papers leave open at a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// Held by quality.
    pub held: i64,
    /// On their way here.
    pub in_transit: i64,
    /// Sold by tills.
    pub pos_pending: i64,
    /// Set aside for other channels.
    pub allocated: i64,
    /// Promised to wholesale customers.
    pub wholesale: i64,
}

impl Open {
    /// What stands of one paper, of which so many units were `said` of each kind.
    pub fn of(paper: DocumentKind, said: impl Fn(StockKind) -> i64) -> Self {
        let mut open = Self::default();
        match paper {
            DocumentKind::Hold => open.held = (said(StockKind::QualityHold) - said(StockKind::QualityRelease)).max(0),
            DocumentKind::Transfer => {
                let ended = said(StockKind::TransferIn) + said(StockKind::TransferLoss);
                open.in_transit = (said(StockKind::TransferOut) - ended).max(0);
            }
            DocumentKind::Ticket => {
                let ended = said(StockKind::PosVoid) + said(StockKind::PosPosting);
                open.pos_pending = (said(StockKind::PosSale) - ended).max(0);
            }
            DocumentKind::Outbound => {
                let shipped = said(StockKind::Shipment);
                let aside = (said(StockKind::Allocation) - said(StockKind::Deallocation)).max(0);
                let promised = said(StockKind::WholesaleAllocation) - said(StockKind::WholesaleRelease);
                open.allocated = (aside - shipped).max(0);
                open.wholesale = (promised - aside.max(shipped)).max(0);
            }
        }
        open
    }

    /// What a position has of all this, of which `other_holds` are not of papers.
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

/// Whether a kind opens a paper; the others close it.
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
