//! What can be promised: available-to-sell per item, per location and for the network, computed from positions; and what
//! can still be made ([`making`]), of everything that hangs together by bills of materials.
//!
//! A [`Promise`] is a function of the item, its positions, what is announced of it and what the plan says of it, and says
//! which version of each position it was computed from; it is replaced only by one computed from newer or equal versions.
//! A [`Plan`] is a function of the promises, bills and work centres of the items that hang together, under the same rule.
//! Nothing here is clamped: a negative available is a backorder, and the storefront clamps for itself.

pub(crate) mod available;
mod group;
pub(crate) mod inputs;
mod plan;
mod planned;
pub mod planning;
mod rows;

pub use available::{AtPlace, Known, Promise};
pub(crate) use group::{limit, plan};
pub use plan::{InPlan, Plan};
pub use planned::{Late, Limit, Planned, Why};
pub(crate) use rows::{Rows, groups};
