//! A shop goes live: what its orders did before is in the opening stock, what was open is reserved, and what happens later moves.

use jiff::Timestamp;
use promissory::catalog::ShopSettings;
use promissory::flows::{ReadReport, ShopSettingsError, SweepReport, set_shop};
use promissory::ports::read;
use promissory::reconcile::OrderWatermark;
use promissory::source::StockKind;
use promissory::table::{RowKey, RowKind};
use promissory_cli::shop::command::status;
use promissory_fakes::shopify::{DeliveryPlan, Disposal, LineId, OrderId, RefundInput, RefundLine, Restock};
use promissory_tests::clock::TestClock;
use promissory_tests::faults::Fault;
use promissory_tests::shop::{RunningShop, location_id, start};
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::World;
use reconciler::{Job, Report};

/// A shop that sells A, with 100 units at WH-1, and that is not live.
async fn not_live() -> (World, RunningShop) {
    let world = World::not_live(TestClock::noon()).await;
    world.item("A", &[]).await;
    let running = start(&world);
    let now = world.clock.after(0);
    running.inside(|shop| {
        let item = shop.item("A").expect("listed").id;
        shop.stock(now, item, location_id("WH-1"), 100, true).expect("known");
    });
    (world, running)
}

async fn sweep(world: &World, running: &RunningShop) -> SweepReport {
    let report = world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    let Report::Sweep(report) = report else { panic!("{report:?}") };
    report
}

async fn read_orders(world: &World, running: &RunningShop) -> ReadReport {
    let report = world.reconcile(running.front(), Job::Read).await.expect("read");
    let Report::Read(report) = report else { panic!("{report:?}") };
    report
}

/// Sends the opening stock of now, and makes the shop live from now on.
async fn go_live(world: &World, units: i64, forward_open_orders: bool) -> Timestamp {
    let now = world.clock.after(0);
    world.take_stock([world.stock("opening", "A", "WH-1", StockKind::OpeningStock, units)]).await;
    let settings = ShopSettings { forward_open_orders, ..ShopSettings::live_from(world.shop.clone(), now) };
    set_shop(&world.table.store, &world.clock, &settings).await.expect("set");
    now
}

fn sell(world: &World, running: &RunningShop, units: i64) -> OrderId {
    let now = world.clock.after(0);
    running.inside(|shop| shop.checkout(now, &[("A", units)]).expect("placed"))
}

fn line(running: &RunningShop, order: OrderId) -> LineId {
    running.inside(|shop| shop.order(order).expect("placed").lines[0].id)
}

async fn push(world: &World, running: &RunningShop) {
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
}

/// Protects a shop without settings: nothing is swept, moved, forwarded or pushed, an alert says what to set, and no webhook is
/// lost.
#[tokio::test]
async fn nothing_happens_before_a_shop_is_live_and_nothing_is_lost() {
    let (world, running) = not_live().await;
    let began = world.clock.after(0);
    let shipped = sell(&world, &running, 3);
    sell(&world, &running, 2);
    running.deliver_all(&world).await;
    running.inside(|shop| shop.fulfil(world.clock.after(0), shipped, None).expect("shipped"));
    running.deliver_all(&world).await;
    world.clock.pass(600);
    assert_eq!(sweep(&world, &running).await, SweepReport::default());
    assert_eq!(read_orders(&world, &running).await, ReadReport::default());
    world.take_stock([world.stock("e", "A", "3PL-1", StockKind::OpeningStock, 5)]).await;
    push(&world, &running).await;
    assert_eq!(world.positions().await, ["A@3PL-1 5 on hand, 0 reserved"]);
    assert_eq!((running.log().len(), running.calls("Order"), world.bus.orders.take().len()), (0, 0, 0));
    assert!(world.alerts().contains(&format!("shop_not_live#{} raised", world.shop)), "{:?}", world.alerts());

    // The opening stock is of the beginning, before both orders.
    world.take_stock([world.stock("opening", "A", "WH-1", StockKind::OpeningStock, 97)]).await;
    let settings =
        ShopSettings::live_from(world.shop.clone(), began.checked_sub(std::time::Duration::from_secs(1)).expect("a time"));
    set_shop(&world.table.store, &world.clock, &settings).await.expect("set");
    let read = read_orders(&world, &running).await;
    assert_eq!((read.orders, read.left, read.forwarded), (2, 0, 2), "the stored webhooks are enough to find them: {read:?}");
    assert_eq!(world.positions().await[1], "A@WH-1 97 on hand, 2 reserved");
    sweep(&world, &running).await;
    assert_eq!(world.alerts(), [format!("shop_not_live#{} cleared", world.shop)]);
    assert_eq!(world.table.count(RowKind::OrderToRead), 0);
}

