//! A world: the events that may happen in it, and the result of a run.

mod actors;
mod batches;
mod build;
mod config;
mod drafts;
mod given_up;
mod invocations;
mod mapping;
mod model;
mod operator;
mod order_changes;
mod outcome;
mod phases;
mod processes;
mod restore;
mod shop;
mod shop_invariants;
mod sources;
mod stock_events;
mod stories;
mod triggers;
mod webhooks;
mod workshop;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::{Item, LocationId, OrderId, Sku};
use promissory::order::HoldPolicy;
use promissory::ports::Clock;
use promissory::storefront::{PushAction, PushIntent, PushState};
use promissory_fakes::shopify::{ItemId, LocationId as ShopLocation};

pub use config::WorldConfig;
pub use stories::{crash, crash_points, stories};
pub use workshop::KIT;

use given_up::GivenUp;
use invocations::{Invocation, Trigger};
use processes::Processes;
use restore::Restore;
use sources::Sources;
use stories::Crash;
use triggers::Lane;
use webhooks::WebhookRequest;
use workshop::Workshop;

use crate::check::Violation;
use crate::coverage::{Counts, Coverage};
use crate::planted::PlantedBug;
use crate::ports::Ports;
use crate::rng::Rng;
use crate::store::SimStore;
use crate::streams::SimStreams;
use crate::tasks::SimClock;

/// How long a level must be unchanged before a pusher or the comparison may set it.
const SETTLING_WINDOW: Duration = Duration::from_secs(60);

/// How long holds last.
const HOLDS: HoldPolicy = HoldPolicy {
    unpaid: Some(Duration::from_secs(12 * 60 * 60)),
    unallocated: Some(Duration::from_secs(24 * 60 * 60)),
    release_unallocated: false,
};

/// Number of the last events that a report contains.
const REPORTED_EVENTS: usize = 24;

/// Which world to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The seed of every random choice.
    pub seed: u64,
    /// Number of events before all faults stop.
    pub steps: usize,
    /// The planted bug, if any.
    pub bug: Option<PlantedBug>,
}

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunResult {
    /// The broken invariants. Empty for a correct run.
    pub violations: Vec<Violation>,
    /// What the run met, by kind.
    pub coverage: Counts,
    /// The last events of the run.
    pub recent_events: Vec<String>,
}

struct World {
    rng: Rng,
    clock: SimClock,
    coverage: Coverage,
    config: WorldConfig,
    bug: Option<PlantedBug>,
    store: SimStore,
    ports: Ports,
    processes: Processes,
    codes: Vec<(LocationId, ShopLocation)>,
    items: Vec<(Item, ItemId)>,
    /// SKUs that the shop does not sell.
    unsold: Vec<Sku>,
    /// The items that are sold before they are made, if the world has such items.
    workshop: Option<Workshop>,
    invocations: Vec<Invocation>,
    /// Number of invocations started so far.
    started: u64,
    webhooks: Vec<WebhookRequest>,
    /// Webhooks that arrive days late.
    late_webhooks: Vec<WebhookRequest>,
    /// The source systems and their events.
    sources: Sources,
    lanes: [Lane; 2],
    /// Number of stream records that are split into lanes.
    streamed: usize,
    stalled: usize,
    /// Number of entries in the shop's log at the last check.
    checked_calls: usize,
    /// Since when each order that is quarantined now is so.
    quarantined_since: BTreeMap<OrderId, Timestamp>,
    /// True when the shop has changed since the last check.
    shop_changed: bool,
    /// Webhook ids that were sent with two contents.
    mismatched: BTreeSet<String>,
    /// True when an unreadable webhook was sent.
    malformed: bool,
    /// The stream records that were given up, and the stream from which they are read again.
    given_up: GivenUp,
    streams: SimStreams,
    /// The restore of the table, in a world that has one.
    restore: Restore,
    compared_all: bool,
    crash: Option<Crash>,
    violations: Vec<Violation>,
    recent_events: VecDeque<String>,
}

/// Runs one world to its end.
#[must_use]
pub fn run(options: Options) -> RunResult {
    let mut world = World::new(options.seed, WorldConfig::of(options.seed), options.bug);
    world.open();
    world.coverage.take();
    world.start_faults();
    for _ in 0..options.steps {
        world.next_event();
        world.check();
        if !world.violations.is_empty() {
            return world.end();
        }
    }
    world.converge();
    world.end()
}

