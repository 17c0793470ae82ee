//! Personal data of customers is never stored.

use promissory::catalog::{Place, Quantity};
use promissory::table::RowKind;
use promissory_fakes::shopify::{Cart, Delivery, DeliveryPlan, NewItem, PERSONAL_MARK};
use promissory_tests::shop::{location_id, start};
use promissory_tests::webhook::Webhook;
use promissory_tests::world::World;

/// Protects customers: no row contains personal data of the fake shop, on any path that an order takes.
#[tokio::test]
async fn no_row_contains_personal_data() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    let running = start(&world);
    let now = world.clock.after(0);
    let deliveries: Vec<Delivery> = running.server.shop(|shop| {
        let item = shop.item("A").expect("an item").id;
        shop.stock(now, item, location_id("WH-1"), 10, true).expect("known");
        shop.add_item(NewItem { untracked: true, ..NewItem::tracked("UNMAPPED") }).expect("a new item");
        let lines = vec![("A".to_owned(), 2), ("UNMAPPED".to_owned(), 1)];
        let order = shop.checkout_cart(now, &Cart { lines, ..Cart::default() }).expect("placed");
        shop.fulfil(now, order, None).expect("shipped");
        let cancelled = shop.checkout(now, &[("A", 1)]).expect("placed");
        shop.cancel(now, cancelled).expect("cancelled");
        shop.outbox().take(&DeliveryPlan::default()).into_iter().map(|(delivery, _)| delivery).collect()
    });
    assert!(deliveries.len() >= 5, "the webhooks cover every topic");
    for (n, delivery) in deliveries.iter().enumerate() {
        let body = String::from_utf8_lossy(&delivery.body);
        let names_only = delivery.topic.name().starts_with("fulfillment_orders/") || delivery.topic.name() == "refunds/create";
        assert!(names_only || body.contains(PERSONAL_MARK), "the webhook contains personal data: {body}");
        if n % 2 == 1 && !names_only {
            // A conflict stores the event itself in a lane.
            world.table.faults.next("TransactWriteItems", 6, promissory_tests::faults::Fault::Conflict);
        }
        assert_eq!(world.deliver(&Webhook::of(delivery)).await.0, 200, "{}", delivery.topic.name());
        world.table.faults.clear();
    }
    let check = |when: &str| {
        let rows = world.table.rows();
        let leaks = rows.iter().filter(|row| row.to_string().contains(PERSONAL_MARK));
        assert_eq!(leaks.collect::<Vec<_>>(), Vec::<&serde_json::Value>::new(), "{when}");
    };
    assert!(world.table.count(RowKind::Deferred) > 0, "some events wait in a lane");
    check("while events wait in lanes");
    world.settle().await;
    check("when all is settled");
    let contents = world.contents().await;
    let at = |place: &Place| {
        contents.positions.values().filter(|p| p.of.place == *place).map(|p| p.balance.reserved).sum::<Quantity>()
    };
    assert_eq!((at(&Place::Unassigned), contents.deferred), (Quantity::ZERO, 0), "all events were applied");
}