/// Protects the shop's numbers from its history: 30 shipped orders are neither read nor moved nor forwarded, what was open is
/// reserved, and the level that the shop shows stays.
#[tokio::test]
async fn what_orders_did_before_is_in_the_opening_stock() {
    let (world, running) = not_live().await;
    let now = world.clock.after(0);
    let (open, archived) = running.inside(|shop| {
        for _ in 0..30 {
            let old = shop.checkout(now, &[("A", 1)]).expect("placed");
            shop.fulfil(now, old, None).expect("shipped");
        }
        let cancelled = shop.checkout(now, &[("A", 9)]).expect("placed");
        shop.cancel(now, cancelled).expect("cancelled");
        let open = shop.checkout(now, &[("A", 5)]).expect("placed");
        let line = shop.order(open).expect("placed").lines[0].id;
        shop.fulfil(now, open, Some(&[(line, 2)])).expect("shipped in part");
        let archived = shop.checkout(now, &[("A", 7)]).expect("placed");
        shop.archive(now, archived).expect("archived");
        (open, archived)
    });
    running.lose_all();
    world.clock.pass(3_600);
    assert_eq!(running.shown("A", "WH-1"), (58, 10));
    go_live(&world, 70, false).await;
    world.clock.pass(3_600);
    sweep(&world, &running).await;
    assert_eq!(running.calls("Order"), 1, "only the open order is read");
    assert_eq!(world.positions().await, ["A@WH-1 70 on hand, 3 reserved"]);
    push(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (60, 10), "the 2 units more that were counted, and nothing else");
    assert_eq!(world.bus.orders.take().len(), 0, "nothing of it is forwarded");

    // A webhook about an old order changes nothing. What happens later moves.
    let old = running.inside(|shop| shop.orders().next().expect("placed").id);
    let returned =
        RefundLine { line: line(&running, old), quantity: 1, restock: Restock::Return, location: Some(location_id("WH-1")) };
    let later = world.clock.after(0);
    running.inside(|shop| {
        shop.archive(later, old).expect("archived");
        shop.fulfil(later, open, None).expect("shipped");
    });
    running.deliver_all(&world).await;
    read_orders(&world, &running).await;
    assert_eq!(world.positions().await[0], "A@WH-1 67 on hand, 0 reserved");
    running.inside(|shop| {
        shop.refund(later, old, &RefundInput { lines: vec![returned], return_id: None }).expect("refunded");
        shop.checkout(later, &[("A", 4)]).expect("placed");
        shop.order(archived).expect("placed");
    });
    running.deliver_all(&world).await;
    assert_eq!(read_orders(&world, &running).await.forwarded, 1, "only the new order");
    assert_eq!(world.positions().await[0], "A@WH-1 68 on hand, 4 reserved");
    push(&world, &running).await;
    running.assert_agreement(&world).await;
}

