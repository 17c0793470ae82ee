//! What other systems say about stock: events bound to the transaction they come from, in their own codes and units.
//!
//! [`parse`] reads one as it comes; the ledger resolves its codes by the mapping, converts its amount to whole units, and
//! applies it exactly once by (system, transaction), through the same commit as an order. An event whose item or location
//! is not mapped waits ([`WaitingForMapping`]) until the mapping appears. What opens and closes over several events (a till's
//! ticket, a transfer, an allocation, a quality hold) is a [`OpenCommitment`]: what stands is worked out from all that was said of
//! it, so the order in which it was said does not matter. What is announced and not there yet, a purchase order or a
//! production run, moves nothing and is kept as [`ScheduledReceipts`] of its item.

mod commitment;
mod event;
mod heartbeat;
pub mod pull;
mod receipts;
mod system;
mod waiting;

pub use commitment::{DocumentKind, OpenCommitment};
pub use event::{MAX_BATCH, OrderLineOf, StockEvent, StockEventFormatError, StockKind, parse};
pub use heartbeat::Heartbeat;
pub use receipts::{ReceiptDocument, ScheduledReceipt, ScheduledReceipts};
pub use system::{System, SystemKind};
pub use waiting::{WaitingForMapping, WaitingItem};
