//! Multiplication alone: every good's bill, walked from top to bottom, and what it needs added up. No stock, no days.

use promissory::catalog::Quantity;
use promissory::promise::planning::PlanningGroup;

/// What a walk over all goods counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Walked {
    /// Edges that were walked, with each good's bill walked for itself.
    pub edges: u64,
    /// All that was needed, so that nobody can leave the arithmetic out.
    pub needed: Quantity,
}

/// Walks the bill of every good that is offered, for so many units of it.
pub fn walk_all(pool: &PlanningGroup, units: Quantity) -> Walked {
    let mut walked = Walked::default();
    let mut needed = vec![Quantity::ZERO; pool.items.len()];
    for (index, item) in pool.items.iter().enumerate() {
        if item.offer.is_some() {
            walk(pool, index, units, &mut needed, &mut walked.edges);
        }
    }
    walked.needed = needed.into_iter().sum();
    walked
}

fn walk(pool: &PlanningGroup, index: usize, units: Quantity, needed: &mut [Quantity], edges: &mut u64) {
    let Some(recipe) = &pool.items[index].recipe else { return };
    let started = recipe.yields.starts_for(units);
    for option in recipe.slots.iter().filter_map(|slot| slot.options.first()) {
        let taken = option.per.of(started);
        needed[option.item] += taken;
        *edges += 1;
        walk(pool, option.item, taken, needed, edges);
    }
}
