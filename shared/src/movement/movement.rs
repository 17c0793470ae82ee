//! One change of one position. A movement is written once and is never edited or deleted.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{FulfilmentId, LineId, LotId, OrderId, Quantity, ShopDomain};
use crate::movement::{Balance, BalanceChange, EventId, MovementKind, PositionKey};

/// A lot (batch) of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Its code.
    pub id: LotId,
    /// Its expiry date, where a system reported one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// Why a movement happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovementCause {
    /// The event that caused it.
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
    /// The day on which the order was placed. Its units are promised from that day on. Older rows do not have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<Date>,
}

/// One movement, with the balance before and after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The position it changed.
    #[serde(flatten)]
    pub of: PositionKey,
    /// Its number within the position: 1, 2, 3, without a gap.
    pub seq: u64,
    /// Its kind.
    pub kind: MovementKind,
    /// Whether it reverses its kind: the units of an earlier movement did not move, or moved at another place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reversal: bool,
    /// The number of units; always above zero.
    pub quantity: Quantity,
    /// The balance before it.
    pub before: Balance,
    /// The balance after it: `before + change()`.
    pub after: Balance,
    /// The lot of the units, if they belong to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Lot>,
    /// Why it happened.
    pub cause: MovementCause,
    /// When it happened, if that differs from when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded; never earlier than the previous movement of the position.
    pub recorded_at: Timestamp,
}

impl Movement {
    /// The change that it makes to its position.
    #[must_use]
    pub fn change(&self) -> BalanceChange {
        self.kind.change(self.quantity, self.reversal)
    }

    /// Its name, as [`MovementKind::name`] gives it.
    #[must_use]
    pub fn name(&self) -> String {
        self.kind.name(self.reversal)
    }

    /// The change of reserved units, with the day on which the order was placed; `None` when it changes no reservation or
    /// the day is not recorded.
    #[must_use]
    pub fn reserves(&self) -> Option<(Date, Quantity)> {
        let units = self.change().reserved;
        let placed = self.cause.order.as_ref()?.placed?;
        (!units.is_zero()).then_some((placed, units))
    }

    /// When it took effect: when it happened, or else when it was recorded.
    #[must_use]
    pub fn effective_at(&self) -> Timestamp {
        self.occurred_at.unwrap_or(self.recorded_at)
    }
}
