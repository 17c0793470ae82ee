//! Sends hints for levels and metafields that have not been pushed to a shop yet.

use std::collections::BTreeSet;

use crate::catalog::ShopDomain;
use crate::ports::{Hints, StoreError};
use crate::storefront::{Hint, PushTarget, TARGETS_PER_HINT};

/// Sends hints for all of `targets` in as few messages as possible.
///
/// # Errors
/// When the queue cannot be reached. The targets stay due, and the reconciler's backlog job sends the hints again.
pub async fn hint_all<H: Hints>(hints: &H, shop: &ShopDomain, targets: BTreeSet<PushTarget>) -> Result<(), StoreError> {
    let targets: Vec<_> = targets.into_iter().collect();
    let hint = |chunk: &[PushTarget]| Hint { shop: shop.clone(), targets: chunk.iter().cloned().collect() };
    let messages: Vec<Hint> = targets.chunks(TARGETS_PER_HINT).map(hint).collect();
    if messages.is_empty() { Ok(()) } else { hints.send(&messages).await }
}
