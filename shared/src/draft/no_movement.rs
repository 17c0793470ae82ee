//! Why an event that is in the ledger made no movement. Each answer to a sender and each log line names the reason.

use std::fmt;

use jiff::Timestamp;

/// Why an applied event made no movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoMovement {
    /// A newer count or balance includes everything that this one saw.
    OlderThanCount {
        /// The time of the newer one.
        counted: Timestamp,
    },
    /// The ledger has the counted quantity already.
    CountAgrees,
    /// A newer statement about the purchase order or production run applies.
    OlderThanSchedule {
        /// The time of the newer one.
        scheduled: Timestamp,
    },
    /// The purchase order or production run is recorded. Stock moves when units arrive.
    Scheduled,
    /// Other events of the document have already accounted for these units.
    DocumentIsEven,
    /// A statement with a wrong time was withdrawn. It had moved nothing.
    Withdrawn,
    /// Units that an order edit removed are settled: the shop restocked them.
    RemovedUnitsSettled,
    /// The order is a test order.
    TestOrder,
    /// The order is cancelled, and held no units.
    OrderCancelled,
    /// The record has newer facts about the order.
    OlderThanOrder {
        /// The version of the facts that apply.
        version: Timestamp,
    },
    /// The order is not known yet. Its units move when its first snapshot arrives.
    OrderUnknown,
    /// No line of the order names an item that is kept in stock.
    NothingStocked,
    /// The ledger holds what the order requires already.
    OrderIsEven,
}

impl NoMovement {
    /// Whether the event has no effect at all now. Otherwise the ledger keeps its statement, and stock moves later.
    #[must_use]
    pub fn is_ignored(&self) -> bool {
        match self {
            Self::OlderThanCount { .. } | Self::OlderThanSchedule { .. } | Self::TestOrder | Self::OlderThanOrder { .. } => true,
            Self::CountAgrees
            | Self::Scheduled
            | Self::DocumentIsEven
            | Self::Withdrawn
            | Self::RemovedUnitsSettled
            | Self::OrderCancelled
            | Self::OrderUnknown
            | Self::NothingStocked
            | Self::OrderIsEven => false,
        }
    }
}

impl fmt::Display for NoMovement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_ignored() { "ignored: " } else { "recorded: " })?;
        match self {
            Self::OlderThanCount { counted } => write!(f, "older than the count of {counted}"),
            Self::CountAgrees => f.write_str("the ledger has this quantity already"),
            Self::OlderThanSchedule { scheduled } => write!(f, "older than the statement of {scheduled} about this document"),
            Self::Scheduled => f.write_str("stock moves when the units arrive"),
            Self::DocumentIsEven => f.write_str("other events of this document account for these units"),
            Self::Withdrawn => f.write_str("the statement is withdrawn; it had moved no units"),
            Self::RemovedUnitsSettled => f.write_str("the removed units are settled"),
            Self::TestOrder => f.write_str("test order"),
            Self::OrderCancelled => f.write_str("the order is cancelled and holds no units"),
            Self::OlderThanOrder { version } => write!(f, "older than the version of {version} of this order"),
            Self::OrderUnknown => f.write_str("the order is not known yet"),
            Self::NothingStocked => f.write_str("no line of the order is kept in stock"),
            Self::OrderIsEven => f.write_str("the ledger holds what the order requires"),
        }
    }
}
