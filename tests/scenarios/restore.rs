//! A table that was restored to an earlier time: what shop and systems can tell again returns, and nothing is pushed twice.

use promissory::alert::AlertState;
use promissory::catalog::{Item, Quantity};
use promissory::ports::read;
use promissory::source::StockKind;
use promissory::storefront::{LevelBlock, PushIntent, PushState};
use promissory::table::RowKey;
use promissory_cli::restore::{Allowed, prepare, turn_on};
use promissory_cli::table::Table as Ledger;
use promissory_fakes::shopify::{AppliedKind, ItemId, NewItem};
use promissory_tests::dynamo::Table;
use promissory_tests::shop::{RunningShop, location_id};
use promissory_tests::world::World;
use reconciler::Job;
use serde_json::Value;

use crate::renewed_rows::agreed;

/// Plays the stream, and pushes the hints.
async fn push(world: &World, running: &RunningShop) {
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
}

/// The installation on a restored table, which is prepared as the command does it.
async fn restored(mut world: World, backup: &[Value]) -> World {
    world.table = Table::restored_from(backup);
    let ledger = Ledger::new(world.table.client.clone(), Table::NAME);
    let prepared = prepare(&ledger, &|_| ()).await.expect("prepared");
    assert_eq!((prepared.levels, prepared.changed, prepared.unreadable), (1, 0, 0), "{prepared:?}");
    world
}

/// Runs the jobs after the settling window, and pushes what they find.
async fn run(world: &World, running: &RunningShop) {
    running.sweep_settled(world).await;
    for job in [Job::Read, Job::Backlog, Job::Compare, Job::Backlog] {
        world.reconcile(running.front(), job).await.expect("run");
        push(world, running).await;
    }
}

fn shown(running: &RunningShop) -> i64 {
    let a = running.item("A");
    running.server.shop(|shop| shop.level(a, location_id("WH-1")).expect("known").available)
}

/// Protects requirement L8: a receipt and an order are in the shop, and not in the restored table. The order comes back by the sweep,
/// the receipt by its system, and no unit is added to the shop a second time.
#[tokio::test]
async fn what_was_pushed_is_not_pushed_again() {
    let (world, running) = agreed().await;
    let backup = world.table.rows();
    let receipt = world.stock("late", "A", "WH-1", StockKind::Receipt, 5);
    world.take_stock([receipt.clone()]).await;
    push(&world, &running).await;
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.checkout(now, &[("A", 2)]).expect("placed"));
    assert_eq!(shown(&running), 23);
    let calls = running.server.shop(|shop| shop.log().len());

    let world = restored(world, &backup).await;
    world.take_stock([receipt]).await;
    run(&world, &running).await;

    assert_eq!(world.positions().await, ["A@WH-1 25 on hand, 2 reserved"]);
    assert_eq!(shown(&running), 23);
    running.server.shop(|shop| {
        let later = &shop.log()[calls..];
        let wrong: Vec<_> = later.iter().filter(|call| call.kind == AppliedKind::Adjust).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(later.iter().flat_map(|call| &call.changes).all(|change| change.delta == 0), "{later:?}");
    });
    assert_eq!(world.level("A", "WH-1").await.acknowledged.map(|units| units.units()), Some(25));
}

/// Protects a shop whose last call was open at the time of the backup: that call is not repeated.
#[tokio::test]
async fn an_open_call_of_that_time_is_not_repeated() {
    let (world, running) = agreed().await;
    let intent = || RowKey::Intent(world.shop.clone());
    let (last, expect) = read::<PushIntent, _>(&world.table.store, &intent()).await.expect("read");
    let open = PushIntent { state: PushState::Open, ..last.expect("a push") };
    world.put(&open).await;
    let backup = world.table.rows();
    let world = restored(world, &backup).await;
    let (replaced, now) = read::<PushIntent, _>(&world.table.store, &RowKey::Intent(world.shop.clone())).await.expect("read");
    let replaced = replaced.expect("replaced");
    assert!(replaced.is_replacement() && replaced.state == PushState::Closed, "{replaced:?}");
    assert!(replaced.number > open.number && now.revision() > expect.revision(), "{replaced:?}");
    run(&world, &running).await;
    assert_eq!(shown(&running), 20);
}

