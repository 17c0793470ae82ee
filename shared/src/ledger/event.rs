//! What can move the ledger: an order's snapshot, or a stock transaction of another system.

use serde::{Deserialize, Serialize};

use super::{EventId, content_hash};
use crate::order::OrderSnapshot;
use crate::source::StockEvent;

/// One event from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A shop said something about an order.
    Order(OrderEvent),
    /// Another system moved stock.
    Stock(StockEvent),
}

/// A shop's statement about an order, with its name and the hash of the bytes it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// Its name.
    pub id: EventId,
    /// SHA-256 of the bytes as they came, in hex.
    pub content: String,
    /// What it says.
    pub snapshot: OrderSnapshot,
    /// We asked for it: it leaves no mark when it says nothing new.
    #[serde(default)]
    pub asked_for: bool,
}

impl Event {
    /// The event's name.
    #[must_use]
    pub fn id(&self) -> &EventId {
        match self {
            Self::Order(order) => &order.id,
            Self::Stock(stock) => &stock.id,
        }
    }

    /// The hash of its content.
    #[must_use]
    pub fn content(&self) -> String {
        match self {
            Self::Order(order) => order.content.clone(),
            Self::Stock(stock) => content_hash(serde_json::to_string(stock).expect("a stock event always serialises").as_bytes()),
        }
    }
}
