//! The progress of recomputing every item.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Sku;

/// How far a recomputation of every item has come, and what it covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshProgress {
    /// When it was requested.
    pub asked_at: Timestamp,
    /// The last item that was recomputed.
    pub after: Option<Sku>,
    /// Whether only planned items are recomputed, because a new day has begun.
    #[serde(default)]
    pub only_plans: bool,
    /// Whether every item was recomputed.
    #[serde(default)]
    pub done: bool,
    /// Items that could not be recomputed or planned. Every run tries them again, because no other job does so before the next day.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missed: BTreeSet<Sku>,
}
