//! The lane where an event waits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{OrderId, ShopDomain};
use crate::movement::PositionKey;

/// Where an event waits when the rows it needs are too busy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// For a position.
    Position(PositionKey),
    /// For an order: no position was busy, or none is known.
    Order {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// For a system whose event names no item that could be one of ours.
    System(String),
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(of) => write!(f, "position {of}"),
            Self::Order { shop, order } => write!(f, "order {order} of {shop}"),
            Self::System(system) => write!(f, "system {system}"),
        }
    }
}
