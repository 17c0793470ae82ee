//! What stands of a paper, worked out from the sums of what was said of it, by nothing of the shipped code: the checker
//! holds it against every claim that is written, and the model against what systems said.

use std::ops::AddAssign;

use promissory::movement::Balance;
use promissory::source::{Paper, StockKind};

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
    pub fn of(paper: Paper, said: impl Fn(StockKind) -> i64) -> Self {
        let mut open = Self::default();
        match paper {
            Paper::Hold => open.held = (said(StockKind::QualityHold) - said(StockKind::QualityRelease)).max(0),
            Paper::Transfer => {
                let ended = said(StockKind::TransferIn) + said(StockKind::TransferLoss);
                open.in_transit = (said(StockKind::TransferOut) - ended).max(0);
            }
            Paper::Ticket => {
                let ended = said(StockKind::PosVoid) + said(StockKind::PosPosting);
                open.pos_pending = (said(StockKind::PosSale) - ended).max(0);
            }
            Paper::Outbound => {
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
