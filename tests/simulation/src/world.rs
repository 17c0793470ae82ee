//! One life of a world: what may happen next, what became of it, and how it ends.

mod aftermath;
mod bookkeeping;
mod build;
mod climate;
mod fleet;
mod mapping;
mod model;
mod outcome;
mod parcels;
mod people;
mod post;
mod rest;
mod said;
mod script;
mod shop;
mod talk;
mod triggers;
mod work;
mod workshop;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use promissory::catalog::{Item, LocationId, Sku};
use promissory::order::HoldPolicy;
use promissory::ports::Clock;
use promissory::storefront::{PushAction, PushIntent, PushState};
use promissory_fakes::shopify::{ItemId, LocationId as ShopLocation};

pub use climate::Climate;
pub use script::{crash, crash_points, stories};

use fleet::Fleet;
use post::Letter;
use script::Crash;
use talk::Sources;
use triggers::Lane;
use work::{Job, Work};
use workshop::Workshop;

use crate::check::Violation;
use crate::met::{Counts, Met};
use crate::plant::Plant;
use crate::ports::Line;
use crate::rng::Rng;
use crate::store::SimStore;
use crate::tasks::SimClock;

/// How long a level must have been quiet.
const QUIET: Duration = Duration::from_secs(60);

/// How long holds last.
const HOLDS: HoldPolicy = HoldPolicy {
    unpaid: Some(Duration::from_secs(12 * 60 * 60)),
    unallocated: Some(Duration::from_secs(24 * 60 * 60)),
    release_unallocated: false,
};

/// How many of the last events of a world are kept to be told.
const REMEMBERED: usize = 24;

/// Which life to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// How many things happen before the world comes to rest.
    pub steps: usize,
    /// The bug planted in it.
    pub plant: Option<Plant>,
}

/// How a life went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// What must never happen and did. Empty for a good life.
    pub violations: Vec<Violation>,
    /// What happened, by kind, so that a workload that never meets a rare path is noticed.
    pub met: Counts,
    /// The last things that happened.
    pub story: Vec<String>,
}

struct World {
    rng: Rng,
    clock: SimClock,
    met: Met,
    climate: Climate,
    plant: Option<Plant>,
    store: SimStore,
    line: Line,
    fleet: Fleet,
    codes: Vec<(LocationId, ShopLocation)>,
    items: Vec<(Item, ItemId)>,
    /// Items of ours that the shop does not sell.
    unsold: Vec<Sku>,
    /// What is sold before it is made, where the world has it.
    workshop: Option<Workshop>,
    tasks: Vec<Job>,
    /// How many invocations were started.
    started: u64,
    mail: Vec<Letter>,
    /// Letters that come days late.
    attic: Vec<Letter>,
    /// What other systems said, and what of it is on its way.
    sources: Sources,
    lanes: [Lane; 2],
    /// How much of the stream is in the lanes.
    streamed: usize,
    stalled: usize,
    /// The mutations the shop had taken at the last check.
    told: usize,
    /// The shop has changed since the last check.
    shop_changed: bool,
    /// Webhooks whose id was used for two contents.
    mismatched: BTreeSet<String>,
    /// Whether a letter of the shop made no sense.
    malformed: bool,
    /// Whether a stream record was given up: what the stream would have done is left to the schedules.
    given_up: bool,
    compared_all: bool,
    crash: Option<Crash>,
    violations: Vec<Violation>,
    story: VecDeque<String>,
}

/// Lives one life to its end.
#[must_use]
pub fn run(options: Options) -> Life {
    let mut world = World::new(options.seed, Climate::of(options.seed), options.plant);
    world.open();
    world.met.take();
    world.begin_to_misbehave();
    for _ in 0..options.steps {
        world.live();
        world.check();
        if !world.violations.is_empty() {
            return world.end();
        }
    }
    world.come_to_rest();
    world.end()
}

impl World {
    fn end(self) -> Life {
        Life { violations: self.violations, met: self.met.take(), story: self.story.into() }
    }

