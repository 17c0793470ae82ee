//! The level of one item at one location in one shop: the value that the shop should have, and the value that it has
//! acknowledged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertSubject;
use crate::catalog::{InventoryItemId, LocationId, Quantity, ShopDomain, ShopLocationId, Sku};
use crate::promise::LocationPromise;

/// Why the pusher leaves a level alone. Each has an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelBlock {
    /// No system ever reported stock at the position, so what the shop shows is not compared with anything.
    NeverReported,
    /// The shop refuses the level. Cleared when the number changes.
    Refused {
        /// The reason of the shop.
        reason: String,
    },
    /// The comparison would raise the level, and units that an order edit removed may be the cause. Differences still travel. An
    /// operator confirms or discards the change.
    Parked {
        /// The `available` of the shop.
        shown: Quantity,
        /// The `available` that it would be set to.
        wanted: Quantity,
    },
    /// A person deactivated the level in the shop. Cleared when the comparison finds it active again.
    Deactivated,
}

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
    /// The row could not be read and was written anew, or it is from a restored table. What the shop acknowledged and what a person decided about the level are
    /// lost, so until the level is set, the pusher does not activate it, and parks a rise that removed units may cause.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renewed: bool,
    /// Units that our orders reserve and the shop does not commit, as the last comparison found them. They are subtracted from
    /// what the shop shows, until the orders ship or are cancelled.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub unclaimed: Quantity,
    /// Units that order edits removed, see [`LocationPromise::removed`].
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub removed: Quantity,
    /// Why the pusher leaves the level alone, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<LevelBlock>,
    /// The open alert about the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertSubject>,
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
            renewed: false,
            unclaimed: Quantity::ZERO,
            removed: Quantity::ZERO,
            blocked: None,
            alert: None,
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
        // Orders that claim nothing in the shop are among the reserved units, and are gone when those are.
        self.unclaimed = self.unclaimed.min(at.balance.reserved.at_least_zero());
        let to_push = at.unknown_to_shop() - buffer - self.unclaimed;
        let is_reported = at.reported || !at.producible.is_zero() || self.acknowledged.is_some();
        self.removed = at.removed;
        self.blocked = match self.blocked.take() {
            _ if !is_reported => Some(LevelBlock::NeverReported),
            Some(LevelBlock::Refused { .. }) if self.to_push != to_push => None,
            Some(LevelBlock::Parked { .. }) if at.removed.is_zero() => {
                self.needs_set = true; // The removed units are settled: the next push compares the level again.
                None
            }
            Some(LevelBlock::NeverReported) | None => None,
            Some(block @ (LevelBlock::Refused { .. } | LevelBlock::Parked { .. } | LevelBlock::Deactivated)) => Some(block),
        };
        if self.to_push != to_push || self.changed_at == Timestamp::UNIX_EPOCH {
            self.changed_at = now;
        }
        (self.seq, self.supply, self.to_push) = (at.seq, at.supply() - buffer - self.unclaimed, to_push);
    }

    /// Takes over the units that our orders reserve and the shop does not commit.
    pub fn set_unclaimed(&mut self, unclaimed: Quantity, now: Timestamp) {
        let change = self.unclaimed - unclaimed;
        if !change.is_zero() {
            (self.unclaimed, self.changed_at) = (unclaimed, now);
            (self.supply, self.to_push) = (self.supply + change, self.to_push + change);
        }
    }

    /// Whether the level must be sent to the shop now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        match self.blocked {
            None => self.needs_set || self.acknowledged != Some(self.to_push),
            Some(LevelBlock::Parked { .. }) => self.difference().is_some(),
            Some(LevelBlock::NeverReported | LevelBlock::Refused { .. } | LevelBlock::Deactivated) => false,
        }
    }

    /// The difference that must be sent to the shop now; `None` when there is none, or when the shop has acknowledged no value.
    #[must_use]
    pub fn difference(&self) -> Option<Quantity> {
        self.acknowledged.map(|known| self.to_push - known).filter(|difference| !difference.is_zero())
    }

    /// The level without what the shop acknowledged, refused, or showed when a change was parked. `None` if it knows none of these.
    #[must_use]
    pub fn forgotten(&self) -> Option<Self> {
        let blocked = match &self.blocked {
            Some(LevelBlock::Refused { .. } | LevelBlock::Parked { .. }) | None => None,
            Some(block @ (LevelBlock::NeverReported | LevelBlock::Deactivated)) => Some(block.clone()),
        };
        let forgotten = Self { acknowledged: None, needs_set: true, renewed: true, blocked, ..self.clone() };
        (forgotten != *self).then_some(forgotten)
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
