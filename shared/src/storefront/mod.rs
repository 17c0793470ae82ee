//! The pushes to a shop: the difference of supply, exactly once, within the shop's budget.
//!
//! Shopify subtracts its own orders, so the pusher sends only changes of the part that Shopify cannot derive
//! ([`LocationPromise::unknown_to_shop`]). Each pair of item and location has a [`Level`]: the value that the shop should have,
//! and the value that it has acknowledged. A push goes through the shop's only [`PushIntent`], which is written before the call
//! and closed after it. A push that was killed is therefore repeated with the same key, and nothing is added twice. A level that
//! the shop has never acknowledged, or that drifted, is initialised or repaired: it is set once by compare-and-set, under the
//! rule in [`decide_repair`].
//!
//! A shop may also show the lots or the promise date of an item ([`VariantMetafield`]). A push sends the complete metafield
//! value, after the levels.
//!
//! Deliberately absent: absolute numbers in the normal path, and numbers in hints.
//!
//! [`LocationPromise::unknown_to_shop`]: crate::promise::LocationPromise::unknown_to_shop

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
pub use hint::{Hint, PushTarget, TARGETS_PER_HINT};
pub use intent::{MAX_ROWS, PushAction, PushIntent, PushRow, PushState};
pub use level::{Level, LevelBlock};
pub use metafield::{LotValue, MetafieldValue, PromiseValue, VariantMetafield};
pub use protocol::{
    Adjustment, LevelSet, ListedOrder, MetafieldWrite, OrderRead, OrderSearch, OrdersPage, ShopAnswer, ShopLevel,
    StorefrontError, UserError, UserErrorCode,
};
pub use repair::{RepairDecision, decide_repair, is_settled, unclaimed};