/// Protects the first day of a shop whose warehouse also reports: units that came back, or that the warehouse had shipped and the
/// shop had not, are in the opening stock once.
#[tokio::test]
async fn returns_and_shipments_of_both_sides_are_in_the_opening_stock_once() {
    let (world, running) = not_live().await;
    let now = world.clock.after(0);
    let ahead = running.inside(|shop| {
        let returned = shop.checkout(now, &[("A", 2)]).expect("placed");
        shop.fulfil(now, returned, None).expect("shipped");
        let line = shop.order(returned).expect("placed").lines[0].id;
        let back = shop.request_return(now, returned, &[(line, 1)]).expect("requested");
        shop.approve_return(now, back).expect("approved");
        shop.dispose(now, back, line, 1, location_id("WH-1"), Disposal::Restocked).expect("restocked");
        shop.checkout(now, &[("A", 3)]).expect("placed")
    });
    running.lose_all();
    let shipped = world.stock("left", "A", "WH-1", StockKind::Shipment, 3);
    let order = promissory::catalog::OrderId::new(u64::try_from(ahead.0).expect("above zero"));
    let of = promissory::catalog::LineId::new(u64::try_from(line(&running, ahead).0).expect("above zero"));
    let of = promissory::source::OrderLineOf { shop: world.shop.clone(), order, line: of, maybe_rounded: false };
    world.take_stock([promissory::source::StockEvent { order: Some(of), ..shipped }]).await;
    world.clock.pass(3_600);
    // 100 units less 2 shipped, 1 back, less 3 that the warehouse shipped.
    go_live(&world, 96, false).await;
    world.clock.pass(3_600);
    sweep(&world, &running).await;
    read_orders(&world, &running).await;
    assert_eq!(
        world.positions().await,
        ["A@WH-1 96 on hand, 0 reserved"],
        "the shipment ahead of the shop is in the opening stock"
    );
    push(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (96, 3));
    running.inside(|shop| shop.fulfil(world.clock.after(0), ahead, None).expect("fulfilled"));
    running.deliver_all(&world).await;
    read_orders(&world, &running).await;
    push(&world, &running).await;
    assert_eq!(world.positions().await, ["A@WH-1 96 on hand, 0 reserved"]);
    running.assert_agreement(&world).await;
}

/// Protects the setting: orders that were open are forwarded only if it says so, those that had ended never are.
#[tokio::test]
async fn open_orders_are_forwarded_only_if_the_settings_say_so() {
    for (forward, expected) in [(false, 0), (true, 1)] {
        let (world, running) = not_live().await;
        let ended = sell(&world, &running, 1);
        let open = sell(&world, &running, 2);
        running.inside(|shop| shop.fulfil(world.clock.after(0), ended, None).expect("shipped"));
        running.deliver_all(&world).await;
        world.clock.pass(60);
        assert!(world.table.count(RowKind::OrderToRead) > 0);
        go_live(&world, 99, forward).await;
        world.clock.pass(60);
        assert_eq!(read_orders(&world, &running).await.forwarded, expected, "forward {forward}");
        assert_eq!((running.calls("Order"), running.calls("OrderOf")), (1, 0), "the order that had ended is not read");
        assert_eq!(world.positions().await[0], "A@WH-1 99 on hand, 2 reserved");
        sweep(&world, &running).await;
        let sent: Vec<u64> = world.bus.orders.take().iter().map(|order| order.order.number()).collect();
        let open_number = u64::try_from(open.0).expect("above zero");
        assert_eq!(sent, vec![open_number; expected], "forward {forward}");
        running.inside(|shop| shop.cancel(world.clock.after(0), open).expect("cancelled"));
        running.deliver_all(&world).await;
        assert_eq!(read_orders(&world, &running).await.forwarded, expected, "its cancellation follows only what was forwarded");
    }
}

/// Protects orders from a function that does not know yet that the shop is live: it stores the facts, and the order is read.
#[tokio::test]
async fn a_function_that_learns_late_of_going_live_loses_nothing() {
    let (world, running) = not_live().await;
    let warm = world.intake();
    let sold = sell(&world, &running, 3);
    let deliver = async || {
        for (delivery, _) in running.inside(|shop| shop.outbox().take(&DeliveryPlan::default())) {
            assert_eq!(warm.handle(Webhook::of(&delivery).request()).await.status().as_u16(), 200);
        }
    };
    deliver().await;
    go_live(&world, 100, false).await;
    assert_eq!(sweep(&world, &running).await.movements, 1);
    world.clock.pass(10);
    running.inside(|shop| shop.fulfil(world.clock.after(0), sold, None).expect("shipped"));
    deliver().await;
    assert_eq!(world.positions().await[0], "A@WH-1 100 on hand, 3 reserved", "the warm function does not move it");
    assert_eq!(read_orders(&world, &running).await.movements, 1);
    assert_eq!(world.positions().await[0], "A@WH-1 97 on hand, 0 reserved");
}

