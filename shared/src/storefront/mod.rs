//! What the shop is told: the difference of supply, exactly once, within its budget.
//!
//! Shopify subtracts its own orders, so what is pushed is the change of what it cannot know ([`AtPlace::to_push`]). Each
//! pair of item and location has a [`Level`]: what the shop should know and what it has acknowledged. A push goes through
//! the shop's one [`Intent`], written before the call and resolved after it, so that a killed push is repeated with the
//! same key and nothing is added twice. A pair the shop was never told, or that drifted, is *contacted*: its level is set
//! once by compare-and-set, under the rule in [`contact`].
//!
//! Deliberately absent: absolute numbers in the normal path, and numbers in hints.
//!
//! [`AtPlace::to_push`]: crate::promise::AtPlace::to_push

mod budget;
mod contact;
mod hints;
mod intent;
mod level;
mod port;
mod push;

pub use budget::{Budget, MUTATION_COST};
pub use contact::{Contact, judge};
pub use hints::{Hint, Hints, PAIRS_PER_HINT, hint_all};
pub use intent::{Action, Intent, IntentRow, IntentState, MAX_ROWS};
pub use level::Level;
pub use port::{
    Adjustment, Answer, Description, LevelSet, OrderRead, OrdersPage, ShopLevel, Storefront, StorefrontError, UserError,
    UserErrorCode,
};
pub(crate) use push::refusal_alert;
pub use push::{PushError, PushReport, push};
