//! How the DynamoDB store classifies failures: conflict, transient failure, or success.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use promissory::catalog::{Location, LocationKind};
use promissory::ports::{Listing, Store, StoreError, WriteError, list_all};
use promissory::table::{Expect, Key, Partition, Record, Row, Write};
use promissory_tests::dynamo::{self, Table};
use promissory_tests::faults::Fault;
use serde_json::json;

fn put(name: &str) -> Write {
    Write::Put { key: Key::new("fault", name), body: json!({}), index: None, expires_at: None, expect: Expect::Absent }
}

fn kind(outcome: &Result<(), WriteError>) -> &'static str {
    match outcome {
        Ok(()) => "done",
        Err(WriteError::Refused(_)) => "refused",
        Err(WriteError::Conflict) => "conflict",
        Err(WriteError::Store(StoreError::Unavailable { .. })) => "unavailable",
        Err(WriteError::Store(StoreError::Unreadable(_))) => "unreadable",
        Err(WriteError::Store(StoreError::Unwritable(_))) => "unwritable",
        Err(WriteError::Store(StoreError::Rejected { .. })) => "rejected",
    }
}

/// Protects retries: a conflict differs from a transient failure, and after a lost answer a repetition finds the finished
/// write.
#[tokio::test]
async fn failures_of_a_write_are_classified() {
    let rows = [
        (Fault::Throttled, "unavailable", "done"),
        (Fault::Internal, "unavailable", "done"),
        (Fault::RequestLost, "unavailable", "done"),
        (Fault::Conflict, "conflict", "done"),
        (Fault::AnswerLost, "unavailable", "refused"),
        (Fault::Denied, "rejected", "done"),
        (Fault::Invalid, "unwritable", "done"),
    ];
    for (fault, at_first, then) in rows {
        for writes in [vec![put("a")], vec![put("a"), put("b")], vec![put("a"), put("b"), put("c")]] {
            let table = dynamo::table();
            table.faults.next("*", 1, fault);
            assert_eq!(kind(&table.store.write(&writes).await), at_first, "{fault:?} at {} writes", writes.len());
            assert_eq!(kind(&table.store.write(&writes).await), then, "after {fault:?} at {} writes", writes.len());
            assert_eq!(table.rows().len(), writes.len(), "all of them are there, once");
        }
    }
    let table = dynamo::table();
    table.faults.next("TransactWriteItems", 1, Fault::ThrottledInside);
    assert_eq!(kind(&table.store.write(&[put("a"), put("b")]).await), "unavailable", "a transaction throttled at one row");
    table.faults.next("TransactWriteItems", 1, Fault::InvalidInside);
    assert_eq!(kind(&table.store.write(&[put("a"), put("b")]).await), "unwritable", "a transaction with one invalid row");
    assert_eq!(table.rows().len(), 0);
}

/// Protects everything behind a row that can never be written: it is found before the call, by its size or its key.
#[tokio::test]
async fn a_row_beyond_a_limit_is_not_sent() {
    let table = dynamo::table();
    let long = |pk: usize, sk: usize| Write::Put {
        key: Key::new("p".repeat(pk), "s".repeat(sk)),
        body: json!({}),
        index: None,
        expires_at: None,
        expect: Expect::Absent,
    };
    assert_eq!(kind(&table.store.write(&[long(2_048, 1_024)]).await), "done", "the longest key");
    let many: Vec<Write> = (0..100).map(|n| put(&n.to_string())).collect();
    for (case, writes) in [
        ("partition key", vec![long(2_049, 1)]),
        ("sort key", vec![put("a"), long(1, 1_025)]),
        ("among a hundred", many[..99].iter().cloned().chain([long(2_049, 1)]).collect()),
    ] {
        table.faults.forget_calls();
        assert_eq!(kind(&table.store.write(&writes).await), "unwritable", "{case}");
        assert_eq!(table.faults.calls("PutItem") + table.faults.calls("TransactWriteItems"), 0, "{case}");
    }
    assert_eq!(table.rows().len(), 1);
}