/// Protects a shop with many open orders: a failure leaves the rest to the next sweep, no level is set before all are read, and
/// new orders are swept meanwhile.
#[tokio::test]
async fn no_level_is_set_before_every_open_order_is_read() {
    let (world, running) = not_live().await;
    let orders = 60;
    for _ in 0..orders {
        sell(&world, &running, 1);
        world.clock.pass(2);
    }
    running.lose_all();
    world.clock.pass(600);
    go_live(&world, 120, false).await;
    world.clock.pass(60);
    let new = sell(&world, &running, 2);
    running.lose_all();
    world.clock.pass(600);
    let mark = async || {
        let mark = read::<OrderWatermark, _>(&world.table.store, &RowKey::OrderWatermark(world.shop.clone())).await;
        mark.expect("read").0.expect("a watermark")
    };
    world.table.faults.after("TransactWriteItems", 25, 1, Fault::Internal);
    world.reconcile(running.front(), Job::Sweep).await.expect_err("the ledger fails once");
    let stopped = mark().await;
    assert_eq!((stopped.open_orders_read, stopped.complete_at), (false, None));
    push(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (38, 62), "no level is set");
    let shops = status(&world.table.store, world.clock.after(0)).await.expect("read");
    assert!(
        matches!(shops.as_slice(), [shop] if !shop.open_orders_read && shop.complete_at.is_none() && shop.levels_to_set == 1),
        "{shops:?}"
    );
    sweep(&world, &running).await;
    let done = mark().await;
    assert!(done.open_orders_read && done.complete_at.is_some() && done.open_orders_from.is_none(), "{done:?}");
    assert_eq!(world.positions().await, [format!("A@WH-1 120 on hand, {} reserved", orders + 2)]);
    push(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (58, 62));
    running.assert_agreement(&world).await;
    assert_eq!(world.bus.orders.take().len(), 1, "only the new order {new}");
}

/// Protects the operator from noise: an order that ended before raises no alert about its SKU, one that is open does.
#[tokio::test]
async fn only_open_orders_need_a_mapping() {
    let (world, _running) = not_live().await;
    go_live(&world, 5, false).await;
    let long_ago = order(1).line(11, "OLD", 2);
    let mut ended: serde_json::Value = serde_json::from_slice(&long_ago.bytes()).expect("a body");
    for time in ["created_at", "updated_at"] {
        ended[time] = "2026-03-01T00:00:00Z".into();
    }
    let mut open = ended.clone();
    (open["id"], open["admin_graphql_api_id"]) = (2.into(), "gid://shopify/Order/2".into());
    ended["line_items"][0]["fulfillable_quantity"] = 0.into();
    world.deliver_accepted("orders/updated", "w1", ended.to_string().into_bytes()).await;
    assert_eq!(world.alerts(), [""; 0]);
    world.deliver_accepted("orders/updated", "w2", open.to_string().into_bytes()).await;
    assert_eq!(world.alerts(), [format!("unmapped_sku#{}#OLD raised", world.shop)]);
}

/// Protects the ledger from a change of the time from which it was computed, and the operator from a mistyped shop.
#[tokio::test]
async fn the_time_cannot_change_once_orders_were_read() {
    let (world, running) = not_live().await;
    let set = async |shop: &str, at: &str| {
        let settings = ShopSettings::live_from(shop.parse().expect("a shop"), at.parse().expect("a time"));
        set_shop(&world.table.store, &world.clock, &settings).await
    };
    let refused = set("mistyped.myshopify.com", "2026-11-21T08:00:00Z").await.expect_err("no such shop");
    assert!(matches!(refused, ShopSettingsError::UnknownShop(_)), "{refused}");
    assert!(refused.to_string().contains("correct the shop's domain"), "{refused}");
    // A time to come: nothing happens until then, and no alert is needed.
    set(world.shop.as_str(), "2026-11-21T12:30:00Z").await.expect("set");
    sell(&world, &running, 3);
    running.deliver_all(&world).await;
    assert_eq!(sweep(&world, &running).await, SweepReport::default());
    assert_eq!((world.positions().await, world.alerts()), (vec![], vec![]));
    set(world.shop.as_str(), "2026-11-21T11:00:00Z").await.expect("it was not swept yet");
    sweep(&world, &running).await;
    assert_eq!(world.positions().await, ["A@WH-1 0 on hand, 3 reserved"]);
    let refused = set(world.shop.as_str(), "2026-11-21T10:00:00Z").await.expect_err("it was swept");
    assert!(refused.to_string().contains("is live since 2026-11-21T11:00:00Z"), "{refused}");
    set(world.shop.as_str(), "2026-11-21T11:00:00Z").await.expect("the same time");
}
