//! Reading orders that a webhook only names, or whose content is incomplete. An unreadable order does not block the others.

use promissory::flows::ReadReport;
use promissory::order::OrderRecord;
use promissory::source::StockKind;
use promissory::table::{RowKey, RowKind};
use promissory_fakes::shopify::{Faults, OrderId};
use promissory_tests::shop::{RunningShop, in_agreement, location_id};
use promissory_tests::webhook::{Webhook, fulfilment, order};
use promissory_tests::world::{WH, World};
use reconciler::{Job, Report};
use serde_json::json;

pub async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 100), ("3PL-1", 50)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

pub async fn read(world: &World, running: &RunningShop) -> ReadReport {
    let report = world.reconcile(running.front(), Job::Read).await.expect("read");
    let Report::Read(report) = report else { panic!("{report:?}") };
    report
}

pub fn sell(world: &World, running: &RunningShop, units: i64) -> OrderId {
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.checkout(now, &[("A", units)]).expect("placed"))
}

/// Protects the total of the network and then the location: units are reserved at once, assigned when the routing is known, and
/// moved with it.
#[tokio::test]
async fn units_are_reserved_at_once_and_assigned_when_routing_is_known() {
    let (world, running) = agreed().await;
    let order = sell(&world, &running, 3);
    running.deliver_all(&world).await;
    assert_eq!(
        world.positions().await,
        ["A@3PL-1 50 on hand, 0 reserved", "A@WH-1 100 on hand, 0 reserved", "A@unassigned 0 on hand, 3 reserved"]
    );
    let report = read(&world, &running).await;
    assert_eq!((report.movements, report.left), (2, 0));
    assert_eq!(world.positions().await[1], "A@WH-1 100 on hand, 3 reserved");
    world.clock.pass(5);
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let routed = shop.order(order).expect("placed").fulfilment_orders[0].id;
        shop.move_fulfilment_order(now, routed, location_id("3PL-1")).expect("moved");
    });
    running.deliver_all(&world).await;
    assert_eq!(read(&world, &running).await.movements, 2);
    let moved = ["A@3PL-1 50 on hand, 3 reserved", "A@WH-1 100 on hand, 0 reserved", "A@unassigned 0 on hand, 0 reserved"];
    assert_eq!(world.positions().await, moved);
    assert_eq!(read(&world, &running).await, ReadReport::default(), "nothing is left to read");
}

/// Protects the other orders from requests about orders that do not exist or cannot be read: these are not repeated for ever.
#[tokio::test]
async fn missing_and_unreadable_orders_do_not_block_the_others() {
    let (world, running) = agreed().await;
    let request = |n: u64, gid: &str| {
        Webhook::new(
            "returns/update",
            &format!("p{n}"),
            json!({ "admin_graphql_api_id": format!("gid://shopify/{gid}") }).to_string(),
        )
    };
    for (n, gid) in [(1, "Return/1"), (2, "FulfillmentOrder/1"), (3, "Order/1")] {
        assert_eq!(world.deliver(&request(n, gid)).await.0, 200);
    }
    // For this order, only a fulfilment has arrived, and the shop does not have the order.
    world.deliver_accepted("fulfillments/create", "w1", fulfilment(7, 1, WH).line(11, 1).bytes()).await;
    sell(&world, &running, 3);
    running.deliver_all(&world).await;
    let report = read(&world, &running).await;
    assert_eq!((report.orders, report.left), (1, 0), "{report:?}");
    assert_eq!(read(&world, &running).await, ReadReport::default(), "a missing order is not requested again");
    assert_eq!(world.table.count(RowKind::OrderToRead), 0, "a request to read a missing order is left");
    assert_eq!(world.positions().await[1], "A@WH-1 100 on hand, 3 reserved");
    assert_eq!(world.alerts(), [format!("unreadable_order#{}#gid://shopify/Order/1 raised", world.shop)]);
}

