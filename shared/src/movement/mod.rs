//! The kinds of movement, and what each adds to the quantities of a position.
//!
//! A [`Movement`] is one change of one position, bound to its [`MovementCause`], with the [`Balance`] before and after. What a kind
//! does is one table, [`MovementKind::change`]. A movement is written once, and is never edited or deleted.

mod event_id;
mod kind;
#[expect(clippy::module_inception, reason = "the type gives the module its name")]
mod movement;
mod position_key;

pub use event_id::{EventId, content_hash};
pub use kind::{BalanceChange, MovementKind};
pub use movement::{Lot, Movement, MovementCause, OrderLineRef};
pub use position_key::{Balance, PositionKey};
