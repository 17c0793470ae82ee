//! Planning groups as lines of text, and their solutions as text.
//!
//! A line is an item or a work centre:
//! `A stock=5 in=3:4,8:2 run=1:1 promised=4:2 lead=2 yield=9/10 at=C1 of=B*2+C*3/2@0..10|D buy=5 offer=10 prio=1 since=3 policy=fair`,
//! `centre C1 5`. Slots are joined by `+`, options by `|`; `*1` and the days of a slot may be omitted.

mod against_brute_force;
mod brute_force;
mod case;
mod cases;
mod dates_and_groups;
mod flow;

use jiff::civil::date;

use crate::catalog::Quantity;
use crate::promise::planning::{
    AllocationPolicy, ComponentUse, Day, GroupItem, GroupWorkCentre, Late, Limit, LimitCause, Offer, PlanningGroup, Producible,
    Ratio, Recipe, Slot, solve,
};

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

fn ratio(text: &str) -> Ratio {
    let (num, den) = text.split_once('/').unwrap_or((text, "1"));
    Ratio::new(number(num), number(den)).unwrap_or_else(|| panic!("{text:?} is no ratio"))
}

fn by_day(text: &str) -> Vec<(Day, Quantity)> {
    let one = |pair: &str| pair.split_once(':').map(|(day, units)| (number(day), Quantity::new(number(units))));
    text.split(',').map(|pair| one(pair).unwrap_or_else(|| panic!("{pair:?}"))).collect()
}

/// A planning group from its lines.
fn group(lines: &[&str]) -> PlanningGroup {
    let (centres, items): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.starts_with("centre "));
    let centres: Vec<GroupWorkCentre> = centres
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            GroupWorkCentre { code: words[1].to_owned(), per_day: Quantity::new(number(words[2])) }
        })
        .collect();
    let names: Vec<&str> = items.iter().map(|line| line.split(' ').next().expect("a name")).collect();
    let index = |name: &str| names.iter().position(|other| *other == name).unwrap_or_else(|| panic!("no item {name}"));
    let item = |line: &&str| {
        let word = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let slot = |text: &str| {
            let (options, days) = text.split_once('@').unwrap_or((text, ""));
            let (from, until) = days.split_once("..").map_or((0, Day::MAX), |(from, until)| (number(from), number(until)));
            let option = |text: &str| {
                let (name, per) = text.split_once('*').unwrap_or((text, "1"));
                ComponentUse { item: index(name), per: ratio(per) }
            };
            Slot { from, until, options: options.split('|').map(option).collect() }
        };
        let made = ["of", "lead", "at", "yield"].iter().any(|key| word(key).is_some());
        GroupItem {
            sku: line.split(' ').next().expect("a name").parse().expect("a SKU"),
            stock: Quantity::new(word("stock").map_or(0, number)),
            receipts: word("in").map_or_else(Vec::new, by_day),
            requirements: word("run").map_or_else(Vec::new, by_day),
            promised: word("promised").map_or_else(Vec::new, by_day),
            recipe: made.then(|| Recipe {
                yields: word("yield").map_or(Ratio::ONE, ratio),
                lead: word("lead").map_or(0, number),
                centre: word("at").and_then(|code| centres.iter().position(|centre| centre.code == code)),
                slots: word("of").map_or_else(Vec::new, |slots| slots.split('+').map(slot).collect()),
            }),
            bought_in: word("buy").map(number),
            policy: match word("policy") {
                None | Some("first") => AllocationPolicy::FirstCome,
                Some("fair") => AllocationPolicy::FairShare,
                Some("prio") => AllocationPolicy::Priority,
                Some(other) => panic!("no policy {other}"),
            },
            offer: word("offer").map(|by| Offer {
                by: number(by),
                priority: word("prio").map_or(0, number),
                since: date(2026, 1, word("since").map_or(1, number)),
            }),
        }
    };
    PlanningGroup { items: items.iter().map(item).collect(), centres }
}

/// `component B by 3 (A>B)`
fn limit(limit: &Limit) -> String {
    let why = match &limit.why {
        LimitCause::Component => "component".to_owned(),
        LimitCause::Centre(code) => format!("centre {code} at"),
        LimitCause::LeadTime => "time of".to_owned(),
    };
    let path: Vec<&str> = limit.path.iter().map(crate::catalog::Sku::as_str).collect();
    format!("{why} {} by {} ({})", limit.item, limit.day, path.join(">"))
}

/// The solution of a group, one line per item that is offered or promised: `A 5: component B by 3 (A>B)`, with `late 2 of 4 on 9`
/// for late units: the units, the promised day and the possible day.
fn solution_lines(group: &PlanningGroup) -> Vec<String> {
    let solution = solve(group).expect("a valid group");
    let one = |(item, producible): (&GroupItem, &Option<Producible>)| {
        let producible = producible.as_ref()?;
        let late = |late: &Late| {
            let on = late.possible.map_or_else(|| "never".to_owned(), |day| format!("on {day}"));
            format!(", late {} of {} {on}", late.units, late.promised)
        };
        let late: String = producible.late.iter().map(late).collect();
        let limit = producible.limit.as_ref().map_or_else(|| "nothing".to_owned(), limit);
        Some(format!("{} {}{late}: {limit}", item.sku, producible.offered))
    };
    group.items.iter().zip(&solution.producible).filter_map(one).collect()
}
