//! Rows that are not kept for ever, and what comes after they are gone.

use aws_sdk_dynamodb::types::AttributeValue;
use promissory::source::StockKind;
use promissory::table::{Retention, RowKey, RowKind};
use promissory_fakes::shopify::DeliveryPlan;
use promissory_tests::dynamo::Table;
use promissory_tests::shop::in_agreement;
use promissory_tests::webhook::Webhook;
use promissory_tests::world::World;
use std::collections::BTreeSet;

use super::faulty_rows::{buy, jobs, push};
use super::newer_rows::{items, key_of};

/// Deletes what has expired, as DynamoDB does. Returns the kinds of the deleted rows.
pub async fn expire(world: &World) -> BTreeSet<RowKind> {
    let now = world.clock.after(0).as_second();
    let mut kinds = BTreeSet::new();
    for item in items(world).await {
        let Some(AttributeValue::N(at)) = item.get("expires_at") else { continue };
        if at.parse::<i64>().expect("seconds") > now {
            continue;
        }
        kinds.extend(RowKind::of(&key_of(&item)));
        let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
        world.table.client.delete_item().table_name(Table::NAME).set_key(Some(key.into())).send().await.expect("deleted");
    }
    kinds
}

/// Protects the ledger from events that are sent again, before and after the marks of orders have expired, and the jobs from expired rows.
#[tokio::test]
async fn what_is_sent_again_after_its_mark_has_expired_moves_nothing() {
    let day = 24 * 60 * 60;
    let world = World::new().await;
    world.item("A", &[("WH-1", 100)]).await;
    let running = in_agreement(&world).await;
    buy(&world, &running, "A", 2);
    let sent: Vec<Webhook> = running
        .server
        .shop(|shop| shop.outbox().take(&DeliveryPlan::default()))
        .iter()
        .map(|(sent, _)| Webhook::of(sent))
        .collect();
    for webhook in &sent {
        world.deliver(webhook).await;
    }
    let receipt = || world.stock("R-1", "A", "WH-1", StockKind::Receipt, 10);
    world.take_stock([receipt()]).await;
    world.settle().await;
    push(&world, &running, "A").await;
    jobs(&world, &running, "A").await;
    for item in items(&world).await {
        let row = RowKey::parse(&key_of(&item)).expect("a row");
        let is_raised =
            matches!(row, RowKey::Alert(_)) && item["body"].as_m().expect("a map")["state"] == AttributeValue::S("raised".into());
        let expires = row.retention() != Retention::Kept && !is_raised;
        assert_eq!(item.contains_key("expires_at"), expires, "{row}");
    }
    let before = world.positions().await;
    world.clock.pass(399 * day);
    assert_eq!(expire(&world).await, BTreeSet::new());
    for again in [1, 2] {
        let mut outcomes = BTreeSet::new();
        for webhook in &sent {
            let (status, answer) = world.deliver(webhook).await;
            assert_eq!((status, &answer["movements"]), (200, &0.into()), "{answer}");
            outcomes.extend(answer["outcome"].as_str().map(str::to_owned));
        }
        assert_eq!(outcomes.contains("duplicate"), again == 1, "{outcomes:?}");
        world.take_stock([receipt()]).await;
        world.settle().await;
        assert_eq!(world.positions().await, before);
        if again == 1 {
            world.clock.pass(2 * day);
            assert_eq!(expire(&world).await, BTreeSet::from([RowKind::AppliedEvent, RowKind::Call]));
        }
    }
    jobs(&world, &running, "A").await;
    assert_eq!(world.positions().await, before);
}
