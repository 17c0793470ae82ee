//! The audit and replay of the ledger: a sound ledger passes, damage is found and named, and concurrent movements are not
//! reported as damage.

use std::cell::Cell;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join;
use promissory::ledger::Position;
use promissory::ledger::replay::{At, Mismatch, Moment};
use promissory::movement::PositionKey;
use promissory::ports::Store;
use promissory::source::StockKind;
use promissory::table::{Expect, Key, RowKey, Write};
use promissory_cli::ledger::{VerifyConfig, VerifyReport, replay, verify};
use promissory_cli::table::Table as Ledger;
use promissory_tests::dynamo::Table;
use promissory_tests::faults::Fault;
use promissory_tests::webhook::{fulfilment, order};
use promissory_tests::world::{WH, World, position};
use serde_json::{Value, json};

/// Configurations that split the table in different ways.
const WAYS: [VerifyConfig; 4] = [
    VerifyConfig { segments: 1, rows_per_page: None, marks_since: None },
    VerifyConfig { segments: 1, rows_per_page: Some(1), marks_since: None },
    VerifyConfig { segments: 3, rows_per_page: Some(2), marks_since: None },
    VerifyConfig { segments: 4, rows_per_page: Some(7), marks_since: None },
];

/// Three items at two places each, with movements of stock and orders: eight positions.
async fn world() -> World {
    let world = World::new().await;
    for sku in ["A", "B", "C@x"] {
        world.item(sku, &[("WH-1", 10), ("3PL-1", 5)]).await;
        for n in 0..6 {
            world.clock.pass(60);
            world.take_stock([world.stock(&format!("{sku}{n}"), sku, "WH-1", StockKind::Receipt, 1)]).await;
        }
    }
    for id in 1..=4 {
        let body = order(id).line(id * 10, "A", 2).line(id * 10 + 1, "C@x", 1);
        world.deliver_accepted("orders/create", &format!("w{id}"), body.bytes()).await;
    }
    world.deliver_accepted("fulfillments/create", "f1", fulfilment(7, 1, WH).at(5).line(10, 2).bytes()).await;
    world
}

fn ledger(world: &World) -> Ledger {
    Ledger::new(world.table.client.clone(), Table::NAME)
}

async fn verified(world: &World, way: &VerifyConfig) -> VerifyReport {
    verify(&ledger(world), &world.clock, way, &|_| ()).await.expect("the table can be read")
}

/// Mismatches in words: kind and position.
fn in_words(mismatches: &[Mismatch]) -> Vec<String> {
    let in_words = |mismatch: &Mismatch| {
        let value = serde_json::to_value(mismatch).expect("an object");
        format!("{} {}", value["kind"].as_str().expect("a kind"), value["position"].as_str().expect("a position"))
    };
    mismatches.iter().map(in_words).collect()
}

/// Protects the audit from its own reading: for every split into segments and pages, a sound ledger passes, each row is counted
/// once, and no position is read twice.
#[tokio::test]
async fn a_sound_ledger_verifies_however_it_is_read() {
    let world = world().await;
    let contents = world.contents().await;
    let count = |count: usize| u64::try_from(count).expect("countable");
    let expected = VerifyReport {
        positions: count(contents.positions.len()),
        movements: count(contents.all_movements().count()),
        ..VerifyReport::default()
    };
    assert_eq!((expected.positions, expected.movements), (8, 35));
    for way in WAYS {
        world.table.faults.forget_calls();
        assert_eq!(verified(&world, &way).await, expected, "{way:?}");
        assert_eq!(world.table.faults.calls("Query"), 0, "{way:?}");
        let pages = world.table.faults.calls("Scan");
        let most = way.rows_per_page.map_or(1, |rows| world.table.rows().len().div_ceil(usize::try_from(rows).expect("small")));
        assert!(pages >= most, "{way:?}: {pages} pages");
    }
    let empty = World::new().await;
    assert_eq!(verified(&empty, &WAYS[2]).await, VerifyReport::default(), "a table without a position");
}

fn head() -> Key {
    RowKey::Position(position("A", "WH-1")).key()
}

fn movement(seq: u64) -> Key {
    RowKey::Movement { of: position("A", "WH-1"), seq }.key()
}

/// Changes the content of a row without a movement.
async fn edit(world: &World, key: Key, change: impl FnOnce(&mut Value)) {
    let record = world.table.store.get(std::slice::from_ref(&key)).await.expect("read").remove(0).expect("a row");
    let mut body = record.body;
    change(&mut body);
    put(world, key, body, Expect::Revision(record.revision)).await;
}

