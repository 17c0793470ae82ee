//! Rows that newer code wrote, as older code meets them while a deployment runs and after a rollback.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use promissory::alert::{Alert, AlertSubject};
use promissory::ports::{Store, read};
use promissory::source::{StockEvent, StockKind};
use promissory::table::{Key, RowKey, RowKind, SCHEMA_VERSION};
use promissory_tests::dynamo::Table;
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::world::{World, position};

use super::faulty_rows::{buy, jobs, push};

/// The schema version after that of this code.
const NEWER: u32 = SCHEMA_VERSION + 1;

pub(crate) type Item = std::collections::HashMap<String, AttributeValue>;

pub(crate) async fn items(world: &World) -> Vec<Item> {
    world.table.client.scan().table_name(Table::NAME).send().await.expect("scanned").items.unwrap_or_default()
}

pub(crate) fn key_of(item: &Item) -> Key {
    let text = |name: &str| item[name].as_s().expect("a string").clone();
    Key::new(text("pk"), text("sk"))
}

/// Changes a row as newer code would: it writes its version, and `field` into the body.
async fn write_as_newer(world: &World, mut item: Item, field: (&str, AttributeValue)) {
    item.insert("ver".to_owned(), AttributeValue::N(NEWER.to_string()));
    if let Some(AttributeValue::M(body)) = item.get_mut("body") {
        body.insert(field.0.to_owned(), field.1);
    }
    world.table.client.put_item().table_name(Table::NAME).set_item(Some(item)).send().await.expect("put");
}

/// Orders, receipts, pushes and jobs.
async fn a_day(world: &World, running: &RunningShop, nth: usize) {
    buy(world, running, "A", 2);
    running.deliver_all(world).await;
    let receipt = world.stock(&format!("R-{nth}"), "A", "WH-1", StockKind::Receipt, 10);
    let scheduled = world.stock(&format!("P-{nth}"), "A", "WH-1", StockKind::PurchaseOrder, 100);
    world.take_stock([receipt, StockEvent { reference: Some("PO-1".to_owned()), ..scheduled }]).await;
    world.settle().await;
    push(world, running, "A").await;
    jobs(world, running, "A").await;
    push(world, running, "A").await;
}

/// Protects what newer code wrote from every flow of older code that rewrites the row.
#[tokio::test]
async fn a_field_of_a_newer_version_survives_every_rewrite() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 100)]).await;
    let running = in_agreement(&world).await;
    let now = world.clock.after(0);
    let order = running.server.shop(|shop| shop.checkout(now, &[("A", 5)]).expect("placed"));
    a_day(&world, &running, 1).await;
    let mut revisions = BTreeMap::new();
    for item in items(&world).await {
        revisions.insert(key_of(&item), item["rev"].clone());
        write_as_newer(&world, item, ("newer", AttributeValue::S("kept".to_owned()))).await;
    }
    running.server.shop(|shop| shop.cancel(world.clock.after(0), order).expect("cancelled"));
    a_day(&world, &running, 2).await;
    a_day(&world, &running, 3).await;
    let mut rewritten = BTreeSet::new();
    for item in items(&world).await {
        let key = key_of(&item);
        let Some(revision) = revisions.get(&key) else { continue };
        let body = item["body"].as_m().expect("a map");
        assert_eq!(body.get("newer"), Some(&AttributeValue::S("kept".to_owned())), "{key}");
        assert_eq!(item["ver"], AttributeValue::N(NEWER.to_string()), "{key}");
        if item["rev"] != *revision {
            rewritten.extend(RowKind::of(&key));
        }
    }
    let expected = [RowKind::Position, RowKind::Receipts, RowKind::Order, RowKind::Promise, RowKind::Level, RowKind::Intent];
    let expected: BTreeSet<RowKind> =
        expected.into_iter().chain([RowKind::OrderWatermark, RowKind::CompareProgress, RowKind::Refresh]).collect();
    assert_eq!(rewritten, expected);
}

/// Protects a value that this code does not know: its row is left alone, and the alert says which version must be deployed.
#[tokio::test]
async fn an_unreadable_row_of_a_newer_version_says_what_to_deploy() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 100)]).await;
    let running = in_agreement(&world).await;
    let row = RowKey::Position(position("A", "WH-1"));
    let item = items(&world).await.into_iter().find(|item| key_of(item) == row.key()).expect("the position");
    write_as_newer(&world, item, ("seq", AttributeValue::S("a new kind of number".to_owned()))).await;
    let before = world.table.store.get(&[row.key()]).await.expect("read");
    buy(&world, &running, "A", 2);
    running.deliver_all(&world).await;
    world.take_stock([world.stock("R-1", "A", "WH-1", StockKind::Receipt, 10)]).await;
    world.settle().await;
    jobs(&world, &running, "A").await;
    assert_eq!(world.table.store.get(&[row.key()]).await.expect("read"), before);
    let alert = RowKey::Alert(AlertSubject::FaultyRow { row: row.key().to_string() });
    let alert: Alert = read(&world.table.store, &alert).await.expect("read").0.expect("the alert");
    assert!(alert.detail.contains(&format!("deploy version {NEWER} or a newer one")), "{}", alert.detail);
}
