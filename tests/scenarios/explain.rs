//! Explanations of a number over the real table: from the pushed level down to movements, source documents and bills.

use promissory::catalog::Quantity;
use promissory::explain::{ExplainAnswer, ExplainNode, ExplainQuestion, NodeName};
use promissory::ports::{Listing, Store, list_all, read};
use promissory::sheets::Sheet;
use promissory::storefront::{PushCall, PushIntent, PushOutcome};
use promissory::table::{Expect, Partition, RowKey, Write};
use promissory_cli::explain::command::ask;
use promissory_cli::explain::text::text;
use promissory_cli::table::Table as Ledger;
use promissory_tests::dynamo::Table;
use promissory_tests::shop;
use promissory_tests::webhook::order;
use promissory_tests::world::World;
use serde_json::json;

use super::planning::{day, send_event, sheets, with_production, workshop};

fn question(sku: &str) -> ExplainQuestion {
    let sku = sku.parse().expect("a SKU");
    ExplainQuestion { sku, location: None, shop: None, at: None, promise: None, movements: 5 }
}

async fn asked(world: &World, question: ExplainQuestion) -> Result<ExplainAnswer, String> {
    let ledger = Ledger::new(world.table.client.clone(), Table::NAME);
    ask(&ledger, &world.clock, &question).await.map_err(|error| error.to_string())
}

pub async fn explained(world: &World, sku: &str) -> ExplainAnswer {
    asked(world, question(sku)).await.expect("an explanation")
}

/// The explanation of an item as of a time.
async fn explained_at(world: &World, sku: &str, at: jiff::Timestamp) -> ExplainAnswer {
    asked(world, ExplainQuestion { at: Some(at), ..question(sku) }).await.expect("an explanation")
}

/// Collects all nodes with a name.
fn all<'a>(nodes: &'a [ExplainNode], name: NodeName, found: &mut Vec<&'a ExplainNode>) {
    for node in nodes {
        if node.name == name {
            found.push(node);
        }
        all(&node.parts, name, found);
    }
}

/// The nodes with a name whose text begins with `begins`, in words.
fn nodes(answer: &ExplainAnswer, name: NodeName, begins: &str) -> Vec<String> {
    let mut found = Vec::new();
    all(&answer.tree, name, &mut found);
    let in_words = |node: &&ExplainNode| {
        let number = node.number.map_or_else(String::new, |number| format!(": {number}"));
        format!("{}{number}", node.what)
    };
    found.iter().map(in_words).filter(|words| words.starts_with(begins)).collect()
}

fn number(answer: &ExplainAnswer, name: NodeName, begins: &str) -> i64 {
    let mut found = Vec::new();
    all(&answer.tree, name, &mut found);
    let node = found.into_iter().find(|node| node.what.starts_with(begins)).unwrap_or_else(|| panic!("no {name:?} {begins:?}"));
    node.number.unwrap_or_else(|| panic!("{} has no number", node.what)).units()
}