impl World {
    fn end(self) -> RunResult {
        RunResult { violations: self.violations, coverage: self.coverage.take(), recent_events: self.recent_events.into() }
    }

    /// Makes one event happen.
    fn next_event(&mut self) {
        match self.rng.below(1_000) {
            0..490 => self.step_a_task(),
            490..548 => self.customer_buys(),
            548..560 => self.employee_edits_drafts(),
            560..605 => self.warehouse_ships(),
            605..625 => self.customer_cancels(),
            625..665 => self.change_an_order(),
            665..690 => self.source_sends_batch(),
            690..770 => self.deliver_webhook(),
            770..840 => self.deliver_records(),
            840..880 => self.deliver_hints(),
            880..905 => self.run_a_job(),
            905..913 => self.pass_settling_window(),
            913..923 => self.kill_an_invocation(),
            923..933 => self.edit_a_level(),
            933..953 => self.flawed_webhook(),
            953..968 => self.change_shop_faults(),
            968..970 => self.pass_night(),
            970..975 => self.stalled = self.rng.below(40),
            975..979 => self.flawed_batch(),
            979..990 => self.import_a_mapping(),
            _ => self.clock.advance(Duration::from_millis(u64::try_from(self.rng.below(3_000)).expect("small"))),
        }
        self.deliver_source_batches();
        self.back_up_or_restore();
        if !self.given_up.messages.is_empty() && self.rng.per_mille(100) {
            self.deliver_given_up();
        }
        if self.is_setting() && self.rng.per_mille(150) {
            self.pos_customer_buys();
        }
        if self.workshop.is_some() {
            self.run_workshop_events();
        }
        self.take_webhooks();
    }

    /// Lets source batches arrive and run in addition to the other events, so that they do not displace the events of the shop.
    fn deliver_source_batches(&mut self) {
        if self.rng.per_mille(80) {
            self.deliver_batch();
        }
        let taking = self.invocations.iter().position(|invocation| matches!(invocation.trigger, Trigger::EventBatch(_)));
        if let Some(at) = taking.filter(|_| self.rng.per_mille(600)) {
            self.step_far(at);
        }
    }

    /// Whether the pusher is about to set a level to an absolute value. An order at this moment is the most harmful.
    fn is_setting(&self) -> bool {
        let table = self.store.table();
        let open = |intent: &&PushIntent| intent.state == PushState::Open && intent.action == PushAction::Set;
        table.checker.intent.as_ref().filter(open).is_some()
    }

    /// Every location that may have stock, with its location in the shop if there is one.
    fn places(&self) -> impl Iterator<Item = (&LocationId, Option<ShopLocation>)> {
        let sells = self.codes.iter().map(|(code, id)| (code, Some(*id)));
        let makes = self.workshop.iter();
        sells.chain(makes.flat_map(|shop| [(&shop.factory, None), (&shop.production.0, Some(shop.production.1))]))
    }

    fn violate(&mut self, what: String) {
        self.violations.push(Violation(what));
    }

    /// Records an event for the report.
    fn log_event(&mut self, what: impl FnOnce() -> String) {
        if self.recent_events.len() == REPORTED_EVENTS {
            self.recent_events.pop_front();
        }
        self.recent_events.push_back(format!("{} {}", self.clock.now(), what()));
    }

    /// Lets some minutes pass without new events. Calls in flight end, and levels reach the end of their settling window.
    fn pass_settling_window(&mut self) {
        for at in (0..self.invocations.len()).rev() {
            // Most invocations end within this number of steps.
            for _ in 0..60 {
                if self.step(at) {
                    break;
                }
            }
        }
        self.clock.advance(SETTLING_WINDOW + Duration::from_secs(30));
        self.log_event(|| "90 s pass without new events".to_owned());
        for job in [reconciler::Job::Sweep, reconciler::Job::Read, reconciler::Job::Holds, reconciler::Job::Backlog] {
            self.reconcile(job);
        }
    }

    /// Lets 13 hours pass in which nothing runs. The shop may forget idempotency keys in that time.
    fn pass_night(&mut self) {
        while !self.invocations.is_empty() {
            self.kill(0);
        }
        self.settle_late();
        self.clock.advance(Duration::from_secs(13 * 60 * 60));
        self.coverage.note("a night passed");
        self.log_event(|| "a night passed".to_owned());
    }

    /// The SKU of an item of the shop.
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
