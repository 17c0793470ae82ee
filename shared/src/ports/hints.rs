//! The hint port: asks the pusher to read the levels of pairs. A hint carries no quantity, so a late, doubled or lost hint
//! does no harm.

use std::future::Future;

use super::StoreError;
use crate::storefront::Hint;

/// Sends hints to the pusher.
pub trait Hints: Sync {
    /// Sends hints; they may arrive late, twice, or out of order.
    fn send(&self, hints: &[Hint]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
