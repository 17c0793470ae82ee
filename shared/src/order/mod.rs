//! What was asked for: orders of a shop, and the movements they call for.
//!
//! A webhook or a query is parsed into an [`OrderSnapshot`]; merging it into the [`OrderRecord`] takes newer facts and
//! keeps older ones out; [`OrderRecord::next_steps`] is the difference between what the facts call for and what the
//! ledger already holds. Nothing is ever added up from events, so duplicates, reordering and loss end in the same ledger.
//! A webhook that only names something leaves a [`OrderToRead`], and the order is read. A [`SalesOrder`] is what the
//! manufacturing system gets of it.
//!
//! Deliberately absent from everything that is stored: customers, addresses, prices. A snapshot holds ids and quantities
//! only; a [`SalesOrder`] passes through.

mod departure;
mod hold;
mod leaving;
mod line;
mod note;
mod plan;
mod record;
mod report;
mod sales_order;
mod snapshot;
mod whereabouts;

pub use hold::{HoldAlert, HoldDue, HoldEvent, HoldExpiry, HoldPolicy};
pub use line::{LineLedger, LineShipment};
pub use note::{OrderToRead, WebhookNote};
pub use plan::OrderStep;
pub use record::{OrderRecord, ReadFailure};
pub use report::{OrderReport, ReportKind};
pub use sales_order::{Address, Customer, SalesLine, SalesOrder};
pub use snapshot::{
    CoveredChanges, Disposition, Fulfilment, FulfilmentStatus, OrderFacts, OrderSnapshot, Refund, RefundLine, Restock, Routing,
    SnapshotLine, StockTracking,
};

#[cfg(test)]
pub(crate) mod tests;
