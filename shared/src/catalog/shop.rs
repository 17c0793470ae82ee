//! The settings of a shop. An operator writes them with `promissory shop set`; a shop without them is not live.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::ShopDomain;

/// The settings of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopSettings {
    /// The shop.
    pub shop: ShopDomain,
    /// The instant of the opening stock, in whole seconds. What an order did up to this instant is contained in the opening
    /// stock and moves nothing; what was open then is reserved, and what it does later moves. Before this instant nothing of the
    /// shop is swept, moved, forwarded or pushed.
    pub go_live_at: Timestamp,
    /// Whether orders that were placed before, and were open then, are forwarded as sales orders. Without it the system that
    /// makes or ships them is expected to have them already.
    #[serde(default)]
    pub forward_open_orders: bool,
    /// When the table was prepared after it had been restored to an earlier time. Until then, orders may have been forwarded that
    /// the table does not know as forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
}

impl ShopSettings {
    /// How long after a restore was prepared the functions may still have used the table before it.
    const RESTORE_MARGIN: SignedDuration = SignedDuration::from_hours(24);

    /// Settings of a shop that goes live at `go_live_at`, and whose older orders are not forwarded.
    #[must_use]
    pub fn live_from(shop: ShopDomain, go_live_at: Timestamp) -> Self {
        Self { shop, go_live_at, forward_open_orders: false, restored_at: None }
    }

    /// Whether the shop is live at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.go_live_at <= now
    }

    /// The time up to which a function may have used the table as it was before a restore: what it sent then is not in this table.
    #[must_use]
    pub fn restored_until(&self) -> Option<Timestamp> {
        self.restored_at.map(|at| at.saturating_add(Self::RESTORE_MARGIN).unwrap_or(Timestamp::MAX))
    }

    /// Whether the opening stock contains a change at `time`, as a count contains what happened up to its time.
    #[must_use]
    pub fn opening_contains(&self, time: Timestamp) -> bool {
        time <= self.go_live_at
    }
}
