//! The storefront port: the few things we ask of a shop. Shopify is one implementation, the simulated shop another.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use super::LabelKind;
use crate::catalog::{InventoryItemId, OrderId, Quantity, ShopDomain, ShopLocationId, VariantId};
use crate::order::{OrderSnapshot, SalesOrder};

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
pub struct Description {
    /// What is sold.
    pub variant: VariantId,
    /// What of it is shown.
    pub kind: LabelKind,
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
pub enum Answer {
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

/// A shop.
pub trait Storefront: Sync {
    /// Adds to `available`, all rows or none, once per `key`.
    fn adjust(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[Adjustment],
    ) -> impl Future<Output = Result<Answer, StorefrontError>> + Send;

    /// Sets `available` by compare-and-set, all rows or none, once per `key`.
    fn set(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[LevelSet],
    ) -> impl Future<Output = Result<Answer, StorefrontError>> + Send;

    /// Stocks an item at a location, with nothing available. Once per `key`.
    fn activate(
        &self,
        shop: &ShopDomain,
        key: &str,
        item: InventoryItemId,
        location: ShopLocationId,
    ) -> impl Future<Output = Result<Answer, StorefrontError>> + Send;

    /// Says what is shown beside what is sold (at most [`Self::DESCRIBED_AT_ONCE`]): all rows or none, each whole, so that
    /// saying it again changes nothing.
    fn describe(&self, shop: &ShopDomain, rows: &[Description]) -> impl Future<Output = Result<Answer, StorefrontError>> + Send;

    /// The most rows of one description.
    const DESCRIBED_AT_ONCE: usize = 25;

    /// Every level of these items (at most [`Self::LEVELS_AT_ONCE`]). An item the shop does not know has none.
    fn levels(
        &self,
        shop: &ShopDomain,
        items: &[InventoryItemId],
    ) -> impl Future<Output = Result<Vec<ShopLevel>, StorefrontError>> + Send;

    /// The most items whose levels are read at once.
    const LEVELS_AT_ONCE: usize = 40;

    /// Reads an order; `None` when the shop has none of this name.
    fn order(&self, shop: &ShopDomain, order: OrderId)
    -> impl Future<Output = Result<Option<OrderRead>, StorefrontError>> + Send;

    /// The order that something else of the shop belongs to, by its global id; `None` when there is no such thing.
    fn order_of(&self, shop: &ShopDomain, gid: &str) -> impl Future<Output = Result<Option<OrderId>, StorefrontError>> + Send;

    /// One page of names of orders that changed at or after `since`, oldest change first.
    fn orders_updated(
        &self,
        shop: &ShopDomain,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> impl Future<Output = Result<OrdersPage, StorefrontError>> + Send;
}
