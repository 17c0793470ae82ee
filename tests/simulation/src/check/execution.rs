//! Executes a plan: makes everything that the plan promises, day by day, from the stock and receipts on which the plan was
//! based.
//!
//! This module uses no shipped code. It adds up the requirements from the finished goods down to the bought items, once per
//! item for all parents together, and starts production as late as possible. Then it computes the stock of each day, which must
//! not become negative. A shortage that exists without the offered units is allowed with them too, but must not grow.

use std::collections::BTreeMap;

/// An exact ratio: numerator and denominator.
pub type Ratio = (i128, i128);

/// An item with its stock, its receipts, and its requirements.
#[derive(Debug, Clone, Default)]
pub struct PlannedItem {
    /// The SKU.
    pub name: String,
    /// Available units; negative where too many are committed.
    pub stock: i64,
    /// Scheduled receipts, by day.
    pub receipts: Vec<(usize, i64)>,
    /// Requirements of scheduled production runs, and of orders for an item that is sold only from stock, by day.
    pub other_requirements: Vec<(usize, i64)>,
    /// Units promised to customers, by day.
    pub promised: Vec<(usize, i64)>,
    /// Units that the plan offers to new customers, and the day for which it promises them.
    pub offered: Option<(usize, i64)>,
    /// How the item is made, if it is made.
    pub routing: Option<Routing>,
}

/// How an item is made.
#[derive(Debug, Clone)]
pub struct Routing {
    /// Good units per started unit.
    pub yields: Ratio,
    /// Lead time in days.
    pub lead: usize,
    /// The work centre, if its capacity limits the starts of a day.
    pub centre: Option<String>,
    /// The components of each started unit. A slot with several components lists alternatives.
    pub slots: Vec<Vec<(usize, Ratio)>>,
}

/// A plan to execute.
#[derive(Debug, Clone, Default)]
pub struct Execution {
    /// The items of the plan.
    pub items: Vec<PlannedItem>,
    /// Units that each work centre can start per day.
    pub centres: BTreeMap<String, i64>,
}

/// The result of an execution.
struct DailyBalances {
    /// Stock of each item at the end of each day.
    stock: Vec<Vec<i64>>,
    /// Cumulative starts at the end of each day, for each work centre that several items share.
    starts: BTreeMap<String, Vec<i64>>,
    /// Cumulative shortage of each slot with alternatives, by day.
    shortage: BTreeMap<Vec<usize>, Vec<i64>>,
}

impl Execution {
    /// Returns the reason why the plan cannot be executed, or `None` if it can be.
    pub fn infeasibility(&self) -> Option<String> {
        let Some(order) = self.order() else { return Some("the bills of materials contain a cycle".to_owned()) };
        let days = self.days();
        let without = self.compute(&order, days, false);
        let with = self.compute(&order, days, true);
        let shared = |centre: &Option<String>| centre.as_ref().is_some_and(|centre| self.at(centre) > 1);
        let shares_a_centre = self.items.iter().any(|item| item.routing.as_ref().is_some_and(|routing| shared(&routing.centre)));
        if shares_a_centre && without.stock.iter().flatten().any(|units| *units < 0) {
            return None; // This module does not model the order in which waiting items get a shared work centre.
        }
        for (at, item) in self.items.iter().enumerate() {
            for (day, (without, with)) in without.stock[at].iter().zip(&with.stock[at]).enumerate() {
                if *with < (*without).min(0) {
                    let name = &item.name;
                    return Some(format!("the stock of {name} on day {day} is {with}, and {without} without the offered units"));
                }
            }
        }
        for (centre, starts) in &with.starts {
            let per_day = self.centres.get(centre).copied().unwrap_or_default();
            let mut free = 0;
            for (day, (starts, anyway)) in starts.iter().zip(&without.starts[centre]).enumerate() {
                free += per_day;
                if *starts > free.max(*anyway) {
                    return Some(format!("{starts} units must start at {centre} by day {day}, which has capacity for {free}"));
                }
            }
        }
        with.shortage.iter().find_map(|(options, shortage)| {
            let anyway = without.shortage.get(options);
            let day = shortage.iter().enumerate().position(|(day, units)| *units > anyway.map_or(0, |anyway| anyway[day]))?;
            Some(format!("{} units of the alternatives {options:?} are missing by day {day}", shortage[day]))
        })
    }

    /// Number of items that are made at a work centre.
    fn at(&self, centre: &str) -> usize {
        self.items
            .iter()
            .filter(|item| item.routing.as_ref().and_then(|routing| routing.centre.as_deref()) == Some(centre))
            .count()
    }

    /// Number of days to compute: one more than the last day that a requirement or lead time names.
    fn days(&self) -> usize {
        let all = self.items.iter().flat_map(|item| {
            let required = item.promised.iter().chain(&item.other_requirements).chain(&item.offered);
            let leads = item.routing.iter().map(|routing| routing.lead);
            required.map(|(day, _)| *day).chain(leads)
        });
        all.max().unwrap_or_default() + 2
    }

    /// Parents before their components. `None` if the bills contain a cycle.
    fn order(&self) -> Option<Vec<usize>> {
        let mut order: Vec<usize> = Vec::new();
        while order.len() < self.items.len() {
            let is_next = |at: &usize| {
                let goes_into = |(parent, item): (usize, &PlannedItem)| {
                    !order.contains(&parent)
                        && item.routing.iter().flat_map(|routing| routing.slots.iter().flatten()).any(|(used, _)| used == at)
                };
                !order.contains(at) && !self.items.iter().enumerate().any(goes_into)
            };
            let next = (0..self.items.len()).find(is_next)?;
            order.push(next);
        }
        Some(order)
    }

