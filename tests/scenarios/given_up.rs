//! Stream records that Lambda has given up: they are read again, or every item is recomputed, and nothing is lost.

use jiff::Timestamp;
use promissory::alert::AlertState;
use promissory::catalog::{Item, Quantity};
use promissory::ports::{Clock, read};
use promissory::reconcile::RefreshProgress;
use promissory::source::StockKind;
use promissory::table::RowKey;
use promissory_tests::dynamo::Table;
use promissory_tests::faults::Fault;
use promissory_tests::shop::start;
use promissory_tests::world::{World, is_delivered};
use reconciler::Job;
use serde_json::Value;

/// The seconds of an hour.
const HOUR: u64 = 3_600;

/// A world with a component that no shop lists, of which 10 are on hand. Its last refresh is an hour old.
async fn with_component(sku: &str) -> World {
    let world = World::new().await;
    world.import(&Item::new(sku.parse().expect("a SKU")), &[("WH-1", 10)]).await;
    world.settle().await;
    world.clock.pass(61);
    world.reconcile(start(&world).front(), Job::Backlog).await.expect("refreshed");
    world.clock.pass(HOUR);
    world
}

/// Receives units, and returns the message about their stream records, which were never handled.
async fn given_up(world: &World, sku: &str, units: i64) -> String {
    world.take_stock([world.stock(&format!("{sku}+{units}"), sku, "WH-1", StockKind::Receipt, units)]).await;
    message_about(world)
}

/// The message about all records that the stream has now.
fn message_about(world: &World) -> String {
    let records = world.table.stream();
    assert!(records.iter().any(is_delivered), "the stream delivers one of {} records", records.len());
    world.table.failure_message(&records[0], records.last().expect("a record"))
}

async fn refresh_is_requested(world: &World) -> bool {
    let (progress, _) = read::<RefreshProgress, _>(&world.table.store, &RowKey::Refresh).await.expect("read");
    let is_new = |asked_at: Timestamp| world.clock.now().duration_since(asked_at).as_secs() < 60;
    progress.is_some_and(|progress| !progress.done && !progress.only_plans && is_new(progress.asked_at))
}

/// Protects a component that no shop lists: no comparison would ever find that its promise is outdated.
#[tokio::test]
async fn a_component_is_right_after_its_record_is_read_again() {
    let world = with_component("RESIN").await;
    let message = [given_up(&world, "RESIN", 5).await];
    assert_eq!(world.promise("RESIN").await.available.units(), 10, "the record was not handled");
    assert_eq!(world.redo(&message).await, [0; 0]);
    assert_eq!(world.promise("RESIN").await.available.units(), 15);
    assert!(!refresh_is_requested(&world).await);
    assert_eq!(world.redo(&message).await, [0; 0], "the queue may deliver a message twice");
    assert_eq!(world.promise("RESIN").await.available.units(), 15);
}

/// Protects records that are older than 24 hours: every item is recomputed, also one that no shop lists.
#[tokio::test]
async fn every_item_is_recomputed_when_the_records_are_gone() {
    for (operation, fault) in
        [("GetShardIterator", Fault::Trimmed), ("GetRecords", Fault::Trimmed), ("GetShardIterator", Fault::Invalid)]
    {
        let world = with_component("RESIN").await;
        let message = given_up(&world, "RESIN", 5).await;
        world.table.faults.next(operation, 1, fault);
        assert_eq!(world.redo(&[message]).await, [0; 0], "{operation} {fault:?}");
        assert!(refresh_is_requested(&world).await, "{operation} {fault:?}");
        world.clock.pass(61);
        world.reconcile(start(&world).front(), Job::Backlog).await.expect("refreshed");
        assert_eq!(world.promise("RESIN").await.available.units(), 15, "{operation} {fault:?}");
    }
}

/// Protects the refresh of all items from starting anew with each of many messages: the first request stays as it is.
#[tokio::test]
async fn many_lost_messages_request_one_refresh() {
    let world = with_component("RESIN").await;
    let requested = async || {
        let row = read::<RefreshProgress, _>(&world.table.store, &RowKey::Refresh).await.expect("read");
        row.0.expect("requested").asked_at
    };
    assert_eq!(world.redo(&["no message of Lambda".to_owned()]).await, [0; 0]);
    let first = requested().await;
    world.clock.pass(30);
    assert_eq!(world.redo(&["no message of Lambda".to_owned()]).await, [0; 0]);
    assert_eq!(requested().await, first);
    world.clock.pass(31);
    world.reconcile(start(&world).front(), Job::Backlog).await.expect("refreshed");
    assert_eq!(world.redo(&["no message of Lambda".to_owned()]).await, [0; 0]);
    assert!(requested().await > first, "a refresh that is done is requested again");
}

/// Protects the other messages of a batch: one that cannot be read requests a refresh, one that fails returns to the queue, and
/// the others are handled.
#[tokio::test]
async fn each_message_succeeds_or_fails_for_itself() {
    let world = with_component("RESIN").await;
    world.import(&Item::new("CAP".parse().expect("a SKU")), &[("WH-1", 10)]).await;
    world.settle().await;
    let messages = [given_up(&world, "RESIN", 5).await, "no message of Lambda".to_owned(), given_up(&world, "CAP", 7).await];
    world.table.faults.next("GetShardIterator", 1, Fault::Throttled);
    assert_eq!(world.redo(&messages).await, [0]);
    assert!(refresh_is_requested(&world).await);
    assert_eq!(world.promise("RESIN").await.available.units(), 10);
    assert_eq!(world.promise("CAP").await.available.units(), 17);
    assert_eq!(world.redo(&messages[..1]).await, [0; 0]);
    assert_eq!(world.promise("RESIN").await.available.units(), 15);
}