/// Protects the explanation: it leads from the number to push down to each item of the bill once, with its sharers and
/// locations, and every sum in it adds up.
#[tokio::test]
async fn a_number_is_explained_down_to_its_parts() {
    let world = workshop().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "SERUM", 3).bytes()).await;
    world.settle().await;
    let due = json!({ "reference": "PO-1", "due": day(&world, 40) });
    send_event(&world, "PO-1/1", "purchase_order", "RAW", 900, due).await;
    let answer = explained(&world, "SERUM").await;
    assert_eq!((answer.inconsistencies.clone(), answer.late.len(), answer.is_correct()), (vec![], 0, true));
    assert_eq!(number(&answer, NodeName::Network, "SERUM"), 7);
    assert_eq!(number(&answer, NodeName::ToPush, "to push"), 10, "the shop has committed three of them");
    assert_eq!(number(&answer, NodeName::Waiting, "waiting orders"), 3);
    assert_eq!(number(&answer, NodeName::Offered, "offered"), 7);
    let items = nodes(&answer, NodeName::Item, "");
    assert_eq!(
        items,
        ["SERUM: remaining: 0", "BASE: remaining: 0", "BOTTLE: remaining: 80", "PUMP: remaining: 90", "RAW: remaining: 900"]
    );
    assert_eq!(number(&answer, NodeName::Production, "to be produced, by bill version 1"), 10);
    assert_eq!(nodes(&answer, NodeName::Sharer, "SET").len(), 3, "of base, bottle and raw material");
    assert_eq!(nodes(&answer, NodeName::Taken, "goes into SET: 600").len(), 1);
    assert!(nodes(&answer, NodeName::ScheduledReceipt, "purchase order PO-1 at PLANT, 900 of 900 to come, due").len() == 1);
    assert_eq!(answer.bottleneck.as_ref().expect("a limit").path.len(), 3);
    assert!(!answer.last_seen.is_empty(), "the answer lists when its sources were last seen");

    let lines = text(&answer);
    for expected in ["SERUM can be promised to online orders: 7", "to push: 10", "◄", "every sum adds up", "position RAW@PLANT"]
    {
        assert!(lines.contains(expected), "{expected} in\n{lines}");
    }
    let found: serde_json::Value = serde_json::to_value(&answer).expect("JSON");
    assert_eq!((&found["sku"], &found["past"], &found["tree"][0]["name"]), (&json!("SERUM"), &json!(false), &json!("network")));
    assert_eq!(found["tree"][0]["number"], json!(7));

    let raw = explained(&world, "RAW").await;
    assert_eq!((raw.inconsistencies.clone(), number(&raw, NodeName::Item, "RAW")), (vec![], 900));
    assert_eq!(number(&raw, NodeName::Movement, "receipt"), 600);
    let at_plant = ExplainQuestion { location: Some("PLANT".parse().expect("a location")), ..question("RAW") };
    let at_plant = asked(&world, at_plant).await.expect("an explanation");
    assert_eq!(nodes(&at_plant, NodeName::Place, "RAW at").len(), 1);
}

/// Protects the date of a large order: it is the first day on which all units can be ready, with the reason against the day
/// before.
#[tokio::test]
async fn a_quantity_has_its_first_day() {
    let world = workshop().await;
    let due = json!({ "reference": "PO-1", "due": day(&world, 40) });
    send_event(&world, "PO-1/1", "purchase_order", "RAW", 900, due).await;
    for (sku, units, expected) in [
        ("SERUM", 10, Some(0)),
        ("SERUM", 30, Some(2)),
        ("SERUM", 31, Some(42)),
        ("SERUM", 61, None),
        ("CANDLE", 5, Some(0)),
        ("CANDLE", 6, None),
    ] {
        let asked =
            asked(&world, ExplainQuestion { promise: Some(Quantity::new(units)), ..question(sku) }).await.expect("explained");
        let date = asked.promise_date.clone().expect("a date");
        assert_eq!(
            date.day.map(|day| day.to_string()),
            expected.map(|days| day(&world, days)),
            "{units} of {sku}: {}",
            text(&asked)
        );
        assert_eq!(date.bottleneck.is_some(), expected != Some(0), "{units} of {sku}: {}", text(&asked));
    }
}

