//! Orders of a shop, and the movements they require.
//!
//! A webhook or a query is parsed into an [`OrderSnapshot`]. Merging it into the [`OrderRecord`] takes over newer facts and
//! ignores older ones. [`OrderRecord::next_steps`] is the difference between the movements that the facts require and those that
//! the ledger has. No quantity is ever summed up from events, so duplicated, reordered and lost events lead to the same ledger.
//! A webhook that only names an object leaves an [`OrderToRead`], and the reconciler reads that order. A [`SalesOrder`] is the
//! order as the manufacturing system receives it.
//!
//! Deliberately absent from everything that is stored: customers, addresses, prices. A snapshot holds ids and quantities
//! only; a [`SalesOrder`] passes through.

mod go_live;
mod hold;
mod line;
mod note;
mod plan;
mod record;
mod report;
mod required;
mod sales_order;
mod shipment_steps;
mod shipped;
mod snapshot;

pub use hold::{HoldAction, HoldAlert, HoldEvent, HoldExpiry, HoldPolicy};
pub use line::{LineLedger, LineShipment};
pub use note::{OrderToRead, WebhookNote};
pub use plan::{OrderStep, RemovedUnits};
pub use record::{OrderRecord, ReadFailure};
pub use report::{ComponentReport, OrderReport, ReportKind};
pub use sales_order::{Address, Customer, SalesLine, SalesOrder};
pub use snapshot::{
    CoveredChanges, Disposition, Fulfilment, FulfilmentStatus, LineFlags, OrderFacts, OrderSnapshot, Refund, RefundLine, Restock,
    Routing, SnapshotLine, StockTracking,
};

#[cfg(test)]
pub(crate) mod tests;
