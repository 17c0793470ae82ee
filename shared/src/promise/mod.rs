//! What can be promised: available-to-sell per item, per location and for the network, computed from positions; and what
//! can still be made ([`making`]), of everything that hangs together by bills of materials.
//!
//! A [`Promise`] is a function of the item, its positions, what is announced of it and what the plan says of it, and says
//! which version of each position it was computed from; it is replaced only by one computed from newer or equal versions.
//! A [`GroupPlan`] is a function of the promises, bills and work centres of the items that hang together, under the same rule.
//! Nothing here is clamped: a negative available is a backorder, and the storefront clamps for itself.

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
