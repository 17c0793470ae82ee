//! Concurrent events: each gets an answer, each is applied exactly once, and none waits for long.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::alert::AlertSubject;
use promissory::catalog::{Location, LocationKind, MissingMapping, Network};
use promissory::draft::EventOutcome;
use promissory::flows::{RetryBudget, alert, commit, settle_lane};
use promissory::ledger::{Lane, LedgerEvent};
use promissory::ports::{Listing, Page, Store, StoreError, WriteError, list_all};
use promissory::source::StockKind;
use promissory::table::{IndexPartition, Key, Record, RowKey, RowKind, Write};
use promissory_tests::faults::Fault;
use promissory_tests::webhook::{Webhook, fulfilment, order};
use promissory_tests::world::{WH, World, position};

/// The number of conflicts in a row after which an event is deferred to a lane.
fn attempts() -> usize {
    usize::try_from(RetryBudget::LEDGER.attempts).expect("small")
}

async fn world() -> World {
    let world = World::new().await;
    world.item("A", &[("WH-1", 100)]).await;
    world
}

fn created(id: u64, units: i64) -> Webhook {
    Webhook::new("orders/create", &format!("w{id}"), order(id).line(id * 10, "A", units).bytes())
}

/// Delivers the webhooks concurrently. Returns their outcomes.
async fn all_at_once(world: &World, webhooks: &[Webhook]) -> Vec<String> {
    let answers = join_all(webhooks.iter().map(|webhook| world.deliver(webhook))).await;
    let outcome = |(status, answer): (u16, serde_json::Value)| {
        assert_eq!(status, 200, "{answer}");
        answer["outcome"].as_str().expect("an outcome").to_owned()
    };
    answers.into_iter().map(outcome).collect()
}

/// Checks that every order is in the ledger once, with the given units.
async fn check_reserved(world: &World, orders: &[u64], units: i64) {
    world.settle().await;
    let contents = world.contents().await;
    assert_eq!(contents.deferred, 0, "a lane still has events");
    let held = contents.held();
    let found: Vec<(u64, i64, i64)> =
        held.iter().map(|((order, _), held)| (order.number(), held.reserved.units(), held.shipped.units())).collect();
    assert_eq!(found, orders.iter().map(|order| (*order, units, 0)).collect::<Vec<_>>());
    assert_eq!(contents.all_movements().filter(|movement| movement.cause.order.is_some()).count(), orders.len());
    let promised = world.promise("A").await.available.units();
    let sold = i64::try_from(orders.len()).expect("small") * units;
    assert_eq!(promised, 100 - sold, "the promise counts all of them");
}

/// Protects a flash sale: concurrent orders for one item are all accepted, and those with too many conflicts wait in a lane.
#[tokio::test]
async fn orders_for_one_item_are_each_reserved_once() {
    for count in [1_u64, 2, 5, 12, 40] {
        let world = world().await;
        let orders: Vec<u64> = (1..=count).collect();
        let webhooks: Vec<Webhook> = orders.iter().map(|id| created(*id, 2)).collect();
        let outcomes = all_at_once(&world, &webhooks).await;
        let of = |outcome: &str| outcomes.iter().filter(|found| *found == outcome).count();
        assert!(of("applied") > 0 && of("applied") + of("deferred") == orders.len(), "{outcomes:?}");
        if count >= 12 {
            assert!(of("deferred") > 0, "with {count} at once some wait in a lane");
        }
        check_reserved(&world, &orders, 2).await;
    }
}

/// Protects against concurrent deliveries of the same webhook.
#[tokio::test]
async fn concurrent_copies_are_applied_once() {
    let world = world().await;
    let outcomes = all_at_once(&world, &vec![created(1, 2); 10]).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "applied").count(), 1, "{outcomes:?}");
    check_reserved(&world, &[1], 2).await;
}

/// Protects an order from its own webhooks: delivered concurrently, they end in the newest state.
#[tokio::test]
async fn concurrent_webhooks_of_one_order_end_in_the_newest() {
    let world = world().await;
    let mut webhooks: Vec<Webhook> =
        (0..10).map(|n| Webhook::new("orders/updated", &format!("u{n}"), order(1).at(n).line(11, "A", 1 + n).bytes())).collect();
    webhooks.push(Webhook::new("fulfillments/create", "f", fulfilment(7, 1, WH).at(20).line(11, 4).bytes()));
    let answers = join_all(webhooks.iter().map(|webhook| world.deliver(webhook))).await;
    world.settle().await;
    // A webhook with status 503 is delivered again.
    for (webhook, (status, _)) in webhooks.iter().zip(answers) {
        assert!(status == 200 || status == 503, "{status}");
        assert_eq!(world.deliver(webhook).await.0, 200);
    }
    world.settle().await;
    assert_eq!(world.positions().await, ["A@WH-1 96 on hand, 0 reserved", "A@unassigned 0 on hand, 6 reserved"]);
}