async fn put(world: &World, key: Key, body: Value, expect: Expect) {
    world.table.store.write(&[Write::Put { key, body, index: None, expires_at: None, expect }]).await.expect("written");
}

async fn remove(world: &World, key: Key) {
    let record = world.table.store.get(std::slice::from_ref(&key)).await.expect("read").remove(0).expect("a row");
    world.table.store.write(&[Write::Delete { key, expect: Expect::Revision(record.revision) }]).await.expect("deleted");
}

/// A damage to the rows of one position.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A deleted row.
    Gone(fn() -> Key),
    /// A changed number: row, JSON pointer, value.
    Edited(fn() -> Key, &'static str, i64),
    /// A changed text: row, JSON pointer, value.
    Named(fn() -> Key, &'static str, &'static str),
    /// A position without movements, with this sequence number.
    Invented(u64),
}

async fn damage(world: &World, damage: Damage) {
    match damage {
        Damage::Gone(key) => remove(world, key()).await,
        Damage::Edited(key, pointer, value) => {
            edit(world, key(), |body| *body.pointer_mut(pointer).expect("a field") = json!(value)).await;
        }
        Damage::Named(key, pointer, value) => {
            edit(world, key(), |body| *body.pointer_mut(pointer).expect("a field") = json!(value)).await;
        }
        Damage::Invented(seq) => {
            let of: PositionKey = position("Z", "WH-1");
            let row = Position { seq, ..Position::empty(of.clone()) };
            put(world, RowKey::Position(of).key(), serde_json::to_value(row).expect("an object"), Expect::Absent).await;
        }
    }
}

/// Protects the audit: each kind of damage is found and named, and nothing else is reported.
#[tokio::test]
async fn damage_is_found_and_named() {
    use Damage::{Edited, Gone, Invented, Named};
    // A@WH-1 has nine movements: seven receipts, and an order that was assigned to it and shipped.
    let rows: [(Damage, &[&str]); 19] = [
        (Gone(|| movement(4)), &["gap A@WH-1"]),
        (Gone(|| movement(1)), &["gap A@WH-1"]),
        (Gone(|| movement(9)), &["differs A@WH-1"]),
        (Gone(head), &["unstored A@WH-1"]),
        (Edited(|| movement(4), "/after/on_hand", 1), &["unsound A@WH-1"]),
        (Edited(|| movement(9), "/after/moved_by_shop", 1), &["unsound A@WH-1"]),
        (Edited(|| movement(4), "/before/held", 1), &["broken A@WH-1"]),
        (Edited(|| movement(1), "/before/on_hand", 1), &["broken A@WH-1"]),
        (Edited(|| movement(4), "/quantity", 2), &["unsound A@WH-1"]),
        (Edited(|| movement(4), "/quantity", i64::MIN), &["unsound A@WH-1"]),
        (Named(|| movement(4), "/kind", "lost"), &["unsound A@WH-1"]),
        (Edited(head, "/on_hand", 99), &["differs A@WH-1"]),
        (Edited(head, "/seq", 8), &["differs A@WH-1"]),
        (Edited(head, "/seq", 0), &["differs A@WH-1"]),
        (Named(|| movement(4), "/kind", "vanish"), &["unreadable A@WH-1"]),
        (Named(head, "/on_hand", "many"), &["unreadable A@WH-1"]),
        (Edited(|| movement(4), "/seq", 5), &["misfiled A@WH-1"]),
        (Named(|| movement(4), "/place", "3PL-1"), &["misfiled A@WH-1"]),
        (Invented(3), &["differs Z@WH-1"]),
    ];
    for (done, expected) in rows {
        let world = world().await;
        damage(&world, done).await;
        for way in [WAYS[0], WAYS[2]] {
            assert_eq!(in_words(&verified(&world, &way).await.mismatches), expected, "{done:?}, {way:?}");
        }
    }
    let world = world().await;
    damage(&world, Invented(0)).await;
    assert_eq!(verified(&world, &WAYS[2]).await.mismatches, [], "the position has no movements");
    damage(&world, Gone(head)).await;
    edit(&world, RowKey::Position(position("C@x", "unassigned")).key(), |body| body["reserved"] = json!(-1)).await;
    let found = verified(&world, &WAYS[3]).await.mismatches;
    assert_eq!(in_words(&found), ["unstored A@WH-1", "differs C@x@unassigned"], "both, in the order of positions");
}

