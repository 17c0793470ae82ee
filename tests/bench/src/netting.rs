//! One pass over the edges, as a planning run makes it: level by level, every item once, gross to net by day.
//!
//! It is given what the solution has found, nets all that is promised and offered against stock, supplies and claims, and asks
//! each component once for what is started. Whoever confirms an answer does this; finding the answer cannot be less.

use promissory::catalog::Quantity;
use promissory::promise::planning::{Day, PlanningGroup};

/// What a run counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Netted {
    /// Edges that were walked: each component of each item once.
    pub edges: u64,
    /// Units that were asked for and are not there.
    pub missing: Quantity,
}

/// Nets everything that is promised, and so many units more of each item that is offered.
pub fn net_all(pool: &PlanningGroup, offered: &[Quantity]) -> Netted {
    let mut netted = Netted::default();
    let mut asked: Vec<Vec<(Day, Quantity)>> = vec![Vec::new(); pool.items.len()];
    let mut days: Vec<(Day, Quantity)> = Vec::new();
    for at in parents_first(pool) {
        let item = &pool.items[at];
        days.clear();
        days.push((0, item.stock));
        days.extend_from_slice(&item.supplies);
        let needs = [&item.claims, &item.promised, &asked[at]];
        days.extend(needs.into_iter().flatten().map(|&(day, units)| (day, -units)));
        days.extend(item.offer.map(|offer| (offer.by, -offered[at])));
        days.sort_unstable_by_key(|(day, _)| *day);
        netted.edges += item.recipe.iter().map(|recipe| u64::try_from(recipe.slots.len()).unwrap_or(0)).sum::<u64>();
        let (mut left, mut made, mut started) = (Quantity::ZERO, Quantity::ZERO, Quantity::ZERO);
        for same in days.chunk_by(|one, next| one.0 == next.0) {
            left += same.iter().map(|(_, units)| *units).sum();
            if !left.is_negative() {
                continue;
            }
            let start = item.recipe.as_ref().and_then(|recipe| Some((recipe, same[0].0.checked_sub(recipe.lead)?)));
            let Some((recipe, start)) = start else {
                netted.missing -= std::mem::take(&mut left);
                continue;
            };
            made -= std::mem::take(&mut left);
            let before = std::mem::replace(&mut started, recipe.yields.starts_for(made));
            for option in recipe.slots.iter().filter_map(|slot| slot.options.first()) {
                asked[option.item].push((start, option.per.of(started) - option.per.of(before)));
            }
        }
    }
    netted
}

/// Every item after all that are made of it.
fn parents_first(pool: &PlanningGroup) -> Vec<usize> {
    let below = |at: usize| pool.items[at].recipe.iter().flat_map(|recipe| &recipe.slots).flat_map(|slot| &slot.options);
    let mut parents = vec![0_usize; pool.items.len()];
    for option in (0..pool.items.len()).flat_map(below) {
        parents[option.item] += 1;
    }
    let mut order: Vec<usize> = (0..pool.items.len()).filter(|&at| parents[at] == 0).collect();
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        for option in below(at) {
            parents[option.item] -= 1;
            if parents[option.item] == 0 {
                order.push(option.item);
            }
        }
    }
    order
}
