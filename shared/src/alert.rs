//! Alerts: conditions that a person must look at. An alert is raised once and cleared once.
//!
//! Each alert is one row per rule and subject, written in the same transaction as the change that raises or clears it. The
//! function `ats-recompute` reads the change from the table's stream and puts it on the event bus, so an alert is never sent for
//! a change that was not committed.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumString, IntoStaticStr};

use crate::catalog::{
    LocationId, MetafieldKind, MissingMapping, OrderId, Quantity, Resource, ShopDomain, ShopLocationId, Sku, VariantId, excerpt,
};

/// Defines the rules of alerts: one entry per rule, with the fields that distinguish its alerts from each other.
///
/// Each field needs `Display` and `FromStr`, because the key of an alert's row holds the rule and the fields as text.
macro_rules! alert_rules {
    ($($(#[$doc:meta])* $rule:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ },)+) => {
        /// The rule and the subject of an alert.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, EnumDiscriminants)]
        #[serde(tag = "rule", rename_all = "snake_case")]
        #[strum_discriminants(
            name(AlertRule), doc = "The rule of an alert.", derive(IntoStaticStr, EnumString), strum(serialize_all = "snake_case")
        )]
        pub enum AlertSubject {
            $($(#[$doc])* $rule { $($(#[$field_doc])* $field: $type,)+ },)+
        }

        impl AlertSubject {
            /// The rule that raises the alert.
            #[must_use]
            pub fn rule(&self) -> &'static str {
                AlertRule::from(self).into()
            }

            /// The fields that distinguish the alert from others of its rule.
            #[must_use]
            pub fn fields(&self) -> Vec<String> {
                match self {
                    $(Self::$rule { $($field),+ } => vec![$($field.to_string()),+],)+
                }
            }

            /// The subject with this rule and these fields; `None` when no rule has them.
            #[must_use]
            pub fn from_fields(rule: &str, fields: &[&str]) -> Option<Self> {
                match rule.parse().ok()? {
                    $(AlertRule::$rule => {
                        let [$($field),+] = fields else { return None };
                        Some(Self::$rule { $($field: $field.parse().ok()?),+ })
                    })+
                }
            }
        }
    };
}

alert_rules! {
    /// The available quantity of an item in the network fell to its threshold.
    LowStock {
        /// The item.
        sku: Sku,
    },
    /// Units that were promised for a day will not be on hand by then: a scheduled receipt slipped, or components are missing.
    LatePromise {
        /// The item.
        sku: Sku,
    },
    /// Units of an item belong to a lot that has expired. They are not sold.
    ExpiredLot {
        /// The item.
        sku: Sku,
    },
    /// A planning group has more items than one plan can hold: only their stock on hand is promised.
    PlanTooLarge {
        /// The component or work centre that goes into the most items of the group.
        most_used: Resource,
    },
    /// A shop sells a SKU that is not mapped to an item. Its orders are recorded but reserve nothing.
    UnmappedSku {
        /// The shop.
        shop: ShopDomain,
        /// The shop's SKU.
        shop_sku: String,
    },
    /// A shop sells a variant without a SKU, or with the SKU of another variant, and no listing names the variant.
    UnmappedVariant {
        /// The shop.
        shop: ShopDomain,
        /// The variant.
        variant: VariantId,
    },
    /// A shop ships or sells at a location that is not mapped. Its units are deducted from the network, but from no location.
    UnmappedLocation {
        /// The shop.
        shop: ShopDomain,
        /// The shop's location.
        location: ShopLocationId,
    },
    /// Another system reports an item code that is not mapped. Its events wait for a mapping.
    UnmappedItem {
        /// The system.
        system: String,
        /// Its code of the item.
        code: String,
    },
    /// Another system reports a location code that is not mapped. Its events wait for a mapping.
    UnmappedFacility {
        /// The system.
        system: String,
        /// Its code of the location.
        code: String,
    },
    /// An event of another system was rejected: the system must correct it and send it again.
    RefusedEvent {
        /// The system.
        system: String,
    },
    /// Pulling a feed of another system failed several times, or its last complete pull is older than allowed: our data from that
    /// system may be outdated.
    SourceStale {
        /// The system.
        system: String,
        /// The feed.
        feed: String,
    },
    /// An order of a shop cannot be read, so our record of it may be outdated. While the shop's answer about it is invalid, no
    /// level of that shop is set to an absolute quantity.
    UnreadableOrder {
        /// The shop.
        shop: ShopDomain,
        /// The shop's id of the order.
        order: String,
    },
    /// No warehouse allocated a paid order in time.
    Unallocated {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// An order was paid after its hold had been released.
    PaidLate {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// A shop closed or deleted a mapped location: we cannot control the levels there any more.
    LocationClosed {
        /// The shop.
        shop: ShopDomain,
        /// The shop's location.
        location: ShopLocationId,
    },
    /// A shop has no settings, so it is not live: none of its orders is swept, moved or forwarded, and nothing is pushed to it.
    ShopNotLive {
        /// The shop.
        shop: ShopDomain,
    },
    /// A shop does not answer pushes, or refuses the app: what it shows is outdated.
    ShopUnreachable {
        /// The shop.
        shop: ShopDomain,
    },
    /// A shop uninstalled the app: nothing can be read from it or pushed to it.
    AppRemoved {
        /// The shop.
        shop: ShopDomain,
    },
    /// A signed webhook cannot be parsed. Its change may be missing until the next sweep.
    UnreadableWebhook {
        /// The shop.
        shop: ShopDomain,
        /// Its topic.
        topic: String,
    },
    /// A row of the table cannot be read, so what depends on it is left out until a person repairs it.
    FaultyRow {
        /// The key of the row.
        row: String,
    },
    /// A row can never be written as it would have to be, for example because it would be too large. The row stays as it is.
    UnwritableRow {
        /// The key of the row.
        row: String,
    },
    /// An event arrived again with the same id and other content. The first one stays in force.
    ContentMismatch {
        /// The id of the event.
        event: String,
    },
    /// The shop refuses a level. The pusher leaves this item at this location out until its supply changes.
    LevelRefused {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// The location.
        location: LocationId,
    },
    /// A shop sells an item at a location where no system ever reported stock. Its level is left alone.
    StockNeverReported {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// The location.
        location: LocationId,
    },
    /// A change of a level waits for a person: it would put units on sale that the shop may have withheld on purpose.
    ParkedChange {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// The location.
        location: LocationId,
    },
    /// A person deactivated a level in the shop: changes are kept, and not shown, until it is active again.
    LevelDeactivated {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// The location.
        location: LocationId,
    },
    /// The shop refuses a variant metafield. The pusher leaves it out until its value changes.
    MetafieldRefused {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// The metafield.
        metafield: MetafieldKind,
    },
}

impl AlertSubject {
    /// The alert that is open while any event waits for this mapping.
    #[must_use]
    pub fn of_missing(missing: &MissingMapping) -> Self {
        match missing.clone() {
            MissingMapping::Item { system, code }
            | MissingMapping::Unit { system, code, .. }
            | MissingMapping::Correction { system, code, .. } => Self::UnmappedItem { system, code },
            MissingMapping::Location { system, code } => Self::UnmappedFacility { system, code },
            MissingMapping::ShopItem { shop, shop_sku } => Self::UnmappedSku { shop, shop_sku },
            MissingMapping::ShopVariant { shop, variant } => Self::UnmappedVariant { shop, variant },
            MissingMapping::ShopLocation { shop, location } => Self::UnmappedLocation { shop, location },
        }
    }
}

impl fmt::Display for AlertSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.rule(), self.fields().join("#"))
    }
}

