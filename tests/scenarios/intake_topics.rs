//! Webhooks of all topics: Shopify's samples, duplicates, reused ids, and unmapped lines.

use promissory::table::RowKind;
use promissory_tests::shared_files::deliveries;
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::{WH, World};
use serde_json::{Value, json};

async fn world() -> World {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world
}

/// Protects every subscribed topic: the intake accepts Shopify's signed samples, and rejects them with one changed byte.
#[tokio::test]
async fn signed_samples_of_shopify_are_accepted() {
    for (topic, body) in deliveries() {
        let world = world().await;
        let webhook = Webhook::new(topic, "sample", body);
        let end = webhook.body.len() - 1;
        for at in [0, end / 2, end] {
            let (status, answer) = world.deliver(&webhook.clone().with_byte_changed(at)).await;
            assert_eq!((status, answer["error"].as_str()), (401, Some("unsigned")), "{topic} with byte {at} changed");
        }
        let before = world.table.rows().len();
        let (status, answer) = world.deliver(&webhook).await;
        assert!(status == 200 && matches!(answer["outcome"].as_str(), Some("applied" | "noted")), "{topic}: {answer}");
        assert!(world.table.rows().len() > before, "{topic} is recorded");
        assert_eq!(world.deliver(&webhook).await.1["outcome"].as_str(), Some("duplicate"), "{topic} again");
    }
}

/// Protects topics that only name an order or report an event: they store a request to read the order, or an alert, once.
#[tokio::test]
async fn notifications_store_a_request_or_an_alert() {
    let gid = |kind: &str| format!("gid://shopify/{kind}/7");
    let order = json!({ "admin_graphql_api_id": gid("Order") });
    let shop = world().await.shop;
    for (topic, body, left) in [
        ("orders/edited", json!({ "order_edit": { "order_id": 7 } }), Some(gid("Order"))),
        ("returns/close", json!({ "admin_graphql_api_id": gid("Return"), "order_id": 7 }), Some(gid("Order"))),
        ("returns/request", json!({ "admin_graphql_api_id": gid("Return"), "order": order }), Some(gid("Order"))),
        ("returns/update", json!({ "admin_graphql_api_id": gid("Return") }), Some(gid("Return"))),
        (
            "fulfillment_orders/order_routing_complete",
            json!({ "fulfillment_order": { "id": gid("FulfillmentOrder") } }),
            Some(gid("FulfillmentOrder")),
        ),
        (
            "fulfillment_orders/moved",
            json!({ "moved_fulfillment_order": { "id": gid("FulfillmentOrder") } }),
            Some(gid("FulfillmentOrder")),
        ),
        (
            "reverse_fulfillment_orders/dispose",
            json!({ "id": 7, "admin_graphql_api_id": gid("ReverseFulfillmentOrder") }),
            Some(gid("ReverseFulfillmentOrder")),
        ),
        ("draft_orders/create", json!({ "id": 7, "line_items": [] }), Some(gid("DraftOrder"))),
        // The number of the order that it became must not be taken for the draft, nor a rounded number for the exact one.
        (
            "draft_orders/update",
            json!({ "id": 6, "admin_graphql_api_id": gid("DraftOrder"), "order_id": 5 }),
            Some(gid("DraftOrder")),
        ),
        ("draft_orders/delete", json!({ "id": 7 }), Some(gid("DraftOrder"))),
        ("locations/deactivate", json!({ "id": 7 }), None),
        ("locations/deactivate", json!({ "id": WH, "active": false }), Some(format!("location_closed#{shop}#{WH} raised"))),
        ("app/uninstalled", json!({ "id": 7, "myshopify_domain": shop }), Some(format!("app_removed#{shop} raised"))),
        ("inventory_levels/update", json!({ "inventory_item_id": 7 }), None),
        ("customers/redact", json!({ "customer": { "id": 7 } }), None),
    ] {
        let world = world().await;
        let webhook = Webhook::new(topic, "w1", body.to_string());
        for expected in ["noted", "duplicate"] {
            let (status, answer) = world.deliver(&webhook).await;
            assert_eq!((status, answer["outcome"].as_str()), (200, Some(expected)), "{topic}: {answer}");
        }
        let requests = world.table.of_kind(RowKind::OrderToRead).into_iter();
        let mut found: Vec<String> = requests.map(|row| row["sk"]["S"].as_str().expect("a key").to_owned()).collect();
        found.extend(world.alerts());
        assert_eq!(found, left.into_iter().collect::<Vec<_>>(), "{topic}");
        let other = Webhook::new(topic, "w1", json!({ "other": body }).to_string());
        let status = world.deliver(&other).await.0;
        assert!(status == 409 || status == 400, "{topic}: the same id with other content is refused: {status}");
    }
    for (topic, body) in [
        ("orders/edited", json!({})),
        ("draft_orders/update", json!({ "id": "x" })),
        ("returns/close", json!({ "order_id": "x" })),
        ("locations/delete", json!([])),
        ("returns/update", json!({ "admin_graphql_api_id": "gid://shopify/Return/007" })),
        ("returns/update", json!({ "admin_graphql_api_id": "gid://shopify/Return/+7" })),
    ] {
        let world = world().await;
        let (status, answer) = world.deliver(&Webhook::new(topic, "w1", body.to_string())).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some("malformed")), "{topic}: {answer}");
        assert_eq!(world.alerts(), [format!("unreadable_webhook#{}#{topic} raised", world.shop)]);
    }
}

