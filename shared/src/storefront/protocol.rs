//! The storefront port: the calls that the pusher, the reconciler and the order reader make to a shop. Shopify is one
//! implementation, and the simulated shop is another.

use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::MetafieldKind;
use crate::catalog::{InventoryItemId, OrderId, Quantity, ShopLocationId, VariantId};
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

/// Sets `available` if the shop still has the expected number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelSet {
    /// The item.
    pub inventory_item: InventoryItemId,
    /// The location.
    pub location: ShopLocationId,
    /// The new `available`.
    pub quantity: Quantity,
    /// The `available` that the shop must have; otherwise it refuses the change as stale.
    pub change_from: Quantity,
}

/// A write of one metafield of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetafieldWrite {
    /// The variant.
    pub variant: VariantId,
    /// The kind of metafield.
    pub kind: MetafieldKind,
    /// The value, in JSON.
    pub value: String,
}

/// The level that a shop has of an item at a location, read in one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopLevel {
    /// The item.
    pub inventory_item: InventoryItemId,
    /// The location.
    pub location: ShopLocationId,
    /// Whether the item is stocked there. A level that is not active accepts changes without an error and does not show them.
    pub active: bool,
    /// Units that can be sold.
    pub available: Quantity,
    /// Units that the shop's open orders hold.
    pub committed: Quantity,
    /// Units that the shop reserves, for draft orders and others.
    pub reserved: Quantity,
    /// Units on hand that the shop sets aside: damaged, in quality control, or safety stock.
    pub set_aside: Quantity,
    /// When the level last changed.
    pub updated_at: Timestamp,
}

impl ShopLevel {
    /// Units on hand in the shop: what can be sold, what orders and drafts hold, and what is set aside.
    #[must_use]
    pub fn total(&self) -> Quantity {
        self.available + self.committed + self.reserved + self.set_aside
    }
}

/// A shop's answer to a mutation that it processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShopAnswer {
    /// All changes are done (now, or by an earlier call with the same key).
    Done,
    /// No change is done, for these reasons.
    Refused(Vec<UserError>),
}

/// One reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// The kind of reason.
    pub code: UserErrorCode,
    /// The row of the call that the reason is about, if it is about one.
    pub row: Option<usize>,
    /// The shop's message.
    pub message: String,
}

/// The kinds of reasons that the pusher handles differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A compare-and-set found another number than expected.
    ChangeFromQuantityStale,
    /// A call with this key is still under way.
    ConcurrentRequest,
    /// The call with this key failed before; a new key is required.
    PreviousAttemptFailed,
    /// The key was used for a different call: a defect in this program.
    KeyParameterMismatch,
    /// The shop cannot process the call now.
    ServiceUnavailable,
    /// Any other code: the row, or the call, cannot succeed unchanged.
    Other(String),
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StorefrontError {
    /// The budget is used up. Whether a mutation ran is unknown: repeat it with the same key after `wait`.
    #[error("the shop's budget is used up for {wait:?}")]
    Throttled {
        /// How long until the budget suffices.
        wait: Duration,
    },
    /// The shop gave no answer, or a broken one. Whether a mutation ran is unknown: repeat it with the same key.
    #[error("the shop gave no answer: {detail}")]
    Unavailable {
        /// What was tried and what came back.
        detail: String,
        /// The adapter's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The shop rejected the request as invalid. No mutation ran.
    #[error("the shop rejects the request as invalid: {detail}")]
    Invalid {
        /// The shop's message.
        detail: String,
    },
    /// The shop rejects the app's credentials or permissions. A repeated call will not help; an operator must act.
    #[error("the shop refuses access: {detail}")]
    Rejected {
        /// The shop's message.
        detail: String,
    },
}

/// A search for orders, or for draft orders. The search of a shop may contain a change late, while reading one order by its id is
/// never late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderSearch {
    /// Only orders that changed at or after this time. Adapters round it down to the second.
    pub since: Option<Timestamp>,
    /// Only orders that are neither archived nor cancelled, have something to ship, and last changed at or before this time.
    pub open_before: Option<Timestamp>,
    /// Draft orders instead of orders. Without `since`, those that have not become orders.
    pub drafts: bool,
}

/// An order, or a draft order, that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOrder {
    /// The order.
    pub order: OrderId,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether nothing of it is left to ship; of a draft, whether it reserves nothing.
    pub fulfilled: bool,
}

/// One page of orders, in the order of their last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrdersPage {
    /// The orders, the oldest change first.
    pub orders: Vec<ListedOrder>,
    /// The shop's ids of orders on this page that cannot be parsed.
    pub unreadable: Vec<String>,
    /// When the shop answered, by its clock.
    pub answered_at: Timestamp,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl OrdersPage {
    /// The newest change on the page.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.orders.iter().map(|listed| listed.updated_at).max()
    }
}

/// A complete order, or what a draft order reserves, as the shop has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRead {
    /// The order for the ledger, or why it is invalid.
    pub snapshot: Result<OrderSnapshot, String>,
    /// The same version, for the manufacturing system; `None` for a draft. Never stored.
    pub sales: Option<SalesOrder>,
    /// The order that a draft has become. It reserves by itself, so it must be in the ledger before the draft's hold ends.
    pub became: Option<OrderId>,
}
