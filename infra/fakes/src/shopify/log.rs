//! What the shop remembers of our calls: an append-only log of applied mutations, and counters.
//!
//! Both are for tests and people to read; nothing in the shop decides by them.

use super::ids::{ItemId, LocationId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What changed levels, other than orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AppliedKind {
    /// `inventoryAdjustQuantities`.
    Adjust,
    /// `inventorySetQuantities`.
    Set,
    /// `inventoryActivate`.
    Activate,
    /// A person in the admin.
    ManualEdit,
}

/// One row of a mutation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// What was changed.
    pub item: ItemId,
    /// Where.
    pub location: LocationId,
    /// By how much available changed; what was asked for where it was not visible.
    pub delta: i64,
    /// Available afterwards.
    pub after: i64,
    /// False at an inactive level: Shopify reports success, and nothing is to be seen.
    pub visible: bool,
}

/// A mutation that was applied, or recognised as applied before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Applied {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: AppliedKind,
    /// Its idempotency key; none for a person.
    pub key: Option<String>,
    /// True where the key was known: the rows are those of the first time, and nothing was applied again.
    pub deduplicated: bool,
    /// What it was said to be for.
    pub reference: Option<String>,
    /// Its rows, in the order given.
    pub changes: Vec<Change>,
}

impl Applied {
    pub(super) fn new(at: Timestamp, kind: AppliedKind, key: Option<String>, changes: Vec<Change>) -> Self {
        Applied { at, kind, key, deduplicated: false, reference: None, changes }
    }
}

/// Counts since the shop was made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counters {
    /// GraphQL calls that reached the shop.
    pub requests: u64,
    /// Of these, answered with THROTTLED.
    pub throttled: u64,
    /// Cost points spent, by the actual cost.
    pub points_spent: u64,
    /// Calls by the operation's name.
    pub calls: BTreeMap<String, u64>,
    /// Mutations that were recognised by their key and not applied again.
    pub deduplicated: u64,
    /// Mutations refused with user errors.
    pub refused: u64,
    /// Rows applied by mutations, the invisible ones included.
    pub rows_applied: u64,
    /// Checkouts refused because there was not enough.
    pub sold_out: u64,
}
