//! Compares the engine with the brute force, on small random planning groups.

use crate::promise::planning::tests::brute_force::{Requirement, can, can_within};
use crate::promise::planning::tests::case::{Case, CaseOptions, CaseSlot, Random};
use crate::promise::planning::{AllocationPolicy, MAX_OFFERED, Producible, solve};

/// The units that the engine offers of each finished good of a case, in order, and whether any promise is late.
fn shown(case: &Case) -> (Vec<i64>, bool) {
    let solution = solve(&case.group()).expect("a valid group");
    let late = solution.producible.iter().flatten().any(|producible| !producible.late.is_empty());
    let of = |good: &(usize, usize, u32, u32)| {
        solution.producible[good.0].as_ref().map_or(0, |producible: &Producible| producible.offered.units())
    };
    (case.finished_goods.iter().map(of).collect(), late)
}

fn with(case: &Case, units: &[i64]) -> Vec<Requirement> {
    let offered = case.finished_goods.iter().zip(units).map(|(good, units)| (good.0, good.1, *units));
    case.promised().into_iter().chain(offered).collect()
}

/// Enough tries to decide nearly every case in acceptable time.
const TRIES: u64 = 20_000;

/// The factor for the number of cases, for a long manual run.
fn manual_factor() -> u64 {
    std::env::var("PROMISSORY_CASES").map_or(1, |times| times.parse().expect("PROMISSORY_CASES is a number"))
}

/// Runs `check` on `count` cases whose promises can be kept without any offer, and names the seed of a case that fails.
fn cases(count: u64, options: CaseOptions, mut check: impl FnMut(&Case, Vec<i64>)) {
    let exact = !options.shared_centres && !options.alternates && !options.windows;
    let count = if exact { count * manual_factor() } else { count };
    let (mut seed, mut done) = (0, 0);
    while done < count {
        seed += 1;
        let case = Random(seed).case(options);
        if can_within(&case, &[], TRIES) != Some(true) {
            continue; // Production runs take more than there is, so there is nothing to compare with.
        }
        let Some(kept) = can_within(&case, &case.promised(), TRIES) else { continue };
        let (shown, late) = shown(&case);
        assert!(late || kept, "seed {seed}: a promise cannot be kept and the engine does not report it late:\n{}", case.lines());
        assert!(
            !exact || late != kept,
            "seed {seed}: the engine reports a late promise although all can be kept:\n{}",
            case.lines()
        );
        if kept && !late && shown.iter().all(|units| *units < MAX_OFFERED) {
            done += 1;
            let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&case, shown.clone())));
            assert!(seen.is_ok(), "seed {seed}: {shown:?} of\n{}", case.lines());
        }
    }
}

/// Protects the number itself: with yields, lead times, scheduled receipts, production runs, promises, capacity and components
/// that branches share, the offered units can be produced and one more cannot.
#[test]
fn one_finished_good_is_exact() {
    cases(10_000, CaseOptions { finished_goods: 1, ..CaseOptions::default() }, |case, shown| {
        assert!(can(case, &with(case, &shown)), "more than can be produced");
        assert!(!can(case, &with(case, &[shown[0] + 1])), "one more can be produced");
    });
}

/// Protects service by rank: each finished good gets the most that those before it leave.
#[test]
fn service_by_rank_is_exact() {
    for policy in [AllocationPolicy::FirstCome, AllocationPolicy::Priority] {
        let policies: &'static [AllocationPolicy] =
            if policy == AllocationPolicy::Priority { &[AllocationPolicy::Priority] } else { &[AllocationPolicy::FirstCome] };
        cases(1_000, CaseOptions { finished_goods: 3, policies, ..CaseOptions::default() }, |case, shown| {
            let mut order: Vec<usize> = (0..case.finished_goods.len()).collect();
            order.sort_by_key(|&good| {
                let (item, _, priority, since) = case.finished_goods[good];
                (if policy == AllocationPolicy::Priority { priority } else { 0 }, since, item)
            });
            let mut units = vec![0; shown.len()];
            for good in order {
                units[good] = shown[good];
                assert!(can(case, &with(case, &units)), "more than can be produced");
                units[good] += 1;
                assert!(!can(case, &with(case, &units)), "finished good {good} could have one more");
                units[good] -= 1;
            }
        });
    }
}

/// Protects fair shares: finished goods rise together, from their promised units, until one cannot rise; then the others
/// continue, and the remainder goes by rank.
#[test]
fn fair_shares_are_exact() {
    cases(
        1_000,
        CaseOptions { finished_goods: 3, policies: &[AllocationPolicy::FairShare], ..CaseOptions::default() },
        |case, shown| {
            let promised = |item: usize| case.parts[item].promised.iter().map(|(_, units)| *units).sum::<i64>();
            let promised: Vec<i64> = case.finished_goods.iter().map(|good| promised(good.0)).collect();
            let mut open: Vec<usize> = (0..case.finished_goods.len()).collect();
            open.sort_by_key(|&good| (case.finished_goods[good].2, case.finished_goods[good].3, case.finished_goods[good].0));
            let mut units = vec![0; shown.len()];
            while let Some(low) = open.iter().map(|&good| promised[good] + units[good]).min() {
                open.retain(|&good| {
                    if promised[good] + units[good] > low {
                        return true;
                    }
                    units[good] += 1;
                    let fits = can(case, &with(case, &units));
                    units[good] -= i64::from(!fits);
                    fits
                });
            }
            assert_eq!(shown, units);
        },
    );
}