/// Protects a message whose refresh cannot be stored: it stays in the queue.
#[tokio::test]
async fn a_refresh_that_cannot_be_requested_is_repeated() {
    let world = with_component("RESIN").await;
    let message = vec![String::new()];
    world.table.faults.next("PutItem", 1, Fault::Throttled);
    assert_eq!(world.redo(&message).await, [0]);
    assert!(!refresh_is_requested(&world).await);
    assert_eq!(world.redo(&message).await, [0; 0]);
    assert!(refresh_is_requested(&world).await);
}

/// Protects each effect of given-up records: when the stream, the table, the queue or the bus fails, the message is repeated, and no
/// effect is lost.
#[tokio::test]
async fn every_failed_effect_is_repeated() {
    let world = World::new().await;
    world.import(&Item { low_at: Some(Quantity::new(9)), ..world.plain("A") }, &[("WH-1", 10)]).await;
    world.settle().await;
    let _ = (world.hints.take(), world.bus.alerts.take());
    world.take_stock([world.stock("lost", "A", "WH-1", StockKind::WriteOff, 1)]).await;
    let message = [message_about(&world)];
    for operation in ["GetShardIterator", "GetRecords", "Query", "BatchGetItem", "TransactWriteItems"] {
        for fault in [Fault::Throttled, Fault::Denied] {
            world.table.faults.next(operation, 1, fault);
            assert_eq!(world.redo(&message).await, [0], "{operation} {fault:?}");
        }
    }
    world.hints.refuse(1);
    assert_eq!(world.redo(&message).await, [0], "the queue");
    world.bus.alerts.refuse(1);
    assert_eq!(world.redo(&message).await, [0], "the bus");
    assert_eq!(world.redo(&message).await, [0; 0]);
    assert_eq!(world.promise("A").await.available.units(), 9);
    assert!(!world.hints.take().is_empty() && !world.bus.alerts.take().is_empty());
}

/// Protects subscribers from an old state of an alert: the present one is published, in place of the one in the record.
#[tokio::test]
async fn an_alert_is_published_as_it_is_now() {
    let world = World::new().await;
    world.import(&Item { low_at: Some(Quantity::new(9)), ..world.plain("A") }, &[("WH-1", 10)]).await;
    world.settle().await;
    world.take_stock([world.stock("lost", "A", "WH-1", StockKind::WriteOff, 1)]).await;
    let raised = message_about(&world);
    world.take_stock([world.stock("found", "A", "WH-1", StockKind::Receipt, 20)]).await;
    world.settle().await;
    let states = |world: &World| world.bus.alerts.take().into_iter().map(|alert| alert.state).collect::<Vec<_>>();
    assert_eq!(states(&world), [AlertState::Cleared], "the stream publishes the newer state");
    assert_eq!(world.redo(&[raised]).await, [0; 0]);
    assert_eq!(states(&world), [AlertState::Cleared]);
}

/// Protects an installation whose stream was not read for more than a day: the operator's command recomputes every item.
#[tokio::test]
async fn the_command_of_the_operator_recomputes_every_item() {
    let world = with_component("RESIN").await;
    let _lost = given_up(&world, "RESIN", 5).await;
    let table = promissory_cli::table::Table::new(world.table.client.clone(), Table::NAME);
    let requested_at = promissory_cli::catalog::command::refresh(&table, &world.clock).await.expect("requested");
    assert_eq!(requested_at, world.clock.now());
    world.clock.pass(61);
    world.reconcile(start(&world).front(), Job::Backlog).await.expect("refreshed");
    assert_eq!(world.promise("RESIN").await.available.units(), 15);
    world.table.faults.next("PutItem", 1, Fault::Denied);
    let error = promissory_cli::catalog::command::refresh(&table, &world.clock).await.expect_err("refused");
    assert!(error.to_string().contains("dynamodb:GetItem and PutItem"), "{error}");
}

/// Protects the payload of the function: an event of a queue is not taken for one of the stream, nor the other way round.
#[test]
fn an_event_of_the_queue_is_not_taken_for_one_of_the_stream() {
    let payload = |source: &str| -> Value {
        let record = serde_json::json!({
            "eventSource": source, "eventID": "1", "eventName": "INSERT", "awsRegion": "us-east-1",
            "dynamodb": { "Keys": {}, "SequenceNumber": "1", "SizeBytes": 1 }, "messageId": "m", "body": "text",
        });
        serde_json::json!({ "Records": [record] })
    };
    for (source, is_queue) in [("aws:sqs", true), ("aws:dynamodb", false)] {
        let parsed = ats_recompute::Invocation::parse(payload(source)).expect("an event");
        assert_eq!(matches!(parsed, ats_recompute::Invocation::GivenUp(_)), is_queue, "{source}");
    }
}
