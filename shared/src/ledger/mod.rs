//! What happened: the events that move stock, the positions that they lead to, and replay.
//!
//! A [`Position`] is the state of one item at one place: the fold of its movements, which have no gap in their numbers.
//! [`replay`] folds movements back into a position and is how a position is checked.
//!
//! Deliberately absent: clamping, because a negative position is information; and writing, which only `flows::commit` does.

mod event;
mod inbox;
mod lane;
mod position;
pub mod replay;
#[cfg(test)]
mod tests;

pub use event::{LedgerEvent, OrderEvent};
pub use inbox::{AppliedEvent, DeferredEvent};
pub use lane::Lane;
pub use position::{CountBasis, LastCount, LotBalance, NewMovement, Position};
