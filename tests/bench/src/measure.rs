//! What is counted and timed of one size.

use std::hint::black_box;
use std::time::Instant;

use promissory::catalog::Quantity;
use promissory::promise::planning::{PlanningGroup, WhereUsed, solve};

use crate::catalogue::{Catalogue, FAMILY, catalogue};
use crate::netting::net_all;
use crate::walk::walk_all;

/// One catalogue. Times are in nanoseconds.
pub struct Size {
    pub items: usize,
    pub edges: usize,
    pub goods: usize,
    /// Edges, each as often as it is below a good.
    pub walked: u64,
    pub walk: u64,
    pub netting: u64,
    pub solve: u64,
    pub explosions: u64,
    pub changes: Vec<Change>,
}

/// One raw material that changes.
pub struct Change {
    pub goods: usize,
    pub items: usize,
    pub time: u64,
    pub explosions: u64,
}

impl Size {
    /// The solution's time in thousandths of the netting pass.
    pub fn ratio(&self) -> u64 {
        self.solve.saturating_mul(1_000) / self.netting.max(1)
    }
}

impl Change {
    pub fn per_good(&self) -> u64 {
        self.time / u64::try_from(self.goods.max(1)).expect("a count")
    }
}

/// Measures a catalogue of so many families.
pub fn size(families: usize) -> Size {
    let Catalogue { pool, shared } = catalogue(families);
    let runs = (1_000_000 / (families * FAMILY)).clamp(10, 100);
    let walked = walk_all(&pool, Quantity::new(10));
    let walk = median(runs.max(5), || walk_all(black_box(&pool), Quantity::new(10)).needed);
    let whole = || solve(black_box(&pool)).expect("a sound catalogue");
    let solved = median(runs, whole);
    let solution = whole();
    let offered: Vec<Quantity> =
        solution.producible.iter().map(|good| good.as_ref().map_or(Quantity::ZERO, |good| good.shown)).collect();
    let nothing = vec![Quantity::ZERO; offered.len()];
    let missing = net_all(&pool, &offered).missing;
    assert_eq!(missing, net_all(&pool, &nothing).missing, "what is offered makes something short");
    let netting = median(runs, || net_all(black_box(&pool), &offered).missing);
    let graph = WhereUsed::of_pool(&pool);
    let changes = shared.iter().map(|&(raw, goods)| change(&pool, &graph, raw, goods)).collect();
    Size {
        items: pool.items.len(),
        edges: pool.items.iter().filter_map(|item| item.recipe.as_ref()).map(|recipe| recipe.slots.len()).sum(),
        goods: pool.items.iter().filter(|item| item.offer.is_some()).count(),
        walked: walked.edges,
        walk,
        netting,
        solve: solved,
        explosions: solution.explosions,
        changes,
    }
}

fn change(pool: &PlanningGroup, graph: &WhereUsed, raw: usize, goods: usize) -> Change {
    let changed = || {
        let items = graph.pool_of(black_box(&[raw]));
        let solution = solve(&pool.part(&items)).expect("a sound pool");
        let goods = solution.producible.iter().flatten().count();
        (items.len(), goods, solution.explosions)
    };
    let (items, affected, explosions) = changed();
    assert_eq!(affected, goods, "the catalogue is not what it was meant to be");
    Change { goods, items, time: median(if goods > 100 { 5 } else { 50 }, changed), explosions }
}

/// The median of so many runs, in nanoseconds.
#[expect(clippy::disallowed_methods, reason = "a benchmark is about the time that really passes")]
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
