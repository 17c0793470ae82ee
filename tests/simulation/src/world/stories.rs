//! Small fixed stories. Each runs once for every step of its invocations: the invocation dies at that step, and its trigger
//! repeats. This tests a crash between any two effects, including one after the last effect.

mod sources;
mod workshop;

use std::time::Duration;

use promissory::ports::Clock;
use promissory::source::StockKind;
use promissory_fakes::shopify::{Cart, DeliveryPlan, Faults, Restock};
use reconciler::Job;

use super::actors::BULK;
use super::invocations::Trigger;
use super::workshop::ProductionSetup;
use super::{RunResult, SETTLING_WINDOW, World, WorldConfig};
use crate::store::StoreFaults;

/// The seed of every story. It decides only the order of deliveries.
const SEED: u64 = 1;

/// The step at which an invocation dies, and the number of steps so far.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    at: u64,
    seen: u64,
}

/// A story.
type Story = fn(&mut World);

const STORIES: [(&str, Story); 30] = [
    ("order", order),
    ("cancelled-before-webhook", cancelled_before_webhook),
    ("reduced", reduced),
    ("edited", edited),
    ("moved", moved),
    ("refunded", refunded),
    ("returned", returned),
    ("shipment-cancelled", shipment_cancelled),
    ("hold-expires-then-paid", hold_expires_then_paid),
    ("sold-at-pos", sold_at_pos),
    ("receipt", receipt),
    ("sells-out", sells_out),
    ("large-order", large_order),
    ("webhook-repeated-with-other-content", webhook_repeated_with_other_content),
    ("order-deferred", order_deferred),
    ("lost-order", lost_order),
    ("lost-order-deferred", lost_order_deferred),
    ("drift", drift),
    ("going-live", going_live),
    ("going-live-where-not-stocked", going_live_where_not_stocked),
    ("answer-lost", answer_lost),
    ("call-applied-late", call_applied_late),
    ("item-refused", item_refused),
    ("item-refused-then-level-restored", item_refused_then_level_restored),
    ("answer-lost-then-item-refused", answer_lost_then_item_refused),
    ("two-pushers", two_pushers),
    ("intent-left-open", intent_left_open),
    ("restored", restored),
    ("records-given-up", records_given_up),
    ("records-given-up-and-trimmed", records_given_up_and_trimmed),
];

fn all_stories() -> impl Iterator<Item = &'static (&'static str, Story)> {
    STORIES.iter().chain(&sources::STORIES).chain(&workshop::STORIES)
}

/// The names of the stories.
#[must_use]
pub fn stories() -> Vec<&'static str> {
    all_stories().map(|(name, _)| *name).collect()
}

/// Number of steps that the invocations of a story take. Each is a crash point.
#[must_use]
pub fn crash_points(story: &str) -> u64 {
    run_story(story, u64::MAX).1
}

/// Runs a story and kills the invocation at one of its steps.
#[must_use]
pub fn crash(story: &str, at: u64) -> RunResult {
    run_story(story, at).0
}

fn run_story(name: &str, at: u64) -> (RunResult, u64) {
    let Some((_, story)) = all_stories().find(|(known, _)| *known == name) else {
        return (RunResult::default(), 0);
    };
    let initialised = !name.starts_with("going-live");
    let shrinks = ["drift", "sells-out", "item-refused-then-level-restored", "intent-left-open"].contains(&name);
    let makes = workshop::STORIES.iter().any(|(known, _)| *known == name);
    let only_grows = !shrinks && !makes && sources::STORIES.iter().all(|(known, _)| *known != name);
    let setup = makes.then(|| ProductionSetup::plain(name == "kit"));
    let mut world =
        World::new(SEED, WorldConfig { initialised, only_grows, production_setup: setup, ..WorldConfig::without_faults() }, None);
    world.open();
    world.coverage.take();
    world.crash = Some(Crash { at, seen: 0 });
    story(&mut world);
    let seen = world.crash.take().map_or(0, |crash| crash.seen);
    world.converge();
    (world.end(), seen)
}

impl World {
    /// Counts a step. Returns whether the invocation that took it dies now.
    pub(super) fn reaches_crash_point(&mut self) -> bool {
        let Some(crash) = &mut self.crash else { return false };
        let now = crash.seen == crash.at;
        crash.seen += 1;
        now
    }

    fn buys(&mut self, lines: &[(&str, i64)]) -> promissory_fakes::shopify::OrderId {
        let lines = lines.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect();
        self.buy(&Cart { lines, ..Cart::default() }, "order").expect("the items are in stock")
    }

    fn moves(&mut self, kind: StockKind, units: i64) {
        let (sku, location) = (self.items[0].0.sku.clone(), self.codes[0].0.clone());
        self.receive(sku, location, kind, units);
    }

    fn runs(&mut self, jobs: &[Job]) {
        for job in jobs {
            self.reconcile(*job);
            self.settle();
        }
    }
}

