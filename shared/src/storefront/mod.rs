//! What the shop is told: the difference of supply, exactly once, within its budget.
//!
//! Shopify subtracts its own orders, so what is pushed is the change of what it cannot know ([`AtPlace::to_push`]). Each
//! pair of item and location has a [`Level`]: what the shop should know and what it has acknowledged. A push goes through
//! the shop's one [`Intent`], written before the call and resolved after it, so that a killed push is repeated with the
//! same key and nothing is added twice. A pair the shop was never told, or that drifted, is *contacted*: its level is set
//! once by compare-and-set, under the rule in [`contact`].
//!
//! Beside the numbers a shop shows which lots there are of an item ([`Label`]): told whole, after the numbers.
//!
//! Deliberately absent: absolute numbers in the normal path, and numbers in hints.
//!
//! [`AtPlace::to_push`]: crate::promise::AtPlace::to_push

mod budget;
mod call;
mod contact;
mod describe;
mod hints;
mod intent;
mod label;
mod level;
mod port;
mod push;
mod refusal;

pub use budget::{Budget, MUTATION_COST};
use call::close;
pub use call::{Call, Outcome, Reason};
pub use contact::{Contact, judge};
use describe::Describing;
pub use hints::{Hint, Hints, PAIRS_PER_HINT, hint_all};
pub use intent::{Action, Intent, IntentRow, IntentState, MAX_ROWS};
pub use label::{Label, LabelKind, LotShown, PromiseShown, Shown};
pub use level::Level;
pub use port::{
    Adjustment, Answer, Description, LevelSet, OrderRead, OrdersPage, ShopLevel, Storefront, StorefrontError, UserError,
    UserErrorCode,
};
pub use push::{PushError, PushReport, push};
pub(crate) use refusal::refusal_alert;
