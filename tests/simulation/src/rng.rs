//! The seeded source of every random choice in a world.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use promissory_fakes::shopify::draw;

/// A seeded generator whose clones share one sequence, so that the order of draws determines the run.
#[derive(Debug, Clone)]
pub struct Rng {
    seed: u64,
    drawn: Arc<AtomicU64>,
}

impl Rng {
    /// A generator that starts the sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: Arc::default() }
    }

    /// Draws a number from 0 to `bound` - 1.
    pub fn below(&self, bound: usize) -> usize {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        let bound = u64::try_from(bound.max(1)).expect("a bound fits in 64 bits");
        usize::try_from(draw(self.seed, drawn) % bound).expect("the draw is below a usize bound")
    }

    /// Draws a number from 1 to `most`.
    pub fn up_to(&self, most: i64) -> i64 {
        1 + i64::try_from(self.below(usize::try_from(most).expect("positive"))).expect("below an i64")
    }

    /// Draws true with a probability of `chance` per thousand. A chance of zero draws no number, so disabling a fault does not
    /// shift the later draws.
    pub fn per_mille(&self, chance: usize) -> bool {
        chance > 0 && self.below(1_000) < chance
    }

    /// Draws one element of `these`, which must not be empty.
    pub fn pick<'a, T>(&self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }
}
