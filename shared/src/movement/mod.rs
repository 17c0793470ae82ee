//! Movements of the stock ledger: one movement is one change of one position.
//!
//! A position ([`PositionKey`]) is one item at one place. A [`Movement`] names its [`MovementCause`] and carries the [`Balance`]
//! before and after. One table, [`MovementKind::change`], defines what each kind adds to each quantity. A movement is written
//! once and is never edited or deleted; another movement of its kind reverses it.

mod count_basis;
mod event_id;
mod kind;
#[expect(clippy::module_inception, reason = "the type gives the module its name")]
mod movement;
mod position_key;

pub use count_basis::CountBasis;
pub use event_id::{EventId, content_hash};
pub use kind::{BalanceChange, MovementKind};
pub use movement::{Lot, Movement, MovementCause, OrderLineRef};
pub use position_key::{Balance, PositionKey};
