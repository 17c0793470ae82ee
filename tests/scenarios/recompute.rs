//! The stream handler: from stream records to promises, alerts and hints.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use promissory::alert::{AlertState, AlertSubject};
use promissory::catalog::{Item, Quantity};
use promissory::flows::recompute;
use promissory::ledger::Position;
use promissory::movement::EventId;
use promissory::ports::Store;
use promissory::source::StockKind;
use promissory::table::{Expect, Key, RowKey, RowKind, Write};
use promissory_tests::faults::Fault;
use promissory_tests::webhook::order;
use promissory_tests::world::{World, is_delivered, position, stream_event};
use serde_json::{Value, json};

/// Stock by location, units held at WH-1, units ordered online, and the buffer; then the available units at each place and in
/// total.
type Case = (&'static [(&'static str, i64)], i64, i64, i64, &'static [(&'static str, i64)], i64);

const CASES: [Case; 9] = [
    (&[("WH-1", 10)], 0, 0, 0, &[("WH-1", 10)], 10),
    (&[("WH-1", 10), ("3PL-1", 5)], 0, 0, 0, &[("WH-1", 10), ("3PL-1", 5)], 15),
    (&[("WH-1", 10), ("STORE-1", 4)], 0, 0, 0, &[("WH-1", 10), ("STORE-1", 4)], 10),
    (&[("WH-1", 10)], 3, 0, 0, &[("WH-1", 7)], 7),
    (&[("WH-1", 10), ("3PL-1", 5)], 0, 6, 0, &[("WH-1", 10), ("3PL-1", 5), ("unassigned", -6)], 9),
    (&[("WH-1", 10), ("3PL-1", 5)], 0, 0, 2, &[("WH-1", 8), ("3PL-1", 3)], 11),
    (&[("WH-1", 1), ("3PL-1", 5)], 0, 0, 2, &[("WH-1", 0), ("3PL-1", 3)], 3),
    (&[("WH-1", 10)], 9, 0, 2, &[("WH-1", 0)], 0),
    (&[("WH-1", 2)], 0, 5, 0, &[("WH-1", 2), ("unassigned", -5)], -3),
];

/// Protects the available units: per place and in total, less reserved, held and buffered units. A store sells its own stock
/// only.
#[tokio::test]
async fn available_is_computed_per_place_and_in_total() {
    for (stock, held, ordered, buffer, places, available) in CASES {
        let case = format!("{stock:?}, {held} held, {ordered} ordered, a buffer of {buffer}");
        let world = World::new().await;
        world.import(&Item { buffer: Some(Quantity::new(buffer)), ..world.plain("A") }, stock).await;
        if held > 0 {
            world.take_stock([world.stock("held", "A", "WH-1", StockKind::QualityHold, held)]).await;
        }
        if ordered > 0 {
            world.deliver_accepted("orders/create", "w1", order(1).line(11, "A", ordered).bytes()).await;
        }
        world.settle().await;
        let promise = world.promise("A").await;
        let found: BTreeMap<String, i64> =
            promise.places.iter().map(|(place, at)| (place.to_string(), at.available.units())).collect();
        let expected: BTreeMap<String, i64> = places.iter().map(|(place, units)| ((*place).to_owned(), *units)).collect();
        assert_eq!((found, promise.available.units()), (expected, available), "{case}");
    }
}

/// The movement numbers that the versions of a promise were computed from, in the order of writing.
fn versions(records: &[Value]) -> Vec<u64> {
    let promises = records
        .iter()
        .filter(|record| record["dynamodb"]["Keys"]["pk"]["S"] == RowKey::Promise("A".parse().expect("a SKU")).key().pk);
    let seq = |record: &Value| {
        record["dynamodb"]["NewImage"]["body"]["M"]["places"]["M"]["WH-1"]["M"]["seq"]["N"].as_str().and_then(|n| n.parse().ok())
    };
    promises.map(|record| seq(record).unwrap_or(0)).collect()
}

/// Protects promises from going backwards: an overtaken computation is not written over a newer one.
#[tokio::test]
async fn a_promise_never_goes_backwards() {
    // The head start of the computation that is overtaken, in steps of the executor.
    for head_start in 0..16 {
        let world = World::new().await;
        world.item("A", &[("WH-1", 10)]).await;
        world.settle().await;
        let sku = "A".parse().expect("a SKU");
        let compute = async || recompute(&world.table.store, &world.clock, &world.network, &sku).await.expect("computed");
        let move_and_compute = async |n: u64| {
            for _ in 0..head_start * n {
                tokio::task::yield_now().await;
            }
            world.take_stock([world.stock(&format!("e{n}"), "A", "WH-1", StockKind::Receipt, 1)]).await;
            compute().await;
        };
        world.take_stock([world.stock("first", "A", "WH-1", StockKind::Receipt, 1)]).await;
        futures_util::join!(compute(), move_and_compute(1), move_and_compute(2), compute());
        let written = versions(&world.table.stream());
        assert!(written.is_sorted(), "a head start of {head_start}: {written:?}");
        let promise = world.promise("A").await;
        assert_eq!((promise.available.units(), written.last()), (13, Some(&4)), "a head start of {head_start}");
    }
}

