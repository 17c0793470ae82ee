//! What the shop stocks: items, locations, and the level of an item at a location.
//!
//! On hand is `available + committed` by construction; the other states that Shopify knows are not modelled, and read as zero.

use super::ids::{ItemId, LocationId, VariantId};
use super::time::second;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether an item may be sold beyond what is available.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oversell {
    /// The storefront refuses the order.
    #[default]
    Deny,
    /// The storefront takes it, and available goes below zero.
    Continue,
}

/// An item to be added, with its one variant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewItem {
    /// Its number, or nothing for the next free one.
    pub id: Option<ItemId>,
    /// Its SKU; unique here.
    pub sku: String,
    /// Not counted by Shopify.
    pub untracked: bool,
    /// Whether it may be oversold.
    pub oversell: Oversell,
    /// A gift card.
    pub gift_card: bool,
    /// Needs no shipping.
    pub digital: bool,
    /// A bundle parent, whose quantity Shopify computes: no app may change it.
    pub bundle: bool,
    /// What a bundle parent is made of: SKUs and units of one. It is sold as these, and has no line of its own.
    pub components: Vec<(String, i64)>,
}

impl NewItem {
    /// A plain tracked item.
    #[must_use]
    pub fn tracked(sku: &str) -> Self {
        NewItem { sku: sku.to_owned(), ..NewItem::default() }
    }
}

/// An inventory item and its variant.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// What is counted.
    pub id: ItemId,
    /// What is sold.
    pub variant: VariantId,
    /// Its SKU.
    pub sku: String,
    /// Whether Shopify counts it.
    pub tracked: bool,
    /// Whether it may be oversold.
    pub oversell: Oversell,
    /// A gift card.
    pub gift_card: bool,
    /// Whether it has to be shipped.
    pub requires_shipping: bool,
    /// A bundle parent.
    pub bundle: bool,
    /// What it is sold as: SKUs and units of one; empty for what is sold as itself.
    pub components: Vec<(String, i64)>,
    /// Its product was deleted.
    pub removed: bool,
}

/// A location to be added. Its place in the order of allocation is the order of adding.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewLocation {
    /// Its number, or nothing for the next free one.
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
    /// Lower is asked first.
    pub priority: usize,
}

/// The level of an item at a location.
#[derive(Clone, Debug, Serialize)]
pub struct Level {
    /// Units that may be sold; below zero after overselling.
    pub available: i64,
    /// Units that belong to orders and have not left.
    pub committed: i64,
    /// Whether the item is stocked here. An inactive level is shown only to a query that asks for it.
    pub active: bool,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// When available last changed.
    pub available_at: Timestamp,
    /// When committed last changed.
    pub committed_at: Timestamp,
}

impl Level {
    pub(super) fn new(now: Timestamp, active: bool) -> Self {
        let now = second(now);
        Level { available: 0, committed: 0, active, updated_at: now, available_at: now, committed_at: now }
    }

    /// Units in the building.
    #[must_use]
    pub fn on_hand(&self) -> i64 {
        self.available + self.committed
    }

    /// Adds to both quantities and stamps the ones that moved. Panics past i64 or where committed would go below zero.
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
