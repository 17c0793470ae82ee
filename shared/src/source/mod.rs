//! Stock events of other systems. Each event names the transaction it comes from and uses the system's own codes and units.
//!
//! [`parse`] reads an event in the form in which it arrives. The ledger then resolves its codes through the mapping, converts
//! its amount to whole units, and applies it exactly once per (system, transaction), through the same commit as an order. An
//! event whose item or location is not mapped waits ([`WaitingForMapping`]) until the mapping appears. A document that opens
//! and closes over several events (a POS ticket, a transfer, an allocation, a quality hold) is an [`OpenCommitment`]. Its open
//! quantities follow from the sums of all its events, so the order of the events does not matter. A purchase order or a
//! production run moves no stock and is stored in the [`ScheduledReceipts`] of its item.

mod commitment;
mod connector;
mod event;
mod exact_json;
mod heartbeat;
mod kind;
pub mod pull;
mod receipts;
mod system;
mod waiting;

pub use commitment::{DocumentKind, OpenCommitment};
pub use connector::ConnectorError;
pub use event::{MAX_BATCH, OrderLineOf, StockEvent, StockEventFormatError, parse};
pub use exact_json::exact_json;
pub use heartbeat::Heartbeat;
pub use kind::{
    DocumentEffect, DocumentPart, DueRule, KindProperties, QuantityRule, ReceiptEffect, ReferenceRule, StockEffect, StockKind,
};
pub use receipts::{CompletedRun, NoRoom, POSTING_DAYS, ReceiptDocument, RecordedUnits, ScheduledReceipt, ScheduledReceipts};
pub use system::{System, SystemKind};
pub use waiting::{WaitingForMapping, WaitingItem};
