//! Signed bodies that arrive again: under another topic, under another id, or a year later. Shopify signs only the body.

use std::collections::BTreeSet;

use promissory::adapters::shopify::webhook::WebhookTopic;
use promissory::table::RowKind;
use promissory_tests::webhook::{Webhook, fulfilment, order};
use promissory_tests::world::{WH, World};
use serde_json::{Value, json};

/// A year, in seconds.
const YEAR: u64 = 365 * 86_400;

/// A world in which order 1 was placed, shipped in part, and cancelled for the rest.
async fn lived() -> World {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    for (n, (topic, body)) in life().into_iter().enumerate() {
        world.deliver_accepted(topic, &format!("w{n}"), body).await;
    }
    world.settle().await;
    world
}

/// The webhooks of that order, with the topics under which Shopify sends them.
fn life() -> Vec<(&'static str, Vec<u8>)> {
    let shipped = fulfilment(21, 1, WH).at(60).line(11, 2);
    let void = fulfilment(22, 1, WH).at(90).line(11, 1);
    let ended = order(1).at(120).partly_open(11, "A", 5, 0).shipped(&shipped).shipped(&void.clone().void().at(100)).cancelled();
    vec![
        ("orders/create", order(1).line(11, "A", 5).bytes()),
        ("orders/updated", order(1).at(60).partly_open(11, "A", 5, 3).shipped(&shipped).bytes()),
        ("fulfillments/create", shipped.bytes()),
        ("fulfillments/create", void.bytes()),
        ("fulfillments/update", void.void().at(100).bytes()),
        ("refunds/create", refund().to_string().into_bytes()),
        ("orders/cancelled", ended.bytes()),
    ]
}

fn refund() -> Value {
    json!({
        "id": 31, "admin_graphql_api_id": "gid://shopify/Refund/31", "order_id": 1, "created_at": "2026-11-21T12:02:00Z",
        "refund_line_items": [{ "line_item_id": 11, "quantity": 3, "restock_type": "cancel", "location_id": WH }],
    })
}

/// Bodies that the shop signed for topics that move nothing.
fn others() -> Vec<(&'static str, Value)> {
    let draft = json!({
        "id": 7, "admin_graphql_api_id": "gid://shopify/DraftOrder/7", "order_id": 1, "status": "completed",
        "created_at": "2026-11-21T12:00:00Z", "updated_at": "2026-11-21T12:00:00Z",
        "line_items": [{ "id": 11, "sku": "A", "quantity": 5 }],
    });
    vec![
        ("draft_orders/update", draft),
        ("draft_orders/delete", json!({ "id": 7 })),
        ("orders/delete", json!({ "id": 1 })),
        ("products/delete", json!({ "id": WH + 9 })),
        ("locations/update", json!({ "id": WH, "admin_graphql_api_id": format!("gid://shopify/Location/{WH}"), "active": true })),
        ("returns/request", json!({ "id": 5, "admin_graphql_api_id": "gid://shopify/Return/5", "status": "requested" })),
        ("orders/edited", json!({ "order_edit": { "id": 3, "order_id": 1 } })),
        ("customers/redact", json!({ "shop_id": 1, "shop_domain": "other.myshopify.com", "customer": { "id": 2 } })),
    ]
}

/// What the ledger holds: positions, movements and orders.
async fn ledger(world: &World) -> (Vec<String>, usize, Vec<String>) {
    let orders = world.table.of_kind(RowKind::Order).into_iter().map(|row| row["body"].to_string()).collect();
    (world.positions().await, world.table.count(RowKind::Movement), orders)
}

