//! What can move the ledger: what is said about an order by its shop or its own age, or a stock transaction of another
//! system, which may be about an order too.

use serde::{Deserialize, Serialize};

use crate::catalog::{OrderId, ShopDomain};
use crate::movement::{EventId, content_hash};
use crate::order::{HoldEvent, OrderSnapshot};
use crate::source::StockEvent;

/// One event from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEvent {
    /// A shop said something about an order.
    Order(Box<OrderEvent>),
    /// The time of an order's hold is up.
    Hold(HoldEvent),
    /// Another system moved stock, or did something with an order's units.
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
}

impl LedgerEvent {
    /// The event's name.
    #[must_use]
    pub fn id(&self) -> &EventId {
        match self {
            Self::Order(order) => &order.id,
            Self::Hold(hold) => &hold.id,
            Self::Stock(stock) => &stock.id,
        }
    }

    /// The order it is about.
    #[must_use]
    pub fn order(&self) -> Option<(&ShopDomain, OrderId)> {
        match self {
            Self::Order(order) => Some((&order.snapshot.shop, order.snapshot.order)),
            Self::Hold(hold) => Some((&hold.shop, hold.order)),
            Self::Stock(stock) => stock.order.as_ref().map(|of| (&of.shop, of.order)),
        }
    }

    /// Whether it is a look of ours at how things are: made again it finds what is so by then, so that it leaves no mark
    /// when it says nothing new.
    #[must_use]
    pub fn is_a_look(&self) -> bool {
        match self {
            Self::Order(order) => order.snapshot.facts.as_ref().is_some_and(|facts| facts.queried_at.is_some()),
            Self::Hold(_) => true,
            Self::Stock(_) => false,
        }
    }

    /// The hash of its content.
    #[must_use]
    pub fn content(&self) -> String {
        let hash = |said: serde_json::Result<String>| content_hash(said.expect("an event always serialises").as_bytes());
        match self {
            Self::Order(order) => order.content.clone(),
            Self::Hold(hold) => hash(serde_json::to_string(hold)),
            Self::Stock(stock) => hash(serde_json::to_string(stock)),
        }
    }
}