/// Protects decisions from incomplete reads: a failed read returns an error, and unprocessed keys are read again.
#[tokio::test]
async fn failures_of_a_read_are_errors() {
    let keys = ["a", "b", "c"].map(|name| Key::new("fault", name));
    for fault in [Fault::Throttled, Fault::Internal, Fault::RequestLost, Fault::AnswerLost] {
        let table = dynamo::table();
        table.faults.next("*", 3, fault);
        let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable { .. });
        assert!(table.store.get(&keys).await.is_err_and(|error| unavailable(&error)), "{fault:?} at a batch");
        assert!(table.store.get(&keys[..1]).await.is_err_and(|error| unavailable(&error)), "{fault:?} at one key");
        let listed = table.store.list(&Listing::stored("fault", "")).await;
        assert!(listed.is_err_and(|error| unavailable(&error)), "{fault:?} at a listing");
    }
    let table = dynamo::table();
    table.store.write(&[put("a"), put("b"), put("c")]).await.expect("written");
    table.faults.next("BatchGetItem", 1, Fault::KeysLeftOut);
    let found = table.store.get(&keys).await.expect("read");
    assert!(found.iter().zip(&keys).all(|(row, key)| row.as_ref().is_some_and(|row| row.key == *key)), "{found:?}");
}

/// Protects the other rows of a read or a page from an item that another program wrote, without a revision or without a body that can be
/// read. Such an item can be written anew.
#[tokio::test]
async fn an_item_of_another_program_fails_alone() {
    let table = dynamo::table();
    let location = |code: &str| Location::new(code.parse().expect("a location"), LocationKind::Warehouse);
    table.store.write(&[Write::put(&location("GOOD"), Expect::Absent)]).await.expect("written");
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let broken: [(&str, Vec<(&str, AttributeValue)>); 4] = [
        ("EMPTY", vec![]),
        ("NO-REVISION", vec![("body", AttributeValue::M(HashMap::new()))]),
        ("TEXT", vec![("rev", text("first")), ("body", text("a text"))]),
        ("NOT-DEFLATED", vec![("rev", AttributeValue::N("3".to_owned())), ("body", AttributeValue::B(b"bytes".to_vec().into()))]),
    ];
    for (code, attributes) in broken.clone() {
        let Key { pk, sk } = location(code).key();
        let mut item = HashMap::from([("pk".to_owned(), text(&pk)), ("sk".to_owned(), text(&sk))]);
        item.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
        table.client.put_item().table_name(Table::NAME).set_item(Some(item)).send().await.expect("put");
    }
    let keys: Vec<Key> = ["GOOD", "EMPTY", "NO-REVISION", "TEXT", "NOT-DEFLATED"].map(|code| location(code).key()).into();
    let read = table.store.get(&keys).await.expect("read");
    let listed = list_all(&table.store, Listing::rows(&Partition::Locations)).await.expect("listed");
    let readable = |records: &[Record]| records.iter().filter(|record| record.decode::<Location>().is_ok()).count();
    let read: Vec<Record> = read.into_iter().flatten().collect();
    assert_eq!((read.len(), readable(&read), listed.len(), readable(&listed)), (5, 1, 5, 1));
    for record in &read[1..] {
        let code = record.key.sk.clone();
        let old = Expect::Revision(record.revision + 7);
        let anew =
            |expect| Write::Put { key: record.key.clone(), body: json!(location("GOOD")), index: None, expires_at: None, expect };
        assert!(matches!(table.store.write(&[anew(old)]).await, Err(WriteError::Refused(_))), "{code}");
        table.store.write(&[anew(Expect::as_read(Some(record)))]).await.expect("written anew");
        assert!(matches!(table.store.write(&[anew(Expect::as_read(Some(record)))]).await, Err(WriteError::Refused(_))), "{code}");
    }
}
