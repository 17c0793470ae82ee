//! Decisions about a position that no order and no other system reports: an operator makes them, or the comparison with a shop.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Quantity;
use crate::movement::{EventId, PositionKey};

/// A decision about a position, as an event for the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionDecision {
    /// Its id: made of who decided, and of what.
    pub id: EventId,
    /// The position.
    pub of: PositionKey,
    /// What is to be done.
    pub action: PositionAction,
    /// When it was made.
    pub at: Timestamp,
}

/// What a decision changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionAction {
    /// Takes back a count, a balance, or a statement about a purchase order or production run, because its time is wrong. Its
    /// correction is reversed, and it no longer outranks other statements. The system sends it again with the right time and a
    /// new id.
    Withdraw {
        /// The event.
        event: EventId,
    },
    /// Settles units that order edits removed: the shop restocked them, except those that it withholds from sale.
    SettleRemoved {
        /// The units that are settled.
        units: Quantity,
        /// Those of them that stay on hand and are not to be sold.
        withheld: Quantity,
    },
}

impl PositionDecision {
    /// The source of the decisions of operators.
    pub const OPERATOR: &'static str = "operator";

    /// The source of the decisions of the comparison with a shop.
    pub const COMPARISON: &'static str = "comparison";

    /// The decision of an operator to withdraw an event. Repeating it changes nothing.
    #[must_use]
    pub fn withdraw(of: PositionKey, event: EventId, at: Timestamp) -> Self {
        let id = EventId::new(Self::OPERATOR, format!("withdraw {event} at {of}"));
        Self { id, of, action: PositionAction::Withdraw { event }, at }
    }

    /// The decision of `source` to settle removed units.
    #[must_use]
    pub fn settle(source: &str, of: PositionKey, (units, withheld): (Quantity, Quantity), at: Timestamp) -> Self {
        let id = EventId::new(source, format!("settle {of} at {at}"));
        Self { id, of, action: PositionAction::SettleRemoved { units, withheld }, at }
    }
}
