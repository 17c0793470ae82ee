//! Everything that is left to chance, drawn from the seed in order.

use std::sync::{Arc, Mutex, PoisonError};

use promissory_local::shopify::draw;

/// A seeded source of numbers that every part of a world shares.
#[derive(Debug, Clone)]
pub struct Rng {
    seed: u64,
    drawn: Arc<Mutex<u64>>,
}

impl Rng {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: Arc::default() }
    }

    /// A number below `bound`.
    pub fn below(&self, bound: usize) -> usize {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        *drawn += 1;
        let bound = u64::try_from(bound.max(1)).expect("a small bound");
        usize::try_from(draw(self.seed, *drawn) % bound).expect("below a usize")
    }

    /// A number from 1 to `most`.
    pub fn up_to(&self, most: i64) -> i64 {
        1 + i64::try_from(self.below(usize::try_from(most).expect("above zero"))).expect("small")
    }

    /// True in so many of a thousand draws.
    pub fn per_mille(&self, chance: usize) -> bool {
        self.below(1_000) < chance
    }
}
