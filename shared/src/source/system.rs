//! The other systems, and what is pulled from each.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::{FeedId, SystemId};
use crate::source::pull::{FeedWatermark, PullConfig};

/// What another system is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemKind {
    /// Keeps the books.
    Erp,
    /// Runs a warehouse.
    Wms,
    /// Rings up sales in stores.
    Pos,
    /// Keeps stock for us.
    ThirdParty,
}

/// Another system. One that only sends events needs no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its code.
    pub code: SystemId,
    /// What it is.
    pub kind: SystemKind,
    /// After how many minutes without news that could be taken in whole somebody must look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_after_minutes: Option<u32>,
    /// What is pulled from it, by feed: mostly its movements often, and its stock now and then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pull: BTreeMap<FeedId, PullConfig>,
}

impl System {
    /// Since when a feed is stale, if it is: longer ago than the system allows it was whole for the last time, or first
    /// asked if it never was.
    #[must_use]
    pub fn stale_since(&self, watermark: &FeedWatermark, now: Timestamp) -> Option<Timestamp> {
        let allowed = SignedDuration::from_mins(i64::from(self.stale_after_minutes?));
        let whole = watermark.complete_at.unwrap_or(watermark.first_at);
        (now.duration_since(whole) > allowed).then_some(whole)
    }
}
