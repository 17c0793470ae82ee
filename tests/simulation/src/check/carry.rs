//! Carrying out a plan: everything that it promises is made, day by day, from what there was when it was decided.
//!
//! By nothing of the shipped code. What is needed is added up from the goods down to what is bought, each item once for all that
//! need it, and begun as late as it can be; then the days are lived, and nothing may be used that is not there. What runs
//! that are planned anyway lack without any of it, they may lack with it, and no more.

use std::collections::BTreeMap;

/// Exact: so many of so many.
pub type Share = (i128, i128);

/// An item, what there is of it, and what is asked of it.
#[derive(Debug, Clone, Default)]
pub struct Thing {
    /// What it is called.
    pub name: String,
    /// Units there are; below zero, there are too few.
    pub stock: i64,
    /// What comes, by day.
    pub comes: Vec<(usize, i64)>,
    /// What runs take that are planned anyway.
    pub taken: Vec<(usize, i64)>,
    /// What customers get, by day.
    pub promised: Vec<(usize, i64)>,
    /// What whoever buys now would get.
    pub offered: Option<(usize, i64)>,
    /// How it is made.
    pub way: Option<Way>,
}

/// How something is made.
#[derive(Debug, Clone)]
pub struct Way {
    /// Good units of those that are begun.
    pub yields: Share,
    /// Days it takes.
    pub lead: usize,
    /// Where, if that limits how much is begun in a day.
    pub centre: Option<String>,
    /// What goes into each that is begun: one of several.
    pub slots: Vec<Vec<(usize, Share)>>,
}

/// What is to be carried out.
#[derive(Debug, Clone, Default)]
pub struct Yard {
    /// The items.
    pub things: Vec<Thing>,
    /// Units that each work centre can begin in a day.
    pub centres: BTreeMap<String, i64>,
}

/// How the days went.
struct Lived {
    /// What is there of each item at the end of each day.
    there: Vec<Vec<i64>>,
    /// What was to be begun by each day at a centre that several items share.
    begun: BTreeMap<String, Vec<i64>>,
    /// What could be taken of no option, by options and day.
    lacking: BTreeMap<Vec<usize>, Vec<i64>>,
}

impl Yard {
    /// What cannot be done; nothing, where the plan can be carried out.
    pub fn carry_out(&self) -> Option<String> {
        let Some(order) = self.order() else { return Some("something is made of itself".to_owned()) };
        let days = self.days();
        let without = self.live(&order, days, false);
        let with = self.live(&order, days, true);
        let shared = |centre: &Option<String>| centre.as_ref().is_some_and(|centre| self.at(centre) > 1);
        let is_tangled = self.things.iter().any(|thing| thing.way.as_ref().is_some_and(|way| shared(&way.centre)));
        if is_tangled && without.there.iter().flatten().any(|units| *units < 0) {
            return None; // Who is to wait for whom at a centre is not said here.
        }
        for (at, thing) in self.things.iter().enumerate() {
            for (day, (without, with)) in without.there[at].iter().zip(&with.there[at]).enumerate() {
                if *with < (*without).min(0) {
                    let name = &thing.name;
                    return Some(format!("there are {with} of {name} on day {day}, and {without} without what is offered"));
                }
            }
        }
        for (centre, begun) in &with.begun {
            let per_day = self.centres.get(centre).copied().unwrap_or_default();
            let mut free = 0;
            for (day, (begun, anyway)) in begun.iter().zip(&without.begun[centre]).enumerate() {
                free += per_day;
                if *begun > free.max(*anyway) {
                    return Some(format!("{begun} are to be begun at {centre} by day {day}, which can begin {free}"));
                }
            }
        }
        with.lacking.iter().find_map(|(options, lacking)| {
            let anyway = without.lacking.get(options);
            let day = lacking.iter().enumerate().position(|(day, units)| *units > anyway.map_or(0, |anyway| anyway[day]))?;
            Some(format!("{} are lacking by day {day} of any of {options:?}", lacking[day]))
        })
    }

    /// How many items are made at a centre.
    fn at(&self, centre: &str) -> usize {
        self.things.iter().filter(|thing| thing.way.as_ref().and_then(|way| way.centre.as_deref()) == Some(centre)).count()
    }

    /// One day more than anything is said of.
    fn days(&self) -> usize {
        let all = self.things.iter().flat_map(|thing| {
            let asked = thing.promised.iter().chain(&thing.taken).chain(&thing.offered);
            let leads = thing.way.iter().map(|way| way.lead);
            asked.map(|(day, _)| *day).chain(leads)
        });
        all.max().unwrap_or_default() + 2
    }

    /// Whatever is made before what it is made of; `None` where that goes round in a circle.
    fn order(&self) -> Option<Vec<usize>> {
        let mut order: Vec<usize> = Vec::new();
        while order.len() < self.things.len() {
            let is_next = |at: &usize| {
                let goes_into = |(parent, thing): (usize, &Thing)| {
                    !order.contains(&parent)
                        && thing.way.iter().flat_map(|way| way.slots.iter().flatten()).any(|(used, _)| used == at)
                };
                !order.contains(at) && !self.things.iter().enumerate().any(goes_into)
            };
            let next = (0..self.things.len()).find(is_next)?;
            order.push(next);
        }
        Some(order)
    }

