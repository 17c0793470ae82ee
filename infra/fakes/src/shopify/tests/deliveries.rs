//! Webhooks: which ones the shop announces, their bodies, their signatures, and the effect of the delivery plan.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

fn announced(shop: &mut Shop) -> Vec<Delivery> {
    shop.outbox().take(&DeliveryPlan::default()).into_iter().map(|(delivery, _)| delivery).collect()
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).expect("a body is JSON")
}

/// Protects the receiver: each step of an order announces each of its topics once, with the state of that moment.
#[test]
fn each_step_announces_its_topics() {
    let mut f = fixture();
    let shipped = f.shop.checkout(at(1), &[("BOARD", 7)]).expect("placed");
    let dropped = f.shop.checkout(at(2), &[("BOARD", 1)]).expect("placed");
    f.shop.fulfil(at(3), shipped, None).expect("open");
    f.shop.cancel(at(4), dropped).expect("open");
    f.shop.checkout(at(5), &[("BOARD", 100)]).expect_err("sold out");
    let cart = Cart { lines: vec![("BOARD".to_owned(), 1)], location: Some(f.retail), ..Cart::default() };
    let sold = f.shop.checkout_cart(at(6), &cart).expect("sold over the counter");
    let deliveries = announced(&mut f.shop);
    let seen: Vec<_> = deliveries.iter().map(|delivery| (delivery.order, delivery.topic.name())).collect();
    let expected = [
        (shipped, "orders/create"),
        (shipped, "fulfillment_orders/order_routing_complete"),
        (shipped, "fulfillment_orders/order_routing_complete"),
        (dropped, "orders/create"),
        (dropped, "fulfillment_orders/order_routing_complete"),
        (shipped, "orders/updated"),
        (shipped, "orders/fulfilled"),
        (shipped, "fulfillments/create"),
        (shipped, "fulfillments/create"),
        (dropped, "orders/cancelled"),
        (dropped, "orders/updated"),
        (dropped, "refunds/create"),
        (sold, "orders/create"),
        (sold, "fulfillments/create"),
    ];
    assert_eq!(seen, expected);
    let ids: BTreeSet<_> = deliveries.iter().map(|delivery| &delivery.webhook_id).collect();
    let events: BTreeSet<_> = deliveries.iter().map(|delivery| &delivery.event_id).collect();
    assert_eq!((ids.len(), events.len()), (14, 5), "an id each, and an event for each step");
}

/// Protects the parser: bodies have the REST shape, with 64-bit ids as numbers and times with the shop's offset.
#[test]
fn bodies_have_the_shape_of_the_real_ones() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 2)]).expect("placed");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    f.shop.fulfil(at(2), id, Some(&[(line, 1)])).expect("open");
    let deliveries = announced(&mut f.shop);
    let of = |topic| body(deliveries.iter().find(|delivery| delivery.topic == topic).expect("announced"));
    let (created, updated) = (of(Topic::OrdersCreate), of(Topic::OrdersUpdated));
    let (fulfilled, routed) = (of(Topic::FulfillmentsCreate), of(Topic::FulfillmentOrdersRoutingComplete));
    let rows = [
        (&created["id"], json!(5_000_000_000_000_000_001_i64)),
        (&created["admin_graphql_api_id"], json!("gid://shopify/Order/5000000000000000001")),
        (&created["updated_at"], json!("2026-11-21T07:00:01-05:00")),
        (&created["cancelled_at"], Value::Null),
        (&created["confirmed"], json!(true)),
        (&created["location_id"], Value::Null),
        (&created["line_items"][0]["sku"], json!("BOARD")),
        (&created["line_items"][0]["fulfillable_quantity"], json!(2)),
        (&created["line_items"][0]["variant_inventory_management"], json!("shopify")),
        (&created["fulfillments"], json!([])),
        (&updated["updated_at"], json!("2026-11-21T07:00:02-05:00")),
        (&updated["fulfillment_status"], json!("partial")),
        (&updated["line_items"][0]["fulfillable_quantity"], json!(1)),
        (&updated["fulfillments"][0]["line_items"][0]["quantity"], json!(1)),
        (&fulfilled["order_id"], json!(5_000_000_000_000_000_001_i64)),
        (&fulfilled["status"], json!("success")),
        (&fulfilled["location_id"], json!(f.main)),
        (&fulfilled["line_items"][0]["id"], json!(line)),
        (&created["financial_status"], json!("paid")),
        (&created["refunds"], json!([])),
        (
            &routed,
            json!({ "fulfillment_order": { "id": "gid://shopify/FulfillmentOrder/7100000000000000001", "status": "open" } }),
        ),
    ];
    for (n, (value, expected)) in rows.iter().enumerate() {
        assert_eq!(*value, expected, "row {n}");
    }
    for delivery in &deliveries {
        let personal = String::from_utf8_lossy(&delivery.body).contains(PERSONAL_MARK);
        let ids_only = delivery.topic == Topic::FulfillmentOrdersRoutingComplete;
        assert_eq!(personal, !ids_only, "a leak of {} would be noticed", delivery.topic.name());
    }
}

