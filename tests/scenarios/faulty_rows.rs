//! One row of each kind that cannot be read, or can never be written, stops nothing that does not depend on it, and an alert names it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use promissory::alert::{Alert, AlertState, AlertSubject};
use promissory::catalog::{
    Item, MetafieldKind, MissingMapping, OrderId, Quantity, Resource, ShopDomain, Tier, TierId, VariantId,
};
use promissory::flows::{alert, backlog, refresh, request_refresh};
use promissory::ledger::{Lane, Position};
use promissory::movement::EventId;
use promissory::ports::{Clock, Store, read};
use promissory::source::{DocumentKind, StockEvent, StockKind};
use promissory::storefront::Hint;
use promissory::table::{Expect, IndexKey, Key, OrderEntry, Record, RowKey, RowKind, UnreadableRow, Write, check, examples};
use promissory_fakes::shopify::DeliveryPlan;
use promissory_tests::faults::Fault::Denied;
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::{World, position};
use reconciler::Job;
use serde_json::json;

use crate::variants::{list, shop_item};

/// The row of a kind that is made unreadable: of the item A, of its order, or of a neighbour of what B needs.
fn row_of(kind: RowKind, world: &World, running: &RunningShop, order: OrderId) -> (RowKey, Option<IndexKey>) {
    let (shop, a) = (world.shop.clone(), || "A".parse().expect("a SKU"));
    let at = || position("A", "WH-1");
    let lane = Lane::Position(at());
    let event = EventId::new("erp", "receipt-A");
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
        RowKind::ListedVariant => {
            let variant = shop_item(running, "A").variant.0;
            RowKey::ListedVariant { shop, variant: VariantId::new(u64::try_from(variant).expect("an id")) }
        }
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
        RowKind::Commitment => {
            RowKey::Commitment { document: DocumentKind::Transfer, reference: "T-1".to_owned(), of: position("A", "3PL-1") }
        }
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
        RowKind::Intent => RowKey::Intent(shop),
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

/// Which row is faulty, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    kind: RowKind,
    fault: Fault,
}

/// What is wrong with the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It cannot be read.
    Unreadable,
    /// It can never be written.
    Unwritable,
}

impl Case {
    /// Whether this job cannot go on, because it cannot store how far it has come. Its function fails, which has an alarm.
    fn fails(self, job: &Job) -> bool {
        let stored_in = match job {
            Job::Sweep | Job::Read => RowKind::OrderWatermark,
            Job::Compare => RowKind::CompareProgress,
            Job::Backlog => RowKind::Refresh,
            Job::Holds | Job::Pull => return false,
        };
        self == Self { kind: stored_in, fault: Fault::Unwritable }
    }

    /// Whether nothing can be pushed: a call is never made before its intent is stored.
    fn stops_pushes(self) -> bool {
        self == Self { kind: RowKind::Intent, fault: Fault::Unwritable }
    }

    async fn push(self, world: &World, running: &RunningShop) {
        if self.stops_pushes() {
            world.push(running.front(), &world.hints.take()).await;
        } else {
            push(world, running, &format!("{self:?}")).await;
        }
    }

    async fn jobs(self, world: &World, running: &RunningShop) {
        jobs_except(world, running, &format!("{self:?}"), |job| self.fails(job)).await;
    }
}

/// Pushes the hints that are waiting, and checks that none is given back.
pub(crate) async fn push(world: &World, running: &RunningShop, case: &str) {
    let hints: Vec<Hint> = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "{case}: a hint was given back");
}

/// Runs every job. Each must succeed.
pub(crate) async fn jobs(world: &World, running: &RunningShop, case: &str) {
    jobs_except(world, running, case, |_| false).await;
}

