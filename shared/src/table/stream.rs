//! Which rows the table's stream brings to `ats-recompute`. The filter in `template.yaml` says the same; a test compares them.

use super::key::RowKey;

/// What the stream brings of a kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streamed {
    /// Nothing.
    No,
    /// Every write.
    Written,
    /// Every write, and the removal.
    WrittenOrRemoved,
}

impl RowKey {
    /// What the stream brings of this row.
    #[must_use]
    pub fn streamed(&self) -> Streamed {
        match self {
            Self::Item(_)
            | Self::ShopItem { .. }
            | Self::SystemItem { .. }
            | Self::Tier(_)
            | Self::WorkCentre(_)
            | Self::Location(_)
            | Self::Bill(_)
            | Self::WhereUsed(_)
            | Self::Position(_)
            | Self::Receipts(_)
            | Self::Deferred { .. }
            | Self::Alert(_) => Streamed::Written,
            // What a plan said of its goods is not said any more when it is removed.
            Self::Plan(_) => Streamed::WrittenOrRemoved,
            Self::BillVersion { .. }
            | Self::Movement { .. }
            | Self::Order { .. }
            | Self::OrderToRead { .. }
            | Self::AppliedEvent(_)
            | Self::Commitment { .. }
            | Self::Waiting { .. }
            | Self::Heartbeat(_)
            | Self::System(_)
            | Self::FeedWatermark { .. }
            | Self::FullRefresh { .. }
            | Self::Promise(_)
            | Self::PlanOf(_)
            | Self::Level { .. }
            | Self::Metafield { .. }
            | Self::Intent(_)
            | Self::Call { .. }
            | Self::OrderWatermark(_)
            | Self::CompareProgress(_)
            | Self::CompareReport { .. }
            | Self::Refresh => Streamed::No,
        }
    }
}