/// Protects trust: the signature covers the raw body, and the headers have the values that the receiver decides by.
#[test]
fn a_delivery_is_signed_over_its_bytes() {
    // This is test case 2 of RFC 4231, in base64.
    assert_eq!(signature("Jefe", b"what do ya want for nothing?"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    let mut f = fixture();
    f.shop.checkout(at(1), &[("BOARD", 1)]).expect("placed");
    let delivery = announced(&mut f.shop).remove(0);
    let headers: std::collections::BTreeMap<_, _> = delivery.headers().into_iter().collect();
    let rows = [
        ("x-shopify-topic", "orders/create".to_owned()),
        ("x-shopify-hmac-sha256", signature("shpss_local", &delivery.body)),
        ("x-shopify-shop-domain", "promissory-demo.myshopify.com".to_owned()),
        ("x-shopify-api-version", "2026-10".to_owned()),
        ("x-shopify-webhook-id", delivery.webhook_id.clone()),
        ("x-shopify-event-id", delivery.event_id.clone()),
        ("x-shopify-triggered-at", "2026-11-21T12:00:01Z".to_owned()),
    ];
    for (name, expected) in rows {
        assert_eq!(headers.get(name), Some(&expected), "{name}");
    }
    assert_ne!(signature("another", &delivery.body), headers["x-shopify-hmac-sha256"]);
}

/// Protects repeatable faults: a plan has the shares that it was given, the same deliveries for the same seed, and other ones
/// for another seed.
#[test]
fn a_plan_is_followed_by_its_seed() {
    let plan = DeliveryPlan { seed: 42, lost_percent: 5, doubled_percent: 10, late_percent: 20, latest_ms: 250 };
    let outcomes: Vec<DeliveryOutcome> = (0..10_000).map(|number| plan.outcome(number)).collect();
    let count = |of: fn(&DeliveryOutcome) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    let shares = [
        ("lost", count(|outcome| matches!(outcome, DeliveryOutcome::Lost)), 500),
        ("doubled", count(|outcome| matches!(outcome, DeliveryOutcome::Doubled(_))), 1_000),
        ("late", count(|outcome| matches!(outcome, DeliveryOutcome::Late(_))), 2_000),
        ("delivered", count(|outcome| matches!(outcome, DeliveryOutcome::Delivered)), 6_500),
    ];
    for (outcome, found, asked) in shares {
        assert!(found.abs_diff(asked) * 10 < asked, "{outcome}: {found} of {asked}");
    }
    let waits = outcomes.iter().filter_map(|outcome| match outcome {
        DeliveryOutcome::Doubled(after) | DeliveryOutcome::Late(after) => Some(*after),
        DeliveryOutcome::Delivered | DeliveryOutcome::Lost => None,
    });
    assert!(waits.into_iter().all(|after| after > Duration::ZERO && after <= Duration::from_millis(250)));
    assert_eq!(outcomes, (0..10_000).map(|number| plan.outcome(number)).collect::<Vec<_>>(), "the same seed, the same outcomes");
    let other = DeliveryPlan { seed: 43, ..plan };
    assert_ne!(outcomes, (0..10_000).map(|number| other.outcome(number)).collect::<Vec<_>>());
    let all = DeliveryPlan { lost_percent: 100, ..DeliveryPlan::default() };
    assert!((0..1_000).all(|number| all.outcome(number) == DeliveryOutcome::Lost
        && DeliveryPlan::default().outcome(number) == DeliveryOutcome::Delivered));
}

/// Protects replay: the same calls produce two equal shops, down to the ids and bytes that they send.
#[test]
fn the_same_calls_make_the_same_shop() {
    let run = || {
        let (mut f, mut answers) = (fixture(), Vec::new());
        for n in 0..20 {
            let placed = f.shop.checkout(at(n), &[("BOARD", 1 + n % 3)]);
            let variables = f.adjustment(&format!("k{}", n / 2), &[(f.main, 2)]);
            answers.push(f.call(at(n), ADJUST, &variables));
            if let Ok(id) = placed {
                f.shop.fulfil(at(n), id, None).expect("open");
            }
        }
        let sent: Vec<_> = announced(&mut f.shop).into_iter().map(|delivery| (delivery.webhook_id, delivery.body)).collect();
        (answers, sent, f.shop.log().to_vec())
    };
    assert_eq!(run(), run());
}

/// Protects the parsers of later webhooks: bodies have ids and differences as the samples have them, and no personal data.
#[test]
fn later_bodies_have_the_shape_of_the_real_ones() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 4)]).expect("placed");
    let order = f.shop.order(id).expect("placed");
    let (line, first) = (order.lines[0].id, order.fulfilment_orders[0].id);
    let moved = f.shop.move_fulfilment_order(at(2), first, f.retail).expect("enough there");
    f.shop.hold(at(3), moved).expect("open");
    f.shop.release_hold(at(4), moved).expect("held");
    let edit = Edit { add: vec![("BOARD".to_owned(), 2)], remove: vec![(line, 1)], restock: true };
    let added = f.shop.edit(at(5), id, &edit).expect("in stock");
    f.shop.fulfil(at(6), id, Some(&[(line, 3)])).expect("open");
    let ret = f.shop.request_return(at(7), id, &[(line, 2)]).expect("out");
    f.shop.approve_return(at(8), ret).expect("requested");
    f.shop.dispose(at(9), ret, line, 1, f.main, Disposal::Restocked).expect("open");
    let lines = vec![RefundLine { line, quantity: 2, restock: Restock::NoRestock, location: Some(f.main) }];
    let refund = f.shop.refund(at(10), id, &RefundInput { lines, return_id: Some(ret) }).expect("two");
    f.shop.close_return(at(11), ret).expect("open");
    let deliveries = announced(&mut f.shop);
    let of = |topic| body(deliveries.iter().rfind(|delivery| delivery.topic == topic).expect("announced"));
    let known = f.shop.order(id).expect("placed").clone();
    let asked = |id: FulfilmentOrderId, status: &str, location: LocationId| json!({ "id": id.gid(), "status": status, "assigned_location_id": location.gid() });
    let (refunded, updated, disposed) =
        (of(Topic::RefundsCreate), of(Topic::OrdersUpdated), of(Topic::ReverseFulfillmentOrdersDispose));
    let rows = [
        (&of(Topic::FulfillmentOrdersMoved)["original_fulfillment_order"], asked(first, "closed", f.main)),
        (&of(Topic::FulfillmentOrdersMoved)["moved_fulfillment_order"], asked(moved, "open", f.retail)),
        (&of(Topic::FulfillmentOrdersPlacedOnHold)["fulfillment_order"]["status"], json!("on_hold")),
        (&of(Topic::FulfillmentOrdersHoldReleased)["fulfillment_order"], json!({ "id": moved.gid(), "status": "open" })),
        (&of(Topic::OrdersEdited)["order_edit"]["order_id"], json!(id)),
        (&of(Topic::OrdersEdited)["order_edit"]["line_items"]["additions"], json!([{ "id": added[0], "delta": 2 }])),
        (&of(Topic::OrdersEdited)["order_edit"]["line_items"]["removals"], json!([{ "id": line, "delta": 1 }])),
        (&of(Topic::ReturnsRequest)["order"]["id"], json!(id)),
        (&of(Topic::ReturnsApprove)["status"], json!("open")),
        (&of(Topic::ReturnsClose)["order_id"], json!(id)),
        (&disposed["id"], json!(known.returns[0].reverse)),
        (&disposed["dispositions"][0]["type"], json!("restocked")),
        (&disposed["dispositions"][0]["location"]["id"], json!(f.main)),
        (&refunded["id"], json!(refund)),
        (&refunded["order_id"], json!(id)),
        (&refunded["return"]["id"], json!(ret)),
        (&refunded["refund_line_items"][0]["restock_type"], json!("no_restock")),
        (&refunded["refund_line_items"][0]["location_id"], Value::Null),
        (&updated["refunds"][0], refunded.clone()),
        (&updated["line_items"][0]["quantity"], json!(4)),
        (&updated["line_items"][0]["current_quantity"], json!(1)),
        (&updated["line_items"][0]["fulfillable_quantity"], json!(0)),
        (&updated["financial_status"], json!("partially_refunded")),
    ];
    for (n, (value, expected)) in rows.iter().enumerate() {
        assert_eq!(*value, expected, "row {n}");
    }
}