/// Protects waiting customers: the orders whose promise cannot be kept are listed, with the date on which it can be kept.
#[tokio::test]
async fn late_promises_are_listed_with_their_orders() {
    let world = workshop().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "SERUM", 2).bytes()).await;
    world.deliver_accepted("orders/create", "w2", order(2).line(21, "SERUM", 1).bytes()).await;
    world.settle().await;
    send_event(&world, "spilt", "write_off", "BASE", 300, json!({})).await;
    send_event(&world, "burnt", "write_off", "RAW", 540, json!({})).await;
    let due = json!({ "reference": "PO-1", "due": day(&world, 20) });
    send_event(&world, "PO-1/1", "purchase_order", "RAW", 90, due).await;
    for answer in
        [explained(&world, "SERUM").await, explained_at(&world, "SERUM", promissory::ports::Clock::now(&world.clock)).await]
    {
        assert_eq!(
            (answer.inconsistencies.clone(), answer.is_correct(), answer.late.len()),
            (vec![], false, 1),
            "{}",
            text(&answer)
        );
        let late = &answer.late[0];
        assert_eq!((late.late.units.units(), late.late.possible.map(|day| day.to_string())), (1, Some(day(&world, 22))));
        let orders: Vec<_> = late.orders.iter().map(|order| (order.order.to_string(), order.late.units())).collect();
        assert_eq!((orders, late.of_unknown_orders), (vec![("2".to_owned(), 1)], Quantity::ZERO), "the newest waits");
        assert!(text(&answer).contains("order 2 of "), "{}", text(&answer));
    }
}

/// Protects questions about the past: positions, source documents, bills and pushed levels are those recorded by then.
#[tokio::test]
async fn the_past_is_explained_as_it_was_recorded() {
    let world = workshop().await;
    let running = with_production(&world);
    let push = async || {
        for _ in 0..2 {
            world.push(running.front(), &[world.hint(&[("SERUM", "MADE"), ("SET", "MADE")])]).await;
        }
        drop(world.hints.take());
    };
    let now = || promissory::ports::Clock::now(&world.clock);
    let before_all = now();
    for _ in 0..2 {
        // The first push activates the items at the location.
        running.sweep_settled(&world).await;
        push().await;
    }
    let before = now();
    world.clock.pass(60);
    send_event(&world, "GR-1", "receipt", "RAW", 900, json!({})).await;
    let not_pushed = now();
    world.clock.pass(60);
    push().await;
    let after = now();
    world.clock.pass(60);
    sheets(&world, &[(Sheet::Bills, "parent,component,quantity\nSERUM,BASE,60\n")]).await;
    world.settle().await;

    let offered = async |at| {
        let answer = explained_at(&world, "SERUM", at).await;
        assert_eq!((answer.inconsistencies.clone(), answer.past), (vec![], true), "{}", text(&answer));
        let mut pushed = Vec::new();
        all(&answer.tree, NodeName::Acknowledged, &mut pushed);
        let made = pushed.into_iter().find(|node| node.what.ends_with("MADE")).expect("production");
        (number(&answer, NodeName::Offered, "offered"), made.number.map(Quantity::units))
    };
    assert_eq!(offered(before_all).await, (10, None), "never pushed");
    assert_eq!(offered(before).await, (10, Some(10)), "{}", text(&explained_at(&world, "SERUM", before).await));
    assert_eq!(offered(not_pushed).await, (20, Some(10)), "received, and not pushed yet");
    assert_eq!(offered(after).await, (20, Some(20)));
    assert_eq!(offered(now()).await, (15, Some(20)), "by the new bill");
    let answer = explained(&world, "SERUM").await;
    assert_eq!((answer.inconsistencies.clone(), number(&answer, NodeName::Offered, "offered")), (vec![], 15));
    assert!(!nodes(&answer, NodeName::Call, "added by call").is_empty(), "{}", text(&answer));

    // Every call is stored once, with its outcome.
    let store = &world.table.store;
    let head = read::<PushIntent, _>(store, &RowKey::Intent(world.shop.clone())).await.expect("read").0.expect("an intent");
    let kept = list_all(store, Listing::rows(&Partition::Calls(world.shop.clone()))).await.expect("listed");
    let kept: Vec<PushCall> = kept.iter().map(|record| record.decode().expect("a call")).collect();
    assert_eq!(kept.iter().map(|call| call.intent.number).collect::<Vec<_>>(), (1..=head.number).collect::<Vec<_>>());
    assert!(kept.iter().all(|call| call.outcome == PushOutcome::Accepted && call.closed_at >= call.intent.opened_at), "{kept:?}");
    assert_eq!(kept.last().map(|call| &call.intent), Some(&head));
}

