//! The simulator runs the real handlers in one thread, injects every kind of fault, and checks invariants after every write.
//!
//! [`run`] simulates one world from its seed. Customers buy and a warehouse ships. Webhooks are lost, duplicated, forged,
//! reordered, or days late, and so are the batches of other systems, whose codes and units are mapped later. Functions are
//! dropped at any await, as when a Lambda is killed between two effects. Clocks disagree. The store throttles, conflicts, and
//! loses answers; so does the shop. Then all faults stop, and the world must reach the state that a reference model computes.
//! The same seed always gives the same run.
//!
//! [`crash`] runs a small fixed story and kills a function at one of its steps. [`Campaign`] does both many times, on every
//! core, and must catch each bug of [`PlantedBug`].
//!
//! Nothing here reimplements shipped code: handlers, transactions, pushes and the Shopify protocol are the real ones, and the
//! shop is the fake shop of the local stack. Only the ports are simulated.

mod campaign;
mod check;
mod coverage;
mod planted;
mod ports;
mod rng;
pub mod roles;
mod store;
mod streams;
mod tasks;
mod world;

pub use campaign::{Campaign, Caught, Failure, Tally, across, catch_panic};
pub use check::Violation;
pub use coverage::{Counts, RARE_PATHS};
pub use planted::PlantedBug;
pub use rng::Rng;
pub use store::SimStore;
pub use streams::{SimStreams, failure_message};
pub use world::{Options, RunResult, crash, crash_points, run, stories};

#[cfg(test)]
mod tests;
