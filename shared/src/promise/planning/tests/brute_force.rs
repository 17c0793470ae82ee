//! What can be produced, found by brute force: every way to spread starts over the days, without the engine's arithmetic.

use std::cell::Cell;

use crate::promise::planning::tests::case::{Case, CaseSlot, Made};

/// Units of an item that are required by a day: item, day, units.
pub(super) type Requirement = (usize, usize, i64);

/// Whether all required units can be produced.
pub(super) fn can(case: &Case, requirements: &[Requirement]) -> bool {
    can_within(case, requirements, u64::MAX).expect("the tries are not limited")
}

/// Like [`can`]; `None` when the number of tries is not enough to decide.
///
/// Items come before their components, so each item is decided when its requirement is complete. For a produced item, every
/// spread of starts over the days is tried that covers the requirement without a surplus: one start less never does harm.
pub(super) fn can_within(case: &Case, requirements: &[Requirement], tries: u64) -> Option<bool> {
    // A negative stock is covered as soon as a start of today can cover it: that day must be within the range.
    let lead = case.parts.iter().filter_map(|part| part.recipe.as_ref()).map(|made| made.lead).max().unwrap_or(0);
    let days = 1 + lead + requirements.iter().map(|requirements| requirements.1).chain([case.last_day()]).max().unwrap_or(0);
    let mut needs = vec![vec![0; days]; case.parts.len()];
    for &(item, day, units) in requirements {
        for net_requirement in needs[item].iter_mut().skip(day) {
            *net_requirement += units;
        }
    }
    let free = case.centres.iter().map(|per_day| vec![*per_day; days]).collect();
    let search = Search { case, tries: Cell::new(tries) };
    let found = search.decide(0, &State { needs, free });
    if found || search.tries.get() > 0 { Some(found) } else { None }
}

/// The decisions so far: the requirement of each item by each day, and the free capacity of each work centre on each day.
#[derive(Clone)]
struct State {
    needs: Vec<Vec<i64>>,
    free: Vec<Vec<i64>>,
}

struct Search<'c> {
    case: &'c Case,
    tries: Cell<u64>,
}

impl Search<'_> {
    /// Decides item `at` and every item after it.
    fn decide(&self, at: usize, state: &State) -> bool {
        if self.tries.get() == 0 {
            return false;
        }
        self.tries.set(self.tries.get() - 1);
        let Some(part) = self.case.parts.get(at) else { return true };
        let needs = &state.needs[at];
        let days = needs.len();
        let available: Vec<i64> = (0..days).map(|day| part.available(day)).collect();
        let first = part.recipe.as_ref().map_or(days, |made| made.lead);
        if (0..days.min(first)).any(|day| needs[day] > available[day].max(0)) {
            return false;
        }
        let Some(made) = &part.recipe else { return self.decide(at + 1, state) };
        // The starts that must be done by each day.
        let (num, den) = made.yields;
        let mut due = vec![0; days];
        for day in first..days {
            let short_items = (needs[day] - available[day]).max(0);
            due[day - first] = (short_items * den + num - 1) / num;
        }
        let total = due.iter().copied().max().unwrap_or(0);
        self.spread(at, made, &due, total, &mut Vec::new(), state)
    }

    /// Tries every number of starts for the next day.
    fn spread(&self, at: usize, made: &Made, due: &[i64], left: i64, starts: &mut Vec<i64>, state: &State) -> bool {
        let day = starts.len();
        if day == due.len() {
            return left == 0 && self.started(at, made, starts, state);
        }
        let most = made.centre.map_or(left, |centre| left.min(state.free[centre][day]));
        let so_far: i64 = starts.iter().sum();
        ((due[day] - so_far).max(0)..=most).rev().any(|today| {
            starts.push(today);
            let found = self.spread(at, made, due, left - today, starts, state);
            starts.pop();
            found
        })
    }

    fn started(&self, at: usize, made: &Made, starts: &[i64], state: &State) -> bool {
        let mut state = state.clone();
        if let Some(centre) = made.centre {
            for (free, starts) in state.free[centre].iter_mut().zip(starts) {
                *free -= starts;
            }
        }
        self.split(at, &made.slots, starts, &state)
    }

    /// Tries every way to split the starts of each day among the options of each slot, then decides the next item.
    fn split(&self, at: usize, slots: &[CaseSlot], starts: &[i64], state: &State) -> bool {
        let Some((slot, rest)) = slots.split_first() else { return self.decide(at + 1, state) };
        let is_in = |day: usize| day >= slot.from && day < slot.until;
        let inside: Vec<i64> = starts.iter().enumerate().map(|(day, starts)| if is_in(day) { *starts } else { 0 }).collect();
        match slot.options[..] {
            [one] => self.split(at, rest, starts, &taken(state, one, &inside)),
            [one, other] => ways(&inside).into_iter().any(|others| {
                let ones: Vec<i64> = inside.iter().zip(&others).map(|(all, other)| all - other).collect();
                self.split(at, rest, starts, &taken(&taken(state, one, &ones), other, &others))
            }),
            _ => panic!("a generated slot has one or two options"),
        }
    }
}

/// Every vector with entries from zero to the entries of `most`.
fn ways(most: &[i64]) -> Vec<Vec<i64>> {
    let mut ways = vec![Vec::new()];
    for most in most {
        ways = ways.iter().flat_map(|way| (0..=*most).map(|some| [&way[..], &[some]].concat())).collect();
    }
    ways
}

fn taken(state: &State, (item, num, den): (usize, i64, i64), starts: &[i64]) -> State {
    let mut state = state.clone();
    let mut so_far = 0;
    for (net_requirement, starts) in state.needs[item].iter_mut().zip(starts) {
        so_far += starts;
        *net_requirement += (so_far * num + den - 1) / den;
    }
    state
}
