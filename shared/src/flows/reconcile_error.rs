//! Why a repairing job stopped.

use super::CommitError;
use crate::ports::StoreError;
use crate::storefront::StorefrontError;
use crate::table::UnreadableRow;

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

impl From<UnreadableRow> for ReconcileError {
    fn from(error: UnreadableRow) -> Self {
        Self::Store(error.into())
    }
}
