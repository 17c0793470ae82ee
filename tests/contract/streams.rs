//! The stream readers: DynamoDB Streams and the simulated stream return the same records of a batch, and the adapter classifies failures.

use ats_recompute::{GivenUpBatch, StreamReadError, StreamReader};
use aws_lambda_events::event::dynamodb::EventRecord;
use promissory::catalog::{Item, Sku};
use promissory::ports::Store;
use promissory::table::{Expect, RowKey, Write};
use promissory_simulation::{Rng, SimStore, SimStreams, failure_message};
use promissory_tests::dynamo;
use promissory_tests::faults::Fault;
use serde_json::{Value, json};

fn sku(nth: usize) -> Sku {
    format!("SKU-{nth}").parse().expect("a SKU")
}

/// Writes rows of each event of a record: five inserts, a change, and a removal.
async fn fill<S: Store>(store: &S) {
    for nth in 0..5 {
        store.write(&[Write::put(&Item::new(sku(nth)), Expect::Absent)]).await.expect("written");
    }
    store.write(&[Write::put(&Item { by_lot: true, ..Item::new(sku(2)) }, Expect::Revision(1))]).await.expect("written");
    let plan =
        Write::Put { key: RowKey::Plan(sku(0)).key(), body: json!({}), index: None, expires_at: None, expect: Expect::Absent };
    store.write(&[plan]).await.expect("written");
    store.write(&[Write::Delete { key: RowKey::Plan(sku(0)).key(), expect: Expect::Revision(1) }]).await.expect("deleted");
}

/// What the handler reads of a record.
fn content(record: &EventRecord) -> (String, Option<String>, Value) {
    let change = &record.change;
    let image = |item: &serde_dynamo::Item| item.get("body").cloned().map(|body| serde_json::to_value(&body).expect("JSON"));
    let images = json!([change.keys, image(&change.old_image), image(&change.new_image)]);
    (record.event_name.clone(), change.sequence_number.clone(), images)
}

/// Every batch of the stream has exactly its records, in order; and a place that does not exist has none.
async fn check<R: StreamReader>(reader: &R, all: &[EventRecord], message: impl Fn(usize, usize) -> String) {
    assert_eq!(all.len(), 8);
    for (first, last) in [(0, 7), (0, 0), (2, 5), (6, 7), (7, 7)] {
        let batch = GivenUpBatch::parse(&message(first, last)).expect("a message");
        let found = reader.read(&batch).await.expect("read");
        let found: Vec<_> = found.iter().map(content).collect();
        let expected: Vec<_> = all[first..=last].iter().map(content).collect();
        assert_eq!(found, expected, "{first} to {last}");
    }
    let batch = GivenUpBatch::parse(&message(0, 0)).expect("a message");
    let other = GivenUpBatch { stream_arn: batch.stream_arn.replace("table/", "table/other-"), ..batch };
    assert!(matches!(reader.read(&other).await, Err(StreamReadError::Gone { .. })), "another stream");
}

/// Protects given-up records: the adapter returns what Lambda would deliver, at its place.
#[tokio::test]
async fn dynamodb_returns_the_records_of_a_batch() {
    let table = dynamo::table();
    fill(&table.store).await;
    let raw = table.stream();
    let all: Vec<EventRecord> = serde_json::from_value(raw.clone().into()).expect("records");
    check(&table.streams(), &all, |first, last| table.failure_message(&raw[first], &raw[last])).await;
}

/// Protects the simulator: its stream behaves as that of DynamoDB.
#[tokio::test]
async fn the_simulated_stream_returns_the_records_of_a_batch() {
    let store = SimStore::new(Rng::new(1));
    fill(&store).await;
    let streams = SimStreams::new(store, Rng::new(1));
    check(&streams, &streams.records(), failure_message).await;
}

/// Protects batches that are longer than a page of the stream.
#[tokio::test]
async fn a_batch_of_several_pages_is_read_whole() {
    let table = dynamo::table();
    for chunk in 0..11 {
        let items = (0..100).map(|nth| Write::put(&Item::new(sku(chunk * 100 + nth)), Expect::Absent));
        table.store.write(&items.collect::<Vec<_>>()).await.expect("written");
    }
    let mut raw = table.stream();
    raw.extend(table.stream());
    assert_eq!(raw.len(), 1_100);
    table.faults.forget_calls();
    let batch = GivenUpBatch::parse(&table.failure_message(&raw[10], &raw[1_090])).expect("a message");
    let found = table.streams().read(&batch).await.expect("read");
    assert_eq!((found.len(), table.faults.calls("GetRecords")), (1_081, 2));
    assert_eq!(
        found.last().map(content).map(|(_, number, _)| number),
        Some(raw[1_090]["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned))
    );
}

/// Protects given-up records from an error that passes, and the queue from one that does not.
#[tokio::test]
async fn failures_of_a_stream_are_classified() {
    let table = dynamo::table();
    fill(&table.store).await;
    let raw = table.stream();
    let batch = GivenUpBatch::parse(&table.failure_message(&raw[0], &raw[1])).expect("a message");
    for (fault, is_gone) in [
        (Fault::Throttled, false),
        (Fault::Internal, false),
        (Fault::RequestLost, false),
        (Fault::AnswerLost, false),
        // A role without the permission is corrected by a deployment.
        (Fault::Denied, false),
        (Fault::Invalid, true),
        (Fault::Trimmed, true),
    ] {
        for operation in ["GetShardIterator", "GetRecords"] {
            table.faults.next(operation, 1, fault);
            let error = table.streams().read(&batch).await.expect_err("it fails");
            assert_eq!(matches!(error, StreamReadError::Gone { .. }), is_gone, "{operation} {fault:?}: {error}");
        }
    }
    assert_eq!(table.streams().read(&batch).await.expect("read").len(), 2);
}

/// Protects the queue from a message that would be repeated for ever: where the last record never comes, every item is recomputed.
#[tokio::test]
async fn a_last_record_that_never_comes_ends_the_search() {
    let table = dynamo::table();
    fill(&table.store).await;
    let raw = table.stream();
    let mut batch = GivenUpBatch::parse(&table.failure_message(&raw[0], &raw[0])).expect("a message");
    batch.last = "9".repeat(40).try_into().expect("a number");
    assert!(matches!(table.streams().read(&batch).await, Err(StreamReadError::Gone { .. })));
}
