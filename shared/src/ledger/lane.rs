//! The lane where an event waits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{OrderId, ShopDomain};
use crate::movement::PositionKey;

/// The lane in which an event waits when the rows it needs are contended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The lane of a position.
    Position(PositionKey),
    /// The lane of an order, when no position is contended or known.
    Order {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// The lane of a system, when its event names no valid SKU.
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
