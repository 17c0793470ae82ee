//! Where everything goes, on pools by chance.

use crate::catalog::Quantity;
use crate::promise::planning::tests::case::{Chance, Spice};
use crate::promise::planning::{AllocationPolicy, flows, solve};

/// Protects explanations: of every item, what is there, comes and is made is what is taken, promised, offered and left; and what
/// is explained is what was solved.
#[test]
fn every_unit_goes_somewhere() {
    let policies: &'static [AllocationPolicy] =
        &[AllocationPolicy::FairShare, AllocationPolicy::FirstCome, AllocationPolicy::Priority];
    let spice = Spice { goods: 3, shared_centres: true, alternates: true, windows: true, policies };
    let sum = |of: &[(u32, Quantity)]| of.iter().map(|(_, units)| *units).sum::<Quantity>();
    for seed in 1..=500 {
        let case = Chance(seed).case(spice);
        let pool = case.pool();
        let flows = flows(&pool).expect("a sound pool");
        assert_eq!(flows.solution, solve(&pool).expect("a sound pool"), "seed {seed}");
        let mut order = flows.order.clone();
        order.sort_unstable();
        assert_eq!(order, (0..pool.items.len()).collect::<Vec<_>>(), "seed {seed}");
        for (at, (item, flow)) in pool.items.iter().zip(&flows.of).enumerate() {
            let shown = flows.solution.producible[at].as_ref().map_or(Quantity::ZERO, |producible| producible.shown);
            let there = item.stock + sum(&item.supplies) + flow.made;
            let gone = sum(&item.claims) + sum(&item.promised) + shown + flow.taken.values().copied().sum();
            assert_eq!(there - gone, flow.left, "seed {seed}, {} of\n{}", item.sku, case.lines());
        }
    }
}
