//! What can be promised of an item: available to sell, per location and for the network, computed from positions; and what can
//! still be produced ([`planning`]), computed for all items of a planning group together.
//!
//! A [`Promise`] is a function of the item, its positions, its scheduled receipts and its plan. It records which version of each
//! position it was computed from, and only a promise computed from the same or newer versions replaces it. A [`GroupPlan`] is a
//! function of the promises, bills of materials and work centres of one planning group, under the same rule. No number here is
//! clamped: a negative available is a backorder, and the storefront clamps its own numbers.

pub(crate) mod available;
mod group;
pub(crate) mod inputs;
mod plan;
mod planned;
pub mod planning;
mod rows;

pub use available::{LocationPromise, Promise, PromiseInputs};
pub(crate) use group::{limit, plan};
pub use plan::{GroupPlan, PlanMembership};
pub use planned::{Bottleneck, BottleneckCause, FinishedGoodPlan, LateUnitsByDate};
pub(crate) use rows::{PlanningRows, groups};
