//! When a person must look: raised once, cleared once.
//!
//! One row per rule and subject, written in the transaction that crossed the line. Its change is in the table's stream,
//! and `ats-recompute` carries it to the bus, so an alert is never sent for something that was not committed.

use std::fmt;
use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{OrderId, Quantity, ShopDomain, ShopLocationId, Sku};
use crate::clock::Clock;
use crate::order::SalesOrder;
use crate::store::{Key, Row, Store, StoreError, Write, WriteError, read};

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Subject {
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

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowStock { sku } => write!(f, "low_stock#{sku}"),
            Self::LatePromise { sku } => write!(f, "late_promise#{sku}"),
            Self::PlanTooLarge { sku } => write!(f, "plan_too_large#{sku}"),
            Self::UnmappedSku { shop, shop_sku } => write!(f, "unmapped_sku#{shop}#{shop_sku}"),
            Self::UnmappedLocation { shop, location } => write!(f, "unmapped_location#{shop}#{location}"),
            Self::UnmappedItem { system, code } => write!(f, "unmapped_item#{system}#{code}"),
            Self::UnmappedFacility { system, code } => write!(f, "unmapped_facility#{system}#{code}"),
            Self::RefusedEvent { system } => write!(f, "refused_event#{system}"),
            Self::SourceStale { system, feed } => write!(f, "source_stale#{system}#{feed}"),
            Self::UnreadableOrder { shop, order } => write!(f, "unreadable_order#{shop}#{order}"),
            Self::Unallocated { shop, order } => write!(f, "unallocated#{shop}#{order}"),
            Self::PaidLate { shop, order } => write!(f, "paid_late#{shop}#{order}"),
            Self::LocationClosed { shop, location } => write!(f, "location_closed#{shop}#{location}"),
            Self::AppRemoved { shop } => write!(f, "app_removed#{shop}"),
            Self::UnreadableWebhook { shop, topic } => write!(f, "unreadable_webhook#{shop}#{topic}"),
            Self::ContentMismatch { event } => write!(f, "content_mismatch#{event}"),
            Self::PushRefused { shop, sku, location } => write!(f, "push_refused#{shop}#{sku}@{location}"),
        }
    }
}

/// Whether someone must still look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
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
    pub subject: Subject,
    /// Open or not.
    pub state: State,
    /// How often it was raised, this time included.
    pub times: u64,
    /// What was seen, in words for the person who reads it.
    pub detail: String,
    /// When it last changed.
    pub changed_at: Timestamp,
}

impl Alert {
    /// The prefix of the partitions of alerts.
    pub const PREFIX: &'static str = "ALERT#";

    /// Where the alert about `subject` lives.
    #[must_use]
    pub fn key_of(subject: &Subject) -> Key {
        Key::head(format!("{}{subject}", Self::PREFIX))
    }

    /// The alert after it was found raised or not; `None` when that is how it stands already.
    #[must_use]
    pub fn next(known: Option<&Self>, subject: Subject, state: State, detail: String, now: Timestamp) -> Option<Self> {
        let stands = known.map_or(State::Cleared, |alert| alert.state);
        let times = known.map_or(0, |alert| alert.times) + u64::from(state == State::Raised);
        (stands != state).then_some(Self { subject, state, times, detail, changed_at: now })
    }
}

impl Row for Alert {
    fn key(&self) -> Key {
        Self::key_of(&self.subject)
    }
}

/// Raises an alert that belongs to no transaction, if it does not stand already.
///
/// # Errors
/// When the store fails.
pub async fn raise<S: Store, C: Clock>(store: &S, clock: &C, (subject, detail): (Subject, String)) -> Result<(), StoreError> {
    find(store, clock, subject, State::Raised, detail).await
}

/// Clears an alert that belongs to no transaction, if it stands.
///
/// # Errors
/// When the store fails.
pub async fn clear<S: Store, C: Clock>(store: &S, clock: &C, (subject, detail): (Subject, String)) -> Result<(), StoreError> {
    find(store, clock, subject, State::Cleared, detail).await
}

async fn find<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    subject: Subject,
    state: State,
    detail: String,
) -> Result<(), StoreError> {
    let (known, expect) = read::<Alert, S>(store, Alert::key_of(&subject)).await?;
    let Some(next) = Alert::next(known.as_ref(), subject, state, detail, clock.now()) else { return Ok(()) };
    match store.write(&[Write::put(&next, expect)]).await {
        Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(()), // Somebody else found the same just now.
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// The bus port: carries alerts to people, and sales orders to the manufacturing system. Either may be carried twice.
pub trait Bus: Sync {
    /// Publishes alerts.
    fn publish(&self, alerts: &[Alert]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forwards a sales order. Nothing of it is kept or logged.
    fn forward(&self, order: &SalesOrder) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Where the low-stock alert of an item goes when the network's available is `available`; `None` to stay as it is.
///
/// It is raised at the threshold and cleared only a tenth (at least one unit) above it, so a level that hovers around the
/// threshold does not ring again and again.
#[must_use]
pub fn low_stock(available: Quantity, low_at: Option<Quantity>) -> Option<State> {
    let low_at = low_at?;
    let clear_above = low_at + Quantity::new((low_at.units() / 10).max(1));
    if available <= low_at {
        Some(State::Raised)
    } else if available >= clear_above {
        Some(State::Cleared)
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
            (20, Some(20), Some(State::Raised)),
            (-3, Some(20), Some(State::Raised)),
            (22, Some(20), Some(State::Cleared)),
            (0, Some(0), Some(State::Raised)),
            (1, Some(0), Some(State::Cleared)),
            (0, None, None),
        ] {
            assert_eq!(low_stock(units(available), low_at.map(units)), expected, "{available} of {low_at:?}");
        }
    }

    /// Protects "raised once, cleared once": the same finding again changes nothing.
    #[test]
    fn an_alert_changes_only_when_its_state_does() {
        let subject = || Subject::LowStock { sku: "A".parse().expect("a valid SKU") };
        let next = |known: Option<&Alert>, state| Alert::next(known, subject(), state, String::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(next(None, State::Cleared), None);
        let raised = next(None, State::Raised).expect("the first finding raises");
        assert_eq!(next(Some(&raised), State::Raised), None);
        let cleared = next(Some(&raised), State::Cleared).expect("recovery clears");
        assert_eq!(next(Some(&cleared), State::Cleared), None);
        assert_eq!(next(Some(&cleared), State::Raised).map(|alert| alert.times), Some(2));
    }
}
