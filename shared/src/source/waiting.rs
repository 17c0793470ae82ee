//! What waits for a mapping: stock events that cannot be applied without it, and orders that reserve nothing without it.
//! An event is kept whole; of an order its name is enough. An alert counts as open while any of them waits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{MissingMapping, OrderId, ShopDomain};
use crate::source::StockEvent;

/// One thing that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingForMapping {
    /// What for.
    #[serde(flatten)]
    pub missing: MissingMapping,
    /// What waits.
    pub what: WaitingItem,
    /// Since when.
    pub since: Timestamp,
}

/// What can wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingItem {
    /// A stock event, whole.
    Event(Box<StockEvent>),
    /// An order, to be read again.
    Order {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
}

impl WaitingItem {
    /// Its name among those that wait for the same.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Event(event) => event.id.id.clone(),
            Self::Order { order, .. } => order.to_string(),
        }
    }
}
