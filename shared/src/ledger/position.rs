//! The state of one item at one place.

use std::fmt;
use std::ops::Add;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Cause, Change, Kind, Movement};
use crate::catalog::{Place, Quantity, Sku};
use crate::store::{Key, Row};

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

    /// The partition of its rows. Place codes have no `@`, so the last one divides, whatever the SKU holds.
    #[must_use]
    pub fn partition(&self) -> String {
        format!("POS#{self}")
    }

    /// Reads the partition of a position's rows, as a stream record carries it.
    #[must_use]
    pub fn from_partition(pk: &str) -> Option<Self> {
        let (sku, place) = pk.strip_prefix("POS#")?.rsplit_once('@')?;
        Some(Self { sku: sku.parse().ok()?, place: Place::try_from(place.to_owned()).ok()? })
    }

    /// Where the position lives.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::head(self.partition())
    }
}

impl fmt::Display for PositionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.sku, self.place)
    }
}

/// The four quantities of a position. Every other figure is computed from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Balance {
    /// Units physically there.
    pub on_hand: Quantity,
    /// Units promised to orders and not shipped yet.
    pub reserved: Quantity,
    /// Units there that may not be sold: quality holds.
    pub held: Quantity,
    /// Net units the storefront has itself taken off or put back on its own on-hand number here: shipments count down,
    /// restocks up. The storefront is never told about these again, see [`Balance::unknown_to_shop`].
    pub moved_by_shop: Quantity,
}

impl Balance {
    /// What can still be promised from here. May be negative.
    #[must_use]
    pub fn available(&self) -> Quantity {
        self.on_hand - self.reserved - self.held
    }

    /// Supply that the storefront cannot know by itself: `on_hand − held − moved_by_shop`. Orders, shipments and restocks
    /// of the shop leave it as it is; its changes are what must be pushed.
    #[must_use]
    pub fn unknown_to_shop(&self) -> Quantity {
        self.on_hand - self.held - self.moved_by_shop
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on_hand, reserved, held, moved_by_shop } = self;
        write!(f, "{on_hand} on hand, {reserved} reserved, {held} held, {moved_by_shop} moved by the shop")
    }
}

impl Add<Change> for Balance {
    type Output = Self;

    fn add(self, change: Change) -> Self {
        Self {
            on_hand: self.on_hand + change.on_hand,
            reserved: self.reserved + change.reserved,
            held: self.held + change.held,
            moved_by_shop: self.moved_by_shop + change.moved_by_shop,
        }
    }
}

/// A position as it is stored: its balance after movement number `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which one.
    #[serde(flatten)]
    pub of: PositionKey,
    /// The number of its last movement; 0 when nothing ever moved.
    pub seq: u64,
    /// Its quantities.
    #[serde(flatten)]
    pub balance: Balance,
    /// When its last movement was recorded.
    pub moved_at: Option<Timestamp>,
}

impl Position {
    /// A position nothing has touched yet.
    #[must_use]
    pub fn empty(of: PositionKey) -> Self {
        Self { of, seq: 0, balance: Balance::default(), moved_at: None }
    }

    /// Moves the position by one movement, which is returned to be written with it.
    pub fn record(&mut self, kind: Kind, quantity: Quantity, cause: Cause, now: Timestamp) -> Movement {
        let before = self.balance;
        self.balance = before + kind.change(quantity);
        self.seq += 1;
        self.moved_at = Some(now);
        Movement { of: self.of.clone(), seq: self.seq, kind, quantity, before, after: self.balance, cause, recorded_at: now }
    }
}

impl Row for Position {
    fn key(&self) -> Key {
        self.of.key()
    }
}
