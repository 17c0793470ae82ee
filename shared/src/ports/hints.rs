//! The hint port: asks the pusher to look at pairs. A hint carries no number, so a late, doubled or lost one does no harm.

use std::future::Future;

use super::StoreError;
use crate::storefront::Hint;

/// Carries hints to whoever pushes.
pub trait Hints: Sync {
    /// Sends hints; they may arrive late, twice, or out of order.
    fn send(&self, hints: &[Hint]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
