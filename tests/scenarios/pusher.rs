//! The normal path to a shop: each difference of supply is sent once, in few calls.

use promissory::catalog::Quantity;
use promissory::ports::Store;
use promissory::source::StockKind;
use promissory::storefront::Level;
use promissory::table::{Expect, Row, Write};
use promissory_fakes::shopify::AppliedKind;
use promissory_tests::shop::{RunningShop, in_agreement, location_id, start};
use promissory_tests::world::World;

async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10), ("3PL-1", 5)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

/// Plays the stream, then pushes every hint.
async fn push_all(world: &World, running: &RunningShop) -> usize {
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
    hints.len()
}

/// The differences sent so far.
fn sent_differences(running: &RunningShop) -> Vec<i64> {
    let log = running.log();
    let adjusted = log.iter().filter(|applied| applied.kind == AppliedKind::Adjust && !applied.deduplicated);
    adjusted.flat_map(|applied| applied.changes.iter().map(|change| change.delta)).collect()
}

/// Protects sold units from being re-listed: the pusher does not send changes that the shop made itself, at any step of an
/// order.
#[tokio::test]
async fn an_order_and_its_fulfilment_push_nothing() {
    let (world, running) = agreed().await;
    let now = world.clock.after(0);
    let sell = |units: i64| running.server.shop(|shop| shop.checkout(now, &[("A", units)]).expect("placed"));
    let step = async |case: &str, shown: (i64, i64)| {
        running.deliver_all(&world).await;
        assert_eq!(push_all(&world, &running).await, 0, "{case}: nothing is hinted");
        world.push(running.front(), &[world.hint(&[("A", "WH-1"), ("A", "3PL-1")])]).await;
        assert_eq!((running.shown("A", "WH-1"), sent_differences(&running)), (shown, vec![]), "{case}: nothing is sent");
        running.assert_agreement(&world).await;
    };
    let (first, second) = (sell(3), sell(4));
    step("two orders", (3, 7)).await;
    running.server.shop(|shop| shop.fulfil(now, first, None).expect("shipped"));
    step("one of them shipped", (3, 4)).await;
    running.server.shop(|shop| shop.cancel(now, second).expect("cancelled"));
    step("the other cancelled", (7, 0)).await;
}

/// Protects the number customers see: each change of supply arrives as a difference, whatever was sold meanwhile.
#[tokio::test]
async fn changes_of_supply_are_sent_as_differences() {
    let (world, running) = agreed().await;
    let now = world.clock.after(0);
    let rows = [
        (StockKind::Receipt, 5, 15),
        (StockKind::WriteOff, 2, 13),
        (StockKind::Adjustment, 1, 14),
        (StockKind::QualityHold, 4, 10),
        (StockKind::QualityRelease, 3, 13),
        (StockKind::WriteOff, 20, -7),
        (StockKind::Receipt, 7, 0),
    ];
    for (n, (kind, units, expected)) in rows.into_iter().enumerate() {
        // This order is placed before the push, and its webhook arrives after it.
        running.server.shop(|shop| shop.checkout(now, &[("A", 1)])).ok();
        let sold = running.shown("A", "WH-1").1;
        world.take_stock([world.stock(&format!("e{n}"), "A", "WH-1", kind, units)]).await;
        push_all(&world, &running).await;
        assert_eq!(running.shown("A", "WH-1"), (expected - sold, sold), "{kind:?} of {units}");
        running.deliver_all(&world).await;
        assert_eq!(push_all(&world, &running).await, 0, "the order itself is not sent");
        running.assert_agreement(&world).await;
    }
    assert_eq!(sent_differences(&running), [5, -2, 1, -4, 3, -20, 7]);
}

/// Protects the buffer: changing it changes the supply.
#[tokio::test]
async fn a_changed_buffer_is_sent() {
    let (world, running) = agreed().await;
    for (buffer, shown) in [(2, (8, 3)), (7, (3, 0)), (0, (10, 5))] {
        let mut item = world.plain("A");
        item.buffer = Some(Quantity::new(buffer));
        world.import(&item, &[]).await;
        push_all(&world, &running).await;
        assert_eq!((running.shown("A", "WH-1").0, running.shown("A", "3PL-1").0), shown, "a buffer of {buffer}");
        running.assert_agreement(&world).await;
    }
}

/// Protects the rate limit: several changes of a level between two pushes are one row, and changes that cancel out are none.
#[tokio::test]
async fn changes_between_two_pushes_are_sent_as_one() {
    let (world, running) = agreed().await;
    let stock = |n: i64, kind, units| world.stock(&format!("e{n}"), "A", "WH-1", kind, units);
    world.take_stock((0..20).map(|n| stock(n, StockKind::Receipt, 1))).await;
    push_all(&world, &running).await;
    assert_eq!(sent_differences(&running), [20]);
    world.take_stock([stock(20, StockKind::WriteOff, 4), stock(21, StockKind::Adjustment, 4)]).await;
    push_all(&world, &running).await;
    assert_eq!(sent_differences(&running), [20]);
}

/// Marks every level as initialised. The tests of `pusher_initialisation` show that a push ends in this state.
pub async fn record_accepted(world: &World, running: &RunningShop) {
    for level in world.contents().await.levels {
        let key = level.key();
        let revision = world.table.store.get(&[key]).await.expect("read").remove(0).expect("a level").revision;
        let initialised = Level { acknowledged: Some(level.to_push), needs_set: false, ..level };
        world.table.store.write(&[Write::put(&initialised, Expect::Revision(revision))]).await.expect("written");
        let (now, item) = (world.clock.after(0), running.item(initialised.sku.as_str()));
        let location = location_id(initialised.location.as_str());
        running.server.shop(|shop| shop.stock(now, item, location, initialised.supply.units(), true).expect("known"));
    }
    let _ = world.hints.take();
}

/// Protects the rate limit during a large import: six hundred levels take three calls, and sell-outs are sent first.
#[tokio::test]
async fn six_hundred_levels_are_sent_in_three_calls() {
    let world = World::new().await;
    let skus: Vec<String> = (0..200).map(|n| format!("SKU-{n:03}")).collect();
    world.import_many(&skus).await;
    let places = ["WH-1", "3PL-1", "STORE-1"];
    let all = |kind: StockKind, units: i64, but: Option<&str>| {
        let pairs = skus.iter().filter(|sku| Some(sku.as_str()) != but).flat_map(|sku| places.map(|place| (sku, place)));
        pairs.map(|(sku, place)| world.stock(&format!("{kind:?}:{sku}@{place}"), sku, place, kind, units)).collect::<Vec<_>>()
    };
    world.take_stock(all(StockKind::Receipt, 3, None)).await;
    let running = start(&world);
    world.settle().await;
    record_accepted(&world, &running).await;
    running.assert_agreement(&world).await;
    world.take_stock(all(StockKind::Adjustment, 2, Some("SKU-150"))).await;
    world.take_stock(places.map(|place| world.stock(place, "SKU-150", place, StockKind::WriteOff, 3))).await;
    push_all(&world, &running).await;
    assert_eq!(running.calls("AdjustAvailable"), 3);
    running.assert_agreement(&world).await;
    let log = running.log();
    let rows: Vec<usize> = log.iter().map(|applied| applied.changes.len()).collect();
    assert_eq!(rows, [250, 250, 100]);
    let first: Vec<i64> = log[0].changes.iter().take(4).map(|change| change.delta).collect();
    assert_eq!(first, [-3, -3, -3, 2], "sell-outs go first");
}
