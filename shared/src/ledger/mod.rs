//! What happened: positions, the movements that made them, and the one way to write both.
//!
//! A [`Position`] is the state of one item at one place; a [`Movement`] is one change of it, with the state before and
//! after, bound to its cause. Movements are only ever added, gap-free per position. [`commit()`] is the only writer: it
//! decides a group of events in memory ([`Draft`]) and writes marker, record, movements, positions and alerts as one
//! transaction. [`replay`] folds movements back into a position and is how a position is checked.
//!
//! Deliberately absent: clamping. A position may be negative; that is information.

mod commit;
mod draft;
mod event;
mod inbox;
mod movement;
mod position;
mod receive;
pub mod replay;
mod resume;

pub use commit::{CommitError, MAX_ATTEMPTS, commit};
pub use draft::{Draft, Outcome, Undecided, Unfit, content_mismatch};
pub use event::{Event, OrderEvent};
pub use inbox::{Deferred, EventId, InboxEvent, content_hash};
pub use movement::{Cause, Change, Kind, Lot, Movement, OrderLine};
pub use position::{Balance, Basis, Counted, LotBalance, Move, Position, PositionKey};
pub use receive::{Received, receive, receive_all, settle_lane};
pub use resume::{Resumed, resume, waits_for};
