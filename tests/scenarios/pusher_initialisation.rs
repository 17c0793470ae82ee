//! The initialisation of levels: by comparison, and only when no order can be in flight.

use std::sync::Arc;

use promissory::ports::Storefront;
use promissory::source::StockKind;
use promissory_fakes::shopify::{AppliedKind, Faults, NewItem};
use promissory_tests::front::{Happening, OddShop, Oddity};
use promissory_tests::shop::{RunningShop, in_agreement, location_id, start};
use promissory_tests::world::World;
use reconciler::Job;

async fn world(stock: &[(&str, i64)]) -> World {
    let world = World::new().await;
    for (sku, units) in stock {
        world.item(sku, &[("WH-1", *units)]).await;
    }
    world
}

async fn started(stock: &[(&str, i64)]) -> (World, RunningShop) {
    let world = world(stock).await;
    let running = start(&world);
    world.settle().await;
    (world, running)
}

/// Pushes A, B and C at WH-1. No hint may be given back.
async fn push<F: Storefront>(world: &World, front: F) {
    let hint = world.hint(&[("A", "WH-1"), ("B", "WH-1"), ("C", "WH-1")]);
    assert_eq!(world.push(front, &[hint]).await, [0; 0], "a hint was given back");
}

/// Protects orders in flight: a level is not set before the end of a sweep that began after its settling window.
#[tokio::test]
async fn initialisation_waits_for_a_sweep() {
    let (world, running) = started(&[("A", 10)]).await;
    push(&world, running.front()).await;
    assert_eq!((running.shown("A", "WH-1"), running.log().len()), ((0, 0), 0), "no sweep has ended");
    world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    push(&world, running.front()).await;
    assert_eq!(running.log().len(), 0, "the settling window was open when the sweep began");
    running.sweep_settled(&world).await;
    push(&world, running.front()).await;
    let log = running.log();
    assert_eq!((running.shown("A", "WH-1"), log.len(), log[0].kind), ((10, 0), 1, AppliedKind::Set));
    running.assert_agreement(&world).await;
    push(&world, running.front()).await;
    assert_eq!(running.log().len(), 1, "set once");
}

/// Checks the shown units after initialisation, for units shown before and units sold without a webhook.
async fn check(case: &str, ours: i64, shown: i64, sold: i64, expected: (i64, i64)) {
    let (world, running) = started(&[]).await;
    world.import(&world.plain("A"), &[("WH-1", ours)]).await;
    if ours < 0 {
        // Only a report shows that the system keeps this stock.
        let counted = world.stock("counted", "A", "WH-1", StockKind::Count, 0);
        world.take_stock([counted, world.stock("lost", "A", "WH-1", StockKind::WriteOff, -ours)]).await;
    }
    let now = world.clock.after(0);
    let id = world.items().get("A").copied().and_then(|id| i64::try_from(id).ok()).expect("an item");
    running.server.shop(|shop| {
        let new = NewItem { id: Some(promissory_fakes::shopify::ItemId(id)), ..NewItem::tracked("A") };
        let item = shop.add_item(new).expect("a new item");
        shop.stock(now, item, location_id("WH-1"), shown, true).expect("known");
        if sold > 0 {
            shop.checkout(now, &[("A", sold)]).expect("placed");
        }
    });
    running.lose_all();
    world.settle().await;
    running.sweep_settled(&world).await;
    world.settle().await;
    push(&world, running.front()).await;
    assert_eq!(running.shown("A", "WH-1"), expected, "{case}");
    running.assert_agreement(&world).await;
}

/// Protects units from being sold twice or hidden: available becomes the supply less the committed units of open orders.
#[tokio::test]
async fn initialisation_sets_supply_less_committed() {
    check("nothing shown", 10, 0, 0, (10, 0)).await;
    check("already right", 10, 10, 0, (10, 0)).await;
    check("too many shown", 10, 25, 0, (10, 0)).await;
    check("some sold", 10, 10, 3, (7, 3)).await;
    check("too many shown, and some sold", 10, 25, 3, (7, 3)).await;
    check("more sold than in stock", 2, 5, 5, (-3, 5)).await;
    check("negative stock", -3, 0, 0, (-3, 0)).await;
    check("negative stock, and some shown", -3, 8, 2, (-5, 2)).await;
}

