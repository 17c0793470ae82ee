//! The hint port: "look at these pairs". A hint carries no number, so a late, doubled or lost one does no harm.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::ShopDomain;
use crate::movement::PositionKey;

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
