//! The error of the reconciler's jobs.

use super::CommitError;
use crate::ports::StoreError;
use crate::storefront::StorefrontError;
use crate::table::UnreadableRow;

/// Why a job stopped. What the job has written stays, and the next run continues from there.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Events could not be committed to the ledger.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The shop did not answer, or it rejects our requests.
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    /// The deadline of the job has passed. The next run continues.
    #[error("the job reached its deadline; the next run continues")]
    OutOfTime,
}

impl From<UnreadableRow> for ReconcileError {
    fn from(error: UnreadableRow) -> Self {
        Self::Store(error.into())
    }
}
