//! One pass over the edges, as a planning run makes it: level by level, once per item, from gross to net requirements by day.
//!
//! The pass gets the offered units that the solution has found. It nets promised and offered units against stock, scheduled
//! receipts and production claims, and requests each component once for the started units. A check of a solution needs this
//! work, so finding one cannot take less.

use promissory::catalog::Quantity;
use promissory::promise::planning::{Day, PlanningGroup};

/// The counts of a pass.
#[derive(Debug, Default, Clone, Copy)]
pub struct Netted {
    /// Edges: each component of each item, counted once.
    pub edges: u64,
    /// Requested units that nothing supplies.
    pub missing: Quantity,
}

/// Nets all promised units, and the offered units of each item.
pub fn net_all(group: &PlanningGroup, offered: &[Quantity]) -> Netted {
    let mut netted = Netted::default();
    let mut asked: Vec<Vec<(Day, Quantity)>> = vec![Vec::new(); group.items.len()];
    let mut days: Vec<(Day, Quantity)> = Vec::new();
    for at in parents_first(group) {
        let item = &group.items[at];
        days.clear();
        days.push((0, item.stock));
        days.extend_from_slice(&item.receipts);
        let needs = [&item.requirements, &item.promised, &asked[at]];
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

/// Each item after all of its parents.
fn parents_first(group: &PlanningGroup) -> Vec<usize> {
    let below = |at: usize| group.items[at].recipe.iter().flat_map(|recipe| &recipe.slots).flat_map(|slot| &slot.options);
    let mut parents = vec![0_usize; group.items.len()];
    for option in (0..group.items.len()).flat_map(below) {
        parents[option.item] += 1;
    }
    let mut order: Vec<usize> = (0..group.items.len()).filter(|&at| parents[at] == 0).collect();
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
