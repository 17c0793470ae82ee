//! A plan: what the goods that hang together by their components may show, decided together and written in one row, so that
//! what is shown of all of them can be made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Planned;
use crate::catalog::Sku;
use crate::store::{Key, Row};

/// What is planned of items that hang together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name: the first of its items.
    pub id: Sku,
    /// Everything that hangs together: goods, what they are made of, and what else that goes into.
    pub items: BTreeSet<Sku>,
    /// What each of them that is sold, or owed to somebody, may show.
    pub goods: BTreeMap<Sku, Planned>,
    /// When it came out so.
    pub computed_at: Timestamp,
}

impl Plan {
    /// The most items that are planned together.
    pub const MAX_ITEMS: usize = 1_000;

    const PREFIX: &'static str = "PLAN#";

    /// Where the plan of this name lives.
    #[must_use]
    pub fn key_of(id: &Sku) -> Key {
        Key::head(format!("{}{id}", Self::PREFIX))
    }

    /// Whether a partition is a plan's.
    #[must_use]
    pub fn is_in(partition: &str) -> bool {
        partition.starts_with(Self::PREFIX)
    }

    /// Whether it says the same, whenever it was computed on that day. Of another day it is written all the same: whoever
    /// still plans for the day before must find that it was.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let Self { id, items, goods, computed_at } = self;
        let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
        (id, items, goods, day(*computed_at)) == (&other.id, &other.items, &other.goods, day(other.computed_at))
    }

    /// The goods of which two states of a plan do not say the same.
    #[must_use]
    pub fn differing(old: Option<&Self>, new: Option<&Self>) -> BTreeSet<Sku> {
        let of = |plan: Option<&Self>, sku: &Sku| plan.and_then(|plan| plan.goods.get(sku)).cloned();
        let all = old.iter().chain(&new).flat_map(|plan| plan.goods.keys());
        all.filter(|sku| of(old, sku) != of(new, sku)).cloned().collect()
    }
}

impl Row for Plan {
    fn key(&self) -> Key {
        Self::key_of(&self.id)
    }
}

/// Which plan an item is in. Written before the plan that takes it in, and taken away after the one that lets it go: an item
/// whose plan does not name it is not planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InPlan {
    /// The item.
    pub sku: Sku,
    /// The name of its plan.
    pub plan: Sku,
}

impl InPlan {
    /// Where it is said which plan an item is in.
    #[must_use]
    pub fn key_of(sku: &Sku) -> Key {
        Key::head(format!("INPLAN#{sku}"))
    }
}

impl Row for InPlan {
    fn key(&self) -> Key {
        Self::key_of(&self.sku)
    }
}