    /// Lives so many days, with what is offered or without.
    fn live(&self, order: &[usize], days: usize, with_offers: bool) -> Lived {
        let mut asked = vec![vec![0_i64; days]; self.things.len()];
        for (thing, asked) in self.things.iter().zip(&mut asked) {
            let offered = thing.offered.iter().filter(|_| with_offers);
            for (day, units) in thing.taken.iter().chain(&thing.promised).chain(offered) {
                asked[*day] += units;
            }
        }
        let mut made = vec![vec![0_i64; days]; self.things.len()];
        let mut begun_at: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut choices: BTreeMap<Vec<usize>, Vec<i64>> = BTreeMap::new();
        for at in order {
            let thing = &self.things[*at];
            let Some(way) = &thing.way else { continue };
            let mut begun = begun(way, &lacking(thing, way.lead, &asked[*at]));
            if let Some(centre) = &way.centre {
                as_late_as(&mut begun, self.centres.get(centre).copied().unwrap_or_default());
                if self.at(centre) > 1 {
                    let all = begun_at.entry(centre.clone()).or_insert_with(|| vec![0; days]);
                    all.iter_mut().zip(&begun).for_each(|(all, begun)| *all += begun);
                }
            }
            for (day, made) in made[*at].iter_mut().enumerate().skip(way.lead) {
                *made = of_down(begun[day - way.lead], way.yields);
            }
            for slot in &way.slots {
                let takes = |share: Share| begun.iter().map(move |begun| of_up(*begun, share));
                match slot.as_slice() {
                    [(used, share)] => {
                        let mut before = 0;
                        for (day, units) in takes(*share).enumerate() {
                            asked[*used][day] += units - before;
                            before = units;
                        }
                    }
                    options => {
                        // Each option is bought, and as many of one are taken as of another.
                        let names = options.iter().map(|(used, _)| *used).collect();
                        let all = choices.entry(names).or_insert_with(|| vec![0; days]);
                        all.iter_mut().zip(takes(options[0].1)).for_each(|(all, units)| *all += units);
                    }
                }
            }
        }
        let live = |(at, thing): (usize, &Thing)| {
            let mut there = thing.stock;
            let mut comes = vec![0; days];
            thing.comes.iter().filter(|(day, _)| *day < days).for_each(|(day, units)| comes[*day] += units);
            let each = (0..days).map(|day| {
                there += comes[day] - asked[at][day];
                there + made[at][day]
            });
            each.collect()
        };
        let mut there: Vec<Vec<i64>> = self.things.iter().enumerate().map(live).collect();
        let lacking = choices.into_iter().map(|(options, all)| {
            let lacking = choose(&mut there, &options, &all);
            (options, lacking)
        });
        let lacking = lacking.collect();
        Lived { there, begun: begun_at, lacking }
    }
}

/// What must be made by each day, so that what is asked is there: all of it together. What comes before the first unit could
/// be made is not made as well.
fn lacking(thing: &Thing, lead: usize, asked: &[i64]) -> Vec<i64> {
    let (mut there, mut most) = (thing.stock, 0);
    let mut by_day = Vec::with_capacity(asked.len());
    for (day, asked) in asked.iter().enumerate() {
        there += thing.comes.iter().filter(|(comes, _)| *comes == day).map(|(_, units)| units).sum::<i64>() - asked;
        if day >= lead {
            most = most.max(-there);
        }
        by_day.push(most);
    }
    by_day
}

/// What must be begun by each day, so that these are made.
fn begun(way: &Way, made: &[i64]) -> Vec<i64> {
    let last = made.len() - 1;
    (0..made.len()).map(|day| of_up(made[(day + way.lead).min(last)], (way.yields.1, way.yields.0))).collect()
}

/// Begins no more than so many in a day, the rest before; what would have to be begun before today is begun as soon as there
/// is room.
fn as_late_as(begun: &mut [i64], per_day: i64) {
    let mut each: Vec<i64> = begun.to_vec();
    for day in (1..each.len()).rev() {
        each[day] -= begun[day - 1];
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
    for (begun, units) in begun.iter_mut().zip(each) {
        sum += units;
        *begun = sum;
    }
}

/// Takes day by day what is left of the options, the first one first; what nobody has, by day.
fn choose(there: &mut [Vec<i64>], options: &[usize], all: &[i64]) -> Vec<i64> {
    let mut taken = 0;
    let lacking = all.iter().enumerate().map(|(day, all)| {
        for option in options {
            let spare = there[*option][day..].iter().min().copied().unwrap_or_default().max(0);
            let more = (all - taken).clamp(0, spare);
            there[*option][day..].iter_mut().for_each(|there| *there -= more);
            taken += more;
        }
        all - taken
    });
    lacking.collect()
}

/// A share of so many, in whole units, no less than it is.
fn of_up(units: i64, (many, of): Share) -> i64 {
    let exact = i128::from(units) * many;
    i64::try_from((exact + of - 1).div_euclid(of)).unwrap_or(i64::MAX)
}

/// A share of so many, in whole units, no more than it is.
fn of_down(units: i64, (many, of): Share) -> i64 {
    i64::try_from((i128::from(units) * many).div_euclid(of)).unwrap_or(i64::MAX)
}