/// Protects against a storm: concurrent recomputes of a moving item end at its positions.
#[tokio::test]
async fn concurrent_recomputes_end_at_the_positions() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world.settle().await;
    let mut stream = world.table.stream();
    let moves = (0..6).map(|n| {
        let world = &world;
        async move {
            world.take_stock([world.stock(&format!("e{n}"), "A", "WH-1", StockKind::Receipt, 1)]).await;
            // A recompute with too many conflicts fails. The stream repeats it below.
            drop(recompute(&world.table.store, &world.clock, &world.network, &"A".parse().expect("a SKU")).await);
        }
    });
    join_all(moves).await;
    stream.extend(world.table.stream());
    assert!(versions(&stream).is_sorted());
    let records: Vec<Value> = stream.into_iter().filter(is_delivered).collect();
    assert!(world.recompute().handle(stream_event(&records), world.clock.after(60)).await.batch_item_failures.is_empty());
    assert_eq!(world.promise("A").await.available.units(), 16);
}

/// Protects users from too many and too few alerts: an alert is raised once at the threshold, and cleared once well above it.
#[tokio::test]
async fn low_stock_is_raised_once_and_cleared_once() {
    let world = World::new().await;
    world.import(&Item { low_at: Some(Quantity::new(20)), ..world.plain("A") }, &[("WH-1", 30)]).await;
    world.settle().await;
    assert_eq!(world.bus.alerts.take(), []);
    let rows = [
        (StockKind::WriteOff, 9, None),
        (StockKind::WriteOff, 1, Some(AlertState::Raised)),
        (StockKind::WriteOff, 1, None),
        (StockKind::Receipt, 2, None),
        (StockKind::WriteOff, 1, None),
        (StockKind::Receipt, 2, Some(AlertState::Cleared)),
        (StockKind::Receipt, 50, None),
        (StockKind::WriteOff, 72, Some(AlertState::Raised)),
    ];
    for (n, (kind, units, expected)) in rows.into_iter().enumerate() {
        world.take_stock([world.stock(&format!("e{n}"), "A", "WH-1", kind, units)]).await;
        world.settle().await;
        let published: Vec<AlertState> = world.bus.alerts.take().iter().map(|alert| alert.state).collect();
        assert_eq!(published, expected.into_iter().collect::<Vec<_>>(), "step {n}: {kind:?} of {units}");
    }
}

/// Protects the first minute: an order that crosses the threshold raises the alert in its own transaction.
#[tokio::test]
async fn an_order_raises_the_alert_itself() {
    let world = World::new().await;
    world.import(&Item { low_at: Some(Quantity::new(5)), ..world.plain("A") }, &[("WH-1", 8)]).await;
    world.settle().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "A", 2).bytes()).await;
    assert_eq!(world.alerts(), [""; 0]);
    world.deliver_accepted("orders/create", "w2", order(2).line(21, "A", 1).bytes()).await;
    assert_eq!(world.alerts(), ["low_stock#A raised"], "before the stream was played");
    world.settle().await;
    let published = world.bus.alerts.take();
    assert_eq!((published.len(), published[0].times), (1, 1), "the alert is published once");
}

/// Stream records of three items, in this order.
async fn three_records(world: &World) -> Vec<Value> {
    for sku in ["A", "B", "C"] {
        world.item(sku, &[]).await;
    }
    world.settle().await;
    for sku in ["A", "B", "C"] {
        world.take_stock([world.stock(sku, sku, "WH-1", StockKind::Receipt, 5)]).await;
    }
    let records: Vec<Value> = world.table.stream().into_iter().filter(is_delivered).collect();
    assert_eq!(records.len(), 3);
    records
}

async fn failed(world: &World, records: &[Value]) -> Vec<Option<usize>> {
    let response = world.recompute().handle(stream_event(records), world.clock.after(60)).await;
    let place = |failure: aws_lambda_events::event::streams::DynamoDbBatchItemFailure| {
        records.iter().position(|record| record["dynamodb"]["SequenceNumber"].as_str() == failure.item_identifier.as_deref())
    };
    response.batch_item_failures.into_iter().map(place).collect()
}

/// Protects an ordered stream: the first failed record is named, the other records are handled, and repeating from the failed
/// one completes the work.
#[tokio::test]
async fn the_first_failed_record_is_named() {
    let mut places = BTreeSet::new();
    for skip in 0..3 {
        let world = World::new().await;
        let records = three_records(&world).await;
        // Each item is read by a call of its own.
        world.table.faults.after("BatchGetItem", skip, 1, Fault::Throttled);
        let failures = failed(&world, &records).await;
        let [Some(place)] = failures.as_slice() else { panic!("one record failed, not {failures:?}") };
        let failing = ["A", "B", "C"][*place];
        for sku in ["A", "B", "C"].into_iter().filter(|sku| *sku != failing) {
            assert_eq!(world.promise(sku).await.available.units(), 5, "{sku} is handled beside {failing}");
        }
        assert_eq!(failed(&world, &records[*place..]).await, [None; 0]);
        assert_eq!(world.promise(failing).await.available.units(), 5);
        places.insert(*place);
    }
    assert_eq!(places.len(), 3, "each of the three failed once");
}