/// Protects the ledger from an old body: a year later, under a new id and under any order topic, it changes no fact of the order
/// and moves nothing.
#[tokio::test]
async fn an_old_body_under_a_new_id_changes_nothing() {
    let world = lived().await;
    let before = ledger(&world).await;
    assert_eq!(before.0[0], "A@WH-1 8 on hand, 0 reserved", "two units shipped and the rest was released");
    world.clock.pass(YEAR);
    for (n, (topic, body)) in life().into_iter().enumerate() {
        let answer = world.deliver_accepted(topic, &format!("again{n}"), body).await;
        assert_eq!(answer["movements"], 0, "{topic}: {answer}");
        assert_eq!(ledger(&world).await, before, "{topic} again");
    }
    for topic in WebhookTopic::names().filter(|topic| WebhookTopic::from_header(topic) == Some(WebhookTopic::Order)) {
        world.deliver_accepted(topic, &format!("first as {topic}"), life().remove(0).1).await;
        assert_eq!(ledger(&world).await, before, "the first body as {topic}");
    }
    assert_eq!(world.alerts(), [""; 0]);
}

/// Protects the ledger from a body under another topic: nothing moves and no order changes, whatever the pair. At most it asks
/// for an order to be read, and the shop's answer decides. A body that does not fit raises the alert about unreadable webhooks.
#[tokio::test]
async fn a_body_under_another_topic_moves_nothing() {
    let bodies: Vec<(&str, Vec<u8>)> =
        life().into_iter().chain(others().into_iter().map(|(topic, body)| (topic, body.to_string().into_bytes()))).collect();
    let mut pairs = 0;
    let mut outcomes = BTreeSet::new();
    let world = lived().await;
    let before = ledger(&world).await;
    for (of, body) in &bodies {
        for topic in WebhookTopic::names().filter(|topic| topic != of) {
            pairs += 1;
            let (status, answer) = world.deliver(&Webhook::new(topic, &format!("replay{pairs}"), body.clone())).await;
            assert!(status == 200 || status == 400, "{of} as {topic}: {status} {answer}");
            assert_eq!(answer["movements"].as_u64().unwrap_or_default(), 0, "{of} as {topic}: {answer}");
            outcomes.insert(answer["outcome"].as_str().or(answer["error"].as_str()).unwrap_or_default().to_owned());
        }
        assert_eq!(ledger(&world).await, before, "{of} under every other topic");
    }
    assert_eq!(pairs, bodies.len() * (WebhookTopic::names().count() - 1));
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["applied", "duplicate", "malformed", "noted"]);
    let alerts: Vec<String> = world.alerts().into_iter().filter(|alert| !alert.starts_with("unreadable_webhook#")).collect();
    // Only the body of a mapped location can be mistaken for the news that it was closed. Its alert says that it is active.
    assert_eq!(alerts, [format!("location_closed#{}#{WH} raised", world.shop)]);
    let closed = world.table.of_kind(RowKind::Alert).into_iter().map(|row| row["body"].to_string());
    assert!(closed.into_iter().any(|row| row.contains("it is active: look at the location first")));
}

/// Protects people from a false alert: a body that once raised one does not raise it again under a new id after the cause is gone.
#[tokio::test]
async fn a_body_raises_its_alert_once() {
    for (topic, body, alert) in [
        ("locations/deactivate", json!({ "id": WH, "active": false, "updated_at": "2026-11-21T12:00:00Z" }), "location_closed"),
        ("locations/delete", json!({ "id": WH }), "location_closed"),
        ("app/uninstalled", json!({ "id": 1, "myshopify_domain": "promissory-demo.myshopify.com" }), "app_removed"),
    ] {
        let world = World::new().await;
        let answer = world.deliver_accepted(topic, "w1", body.to_string().into_bytes()).await;
        assert_eq!(answer["outcome"], "noted", "{topic}");
        assert!(world.alerts().iter().all(|found| found.starts_with(alert)), "{topic}: {:?}", world.alerts());
        world.clock.pass(2 * YEAR);
        super::retention::expire(&world).await;
        let rows = world.table.rows().len();
        let answer = world.deliver_accepted(topic, "w2", body.to_string().into_bytes()).await;
        assert_eq!(answer["outcome"], "duplicate", "{topic} again under another id");
        assert_eq!(world.table.rows().len(), rows, "{topic} again writes nothing");
    }
}