/// Protects orders from an unavailable shop: they remain to be read.
#[tokio::test]
async fn a_failing_shop_leaves_everything_to_be_read() {
    let (world, running) = agreed().await;
    sell(&world, &running, 3);
    running.deliver_all(&world).await;
    // One failure for the request to read the order, and one for its record.
    running.fail(Faults { fail: 2, ..Faults::default() });
    world.reconcile(running.front(), Job::Read).await.expect_err("the shop fails");
    assert_eq!(read(&world, &running).await.movements, 2);
}

/// Protects the rate limit: a sweep does not read an order again that was read well after its last change, and reads a changed
/// one.
#[tokio::test]
async fn a_sweep_reads_only_what_changed_since_it_was_read() {
    let (world, running) = agreed().await;
    let order = sell(&world, &running, 3);
    running.lose_all();
    world.clock.pass(200);
    world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    let reads = running.calls("Order");
    assert_eq!(reads, 1);
    world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    assert_eq!(running.calls("Order"), reads, "nothing changed");
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.fulfil(now, order, None).expect("shipped"));
    world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    assert_eq!(running.calls("Order"), reads + 1);
    world.clock.pass(30);
    world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    assert_eq!(running.calls("Order"), reads + 2, "it was read in the second of its change, so it is read again");
    assert_eq!(world.positions().await[1], "A@WH-1 97 on hand, 0 reserved");
    world.take_stock([world.stock("e", "A", "WH-1", StockKind::Receipt, 1)]).await;
}

/// Protects lines that are not mapped yet: the next webhook after the mapping reserves them and marks the order to be read.
#[tokio::test]
async fn a_late_mapping_is_applied_by_the_next_webhook() {
    let (world, running) = agreed().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "LATE", 2).bytes()).await;
    world.item("LATE", &[("WH-1", 5)]).await;
    world.deliver_accepted("orders/updated", "w2", order(1).at(1).line(11, "LATE", 2).bytes()).await;
    let row = RowKey::Order { shop: world.shop.clone(), order: promissory::catalog::OrderId::new(1) };
    let record = promissory::ports::read::<OrderRecord, _>(&world.table.store, &row);
    assert!(record.await.expect("read").0.expect("recorded").unread, "the order is not marked to be read");
    assert_eq!(world.positions().await.last().map(String::as_str), Some("LATE@unassigned 0 on hand, 2 reserved"));
    drop(running);
}

/// Protects the other orders from an unreadable one: it is quarantined and raises an alert, every sweep tries it again, and the
/// alert is cleared once the order can be read.
#[tokio::test]
async fn an_unreadable_order_is_quarantined_until_it_can_be_read() {
    let (world, running) = agreed().await;
    let unreadable = sell(&world, &running, 3);
    running.deliver_all(&world).await;
    let line = running.server.shop(|shop| shop.order(unreadable).expect("placed").lines[0].id);
    let broken =
        |set: bool| running.fail(Faults { contradictory: set.then_some(line).into_iter().collect(), ..Faults::default() });
    broken(true);
    let report = read(&world, &running).await;
    assert!(report.quarantined > 0 && report.left == 0, "{report:?}");
    let alert = |state: &str| [format!("unreadable_order#{}#gid://shopify/Order/{unreadable} {state}", world.shop)];
    assert_eq!(world.alerts(), alert("raised"));
    assert_eq!(read(&world, &running).await, ReadReport::default(), "a quarantined order is not read again");
    world.clock.pass(1_000);
    let sweep = world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    assert!(matches!(sweep, Report::Sweep(report) if report.quarantined > 0), "{sweep:?}");
    broken(false);
    world.clock.pass(1_000);
    let sweep = world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    assert!(matches!(sweep, Report::Sweep(report) if report.quarantined == 0 && report.movements == 2), "{sweep:?}");
    assert_eq!(world.alerts(), alert("cleared"));
    assert_eq!(world.bus.orders.take().len(), 1, "the order is forwarded");
}