/// Verifies the table row by row while stock keeps moving. Returns the report, and whether a position was read again.
async fn verified_while_moving(world: &World) -> (VerifyReport, bool) {
    world.table.faults.forget_calls();
    let is_done = Cell::new(false);
    let reading = async {
        let report = verified(world, &WAYS[1]).await;
        is_done.set(true);
        report
    };
    let moving = async {
        // The movements outnumber the reads, but end so that the scan can finish.
        for n in 0..60 {
            if is_done.get() {
                break;
            }
            let sku = ["A", "B", "C@x", "NEW"][n % 4];
            world.take_stock([world.stock(&format!("moving{n}"), sku, "WH-1", StockKind::Receipt, 1)]).await;
        }
    };
    let (report, ()) = join(reading, moving).await;
    (report, world.table.faults.calls("Query") > 0)
}

/// Protects the audit of an open shop: a position that moves during the scan is not reported, and damage still is.
#[tokio::test]
async fn a_concurrent_write_is_no_mismatch() {
    let sound = world().await;
    let (report, was_read_again) = verified_while_moving(&sound).await;
    assert_eq!(report.mismatches, []);
    assert!(was_read_again, "the scan met a position that had moved");
    assert_eq!(sound.contents().await.mismatches(), []);

    let damaged = world().await;
    damage(&damaged, Damage::Edited(|| movement(4), "/after/on_hand", 1)).await;
    let (report, _) = verified_while_moving(&damaged).await;
    assert_eq!(in_words(&report.mismatches), ["unsound A@WH-1"]);
}

/// Protects users from taking a failed read for a correct ledger.
#[tokio::test]
async fn an_unreadable_table_is_an_error() {
    for (operation, fault, advice) in [
        ("Scan", Fault::Throttled, "--segments 1"),
        ("Scan", Fault::RequestLost, "Check that DynamoDB answers"),
        ("Query", Fault::Throttled, "--segments 1"),
        ("GetItem", Fault::Internal, "Check that DynamoDB answers"),
    ] {
        let world = world().await;
        damage(&world, Damage::Gone(|| movement(4))).await;
        world.table.faults.after(operation, 1, 1, fault);
        let error = verify(&ledger(&world), &world.clock, &WAYS[3], &|_| ()).await.expect_err("it cannot be read").to_string();
        assert!(error.contains(Table::NAME) && error.contains(operation) && error.contains(advice), "{operation}: {error}");
    }
}

/// The state of a position in words: sequence, on hand and reserved, and the numbers of the last movements.
fn seen(found: Result<Moment, Mismatch>) -> String {
    match found {
        Ok(Moment { state, recent }) => {
            let last: Vec<u64> = recent.iter().map(|movement| movement.seq).collect();
            format!("{}: {} {}, {last:?}", state.seq, state.balance.on_hand, state.balance.reserved)
        }
        Err(mismatch) => in_words(&[mismatch]).concat(),
    }
}

/// Protects replay: a position is shown as of a number or a time, or as it is, with its movements.
#[tokio::test]
async fn a_position_is_replayed() {
    let world = world().await;
    let began = "2026-11-21T12:00:00Z";
    let of = position("A", "WH-1");
    let at = |time: &str| At::Time(time.parse().expect("a time"));
    let rows = [
        (At::Now, "9: 14 0, [7, 8, 9]"),
        (At::Seq(9), "9: 14 0, [7, 8, 9]"),
        (At::Seq(8), "8: 16 2, [6, 7, 8]"),
        (At::Seq(1), "1: 10 0, [1]"),
        (At::Seq(0), "0: 0 0, []"),
        (at("2026-11-21T11:59:59Z"), "0: 0 0, []"),
        (at(began), "1: 10 0, [1]"),
        (at("2026-11-21T12:02:30Z"), "3: 12 0, [1, 2, 3]"),
        (at("2027-01-01T00:00:00Z"), "9: 14 0, [7, 8, 9]"),
    ];
    for (at, expected) in rows {
        let found = replay(&ledger(&world), &world.clock, &of, at, 3).await.expect("it is there");
        assert_eq!(seen(found), expected, "{at:?}");
    }

    // A long history is read page by page, and no further than needed.
    let events = (0..1_200).map(|n| world.stock(&format!("long{n}"), "B", "3PL-1", StockKind::Receipt, 1));
    world.take_stock(events).await;
    for (at, queries, expected) in [(At::Now, 2, "1201: 1205 0, [1200, 1201]"), (At::Seq(1_000), 1, "1000: 1004 0, [999, 1000]")]
    {
        world.table.faults.forget_calls();
        let found = replay(&ledger(&world), &world.clock, &position("B", "3PL-1"), at, 2).await.expect("it is there");
        assert_eq!((seen(found).as_str(), world.table.faults.calls("Query")), (expected, queries), "{at:?}");
    }
}

