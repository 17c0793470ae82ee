//! Production planning: how many more units of each finished good can be offered, by which day, with the given components, lead
//! times and capacity.
//!
//! This module is pure arithmetic over indices and whole numbers: it knows no rows, no clock and no floats. The caller builds a
//! [`PlanningGroup`] from the rows: finished goods that compete with each other, and all their components. [`solve`] plans it.
//!
//! *Netting.* Units that are required by a day are taken first from the supply of that day. Only the net requirement is produced,
//! as late as possible, in whole units that start `lead` days earlier. A start takes its components by the day of the start.
//! Every item is netted once, against the gross requirement of all its parents, production runs and promises together, so a
//! component that two branches or two finished goods use is allocated once. The requirements and the starts are both the lowest
//! possible. For bills without alternates and without effectivity windows, and where no two items share a work centre, the result
//! is therefore exact: one more unit is impossible. Otherwise the result may be below what can be produced, and is not above it:
//! starts stay as late as possible even where an earlier start would meet a window, and a work centre is loaded item by item. One
//! case remains in which the result can be above: production runs and promises take more than the search among alternates finds
//! for them, although there is enough. Then the remainder is offered.
//!
//! *Shortages.* Starts that no option of a slot can supply in time wait for the option that can supply them first. A receipt of
//! that option is theirs, and only the rest of it is offered.
//!
//! *Promises.* Promised units are placed first. An offer may not make any item shorter on any day than the promises leave it, so
//! an order of today breaks no promise for a later day.

mod allocation;
mod alternates;
mod bound;
mod capacity;
mod constrained;
mod curve;
mod earliest;
mod explosion;
mod flow;
mod index;
mod item_graph;
mod limit;
mod max_units;
mod netting;
mod plan_group;
mod promises;
mod ratio;
mod service_order;
mod trial;
mod where_used;

use jiff::civil::Date;

pub use crate::catalog::AllocationPolicy;
use crate::catalog::{Quantity, Sku};

pub use earliest::{Earliest, earliest};
pub use flow::{Flow, Flows, flows};
pub use limit::{Late, Limit, LimitCause, Producible};
pub use plan_group::{GroupSolution, solve};
pub use ratio::Ratio;
pub use where_used::WhereUsedGraph;

/// Days from today; 0 is today.
pub type Day = u32;

/// The units that are offered of a finished good that nothing limits.
pub const MAX_OFFERED: i64 = 1_000_000;

/// How many days ahead the search for a date looks.
pub const HORIZON: Day = 730;

/// Planning treats all days from here on as one: a receipt on or after this day does not count, and a later requirement falls on
/// this day.
pub(crate) const FAR: Day = 3_650;

/// Finished goods that compete with each other, and all their components.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanningGroup {
    /// The items; they refer to each other by index.
    pub items: Vec<GroupItem>,
    /// The work centres that produce them; recipes refer to them by index.
    pub centres: Vec<GroupWorkCentre>,
}

/// A work centre with a limited daily capacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupWorkCentre {
    /// What it is called.
    pub code: String,
    /// The capacity: units started per day, of all its items together, today included.
    pub per_day: Quantity,
}

/// One item of a planning group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupItem {
    /// What it is called.
    pub sku: Sku,
    /// Units available now. When the number is negative, receipts fill the deficit first.
    pub stock: Quantity,
    /// Firm scheduled receipts by day: purchase orders, and the remaining output of production runs.
    pub receipts: Vec<(Day, Quantity)>,
    /// Units of the item that open production runs will still take, by day.
    pub requirements: Vec<(Day, Quantity)>,
    /// Units that were promised to customers, by the promised day.
    pub promised: Vec<(Day, Quantity)>,
    /// How the item is produced; `None` when it is not produced.
    pub recipe: Option<Recipe>,
    /// The purchasing lead time in days, used only to find dates: from that day on the item has no limit.
    pub bought_in: Option<Day>,
    /// How finished goods that compete for the item are served.
    pub policy: AllocationPolicy,
    /// Set when the item is offered before it is produced.
    pub offer: Option<Offer>,
}

/// How an item is offered before it is produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The day by which units must be complete.
    pub by: Day,
    /// The rank under the policy `Priority`; lower is first.
    pub priority: u32,
    /// The date that ranks the item under the policy `FirstCome`.
    pub since: Date,
}

/// How an item is produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Good units per unit started; at most one.
    pub yields: Ratio,
    /// The lead time: days from the start to the completion.
    pub lead: Day,
    /// The index of the work centre that produces the item; `None` when capacity does not limit it.
    pub centre: Option<usize>,
    /// The components.
    pub slots: Vec<Slot>,
}

/// One component and its alternates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The first day on which starts require the component.
    pub from: Day,
    /// The first day on which starts no longer require it; `Day::MAX` for always.
    pub until: Day,
    /// The component and its alternates, best first. Not empty.
    pub options: Vec<ComponentUse>,
}

/// The quantity of an item that one started unit takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentUse {
    /// The index of the item.
    pub item: usize,
    /// Units of it per unit started, scrap included.
    pub per: Ratio,
}

/// Why a planning group cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanningError {
    /// An item is its own component, directly or through other items.
    #[error("an item of the planning group is its own component")]
    Cycle,
    /// An index refers to no item or work centre.
    #[error("the planning group refers to an item or a work centre that it does not have")]
    Missing,
    /// A slot has no option.
    #[error("a slot of the planning group has no component")]
    EmptySlot,
    /// A recipe yields more good units than it starts.
    #[error("a yield of the planning group is above one")]
    Yield,
}

#[cfg(test)]
mod tests;