/// Runs every job. Each must succeed, except those that may fail.
async fn jobs_except(world: &World, running: &RunningShop, case: &str, may_fail: impl Fn(&Job) -> bool) {
    world.clock.pass(120);
    for job in [Job::Sweep, Job::Read, Job::Holds, Job::Compare, Job::Backlog, Job::Pull] {
        let (may_fail, name) = (may_fail(&job), format!("{job:?}"));
        let done = world.reconcile(running.front(), job).await;
        assert!(done.is_ok() || may_fail, "{case}: the job {name} failed: {done:?}");
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

/// An item with a tier, which is kept by lot and has an alert when less than 98 units are left, so that more kinds of rows belong to it.
async fn import(world: &World, sku: &str) {
    let tier: TierId = sku.parse().expect("a tier");
    world.put(&Tier { id: tier.clone(), buffer: Quantity::ZERO }).await;
    let item = Item { tier: Some(tier), by_lot: true, low_at: Some(Quantity::new(97)), ..world.plain(sku) };
    world.import(&item, &[("WH-1", 100)]).await;
}

/// Events of the ERP about a purchase order and a transfer of an item.
fn events(world: &World, sku: &str) -> [StockEvent; 3] {
    let event = |id: &str, kind| world.stock(&format!("{id}-{sku}"), sku, "WH-1", kind, 10);
    let lot = "L-1".parse().expect("a lot");
    let of_transfer = StockEvent {
        to: Some("3PL-1".to_owned()),
        reference: Some("T-1".to_owned()),
        ..event("transfer", StockKind::TransferOut)
    };
    let of_order = StockEvent { reference: Some("PO-1".to_owned()), ..event("of-order", StockKind::Receipt) };
    [StockEvent { lot: Some(lot), ..event("receipt", StockKind::Receipt) }, of_order, of_transfer]
}

/// Breaks one row of a kind, lets A and B be bought, received and transferred, runs every job, and checks that B has and shows what it
/// must. Returns whether a handler met the fault.
async fn everything_else_goes_on(case: Case) -> bool {
    let world = World::new().await;
    for sku in ["A", "B"] {
        import(&world, sku).await;
    }
    let running = in_agreement(&world).await;
    for sku in ["A", "B"] {
        list(&world, sku, sku, &shop_item(&running, sku)).await;
        world.settle().await;
    }
    let order = buy(&world, &running, "A", 1);
    running.deliver_all(&world).await;
    world.settle().await;
    case.push(&world, &running).await;

    let (row, index) = match case {
        // The next movement, and the next call.
        Case { kind: RowKind::Movement, fault: Fault::Unwritable } => {
            (RowKey::Movement { of: position("A", "WH-1"), seq: 2 }, None)
        }
        Case { kind: RowKind::Call, fault: Fault::Unwritable } => (RowKey::Call { shop: world.shop.clone(), number: 2 }, None),
        Case { kind, .. } => row_of(kind, &world, &running, order),
    };
    let before = world.table.store.get(&[row.key()]).await.expect("read").pop().flatten();
    match case.fault {
        Fault::Unreadable => break_row(&world, &row.key(), index.as_ref()).await,
        Fault::Unwritable => world.table.faults.refuse_writes(row.key()),
    }
    world.settle().await;

    // The item of the faulty row changes, too: whatever becomes of that, it holds up nothing.
    buy(&world, &running, "A", 2);
    buy(&world, &running, "B", 3);
    for (delivery, _) in running.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default())) {
        world.deliver(&Webhook::of(&delivery)).await;
    }
    let [of_a, of_b] = ["A", "B"].map(|sku| events(&world, sku));
    world.take_stock(of_a.into_iter().chain(of_b)).await;
    world.settle().await;
    case.push(&world, &running).await;
    for _ in 0..2 {
        case.jobs(&world, &running).await;
        case.push(&world, &running).await;
    }

    let positions = positions_of_b(&world).await;
    assert_eq!(positions, ["B@WH-1 110 on hand, 3 reserved", "B@unassigned 0 on hand, 0 reserved"], "{case:?}");
    if !case.stops_pushes() {
        assert_eq!(running.shown("B", "WH-1"), (107, 3), "{case:?}: the shop shows what B has");
    }
    let named = match case.fault {
        Fault::Unreadable => format!("faulty_row#{} raised", row.key()),
        Fault::Unwritable => format!("unwritable_row#{} raised", row.key()),
    };
    let is_named = world.alerts().contains(&named);
    if case.fault == Fault::Unwritable {
        let alert = RowKey::Alert(AlertSubject::UnwritableRow { row: row.key().to_string() });
        let alert = read::<Alert, _>(&world.table.store, &alert).await.expect("read").0;
        // A later call was stored. Every other row still cannot be written.
        let is_kept = |alert: &Alert| alert.times == 1 && (is_named || case.kind == RowKind::Call);
        assert!(alert.as_ref().is_none_or(is_kept), "{case:?}: the alert is kept until the row can be written: {alert:?}");
    }
    let is_met = match case.fault {
        Fault::Unreadable => {
            let stored = world.table.store.get(&[row.key()]).await.expect("read").pop().flatten();
            let is_readable = stored.is_none_or(|stored| check(&stored).is_ok());
            let is_waiting = world.alerts().iter().any(|alert| alert.starts_with("unmapped_") && alert.ends_with("raised"));
            is_named || is_readable || is_waiting
        }
        Fault::Unwritable => world.table.faults.allow_writes() > 0,
    };

    // A person repairs the row. The alert is cleared, and the jobs still succeed.
    if is_named {
        if case.fault == Fault::Unreadable {
            mend_row(&world, &row.key(), before).await;
        }
        // The next call of the shop.
        world.take_stock([world.stock("later", "B", "WH-1", StockKind::Receipt, 1)]).await;
        world.settle().await;
        case.push(&world, &running).await;
        case.jobs(&world, &running).await;
        assert!(!world.alerts().contains(&named), "{case:?}: the alert is cleared");
    }
    is_met
}

