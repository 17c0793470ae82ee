//! Many runs on every core: seeds, the crash points of every story, and the planted bugs.
//!
//! Each world runs in one thread and shares nothing with other worlds, so the result does not depend on the number of cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::Violation;
use crate::coverage::{Counts, RARE_PATHS};
use crate::planted::PlantedBug;
use crate::world::{Options, RunResult, crash, crash_points, run, stories};

/// The seeds to run and the length of each run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The seeds to run.
    pub seeds: Range<u64>,
    /// Number of events in a world before all faults stop.
    pub steps: usize,
}

/// A run with a violation, and how to replay it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The arguments of `cargo x sim` that replay the run.
    pub replay: String,
    /// The result of the run.
    pub result: RunResult,
}

/// The combined result of many runs.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Number of runs.
    pub runs: u64,
    /// The runs with a violation.
    pub failures: Vec<Failure>,
    /// The counts of what the runs met.
    pub coverage: Counts,
}

/// Whether the simulator caught a planted bug.
#[derive(Debug, Clone)]
pub struct Caught {
    /// The planted bug.
    pub bug: PlantedBug,
    /// The first run in which the bug caused a violation, if there is one.
    pub by: Option<Failure>,
    /// Number of runs until then.
    pub runs: u64,
}

impl Campaign {
    /// The maximum number of runs in which a planted bug must cause a violation.
    pub const PLANTED_RUNS: u64 = 300;

    /// Runs every seed.
    #[must_use]
    pub fn run_seeds(&self, progress: impl Fn(u64) + Sync) -> Tally {
        let count = self.seeds.end - self.seeds.start;
        let runs = across(count, |nth| {
            progress(nth);
            let seed = self.seeds.start + nth;
            let result = catch_panic(|| run(Options { seed, steps: self.steps, bug: None }));
            (format!("--seed {seed} --steps {}", self.steps), result)
        });
        Tally::of(runs)
    }

    /// Crashes every story at each of its steps.
    #[must_use]
    pub fn crash_everywhere() -> Tally {
        let stories = stories();
        let counted = across(count(stories.len()), |nth| {
            let name = stories[index(nth)];
            (name, catch_unwind(|| crash_points(name)).unwrap_or_default())
        });
        let points: Vec<(&str, u64)> =
            counted.into_iter().flat_map(|(name, steps)| (0..steps).map(move |at| (name, at))).collect();
        let runs = across(count(points.len()), |nth| {
            let (name, at) = points[index(nth)];
            (format!("--crash {name}:{at}"), catch_panic(|| crash(name, at)))
        });
        Tally::of(runs)
    }

    /// Runs worlds with a planted bug until one reports a violation.
    #[must_use]
    pub fn catch(&self, bug: PlantedBug) -> Caught {
        for nth in 0..Self::PLANTED_RUNS {
            let seed = self.seeds.start + nth;
            let result = catch_panic(|| run(Options { seed, steps: self.steps, bug: Some(bug) }));
            if !result.violations.is_empty() {
                let replay = format!("--seed {seed} --steps {} --planted {}", self.steps, bug.name());
                return Caught { bug, by: Some(Failure { replay, result }), runs: nth + 1 };
            }
        }
        Caught { bug, by: None, runs: Self::PLANTED_RUNS }
    }
}

impl Tally {
    fn of(runs: Vec<(String, RunResult)>) -> Self {
        let mut tally = Self::default();
        for (replay, result) in runs {
            tally.runs += 1;
            for (what, times) in &result.coverage {
                *tally.coverage.entry(what).or_default() += times;
            }
            if !result.violations.is_empty() {
                tally.failures.push(Failure { replay, result });
            }
        }
        tally
    }

    /// Adds the result of other runs.
    pub fn add(&mut self, more: Self) {
        self.runs += more.runs;
        self.failures.extend(more.failures);
        for (what, times) in more.coverage {
            *self.coverage.entry(what).or_default() += times;
        }
    }

    /// The rare paths that no run met.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        RARE_PATHS.into_iter().filter(|what| !self.coverage.contains_key(what)).collect()
    }
}

/// Executes one run. A panic counts as a violation, because the assertions of the shipped code are checks too.
#[must_use]
pub fn catch_panic(run_one: impl FnOnce() -> RunResult) -> RunResult {
    catch_unwind(AssertUnwindSafe(run_one)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        let what = format!("an assertion failed: {}", words.unwrap_or_default());
        RunResult { violations: vec![Violation(what)], ..RunResult::default() }
    })
}

/// Calls `work` for each number below `count`, on every core, and returns the results in order.
#[must_use]
pub fn across<T: Send>(count: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let done: BTreeMap<u64, T> = std::thread::scope(|scope| {
        let one = || {
            let mut done = Vec::new();
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= count {
                    return done;
                }
                done.push((nth, work(nth)));
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker catches the panics of its worlds")).collect()
    });
    done.into_values().collect()
}

fn count(many: usize) -> u64 {
    u64::try_from(many).expect("a usize has 64 bits")
}

fn index(nth: u64) -> usize {
    usize::try_from(nth).expect("a usize has 64 bits")
}
