//! The kinds of movement, and what each adds to the quantities of a position.
//!
//! A movement is never deleted. Most kinds have a kind that reverses them, such as `Ship` and `Unship`.

use serde::{Deserialize, Serialize};

use crate::catalog::Quantity;

/// The kind of a movement. [`MovementKind::change`] is the table of what each kind changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// An order reserves units.
    Reserve,
    /// An order releases reserved units that were not shipped.
    Release,
    /// A reservation is assigned from this place to another.
    AssignOut,
    /// A reservation is assigned from another place to this one.
    AssignIn,
    /// Units ship with a fulfilment of the shop.
    Ship,
    /// Reverses a `Ship`: the fulfilment became void, or shipped from another place.
    Unship,
    /// Units come back from a customer.
    Return,
    /// Reverses a `Return` that was recorded at the wrong place or did not take place.
    Unreturn,
    /// The shop adds returned units to its own on-hand quantity.
    Restock,
    /// Reverses a `Restock` that was recorded at the wrong place or did not take place.
    Unrestock,
    /// An order loses units that were not shipped, and the shop does not put them back on sale. The units are on hand here,
    /// and are held until a system or a person releases them.
    Withhold,
    /// Reverses a `Withhold` that was recorded at the wrong place or did not take place.
    Unwithhold,
    /// A warehouse reports that units of an order shipped; the shop still counts them as on hand (shipped ahead of the shop).
    ShipAhead,
    /// Reverses a `ShipAhead` that was recorded at the wrong place or did not take place.
    ReverseShipAhead,
    /// The shop fulfils units that had shipped ahead of it.
    ConfirmShipment,
    /// Reverses a `ConfirmShipment`: the shop cancelled the fulfilment, but the units have shipped.
    ReverseConfirmShipment,
    /// Units of an order shipped from here, and the shop books them at another place or not at all (misattributed shipment).
    Misattribute,
    /// Reverses a `Misattribute`, or balances one at the place where the shop books the units.
    ReverseMisattribute,
    /// Units arrive from a supplier.
    Receipt,
    /// Production reports finished units.
    Produce,
    /// Production consumes components.
    Issue,
    /// An upward correction, such as a count.
    Found,
    /// A downward correction, such as a count.
    Lost,
    /// Units are written off as lost or destroyed.
    WriteOff,
    /// Units leave for another location.
    TransferOut,
    /// Units arrive from another location.
    TransferIn,
    /// A system posts a POS sale to the book stock.
    Sell,
    /// Units ship to a customer of another channel.
    Deliver,
    /// Units are put on hold and may not be sold.
    Hold,
    /// Held units are released for sale.
    Unhold,
    /// Units are in transit to this place.
    Depart,
    /// Units are no longer in transit to this place: they arrived, or they were lost.
    Arrive,
    /// A POS sold units that the book stock still includes.
    PosSale,
    /// Reverses a `PosSale`: the book stock now includes the sale, or the sale was voided.
    ReversePosSale,
    /// A warehouse allocates units to another channel.
    Allocate,
    /// Reverses an `Allocate`.
    Deallocate,
    /// Units are promised to a wholesale customer.
    WholesaleAllocate,
    /// Reverses a `WholesaleAllocate`.
    WholesaleDeallocate,
}

/// The change that a movement makes to each quantity of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BalanceChange {
    /// Added to on hand.
    pub on_hand: Quantity,
    /// Added to reserved.
    pub reserved: Quantity,
    /// Added to held.
    pub held: Quantity,
    /// Added to the units that the shop itself took off or put back on its own on-hand quantity.
    pub moved_by_shop: Quantity,
    /// Added to the units shipped ahead of the shop.
    pub ahead: Quantity,
    /// Added to the units in transit to this place.
    pub in_transit: Quantity,
    /// Added to the units that a POS sold and the book stock still includes.
    pub pos_pending: Quantity,
    /// Added to the units that warehouses allocated to other channels.
    pub allocated: Quantity,
    /// Added to the units promised to wholesale customers.
    pub wholesale: Quantity,
}

impl MovementKind {
    /// The change that a movement of this kind with `quantity` units makes.
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
            Self::ShipAhead => (down, down, none, none, up),
            Self::ReverseShipAhead => (up, none, none, none, down),
            Self::ConfirmShipment => (none, none, none, down, down),
            Self::ReverseConfirmShipment => (none, none, none, up, up),
            Self::Misattribute => (down, none, none, none, none),
            Self::ReverseMisattribute => (up, none, none, none, none),
            Self::Receipt | Self::Produce | Self::Found | Self::TransferIn => (up, none, none, none, none),
            Self::Issue | Self::Lost | Self::WriteOff | Self::TransferOut | Self::Sell | Self::Deliver => {
                (down, none, none, none, none)
            }
            Self::Hold => (none, none, up, none, none),
            Self::Unhold => (none, none, down, none, none),
            Self::Depart => return BalanceChange { in_transit: up, ..BalanceChange::default() },
            Self::Arrive => return BalanceChange { in_transit: down, ..BalanceChange::default() },
            Self::PosSale => return BalanceChange { pos_pending: up, ..BalanceChange::default() },
            Self::ReversePosSale => return BalanceChange { pos_pending: down, ..BalanceChange::default() },
            Self::Allocate => return BalanceChange { allocated: up, ..BalanceChange::default() },
            Self::Deallocate => return BalanceChange { allocated: down, ..BalanceChange::default() },
            Self::WholesaleAllocate => return BalanceChange { wholesale: up, ..BalanceChange::default() },
            Self::WholesaleDeallocate => return BalanceChange { wholesale: down, ..BalanceChange::default() },
        };
        BalanceChange { on_hand, reserved, held, moved_by_shop, ahead, ..BalanceChange::default() }
    }
}
