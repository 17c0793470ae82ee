//! The kinds of movement, and what each adds to the quantities of a position.

use serde::{Deserialize, Serialize};

use crate::catalog::Quantity;

/// What a movement does. The table of cases, with what each changes, is [`MovementKind::change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
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
    /// Units of an order left, as a warehouse says; the shop still counts them.
    Dispatch,
    /// They did not.
    Undispatch,
    /// The shop has fulfilled units that had left before.
    Confirm,
    /// It took that fulfilment back, and they have left all the same.
    Unconfirm,
    /// Units of an order left from here, and the shop books them elsewhere or not at all.
    Stray,
    /// They did not.
    Unstray,
    /// Units arrive from a supplier.
    Receipt,
    /// Finished goods come off the line.
    Produce,
    /// Components go into production.
    Issue,
    /// A correction upwards: a count, a find.
    Found,
    /// A correction downwards: a count, a loss.
    Lost,
    /// Units are lost or destroyed.
    WriteOff,
    /// Units leave for another location.
    TransferOut,
    /// Units arrive from another location.
    TransferIn,
    /// The books post what a till sold.
    Sell,
    /// Units leave for a customer of another channel.
    Deliver,
    /// Units may not be sold for now.
    Hold,
    /// Held units may be sold again.
    Unhold,
    /// Units are on their way here.
    Depart,
    /// They are not any more: here, or lost.
    Arrive,
    /// A till has sold units that the books still have.
    Ring,
    /// It has not any more: the books have it, or it is void.
    Unring,
    /// A warehouse sets units aside for another channel.
    Allocate,
    /// It does not any more.
    Deallocate,
    /// Units are promised to a wholesale customer.
    Commit,
    /// They are not any more.
    Uncommit,
}

/// What a movement adds to each quantity of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BalanceChange {
    /// Added to on hand.
    pub on_hand: Quantity,
    /// Added to reserved.
    pub reserved: Quantity,
    /// Added to held.
    pub held: Quantity,
    /// Added to what the shop moved by itself.
    pub moved_by_shop: Quantity,
    /// Added to what left ahead of the shop.
    pub ahead: Quantity,
    /// Added to what is on its way here.
    pub in_transit: Quantity,
    /// Added to what tills sold and the books still have.
    pub pos_pending: Quantity,
    /// Added to what warehouses set aside for other channels.
    pub allocated: Quantity,
    /// Added to what is promised to wholesale customers.
    pub wholesale: Quantity,
}

impl MovementKind {
    /// What `quantity` units of this kind change.
    #[must_use]
    pub fn change(self, quantity: Quantity) -> BalanceChange {
        let (up, down, none) = (quantity, -quantity, Quantity::ZERO);
        let (on_hand, reserved, held, moved_by_shop, ahead) = match self {
            //                on_hand  reserved  held  moved_by_shop  ahead
            Self::Reserve => (none, up, none, none, none),
            Self::Release => (none, down, none, none, none),
            Self::AssignOut => (none, down, none, none, none),
            Self::AssignIn => (none, up, none, none, none),
            Self::Ship => (down, down, none, down, none),
            Self::Unship => (up, none, none, up, none),
            Self::Return => (up, none, none, none, none),
            Self::Unreturn => (down, none, none, none, none),
            Self::Restock => (none, none, none, up, none),
            Self::Unrestock => (none, none, none, down, none),
            Self::Withhold => (none, none, up, down, none),
            Self::Unwithhold => (none, none, down, up, none),
            Self::Dispatch => (down, down, none, none, up),
            Self::Undispatch => (up, none, none, none, down),
            Self::Confirm => (none, none, none, down, down),
            Self::Unconfirm => (none, none, none, up, up),
            Self::Stray => (down, none, none, none, none),
            Self::Unstray => (up, none, none, none, none),
            Self::Receipt | Self::Produce | Self::Found | Self::TransferIn => (up, none, none, none, none),
            Self::Issue | Self::Lost | Self::WriteOff | Self::TransferOut | Self::Sell | Self::Deliver => {
                (down, none, none, none, none)
            }
            Self::Hold => (none, none, up, none, none),
            Self::Unhold => (none, none, down, none, none),
            Self::Depart => return BalanceChange { in_transit: up, ..BalanceChange::default() },
            Self::Arrive => return BalanceChange { in_transit: down, ..BalanceChange::default() },
            Self::Ring => return BalanceChange { pos_pending: up, ..BalanceChange::default() },
            Self::Unring => return BalanceChange { pos_pending: down, ..BalanceChange::default() },
            Self::Allocate => return BalanceChange { allocated: up, ..BalanceChange::default() },
            Self::Deallocate => return BalanceChange { allocated: down, ..BalanceChange::default() },
            Self::Commit => return BalanceChange { wholesale: up, ..BalanceChange::default() },
            Self::Uncommit => return BalanceChange { wholesale: down, ..BalanceChange::default() },
        };
        BalanceChange { on_hand, reserved, held, moved_by_shop, ahead, ..BalanceChange::default() }
    }
}