/// Runs the story for each kind of row. Returns the kinds that no handler met.
async fn each_kind(fault: Fault) -> Vec<RowKind> {
    let (mut failed, mut unmet) = (Vec::new(), Vec::new());
    for example in examples() {
        let kind = RowKind::from(&example.row);
        match std::panic::AssertUnwindSafe(everything_else_goes_on(Case { kind, fault })).catch_unwind().await {
            Ok(true) => {}
            Ok(false) => unmet.push(kind),
            Err(_) => failed.push(kind),
        }
    }
    assert_eq!(failed, [], "{fault:?}");
    unmet
}

/// Protects everything from one row that cannot be read, whichever kind of row it is.
#[tokio::test]
async fn one_unreadable_row_stops_nothing_else() {
    // Only commands read these, or they belong to the planning and the pulls of other stories.
    let unmet = [
        RowKind::WorkCentre,
        RowKind::BillVersion,
        RowKind::Movement,
        RowKind::Heartbeat,
        RowKind::FeedWatermark,
        RowKind::FullRefresh,
        RowKind::Call,
        RowKind::CompareReport,
    ];
    assert_eq!(each_kind(Fault::Unreadable).await, unmet);
}

/// Protects everything from one row that can never be written, whichever kind of row it is.
#[tokio::test]
async fn one_refused_write_stops_nothing_else() {
    // Only imports write the catalog, which report the row. The rest belongs to the planning and the pulls of other stories, or to
    // events that wait.
    let unmet = [
        RowKind::Item,
        RowKind::ShopItem,
        RowKind::ListedVariant,
        RowKind::SystemItem,
        RowKind::Tier,
        RowKind::WorkCentre,
        RowKind::Location,
        RowKind::Shop,
        RowKind::Bill,
        RowKind::BillVersion,
        RowKind::WhereUsed,
        RowKind::OrderToRead,
        RowKind::Deferred,
        RowKind::Waiting,
        RowKind::Heartbeat,
        RowKind::System,
        RowKind::FeedWatermark,
        RowKind::FullRefresh,
        RowKind::Plan,
        RowKind::PlanOf,
        RowKind::Metafield,
        RowKind::CompareReport,
    ];
    assert_eq!(each_kind(Fault::Unwritable).await, unmet);
}

/// Protects the later parts of the backlog job, and other rows, when many rows were repaired at once: looking at them again ends at the
/// deadline, and one that fails does not stop the others.
#[tokio::test]
async fn a_repair_that_fails_stops_no_other_one() {
    let world = World::new().await;
    world.reconcile(in_agreement(&world).await.front(), Job::Backlog).await.expect("run");
    let (store, clock) = (&world.table.store, &world.clock);
    for code in ["gone-1", "gone-2"] {
        let key = RowKey::SystemItem { system: "erp".to_owned(), code: code.to_owned() }.key().to_string();
        let error = UnreadableRow { key, detail: "another program wrote it".to_owned() };
        alert::faulty_row(store, clock, &error.into()).await.expect("raised");
    }
    let raised = || world.alerts().iter().filter(|alert| alert.ends_with("raised")).count();
    let look = async |deadline| backlog((store, &world.hints, clock), &world.network, &world.shop, deadline).await;
    world.settle().await;
    look(clock.now() - Duration::from_secs(1)).await.expect("run");
    world.settle().await;
    assert_eq!(raised(), 2, "there is no time for them");

    world.table.faults.next("PutItem", 1, Denied);
    look(clock.after(240)).await.expect_err("the alert about one row cannot be cleared");
    world.settle().await;
    assert_eq!(raised(), 1, "the other one is cleared");
    look(clock.after(240)).await.expect("run");
    world.settle().await;
    assert_eq!(raised(), 0);
}

