//! Stock events and orders that wait for a mapping. A stock event cannot be applied without its mapping and is stored whole.
//! An order line without its mapping reserves nothing; of its order only the id is stored, because the order is read again.
//! The alert of a missing mapping stays raised while a row waits for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{MissingMapping, OrderId, ShopDomain};
use crate::source::StockEvent;

/// One waiting event or order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingForMapping {
    /// The missing mapping.
    #[serde(flatten)]
    pub missing: MissingMapping,
    /// What waits.
    pub what: WaitingItem,
    /// When it began to wait.
    pub since: Timestamp,
}

/// The event or order that waits.
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
    /// Its name, unique among the rows that wait for the same mapping.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Event(event) => event.id.id.clone(),
            Self::Order { order, .. } => order.to_string(),
        }
    }
}
