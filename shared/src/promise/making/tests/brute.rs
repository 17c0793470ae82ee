//! What can be made, found by trying: every way to spread starts over the days, with none of the engine's arithmetic.

use super::case::{Case, Part};

/// Units of an item that are wanted by a day.
pub(super) type Wanted = (usize, usize, i64);

/// Whether everything wanted can be had.
///
/// Items come before their components, so each is decided when all that is wanted of it is known. Of what is made, every
/// spread of starts over the days is tried that meets what is wanted with none to spare: one start less never harms.
pub(super) fn can(case: &Case, wanted: &[Wanted]) -> bool {
    // What is there less than nothing of is made good as soon as a start of today can: that must be within the days.
    let lead = case.parts.iter().filter_map(|part| part.recipe.as_ref()).map(|made| made.lead).max().unwrap_or(0);
    let days = 1 + lead + wanted.iter().map(|wanted| wanted.1).chain([case.last_day()]).max().unwrap_or(0);
    let mut needs = vec![vec![0; days]; case.parts.len()];
    for &(item, day, units) in wanted {
        add(&mut needs[item], day, units);
    }
    let free = case.centres.iter().map(|per_day| vec![*per_day; days]).collect();
    decide(case, 0, &needs, free)
}

fn add(curve: &mut [i64], from: usize, units: i64) {
    for at in curve.iter_mut().skip(from) {
        *at += units;
    }
}

/// Decides item `at` and all after it. `needs` is cumulative; `free` is what each centre has left of each day.
fn decide(case: &Case, at: usize, needs: &[Vec<i64>], free: Vec<Vec<i64>>) -> bool {
    let Some(part) = case.parts.get(at) else { return true };
    let days = needs[at].len();
    let there: Vec<i64> = (0..days).map(|day| part.there(day)).collect();
    let first = part.recipe.as_ref().map_or(days, |recipe| recipe.lead);
    if (0..days.min(first)).any(|day| needs[at][day] > there[day].max(0)) {
        return false;
    }
    let Some(recipe) = &part.recipe else { return decide(case, at + 1, needs, free) };
    // Starts that must be done by each day of starts.
    let (num, den) = recipe.yields;
    let mut due = vec![0; days];
    for day in first..days {
        let lacking = (needs[at][day] - there[day]).max(0);
        due[day - first] = (lacking * den + num - 1) / num;
    }
    let total = due.iter().copied().max().unwrap_or(0);
    spread(case, at, part, &due, total, &mut Vec::new(), needs, &free)
}

/// Tries every number of starts for the next day.
#[expect(clippy::too_many_arguments, reason = "a search by recursion")]
fn spread(
    case: &Case,
    at: usize,
    part: &Part,
    due: &[i64],
    left: i64,
    starts: &mut Vec<i64>,
    needs: &[Vec<i64>],
    free: &[Vec<i64>],
) -> bool {
    let recipe = part.recipe.as_ref().expect("only what is made is started");
    let day = starts.len();
    if day == due.len() {
        return left == 0 && options(case, at, part, starts, needs, free);
    }
    let most = recipe.centre.map_or(left, |centre| left.min(free[centre][day]));
    let so_far: i64 = starts.iter().sum();
    for today in ((due[day] - so_far).max(0)..=most).rev() {
        starts.push(today);
        let found = spread(case, at, part, due, left - today, starts, needs, free);
        starts.pop();
        if found {
            return true;
        }
    }
    false
}

/// Tries every way to split the starts of each day among the options of each slot, then decides the next item.
fn options(case: &Case, at: usize, part: &Part, starts: &[i64], needs: &[Vec<i64>], free: &[Vec<i64>]) -> bool {
    let recipe = part.recipe.as_ref().expect("only what is made is started");
    let mut free = free.to_vec();
    if let Some(centre) = recipe.centre {
        for (free, starts) in free[centre].iter_mut().zip(starts) {
            *free -= starts;
        }
    }
    split(case, at, &recipe.slots, starts, needs, &free)
}

fn split(case: &Case, at: usize, slots: &[super::case::Slots], starts: &[i64], needs: &[Vec<i64>], free: &[Vec<i64>]) -> bool {
    let Some((slot, rest)) = slots.split_first() else { return decide(case, at + 1, needs, free.to_vec()) };
    let inside: Vec<i64> =
        starts.iter().enumerate().map(|(day, starts)| if day >= slot.from && day < slot.until { *starts } else { 0 }).collect();
    match slot.options[..] {
        [one] => split(case, at, rest, starts, &taken(needs, one, &inside), free),
        [one, other] => ways(&inside).into_iter().any(|others| {
            let ones: Vec<i64> = inside.iter().zip(&others).map(|(all, other)| all - other).collect();
            split(case, at, rest, starts, &taken(&taken(needs, one, &ones), other, &others), free)
        }),
        _ => panic!("the cases have one or two options"),
    }
}

/// Every way to take some of each.
fn ways(most: &[i64]) -> Vec<Vec<i64>> {
    let mut ways = vec![Vec::new()];
    for most in most {
        ways = ways.iter().flat_map(|way| (0..=*most).map(|some| [&way[..], &[some]].concat())).collect();
    }
    ways
}

fn taken(needs: &[Vec<i64>], (item, num, den): (usize, i64, i64), starts: &[i64]) -> Vec<Vec<i64>> {
    let mut needs = needs.to_vec();
    let mut so_far = 0;
    for (need, starts) in needs[item].iter_mut().zip(starts) {
        so_far += starts;
        *need += (so_far * num + den - 1) / den;
    }
    needs
}