/// Protects a customer who buys between the read and the write: the comparison fails, and the pusher reads again after the
/// settling window.
#[tokio::test]
async fn a_sale_in_between_delays_initialisation() {
    let (world, running) = started(&[("A", 10)]).await;
    let now = world.clock.after(0);
    let a = running.item("A");
    running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), 4, true).expect("known"));
    running.sweep_settled(&world).await;
    let sell = {
        let (server, now) = (Arc::clone(&running.server), world.clock.after(0));
        move || drop(server.shop(|shop| shop.checkout(now, &[("A", 1)])))
    };
    let front = OddShop { inner: running.front(), oddity: Oddity::AfterReading(Happening(Arc::new(sell))) };
    push(&world, front).await;
    assert_eq!(running.shown("A", "WH-1"), (3, 1), "nothing is set over the sale");
    push(&world, running.front()).await;
    assert_eq!(running.shown("A", "WH-1"), (3, 1), "nor while the order may be in flight");
    running.sweep_settled(&world).await;
    world.settle().await;
    push(&world, running.front()).await;
    assert_eq!(running.shown("A", "WH-1"), (9, 1));
    running.assert_agreement(&world).await;
}

/// Protects items that are not stocked at a location: they are activated first, and set after the settling window.
#[tokio::test]
async fn an_inactive_level_is_activated_first() {
    let (world, running) = started(&[("A", 10)]).await;
    let (now, a) = (world.clock.after(0), running.item("A"));
    running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), 0, false).expect("known"));
    running.sweep_settled(&world).await;
    push(&world, running.front()).await;
    assert_eq!(running.log().iter().map(|applied| applied.kind).collect::<Vec<_>>(), [AppliedKind::Activate]);
    running.sweep_settled(&world).await;
    push(&world, running.front()).await;
    assert_eq!(running.shown("A", "WH-1"), (10, 0));
    running.assert_agreement(&world).await;
}

/// Protects the other levels from a refused item: it is found whether or not the shop names its row, and raises an alert.
#[tokio::test]
async fn a_refused_item_does_not_block_initialisation() {
    for names_the_row in [true, false] {
        let (world, running) = started(&[("A", 10), ("B", 20), ("C", 30)]).await;
        let poisoned = running.item("B");
        running.fail(Faults { poisoned: [poisoned].into(), ..Faults::default() });
        running.sweep_settled(&world).await;
        // As often as a queue delivers a message before it gives up.
        for _ in 0..8 {
            if names_the_row {
                push(&world, running.front()).await;
            } else {
                push(&world, OddShop { inner: running.front(), oddity: Oddity::NamesNoRow }).await;
            }
        }
        let shown = ["A", "B", "C"].map(|sku| running.shown(sku, "WH-1").0);
        assert_eq!(shown, [10, 0, 30], "the row is named: {names_the_row}");
        assert_eq!(world.alerts(), [format!("level_refused#{}#B#WH-1 raised", world.shop)], "the row is named: {names_the_row}");
    }
}

/// Protects against an item that the shop does not have: it raises an alert, and the call is not repeated.
#[tokio::test]
async fn an_item_the_shop_does_not_have_is_alerted() {
    let world = world(&[("A", 10)]).await;
    let running = start(&world);
    world.item("B", &[("WH-1", 5)]).await;
    world.settle().await;
    running.sweep_settled(&world).await;
    for _ in 0..3 {
        push(&world, running.front()).await;
    }
    assert_eq!((running.shown("A", "WH-1"), running.calls("ActivateLevel")), ((10, 0), 1));
    assert_eq!(world.alerts(), [format!("level_refused#{}#B#WH-1 raised", world.shop)]);
}

/// Protects the rate limit during initialisation: many levels are set in pages, and all of them in one push.
#[tokio::test]
async fn many_levels_are_initialised_in_one_push() {
    let world = World::new().await;
    let skus: Vec<String> = (0..90).map(|n| format!("SKU-{n:02}")).collect();
    world.import_many(&skus).await;
    let stock = skus.iter().map(|sku| world.stock(sku, sku, "WH-1", StockKind::Receipt, 7));
    world.take_stock(stock.collect::<Vec<_>>()).await;
    let running = in_agreement(&world).await;
    assert_eq!((running.calls("SetAvailable"), running.calls("LevelsOfItems")), (3, 3));
}

/// Protects units that open orders hold at a level that is not active: its activation does not put them on sale.
#[tokio::test]
async fn an_activation_leaves_a_level_below_zero() {
    for (shown, expected) in [(3, 0), (0, 0), (-2, -2)] {
        let (world, running) = started(&[("A", 10)]).await;
        let (now, a) = (world.clock.after(0), running.item("A"));
        running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), shown, false).expect("known"));
        running.sweep_settled(&world).await;
        push(&world, running.front()).await;
        let level = running.server.shop(|shop| shop.level(a, location_id("WH-1")).expect("known").clone());
        assert_eq!((level.active, level.available), (true, expected), "{shown} before");
    }
}
