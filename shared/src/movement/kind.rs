//! The kinds of movement, and what each adds to the quantities of a position.
//!
//! A movement is never deleted. A movement that was recorded at the wrong place, or that did not take place, is reversed by a
//! second movement of its kind with the reversal flag.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::catalog::Quantity;

/// The kind of a movement. [`MovementKind::change`] is the table of what each kind changes.
///
/// The reversal of a `Hold`, `Allocate` or `WholesaleAllocate` is the field's release or deallocation of these units. The reversal
/// of a `PosSale` records that the book stock now includes the sale, or that the sale was voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
    /// Units come back from a customer.
    Return,
    /// The shop adds returned units to its own on-hand quantity.
    Restock,
    /// An order loses units that were not shipped, and the shop does not put them back on sale. The units are on hand here,
    /// and are held until a system or a person releases them.
    Withhold,
    /// A warehouse reports that units of an order shipped; the shop still counts them as on hand (shipped ahead of the shop).
    ShipAhead,
    /// The shop fulfils units that had shipped ahead of it.
    ConfirmShipment,
    /// Units of an order shipped from here, and the shop books them at another place or not at all (misattributed shipment). A
    /// reversal alone balances it at the place where the shop books the units.
    Misattribute,
    /// The first quantity of a position is recorded: what was there when its records began.
    OpeningStock,
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
    /// Units are in transit to this place.
    Depart,
    /// Units are no longer in transit to this place: they arrived, or they were lost.
    Arrive,
    /// A POS sold units that the book stock still includes.
    PosSale,
    /// A warehouse allocates units to another channel.
    Allocate,
    /// Units are promised to a wholesale customer.
    WholesaleAllocate,
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
    pub shipped_ahead: Quantity,
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
    /// The change that a movement of this kind with `quantity` units makes, or the change that its `reversal` makes.
    ///
    /// A reversal does not restore the reservation that a shipment consumed: the order reserves again what it still needs.
    #[must_use]
    pub fn change(self, quantity: Quantity, reversal: bool) -> BalanceChange {
        let up = if reversal { -quantity } else { quantity };
        let (down, none) = (-up, Quantity::ZERO);
        let (on_hand, reserved, held, moved_by_shop, shipped_ahead) = match self {
            //                on_hand  reserved  held  moved_by_shop  shipped_ahead
            Self::Reserve => (none, up, none, none, none),
            Self::Release => (none, down, none, none, none),
            Self::AssignOut => (none, down, none, none, none),
            Self::AssignIn => (none, up, none, none, none),
            Self::Ship => (down, down, none, down, none),
            Self::Return => (up, none, none, none, none),
            Self::Restock => (none, none, none, up, none),
            Self::Withhold => (none, none, up, down, none),
            Self::ShipAhead => (down, down, none, none, up),
            Self::ConfirmShipment => (none, none, none, down, down),
            Self::Misattribute => (down, none, none, none, none),
            Self::OpeningStock | Self::Receipt | Self::Produce | Self::Found | Self::TransferIn => (up, none, none, none, none),
            Self::Issue | Self::Lost | Self::WriteOff | Self::TransferOut | Self::Sell | Self::Deliver => {
                (down, none, none, none, none)
            }
            Self::Hold => (none, none, up, none, none),
            Self::Depart => return BalanceChange { in_transit: up, ..BalanceChange::default() },
            Self::Arrive => return BalanceChange { in_transit: down, ..BalanceChange::default() },
            Self::PosSale => return BalanceChange { pos_pending: up, ..BalanceChange::default() },
            Self::Allocate => return BalanceChange { allocated: up, ..BalanceChange::default() },
            Self::WholesaleAllocate => return BalanceChange { wholesale: up, ..BalanceChange::default() },
        };
        let reserved = if reversal { none } else { reserved };
        BalanceChange { on_hand, reserved, held, moved_by_shop, shipped_ahead, ..BalanceChange::default() }
    }

    /// Whether units of an order leave the location with this movement, and come back with its reversal.
    #[must_use]
    pub fn is_shipment(self) -> bool {
        matches!(self, Self::Ship | Self::ShipAhead | Self::Misattribute)
    }

    /// Whether the movement, made by another system, shows that the system keeps the stock of this position. A movement that
    /// only takes units away, or brings back what a customer had, does not: the units that are there stay unknown.
    #[must_use]
    pub fn reports_stock(self) -> bool {
        matches!(self, Self::Receipt | Self::Produce | Self::Found | Self::TransferIn)
    }

    /// The name of a movement of this kind, as it is stored and shown: `ship`, or `reverse_ship` for its reversal.
    #[must_use]
    pub fn name(self, reversal: bool) -> String {
        let kind: &'static str = self.into();
        if reversal { format!("reverse_{kind}") } else { kind.to_owned() }
    }
}
