//! The counts and times of one catalog size.

use std::hint::black_box;
use std::time::Instant;

use promissory::catalog::Quantity;
use promissory::promise::planning::{PlanningGroup, WhereUsedGraph, solve};

use crate::catalog::{Catalog, FAMILY, catalog};
use crate::netting::net_all;
use crate::walk::walk_all;

/// The results for one catalog. Times are in nanoseconds.
pub struct Size {
    pub items: usize,
    pub edges: usize,
    pub goods: usize,
    /// Edges of the plain walk: each one counted once per finished good above it.
    pub walked: u64,
    pub walk: u64,
    pub netting: u64,
    pub solve: u64,
    pub explosions: u64,
    pub changes: Vec<Change>,
}

/// The results for one changed raw material.
pub struct Change {
    pub goods: usize,
    pub items: usize,
    pub time: u64,
    pub explosions: u64,
}

impl Size {
    /// The time to solve relative to the netting pass, in thousandths.
    pub fn ratio(&self) -> u64 {
        self.solve.saturating_mul(1_000) / self.netting.max(1)
    }
}

impl Change {
    pub fn per_good(&self) -> u64 {
        self.time / u64::try_from(self.goods.max(1)).expect("a count")
    }
}

/// Measures a catalog with the given number of families.
pub fn size(families: usize) -> Size {
    let Catalog { group, shared } = catalog(families);
    let runs = (1_000_000 / (families * FAMILY)).clamp(10, 100);
    let walked = walk_all(&group, Quantity::new(10));
    let walk = median(runs.max(5), || walk_all(black_box(&group), Quantity::new(10)).needed);
    let whole = || solve(black_box(&group)).expect("a valid catalog");
    let solved = median(runs, whole);
    let solution = whole();
    let offered: Vec<Quantity> =
        solution.producible.iter().map(|good| good.as_ref().map_or(Quantity::ZERO, |good| good.offered)).collect();
    let nothing = vec![Quantity::ZERO; offered.len()];
    let missing = net_all(&group, &offered).missing;
    assert_eq!(missing, net_all(&group, &nothing).missing, "the offered units cause a shortage");
    let netting = median(runs, || net_all(black_box(&group), &offered).missing);
    let graph = WhereUsedGraph::of_group(&group);
    let changes = shared.iter().map(|&(raw, goods)| change(&group, &graph, raw, goods)).collect();
    Size {
        items: group.items.len(),
        edges: group.items.iter().filter_map(|item| item.recipe.as_ref()).map(|recipe| recipe.slots.len()).sum(),
        goods: group.items.iter().filter(|item| item.offer.is_some()).count(),
        walked: walked.edges,
        walk,
        netting,
        solve: solved,
        explosions: solution.explosions,
        changes,
    }
}

fn change(group: &PlanningGroup, graph: &WhereUsedGraph, raw: usize, goods: usize) -> Change {
    let changed = || {
        let items = graph.group_of(black_box(&[raw]));
        let solution = solve(&group.part(&items)).expect("a valid planning group");
        let goods = solution.producible.iter().flatten().count();
        (items.len(), goods, solution.explosions)
    };
    let (items, affected, explosions) = changed();
    assert_eq!(affected, goods, "the catalog has another number of affected finished goods");
    Change { goods, items, time: median(if goods > 100 { 5 } else { 50 }, changed), explosions }
}

/// The median time of several runs, in nanoseconds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> u64 {
    let time = |_| {
        let begin = Instant::now();
        let done = black_box(run());
        let elapsed = begin.elapsed();
        drop(done);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    };
    let mut times: Vec<u64> = (0..runs).map(time).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}
