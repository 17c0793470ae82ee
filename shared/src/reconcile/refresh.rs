//! What must be computed anew of every item, and how far that has come.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Sku;

/// What must be computed anew of every item, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshProgress {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// The last item that was done.
    pub after: Option<Sku>,
    /// Only what is planned: a day has begun.
    #[serde(default)]
    pub only_plans: bool,
    /// It has come to the end.
    #[serde(default)]
    pub done: bool,
    /// Items that could not be planned: every run tries them again, because nothing else would before the next day.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missed: BTreeSet<Sku>,
}
