//! What a plan says of one item, as it is stored.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Quantity, Sku};

/// What can still be made of an item, or come, until the day that is promised to whoever orders now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FinishedGoodPlan {
    /// Units that orders which wait already are to get.
    pub waiting: Quantity,
    /// Units beside these that can be promised now, whatever is promised of other items at the same time.
    pub offered: Quantity,
    /// What stops the next unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Bottleneck>,
    /// Promises that cannot be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<LateUnitsByDate>,
    /// When a unit that is ordered now can be there; kept only where shops show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Date>,
}

/// What stops the next unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// What there is not enough of.
    pub why: BottleneckCause,
    /// The item that lacks it.
    pub item: Sku,
    /// How one comes to it: from the item that is sold down to it.
    pub path: Vec<Sku>,
    /// When it would be needed.
    pub day: Date,
}

/// What there is not enough of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BottleneckCause {
    /// Units of it: there are too few, and it cannot be made or does not come in time.
    Units,
    /// What a work centre can begin in a day.
    Centre(String),
    /// Days: it would have had to be begun before today.
    Time,
}

/// Units that were promised for a day and will not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateUnitsByDate {
    /// How many.
    pub units: Quantity,
    /// The day they were promised for.
    pub promised: Date,
    /// The day they can be there; `None` where nothing that is known brings them.
    pub possible: Option<Date>,
}

impl LateUnitsByDate {
    /// All of these as one: promised from the first day on, possible when the last of them is.
    #[must_use]
    pub fn together(late: &[Self]) -> Option<Self> {
        let promised = late.iter().map(|late| late.promised).min()?;
        let possible = late.iter().map(|late| late.possible).collect::<Option<Vec<Date>>>();
        let possible = possible.and_then(|days| days.into_iter().max());
        Some(Self { units: late.iter().map(|late| late.units).sum(), promised, possible })
    }
}

impl FinishedGoodPlan {
    /// Units that can be there in time, those that wait for them among them: what a shop's production location shows and
    /// has committed.
    #[must_use]
    pub fn producible(&self) -> Quantity {
        self.waiting - self.late_units() + self.offered
    }

    /// Units that wait and cannot be there in time.
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
            BottleneckCause::Time => write!(f, "{item} cannot be made by {day}: it takes longer")?,
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
            Some(day) => write!(f, "{units} promised for {promised} can be there on {day}"),
            None => write!(f, "{units} promised for {promised} cannot be made from what is known"),
        }
    }
}
