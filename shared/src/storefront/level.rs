//! One pair of item and location in one shop: what the shop should know, and what it has acknowledged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{InventoryItemId, LocationId, Quantity, ShopDomain, ShopLocationId, Sku};
use crate::promise::LocationPromise;

/// What one shop knows of one item at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The shop.
    pub shop: ShopDomain,
    /// Our item.
    pub sku: Sku,
    /// Our location.
    pub location: LocationId,
    /// The shop's name of the item.
    pub inventory_item: InventoryItemId,
    /// The shop's name of the location.
    pub shop_location: ShopLocationId,
    /// [`LocationPromise::supply`] less what is kept back: what the shop's available and committed should add up to.
    pub supply: Quantity,
    /// Supply less what the shop moved by itself: the number whose changes are pushed.
    pub to_push: Quantity,
    /// The position's movement these are computed from.
    pub seq: u64,
    /// The value of `to_push` that the shop has taken in. None: the shop was never told, or not under its present ids.
    pub acknowledged: Option<Quantity>,
    /// The level is to be set outright once it is quiet: it was never told, or was found wrong. Until then a level that
    /// has an acknowledged value goes on being told by differences.
    pub needs_set: bool,
    /// The number of the intent whose outcome is in `acknowledged`.
    #[serde(default)]
    pub sent_by: u64,
    /// Why the shop refuses to be told, until the supply changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether the alert about a refusal is open.
    #[serde(default)]
    pub alerted: bool,
    /// Since when the shop does not know; what the time from change to shop is measured from.
    pub changed_at: Timestamp,
}

impl Level {
    /// A pair the shop was never told about.
    #[must_use]
    pub fn new(
        shop: ShopDomain,
        sku: Sku,
        location: LocationId,
        inventory_item: InventoryItemId,
        shop_location: ShopLocationId,
    ) -> Self {
        Self {
            shop,
            sku,
            location,
            inventory_item,
            shop_location,
            supply: Quantity::ZERO,
            to_push: Quantity::ZERO,
            seq: 0,
            acknowledged: None,
            needs_set: true,
            sent_by: 0,
            refused: None,
            alerted: false,
            changed_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Takes over a newer computation, of which `buffer` is kept back from this shop. An older one changes nothing: levels
    /// never go back.
    pub fn want(&mut self, at: &LocationPromise, buffer: Quantity, names: (InventoryItemId, ShopLocationId), now: Timestamp) {
        if at.seq < self.seq {
            return;
        }
        if (self.inventory_item, self.shop_location) != names {
            // Mapped anew: what the old pair acknowledged says nothing about this one.
            (self.inventory_item, self.shop_location) = names;
            (self.acknowledged, self.needs_set) = (None, true);
        }
        let to_push = at.unknown_to_shop() - buffer;
        if self.to_push != to_push || self.changed_at == Timestamp::UNIX_EPOCH {
            self.changed_at = now;
            self.refused = None;
        }
        (self.seq, self.supply, self.to_push) = (at.seq, at.supply() - buffer, to_push);
    }

    /// Whether the shop must be told something now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.refused.is_none() && (self.needs_set || self.acknowledged != Some(self.to_push))
    }

    /// The difference the shop must be told now, if it can be told one.
    #[must_use]
    pub fn difference(&self) -> Option<Quantity> {
        self.acknowledged.map(|known| self.to_push - known).filter(|difference| !difference.is_zero())
    }

    /// What goes first: sell-outs, then other decreases, then increases, then contacts.
    #[must_use]
    pub fn urgency(&self) -> u8 {
        match self.difference() {
            Some(difference) if difference.is_negative() && !self.supply.is_positive() => 0,
            Some(difference) if difference.is_negative() => 1,
            Some(_) => 2,
            None => 3,
        }
    }
}
