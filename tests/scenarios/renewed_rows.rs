//! What a row that cannot be read knew, and nothing else knows: the function that writes the row anew takes the safe side, or finds it
//! out again.

use promissory::catalog::{Location, OrderId as Order};
use promissory::flows::recompute;
use promissory::ledger::Position;
use promissory::ports::{Store, read};
use promissory::source::StockKind;
use promissory::storefront::LevelBlock;
use promissory::table::{IndexKey, Key, RowKey};
use promissory_fakes::shopify::{Cart, Edit, NewItem, OrderId};
use promissory_tests::shop::{RunningShop, in_agreement, location_id};
use promissory_tests::world::{World, position};
use reconciler::Job;

use crate::faulty_rows::{break_row, mend_row};

/// An item with 20 units at WH-1, which the shop shows.
pub async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 20)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

/// Runs the jobs after the settling window, and pushes what they find.
async fn run(world: &World, running: &RunningShop) {
    running.sweep_settled(world).await;
    for job in [Job::Read, Job::Backlog, Job::Compare, Job::Backlog] {
        world.reconcile(running.front(), job).await.expect("run");
        world.settle().await;
    }
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
}

fn buy(world: &World, running: &RunningShop, cart: Cart) -> OrderId {
    let now = world.clock.after(0);
    let cart = Cart { lines: vec![("A".to_owned(), 3)], ..cart };
    running.server.shop(|shop| shop.checkout_cart(now, &cart).expect("placed"))
}

/// Makes the level of A unreadable, as a row that is due.
async fn break_level(world: &World) {
    let (shop, sku) = (|| world.shop.clone(), || "A".parse().expect("a SKU"));
    let location = || "WH-1".parse().expect("a location");
    let changed_at = world.clock.after(0);
    let due = IndexKey::DueLevel { shop: shop(), urgency: 0, changed_at, sku: sku(), location: location() };
    let row = RowKey::Level { shop: shop(), sku: sku(), location: location() };
    break_row(world, &row.key(), Some(&due)).await;
}

/// Protects the decision of a person to take a level out of the shop, and its one alert.
#[tokio::test]
async fn a_level_that_was_deactivated_stays_so() {
    let (world, running) = agreed().await;
    let a = running.item("A");
    running.server.shop(|shop| shop.deactivate(a, location_id("WH-1")).expect("known"));
    run(&world, &running).await;
    let raised = || format!("level_deactivated#{}#A#WH-1 raised", world.shop);
    assert_eq!(world.alerts(), [raised()]);
    break_level(&world).await;
    for _ in 0..2 {
        run(&world, &running).await;
    }
    assert_eq!(world.level("A", "WH-1").await.blocked, Some(LevelBlock::Deactivated));
    let is_active = running.server.shop(|shop| shop.level(a, location_id("WH-1")).is_some_and(|level| level.active));
    assert!(!is_active, "nothing activates it");
    assert_eq!(world.alerts(), [raised()]);

    let now = world.clock.after(0);
    running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), 7, true).expect("known"));
    for _ in 0..2 {
        run(&world, &running).await;
    }
    assert_eq!(running.shown("A", "WH-1"), (20, 0), "a person activated it again");
    assert_eq!(world.alerts(), [format!("level_deactivated#{}#A#WH-1 cleared", world.shop)]);
}

/// Protects units that an order edit removed: they wait for the operator as before.
#[tokio::test]
async fn units_that_wait_for_an_operator_are_not_put_on_sale() {
    let (world, running) = agreed().await;
    let order = buy(&world, &running, Cart::default());
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let line = shop.order(order).expect("placed").lines[0].id;
        shop.edit(now, order, &Edit { remove: vec![(line, 1)], restock: false, ..Edit::default() }).expect("edited");
    });
    running.deliver_all(&world).await;
    for _ in 0..2 {
        run(&world, &running).await;
    }
    let raised = [format!("parked_change#{}#A#WH-1 raised", world.shop)];
    assert_eq!((running.shown("A", "WH-1"), world.alerts()), ((17, 2), raised.to_vec()));
    break_level(&world).await;
    for _ in 0..2 {
        run(&world, &running).await;
    }
    assert_eq!((running.shown("A", "WH-1"), world.alerts()), ((17, 2), raised.to_vec()));
}

/// Protects units of pre-orders, which the shop does not commit: the level is set to what is left of them.
#[tokio::test]
async fn units_that_no_order_of_the_shop_claims_are_not_put_on_sale() {
    let (world, running) = agreed().await;
    buy(&world, &running, Cart { pre_order: true, ..Cart::default() });
    buy(&world, &running, Cart::default());
    running.deliver_all(&world).await;
    for _ in 0..2 {
        run(&world, &running).await;
    }
    assert_eq!(running.shown("A", "WH-1"), (14, 3));
    break_level(&world).await;
    world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 10)]).await;
    world.settle().await;
    for _ in 0..2 {
        run(&world, &running).await;
        assert!(running.shown("A", "WH-1").0 <= 24, "{:?}", running.shown("A", "WH-1"));
    }
    assert_eq!((running.shown("A", "WH-1"), world.level("A", "WH-1").await.unclaimed.units()), ((24, 3), 3));
    assert_eq!(world.alerts(), [""; 0]);
}

