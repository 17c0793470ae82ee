//! The flow of units, on random planning groups.

use crate::catalog::Quantity;
use crate::promise::planning::tests::case::{CaseOptions, Random};
use crate::promise::planning::{AllocationPolicy, flows, solve};

/// Protects explanations: for every item, stock, receipts and production equal the units taken, promised, offered and left; and
/// the explained solution is the one that [`solve`] gives.
#[test]
fn every_unit_is_accounted_for() {
    let policies: &'static [AllocationPolicy] =
        &[AllocationPolicy::FairShare, AllocationPolicy::FirstCome, AllocationPolicy::Priority];
    let options =
        CaseOptions { finished_goods: 3, shared_centres: true, alternates: true, windows: true, short: false, policies };
    let sum = |of: &[(u32, Quantity)]| of.iter().map(|(_, units)| *units).sum::<Quantity>();
    for seed in 1..=500 {
        let case = Random(seed).case(options);
        let group = case.group();
        let flows = flows(&group).expect("a valid group");
        assert_eq!(flows.solution, solve(&group).expect("a valid group"), "seed {seed}");
        let mut order = flows.order.clone();
        order.sort_unstable();
        assert_eq!(order, (0..group.items.len()).collect::<Vec<_>>(), "seed {seed}");
        for (at, (item, flow)) in group.items.iter().zip(&flows.of).enumerate() {
            let shown = flows.solution.producible[at].as_ref().map_or(Quantity::ZERO, |producible| producible.offered);
            let available = item.stock + sum(&item.receipts) + flow.produced;
            let gone = sum(&item.requirements) + sum(&item.promised) + shown + flow.taken.values().copied().sum();
            assert_eq!(available - gone, flow.left, "seed {seed}, {} of\n{}", item.sku, case.lines());
        }
    }
}
