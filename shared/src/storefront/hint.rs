//! A hint asks the pusher to look at levels and metafields. It carries no quantity, so a late, duplicated or lost hint does no
//! harm.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, ShopDomain, Sku};

/// The most targets in one hint, so that a message stays far below the queue's limit.
pub const TARGETS_PER_HINT: usize = 200;

/// Values that may have to be sent to a shop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushTarget {
    /// The level of an item at a location.
    Level {
        /// The item.
        sku: Sku,
        /// The location.
        location: LocationId,
    },
    /// The metafields of an item.
    Metafields {
        /// The item.
        sku: Sku,
    },
}

/// What the pusher is to look at in one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The shop.
    pub shop: ShopDomain,
    /// The levels and metafields.
    pub targets: BTreeSet<PushTarget>,
}
