//! What was asked for: orders of a shop, and the movements they call for.
//!
//! A webhook or a query is parsed into an [`OrderSnapshot`]; merging it into the [`OrderRecord`] takes newer facts and
//! keeps older ones out; [`OrderRecord::next_steps`] is the difference between what the facts call for and what the
//! ledger already holds. Nothing is ever added up from events, so duplicates, reordering and loss end in the same ledger.
//!
//! Deliberately absent: customers, addresses, prices. A snapshot holds ids and quantities only.

mod receive;
mod record;
mod signature;
mod snapshot;
mod webhook;

pub use receive::{Received, receive, settle_lane};
pub use record::{Line, OrderRecord, Shipped, Step};
pub use signature::{Signature, sign};
pub use snapshot::{Facts, Fulfilment, FulfilmentStatus, OrderSnapshot, SnapshotLine};
pub use webhook::{MAX_BODY, MAX_LINES, Malformed, Topic, parse};

#[cfg(test)]
mod tests;
