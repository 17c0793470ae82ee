//! What the shop is told: the difference of supply, exactly once, within its budget.
//!
//! Shopify subtracts its own orders, so what is pushed is the change of what it cannot know ([`AtPlace::to_push`]). Each
//! pair of item and location has a [`Level`]: what the shop should know and what it has acknowledged. A push goes through
//! the shop's one [`PushIntent`], written before the call and resolved after it, so that a killed push is repeated with the
//! same key and nothing is added twice. A pair the shop was never told, or that drifted, is *contacted*: its level is set
//! once by compare-and-set, under the rule in [`needs_set`].
//!
//! Beside the numbers a shop shows which lots there are of an item ([`VariantMetafield`]): told whole, after the numbers.
//!
//! Deliberately absent: absolute numbers in the normal path, and numbers in hints.
//!
//! [`AtPlace::to_push`]: crate::promise::LocationPromise::to_push

mod budget;
mod call;
mod hint;
mod intent;
mod level;
mod metafield;
mod protocol;
mod repair;

pub use budget::{CostBudget, MUTATION_COST};
pub use call::{PushCall, PushOutcome, RefusalReason};
pub use hint::{Hint, PAIRS_PER_HINT};
pub use intent::{MAX_ROWS, PushAction, PushIntent, PushRow, PushState};
pub use level::Level;
pub use metafield::{LotValue, MetafieldKind, MetafieldValue, PromiseValue, VariantMetafield};
pub use protocol::{
    Adjustment, LevelSet, MetafieldWrite, OrderRead, OrdersPage, ShopAnswer, ShopLevel, StorefrontError, UserError, UserErrorCode,
};
pub use repair::{RepairDecision, decide_repair};
