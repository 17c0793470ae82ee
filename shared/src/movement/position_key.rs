//! One item at one place, and the quantities that are kept of it.

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

    /// Reads `sku@place`. Place codes have no `@`, so the last one divides, whatever the SKU holds.
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

/// The quantities of a position. Every other figure is computed from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Balance {
    /// Units there, by the books.
    pub on_hand: Quantity,
    /// Units promised to the shops' orders and not shipped yet.
    pub reserved: Quantity,
    /// Units there that may not be sold: quality holds.
    pub held: Quantity,
    /// Net units the storefront has itself taken off or put back on its own on-hand number here: shipments count down,
    /// restocks up. The storefront is never told about these again, see [`Balance::unknown_to_shop`].
    pub moved_by_shop: Quantity,
    /// Units of the shops' orders that have left, as a warehouse says, and that the shop still counts.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub ahead: Quantity,
    /// Units on their way here. They promise nothing before they arrive.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub in_transit: Quantity,
    /// Units that tills sold and the books still have.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub pos_pending: Quantity,
    /// Units that warehouses set aside for other channels' orders. What is set aside for a shop's order is reserved.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub allocated: Quantity,
    /// Units promised to wholesale customers and not set aside yet.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub wholesale: Quantity,
}

impl Balance {
    /// What the shops may sell, before their own orders: `on_hand − held − pos_pending − allocated − wholesale`.
    #[must_use]
    pub fn sellable(&self) -> Quantity {
        self.on_hand - self.held - self.pos_pending - self.allocated - self.wholesale
    }

    /// What can still be promised from here. May be negative.
    #[must_use]
    pub fn available(&self) -> Quantity {
        self.sellable() - self.reserved
    }

    /// What a shop's available and committed should add up to: units that left ahead of the shop are still in its numbers.
    #[must_use]
    pub fn supply(&self) -> Quantity {
        self.sellable() + self.ahead
    }

    /// Supply that the storefront cannot know by itself: `supply − moved_by_shop`. Orders, shipments and restocks of the
    /// shop leave it as it is; its changes are what must be pushed.
    #[must_use]
    pub fn unknown_to_shop(&self) -> Quantity {
        self.supply() - self.moved_by_shop
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on_hand, reserved, held, moved_by_shop, ahead, in_transit, pos_pending, allocated, wholesale } = self;
        write!(f, "{on_hand} on hand, {reserved} reserved, {held} held, {moved_by_shop} moved by the shop")?;
        let seldom = [
            (ahead, "left ahead of the shop"),
            (in_transit, "in transit"),
            (pos_pending, "sold by tills"),
            (allocated, "allocated"),
            (wholesale, "wholesale"),
        ];
        seldom.iter().filter(|(units, _)| !units.is_zero()).try_for_each(|(units, name)| write!(f, ", {units} {name}"))
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
            ahead: self.ahead + change.ahead,
            in_transit: self.in_transit + change.in_transit,
            pos_pending: self.pos_pending + change.pos_pending,
            allocated: self.allocated + change.allocated,
            wholesale: self.wholesale + change.wholesale,
        }
    }
}
