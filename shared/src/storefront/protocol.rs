//! The storefront port: the few things we ask of a shop. Shopify is one implementation, the simulated shop another.

use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{InventoryItemId, OrderId, Quantity, ShopLocationId, VariantId};
use crate::order::{OrderSnapshot, SalesOrder};
use crate::storefront::MetafieldKind;

/// Adds to `available`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The item.
    pub inventory_item: InventoryItemId,
    /// The location.
    pub location: ShopLocationId,
    /// How much is added; below zero takes away.
    pub delta: Quantity,
}

/// Sets `available` where it still is what we think it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelSet {
    /// The item.
    pub inventory_item: InventoryItemId,
    /// The location.
    pub location: ShopLocationId,
    /// The new `available`.
    pub quantity: Quantity,
    /// The `available` it must find; anything else is stale.
    pub change_from: Quantity,
}

/// What is to be shown beside something that is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetafieldWrite {
    /// What is sold.
    pub variant: VariantId,
    /// What of it is shown.
    pub kind: MetafieldKind,
    /// What is shown beside it, in JSON.
    pub value: String,
}

/// What a shop shows of an item at a location, read in one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopLevel {
    /// The item.
    pub inventory_item: InventoryItemId,
    /// The location.
    pub location: ShopLocationId,
    /// Whether the item is stocked there. A level that is not takes changes in silence and forgets them.
    pub active: bool,
    /// What it sells.
    pub available: Quantity,
    /// What its open orders hold.
    pub committed: Quantity,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
}

/// What a shop said to a mutation it looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShopAnswer {
    /// All of it is done (now, or by an earlier call with the same key).
    Done,
    /// None of it is done, for these reasons.
    Refused(Vec<UserError>),
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// What kind of reason.
    pub code: UserErrorCode,
    /// Which of the rows sent, if it is about one.
    pub row: Option<usize>,
    /// The shop's words.
    pub message: String,
}

/// The reasons that are acted on differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A compare-and-set found another number.
    ChangeFromQuantityStale,
    /// A call with this key is still under way.
    ConcurrentRequest,
    /// The call with this key failed before; a new key is wanted.
    PreviousAttemptFailed,
    /// The key was used for something else: a mistake of ours.
    KeyParameterMismatch,
    /// The shop cannot do it just now.
    ServiceUnavailable,
    /// Anything else: the row, or the call, cannot be done as it is.
    Other(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum StorefrontError {
    /// Over budget. Whether a mutation ran is unknown: the same key, again, after `wait`.
    #[error("the shop's budget is used up for {wait:?}")]
    Throttled {
        /// When it will be enough again.
        wait: Duration,
    },
    /// No answer, or a broken one. Whether a mutation ran is unknown: the same key, again.
    #[error("the shop gave no answer: {detail}")]
    Unavailable {
        /// What was tried and what came back.
        detail: String,
        /// The adapter's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The shop could not make sense of the request. Nothing ran.
    #[error("the shop says the request is invalid: {detail}")]
    Invalid {
        /// What it said.
        detail: String,
    },
    /// The shop refuses us: repeating will not help, someone must act.
    #[error("the shop refuses us: {detail}")]
    Rejected {
        /// What it said.
        detail: String,
    },
}

/// Names of orders, in the order of their last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrdersPage {
    /// Each order with its last change, oldest first.
    pub orders: Vec<(OrderId, Timestamp)>,
    /// What the shop calls orders of this page whose name cannot be read.
    pub unreadable: Vec<String>,
    /// When the shop answered, by its own clock.
    pub answered_at: Timestamp,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// A whole order, as the shop has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRead {
    /// What it says, for the ledger; or why it makes no sense.
    pub snapshot: Result<OrderSnapshot, String>,
    /// The same version, for the manufacturing system. Never stored.
    pub sales: SalesOrder,
}
