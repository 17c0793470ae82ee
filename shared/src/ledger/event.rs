//! Events of the ledger: a change of an order, an expired hold, a stock transaction of another system, which may belong to an
//! order, or a decision about a position.

use serde::{Deserialize, Serialize};

use crate::catalog::{OrderId, ShopDomain};
use crate::ledger::PositionDecision;
use crate::movement::{EventId, content_hash};
use crate::order::{HoldEvent, OrderSnapshot};
use crate::source::StockEvent;

/// One event of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEvent {
    /// A shop reported an order.
    Order(Box<OrderEvent>),
    /// The hold of an order expired.
    Hold(HoldEvent),
    /// Another system moved stock or handled units of an order.
    Stock(StockEvent),
    /// An operator, or the comparison with a shop, decided something about a position.
    Decision(PositionDecision),
}

/// A shop's report of an order, with its id and the hash of the bytes it arrived in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// The id of the event.
    pub id: EventId,
    /// SHA-256 of the bytes as they arrived, in hex.
    pub content: String,
    /// The reported state of the order.
    pub snapshot: OrderSnapshot,
}

impl LedgerEvent {
    /// The id of the event.
    #[must_use]
    pub fn id(&self) -> &EventId {
        match self {
            Self::Order(order) => &order.id,
            Self::Hold(hold) => &hold.id,
            Self::Stock(stock) => &stock.id,
            Self::Decision(decision) => &decision.id,
        }
    }

    /// The order of the event, if it belongs to one.
    #[must_use]
    pub fn order(&self) -> Option<(&ShopDomain, OrderId)> {
        match self {
            Self::Order(order) => Some((&order.snapshot.shop, order.snapshot.order)),
            Self::Hold(hold) => Some((&hold.shop, hold.order)),
            Self::Stock(stock) => stock.order.as_ref().map(|of| (&of.shop, of.order)),
            Self::Decision(_) => None,
        }
    }

    /// Whether the event was made from a read or a decision of our own. Repeating it would find the state of that time, so it
    /// leaves no applied mark when it changes nothing.
    #[must_use]
    pub fn is_own_read(&self) -> bool {
        match self {
            Self::Order(order) => order.snapshot.facts.as_ref().is_some_and(|facts| facts.queried_at.is_some()),
            Self::Hold(_) => true,
            Self::Stock(_) | Self::Decision(_) => false,
        }
    }

    /// The hash of its content.
    #[must_use]
    pub fn content(&self) -> String {
        let hash = |json: serde_json::Result<String>| content_hash(json.expect("an event serialises to JSON").as_bytes());
        match self {
            Self::Order(order) => order.content.clone(),
            Self::Hold(hold) => hash(serde_json::to_string(hold)),
            Self::Stock(stock) => hash(serde_json::to_string(stock)),
            // A repeated decision is the same one, whenever it is made.
            Self::Decision(decision) => hash(serde_json::to_string(&decision.action)),
        }
    }
}