/// Protects planners: an alert that was cleared after the backup is published again, first as it was, and then as it is.
#[tokio::test]
async fn alerts_are_published_again() {
    let (world, running) = agreed().await;
    let low = Item { low_at: Some(Quantity::new(30)), ..world.plain("A") };
    world.import(&low, &[]).await;
    push(&world, &running).await;
    assert_eq!(world.alerts(), ["low_stock#A raised"]);
    let backup = world.table.rows();
    let world = restored(world, &backup).await;
    let _before = world.bus.alerts.take();
    push(&world, &running).await;
    let published: Vec<_> = world.bus.alerts.take().into_iter().map(|alert| alert.state).collect();
    assert_eq!(published, [AlertState::Raised]);
}

/// Protects the table in use from the command: it refuses a table that DynamoDB did not restore, and changes nothing of it.
#[tokio::test]
async fn the_table_in_use_is_refused() {
    let (world, _running) = agreed().await;
    let (before, ledger) = (world.table.rows(), Ledger::new(world.table.client.clone(), Table::NAME));
    let refused = turn_on(&ledger, Allowed::default(), &|_| ()).await.expect_err("it was not restored").to_string();
    assert!(refused.contains("was not restored from a backup") && refused.contains("--any-table"), "{refused}");
    assert_eq!(world.table.rows(), before);
    prepare(&ledger, &|_| ()).await.expect("prepared");
    let before = world.table.rows();
    let any_table = Allowed { any_table: true, again: false };
    let refused = turn_on(&ledger, any_table, &|_| ()).await.expect_err("it was prepared").to_string();
    assert!(refused.contains("was prepared at") && refused.contains("--again"), "{refused}");
    assert_eq!(world.table.rows(), before);
}

/// Protects the manufacturing system: it has a sales order that the restored table does not know, and hears that the order is cancelled.
#[tokio::test]
async fn the_cancellation_of_a_forgotten_order_is_forwarded() {
    let (world, running) = agreed().await;
    let backup = world.table.rows();
    let now = world.clock.after(0);
    let order = running.server.shop(|shop| shop.checkout(now, &[("A", 2)]).expect("placed"));
    running.deliver_all(&world).await;
    world.reconcile(running.front(), Job::Read).await.expect("read");
    assert_eq!(world.bus.orders.take().len(), 1);
    running.server.shop(|shop| shop.cancel(now, order).expect("cancelled"));
    running.lose_all();
    let world = restored(world, &backup).await;
    run(&world, &running).await;
    let cancelled: Vec<bool> = world.bus.orders.take().into_iter().map(|order| order.cancelled).collect();
    assert_eq!(cancelled, [true]);
}

/// Protects the decision of a person about a level that is younger than the backup: the level is not activated again.
#[tokio::test]
async fn a_level_that_is_younger_than_the_backup_stays_deactivated() {
    let (world, running) = agreed().await;
    let backup = world.table.rows();
    let import = async |world: &World| {
        world.import(&world.plain("B"), &[("WH-1", 5)]).await;
        push(world, &running).await;
    };
    let (item, now) = (world.plain("B"), world.clock.after(0));
    let id = ItemId(i64::try_from(item.shops[&world.shop].inventory_item.number()).expect("a small id"));
    let b = running.server.shop(|shop| shop.add_item(NewItem { id: Some(id), ..NewItem::tracked("B") }).expect("new"));
    running.server.shop(|shop| shop.stock(now, b, location_id("WH-1"), 0, true).expect("known"));
    import(&world).await;
    run(&world, &running).await;
    assert_eq!(running.server.shop(|shop| shop.level(b, location_id("WH-1")).expect("active").available), 5);
    running.server.shop(|shop| shop.deactivate(b, location_id("WH-1")).expect("known"));
    let world = restored(world, &backup).await;
    import(&world).await;
    run(&world, &running).await;
    assert!(!running.server.shop(|shop| shop.level(b, location_id("WH-1")).is_some_and(|level| level.active)));
    assert_eq!(world.level("B", "WH-1").await.blocked, Some(LevelBlock::Deactivated));
}
