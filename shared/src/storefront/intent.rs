//! The call that is about to be made to a shop, written before it is made.
//!
//! A shop has one intent row. While it is open, no pusher opens another, so the pushes to a shop follow one another and no two of
//! them plan from the same `acknowledged`. A pusher that finds an old open intent repeats exactly that call with exactly that
//! key: whether or not the first call arrived, the outcome is the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::{InventoryItemId, LocationId, Quantity, ShopDomain, ShopLocationId, Sku};

/// The most pairs one call may carry (Shopify's limit for input arrays).
pub const MAX_ROWS: usize = 250;

/// One call to a shop: planned, then in progress or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushIntent {
    /// The shop.
    pub shop: ShopDomain,
    /// The number of the intent; every new intent of the shop gets the next higher one.
    pub number: u64,
    /// The idempotency key of the call.
    pub key: String,
    /// Whether its outcome is known.
    pub state: PushState,
    /// What the call does.
    pub action: PushAction,
    /// The pairs.
    pub rows: Vec<PushRow>,
    /// When it was written.
    pub opened_at: Timestamp,
}

/// Whether the outcome of an intent is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// The call may have been made, may be being made, or may never have started.
    Open,
    /// Its outcome is recorded in the levels.
    Closed,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushAction {
    /// Adds the difference to `available`.
    Adjust,
    /// Sets `available` by compare-and-set: initialises or repairs a level.
    Set,
}

/// One pair of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRow {
    /// Our item.
    pub sku: Sku,
    /// Our location.
    pub location: LocationId,
    /// The shop's name of the item.
    pub inventory_item: InventoryItemId,
    /// The shop's name of the location.
    pub shop_location: ShopLocationId,
    /// The sequence number of the last movement that the value includes.
    pub seq: u64,
    /// What the level had acknowledged when this was planned.
    pub from: Option<Quantity>,
    /// What the level acknowledges once the call is done.
    pub to: Quantity,
    /// The difference to add, or the level to set.
    pub send: Quantity,
    /// For a set: the `available` that the shop must have; otherwise the shop refuses it as stale.
    pub expects: Option<Quantity>,
}

impl PushIntent {
    /// Opens the intent that follows `last`.
    ///
    /// # Panics
    /// When `rows` is empty or has more than [`MAX_ROWS`] rows.
    #[must_use]
    pub fn open(shop: ShopDomain, last: Option<&Self>, action: PushAction, rows: Vec<PushRow>, now: Timestamp) -> Self {
        assert!(!rows.is_empty() && rows.len() <= MAX_ROWS, "an intent has 1 to {MAX_ROWS} rows");
        let number = last.map_or(0, |last| last.number) + 1;
        let key = idempotency_key(&shop, number, now);
        Self { shop, number, key, state: PushState::Open, action, rows, opened_at: now }
    }

    /// Takes the place of an intent whose row, of that revision, cannot be read or is from a restored table. Each intent is written at least once, so no number is
    /// above the revision, and this one is the highest.
    #[must_use]
    pub fn in_place_of_revision(revision: u64, shop: ShopDomain, now: Timestamp) -> Self {
        let number = revision + 1;
        let key = idempotency_key(&shop, number, now);
        Self { shop, number, key, state: PushState::Closed, action: PushAction::Set, rows: Vec::new(), opened_at: now }
    }

    /// Whether it took the place of another intent, and no call belongs to it.
    #[must_use]
    pub fn is_replacement(&self) -> bool {
        self.rows.is_empty()
    }

    /// The reason in the shop's inventory history. The namespace is our own, because `gid://shopify/…` is reserved.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("gid://promissory/Intent/{}", self.number)
    }
}

/// A key in the form of a UUID, derived from its shop and number. The time is included for a table that was created again: its
/// numbers restart, and Shopify may still remember the old keys.
fn idempotency_key(shop: &ShopDomain, number: u64, now: Timestamp) -> String {
    let digest = Sha256::digest(format!("promissory#{shop}#{number}#{now}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-8{}-8{}-{}", &hex[0..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
