//! One change of one position. Written once, never edited, never deleted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Balance, EventId, PositionKey};
use crate::catalog::{FulfilmentId, LineId, OrderId, Quantity, ShopDomain};
use crate::store::{Key, Row};

/// What a movement does. The table of cases, with what each changes, is [`Kind::change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An order takes units.
    Reserve,
    /// An order gives units back that were not shipped.
    Release,
    /// A reservation leaves this place for another.
    AssignOut,
    /// A reservation arrives from another place.
    AssignIn,
    /// Units leave with a shipment of the shop.
    Ship,
    /// A shipment of the shop is undone.
    Unship,
    /// Units come back from a customer.
    Return,
    /// A return turns out to have been booked at another place, or not at all.
    Unreturn,
    /// The shop puts returned units back on its own number.
    Restock,
    /// It did not, or elsewhere.
    Unrestock,
    /// Units left an order unshipped and the shop does not put them back on sale: they are here, and held until someone
    /// who sees them says otherwise.
    Withhold,
    /// They did not.
    Unwithhold,
    /// Units arrive.
    Receipt,
    /// A correction upwards: a count, a find.
    Found,
    /// A correction downwards: a count, a loss, a write-off.
    Lost,
    /// Units may not be sold for now.
    Hold,
    /// Held units may be sold again.
    Unhold,
}

/// What a movement adds to each quantity of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// Added to on hand.
    pub on_hand: Quantity,
    /// Added to reserved.
    pub reserved: Quantity,
    /// Added to held.
    pub held: Quantity,
    /// Added to what the shop moved by itself.
    pub moved_by_shop: Quantity,
}

impl Kind {
    /// What `quantity` units of this kind change.
    #[must_use]
    pub fn change(self, quantity: Quantity) -> Change {
        let (up, down, none) = (quantity, -quantity, Quantity::ZERO);
        let (on_hand, reserved, held, moved_by_shop) = match self {
            //                on_hand  reserved  held  moved_by_shop
            Self::Reserve => (none, up, none, none),
            Self::Release => (none, down, none, none),
            Self::AssignOut => (none, down, none, none),
            Self::AssignIn => (none, up, none, none),
            Self::Ship => (down, down, none, down),
            Self::Unship => (up, none, none, up),
            Self::Return => (up, none, none, none),
            Self::Unreturn => (down, none, none, none),
            Self::Restock => (none, none, none, up),
            Self::Unrestock => (none, none, none, down),
            Self::Withhold => (none, none, up, down),
            Self::Unwithhold => (none, none, down, up),
            Self::Receipt => (up, none, none, none),
            Self::Found => (up, none, none, none),
            Self::Lost => (down, none, none, none),
            Self::Hold => (none, none, up, none),
            Self::Unhold => (none, none, down, none),
        };
        Change { on_hand, reserved, held, moved_by_shop }
    }
}

/// Why a movement happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The event that brought it.
    pub event: EventId,
    /// The order line it belongs to, when an order caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderLine>,
}

/// A line of an order of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The line.
    pub line: LineId,
    /// The fulfilment, for a shipment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<FulfilmentId>,
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
    pub kind: Kind,
    /// How many units; always above zero.
    pub quantity: Quantity,
    /// The balance it found.
    pub before: Balance,
    /// The balance it left: `before + kind.change(quantity)`.
    pub after: Balance,
    /// Why.
    pub cause: Cause,
    /// When it was written down.
    pub recorded_at: Timestamp,
}

impl Movement {
    /// The prefix of the sort keys of a position's movements.
    pub const PREFIX: &'static str = "MOV#";
}

impl Row for Movement {
    fn key(&self) -> Key {
        Key::new(self.of.partition(), format!("{}{:012}", Self::PREFIX, self.seq))
    }

    /// A movement is found by its order.
    fn index(&self) -> Option<Key> {
        let line = self.cause.order.as_ref()?;
        Some(Key::new(format!("ORD#{}#{}", line.shop, line.order), format!("{}#{:012}", self.of, self.seq)))
    }
}
