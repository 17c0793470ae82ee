//! The stock of the shop: items, locations, and the level of an item at a location.
//!
//! On hand is the sum of what can be sold, what orders hold, and what is set aside in the other states, by construction. The fake
//! has no incoming units.

use super::ids::{ItemId, LocationId, VariantId};
use super::time::second;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether an item may be sold beyond what is available.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oversell {
    /// The storefront refuses the order.
    #[default]
    Deny,
    /// The storefront accepts the order, and available goes below zero.
    Continue,
}

/// An item to add, with its one variant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewItem {
    /// Its number; `None` for the next free one.
    pub id: Option<ItemId>,
    /// Its SKU, which must be unique here.
    pub sku: String,
    /// Whether Shopify does not track it.
    pub untracked: bool,
    /// Whether it may be oversold.
    pub oversell: Oversell,
    /// Whether it is a gift card.
    pub gift_card: bool,
    /// Whether it needs no shipping.
    pub digital: bool,
    /// Whether it is a bundle parent. Shopify computes the quantity of a bundle parent, and no app may change it.
    pub bundle: bool,
    /// The components of a bundle parent: SKUs, and units in one bundle. An order has lines for the components and none for the
    /// bundle.
    pub components: Vec<(String, i64)>,
}

impl NewItem {
    /// Creates a tracked item with defaults for everything but its SKU.
    #[must_use]
    pub fn tracked(sku: &str) -> Self {
        NewItem { sku: sku.to_owned(), ..NewItem::default() }
    }
}

/// An inventory item and its variant.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// The inventory item, for which Shopify counts units.
    pub id: ItemId,
    /// The variant, which the shop sells.
    pub variant: VariantId,
    /// Its SKU.
    pub sku: String,
    /// Whether Shopify tracks it.
    pub tracked: bool,
    /// Whether it may be oversold.
    pub oversell: Oversell,
    /// Whether it is a gift card.
    pub gift_card: bool,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// Whether it is a bundle parent.
    pub bundle: bool,
    /// Its components: SKUs, and units in one bundle. Empty if the item is sold as itself.
    pub components: Vec<(String, i64)>,
    /// Whether its product was deleted.
    pub removed: bool,
}

/// A location to add. Locations are allocated in the order in which they were added.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewLocation {
    /// Its number; `None` for the next free one.
    pub id: Option<LocationId>,
    /// Its name.
    pub name: String,
    /// Whether online orders may be allocated to it.
    pub fulfils_online: bool,
}

/// A location.
#[derive(Clone, Debug, Serialize)]
pub struct Location {
    /// Its identifier.
    pub id: LocationId,
    /// Its name.
    pub name: String,
    /// Whether online orders may be allocated to it.
    pub fulfils_online: bool,
    /// Its priority in allocation. The lowest number comes first.
    pub priority: usize,
}

/// The level of an item at a location.
#[derive(Clone, Debug, Serialize)]
pub struct Level {
    /// Units that may be sold. Below zero after overselling.
    pub available: i64,
    /// Units that belong to orders and have not left.
    pub committed: i64,
    /// Units in the other states.
    pub set_aside: BTreeMap<InventoryState, i64>,
    /// Whether the location stocks the item. A query returns an inactive level only if it asks for inactive levels.
    pub active: bool,
    /// The time of the last change of the level.
    pub updated_at: Timestamp,
    /// The time of the last change of available.
    pub available_at: Timestamp,
    /// The time of the last change of committed.
    pub committed_at: Timestamp,
    /// The time of the last change of another state.
    pub set_aside_at: Timestamp,
}

/// A state of units on hand that are neither available nor committed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryState {
    /// Reserved for draft orders, or by an app.
    Reserved,
    /// Damaged.
    Damaged,
    /// In quality control.
    QualityControl,
    /// Kept back as a safety stock.
    SafetyStock,
}

impl InventoryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Reserved, Self::Damaged, Self::QualityControl, Self::SafetyStock];

    /// Returns the name of its quantity.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Damaged => "damaged",
            Self::QualityControl => "quality_control",
            Self::SafetyStock => "safety_stock",
        }
    }
}

impl Level {
    pub(super) fn new(now: Timestamp, active: bool) -> Self {
        let now = second(now);
        Level {
            available: 0,
            committed: 0,
            set_aside: BTreeMap::new(),
            active,
            updated_at: now,
            available_at: now,
            committed_at: now,
            set_aside_at: now,
        }
    }

    /// Returns the units in the building.
    #[must_use]
    pub fn on_hand(&self) -> i64 {
        self.available + self.committed + self.set_aside.values().sum::<i64>()
    }

    /// Returns the units in a state.
    #[must_use]
    pub fn in_state(&self, state: InventoryState) -> i64 {
        self.set_aside.get(&state).copied().unwrap_or(0)
    }

    /// Moves available units to a state, or (below zero) back. Panics if the state has fewer units.
    pub(super) fn put_aside(&mut self, now: Timestamp, state: InventoryState, units: i64) {
        let there = self.set_aside.entry(state).or_default();
        *there += units;
        assert!(*there >= 0, "more units are taken back than were set aside");
        self.set_aside_at = second(now);
        self.shift(now, -units, 0);
    }

    /// Adds to both quantities, and sets the times of those that change. Panics if a quantity exceeds `i64` or committed falls
    /// below zero.
    pub(super) fn shift(&mut self, now: Timestamp, available: i64, committed: i64) {
        let now = second(now);
        if available != 0 {
            self.available = self.available.checked_add(available).expect("levels stay within 64 bits");
            self.available_at = now;
        }
        if committed != 0 {
            self.committed = self.committed.checked_add(committed).expect("levels stay within 64 bits");
            self.committed_at = now;
        }
        assert!(self.committed >= 0, "more was released than had been committed");
        self.updated_at = now;
    }
}
