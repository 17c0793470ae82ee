//! The plan of one item, as it is stored.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Quantity, Sku};

/// The units of an item that can be produced or received by the day that is promised to an order placed now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FinishedGoodPlan {
    /// Units for orders that already wait.
    pub waiting: Quantity,
    /// Further units that can be promised now, whatever is promised of other items at the same time.
    pub offered: Quantity,
    /// What stops the next unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Bottleneck>,
    /// Promises that cannot be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<LateUnitsByDate>,
    /// The day on which a unit that is ordered now can be available; stored only where shops show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Date>,
}

/// What stops the next unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// What is scarce.
    pub why: BottleneckCause,
    /// The item that is short.
    pub item: Sku,
    /// The path through the bills of materials, from the item that is sold down to the one that is short.
    pub path: Vec<Sku>,
    /// The day by which more would be required.
    pub day: Date,
}

/// What is scarce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BottleneckCause {
    /// Units of the item: there are too few, and no more can be produced or received in time.
    Units,
    /// The daily capacity of a work centre.
    Centre(String),
    /// Lead time: production would have had to start before today.
    Time,
}

/// Units that were promised for a day and cannot be available by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateUnitsByDate {
    /// How many.
    pub units: Quantity,
    /// The day they were promised for.
    pub promised: Date,
    /// The day on which they can be available; `None` when no known receipt or production brings them.
    pub possible: Option<Date>,
}

impl LateUnitsByDate {
    /// Merges these into one, with the earliest promised day and the latest possible day; `None` when `late` is empty.
    #[must_use]
    pub fn together(late: &[Self]) -> Option<Self> {
        let promised = late.iter().map(|late| late.promised).min()?;
        let possible = late.iter().map(|late| late.possible).collect::<Option<Vec<Date>>>();
        let possible = possible.and_then(|days| days.into_iter().max());
        Some(Self { units: late.iter().map(|late| late.units).sum(), promised, possible })
    }
}

impl FinishedGoodPlan {
    /// Units that can be available in time, including those that orders wait for: the sum of available and committed that a shop
    /// shows at the production location.
    #[must_use]
    pub fn producible(&self) -> Quantity {
        self.waiting - self.late_units() + self.offered
    }

    /// Units that orders wait for and that cannot be available in time.
    #[must_use]
    pub fn late_units(&self) -> Quantity {
        self.late.iter().map(|late| late.units).sum()
    }
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, item, path, day } = self;
        match why {
            BottleneckCause::Units => write!(f, "more {item} would be needed by {day}")?,
            BottleneckCause::Centre(centre) => write!(f, "{centre} can make no more {item} until {day}")?,
            BottleneckCause::Time => write!(f, "{item} cannot be made by {day}: its lead time is longer")?,
        }
        if path.len() > 1 {
            write!(f, " ({})", path.iter().map(Sku::as_str).collect::<Vec<_>>().join(" → "))?;
        }
        Ok(())
    }
}

impl fmt::Display for LateUnitsByDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, promised, possible } = self;
        match possible {
            Some(day) => write!(f, "{units} promised for {promised} can be available on {day}"),
            None => write!(f, "{units} promised for {promised} cannot be made: no known supply covers them"),
        }
    }
}
