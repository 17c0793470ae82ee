//! One row of each kind that cannot be read stops nothing that does not depend on it, and an alert names it.

use futures_util::FutureExt;
use promissory::alert::AlertSubject;
use promissory::catalog::{MetafieldKind, MissingMapping, OrderId, Resource, ShopDomain, VariantId};
use promissory::ledger::{Lane, Position};
use promissory::movement::EventId;
use promissory::ports::{Clock, Store, read};
use promissory::source::{DocumentKind, StockEvent, StockKind};
use promissory::storefront::Hint;
use promissory::table::{Expect, IndexKey, Key, OrderEntry, Record, RowKey, RowKind, Write, check, examples};
use promissory_fakes::shopify::DeliveryPlan;
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::webhook::Webhook;
use promissory_tests::world::{World, position};
use reconciler::Job;
use serde_json::json;

/// The row of a kind that is made unreadable: of the item A, of its order, or of a neighbour of what B needs.
fn row_of(kind: RowKind, world: &World, order: OrderId) -> (RowKey, Option<IndexKey>) {
    let (shop, a) = (world.shop.clone(), || "A".parse().expect("a SKU"));
    let at = || position("A", "WH-1");
    let lane = Lane::Position(at());
    let event = EventId::new("erp", "broken");
    let neighbour: ShopDomain = "neighbour.myshopify.com".parse().expect("a shop");
    let system = || "wms-east".parse().expect("a system");
    let feed = || "stock".parse().expect("a feed");
    let missing = MissingMapping::Item { system: "erp".to_owned(), code: "4711".to_owned() };
    let now = world.clock.now();
    let row = match kind {
        RowKind::Item => RowKey::Item(a()),
        RowKind::ShopItem => {
            let index = IndexKey::ShopItem { shop: shop.clone(), sku: a() };
            return (RowKey::ShopItem { shop, shop_sku: "A".to_owned() }, Some(index));
        }
        RowKind::ListedVariant => RowKey::ListedVariant { shop, variant: VariantId::new(1) },
        RowKind::SystemItem => RowKey::SystemItem { system: "erp".to_owned(), code: "A".to_owned() },
        RowKind::Tier => RowKey::Tier("A".parse().expect("a tier")),
        RowKind::WorkCentre => RowKey::WorkCentre("FILL".parse().expect("a work centre")),
        RowKind::Location => RowKey::Location("3PL-1".parse().expect("a location")),
        RowKind::Shop => RowKey::Shop(neighbour),
        RowKind::Bill => RowKey::Bill(a()),
        RowKind::BillVersion => RowKey::BillVersion { parent: a(), version: 1 },
        RowKind::WhereUsed => RowKey::WhereUsed(Resource::Item(a())),
        RowKind::Position => RowKey::Position(at()),
        RowKind::Movement => RowKey::Movement { of: at(), seq: 1 },
        RowKind::Order => {
            let entry = OrderEntry { shop: shop.clone(), placed_at: now, order };
            return (RowKey::Order { shop, order }, Some(IndexKey::UnreadOrder(entry)));
        }
        RowKind::OrderToRead => RowKey::OrderToRead { shop, gid: "gid://shopify/Return/7".to_owned() },
        RowKind::AppliedEvent => RowKey::AppliedEvent(event),
        RowKind::Deferred => {
            let index = IndexKey::Deferred { at: now, event: event.clone() };
            return (RowKey::Deferred { lane, event }, Some(index));
        }
        RowKind::Commitment => RowKey::Commitment { document: DocumentKind::Transfer, reference: "T-1".to_owned(), of: at() },
        RowKind::Receipts => RowKey::Receipts(a()),
        RowKind::Waiting => {
            let index = IndexKey::Waiting { missing: missing.clone(), name: "broken".to_owned() };
            return (RowKey::Waiting { missing, name: "broken".to_owned() }, Some(index));
        }
        RowKind::Heartbeat => RowKey::Heartbeat("erp".to_owned()),
        RowKind::System => RowKey::System(system()),
        RowKind::FeedWatermark => RowKey::FeedWatermark { system: system(), feed: feed() },
        RowKind::FullRefresh => RowKey::FullRefresh { system: system(), feed: feed(), name: "broken".to_owned() },
        RowKind::Promise => RowKey::Promise(a()),
        RowKind::Plan => RowKey::Plan(a()),
        RowKind::PlanOf => RowKey::PlanOf(a()),
        RowKind::Level => {
            let (sku, location) = (a(), "WH-1".parse().expect("a location"));
            let due = IndexKey::DueLevel { shop: shop.clone(), urgency: 0, changed_at: now, sku: a(), location };
            let location = "WH-1".parse().expect("a location");
            return (RowKey::Level { shop, sku, location }, Some(due));
        }
        RowKind::Metafield => {
            let due = IndexKey::DueMetafield { shop: shop.clone(), changed_at: now, sku: a() };
            return (RowKey::Metafield { shop, sku: a(), kind: MetafieldKind::Lots }, Some(due));
        }
        RowKind::Intent => RowKey::Intent(neighbour),
        RowKind::Call => RowKey::Call { shop, number: 1 },
        RowKind::OrderWatermark => RowKey::OrderWatermark(shop),
        RowKind::CompareProgress => RowKey::CompareProgress(shop),
        RowKind::CompareReport => RowKey::CompareReport { shop, began: now },
        RowKind::Refresh => RowKey::Refresh,
        RowKind::Alert => RowKey::Alert(AlertSubject::LowStock { sku: a() }),
    };
    (row, None)
}

