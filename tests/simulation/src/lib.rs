//! The simulator: the real handlers, one thread, every fault injected, checked after every write.
//!
//! [`run`] lives one world from its seed: customers, a warehouse, webhooks that are lost, doubled, late or out of order,
//! functions that are dropped at any await (a Lambda killed between any two effects), a store that throttles, conflicts and
//! forgets to answer, a shop that does the same. Then all faults stop, and the world must come to rest with ledger, promises
//! and shop in agreement. The same seed lives the same life.
//!
//! Nothing here is a second version of what is shipped: handlers, commit, push and the Shopify protocol are the real ones,
//! and the shop is the fake one of the local stack. Only the ports are simulated.

mod check;
mod ports;
mod rng;
mod store;
mod tasks;
mod world;

pub use check::Violation;
pub use rng::Rng;
pub use store::SimStore;
pub use world::{Life, run};

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects everything at once, in a few short lives; `cargo x sim` lives many long ones.
    #[test]
    fn worlds_come_to_rest_without_a_violation() {
        for seed in 1..=6 {
            assert_eq!(run(seed, 250).violations, [], "seed {seed}");
        }
    }

    /// Protects replay: the same seed lives the same life, or a seed that fails would be worth nothing.
    #[test]
    fn the_same_seed_lives_the_same_life() {
        assert_eq!(run(7, 200).met, run(7, 200).met);
    }
}