/// The stored rows without their revision and time.
fn stored(world: &World) -> Vec<Value> {
    let mut rows = world.table.rows();
    rows.sort_by_key(|row| (row["pk"].to_string(), row["sk"].to_string()));
    rows
}

/// Protects against Shopify's repetitions: a duplicate gets a success and changes no row.
#[tokio::test]
async fn a_duplicate_succeeds_and_changes_nothing() {
    let world = world().await;
    let webhook = Webhook::new("orders/create", "w1", order(1).line(11, "A", 3).bytes());
    let (_, first) = world.deliver(&webhook).await;
    assert_eq!(first, json!({ "outcome": "applied", "movements": 1, "unmapped": 0 }));
    let before = stored(&world);
    world.clock.pass(60);
    for n in 0..3 {
        let (status, again) = world.deliver(&webhook).await;
        assert_eq!((status, again["outcome"].as_str()), (200, Some("duplicate")), "time {n}");
        assert_eq!(stored(&world), before, "time {n}");
    }
    let (_, news) = world.deliver(&Webhook::new("orders/updated", "w2", order(1).line(11, "A", 3).bytes())).await;
    assert_eq!(news["movements"], 0, "the same state by another webhook moves nothing");
    assert_eq!(world.positions().await, ["A@WH-1 10 on hand, 0 reserved", "A@unassigned 0 on hand, 3 reserved"]);
}

/// Protects the first content of an id: other content is refused, raises one alert, and moves nothing.
#[tokio::test]
async fn a_reused_id_raises_an_alert() {
    let world = world().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "A", 3).bytes()).await;
    let other = Webhook::new("orders/create", "w1", order(1).at(9).line(11, "A", 5).bytes());
    for _ in 0..2 {
        let (status, answer) = world.deliver(&other).await;
        assert_eq!((status, answer["error"].as_str()), (409, Some("content_mismatch")), "{answer}");
    }
    assert_eq!(world.alerts(), [format!("content_mismatch#shopify:{}#w1 raised", world.shop)]);
    assert_eq!(world.positions().await[1], "A@unassigned 0 on hand, 3 reserved");
    world.settle().await;
    let published = world.bus.alerts.take();
    assert_eq!(published.len(), 1, "published once: {published:?}");
}