fn order(world: &mut World) {
    let order = world.buys(&[("S0", 2), ("S1", 1)]);
    world.settle();
    world.ship(order, true);
    world.settle();
    world.ship(order, false);
    world.settle();
}

/// The table is restored to the time before a receipt and an order.
fn restored(world: &mut World) {
    world.back_up();
    world.moves(StockKind::Receipt, 3);
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    world.ship(order, true);
    world.settle();
    world.restore_the_table();
    world.settle();
    world.runs(&[Job::Backlog]);
    world.clock.advance(SETTLING_WINDOW * 2);
    world.runs(&[Job::Sweep, Job::Backlog]);
}

fn cancelled_before_webhook(world: &mut World) {
    let order = world.buys(&[("S0", 2), ("S1", 1)]);
    world.cancel_or_reduce(order, true);
    world.settle();
}

fn reduced(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    world.cancel_or_reduce(order, false);
    world.settle();
}

fn edited(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    world.add_to(order);
    world.settle();
    world.runs(&[Job::Read]);
}

/// Units are reserved for the network, assigned, moved to another location, and shipped from there.
fn moved(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    world.runs(&[Job::Read]);
    world.clock.advance(Duration::from_secs(2));
    world.move_open(order);
    world.settle();
    world.runs(&[Job::Read]);
    world.ship(order, false);
    world.settle();
}

/// A unit is refunded in each possible way.
fn refunded(world: &mut World) {
    let order = world.buys(&[("S0", 4)]);
    world.settle();
    for (restock, ships) in [(Restock::Cancel, false), (Restock::NoRestock, true), (Restock::Return, false)] {
        world.clock.advance(Duration::from_secs(2));
        world.refund_by(order, restock, "refunded");
        world.settle();
        if ships {
            world.clock.advance(Duration::from_secs(2));
            world.ship(order, false);
        }
    }
    world.runs(&[Job::Read]);
}

fn returned(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.ship(order, false);
    world.request_return(order);
    world.settle();
    for _ in 0..6 {
        world.continue_return(order);
        world.settle();
    }
    world.runs(&[Job::Read]);
}

fn shipment_cancelled(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.ship(order, false);
    world.settle();
    world.cancel_shipment(order);
    world.settle();
    world.runs(&[Job::Read]);
}

/// A hold expires unpaid, and the customer pays afterwards.
fn hold_expires_then_paid(world: &mut World) {
    let cart = Cart { lines: vec![("S0".to_owned(), 2)], unpaid: true, ..Cart::default() };
    let order = world.buy(&cart, "order not paid yet").expect("the items are in stock");
    world.settle();
    world.runs(&[Job::Read]);
    world.clock.advance(Duration::from_secs(13 * 60 * 60));
    world.runs(&[Job::Holds]);
    world.pay(order);
    world.settle();
}

fn sold_at_pos(world: &mut World) {
    let location = Some(world.codes[0].1);
    world.buy(&Cart { lines: vec![("S0".to_owned(), 1)], location, ..Cart::default() }, "order sold in a store");
    world.settle();
}

fn receipt(world: &mut World) {
    world.moves(StockKind::Receipt, 3);
    world.settle();
}

fn sells_out(world: &mut World) {
    world.moves(StockKind::WriteOff, 6);
    world.buys(&[("S0", 5)]);
    world.settle();
    world.moves(StockKind::Adjustment, 9);
    world.settle();
}

fn large_order(world: &mut World) {
    let order = world.buys(&vec![(BULK, 1); 110]);
    world.settle();
    world.cancel_or_reduce(order, true);
    world.settle();
}

fn webhook_repeated_with_other_content(world: &mut World) {
    world.buys(&[("S0", 1)]);
    world.take_webhooks_twice();
    world.settle();
}

fn order_deferred(world: &mut World) {
    world.buys(&[("S0", 1)]);
    (world.stalled, world.config.max_tries) = (usize::MAX, 20);
    world.store.set_faults(StoreFaults { conflict: 1_000, ..StoreFaults::default() });
    world.settle();
    world.store.set_faults(StoreFaults::default());
    world.stalled = 0;
    world.settle();
}

fn lost_order(world: &mut World) {
    world.buys(&[("S0", 2), ("S2", 1)]);
    world.ports.shop().outbox().take(&DeliveryPlan::default());
    world.clock.advance(Duration::from_secs(200));
    world.runs(&[Job::Sweep]);
}