/// Protects orders that wait for a mapping from another one whose row cannot be read.
#[tokio::test]
async fn an_order_that_cannot_be_read_does_not_keep_others_waiting() {
    let (world, running) = agreed().await;
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let new = shop.add_item(NewItem::tracked("NEW")).expect("a new item");
        shop.stock(now, new, location_id("WH-1"), 9, true).expect("known");
    });
    let orders: Vec<OrderId> =
        (0..3).map(|_| running.server.shop(|shop| shop.checkout(now, &[("NEW", 1)]).expect("placed"))).collect();
    running.deliver_all(&world).await;
    for broken in [orders[0], orders[2]] {
        let order = Order::new(broken.0.unsigned_abs());
        break_row(&world, &RowKey::Order { shop: world.shop.clone(), order }.key(), None).await;
    }
    run(&world, &running).await;
    let raised = world.alerts().iter().filter(|alert| alert.starts_with("faulty_row#")).count();
    assert_eq!(raised, 2, "{:?}", world.alerts());
    world.item("NEW", &[]).await;
    for _ in 0..2 {
        run(&world, &running).await;
    }
    let reserved =
        |positions: Vec<String>| positions.into_iter().filter(|of| of.starts_with("NEW@") && of.contains(" 1 reserved")).count();
    assert_eq!(reserved(world.positions().await), 1, "{:?}", world.positions().await);
}

/// Protects a refresh of all items whose request cannot be read: it is taken as requested.
#[tokio::test]
async fn a_refresh_that_cannot_be_read_is_done() {
    let (world, running) = agreed().await;
    let row = RowKey::Location("WH-1".parse().expect("a location"));
    let (location, _) = read::<Location, _>(&world.table.store, &row).await.expect("read");
    world.put(&Location { active: false, ..location.expect("a location") }).await;
    break_row(&world, &RowKey::Refresh.key(), None).await;
    for _ in 0..2 {
        world.clock.pass(61);
        world.reconcile(running.front(), Job::Backlog).await.expect("run");
    }
    assert_eq!(world.promise("A").await.available.units(), 0, "a closed location sells nothing");
}

/// Protects units that were sold after a position was backed up: an older row that replaced it puts none of them on sale, and an alert
/// names the row until it agrees with its movements. Where the movements are gone as well, the promise
/// is computed from what the rows say.
#[tokio::test]
async fn a_position_that_went_back_is_reported() {
    let (world, running) = agreed().await;
    let store = &world.table.store;
    let key: Key = RowKey::Position(position("A", "WH-1")).key();
    let stored = async || store.get(std::slice::from_ref(&key)).await.expect("read").pop().flatten().expect("a position");
    let before = stored().await;
    buy(&world, &running, Cart::default());
    running.deliver_all(&world).await;
    run(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (17, 3));
    let newest = stored().await;
    mend_row(&world, &key, Some(before.clone())).await;

    let of = position("A", "WH-1");
    let error = recompute(store, &world.clock, &world.network, &of.sku).await.expect_err("an older position");
    assert!(error.to_string().contains("Rebuild it from them"), "{error}");
    world.settle().await;
    let [raised, cleared] = ["raised", "cleared"].map(|state| vec![format!("faulty_row#{key} {state}")]);
    for is_promise_unreadable in [false, true] {
        if is_promise_unreadable {
            break_row(&world, &RowKey::Promise(of.sku.clone()).key(), None).await;
        }
        run(&world, &running).await;
        let seen = (running.shown("A", "WH-1"), world.alerts());
        assert_eq!(seen, ((17, 3), raised.clone()), "the promise is unreadable: {is_promise_unreadable}");
    }
    mend_row(&world, &RowKey::Promise(of.sku.clone()).key(), None).await;
    run(&world, &running).await;
    assert_eq!(world.alerts(), raised, "the promise is gone");
    mend_row(&world, &key, Some(newest)).await;
    run(&world, &running).await;
    assert_eq!((running.shown("A", "WH-1"), world.alerts()), ((17, 3), cleared), "the row was repaired");

    mend_row(&world, &key, Some(before.clone())).await;
    let seq = before.decode::<Position>().expect("a position").seq + 1;
    mend_row(&world, &RowKey::Movement { of: of.clone(), seq }.key(), None).await;
    recompute(store, &world.clock, &world.network, &of.sku).await.expect("the movement is gone as well");
    assert_eq!((world.promise("A").await.available.units(), world.alerts()), (20, raised));
}
