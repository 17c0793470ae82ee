//! Positions: one item at one place, and the quantities that the ledger keeps of it.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::BalanceChange;
use crate::catalog::{NameError, Place, Quantity, Sku};

/// One item at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PositionKey {
    /// The item.
    pub sku: Sku,
    /// The place.
    pub place: Place,
}

impl PositionKey {
    /// The position of `sku` at `place`.
    #[must_use]
    pub fn new(sku: Sku, place: Place) -> Self {
        Self { sku, place }
    }
}

impl FromStr for PositionKey {
    type Err = NameError;

    /// Parses `sku@place`. A place code has no `@`, so the last `@` is the separator even when the SKU contains one.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (sku, place) = text.rsplit_once('@').unwrap_or((text, ""));
        Ok(Self { sku: sku.parse()?, place: Place::try_from(place.to_owned())? })
    }
}

impl fmt::Display for PositionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.sku, self.place)
    }
}

/// The quantities of a position. Every other quantity is computed from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Balance {
    /// Units on hand in the book stock.
    pub on_hand: Quantity,
    /// Units reserved for orders of shops and not shipped yet.
    pub reserved: Quantity,
    /// Units on hand that may not be sold, such as quality holds.
    pub held: Quantity,
    /// Net units that the shop itself took off or put back on its own on-hand quantity here: a shipment lowers it, a restock
    /// raises it. The pusher never sends these changes to the shop, see [`Balance::unknown_to_shop`].
    pub moved_by_shop: Quantity,
    /// Units of orders that a warehouse reported as shipped and that the shop still counts (shipped ahead of the shop).
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub shipped_ahead: Quantity,
    /// Units in transit to this place. They are not available before they arrive.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub in_transit: Quantity,
    /// Units that a POS sold and the book stock still includes.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub pos_pending: Quantity,
    /// Units that warehouses allocated to orders of other channels. Units allocated to an order of a shop count as reserved.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub allocated: Quantity,
    /// Units promised to wholesale customers and not allocated yet.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub wholesale: Quantity,
}

impl Balance {
    /// Units that the shops may sell, before their own reservations: `on_hand − held − pos_pending − allocated − wholesale`.
    #[must_use]
    pub fn sellable(&self) -> Quantity {
        self.on_hand - self.held - self.pos_pending - self.allocated - self.wholesale
    }

    /// Units that can still be promised from here: `sellable − reserved`. May be negative.
    #[must_use]
    pub fn available(&self) -> Quantity {
        self.sellable() - self.reserved
    }

    /// The sum that a shop's available and committed quantities should have. Units shipped ahead of the shop count, because
    /// the shop still includes them.
    #[must_use]
    pub fn supply(&self) -> Quantity {
        self.sellable() + self.shipped_ahead
    }

    /// The supply that the shop cannot know by itself: `supply − moved_by_shop`. Orders, shipments and restocks of the shop do
    /// not change it; the pusher sends its changes to the shop.
    #[must_use]
    pub fn unknown_to_shop(&self) -> Quantity {
        self.supply() - self.moved_by_shop
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on_hand, reserved, held, moved_by_shop, shipped_ahead, in_transit, pos_pending, allocated, wholesale } = self;
        write!(f, "{on_hand} on hand, {reserved} reserved, {held} held, {moved_by_shop} moved by the shop")?;
        let optional = [
            (shipped_ahead, "shipped ahead of the shop"),
            (in_transit, "in transit"),
            (pos_pending, "sold by POS"),
            (allocated, "allocated"),
            (wholesale, "wholesale"),
        ];
        optional.iter().filter(|(units, _)| !units.is_zero()).try_for_each(|(units, name)| write!(f, ", {units} {name}"))
    }
}

impl Add<BalanceChange> for Balance {
    type Output = Self;

    fn add(self, change: BalanceChange) -> Self {
        Self {
            on_hand: self.on_hand + change.on_hand,
            reserved: self.reserved + change.reserved,
            held: self.held + change.held,
            moved_by_shop: self.moved_by_shop + change.moved_by_shop,
            shipped_ahead: self.shipped_ahead + change.shipped_ahead,
            in_transit: self.in_transit + change.in_transit,
            pos_pending: self.pos_pending + change.pos_pending,
            allocated: self.allocated + change.allocated,
            wholesale: self.wholesale + change.wholesale,
        }
    }
}
