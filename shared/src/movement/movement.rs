//! One change of one position. Written once, never edited, never deleted.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{FulfilmentId, LineId, LotId, OrderId, Quantity, ShopDomain};
use crate::movement::{Balance, EventId, MovementKind, PositionKey};

/// The lot that units are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Its name.
    pub id: LotId,
    /// When it expires, where anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// Why a movement happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovementCause {
    /// The event that brought it.
    pub event: EventId,
    /// The order line it belongs to, when an order caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderLineRef>,
}

/// A line of an order of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLineRef {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The line.
    pub line: LineId,
    /// The fulfilment, for a shipment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<FulfilmentId>,
    /// The day the order was placed: from then on its units are promised. Missing in rows from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Date>,
}

/// One movement, with the state it found and the state it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The position it moved.
    #[serde(flatten)]
    pub of: PositionKey,
    /// Its number in that position: 1, 2, 3, without a gap.
    pub seq: u64,
    /// What it did.
    pub kind: MovementKind,
    /// How many units; always above zero.
    pub quantity: Quantity,
    /// The balance it found.
    pub before: Balance,
    /// The balance it left: `before + kind.change(quantity)`.
    pub after: Balance,
    /// The lot of the units, where they are of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Lot>,
    /// Why.
    pub cause: MovementCause,
    /// When it happened, where that is before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was written down; never before the movement before it.
    pub recorded_at: Timestamp,
}

impl Movement {
    /// Units it takes or gives back of what is reserved, and for orders of which day; `None` where it does neither, or
    /// nobody knows the day.
    #[must_use]
    pub fn reserves(&self) -> Option<(Date, Quantity)> {
        let units = self.kind.change(self.quantity).reserved;
        let placed = self.cause.order.as_ref()?.placed?;
        (!units.is_zero()).then_some((placed, units))
    }

    /// When it took effect in the world.
    #[must_use]
    pub fn effective_at(&self) -> Timestamp {
        self.occurred_at.unwrap_or(self.recorded_at)
    }
}
