//! What drifted, found by schedule.
//!
//! [`sweep`] asks the shop for orders that changed and takes them through the same commit as webhooks; [`Reading`] reads
//! those that a webhook told in part, and forwards each new version. [`holds()`] gives up what nobody paid. [`compare`] looks
//! at a page of levels, recomputes them, and sends those that drifted to be contacted again. [`backlog`] picks up what a
//! killed function left: deferred events, and pairs the shop does not know yet. None of them writes a position or a level
//! of the shop in a way of its own.

mod backlog;
mod compare;
mod holds;
mod read;
mod refresh;
mod sweep;

pub use backlog::{BacklogReport, backlog};
pub use compare::{CompareReport, Drift, compare};
pub use holds::{HoldsReport, holds};
pub use read::{ReadReport, Reading};
pub use refresh::{Refresh, ask_refresh, refresh};
pub use sweep::{OVERLAP, Sweep, SweepReport, sweep};

use crate::ledger::CommitError;
use crate::store::StoreError;
use crate::storefront::StorefrontError;

/// Why a job stopped. What it did stays; the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The ledger did not take something.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The shop did not answer, or refuses us.
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    /// Time is up; the next run goes on.
    #[error("the time for this job is up; the next run goes on")]
    OutOfTime,
}
