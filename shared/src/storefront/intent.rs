//! What is about to be told to a shop, written down before it is told.
//!
//! A shop has one intent row. While it is open, nobody opens another, so a shop's pushes follow one another and no two
//! plan from the same `acknowledged`. Whoever finds it open and old repeats exactly that call with
//! exactly that key: whether the first call arrived or not, the outcome is the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::{InventoryItemId, LocationId, Quantity, ShopDomain, ShopLocationId, Sku};

/// The most pairs one call may carry (Shopify's limit for input arrays).
pub const MAX_ROWS: usize = 250;

/// One call to a shop: planned, and then either being made or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushIntent {
    /// The shop.
    pub shop: ShopDomain,
    /// Counts the shop's intents, without end: an older one never follows a newer.
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
    /// Sets `available` by compare-and-set: first contact and repair.
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
    /// The movement it is told up to.
    pub seq: u64,
    /// What the level had acknowledged when this was planned.
    pub from: Option<Quantity>,
    /// What the level acknowledges once this is done.
    pub to: Quantity,
    /// The difference to add, or the level to set.
    pub send: Quantity,
    /// For a set: the `available` it must find.
    pub expects: Option<Quantity>,
}

impl PushRow {}

impl PushIntent {
    /// The intent that follows `last`.
    #[must_use]
    pub fn open(shop: ShopDomain, last: Option<&Self>, action: PushAction, rows: Vec<PushRow>, now: Timestamp) -> Self {
        assert!(!rows.is_empty() && rows.len() <= MAX_ROWS, "an intent tells 1 to {MAX_ROWS} pairs");
        let number = last.map_or(0, |last| last.number) + 1;
        let key = idempotency_key(&shop, number, now);
        Self { shop, number, key, state: PushState::Open, action, rows, opened_at: now }
    }

    /// What the shop's history shows as the reason: ours, never `gid://shopify/…`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("gid://promissory/Intent/{}", self.number)
    }
}

/// A key in the form of a UUID, derived from what it stands for. The time is in it for a table that was made anew: its
/// numbers start again, and Shopify may still remember the old keys.
fn idempotency_key(shop: &ShopDomain, number: u64, now: Timestamp) -> String {
    let digest = Sha256::digest(format!("promissory#{shop}#{number}#{now}"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-8{}-8{}-{}", &hex[0..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
