//! The simulator: the real handlers, one thread, every fault injected, checked after every write.
//!
//! [`run`] lives one world from its seed: customers, a warehouse, webhooks that are lost, doubled, forged, days late or out
//! of order, other systems whose batches are all that too, in codes and units that are mapped later, functions that are
//! dropped at any await (a Lambda killed between any two effects), clocks that disagree, a store that throttles, conflicts
//! and forgets to answer, a shop that does the same. Then all faults stop, and the world must come to rest as a reference
//! model says. The same seed lives the same life. [`crash`] lives a small fixed story and
//! dies at one of its awaits; [`Campaign`] does both many times, on every core, and catches the bugs of [`Plant`].
//!
//! Nothing here is a second version of what is shipped: handlers, commit, push and the Shopify protocol are the real ones,
//! and the shop is the fake one of the local stack. Only the ports are simulated.

mod campaign;
mod check;
mod met;
mod plant;
mod ports;
mod rng;
mod store;
mod tasks;
mod world;

pub use campaign::{Campaign, Caught, Failure, Tally, across, life_of};
pub use check::Violation;
pub use met::{Counts, SOMETIMES};
pub use plant::Plant;
pub use rng::Rng;
pub use store::SimStore;
pub use world::{Life, Options, crash, crash_points, run, stories};

#[cfg(test)]
mod tests;