/// Protects groups with several policies: the offered units can be produced, and no finished good can have one more.
#[test]
fn mixed_policies_leave_no_unit() {
    let policies = &[AllocationPolicy::FirstCome, AllocationPolicy::FairShare, AllocationPolicy::Priority];
    cases(1_000, CaseOptions { finished_goods: 3, policies, ..CaseOptions::default() }, |case, shown| {
        assert!(can(case, &with(case, &shown)), "more than can be produced");
        for good in 0..shown.len() {
            let mut units = shown.clone();
            units[good] += 1;
            assert!(!can(case, &with(case, &units)), "finished good {good} could have one more");
        }
    });
}

/// Protects against offering more of several finished goods than can be produced together, whatever they compete for. (With
/// alternates, and production runs that already take more than the search finds, one unit too many was offered in about one of
/// several thousand cases.)
#[test]
fn several_finished_goods_are_never_above() {
    let policies = &[AllocationPolicy::FirstCome, AllocationPolicy::FairShare, AllocationPolicy::Priority];
    for (shared_centres, alternates, windows) in
        [(true, false, false), (false, true, false), (false, false, true), (true, true, true)]
    {
        let mut unknown = 0;
        cases(
            500,
            CaseOptions { finished_goods: 3, policies, shared_centres, alternates, windows, short: false },
            |case, shown| {
                let can = can_within(case, &with(case, &shown), TRIES);
                assert_ne!(can, Some(false), "more than can be produced");
                unknown += u64::from(can.is_none());
            },
        );
        assert!(unknown < 50, "{unknown} of 500 are too large to decide");
    }
}

/// Protects starts that wait for a receipt: when all of them could start once the receipts up to a day are there, they still can
/// with what is offered. Receipts of any option of a slot count, whichever option is short. The options are bought: starts may
/// also wait for an option that is produced, and receipts alone do not bring that. (The search among alternates is a heuristic:
/// among the first 3,000 cases no unit too many is offered, and seed 345825, a little later, has one.)
#[test]
fn what_starts_wait_for_is_not_offered() {
    let policies = &[AllocationPolicy::FirstCome, AllocationPolicy::FairShare, AllocationPolicy::Priority];
    let (mut seed, mut done) = (0, 0);
    while done < 200 * manual_factor() {
        seed += 1;
        let finished_goods = if seed % 2 == 0 { 1 } else { 2 };
        let options = CaseOptions { finished_goods, policies, alternates: true, short: true, ..CaseOptions::default() };
        let case = Random(seed).case(options);
        let (shown, late) = shown(&case);
        let slots = case.parts.iter().filter_map(|part| part.recipe.as_ref()).flat_map(|made| &made.slots);
        let mut alternates = slots.filter(|slot| slot.options.len() > 1).flat_map(|slot| &slot.options);
        let bought = alternates.all(|option| case.parts[option.0].recipe.is_none());
        let offers = shown.iter().any(|units| *units > 0) && shown.iter().all(|units| *units < MAX_OFFERED);
        if late || !offers || !bought || can_within(&case, &[], TRIES) != Some(false) {
            continue;
        }
        for until in 1..=3 {
            let mut early = case.clone();
            let bought = early.parts.iter_mut().filter(|part| part.recipe.is_none());
            bought.flat_map(|part| &mut part.receipts).filter(|receipt| receipt.0 <= until).for_each(|receipt| receipt.0 = 0);
            if can_within(&early, &case.promised(), TRIES) == Some(true) {
                done += 1;
                let can = can_within(&early, &with(&case, &shown), TRIES);
                assert_ne!(can, Some(false), "seed {seed}, receipts until {until}: {shown:?} of\n{}", case.lines());
            }
        }
    }
}

/// Where starts compete for a work centre, for days or for alternates, the engine uses a heuristic: it never offers more than can
/// be produced, and this counts how often it offers exactly that. Returns the number of cases in which one more unit could be
/// produced.
fn below(count: u64, options: CaseOptions) -> u64 {
    let (mut below, mut unknown) = (0, 0);
    cases(count, CaseOptions { finished_goods: 1, ..options }, |case, shown| {
        let [shown, more] = [shown[0], shown[0] + 1].map(|units| can_within(case, &with(case, &[units]), TRIES));
        assert_ne!(shown, Some(false), "more than can be produced");
        below += u64::from(more == Some(true));
        unknown += u64::from(shown.is_none() || more.is_none());
    });
    assert!(unknown < count / 20, "{unknown} of {count} are too large to decide");
    below
}