/// Defers these orders to the lane without committing any of them.
async fn defer(world: &World, orders: impl Iterator<Item = u64>) {
    for id in orders {
        world.table.faults.next("TransactWriteItems", attempts(), Fault::Conflict);
        let (status, answer) = world.deliver(&created(id, 2)).await;
        assert_eq!((status, answer["outcome"].as_str()), (200, Some("deferred")), "{answer}");
    }
}

async fn settle_once(world: &World) -> Result<usize, promissory::flows::CommitError> {
    settle_lane(&world.table.store, &world.clock, &world.network, &Lane::Position(position("A", "unassigned"))).await
}

/// Protects throughput: a lane is committed in groups, with one write of the position for many orders.
#[tokio::test]
async fn a_lane_is_settled_in_groups() {
    // A hundred rows hold 24 orders: mark, order, movement and lane row of each, and the position once.
    for (waiting, transactions) in [(1, 1), (24, 1), (25, 2), (101, 6)] {
        let world = world().await;
        defer(&world, 1..=waiting).await;
        assert_eq!(world.positions().await.len(), 1, "nothing is reserved yet");
        world.table.faults.forget_calls();
        assert_eq!(settle_once(&world).await.ok(), usize::try_from(waiting).ok());
        let made = world.table.faults.calls("TransactWriteItems");
        assert!(made <= transactions, "{waiting} orders in {made} transactions where {transactions} are enough");
        check_reserved(&world, &(1..=waiting).collect::<Vec<_>>(), 2).await;
    }
}

/// Protects deferred events: each is applied once, whatever happens to the function that settles the lane.
#[tokio::test]
async fn a_lane_is_settled_once_after_any_failure() {
    let orders: Vec<u64> = (1..=26).collect();
    for operation in ["Query", "BatchGetItem", "TransactWriteItems"] {
        for fault in [Fault::Throttled, Fault::AnswerLost] {
            for skip in [0, 1] {
                let world = world().await;
                defer(&world, orders.iter().copied()).await;
                world.table.faults.after(operation, skip, 1, fault);
                let settled = settle_once(&world).await;
                world.table.faults.clear();
                assert!(settled.is_err() || skip > 0, "{fault:?} at {operation} is not overlooked");
                check_reserved(&world, &orders, 2).await;
            }
        }
    }
}

/// Protects against two functions that settle one lane at the same time.
#[tokio::test]
async fn a_lane_settled_twice_at_once_is_applied_once() {
    let world = world().await;
    let orders: Vec<u64> = (1..=40).collect();
    defer(&world, orders.iter().copied()).await;
    let settled = join_all([settle_once(&world), settle_once(&world), settle_once(&world)]).await;
    assert!(settled.iter().any(Result::is_ok), "{settled:?}");
    check_reserved(&world, &orders, 2).await;
}

/// Protects a deferred event from its own repetition: a repeated delivery is applied, and the deferred copy is not.
#[tokio::test]
async fn a_repeated_deferred_event_is_applied_once() {
    let world = world().await;
    defer(&world, [1].into_iter()).await;
    defer(&world, [1].into_iter()).await;
    assert_eq!(world.table.count(RowKind::Deferred), 1, "it waits once");
    let (_, answer) = world.deliver(&created(1, 2)).await;
    assert_eq!(answer["outcome"].as_str(), Some("applied"));
    check_reserved(&world, &[1], 2).await;
}

/// Protects a deferred event from other content under its id: the second content raises an alert.
#[tokio::test]
async fn other_content_for_a_deferred_id_raises_an_alert() {
    for second_is_deferred in [false, true] {
        let world = world().await;
        defer(&world, [1].into_iter()).await;
        if second_is_deferred {
            world.table.faults.next("TransactWriteItems", attempts(), Fault::Conflict);
        }
        let (status, _) = world.deliver(&created(1, 5)).await;
        // The content that is applied first counts. The other one is refused, either at once or from the lane.
        assert_eq!(status, if second_is_deferred { 409 } else { 200 });
        world.settle().await;
        let expected = [format!("content_mismatch#shopify:{}#w1 raised", world.shop)];
        assert_eq!(world.alerts(), expected, "the second is deferred as well: {second_is_deferred}");
    }
}

/// Protects a transaction whose answer is lost: its repetition finds the mark.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_applied_once() {
    let world = world().await;
    world.table.faults.next("TransactWriteItems", 1, Fault::AnswerLost);
    assert_eq!(world.deliver(&created(1, 2)).await.0, 503);
    let (status, answer) = world.deliver(&created(1, 2)).await;
    assert_eq!((status, answer["outcome"].as_str()), (200, Some("duplicate")));
    check_reserved(&world, &[1], 2).await;
}