    /// One thing happens.
    fn live(&mut self) {
        match self.rng.below(1_000) {
            0..490 => self.step_a_task(),
            490..560 => self.customer(),
            560..605 => self.warehouse_ships(),
            605..625 => self.customer_regrets(),
            625..665 => self.aftermath(),
            665..690 => self.a_system_talks(),
            690..770 => self.post_comes(),
            770..840 => self.stream_comes(),
            840..880 => self.queue_comes(),
            880..905 => self.schedule_comes(),
            905..913 => self.a_lull(),
            913..923 => self.a_process_dies(),
            923..933 => self.someone_edits(),
            933..953 => self.odd_letter(),
            953..968 => self.shop_ails(),
            968..970 => self.a_night(),
            970..975 => self.stalled = self.rng.below(40),
            975..979 => self.odd_parcel(),
            979..990 => self.someone_maps(),
            _ => self.clock.advance(Duration::from_millis(u64::try_from(self.rng.below(3_000)).expect("small"))),
        }
        self.sources_go_on();
        if self.is_setting() && self.rng.per_mille(150) {
            self.customer_at_a_till();
        }
        if self.workshop.is_some() {
            self.the_workshop_goes_on();
        }
        self.post_the_mail();
    }

    /// What other systems say is taken beside everything else, or it would take the time of the shop.
    fn sources_go_on(&mut self) {
        if self.rng.per_mille(80) {
            self.parcel_comes();
        }
        let taking = self.tasks.iter().position(|job| matches!(job.work, Work::Parcel(_)));
        if let Some(at) = taking.filter(|_| self.rng.per_mille(600)) {
            self.step_far(at);
        }
    }

    /// Whether a level is about to be set outright: the moment at which an order does most harm.
    fn is_setting(&self) -> bool {
        let table = self.store.table();
        let open = |intent: &&PushIntent| intent.state == PushState::Open && intent.action == PushAction::Set;
        table.checker.intent.as_ref().filter(open).is_some()
    }

    /// Every place at which there may be units, and the shop's location where it is one.
    fn places(&self) -> impl Iterator<Item = (&LocationId, Option<ShopLocation>)> {
        let sells = self.codes.iter().map(|(code, id)| (code, Some(*id)));
        let makes = self.workshop.iter();
        sells.chain(makes.flat_map(|shop| [(&shop.factory, None), (&shop.production.0, Some(shop.production.1))]))
    }

    fn violate(&mut self, what: String) {
        self.violations.push(Violation(what));
    }

    /// Remembers an event, to be told should the world go wrong.
    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.story.len() == REMEMBERED {
            self.story.pop_front();
        }
        self.story.push_back(format!("{} {}", self.clock.now(), what()));
    }

    /// Some minutes in which nobody does anything: what was in flight has landed, and a level may be set outright.
    fn a_lull(&mut self) {
        for at in (0..self.tasks.len()).rev() {
            // Most of what is at work is done by then.
            for _ in 0..60 {
                if self.step(at) {
                    break;
                }
            }
        }
        self.clock.advance(QUIET + Duration::from_secs(30));
        self.tell(|| "a lull of 90 s".to_owned());
        for job in [reconciler::Job::Sweep, reconciler::Job::Read, reconciler::Job::Holds, reconciler::Job::Backlog] {
            self.reconcile(job);
        }
    }

    /// Half a day in which nothing runs: the shop may have forgotten the keys of the evening.
    fn a_night(&mut self) {
        while !self.tasks.is_empty() {
            self.die(0);
        }
        self.settle_late();
        self.clock.advance(Duration::from_secs(13 * 60 * 60));
        self.met.note("a night passed");
        self.tell(|| "a night passed".to_owned());
    }

    /// The item of a SKU of the shop.
    fn sku_of(&self, item: ItemId) -> Option<&Sku> {
        self.items.iter().find(|(_, id)| *id == item).map(|(item, _)| &item.sku)
    }

    fn counts<K: Ord>(pairs: impl Iterator<Item = (K, i64)>) -> BTreeMap<K, i64> {
        let mut sums = BTreeMap::new();
        for (key, units) in pairs {
            *sums.entry(key).or_default() += units;
        }
        sums
    }
}
