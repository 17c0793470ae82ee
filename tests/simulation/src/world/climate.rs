//! What goes wrong in a world, and how much of it. Every seed has a climate of its own: a fault that is everywhere hides
//! what another would show.

use promissory_fakes::shopify::ItemId;

use super::workshop::Making;
use crate::ports::LineFaults;
use crate::rng::Rng;
use crate::store::StoreFaults;

/// The climate of a world.
#[derive(Debug, Clone, Copy, Default)]
pub struct Climate {
    /// What the table does.
    pub store: StoreFaults,
    /// What the ways to shop, queue and bus do.
    pub line: LineFaults,
    /// Supply never shrinks and nobody edits the shop: then the shop must never show more than there is.
    pub only_grows: bool,
    /// The shop was told of everything before anything went wrong. Otherwise it is in the middle of going live.
    pub told: bool,
    /// How far a process's clock may be off, in milliseconds.
    pub skew: i64,
    /// Orders of more lines than a transaction holds.
    pub large_orders: bool,
    /// The shop itself fails in its ways.
    pub shop_ails: bool,
    /// A shop on a plan with little budget.
    pub small_plan: bool,
    /// How often whoever waits for an answer tries before it is given up.
    pub patience: u32,
    /// Letters that are lost, doubled, or days late, per thousand.
    pub lost_mail: usize,
    /// Events that no system should send, or sends twice with another content, per thousand batches.
    pub odd_sources: usize,
    /// How goods are made that are sold before they are; nothing is where there is none.
    pub making: Option<Making>,
}

impl Climate {
    /// Nothing goes wrong.
    #[must_use]
    pub fn fair() -> Self {
        Self { told: true, patience: 8, ..Self::default() }
    }

    /// The climate of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        // Drawn from numbers of its own, so that a knob added here changes no life but by what it does.
        let rng = Rng::new(seed ^ 0x00C1_1A7E);
        let sometimes = |chance: usize, worth: usize| if rng.per_mille(chance) { worth } else { 0 };
        let hot = rng.per_mille(150);
        let throttle = sometimes(700, 8) + sometimes(150, 80);
        let conflict = if hot { 750 } else { sometimes(700, 15) };
        let mut climate = Self {
            store: StoreFaults {
                throttle,
                conflict,
                lost_answer: sometimes(700, 10),
                stale_index: sometimes(700, 200),
                newer: sometimes(300, 300),
            },
            line: LineFaults {
                lost_call: sometimes(700, 20),
                lost_answer: sometimes(700, 20),
                failed: sometimes(700, 10),
                garbled: 0,
                queue: sometimes(700, 20),
                bus: sometimes(700, 20),
                cursed: None,
            },
            only_grows: rng.per_mille(500),
            told: rng.per_mille(500),
            skew: if rng.per_mille(400) { 5 * 60 * 1_000 } else { 0 },
            large_orders: rng.per_mille(150),
            shop_ails: rng.per_mille(500),
            small_plan: rng.per_mille(400),
            patience: if rng.per_mille(300) { 2 } else { 8 },
            lost_mail: sometimes(800, 100),
            odd_sources: 0,
            making: None,
        };
        climate.line.garbled = sometimes(300, 100);
        climate.odd_sources = sometimes(600, 80);
        climate.making = rng.per_mille(200).then(|| Making::drawn(&rng));
        climate
    }

    /// The same ways to the shop, with an item that it refuses whole calls for.
    #[must_use]
    pub fn line_with(&self, cursed: Option<ItemId>) -> LineFaults {
        LineFaults { cursed, ..self.line }
    }
}
