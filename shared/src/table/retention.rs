//! How long each kind of row is kept. DynamoDB deletes a row some time after its `expires_at`, at most a few days, so a reader may still
//! find it: a row may expire only if finding it and not finding it have the same effect.

use jiff::{SignedDuration, Timestamp};

use super::key::RowKey;

/// The attribute that says when DynamoDB may delete a row, in seconds.
pub const EXPIRES_AT: &str = "expires_at";

/// How long a row is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// As long as what it describes, or until a function deletes it.
    Kept,
    /// This many days after the time that [`Row::kept_from`](super::Row::kept_from) gives.
    Days(u16),
}

/// Days for which the marks of webhooks and reads of orders, calls, and cleared alerts are kept. Shopify repeats a webhook for some hours, and a
/// queue keeps a message for at most two weeks. After its mark, an order that is sent again changes nothing either, because its facts are merged.
const WORKING_DAYS: u16 = 400;

/// Seven years, in days. Reports show that stock was compared.
const REPORT_DAYS: u16 = 2_557;

impl RowKey {
    /// How long the row is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        match self {
            // A stock event adds to a position, so its mark must be found whenever a system sends it again.
            // The mark of a webhook's content keeps the same body, under a new id, from raising its alert again.
            Self::AppliedEvent(event) if !event.is_of_shop() || event.is_of_content() => Retention::Kept,
            Self::AppliedEvent(_) | Self::Call { .. } | Self::Alert(_) => Retention::Days(WORKING_DAYS),
            Self::CompareReport { .. } => Retention::Days(REPORT_DAYS),
            // Functions delete these when their work is done. Until then they must be found.
            Self::OrderToRead { .. } | Self::Deferred { .. } | Self::Waiting { .. } | Self::FullRefresh { .. } => Retention::Kept,
            // The ledger and what it is explained by.
            Self::Position(_)
            | Self::Movement { .. }
            | Self::Order { .. }
            | Self::Commitment { .. }
            | Self::Receipts(_)
            | Self::BillVersion { .. } => Retention::Kept,
            // There is at most one for each item, location, shop, system or feed.
            Self::Item(_)
            | Self::ShopItem { .. }
            | Self::ListedVariant { .. }
            | Self::SystemItem { .. }
            | Self::Tier(_)
            | Self::WorkCentre(_)
            | Self::Location(_)
            | Self::Shop(_)
            | Self::Bill(_)
            | Self::WhereUsed(_)
            | Self::Heartbeat(_)
            | Self::System(_)
            | Self::FeedWatermark { .. }
            | Self::Promise(_)
            | Self::Plan(_)
            | Self::PlanOf(_)
            | Self::Level { .. }
            | Self::Metafield { .. }
            | Self::Intent(_)
            | Self::OrderWatermark(_)
            | Self::CompareProgress(_)
            | Self::Refresh => Retention::Kept,
        }
    }
}

impl Retention {
    /// When a row expires that is kept from a time on.
    pub(super) fn end(self, from: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Kept => None,
            Self::Days(days) => {
                from.map(|from| from.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX))
            }
        }
    }
}
