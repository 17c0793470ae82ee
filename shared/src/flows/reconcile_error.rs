//! The error of the reconciler's jobs, and the wait that ends in it.

use std::time::Duration;

use jiff::Timestamp;

use super::CommitError;
use crate::ports::{Clock, StoreError, sleep_within};
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

/// Waits for the shop's rate limit, if the wait ends before the deadline.
pub(super) async fn wait_within<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> Result<(), ReconcileError> {
    if sleep_within(clock, wait, deadline).await { Ok(()) } else { Err(ReconcileError::OutOfTime) }
}
