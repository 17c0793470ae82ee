//! The level of one item at one location in one shop: the value that the shop should have, and the value that it has
//! acknowledged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{InventoryItemId, LocationId, Quantity, ShopDomain, ShopLocationId, Sku};
use crate::promise::LocationPromise;

/// The level of one item at one location in one shop.
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
    /// [`LocationPromise::supply`] less the units that are kept back: the sum that the shop's available and committed should
    /// have.
    pub supply: Quantity,
    /// The supply less the units that the shop moved by itself: the pusher sends the changes of this number.
    pub to_push: Quantity,
    /// The sequence number of the movement that these numbers are computed from.
    pub seq: u64,
    /// The value of `to_push` that the shop has acknowledged. `None` when it has not acknowledged any under its present ids.
    pub acknowledged: Option<Quantity>,
    /// The level must be set by compare-and-set after the settling window, because it was never acknowledged or has drifted.
    /// Until then, a level with an acknowledged value still receives differences.
    pub needs_set: bool,
    /// The number of the intent whose outcome is in `acknowledged`.
    #[serde(default)]
    pub sent_by: u64,
    /// Why the shop refuses the level; cleared when the number changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Whether the alert about a refusal is open.
    #[serde(default)]
    pub alerted: bool,
    /// When `to_push` last changed; the time from a change to its push is measured from here.
    pub changed_at: Timestamp,
}

impl Level {
    /// A level that was never sent to the shop.
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

    /// Takes over a newer computation, less the `buffer` that is kept back from this shop. An older computation changes nothing:
    /// a level never goes back to an older movement.
    pub fn update(&mut self, at: &LocationPromise, buffer: Quantity, names: (InventoryItemId, ShopLocationId), now: Timestamp) {
        if at.seq < self.seq {
            return;
        }
        if (self.inventory_item, self.shop_location) != names {
            // The mapping changed: the value that the old pair acknowledged does not hold for the new pair.
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

    /// Whether the level must be sent to the shop now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.refused.is_none() && (self.needs_set || self.acknowledged != Some(self.to_push))
    }

    /// The difference that must be sent to the shop now; `None` when there is none, or when the shop has acknowledged no value.
    #[must_use]
    pub fn difference(&self) -> Option<Quantity> {
        self.acknowledged.map(|known| self.to_push - known).filter(|difference| !difference.is_zero())
    }

    /// The order of pushes, lowest first: sell-outs, then other decreases, then increases, then levels to be initialised or
    /// repaired.
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
