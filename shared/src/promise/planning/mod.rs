//! What can still be made: how many more units of each good, by when, with the components, the time and the capacity there are.
//!
//! Pure arithmetic over indices and whole numbers: no rows, no clock, no floats. Whoever has the rows builds a [`PlanningGroup`], the
//! goods that compete with each other and everything they are made of, and [`solve`]s it.
//!
//! *Netting.* Units that are needed by a day are taken from what is there by then; only the rest is made, as late as it can
//! be, in whole units that are started `lead` days earlier. What is started takes its components by the day of its start.
//! Every item is netted once, against what all its parents, claims and promises need of it together, so a component that is
//! used in two branches or by two goods is given once. Both curves are the least that anybody can do with, so for bills
//! without alternates, without windows and with no centre shared by two items the result is exact: one more unit is impossible.
//! With them it may be below what can be made, and is not above it: starts stay as late as possible even where an earlier one
//! would meet a window, and a centre is loaded item by item. (One case is left where it can be above: runs and promises take
//! more than the search among alternates finds for them, though there is enough; then the rest of it is offered.)
//!
//! *Promises.* What was promised is placed first. Nothing that is offered may make any item shorter on any day than the
//! promises leave it, so no promise for later is broken by an order of today.

mod bound;
mod centre;
mod constrained;
mod contested;
mod curve;
mod earliest;
mod explode;
mod flow;
mod limit;
mod most;
mod need;
mod net;
mod pools;
mod promised;
mod ratio;
mod share;
mod solve;
mod switch;
mod trial;

use jiff::civil::Date;

pub use crate::catalog::AllocationPolicy;
use crate::catalog::{Quantity, Sku};

pub use earliest::{Earliest, earliest};
pub use flow::{Flow, Flows, flows};
pub use limit::{Late, Limit, Producible, Why};
pub use pools::WhereUsed;
pub use ratio::Ratio;
pub use solve::{GroupSolution, solve};

/// Days from today; 0 is today.
pub type Day = u32;

/// What is shown of a good that nothing limits.
pub const MOST_OFFERED: i64 = 1_000_000;

/// How far a date is looked for, in days.
pub const HORIZON: Day = 730;

/// Days from here on are one: what is to come later does not count, what is needed later is needed then.
pub(crate) const FAR: Day = 3_650;

/// Goods that compete with each other, and everything they are made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanningGroup {
    /// The items; they refer to each other by index.
    pub items: Vec<GroupItem>,
    /// Where they are made; recipes refer to them by index.
    pub centres: Vec<GroupWorkCentre>,
}

/// A place of production that can start only so much a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupWorkCentre {
    /// What it is called.
    pub code: String,
    /// Units started per day, of all its items together, today included.
    pub per_day: Quantity,
}

/// One item of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupItem {
    /// What it is called.
    pub sku: Sku,
    /// What is there now. Below zero, what comes in fills that first.
    pub stock: Quantity,
    /// What is firmly to come: purchase orders, and what is left of runs.
    pub supplies: Vec<(Day, Quantity)>,
    /// What runs that are planned already will still take of it.
    pub claims: Vec<(Day, Quantity)>,
    /// What customers were promised of it, by the day it was promised for.
    pub promised: Vec<(Day, Quantity)>,
    /// How it is made; `None` when it is not.
    pub recipe: Option<Recipe>,
    /// How long it takes to buy it, for dates only: from that day on it has no limit.
    pub bought_in: Option<Day>,
    /// How goods that compete for it are served.
    pub policy: AllocationPolicy,
    /// Set when it is sold as what can still be made.
    pub offer: Option<Offer>,
}

/// How a good is sold as what can still be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The day by which units must be complete.
    pub by: Day,
    /// Its rank where items go by priority; lower is first.
    pub priority: u32,
    /// When it came, for items that go by that.
    pub since: Date,
}

/// How an item is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Good units per unit started; at most one.
    pub yields: Ratio,
    /// Days from the start to the completion.
    pub lead: Day,
    /// Where it is made, when that can start only so much a day.
    pub centre: Option<usize>,
    /// What it is made of.
    pub slots: Vec<Slot>,
}

/// One component, or what may stand in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The first day of starts that need it.
    pub from: Day,
    /// The first day of starts that no longer do; `Day::MAX` for always.
    pub until: Day,
    /// What may be taken, best first. Not empty.
    pub options: Vec<ComponentUse>,
}

/// How much of an item goes into one unit that is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentUse {
    /// The index of the item.
    pub item: usize,
    /// Units of it per unit started, scrap included.
    pub per: Ratio,
}

/// A pool that cannot be solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanningError {
    /// An item is made of itself.
    #[error("an item of the pool is made of itself")]
    Cycle,
    /// An index points nowhere.
    #[error("the pool refers to an item or a centre that it does not have")]
    Missing,
    /// A slot has no option.
    #[error("a slot of the pool has nothing that can be taken")]
    EmptySlot,
    /// More good units than were started.
    #[error("a yield of the pool is above one")]
    Yield,
}

#[cfg(test)]
mod tests;
