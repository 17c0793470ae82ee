//! The rows that the table's stream delivers to `ats-recompute`. The filter in `template.yaml` lists the same rows; a test
//! compares them.

use super::key::RowKey;

/// Which changes of a kind of row the stream delivers.
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
    /// Which changes of this row the stream delivers.
    #[must_use]
    pub fn streamed(&self) -> Streamed {
        match self {
            Self::Item(_)
            | Self::ShopItem { .. }
            | Self::ListedVariant { .. }
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
            // The removal of a plan is delivered, because its offers no longer hold.
            Self::Plan(_) => Streamed::WrittenOrRemoved,
            Self::Shop(_)
            | Self::BillVersion { .. }
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
