//! Multiplication only: walks the bill of every finished good from top to bottom and adds up the components, without stock and
//! days.

use promissory::catalog::Quantity;
use promissory::promise::planning::PlanningGroup;

/// The counts of a walk over all finished goods.
#[derive(Debug, Default, Clone, Copy)]
pub struct Walked {
    /// Edges, counted for the bill of each finished good.
    pub edges: u64,
    /// Sum of all components. The benchmark reads it, so the compiler cannot remove the arithmetic.
    pub needed: Quantity,
}

/// Walks the bill of every offered finished good, for the given units of it.
pub fn walk_all(group: &PlanningGroup, units: Quantity) -> Walked {
    let mut walked = Walked::default();
    let mut needed = vec![Quantity::ZERO; group.items.len()];
    for (index, item) in group.items.iter().enumerate() {
        if item.offer.is_some() {
            walk(group, index, units, &mut needed, &mut walked.edges);
        }
    }
    walked.needed = needed.into_iter().sum();
    walked
}

fn walk(group: &PlanningGroup, index: usize, units: Quantity, needed: &mut [Quantity], edges: &mut u64) {
    let Some(recipe) = &group.items[index].recipe else { return };
    let started = recipe.yields.starts_for(units);
    for option in recipe.slots.iter().filter_map(|slot| slot.options.first()) {
        let taken = option.per.of(started);
        needed[option.item] += taken;
        *edges += 1;
        walk(group, option.item, taken, needed, edges);
    }
}
