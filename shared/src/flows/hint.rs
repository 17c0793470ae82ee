//! Sends hints for pairs whose new supply has not been pushed to a shop yet.

use std::collections::BTreeSet;

use crate::catalog::ShopDomain;
use crate::movement::PositionKey;
use crate::ports::{Hints, StoreError};
use crate::storefront::{Hint, PAIRS_PER_HINT};

/// Sends hints for all of `pairs` in as few messages as possible.
///
/// # Errors
/// When the queue cannot be reached. The levels of the pairs stay due, and the reconciler's backlog job sends the hints again.
pub async fn hint_all<H: Hints>(hints: &H, shop: &ShopDomain, pairs: BTreeSet<PositionKey>) -> Result<(), StoreError> {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let messages: Vec<Hint> =
        pairs.chunks(PAIRS_PER_HINT).map(|chunk| Hint { shop: shop.clone(), pairs: chunk.iter().cloned().collect() }).collect();
    if messages.is_empty() { Ok(()) } else { hints.send(&messages).await }
}