/// Protects the explanation from a missing call row: the acknowledged level is known, and its call is reported as not stored.
#[tokio::test]
async fn a_call_that_is_not_stored_is_reported() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world.settle().await;
    let running = shop::start(&world);
    running.sweep_settled(&world).await;
    world.push(running.front(), &[world.hint(&[("A", "WH-1")])]).await;
    let answer = explained(&world, "A").await;
    assert_eq!(
        (nodes(&answer, NodeName::Call, ""), answer.inconsistencies.clone()),
        (vec!["set by call 1: 10".to_owned()], vec![])
    );
    let at = promissory::ports::Clock::now(&world.clock);
    let key = RowKey::Call { shop: world.shop.clone(), number: 1 }.key();
    let record = world.table.store.get(std::slice::from_ref(&key)).await.expect("read").remove(0).expect("a row");
    world.table.store.write(&[Write::Delete { key, expect: Expect::Revision(record.revision) }]).await.expect("deleted");
    let answer = explained(&world, "A").await;
    assert!(nodes(&answer, NodeName::Call, "the call that sent it is not stored").len() == 1, "{}", text(&answer));
    assert_eq!(number(&answer, NodeName::Acknowledged, ""), 10);
    world.clock.pass(1);
    let past = explained_at(&world, "A", at).await;
    assert_eq!(nodes(&past, NodeName::Call, "the call that sent it is not stored").len(), nodes(&past, NodeName::Call, "").len());
    assert_eq!(past.inconsistencies, Vec::<String>::new());
}

/// Protects users from an empty answer about something that does not exist.
#[tokio::test]
async fn an_unknown_name_is_an_error() {
    let world = workshop().await;
    let rows = [
        (question("SERUN"), "there is no item SERUN"),
        (
            ExplainQuestion { location: Some("X".parse().expect("a location")), ..question("SERUM") },
            "The locations are 3PL-1, MADE",
        ),
        (ExplainQuestion { shop: Some("other.myshopify.com".parse().expect("a shop")), ..question("SERUM") }, "is not sold in"),
        (ExplainQuestion { at: Some(world.clock.after(60)), ..question("SERUM") }, "is in the future"),
    ];
    for (question, expected) in rows {
        let error = asked(&world, question).await.expect_err("it is not there");
        assert!(error.contains(expected), "{error}");
    }
}

/// Protects the consistency check: a number that was changed outside of the code is named, with the path to it.
#[tokio::test]
async fn a_wrong_sum_is_reported() {
    let level = RowKey::Level {
        shop: promissory_tests::webhook::SHOP.parse().expect("a shop"),
        sku: "SERUM".parse().expect("a SKU"),
        location: "MADE".parse().expect("a location"),
    };
    let promise = |sku: &str| RowKey::Promise(sku.parse().expect("a SKU"));
    let of_serum = "SERUM can be promised to online orders: its parts add up to 10, but its value is 7";
    for (row, field, expected) in [
        (level, "supply", "supply: its parts add up to 10, but its value is 7"),
        (promise("SERUM"), "available", of_serum),
        (promise("RAW"), "available", ""),
    ] {
        let world = workshop().await;
        let key = row.key();
        let record = world.table.store.get(std::slice::from_ref(&key)).await.expect("read").remove(0).expect("a row");
        let mut body = record.body;
        body[field] = json!(7);
        let write = Write::Put { key, body, index: None, expires_at: None, expect: Expect::Revision(record.revision) };
        world.table.store.write(&[write]).await.expect("written");
        let answer = explained(&world, "SERUM").await;
        assert_eq!(answer.inconsistencies.is_empty(), expected.is_empty(), "{field} of {row}: {:?}", answer.inconsistencies);
        assert!(
            expected.is_empty() || answer.inconsistencies.iter().any(|wrong| wrong.contains(expected)),
            "{:?}",
            answer.inconsistencies
        );
    }
}