    /// Computes the given days, with or without the offered units.
    fn compute(&self, order: &[usize], days: usize, with_offers: bool) -> DailyBalances {
        let mut required = vec![vec![0_i64; days]; self.items.len()];
        for (item, required) in self.items.iter().zip(&mut required) {
            let offered = item.offered.iter().filter(|_| with_offers);
            for (day, units) in item.other_requirements.iter().chain(&item.promised).chain(offered) {
                required[*day] += units;
            }
        }
        let mut made = vec![vec![0_i64; days]; self.items.len()];
        let mut starts_at: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut choices: BTreeMap<Vec<usize>, Vec<i64>> = BTreeMap::new();
        for at in order {
            let item = &self.items[*at];
            let Some(routing) = &item.routing else { continue };
            let mut starts = starts(routing, &shortage(item, routing.lead, &required[*at]));
            if let Some(centre) = &routing.centre {
                limit_to_capacity(&mut starts, self.centres.get(centre).copied().unwrap_or_default());
                if self.at(centre) > 1 {
                    let all = starts_at.entry(centre.clone()).or_insert_with(|| vec![0; days]);
                    all.iter_mut().zip(&starts).for_each(|(all, starts)| *all += starts);
                }
            }
            for (day, made) in made[*at].iter_mut().enumerate().skip(routing.lead) {
                *made = of_down(starts[day - routing.lead], routing.yields);
            }
            for slot in &routing.slots {
                let takes = |share: Ratio| starts.iter().map(move |starts| of_up(*starts, share));
                match slot.as_slice() {
                    [(used, share)] => {
                        let mut before = 0;
                        for (day, units) in takes(*share).enumerate() {
                            required[*used][day] += units - before;
                            before = units;
                        }
                    }
                    options => {
                        // Each alternative counts as a component of its own, and one alternative replaces another unit for
                        // unit.
                        let names = options.iter().map(|(used, _)| *used).collect();
                        let all = choices.entry(names).or_insert_with(|| vec![0; days]);
                        all.iter_mut().zip(takes(options[0].1)).for_each(|(all, units)| *all += units);
                    }
                }
            }
        }
        let balances = |(at, item): (usize, &PlannedItem)| {
            let mut stock = item.stock;
            let mut receipts = vec![0; days];
            item.receipts.iter().filter(|(day, _)| *day < days).for_each(|(day, units)| receipts[*day] += units);
            let each = (0..days).map(|day| {
                stock += receipts[day] - required[at][day];
                stock + made[at][day]
            });
            each.collect()
        };
        let mut stock: Vec<Vec<i64>> = self.items.iter().enumerate().map(balances).collect();
        let shortage = choices.into_iter().map(|(options, all)| {
            let shortage = cover_from_alternatives(&mut stock, &options, &all);
            (options, shortage)
        });
        let shortage = shortage.collect();
        DailyBalances { stock, starts: starts_at, shortage }
    }
}

/// Cumulative units to make by each day so that all requirements are covered. Nothing can be ready before the lead time, so
/// receipts that arrive earlier reduce the units to make.
fn shortage(item: &PlannedItem, lead: usize, required: &[i64]) -> Vec<i64> {
    let (mut stock, mut most) = (item.stock, 0);
    let mut by_day = Vec::with_capacity(required.len());
    for (day, required) in required.iter().enumerate() {
        stock += item.receipts.iter().filter(|(receipts, _)| *receipts == day).map(|(_, units)| units).sum::<i64>() - required;
        if day >= lead {
            most = most.max(-stock);
        }
        by_day.push(most);
    }
    by_day
}

/// Cumulative units to start by each day so that the given units are ready.
fn starts(routing: &Routing, made: &[i64]) -> Vec<i64> {
    let last = made.len() - 1;
    (0..made.len()).map(|day| of_up(made[(day + routing.lead).min(last)], (routing.yields.1, routing.yields.0))).collect()
}

/// Limits the starts of a day to the capacity and moves the rest to earlier days. Starts that would fall before today take the
/// first free capacity.
fn limit_to_capacity(starts: &mut [i64], per_day: i64) {
    let mut each: Vec<i64> = starts.to_vec();
    for day in (1..each.len()).rev() {
        each[day] -= starts[day - 1];
    }
    let mut before = 0;
    for units in each.iter_mut().rev() {
        let all = *units + before;
        *units = all.min(per_day);
        before = all - *units;
    }
    for units in &mut each {
        let more = before.min(per_day - *units);
        *units += more;
        before -= more;
    }
    let mut sum = 0;
    for (starts, units) in starts.iter_mut().zip(each) {
        sum += units;
        *starts = sum;
    }
}

/// Covers a slot from the remaining stock of its alternatives, in their order. Returns the shortage of each day.
fn cover_from_alternatives(stock: &mut [Vec<i64>], options: &[usize], all: &[i64]) -> Vec<i64> {
    let mut taken = 0;
    let shortage = all.iter().enumerate().map(|(day, all)| {
        for option in options {
            let spare = stock[*option][day..].iter().min().copied().unwrap_or_default().max(0);
            let more = (all - taken).clamp(0, spare);
            stock[*option][day..].iter_mut().for_each(|stock| *stock -= more);
            taken += more;
        }
        all - taken
    });
    shortage.collect()
}

/// The product of units and a ratio, rounded up.
fn of_up(units: i64, (many, of): Ratio) -> i64 {
    let exact = i128::from(units) * many;
    i64::try_from((exact + of - 1).div_euclid(of)).unwrap_or(i64::MAX)
}

/// The product of units and a ratio, rounded down.
fn of_down(units: i64, (many, of): Ratio) -> i64 {
    i64::try_from((i128::from(units) * many).div_euclid(of)).unwrap_or(i64::MAX)
}
