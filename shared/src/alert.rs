//! When a person must look: raised once, cleared once.
//!
//! One row per rule and subject, written in the transaction that crossed the line. Its change is in the table's stream,
//! and `ats-recompute` carries it to the bus, so an alert is never sent for something that was not committed.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{MissingMapping, OrderId, Quantity, ShopDomain, ShopLocationId, Sku};

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum AlertSubject {
    /// What the network can promise of an item fell to its threshold.
    LowStock {
        /// The item.
        sku: Sku,
    },
    /// Units that were promised for a day cannot be there by then: a supply slipped, or components are gone.
    LatePromise {
        /// The item.
        sku: Sku,
    },
    /// More items hang together by their components than can be planned: only what is there of them is sold.
    PlanTooLarge {
        /// The first of them.
        sku: Sku,
    },
    /// A shop sells something we have no item for. Its orders are recorded, and reserve nothing.
    UnmappedSku {
        /// The shop.
        shop: ShopDomain,
        /// What the shop calls it.
        shop_sku: String,
    },
    /// A shop ships or sells at a location we do not have. Its units are taken off the network, but off no location.
    UnmappedLocation {
        /// The shop.
        shop: ShopDomain,
        /// The shop's location.
        location: ShopLocationId,
    },
    /// Another system speaks of something we have no item for. Its events wait for a mapping.
    UnmappedItem {
        /// The system.
        system: String,
        /// Its code of the item.
        code: String,
    },
    /// Another system speaks of a location that is none of ours. Its events wait for a mapping.
    UnmappedFacility {
        /// The system.
        system: String,
        /// Its code of the location.
        code: String,
    },
    /// An event of another system is refused as it is: the system must correct it and send it again.
    RefusedEvent {
        /// The system.
        system: String,
    },
    /// A feed that is pulled from another system failed several times, or was not whole for longer than it may be: what that
    /// system knows is not known here.
    SourceStale {
        /// The system.
        system: String,
        /// The feed.
        feed: String,
    },
    /// An order of a shop cannot be read: what is known of it may be old. While what the shop says of it makes no sense, nothing
    /// of the shop is set outright.
    UnreadableOrder {
        /// The shop.
        shop: ShopDomain,
        /// The order, as the shop calls it.
        order: String,
    },
    /// A paid order that no warehouse has allocated in time.
    Unallocated {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// An order was paid after its hold had been given up.
    PaidLate {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// A shop closed or deleted a location of ours: what it shows there is out of our hands.
    LocationClosed {
        /// The shop.
        shop: ShopDomain,
        /// The shop's location.
        location: ShopLocationId,
    },
    /// A shop removed the app: nothing can be read from it or told to it.
    AppRemoved {
        /// The shop.
        shop: ShopDomain,
    },
    /// A signed webhook cannot be read. What it was about may be missing until the next sweep.
    UnreadableWebhook {
        /// The shop.
        shop: ShopDomain,
        /// Its topic.
        topic: String,
    },
    /// An event came again under the same id with other content. The first one stands.
    ContentMismatch {
        /// The event.
        event: String,
    },
    /// The shop refuses to be told a level. The pair is left out of pushes until its supply changes.
    PushRefused {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// Our location code.
        location: String,
    },
}

impl AlertSubject {
    /// The rule that raises the alert.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::LowStock { .. } => "low_stock",
            Self::LatePromise { .. } => "late_promise",
            Self::PlanTooLarge { .. } => "plan_too_large",
            Self::UnmappedSku { .. } => "unmapped_sku",
            Self::UnmappedLocation { .. } => "unmapped_location",
            Self::UnmappedItem { .. } => "unmapped_item",
            Self::UnmappedFacility { .. } => "unmapped_facility",
            Self::RefusedEvent { .. } => "refused_event",
            Self::SourceStale { .. } => "source_stale",
            Self::UnreadableOrder { .. } => "unreadable_order",
            Self::Unallocated { .. } => "unallocated",
            Self::PaidLate { .. } => "paid_late",
            Self::LocationClosed { .. } => "location_closed",
            Self::AppRemoved { .. } => "app_removed",
            Self::UnreadableWebhook { .. } => "unreadable_webhook",
            Self::ContentMismatch { .. } => "content_mismatch",
            Self::PushRefused { .. } => "push_refused",
        }
    }

    /// What tells the alert apart from others of its rule.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::LowStock { sku } | Self::LatePromise { sku } | Self::PlanTooLarge { sku } => vec![sku.to_string()],
            Self::UnmappedSku { shop, shop_sku } => vec![shop.to_string(), shop_sku.clone()],
            Self::UnmappedLocation { shop, location } | Self::LocationClosed { shop, location } => {
                vec![shop.to_string(), location.to_string()]
            }
            Self::UnmappedItem { system, code } | Self::UnmappedFacility { system, code } => vec![system.clone(), code.clone()],
            Self::RefusedEvent { system } => vec![system.clone()],
            Self::SourceStale { system, feed } => vec![system.clone(), feed.clone()],
            Self::UnreadableOrder { shop, order } => vec![shop.to_string(), order.clone()],
            Self::Unallocated { shop, order } | Self::PaidLate { shop, order } => vec![shop.to_string(), order.to_string()],
            Self::AppRemoved { shop } => vec![shop.to_string()],
            Self::UnreadableWebhook { shop, topic } => vec![shop.to_string(), topic.clone()],
            Self::ContentMismatch { event } => vec![event.clone()],
            Self::PushRefused { shop, sku, location } => vec![shop.to_string(), format!("{sku}@{location}")],
        }
    }

    /// The alert that is open while anything waits for a mapping.
    #[must_use]
    pub fn of_missing(missing: &MissingMapping) -> Self {
        match missing.clone() {
            MissingMapping::Item { system, code }
            | MissingMapping::Unit { system, code, .. }
            | MissingMapping::Fit { system, code, .. } => Self::UnmappedItem { system, code },
            MissingMapping::Location { system, code } => Self::UnmappedFacility { system, code },
            MissingMapping::ShopItem { shop, shop_sku } => Self::UnmappedSku { shop, shop_sku },
            MissingMapping::ShopLocation { shop, location } => Self::UnmappedLocation { shop, location },
        }
    }
}