/// Protects groups that are not planned exactly: the engine never promises too much, and the results do not get worse than they
/// are.
#[test]
fn inexact_groups_are_never_above() {
    for (what, most, options) in [
        ("shared centres", 0, CaseOptions { shared_centres: true, ..CaseOptions::default() }),
        ("alternates", 22, CaseOptions { alternates: true, ..CaseOptions::default() }),
        ("windows", 80, CaseOptions { windows: true, ..CaseOptions::default() }),
    ] {
        let below = below(1_000, options);
        assert!(below <= most, "{what}: {below} of 1,000 below what can be produced");
    }
}

/// Protects the report of a late promise: as many units as possible are kept, and the rest is possible on the reported day and no
/// earlier.
#[test]
fn late_units_are_exact() {
    let (mut seed, mut late, mut unknown) = (0, 0, 0);
    while late < 300 {
        seed += 1;
        let mut case = Random(seed).case(CaseOptions { finished_goods: 1, ..CaseOptions::default() });
        for part in &mut case.parts {
            part.promised.clear();
        }
        let (day, units) = (case.finished_goods[0].1, 3);
        case.parts[0].promised.push((day, units));
        if can_within(&case, &[], TRIES) != Some(true) || can_within(&case, &case.promised(), TRIES) != Some(false) {
            continue;
        }
        late += 1;
        let late_units = solve(&case.group()).expect("a valid group").producible[0].clone().expect("it is promised");
        let [reported] = late_units.late[..] else { panic!("seed {seed}: one promise, {late_units:?}") };
        let kept = units - reported.units.units();
        assert!(can(&case, &[(0, day, kept)]) && !can(&case, &[(0, day, kept + 1)]), "seed {seed}:\n{}", case.lines());
        let rest_on = |rest: usize| can_within(&case, &[(0, day, kept), (0, rest, units - kept)], TRIES);
        let (yes, no) = match reported.possible.map(|day| usize::try_from(day).expect("small")) {
            Some(possible) => (rest_on(possible), rest_on(possible - 1)),
            None => (None, rest_on(case.last_day() + 3)),
        };
        assert!(yes != Some(false) && no != Some(true), "seed {seed}: {reported:?}\n{}", case.lines());
        unknown += usize::from(no.is_none());
    }
    assert!(unknown < 30, "{unknown} of 300 are too large to decide");
}

/// The result of planning each branch separately: each branch sees the whole stock.
fn by_branch(case: &Case, item: usize, day: usize) -> i64 {
    let part = &case.parts[item];
    let available = (day..=case.last_day().max(day)).map(|day| part.available(day)).min().unwrap_or(0).max(0);
    let Some(made) = part.recipe.as_ref().filter(|made| made.lead <= day) else { return available };
    let branch = |slot: &CaseSlot| {
        let (item, num, den) = slot.options[0];
        by_branch(case, item, day - made.lead) * den / num
    };
    available + made.slots.iter().map(branch).min().unwrap_or(0) * made.yields.0 / made.yields.1
}

/// Protects the reason for netting items once: planning each branch separately promises more than can be produced.
#[test]
fn single_branches_promise_too_much() {
    let mut too_much = 0;
    cases(1_000, CaseOptions { finished_goods: 1, ..CaseOptions::default() }, |case, shown| {
        let (item, day, ..) = case.finished_goods[0];
        if case.promised().is_empty() && case.centres.is_empty() {
            let planned = by_branch(case, item, day);
            too_much += u64::from(planned > shown[0] && !can(case, &with(case, &[planned])));
        }
    });
    assert!(too_much > 50, "{too_much} of 1,000");
}

/// Protects the offer from falling when there is more stock, and from depending on the order of the items.
#[test]
fn more_is_never_less() {
    cases(1_000, CaseOptions { finished_goods: 1, ..CaseOptions::default() }, |case, before| {
        for part in 0..case.parts.len() {
            let mut more = case.clone();
            more.parts[part].stock += 1;
            assert!(shown(&more).0 >= before, "one more of I{part}");
        }
    });
    let policies = &[AllocationPolicy::FirstCome, AllocationPolicy::FairShare, AllocationPolicy::Priority];
    for seed in 0..1_000 {
        let group = Random(seed)
            .case(CaseOptions {
                finished_goods: 3,
                shared_centres: true,
                alternates: true,
                windows: true,
                short: false,
                policies,
            })
            .group();
        let mut turned = group.clone();
        let count = group.items.len();
        turned.items.rotate_left(1);
        let recipes = turned.items.iter_mut().filter_map(|item| item.recipe.as_mut());
        for option in recipes.flat_map(|recipe| &mut recipe.slots).flat_map(|slot| &mut slot.options) {
            option.item = (option.item + count - 1) % count;
        }
        let mut expect = solve(&group).expect("a valid group").producible;
        expect.rotate_left(1);
        assert_eq!(solve(&turned).expect("a valid group").producible, expect, "seed {seed}");
    }
}
