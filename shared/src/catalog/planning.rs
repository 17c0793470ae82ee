//! How an item takes part in promises beyond the stock on hand.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The planning settings of an item. With the defaults only its stock on hand is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanningSettings {
    /// Promise horizon in days, at most [`PlanningSettings::MAX_DAYS`]: units that can be produced or are due within it are
    /// promised too. Without it only stock on hand is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise_days: Option<u16>,
    /// Rank of the item where finished goods compete by [`AllocationPolicy::Priority`]: the lowest is allocated first, items
    /// without a rank last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// The day since which it is sold, for [`AllocationPolicy::FirstCome`]: the earliest is allocated first, items without a
    /// day last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// Lead time of its supplier in days, at most [`PlanningSettings::MAX_DAYS`]. Without it the plan buys none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier_days: Option<u16>,
    /// Whether it is a bulk component (water, labels, screws) that never runs out: it is not planned and limits nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bulk: bool,
    /// How this item is allocated to the finished goods that compete for it.
    #[serde(skip_serializing_if = "AllocationPolicy::is_default")]
    pub policy: AllocationPolicy,
    /// Whether the shops show its promise date.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shows_date: bool,
}

/// How a constrained item is allocated to the finished goods that compete for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllocationPolicy {
    /// Fair share: no finished good has precedence over another.
    #[default]
    FairShare,
    /// In the order of [`PlanningSettings::since`].
    FirstCome,
    /// In the order of [`PlanningSettings::priority`].
    Priority,
}

impl PlanningSettings {
    /// The longest promise horizon and supplier lead time: two years.
    pub const MAX_DAYS: u16 = 730;

    /// Whether every setting has its default. The row of such an item has no planning settings, as before planning existed.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl AllocationPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
