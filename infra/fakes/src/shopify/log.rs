//! The shop's records of our calls: an append-only log of applied mutations, and counters.
//!
//! Both are for tests and people. The shop makes no decision with them.

use super::ids::{ItemId, LocationId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The cause of a change of levels, other than an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AppliedKind {
    /// `inventoryAdjustQuantities`.
    Adjust,
    /// `inventorySetQuantities`.
    Set,
    /// `inventoryActivate`.
    Activate,
    /// An edit by a person in the admin.
    ManualEdit,
}

/// One row of a mutation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// The item whose level the row changes.
    pub item: ItemId,
    /// The location of the level.
    pub location: LocationId,
    /// The change of available. At an inactive level it is the change that was asked for.
    pub delta: i64,
    /// The available units after the change.
    pub after: i64,
    /// False at an inactive level: Shopify reports success, and no channel shows the quantity.
    pub visible: bool,
}

/// A mutation that the shop applied, or recognised as already applied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Applied {
    /// The time of the call.
    pub at: Timestamp,
    /// The kind of change.
    pub kind: AppliedKind,
    /// Its idempotency key; `None` for an edit by a person.
    pub key: Option<String>,
    /// True if the key was known: the rows are those of the first call, and the shop applied nothing again.
    pub deduplicated: bool,
    /// The reference document that the caller named.
    pub reference: Option<String>,
    /// Its rows, in the order of the input.
    pub changes: Vec<Change>,
}

impl Applied {
    pub(super) fn new(at: Timestamp, kind: AppliedKind, key: Option<String>, changes: Vec<Change>) -> Self {
        Applied { at, kind, key, deduplicated: false, reference: None, changes }
    }
}

/// Counts since the shop was created.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counters {
    /// GraphQL calls that reached the shop.
    pub requests: u64,
    /// GraphQL calls that the shop answered with `THROTTLED`.
    pub throttled: u64,
    /// Cost points spent, by the actual cost.
    pub points_spent: u64,
    /// Calls by the name of the operation.
    pub calls: BTreeMap<String, u64>,
    /// Mutations that the shop recognised by their key and did not apply again.
    pub deduplicated: u64,
    /// Mutations that the shop refused with user errors.
    pub refused: u64,
    /// Rows that mutations applied, including rows at inactive levels.
    pub rows_applied: u64,
    /// Checkouts that the shop refused because too few units were available.
    pub sold_out: u64,
}