/// Protects orders with an unmapped line: mapped lines are reserved, and the unmapped line is recorded and raises one alert.
#[tokio::test]
async fn an_unmapped_line_does_not_block_the_others() {
    let world = world().await;
    let body = order(1).line(11, "A", 3).line(12, "UNKNOWN", 2).line(13, "UNKNOWN", 1).line(14, "", 1);
    let answer = world.deliver_accepted("orders/create", "w1", body.bytes()).await;
    assert_eq!(answer, json!({ "outcome": "applied", "movements": 1, "unmapped": 3 }));
    let shop = &world.shop;
    assert_eq!(world.alerts(), [format!("unmapped_sku#{shop}# raised"), format!("unmapped_sku#{shop}#UNKNOWN raised")]);
    assert_eq!(world.positions().await[1], "A@unassigned 0 on hand, 3 reserved");
    // After the mapping, the next webhook of the order reserves the line.
    world.item("UNKNOWN", &[("WH-1", 5)]).await;
    let answer = world.deliver_accepted("orders/updated", "w2", body.bytes()).await;
    assert_eq!(answer, json!({ "outcome": "applied", "movements": 2, "unmapped": 1 }));
    assert_eq!(world.positions().await[3], "UNKNOWN@unassigned 0 on hand, 3 reserved");
}

/// Protects large orders of an unmapped shop: recorded, alerted and answered, whatever the number of SKUs.
#[tokio::test]
async fn an_order_of_many_unmapped_skus_is_recorded() {
    for lines in [50_u64, 98, 99, 150, 500] {
        let world = world().await;
        let body = (0..lines).fold(order(1), |order, n| order.line(100 + n, &format!("UNKNOWN-{n}"), 1));
        let webhook = Webhook::new("orders/create", "w1", body.bytes());
        let in_its_own_task = {
            let (world, webhook) = (world.clone(), webhook.clone());
            tokio::spawn(async move { world.deliver(&webhook).await.0 })
        };
        assert_eq!(in_its_own_task.await.ok(), Some(200), "{lines} SKUs are taken without a panic");
        assert_eq!(world.alerts().len(), usize::try_from(lines).expect("small"), "{lines} SKUs are alerted");
        assert_eq!(world.deliver(&webhook).await.1["outcome"].as_str(), Some("duplicate"), "{lines} SKUs");
    }
}

/// Protects stock from lines without stock: a gift card is neither reserved nor alerted.
#[tokio::test]
async fn a_gift_card_is_ignored() {
    let world = world().await;
    let card = json!({ "id": 12, "sku": "GIFT-50", "quantity": 1, "gift_card": true });
    let answer = world.deliver_accepted("orders/create", "w1", order(1).line(11, "A", 1).raw_line(card).bytes()).await;
    assert_eq!(answer, json!({ "outcome": "applied", "movements": 1, "unmapped": 0 }));
    assert_eq!(world.alerts(), [""; 0]);
}

/// Protects deliveries during an outage: if the table is unavailable, the intake asks for a repetition without details, and the
/// repetition is applied.
#[tokio::test]
async fn a_store_failure_asks_for_a_repetition() {
    use promissory_tests::faults::Fault;
    for operation in ["Query", "BatchGetItem", "TransactWriteItems"] {
        for fault in [Fault::Throttled, Fault::Internal, Fault::RequestLost, Fault::AnswerLost] {
            let world = world().await;
            let webhook = Webhook::new("orders/create", "w1", order(1).line(11, "A", 3).bytes());
            world.table.faults.next(operation, 1, fault);
            let (status, answer) = world.deliver(&webhook).await;
            assert_eq!((status, answer["detail"].as_str()), (503, Some("try again later")), "{fault:?} at {operation}");
            assert_eq!(world.deliver(&webhook).await.0, 200, "{fault:?} at {operation}");
            assert_eq!(world.positions().await[1], "A@unassigned 0 on hand, 3 reserved", "{fault:?} at {operation}");
        }
    }
}