/// Protects the retry budget: fewer conflicts than the budget are retried, throttling inside a transaction is not a conflict,
/// and no retry waits in real time.
#[tokio::test]
async fn conflicts_are_retried_within_the_budget() {
    for (conflicts, outcome) in [(1, "applied"), (attempts() - 1, "applied"), (attempts(), "deferred")] {
        let world = world().await;
        let began = world.clock.after(0);
        world.table.faults.next("TransactWriteItems", conflicts, Fault::Conflict);
        let (_, answer) = world.deliver(&created(1, 2)).await;
        assert_eq!(answer["outcome"].as_str(), Some(outcome), "{conflicts} conflicts");
        let waited = promissory_tests::world::since(&world.clock, began);
        assert!(waited < std::time::Duration::from_secs(2), "{conflicts} conflicts: {waited:?} of the five seconds");
        check_reserved(&world, &[1], 2).await;
    }
    let world = world().await;
    world.table.faults.next("TransactWriteItems", 1, Fault::ThrottledInside);
    assert_eq!(world.deliver(&created(1, 2)).await.0, 503, "throttled: the sender repeats");
    assert_eq!(world.deliver(&created(1, 2)).await.0, 200);
    check_reserved(&world, &[1], 2).await;
}

/// A store in which the transaction of one function arrives late: just before that of the next function.
struct LateStore<'a> {
    store: &'a DynamoStore,
    late: &'a Mutex<Option<Vec<Write>>>,
    is_late: bool,
}

impl Store for LateStore<'_> {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.store.get(keys).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        let late = {
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_late {
                *late = Some(writes.to_vec());
                return Err(StoreError::Unavailable { detail: "the transaction is on its way".into(), source: None }.into());
            }
            late.take()
        };
        if let Some(late) = late {
            self.store.write(&late).await?;
        }
        self.store.write(writes).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.store.list(listing).await
    }
}

/// Protects a planner from an alert that no event clears: a function that still lacks the mapping raises the alert about an event
/// again, while another function that has the mapping commits that event.
#[tokio::test]
async fn an_alert_that_is_raised_again_while_its_event_is_resumed_is_cleared() {
    let world = World::new().await;
    let store = &world.table.store;
    let stock = world.stock("s1", "A", "WH-1", StockKind::Receipt, 5);
    let missing = MissingMapping::Item { system: "erp".to_owned(), code: "A".to_owned() };
    let waiting = RowKey::Waiting { missing: missing.clone(), name: "s1".to_owned() }.key();
    world.take_stock([stock.clone()]).await;
    assert_eq!(world.alerts(), ["unmapped_item#erp#A raised"]);
    // Another event that waited for the mapping was resumed.
    let resumed = (AlertSubject::of_missing(&missing), "Resumed.".to_owned());
    alert::clear(store, &world.clock, resumed).await.expect("cleared");

    let late = Mutex::new(None);
    let again = LateStore { store, late: &late, is_late: true };
    let event = LedgerEvent::Stock(stock);
    commit(&again, &world.clock, &world.network, &[(event.clone(), None)]).await.expect_err("it is late");
    world.item("A", &[]).await;
    let resuming = LateStore { is_late: false, ..again };
    let outcomes = commit(&resuming, &world.clock, &world.network, &[(event, Some(waiting))]).await.expect("resumed");
    assert!(matches!(outcomes[..], [EventOutcome::Applied { movements: 1, .. }]), "{outcomes:?}");
    assert_eq!(world.alerts(), ["unmapped_item#erp#A cleared"]);
    assert_eq!(world.table.count(RowKind::Waiting), 0);
}

/// Protects an event that waits in two rows, for a location and for an item: a function that deletes one of the rows writes the other, so a
/// second function with an older network cannot delete that one at the same time. The same holds if the two have other content.
#[tokio::test]
async fn an_event_leaves_one_of_two_rows_only_with_the_other() {
    for units_of_item in [1, 2] {
        let world = World::new().await;
        let store = &world.table.store;
        let rows = async || -> BTreeMap<Key, u64> {
            let found = list_all(store, Listing::index(&IndexPartition::Waiting, 10)).await.expect("listed");
            found.into_iter().map(|record| (record.key, record.revision)).collect()
        };
        let take = async |network: &Network, units: i64, row: Option<Key>| {
            let event = LedgerEvent::Stock(world.stock("e1", "X", "NEW", StockKind::Receipt, units));
            let outcome = commit(store, &world.clock, network, &[(event, row)]).await.expect("taken").remove(0);
            if let EventOutcome::Waiting(missing) = outcome { missing.to_string() } else { format!("{outcome:?}") }
        };
        let new = Location::new("NEW".parse().expect("a code"), LocationKind::Warehouse);
        let with_location = Network::new(world.network.locations().cloned().chain([new]));
        assert_eq!(take(&world.network, 1, None).await, "location#NEW#erp");
        let of_location = rows().await.into_keys().next().expect("a row");
        assert_eq!(take(&with_location, units_of_item, None).await, "item#X#erp");
        let before = rows().await;
        assert_eq!(before.len(), 2);
        let expected = if units_of_item == 1 { "item#X#erp" } else { "ContentMismatch" };
        assert_eq!(take(&with_location, 1, Some(of_location.clone())).await, expected);
        let of_item = before.keys().find(|key| **key != of_location).expect("the other row");
        assert_eq!(rows().await, [(of_item.clone(), before[of_item] + 1)].into(), "{units_of_item}");
    }
}