/// Protects answers about the past from later damage, and the present from being reported as sound when it is not.
#[tokio::test]
async fn a_damaged_history_is_replayed_up_to_the_damage() {
    use Damage::{Edited, Gone, Named};
    let past = At::Time("2026-11-21T12:01:30Z".parse().expect("a time"));
    let future = At::Time("2027-01-01T00:00:00Z".parse().expect("a time"));
    let rows = [
        (Edited(|| movement(4), "/after/on_hand", 1), At::Seq(3), "3: 12 0, [3]"),
        (Edited(|| movement(4), "/after/on_hand", 1), At::Seq(4), "unsound A@WH-1"),
        (Edited(|| movement(4), "/after/on_hand", 1), At::Now, "unsound A@WH-1"),
        (Edited(|| movement(4), "/after/on_hand", 1), past, "2: 11 0, [2]"),
        (Edited(|| movement(4), "/after/on_hand", 1), future, "unsound A@WH-1"),
        (Named(|| movement(4), "/place", "3PL-1"), At::Seq(3), "3: 12 0, [3]"),
        (Named(|| movement(4), "/place", "3PL-1"), At::Now, "misfiled A@WH-1"),
        (Named(|| movement(4), "/kind", "vanish"), At::Seq(5), "unreadable A@WH-1"),
        (Edited(head, "/on_hand", 99), At::Seq(9), "9: 14 0, [9]"),
        (Edited(head, "/on_hand", 99), At::Now, "differs A@WH-1"),
        (Gone(head), At::Seq(9), "9: 14 0, [9]"),
        (Gone(head), At::Seq(0), "0: 0 0, []"),
        (Gone(head), At::Now, "unstored A@WH-1"),
        (Gone(|| movement(9)), At::Now, "differs A@WH-1"),
        (Gone(|| movement(9)), At::Seq(9), "differs A@WH-1"),
        (Gone(|| movement(9)), future, "differs A@WH-1"),
        (Gone(|| movement(9)), past, "2: 11 0, [2]"),
    ];
    for (done, at, expected) in rows {
        let world = world().await;
        damage(&world, done).await;
        let found = replay(&ledger(&world), &world.clock, &position("A", "WH-1"), at, 1).await.expect("it is there");
        assert_eq!(seen(found), expected, "{done:?}, {at:?}");
    }
}

/// Protects users from an empty answer about an unknown position: the error names what to check.
#[tokio::test]
async fn an_unknown_position_is_an_error() {
    let world = world().await;
    for (sku, place, at, expected) in [
        ("A", "STORE-1", At::Now, "positions at unassigned, 3PL-1, WH-1"),
        ("B", "unassigned", At::Seq(0), "positions at 3PL-1, WH-1"),
        ("X", "WH-1", At::Now, "it has no position at any location of the network"),
        ("A", "WH-1", At::Seq(10), "A@WH-1: the position has no movement 10; its last movement is 9"),
    ] {
        let found = replay(&ledger(&world), &world.clock, &position(sku, place), at, 1).await;
        let error = found.expect_err("it is not there").to_string();
        assert!(error.contains(expected), "{sku}@{place}: {error}");
    }
}

/// Protects a restored table from an event that would be applied a second time: DynamoDB restored its movement, and not its mark.
#[tokio::test]
async fn a_movement_without_the_mark_of_its_event_is_found() {
    let world = world().await;
    let since = world.clock.after(0);
    world.clock.pass(60);
    for id in ["torn", "whole"] {
        world.take_stock([world.stock(id, "A", "WH-1", StockKind::Receipt, 1)]).await;
    }
    let way = VerifyConfig { segments: 2, rows_per_page: Some(3), marks_since: Some(since) };
    assert_eq!(verified(&world, &way).await.unmarked, []);
    let event = world.stock("torn", "A", "WH-1", StockKind::Receipt, 1).id;
    let key = RowKey::AppliedEvent(event.clone()).key();
    let key = [("pk", key.pk), ("sk", key.sk)].map(|(name, text)| (name.to_owned(), AttributeValue::S(text)));
    world.table.client.delete_item().table_name(Table::NAME).set_key(Some(key.into())).send().await.expect("deleted");
    let found = verified(&world, &way).await;
    assert_eq!((found.unmarked, found.mismatches), (vec![event], vec![]));
    let later = VerifyConfig { marks_since: Some(world.clock.after(1)), ..way };
    assert_eq!(verified(&world, &later).await.unmarked, [], "only younger movements are looked at");
}
