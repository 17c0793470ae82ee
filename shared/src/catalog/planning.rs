//! How an item takes part in what can be promised beyond what is there.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What is said of an item for planning. By default only what is there is sold of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanningSettings {
    /// Sold also while it can still be made, or is to come, within so many days; at most [`PlanningSettings::MAX_DAYS`]. Without it
    /// only what is there is sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise_days: Option<u16>,
    /// Whose turn it is where goods compete by priority: the lower is served first, none is last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// When it came to be sold. Where the first to come is served first, none is last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// How many days a supplier takes to bring it; at most [`PlanningSettings::MAX_DAYS`]. Without it nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier_days: Option<u16>,
    /// It is always there (water, labels, screws): it is not planned, and limits nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bulk: bool,
    /// How goods that compete for this item are served.
    #[serde(skip_serializing_if = "AllocationPolicy::is_default")]
    pub policy: AllocationPolicy,
    /// Its promise date is shown in the shops.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shows_date: bool,
}

/// How goods that compete for an item are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllocationPolicy {
    /// All alike.
    #[default]
    FairShare,
    /// By [`PlanningSettings::since`].
    FirstCome,
    /// By [`PlanningSettings::priority`].
    Priority,
}

impl PlanningSettings {
    /// The longest that a promise, or a supplier, may look ahead: two years.
    pub const MAX_DAYS: u16 = 730;

    /// Nothing is said, and its item's row is as it was before there was planning.
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