/// Whether an alert is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Open.
    Raised,
    /// The condition has passed.
    Cleared,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its rule and subject.
    #[serde(flatten)]
    pub subject: AlertSubject,
    /// Whether it is open.
    pub state: AlertState,
    /// How often it was raised, this time included.
    pub times: u64,
    /// What was found and what to do, as text for the person who reads it.
    pub detail: String,
    /// When it last changed.
    pub changed_at: Timestamp,
}

impl Alert {
    /// The most characters of the text. A text that lists many lots or dates ends there.
    const MAX_DETAIL: usize = 2_000;

    /// The alert after an evaluation found it in `state`; `None` when it is in that state already, so there is nothing to write.
    #[must_use]
    pub fn next(known: Option<&Self>, subject: AlertSubject, state: AlertState, detail: String, now: Timestamp) -> Option<Self> {
        let current = known.map_or(AlertState::Cleared, |alert| alert.state);
        let times = known.map_or(0, |alert| alert.times) + u64::from(state == AlertState::Raised);
        let detail = excerpt(detail, Self::MAX_DETAIL);
        (current != state).then_some(Self { subject, state, times, detail, changed_at: now })
    }

    /// An alert whose row cannot be read, so that it is not known whether it is open. It counts as being in the other state than
    /// `wanted`, and is written anew.
    #[must_use]
    pub fn lost(subject: AlertSubject, wanted: AlertState, now: Timestamp) -> Self {
        let state = match wanted {
            AlertState::Raised => AlertState::Cleared,
            AlertState::Cleared => AlertState::Raised,
        };
        Self { subject, state, times: 0, detail: String::new(), changed_at: now }
    }
}

/// The alert about a row that is not as it must be.
#[must_use]
pub fn faulty_row(row: String, reason: &str) -> (AlertSubject, String) {
    let detail = format!(
        "The row {row} cannot be used: {reason}. What depends on it is left out; everything else goes on. If the reason names \
         no version to deploy, repair the row, or restore it from a backup of the table."
    );
    (AlertSubject::FaultyRow { row }, detail)
}

/// The alert about a row that can never be written.
#[must_use]
pub fn unwritable_row(row: String, reason: &str) -> (AlertSubject, String) {
    let detail = format!("The row {row} cannot be written: {reason}. It stays as it is, and everything else goes on.");
    (AlertSubject::UnwritableRow { row }, detail)
}

/// The state of an item's low-stock alert when the network has `available` units of it; `None` to keep the state it has.
///
/// It is raised at the threshold and cleared only a tenth (at least one unit) above it, so a quantity that hovers around the
/// threshold does not raise it again and again.
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

    /// Protects planners from flapping alerts: raised at the threshold, cleared a tenth above it, unchanged in between.
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

    /// Protects "raised once, cleared once": the same state again changes nothing.
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
