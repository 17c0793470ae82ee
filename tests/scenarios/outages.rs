//! A shop that does not answer for a day, or refuses the app: the queue stays small, no hint becomes a dead letter, a person is alerted,
//! and everything is sent when the shop is back.

use promissory::source::StockKind;
use promissory::storefront::{Hint, TARGETS_PER_HINT};
use promissory_fakes::shopify::Faults;
use promissory_tests::shop::{Front, RunningShop, start};
use promissory_tests::world::{World, hint_event};
use reconciler::Job;

use crate::pusher::record_accepted;

/// How often the queue of `template.yaml` delivers a message before it moves it to the dead-letter queue.
const MAX_RECEIVES: u32 = 5;

/// How long the queue hides a message that was given back, in seconds.
const HIDDEN: u64 = 180;

/// The queue of hints, as SQS keeps it.
#[derive(Default)]
struct Queue {
    /// The messages, with how often each was delivered.
    messages: Vec<(Hint, u32)>,
    largest: usize,
    dead: usize,
}

impl Queue {
    /// Takes the hints that were sent.
    fn take(&mut self, world: &World) {
        self.messages.extend(world.hints.take().into_iter().map(|hint| (hint, 0)));
        self.largest = self.largest.max(self.messages.len());
    }

    /// Delivers every message.
    async fn deliver(&mut self, world: &World, front: Front) {
        for (_, received) in &mut self.messages {
            *received += 1;
        }
        let hints: Vec<Hint> = self.messages.iter().map(|(hint, _)| hint.clone()).collect();
        let mut event = hint_event(&hints);
        for (record, (_, received)) in event.records.iter_mut().zip(&self.messages) {
            record.attributes.insert("ApproximateReceiveCount".to_owned(), received.to_string());
        }
        let given_back = world.push_event(front, event).await;
        let all = std::mem::take(&mut self.messages);
        let kept = all.into_iter().enumerate().filter(|(place, _)| given_back.contains(place)).map(|(_, message)| message);
        let (dead, kept): (Vec<_>, Vec<_>) = kept.partition(|(_, received)| *received >= MAX_RECEIVES);
        self.dead += dead.len();
        self.messages = kept;
    }
}

/// A shop in agreement with more levels than one hint can name.
async fn shop_with_many_levels() -> (World, RunningShop, Vec<String>) {
    let world = World::new().await;
    let skus: Vec<String> = (0..70).map(|n| format!("SKU-{n:02}")).collect();
    world.import_many(&skus).await;
    receive(&world, &skus, "opening").await;
    let running = start(&world);
    world.settle().await;
    record_accepted(&world, &running).await;
    running.assert_agreement(&world).await;
    (world, running, skus)
}

/// Receives one unit of each item at each of three locations.
async fn receive(world: &World, skus: &[String], id: &str) {
    let places = ["WH-1", "3PL-1", "STORE-1"];
    let pairs = skus.iter().flat_map(|sku| places.map(|place| (sku, place)));
    let event = |(sku, place): (&String, &str)| world.stock(&format!("{id}:{sku}@{place}"), sku, place, StockKind::Receipt, 1);
    world.take_stock(pairs.map(event).collect::<Vec<_>>()).await;
}

/// Lets a day pass without the shop, then brings it back.
async fn check(case: &str, front: impl Fn(&RunningShop) -> Front, alert: &str) {
    let (world, running, skus) = shop_with_many_levels().await;
    let mut queue = Queue::default();
    receive(&world, &skus, "more").await;
    world.settle().await;
    queue.take(&world);
    assert!(queue.messages.len() > 1, "{case}: the stream hints everything");
    // The queue reaches its largest size within the first hour; the rest of the day passes in fewer runs.
    for (run, passes) in [HIDDEN; 20].into_iter().chain([3_600; 23]).enumerate() {
        world.reconcile(running.front(), Job::Backlog).await.expect("the backlog needs no shop");
        let sent = queue.messages.len();
        queue.take(&world);
        assert!(queue.messages.len() <= sent + 1, "{case}: one hint per run, however many levels are due");
        running.fail(Faults { fail: 1_000, ..Faults::default() });
        queue.deliver(&world, front(&running)).await;
        running.fail(Faults::default());
        world.clock.pass(passes);
        if run == 3 {
            assert_eq!(world.alerts(), ["shop_unreachable#promissory-demo.myshopify.com raised"], "{case}: after ten minutes");
        }
    }
    assert_eq!((queue.dead, queue.largest <= 10), (0, true), "{case}: at most {} messages", queue.largest);
    let rows = world.table.rows();
    let detail = |row: &serde_json::Value| row["body"]["M"]["detail"]["S"].as_str().unwrap_or_default().to_owned();
    assert!(rows.iter().any(|row| detail(row).contains(alert)), "{case}: the alert says what is wrong");

    // The shop is back. The sweep reads what happened there, and one hint is enough for every level.
    queue.messages.clear();
    running.sweep_settled(&world).await;
    world.reconcile(running.front(), Job::Backlog).await.expect("hinted");
    queue.take(&world);
    let [(hint, _)] = queue.messages.as_slice() else { panic!("{case}: {} hints", queue.messages.len()) };
    assert_eq!(hint.targets.len(), TARGETS_PER_HINT, "{case}: more levels are due than a hint names");
    queue.deliver(&world, running.front()).await;
    assert_eq!(queue.messages.len(), 0, "{case}");
    running.assert_agreement(&world).await;
    assert!(world.contents().await.levels.iter().all(|level| !level.is_due()), "{case}: every level was sent");
    assert_eq!(world.alerts(), ["shop_unreachable#promissory-demo.myshopify.com cleared"], "{case}");
}

/// Protects the queue and the dead letters from a shop that fails for a day, and the shop from levels that are never sent.
#[tokio::test]
async fn a_day_without_an_answer_of_the_shop() {
    check("no answer", RunningShop::front, "the shop gave no answer").await;
}

/// Protects the same from a revoked token.
#[tokio::test]
async fn a_day_with_a_revoked_token() {
    check("revoked", |running| running.front_with("another secret"), "check client_id and client_secret").await;
}
