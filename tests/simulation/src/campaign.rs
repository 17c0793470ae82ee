//! Many lives, on every core: seeds, the crash points of every script, and the planted bugs.
//!
//! A world is one thread's; worlds have nothing in common, so what is found does not depend on how many cores there are.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::Violation;
use crate::met::{Counts, SOMETIMES};
use crate::plant::Plant;
use crate::world::{Life, Options, crash, crash_points, run, stories};

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The seeds to live.
    pub seeds: Range<u64>,
    /// How many things happen in a world.
    pub steps: usize,
}

/// A life that went wrong, and how to live it again.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What `cargo x sim` must be told.
    pub replay: String,
    /// The life.
    pub life: Life,
}

/// What many lives came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many there were.
    pub lives: u64,
    /// Those that went wrong.
    pub failures: Vec<Failure>,
    /// What they met.
    pub met: Counts,
}

/// Whether a planted bug was found.
#[derive(Debug, Clone)]
pub struct Caught {
    /// The bug.
    pub plant: Plant,
    /// The first life it spoiled, if any.
    pub by: Option<Failure>,
    /// How many lives it took.
    pub lives: u64,
}

impl Campaign {
    /// The most lives in which a planted bug must show.
    pub const PLANTED_LIVES: u64 = 300;

    /// Lives every seed.
    #[must_use]
    pub fn live_seeds(&self, progress: impl Fn(u64) + Sync) -> Tally {
        let count = self.seeds.end - self.seeds.start;
        let lives = across(count, |nth| {
            progress(nth);
            let seed = self.seeds.start + nth;
            let life = life_of(|| run(Options { seed, steps: self.steps, plant: None }));
            (format!("--seed {seed} --steps {}", self.steps), life)
        });
        Tally::of(lives)
    }

    /// Dies at every step of every script.
    #[must_use]
    pub fn die_everywhere() -> Tally {
        let stories = stories();
        let counted = across(count(stories.len()), |nth| {
            let name = stories[index(nth)];
            (name, catch_unwind(|| crash_points(name)).unwrap_or_default())
        });
        let points: Vec<(&str, u64)> =
            counted.into_iter().flat_map(|(name, steps)| (0..steps).map(move |at| (name, at))).collect();
        let lives = across(count(points.len()), |nth| {
            let (name, at) = points[index(nth)];
            (format!("--crash {name}:{at}"), life_of(|| crash(name, at)))
        });
        Tally::of(lives)
    }

    /// Lives with a planted bug until it shows.
    #[must_use]
    pub fn catch(&self, plant: Plant) -> Caught {
        for nth in 0..Self::PLANTED_LIVES {
            let seed = self.seeds.start + nth;
            let life = life_of(|| run(Options { seed, steps: self.steps, plant: Some(plant) }));
            if !life.violations.is_empty() {
                let replay = format!("--seed {seed} --steps {} --planted {}", self.steps, plant.name());
                return Caught { plant, by: Some(Failure { replay, life }), lives: nth + 1 };
            }
        }
        Caught { plant, by: None, lives: Self::PLANTED_LIVES }
    }
}

impl Tally {
    fn of(lives: Vec<(String, Life)>) -> Self {
        let mut tally = Self::default();
        for (replay, life) in lives {
            tally.lives += 1;
            for (what, times) in &life.met {
                *tally.met.entry(what).or_default() += times;
            }
            if !life.violations.is_empty() {
                tally.failures.push(Failure { replay, life });
            }
        }
        tally
    }

    /// The rare paths that nobody went.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        SOMETIMES.into_iter().filter(|what| !self.met.contains_key(what)).collect()
    }
}

/// One life; a panic in it is a violation, as the code's own assertions are checks too.
#[must_use]
pub fn life_of(live: impl FnOnce() -> Life) -> Life {
    catch_unwind(AssertUnwindSafe(live)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        let what = format!("an assertion failed: {}", words.unwrap_or_default());
        Life { violations: vec![Violation(what)], ..Life::default() }
    })
}

/// Does `work` for each number below `count`, on every core, and returns the results in order.
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
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker catches what its worlds throw")).collect()
    });
    done.into_values().collect()
}

fn count(many: usize) -> u64 {
    u64::try_from(many).expect("countable")
}

fn index(nth: u64) -> usize {
    usize::try_from(nth).expect("countable")
}
