//! Lines of orders are mapped by their variant first, and by their SKU only where the listing of that SKU names no other variant.

use promissory::catalog::VariantId;
use promissory::ports::Store;
use promissory::sheets::Sheet;
use promissory::table::{RowKey, RowKind};
use promissory_fakes::shopify::{Item, NewItem};
use promissory_tests::shop::{RunningShop, in_agreement, location_id};
use promissory_tests::world::World;
use reconciler::Job;

use crate::faulty_rows::{break_row, mend_row};
use crate::planning::sheets;

/// A shop with the item A, which is listed with its variant. B is an item that the shop does not sell yet.
async fn listed_by_variant() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    let running = in_agreement(&world).await;
    list(&world, "A", "A", &shop_item(&running, "A")).await;
    sheets(&world, &[(Sheet::Items, "sku\nB\n")]).await;
    (world, running)
}

/// An item of the shop by its SKU there.
pub(crate) fn shop_item(running: &RunningShop, shop_sku: &str) -> Item {
    running.inside(|shop| shop.item(shop_sku).expect("an item of the shop").clone())
}

/// Imports the listing of an item of the shop, with its variant.
pub(crate) async fn list(world: &World, shop_sku: &str, sku: &str, item: &Item) {
    let row = format!("shop.myshopify.com,{shop_sku},{sku},{},{}", item.id.0, item.variant.0);
    let listings = format!("shop,shop_sku,sku,inventory_item,variant\n{row}\n");
    sheets(world, &[(Sheet::Listings, &listings)]).await;
}

/// Adds a variant to the shop, with five units in stock.
fn add_variant(world: &World, running: &RunningShop, shop_sku: &str) -> Item {
    let now = world.clock.after(0);
    running.inside(|shop| {
        let id = shop.add_item(NewItem::tracked(shop_sku)).expect("a new item");
        shop.stock(now, id, location_id("WH-1"), 5, true).expect("the pair exists");
    });
    shop_item(running, shop_sku)
}

async fn buy(world: &World, running: &RunningShop, shop_sku: &str, units: i64) {
    let now = world.clock.after(0);
    running.inside(|shop| shop.checkout(now, &[(shop_sku, units)]).expect("placed"));
    running.deliver_all(world).await;
    world.settle().await;
}

/// Runs the jobs that resume and read what waited.
async fn resume(world: &World, running: &RunningShop) {
    world.clock.pass(60);
    for job in [Job::Backlog, Job::Read] {
        world.reconcile(running.front(), job).await.expect("run");
        world.settle().await;
    }
}

/// The units that orders reserve of an item, at whatever place.
async fn reserved(world: &World, sku: &str) -> i64 {
    let contents = world.contents().await;
    let of_item = contents.positions.values().filter(|position| position.of.sku.as_str() == sku);
    of_item.map(|position| position.balance.reserved.units()).sum()
}

/// The changes of the alerts about mappings that are missing.
fn unmapped(world: &World) -> Vec<String> {
    world.alerts().into_iter().filter(|alert| alert.starts_with("unmapped_")).collect()
}

/// Protects an item from the orders of another variant: the SKU of the item was given to a new variant in the shop.
#[tokio::test]
async fn a_sku_that_moved_to_another_variant_takes_nothing_from_the_item() {
    let (world, running) = listed_by_variant().await;
    let first = shop_item(&running, "A");
    running.inside(|shop| shop.relabel(first.id, "A-OLD").expect("the item exists"));
    let second = add_variant(&world, &running, "A");

    buy(&world, &running, "A-OLD", 2).await;
    assert_eq!(reserved(&world, "A").await, 2, "the listed variant is the item, whatever its SKU is");
    assert_eq!(unmapped(&world), [""; 0]);
    buy(&world, &running, "A", 3).await;
    assert_eq!(reserved(&world, "A").await, 2, "the new variant is not this item");
    let subject = format!("unmapped_variant#{}#{}", world.shop, second.variant.0);
    assert_eq!(unmapped(&world), [format!("{subject} raised")]);

    list(&world, "B", "B", &second).await;
    resume(&world, &running).await;
    assert_eq!(reserved(&world, "B").await, 3);
    assert_eq!(unmapped(&world), [format!("{subject} cleared")]);
}

/// Protects an item from the orders of another variant whose listing cannot be read: the line waits, although an item has its SKU.
#[tokio::test]
async fn a_line_whose_listing_cannot_be_read_waits() {
    let (world, running) = listed_by_variant().await;
    let second = add_variant(&world, &running, "A-OLD");
    list(&world, "B", "B", &second).await;
    world.item("A-OLD", &[("WH-1", 10)]).await;
    let variant = VariantId::new(second.variant.0.unsigned_abs());
    let row = RowKey::ListedVariant { shop: world.shop.clone(), variant };
    let listed = world.table.store.get(&[row.key()]).await.expect("read").pop().flatten().expect("a listing");
    break_row(&world, &row.key(), None).await;

    buy(&world, &running, "A-OLD", 3).await;
    for _ in 0..2 {
        resume(&world, &running).await;
    }
    assert_eq!((reserved(&world, "A-OLD").await, reserved(&world, "B").await), (0, 0));
    let subject = format!("unmapped_variant#{}#{}", world.shop, second.variant.0);
    assert_eq!(unmapped(&world), [format!("{subject} raised")]);
    assert_eq!(world.table.count(RowKind::OrderToRead), 0, "nothing is read again and again");

    mend_row(&world, &row.key(), Some(listed)).await;
    resume(&world, &running).await;
    assert_eq!((reserved(&world, "A-OLD").await, reserved(&world, "B").await), (0, 3));
}

/// Protects an order from waiting for a mapping that no import will bring: its line was not mapped by its SKU, and is mapped by its
/// variant.
#[tokio::test]
async fn a_line_that_waits_for_its_sku_is_resumed_by_its_variant() {
    let (world, running) = listed_by_variant().await;
    let second = add_variant(&world, &running, "NEW");
    buy(&world, &running, "NEW", 3).await;
    assert_eq!(unmapped(&world), [format!("unmapped_sku#{}#NEW raised", world.shop)]);

    list(&world, "RENAMED", "B", &second).await;
    resume(&world, &running).await;
    assert_eq!(reserved(&world, "B").await, 3);
    assert_eq!(unmapped(&world), [format!("unmapped_sku#{}#NEW cleared", world.shop)]);
}
