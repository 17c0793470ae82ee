//! What can be promised: available-to-sell per item, per location and for the network, computed from positions; and
//! what can still be made ([`making`]).
//!
//! A [`Promise`] is a function of the item and its positions, and says which version of each it was computed from; it is
//! replaced only by one computed from newer or equal versions. Nothing here is clamped: a negative available is a
//! backorder, and the storefront clamps for itself.

mod available;
pub mod making;
mod recompute;

pub use available::{AtPlace, Promise, kept_back};
pub use recompute::{Recomputed, recompute};
