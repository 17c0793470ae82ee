//! The hint port. A hint asks the pusher to look at pairs of item and location. It carries no quantity, so a late, duplicated or
//! lost hint does no harm.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::ShopDomain;
use crate::movement::PositionKey;

/// The most pairs in one hint, so that a message stays far below the queue's limit.
pub const PAIRS_PER_HINT: usize = 200;

/// Pairs whose level in a shop may have to be sent. A pair without a location stands for the metafields of the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The shop.
    pub shop: ShopDomain,
    /// The pairs.
    pub pairs: BTreeSet<PositionKey>,
}