/// Replaces the content of a row by one that no code can read.
pub(crate) async fn break_row(world: &World, key: &Key, index: Option<&IndexKey>) {
    let stored = world.table.store.get(std::slice::from_ref(key)).await.expect("read").pop().flatten();
    let expect = Expect::as_read(stored.as_ref());
    let body = json!({ "written_by": "another program" });
    let write = Write::Put { key: key.clone(), body, index: index.map(IndexKey::key), expires_at: None, expect };
    world.table.store.write(&[write]).await.expect("written");
}

/// Writes the row as it was before, or removes it.
pub(crate) async fn mend_row(world: &World, key: &Key, before: Option<Record>) {
    let stored = world.table.store.get(std::slice::from_ref(key)).await.expect("read").pop().flatten();
    let (key, expect) = (key.clone(), Expect::as_read(stored.as_ref()));
    let write = match before {
        Some(before) => Write::Put { key, body: before.body, index: None, expires_at: None, expect },
        None => Write::Delete { key, expect },
    };
    world.table.store.write(&[write]).await.expect("written");
}

/// Buys units of an item.
pub(crate) fn buy(world: &World, running: &RunningShop, sku: &str, units: i64) -> OrderId {
    let now = world.clock.after(0);
    let order = running.server.shop(|shop| shop.checkout(now, &[(sku, units)]).expect("placed"));
    OrderId::new(u64::try_from(order.0).expect("an id"))
}

/// Pushes the hints that are waiting, and checks that none is given back.
pub(crate) async fn push(world: &World, running: &RunningShop, case: &str) {
    let hints: Vec<Hint> = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "{case}: a hint was given back");
}

/// Runs every job. Each must succeed.
pub(crate) async fn jobs(world: &World, running: &RunningShop, case: &str) {
    world.clock.pass(120);
    for job in [Job::Sweep, Job::Read, Job::Holds, Job::Compare, Job::Backlog, Job::Pull] {
        let name = format!("{job:?}");
        if let Err(error) = world.reconcile(running.front(), job).await {
            panic!("{case}: the job {name} failed: {error}");
        }
        world.settle().await;
    }
}