/// Protects an ordered stream from a failure that repeating cannot mend: the other records are handled, no record is repeated, and an
/// alert names the row.
#[tokio::test]
async fn a_permanent_failure_does_not_hold_up_the_stream() {
    let world = World::new().await;
    let records = three_records(&world).await;
    // An unreadable position, as another version of the code might leave it.
    let key = RowKey::Position(position("A", "3PL-1")).key();
    let unreadable =
        Write::Put { key: key.clone(), body: json!({ "unknown": true }), index: None, expires_at: None, expect: Expect::Absent };
    world.table.store.write(&[unreadable]).await.expect("written");
    assert_eq!(failed(&world, &records).await, [None; 0]);
    for sku in ["B", "C"] {
        assert_eq!(world.promise(sku).await.available.units(), 5, "{sku} is handled");
    }
    assert_eq!(world.alerts(), [format!("faulty_row#{key} raised")]);
    let mended = Write::put(&Position::empty(position("A", "3PL-1")), Expect::Revision(1));
    world.table.store.write(&[mended]).await.expect("written");
    world.settle().await;
    assert_eq!(world.promise("A").await.available.units(), 5);
}

/// Protects each effect of a record: when the table, the queue or the bus fails, the record is repeated, and no effect is lost.
#[tokio::test]
async fn every_failed_effect_is_repeated() {
    let world = World::new().await;
    world.import(&Item { low_at: Some(Quantity::new(9)), ..world.plain("A") }, &[("WH-1", 10)]).await;
    world.settle().await;
    let _ = (world.hints.take(), world.bus.alerts.take());
    world.take_stock([world.stock("lost", "A", "WH-1", StockKind::WriteOff, 1)]).await;
    let records: Vec<Value> = world.table.stream().into_iter().filter(is_delivered).collect();
    for operation in ["Query", "BatchGetItem", "TransactWriteItems"] {
        // A role without a permission is mended by a deployment. No record may be lost until then.
        for fault in [Fault::Throttled, Fault::Denied] {
            world.table.faults.next(operation, 1, fault);
            assert_eq!(failed(&world, &records).await.len(), 1, "{operation} {fault:?}");
        }
    }
    world.hints.refuse(1);
    assert_eq!(failed(&world, &records).await.len(), 1, "the queue");
    world.bus.alerts.refuse(1);
    assert_eq!(failed(&world, &records).await.len(), 1, "the bus");
    assert_eq!(failed(&world, &records).await, [None; 0]);
    assert_eq!(world.promise("A").await.available.units(), 9);
    assert!(!world.hints.take().is_empty() && !world.bus.alerts.take().is_empty());
}

/// Protects the handler from rows of other kinds, and from records of an item that is not imported yet.
#[tokio::test]
async fn other_rows_have_no_effect() {
    let world = World::new().await;
    let record = |pk: &str, sk: &str| {
        let keys = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        json!({
            "eventID": "1",
            "eventName": "INSERT",
            "awsRegion": "us-east-1",
            "dynamodb": { "Keys": keys, "SequenceNumber": pk, "SizeBytes": 1, "ApproximateCreationDateTime": 0.0 },
        })
    };
    let mut records = ignored_keys().iter().map(|key| record(&key.pk, &key.sk)).collect::<Vec<_>>();
    assert_eq!(failed(&world, &records).await, [None; 0]);
    let alert = RowKey::Alert(AlertSubject::RefusedEvent { system: "wms".to_owned() }).key();
    let mut unreadable = record(&alert.pk, &alert.sk);
    unreadable["dynamodb"]["NewImage"] = json!({ "body": { "M": {} } });
    records.insert(3, unreadable);
    assert_eq!(failed(&world, &records).await, [None; 0], "repeating does not make an alert readable");
    assert_eq!(world.alerts(), [format!("faulty_row#{alert} raised")]);
    world.take_stock([world.stock("e", "UNKNOWN", "WH-1", StockKind::Receipt, 5)]).await;
    world.settle().await;
    assert_eq!(world.table.count(RowKind::Promise), 0);
    // Importing the item later computes its promise.
    world.item("UNKNOWN", &[]).await;
    world.settle().await;
    assert_eq!(world.promise("UNKNOWN").await.available.units(), 5);
    let promise = world.table.store.get(&[RowKey::Promise("UNKNOWN".parse().expect("a SKU")).key()]).await.expect("read");
    assert!(promise[0].is_some());
}

/// Keys of rows that do not exist, that have no kind, or whose kind the stream does not deliver.
fn ignored_keys() -> Vec<Key> {
    let item = RowKey::Item("Z".parse().expect("a SKU")).key();
    let position = RowKey::Position("A@WH-1".parse().expect("a position")).key();
    let damaged = Key::new(format!("{}@nowhere@", position.pk), position.sk);
    let mark = RowKey::AppliedEvent(EventId::new("x", "y")).key();
    vec![mark, Key::new("of no kind", "at all"), damaged, item, RowKey::Location("GONE".parse().expect("a location")).key()]
}
