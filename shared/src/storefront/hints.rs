//! The hint port: "look at these pairs". A hint carries no number, so a late, doubled or lost one does no harm.

use std::collections::BTreeSet;
use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::catalog::ShopDomain;
use crate::ledger::PositionKey;
use crate::store::StoreError;

/// The most pairs in one hint, so that a message stays far below the queue's limit.
pub const PAIRS_PER_HINT: usize = 200;

/// Pairs whose level in a shop may be due. A pair without a location stands for what is shown of the item as a whole: its
/// lots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The shop.
    pub shop: ShopDomain,
    /// The pairs.
    pub pairs: BTreeSet<PositionKey>,
}

/// Carries hints to whoever pushes.
pub trait Hints: Sync {
    /// Sends hints; they may arrive late, twice, or out of order.
    fn send(&self, hints: &[Hint]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Sends hints for all of `pairs`, in as few messages as they fit in.
///
/// # Errors
/// When the queue cannot be reached. The pairs stay due, and the reconciler's backlog job hints again.
pub async fn hint_all<H: Hints>(hints: &H, shop: &ShopDomain, pairs: BTreeSet<PositionKey>) -> Result<(), StoreError> {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let messages: Vec<Hint> =
        pairs.chunks(PAIRS_PER_HINT).map(|chunk| Hint { shop: shop.clone(), pairs: chunk.iter().cloned().collect() }).collect();
    if messages.is_empty() { Ok(()) } else { hints.send(&messages).await }
}