/// The positions of B in words.
async fn positions_of_b(world: &World) -> Vec<String> {
    let mut positions = Vec::new();
    for place in ["WH-1", "unassigned"] {
        let row = RowKey::Position(position("B", place));
        let found = read::<Position, _>(&world.table.store, &row).await.expect("read").0.expect("a position");
        positions.push(format!("{} {} on hand, {} reserved", found.of, found.balance.on_hand, found.balance.reserved));
    }
    positions
}

async fn everything_else_goes_on(kind: RowKind) {
    let case = format!("{kind:?}");
    let world = World::new().await;
    for sku in ["A", "B"] {
        world.item(sku, &[("WH-1", 100)]).await;
    }
    let running = in_agreement(&world).await;
    let order = buy(&world, &running, "A", 1);
    running.deliver_all(&world).await;
    world.settle().await;
    push(&world, &running, &case).await;

    let (row, index) = row_of(kind, &world, order);
    let before = world.table.store.get(&[row.key()]).await.expect("read").pop().flatten();
    break_row(&world, &row.key(), index.as_ref()).await;
    world.settle().await;

    // The item of the broken row changes, too: whatever becomes of that, it holds up nothing.
    buy(&world, &running, "A", 2);
    buy(&world, &running, "B", 3);
    for (delivery, _) in running.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default())) {
        world.deliver(&Webhook::of(&delivery)).await;
    }
    let event = |id: &str, sku: &str| world.stock(id, sku, "WH-1", StockKind::Receipt, 10);
    let of_a = StockEvent { reference: Some("PO-1".to_owned()), ..event("R-1", "A") };
    world.take_stock([event("R-0", "B"), of_a, event("R-2", "B")]).await;
    world.settle().await;
    push(&world, &running, &case).await;
    for _ in 0..2 {
        jobs(&world, &running, &case).await;
        push(&world, &running, &case).await;
    }

    let positions = positions_of_b(&world).await;
    assert_eq!(positions, ["B@WH-1 120 on hand, 3 reserved", "B@unassigned 0 on hand, 0 reserved"], "{case}");
    assert_eq!(running.shown("B", "WH-1"), (117, 3), "{case}: the shop shows what B has");
    let named = format!("faulty_row#{} raised", row.key());
    let is_named = world.alerts().contains(&named);
    let stored = world.table.store.get(&[row.key()]).await.expect("read").pop().flatten();
    let is_readable = stored.is_none_or(|stored| check(&stored).is_ok());
    let is_waiting = kind == RowKind::SystemItem && world.alerts().contains(&"unmapped_item#erp#A raised".to_owned());
    assert_eq!(is_named || is_readable || is_waiting, !UNREAD.contains(&kind), "{case}: {:?}", world.alerts());

    // A person repairs the row. The alert is cleared, and the jobs still succeed.
    if is_named {
        mend_row(&world, &row.key(), before).await;
        jobs(&world, &running, &case).await;
        assert!(!world.alerts().contains(&named), "{case}: the alert is cleared");
    }
}

/// Kinds of which this story does not read the broken row, or need not write it anew.
const UNREAD: [RowKind; 14] = [
    RowKind::ListedVariant,
    RowKind::Tier,
    RowKind::WorkCentre,
    RowKind::BillVersion,
    RowKind::Movement,
    RowKind::AppliedEvent,
    RowKind::Commitment,
    RowKind::Heartbeat,
    RowKind::FeedWatermark,
    RowKind::FullRefresh,
    RowKind::Metafield,
    RowKind::Intent,
    RowKind::Call,
    RowKind::CompareReport,
];

/// Protects everything from one row that cannot be read, whichever kind of row it is.
#[tokio::test]
async fn one_unreadable_row_stops_nothing_else() {
    let mut failed = Vec::new();
    for example in examples() {
        let kind = RowKind::from(&example.row);
        let outcome = std::panic::AssertUnwindSafe(everything_else_goes_on(kind)).catch_unwind().await;
        failed.extend(outcome.is_err().then_some(kind));
    }
    assert_eq!(failed, []);
}
