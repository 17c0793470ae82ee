//! The ledger: the events that move stock, the positions that result from them, and replay.
//!
//! A [`Position`] is the state of one item at one place: the sum of its movements, whose numbers have no gap. [`replay`]
//! recomputes a position from its movements, which is how a position is checked.
//!
//! Deliberately absent: clamping, because a negative position is information, and writing, which only `flows::commit` does.

mod decision;
mod event;
mod inbox;
mod lane;
mod position;
pub mod replay;
#[cfg(test)]
mod tests;

pub use decision::{PositionAction, PositionDecision};
pub use event::{LedgerEvent, OrderEvent};
pub use inbox::{AppliedEvent, DeferredEvent};
pub use lane::Lane;
pub use position::{LastCount, LotBalance, NewMovement, Position};