/// A sweep defers an order that it has found. While the order waits in its lane, a later sweep must not report the ledger as
/// complete.
fn lost_order_deferred(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.ship(order, false);
    world.ports.shop().outbox().take(&DeliveryPlan::default());
    world.clock.advance(Duration::from_secs(200));
    world.buys(&[("S1", 1)]);
    world.stalled = usize::MAX;
    world.store.set_faults(StoreFaults { conflict: 1_000, ..StoreFaults::default() });
    world.runs(&[Job::Sweep]);
    world.store.set_faults(StoreFaults::default());
    world.clock.advance(Duration::from_secs(200));
    world.buys(&[("S2", 1)]);
    world.runs(&[Job::Sweep]);
    world.stalled = 0;
    world.settle();
}

fn drift(world: &mut World) {
    world.edit(3);
    world.clock.advance(SETTLING_WINDOW * 2);
    world.runs(&[Job::Sweep, Job::Compare, Job::Backlog]);
}

fn going_live(world: &mut World) {
    world.moves(StockKind::Receipt, 2);
    world.clock.advance(SETTLING_WINDOW * 2);
    world.runs(&[Job::Sweep, Job::Backlog, Job::Backlog]);
}

/// The shop reports a concurrent change when it must stock an item. The pusher must try again.
fn going_live_where_not_stocked(world: &mut World) {
    let (item, location) = (world.items[0].1, world.codes[0].1);
    world.ports.shop().stock(world.clock.now(), item, location, 0, false).expect("the pair exists");
    world.ports.shop().faults = Faults { concurrent: 1, ..Faults::default() };
    going_live(world);
}

fn answer_lost(world: &mut World) {
    world.ports.shop().faults = Faults { lose_answer: 1, ..Faults::default() };
    world.moves(StockKind::Receipt, 3);
    world.settle();
}

fn call_applied_late(world: &mut World) {
    world.ports.shop().faults = Faults { apply_late: 1, ..Faults::default() };
    world.moves(StockKind::Receipt, 3);
    for _ in 0..60 {
        world.advance_all();
    }
    world.settle_late();
    world.settle();
}

fn item_refused(world: &mut World) {
    let poisoned = [world.items[0].1].into();
    world.ports.shop().faults = Faults { poisoned, ..Faults::default() };
    world.moves(StockKind::Receipt, 3);
    world.settle();
    world.ports.shop().faults = Faults::default();
    world.moves(StockKind::Receipt, 1);
    world.settle();
}

/// A refused level returns to its old value. No alert may stay open for it.
fn item_refused_then_level_restored(world: &mut World) {
    let poisoned = [world.items[0].1].into();
    world.ports.shop().faults = Faults { poisoned, ..Faults::default() };
    world.moves(StockKind::Adjustment, 3);
    world.settle();
    world.moves(StockKind::WriteOff, 3);
    world.settle();
}

/// A call runs, its answer is lost, and the shop refuses the repeated call. The change must not run twice.
fn answer_lost_then_item_refused(world: &mut World) {
    world.ports.shop().faults = Faults { lose_answer: 1, ..Faults::default() };
    world.moves(StockKind::Receipt, 3);
    let calls = world.ports.shop().log().len();
    while world.ports.shop().log().len() == calls && !world.advance_all() {}
    world.ports.set_faults(world.config.port_faults_with(Some(world.items[0].1)));
    world.settle();
    world.ports.set_faults(world.config.port_faults_with(None));
    world.moves(StockKind::Receipt, 1);
    world.settle();
}

fn two_pushers(world: &mut World) {
    world.moves(StockKind::Receipt, 3);
    for _ in 0..40 {
        world.advance_all();
    }
    world.moves(StockKind::Receipt, 2);
    world.settle();
}

/// A call runs, its pusher dies, the queue discards the hint, and the level returns to its old value. No level is due then, and
/// the open intent must still be repeated and recorded.
fn intent_left_open(world: &mut World) {
    world.moves(StockKind::Receipt, 3);
    let calls = world.ports.shop().log().len();
    while world.ports.shop().log().len() == calls && !world.advance_all() {}
    while let Some(at) = world.invocations.iter().position(|invocation| matches!(invocation.trigger, Trigger::Push(_))) {
        world.kill(at);
    }
    world.ports.queue().clear();
    world.moves(StockKind::WriteOff, 3);
    world.settle();
}

/// Lambda gives up every record of a receipt and of an order. A function reads them again.
fn records_given_up(world: &mut World) {
    gives_up(world, false);
}

/// The same, and the stream no longer has the records. Every item is recomputed.
fn records_given_up_and_trimmed(world: &mut World) {
    gives_up(world, true);
    world.clock.advance(SETTLING_WINDOW * 2);
    world.runs(&[Job::Backlog]);
}

fn gives_up(world: &mut World, is_trimmed: bool) {
    world.stalled = usize::MAX;
    world.moves(StockKind::Receipt, 3);
    world.settle();
    world.buys(&[("S1", 1)]);
    world.settle();
    for lane in 0..world.lanes.len() {
        let waiting = world.lanes[lane].waiting.len();
        world.give_up(lane, waiting, is_trimmed);
    }
    world.stalled = 0;
    world.settle();
}