/// Protects an item that a refresh could not recompute: an alert names its row, and a later run recomputes it.
#[tokio::test]
async fn an_item_that_a_refresh_could_not_recompute_is_not_forgotten() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 20)]).await;
    world.settle().await;
    let (store, clock) = (&world.table.store, &world.clock);
    let refreshed = async || refresh(store, clock, &world.network, clock.after(60)).await.expect("run");
    world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 5)]).await;
    request_refresh(store, clock).await.expect("requested");
    clock.pass(61);
    let promise = RowKey::Promise("A".parse().expect("a SKU")).key();
    world.table.faults.refuse_writes(promise.clone());
    for _ in 0..2 {
        refreshed().await;
    }
    let alert = RowKey::Alert(AlertSubject::UnwritableRow { row: promise.to_string() });
    let (alert, _) = read::<Alert, _>(store, &alert).await.expect("read");
    assert_eq!(alert.map(|alert| alert.state), Some(AlertState::Raised));
    assert!(world.table.faults.allow_writes() > 0);
    assert_eq!(world.promise("A").await.available.units(), 20);
    refreshed().await;
    assert_eq!(world.promise("A").await.available.units(), 25);
}

/// Protects the units of an order of which one mapping cannot be read: the event reserves what it can and leaves no applied event, so that
/// the same webhook reserves the rest after the repair. The applied event is written with that last step, and nothing moves twice.
#[tokio::test]
async fn an_event_of_a_quarantined_order_has_its_applied_event_with_its_last_step() {
    let world = World::new().await;
    for sku in ["A", "B"] {
        world.item(sku, &[("WH-1", 10)]).await;
    }
    world.settle().await;
    let row = RowKey::ShopItem { shop: world.shop.clone(), shop_sku: "A".to_owned() }.key();
    let before = world.table.store.get(std::slice::from_ref(&row)).await.expect("read").remove(0);
    break_row(&world, &row, None).await;
    let body = order(1).line(11, "A", 2).line(12, "B", 3).bytes();
    let deliver = async || {
        let answer = world.deliver_accepted("orders/create", "w1", body.clone()).await;
        (answer["outcome"].as_str().unwrap_or_default().to_owned(), answer["movements"].as_u64().unwrap_or_default())
    };
    let mark = RowKey::AppliedEvent(EventId::of_webhook(&world.shop, "w1")).key();
    let reserved = async || {
        let reserved = world.positions().await.into_iter().filter(|at| !at.ends_with(" 0 reserved"));
        let marks = world.table.store.get(std::slice::from_ref(&mark)).await.expect("read");
        (reserved.collect::<Vec<_>>(), marks[0].is_some())
    };
    let b = "B@unassigned 0 on hand, 3 reserved".to_owned();
    for _ in 0..2 {
        assert_eq!(deliver().await.0, "quarantined");
        assert_eq!(reserved().await, (vec![b.clone()], false));
    }
    mend_row(&world, &row, before).await;
    for (answer, movements) in [("applied", 1), ("duplicate", 0)] {
        assert_eq!(deliver().await, (answer.to_owned(), movements));
        assert_eq!(reserved().await, (vec!["A@unassigned 0 on hand, 2 reserved".to_owned(), b.clone()], true));
    }
}

/// Protects people from an alert that nothing else clears: that the shop refused a metafield which cannot be read any more, when the row is
/// deleted because the shop does not list its item any more.
#[tokio::test]
async fn the_refusal_of_an_unreadable_metafield_is_cleared_with_its_row() {
    let world = World::new().await;
    import(&world, "A").await;
    let running = in_agreement(&world).await;
    list(&world, "A", "A", &shop_item(&running, "A")).await;
    world.settle().await;
    push(&world, &running, "A").await;
    let sku = || "A".parse().expect("a SKU");
    let refused = AlertSubject::MetafieldRefused { shop: world.shop.clone(), sku: sku(), metafield: MetafieldKind::Lots };
    alert::raise(&world.table.store, &world.clock, (refused, "refused".to_owned())).await.expect("raised");
    let row = RowKey::Metafield { shop: world.shop.clone(), sku: sku(), kind: MetafieldKind::Lots }.key();
    break_row(&world, &row, None).await;
    let (item, _) = read::<Item, _>(&world.table.store, &RowKey::Item(sku())).await.expect("read");
    world.put(&Item { shops: BTreeMap::new(), ..item.expect("the item") }).await;
    world.settle().await;
    assert_eq!(world.table.store.get(std::slice::from_ref(&row)).await.expect("read"), [None]);
    let open: Vec<String> = world.alerts().into_iter().filter(|alert| alert.ends_with(" raised")).collect();
    assert!(!open.iter().any(|alert| alert.starts_with("metafield_refused")), "{open:?}");
}
