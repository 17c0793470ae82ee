//! Everything that is left to chance, drawn from the seed in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use promissory_fakes::shopify::draw;

/// A seeded source of numbers that every part of a world shares.
#[derive(Debug, Clone)]
pub struct Rng {
    seed: u64,
    drawn: Arc<AtomicU64>,
}

impl Rng {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: Arc::default() }
    }

    /// A number below `bound`.
    pub fn below(&self, bound: usize) -> usize {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        let bound = u64::try_from(bound.max(1)).expect("a small bound");
        usize::try_from(draw(self.seed, drawn) % bound).expect("below a usize")
    }

    /// A number from 1 to `most`.
    pub fn up_to(&self, most: i64) -> i64 {
        1 + i64::try_from(self.below(usize::try_from(most).expect("above zero"))).expect("small")
    }

    /// True in so many of a thousand draws. What never happens draws nothing.
    pub fn per_mille(&self, chance: usize) -> bool {
        chance > 0 && self.below(1_000) < chance
    }

    /// One of `these`, of which there must be one.
    pub fn pick<'a, T>(&self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }
}