impl fmt::Display for AlertSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.rule(), self.fields().join("#"))
    }
}

/// Whether someone must still look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Open.
    Raised,
    /// It has passed.
    Cleared,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    #[serde(flatten)]
    pub subject: AlertSubject,
    /// Open or not.
    pub state: AlertState,
    /// How often it was raised, this time included.
    pub times: u64,
    /// What was seen, in words for the person who reads it.
    pub detail: String,
    /// When it last changed.
    pub changed_at: Timestamp,
}

impl Alert {
    /// The alert after it was found raised or not; `None` when that is how it stands already.
    #[must_use]
    pub fn next(known: Option<&Self>, subject: AlertSubject, state: AlertState, detail: String, now: Timestamp) -> Option<Self> {
        let stands = known.map_or(AlertState::Cleared, |alert| alert.state);
        let times = known.map_or(0, |alert| alert.times) + u64::from(state == AlertState::Raised);
        (stands != state).then_some(Self { subject, state, times, detail, changed_at: now })
    }
}

/// Where the low-stock alert of an item goes when the network's available is `available`; `None` to stay as it is.
///
/// It is raised at the threshold and cleared only a tenth (at least one unit) above it, so a level that hovers around the
/// threshold does not ring again and again.
#[must_use]
pub fn low_stock(available: Quantity, low_at: Option<Quantity>) -> Option<AlertState> {
    let low_at = low_at?;
    let clear_above = low_at + Quantity::new((low_at.units() / 10).max(1));
    if available <= low_at {
        Some(AlertState::Raised)
    } else if available >= clear_above {
        Some(AlertState::Cleared)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects planners from alerts that flutter: raised at the line, cleared a step above it, quiet in between.
    #[test]
    fn low_stock_has_hysteresis() {
        let units = Quantity::new;
        for (available, low_at, expected) in [
            (21, Some(20), None),
            (20, Some(20), Some(AlertState::Raised)),
            (-3, Some(20), Some(AlertState::Raised)),
            (22, Some(20), Some(AlertState::Cleared)),
            (0, Some(0), Some(AlertState::Raised)),
            (1, Some(0), Some(AlertState::Cleared)),
            (0, None, None),
        ] {
            assert_eq!(low_stock(units(available), low_at.map(units)), expected, "{available} of {low_at:?}");
        }
    }

    /// Protects "raised once, cleared once": the same finding again changes nothing.
    #[test]
    fn an_alert_changes_only_when_its_state_does() {
        let subject = || AlertSubject::LowStock { sku: "A".parse().expect("a valid SKU") };
        let next = |known: Option<&Alert>, state| Alert::next(known, subject(), state, String::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(next(None, AlertState::Cleared), None);
        let raised = next(None, AlertState::Raised).expect("the first finding raises");
        assert_eq!(next(Some(&raised), AlertState::Raised), None);
        let cleared = next(Some(&raised), AlertState::Cleared).expect("recovery clears");
        assert_eq!(next(Some(&cleared), AlertState::Cleared), None);
        assert_eq!(next(Some(&cleared), AlertState::Raised).map(|alert| alert.times), Some(2));
    }
}
