//! The engine against the brute force, on small pools by chance.

use super::brute::{Wanted, can};
use super::case::{Case, Chance, Spice};
use crate::promise::making::{MOST_OFFERED, Makeable, Policy, solve};

/// What the engine says of each good of a case, in their order.
fn shown(case: &Case) -> (Vec<i64>, bool) {
    let solution = solve(&case.pool()).expect("a sound pool");
    let late = solution.makeable.iter().flatten().any(|makeable| !makeable.late.is_empty());
    let of = |good: &(usize, usize, u32, u32)| {
        solution.makeable[good.0].as_ref().map_or(0, |makeable: &Makeable| makeable.shown.units())
    };
    (case.goods.iter().map(of).collect(), late)
}

fn with(case: &Case, units: &[i64]) -> Vec<Wanted> {
    let offered = case.goods.iter().zip(units).map(|(good, units)| (good.0, good.1, *units));
    case.promised().into_iter().chain(offered).collect()
}

/// Runs `check` on so many cases whose promises can be kept without any offer, and says of which seed one fails.
fn cases(count: u64, spice: Spice, mut check: impl FnMut(&Case, Vec<i64>)) {
    let (mut seed, mut done) = (0, 0);
    while done < count {
        seed += 1;
        let case = Chance(seed).case(spice);
        if !can(&case, &[]) {
            continue; // Runs take more than there is: nothing to compare with.
        }
        let kept = can(&case, &case.promised());
        let (shown, late) = shown(&case);
        assert_eq!(late, !kept, "seed {seed}: late although promises can be kept, or the other way round:\n{}", case.lines());
        if kept && shown.iter().all(|units| *units < MOST_OFFERED) {
            done += 1;
            let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&case, shown.clone())));
            assert!(seen.is_ok(), "seed {seed}: {shown:?} of\n{}", case.lines());
        }
    }
}

/// Protects the number itself: with yields, lead times, supplies, claims, promises, capacity and components shared by
/// branches, the engine shows what can be made and one more cannot.
#[test]
fn one_good_is_exact() {
    cases(10_000, Spice { goods: 1, ..Spice::default() }, |case, shown| {
        assert!(can(case, &with(case, &shown)), "more than can be made");
        assert!(!can(case, &with(case, &[shown[0] + 1])), "one more can be made");
    });
}

/// Protects goods by rank: each gets the most that those before it leave.
#[test]
fn goods_by_rank_are_exact() {
    for policy in [Policy::FirstCome, Policy::Priority] {
        let policies: &'static [Policy] = if policy == Policy::Priority { &[Policy::Priority] } else { &[Policy::FirstCome] };
        cases(1_000, Spice { goods: 3, policies, ..Spice::default() }, |case, shown| {
            let mut order: Vec<usize> = (0..case.goods.len()).collect();
            order.sort_by_key(|&good| {
                let (item, _, priority, since) = case.goods[good];
                (if policy == Policy::Priority { priority } else { 0 }, since, item)
            });
            let mut units = vec![0; shown.len()];
            for good in order {
                units[good] = shown[good];
                assert!(can(case, &with(case, &units)), "more than can be made");
                units[good] += 1;
                assert!(!can(case, &with(case, &units)), "good {good} could have one more");
                units[good] -= 1;
            }
        });
    }
}

/// Protects fair shares: goods rise together until one cannot, then the others, and what is left over goes by rank.
#[test]
fn fair_shares_are_exact() {
    cases(1_000, Spice { goods: 3, policies: &[Policy::FairShare], ..Spice::default() }, |case, shown| {
        let mut open: Vec<usize> = (0..case.goods.len()).collect();
        open.sort_by_key(|&good| (case.goods[good].2, case.goods[good].3, case.goods[good].0));
        let mut units = vec![0; shown.len()];
        while !open.is_empty() {
            open.retain(|&good| {
                units[good] += 1;
                let fits = can(case, &with(case, &units));
                units[good] -= i64::from(!fits);
                fits
            });
        }
        assert_eq!(shown, units);
    });
}

/// Protects pools of several policies: what is shown can be made, and no good can have one more.
#[test]
fn mixed_policies_leave_nothing() {
    let policies = &[Policy::FirstCome, Policy::FairShare, Policy::Priority];
    cases(1_000, Spice { goods: 3, policies, ..Spice::default() }, |case, shown| {
        assert!(can(case, &with(case, &shown)), "more than can be made");
        for good in 0..shown.len() {
            let mut units = shown.clone();
            units[good] += 1;
            assert!(!can(case, &with(case, &units)), "good {good} could have one more");
        }
    });
}
