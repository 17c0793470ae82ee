//! Planning over the real table: from bills, components and scheduled receipts to the levels of each shop.

use futures_util::future::join;
use promissory::catalog::{Item, VariantId};
use promissory::flows::{commit, recompute, replan};
use promissory::ledger::LedgerEvent;
use promissory::ports::{Store, read};
use promissory::promise::{FinishedGoodPlan, GroupPlan, PlanMembership};
use promissory::sheets::{Sheet, Sheets};
use promissory::source::StockKind;
use promissory::table::{Row, RowKey, RowKind, Write};
use promissory_cli::catalog::command::import;
use promissory_cli::table::Table as Ledger;
use promissory_fakes::shopify::{LocationId, NewLocation};
use promissory_tests::dynamo::{Table, row_key};
use promissory_tests::shop::{self, RunningShop};
use promissory_tests::source::event;
use promissory_tests::webhook::{SHOP, order};
use promissory_tests::world::World;
use reconciler::Job;
use serde_json::{Value, json};

/// A serum and a set that share a base, which is made of a raw material; and an unrelated candle.
const SHEETS: [(Sheet, &str); 5] = [
    (
        Sheet::Items,
        "sku,promise_days,since\nSERUM,14,2026-01-01\nSET,14,2026-02-01\nCANDLE,14,\nBASE,,\nRAW,,\nBOTTLE,,\nPUMP,,\nWAX,,\n",
    ),
    (Sheet::Locations, "code,kind,fulfils_online\nPLANT,factory,no\nMADE,production,yes\n"),
    (Sheet::LocationCodes, "location,in,code\nMADE,shop.myshopify.com,70000000009\n"),
    (Sheet::Assemblies, "parent,lead_days\nBASE,2\n"),
    (
        Sheet::Bills,
        "parent,component,quantity\nSERUM,BOTTLE,1\nSERUM,PUMP,1\nSERUM,BASE,30\nSET,BOTTLE,1\nSET,BASE,60\nBASE,RAW,1\nCANDLE,WAX,2\n",
    ),
];

/// The shop's id of the location that shows producible units.
pub(crate) const MADE: LocationId = LocationId(70_000_000_009);

pub(crate) async fn sheets(world: &World, files: &[(Sheet, &str)]) {
    let files = files.iter().map(|(sheet, text)| (*sheet, text.replace("shop.myshopify.com", SHOP).into_bytes()));
    let ledger = Ledger::new(world.table.client.clone(), Table::NAME);
    let outcome = import(&ledger, &world.clock, &Sheets::read(&files.collect()), false, &|_| ()).await.expect("it can run");
    assert!(outcome.plan.is_ok(), "{:?}", outcome.plan.err());
}

/// A date relative to today, in the format of source systems.
pub(crate) fn day(world: &World, days: u64) -> String {
    world.clock.after(86_400 * days).to_string()[..10].to_owned()
}

/// Sends one event of an item at the factory.
pub(crate) async fn send_event(world: &World, id: &str, kind: &str, sku: &str, quantity: i64, more: Value) {
    let mut fields = more;
    fields["sku"] = json!(sku);
    fields["location"] = json!("PLANT");
    let outcomes = world.send_events(&[event(world, id, kind, quantity, &fields)]).await;
    assert_eq!(outcomes, ["applied"], "{id}");
    world.settle().await;
}

/// The world with its bills, and with components for ten units of each finished good.
pub(crate) async fn workshop() -> World {
    let world = World::new().await;
    for sku in ["SERUM", "SET", "CANDLE"] {
        world.item(sku, &[]).await;
    }
    sheets(&world, &SHEETS).await;
    world.settle().await;
    for (sku, units) in [("BOTTLE", 100), ("PUMP", 100), ("BASE", 300), ("RAW", 600), ("WAX", 10)] {
        send_event(&world, &format!("open-{sku}"), "receipt", sku, units, json!({})).await;
    }
    world
}

/// A shop with the location that shows producible units.
pub(crate) fn with_production(world: &World) -> RunningShop {
    let running = shop::start(world);
    let made = NewLocation { id: Some(MADE), name: "MADE".to_owned(), fulfils_online: true };
    running.inside(|shop| shop.add_location(made)).expect("a new location");
    running
}

async fn planned(world: &World, sku: &str) -> FinishedGoodPlan {
    world.promise(sku).await.planned.unwrap_or_else(|| panic!("{sku} has no plan"))
}

/// The offered units of serum and set, and the level of the serum to push at the production location.
async fn offered(world: &World) -> (i64, i64, i64) {
    let (serum, set) = (planned(world, "SERUM").await.offered.units(), planned(world, "SET").await.offered.units());
    (serum, set, world.level("SERUM", "MADE").await.to_push.units())
}

async fn rows<R: Row>(world: &World, kind: RowKind) -> Vec<R> {
    let mut found = Vec::new();
    for row in world.table.of_kind(kind) {
        let row = row_key(&row).expect("a key");
        found.extend(read::<R, _>(&world.table.store, &row).await.expect("it can be read").0);
    }
    found
}

async fn plans(world: &World) -> Vec<Vec<String>> {
    let mut plans: Vec<Vec<String>> = rows::<GroupPlan>(world, RowKind::Plan)
        .await
        .iter()
        .map(|plan| plan.items.iter().map(ToString::to_string).collect())
        .collect();
    plans.sort();
    plans
}

/// Protects the shown number of producible units: it follows every receipt, order, scheduled receipt and delay, and is
/// allocated between competing finished goods. An order does not change the level to push, because the shop has committed its
/// units.
#[tokio::test]
async fn producible_units_follow_every_event() {
    let world = workshop().await;
    assert_eq!(offered(&world).await, (10, 10, 10));
    let limit = planned(&world, "SERUM").await.limit.expect("a limit");
    assert_eq!(limit.to_string(), format!("more RAW would be needed by {} (SERUM → BASE → RAW)", day(&world, 12)));
    assert_eq!(planned(&world, "CANDLE").await.offered.units(), 5);

    world.deliver_accepted("orders/create", "w1", order(1).line(11, "SERUM", 3).bytes()).await;
    world.settle().await;
    assert_eq!(offered(&world).await, (7, 10, 10), "the order takes from its own share, and the shop has committed 3");
    assert_eq!(world.promise("SERUM").await.available.units(), 7);

    send_event(&world, "GR-1", "receipt", "RAW", 900, json!({})).await;
    assert_eq!(offered(&world).await, (17, 20, 20), "a raw material was received");
    let due = |days: u64| json!({ "reference": "PO-1", "due": day(&world, days) });
    send_event(&world, "PO-1/1", "purchase_order", "RAW", 900, due(5)).await;
    assert_eq!(offered(&world).await, (27, 30, 30), "more of it is scheduled in time");
    world.clock.pass(1);
    send_event(&world, "PO-1/2", "purchase_order", "RAW", 900, due(13)).await;
    assert_eq!(offered(&world).await, (17, 20, 20), "the receipt is late, because the base takes two days");
    world.clock.pass(1);
    send_event(&world, "PO-1/3", "purchase_order", "RAW", 900, due(12)).await;
    send_event(&world, "GR-2", "receipt", "RAW", 450, json!({ "reference": "PO-1" })).await;
    assert_eq!(offered(&world).await, (27, 30, 30), "half of it arrived early and is counted once");
    send_event(&world, "lost", "adjustment", "BOTTLE", -55, json!({})).await;
    let (serum, set, _) = offered(&world).await;
    assert_eq!(serum + set + 3, 45, "bottles limit both");
}

/// Protects components from being promised twice: a production run takes its components when it starts, less the issued units,
/// and its output is counted once.
#[tokio::test]
async fn a_run_takes_its_components_once() {
    let world = workshop().await;
    let run = json!({ "reference": "R-1", "due": day(&world, 7) });
    send_event(&world, "R-1/1", "production_run", "SERUM", 4, run).await;
    // Four units come from the run, which takes 120 g, 4 bottles and 4 pumps.
    let (serum, set, _) = offered(&world).await;
    assert_eq!((serum - 4) * 30 + set * 60, 900 - 120);
    let before = offered(&world).await;
    for (sku, units) in [("BASE", 120), ("BOTTLE", 4), ("PUMP", 4)] {
        send_event(&world, &format!("issue-{sku}"), "component_issue", sku, units, json!({ "reference": "R-1" })).await;
    }
    assert_eq!(offered(&world).await, before, "the issued components are in the run now");
    send_event(&world, "done-1", "production_completed", "SERUM", 3, json!({ "reference": "R-1" })).await;
    assert_eq!(offered(&world).await, before, "three units are in stock and one is scheduled");
    world.clock.pass(1);
    send_event(&world, "R-1/2", "production_run", "SERUM", 0, json!({ "reference": "R-1" })).await;
    let (serum, set, _) = offered(&world).await;
    assert_eq!((serum - 3) * 30 + set * 60, 900 - 120, "the last unit was cancelled after its base had been issued");
}

/// Protects waiting customers: when components are lost an alert is raised and nothing more is offered, and when they are back
/// the alert is cleared.
#[tokio::test]
async fn a_promise_that_cannot_be_kept_raises_an_alert() {
    let world = workshop().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "SERUM", 3).bytes()).await;
    world.settle().await;
    assert!(!world.alerts().iter().any(|alert| alert.starts_with("late_promise")), "{:?}", world.alerts());
    send_event(&world, "spilt", "write_off", "BASE", 300, json!({})).await;
    send_event(&world, "burnt", "write_off", "RAW", 540, json!({})).await;
    let serum = planned(&world, "SERUM").await;
    assert_eq!((serum.offered.units(), serum.producible().units()), (0, 2), "two of the three can still be made");
    assert_eq!(serum.late.iter().map(|late| late.units.units()).sum::<i64>(), 1);
    assert!(world.alerts().contains(&"late_promise#SERUM raised".to_owned()), "{:?}", world.alerts());
    assert_eq!(world.promise("SERUM").await.available.units(), -1);
    let due = json!({ "reference": "PO-1", "due": day(&world, 20) });
    send_event(&world, "PO-1/1", "purchase_order", "RAW", 90, due).await;
    let late = planned(&world, "SERUM").await.late;
    assert_eq!(late.first().and_then(|late| late.possible).map(|day| day.to_string()), Some(day(&world, 22)));
    send_event(&world, "GR-1", "receipt", "RAW", 300, json!({})).await;
    assert!(world.alerts().contains(&"late_promise#SERUM cleared".to_owned()), "{:?}", world.alerts());
}

/// Protects planning groups that a bill joins or splits: each finished good is in one plan, and none is lost.
#[tokio::test]
async fn plans_follow_bills() {
    let world = workshop().await;
    let together = vec![
        ["CANDLE", "WAX"].map(str::to_owned).to_vec(),
        ["BASE", "BOTTLE", "PUMP", "RAW", "SERUM", "SET"].map(str::to_owned).to_vec(),
    ];
    let mut sorted = together.clone();
    sorted.sort();
    assert_eq!(plans(&world).await, sorted);

    sheets(&world, &[(Sheet::Bills, "parent,component,remove\nSET,BASE,yes\nSET,BOTTLE,yes\n")]).await;
    sheets(&world, &[(Sheet::Bills, "parent,component,quantity\nSET,WAX,1\n")]).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 2);
    assert_eq!(planned(&world, "SERUM").await.offered.units(), 30, "the base is no longer shared");
    let (set, candle) = (planned(&world, "SET").await.offered.units(), planned(&world, "CANDLE").await.offered.units());
    assert_eq!(set + 2 * candle, 10, "wax is shared");

    sheets(&world, &[(Sheet::Bills, "parent,component,quantity\nSET,PUMP,1\n")]).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 1, "the shared pump joins the groups");
    sheets(&world, &[(Sheet::Items, "sku,bulk\nPUMP,yes\n")]).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 2, "a bulk item joins no groups");
    let memberships = rows::<PlanMembership>(&world, RowKind::PlanOf).await;
    assert!(!memberships.iter().any(|of| of.sku.as_str() == "PUMP"), "{memberships:?}");
    for of in memberships {
        let (plan, _) = read::<GroupPlan, _>(&world.table.store, &RowKey::Plan(of.plan.clone())).await.expect("it can be read");
        assert!(plan.iter().any(|plan| plan.items.contains(&of.sku)), "{of:?} is in its plan");
    }
}

/// Protects the table and the stream from unchanged plans, and shows that plans are computed again when a day begins.
#[tokio::test]
async fn a_plan_is_written_when_it_changes_and_when_a_day_begins() {
    let world = workshop().await;
    let front = shop::start(&world);
    world.reconcile(front.front(), Job::Backlog).await.expect("run");
    let all = ["SERUM", "RAW", "WAX", "WH-1"].map(|sku| sku.parse().expect("a SKU")).into();
    let before = world.table.rows();
    let changed = replan(&world.table.store, &world.clock, &world.network, &all).await.expect("planned");
    assert_eq!((changed, world.table.rows() == before), (0, true), "nothing changed, nothing is written");

    // Due one day too late for the base of today's promise.
    send_event(&world, "PO-1", "purchase_order", "RAW", 900, json!({ "reference": "PO-1", "due": day(&world, 13) })).await;
    assert_eq!(offered(&world).await, (10, 10, 10));
    world.clock.pass(86_400);
    world.reconcile(front.front(), Job::Backlog).await.expect("run");
    world.settle().await;
    assert_eq!(offered(&world).await, (20, 20, 20), "a day later it is in time");
}

/// Protects plans from being replaced by older ones: two concurrent plans, computed before and after a change, end with the
/// newer one, wherever one overtakes the other.
#[tokio::test]
async fn a_plan_never_goes_backwards() {
    for head_start in 0..14 {
        let world = workshop().await;
        let (store, clock) = (&world.table.store, &world.clock);
        let network = &promissory::flows::load_network(store).await.expect("read");
        let seeds = ["RAW".parse().expect("a SKU")].into();
        let plan = async |ahead: u64, id: &str| {
            for _ in 0..ahead {
                tokio::task::yield_now().await;
            }
            let receipt = LedgerEvent::Stock(world.stock(id, "RAW", "PLANT", StockKind::Receipt, 90));
            commit(store, clock, network, &[(receipt, None)]).await.expect("taken");
            recompute(store, clock, network, &"RAW".parse().expect("a SKU")).await.expect("computed");
            replan(store, clock, network, &seeds).await
        };
        let (one, other) = join(plan(0, "a"), plan(head_start, "b")).await;
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
        world.settle().await;
        assert_eq!(offered(&world).await, (12, 12, 12), "a head start of {head_start}");
    }
}

/// Protects shoppers: the shop shows the planned number of producible units, from the initialisation to the last difference.
#[tokio::test]
async fn the_shop_shows_producible_units() {
    let world = workshop().await;
    let running = with_production(&world);
    let shown = |sku: &str| {
        let item = running.item(sku);
        running.inside(|shop| shop.level(item, MADE).map(|level| level.available))
    };
    for _ in 0..2 {
        // The first push activates the items at the location.
        running.sweep_settled(&world).await;
        world.push(running.front(), &[world.hint(&[("SERUM", "MADE"), ("SET", "MADE")])]).await;
    }
    assert_eq!((shown("SERUM"), shown("SET")), (Some(10), Some(10)));
    drop(world.hints.take());
    send_event(&world, "GR-1", "receipt", "RAW", 900, json!({})).await;
    world.push(running.front(), &world.hints.take()).await;
    assert_eq!((shown("SERUM"), shown("SET")), (Some(20), Some(20)));
    running.assert_agreement(&world).await;
}

/// Protects shoppers from a wrong delivery date: the page shows the day by which one more unit can be made. The day follows
/// orders and scheduled receipts, and the page shows none if units are in stock or if nothing supplies one.
#[tokio::test]
async fn the_shop_shows_the_date_of_the_next_unit() {
    let world = workshop().await;
    let running = shop::start(&world);
    let of = running.item("SERUM");
    let key = RowKey::Item("SERUM".parse().expect("a SKU"));
    let (item, expect) = read::<Item, _>(&world.table.store, &key).await.expect("read");
    let mut item = item.expect("it was imported");
    item.planning.shows_date = true;
    let variant = running.inside(|shop| VariantId::from_gid(&shop.item("SERUM")?.variant.gid()));
    item.shops.values_mut().for_each(|listed| listed.variant = variant);
    world.table.store.write(&[Write::put(&item, expect)]).await.expect("written");

    let page = async || {
        world.settle().await;
        world.push(running.front(), &world.hints.take()).await;
        running.inside(|shop| shop.metafield(of, "promissory", "promise").map(str::to_owned))
    };
    let on = |days: u64| Some(format!(r#"{{"date":"{}"}}"#, day(&world, days)));
    assert_eq!(page().await, on(0), "all components are in stock");
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "SERUM", 10).bytes()).await;
    assert_eq!(page().await, on(0), "the order has a later promise date, by which more base can be made");
    send_event(&world, "lost", "adjustment", "BASE", -300, json!({})).await;
    assert_eq!(page().await, on(2), "the base is out of stock and takes two days");
    world.deliver_accepted("orders/create", "w2", order(2).line(21, "SERUM", 10).bytes()).await;
    assert_eq!(page().await.as_deref(), Some("{}"), "no receipt of the raw material is scheduled");
    let due = json!({ "reference": "PO-1", "due": day(&world, 5) });
    send_event(&world, "PO-1", "purchase_order", "RAW", 900, due).await;
    assert_eq!(page().await, on(2), "the orders are covered by the purchase order");
    send_event(&world, "spoilt", "adjustment", "RAW", -600, json!({})).await;
    assert_eq!(page().await, on(7), "the raw material is received and becomes base");
    assert_eq!(world.send_events(&[event(&world, "GR-1", "receipt", 21, &json!({ "sku": "SERUM" }))]).await, ["applied"]);
    assert_eq!(page().await.as_deref(), Some("{}"), "one unit is in stock");
}

/// Protects a work centre from being promised twice by finished goods that share nothing else.
#[tokio::test]
async fn a_work_centre_is_shared() {
    let world = workshop().await;
    let files = [
        (Sheet::WorkCentres, "centre,units_per_day\nLINE,1\n"),
        (Sheet::Assemblies, "parent,work_centre\nSERUM,LINE\nCANDLE,LINE\n"),
    ];
    sheets(&world, &files).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 1, "the shared work centre joins the groups");
    let (serum, candle) = (planned(&world, "SERUM").await.offered.units(), planned(&world, "CANDLE").await.offered.units());
    assert_eq!((serum, candle), (10, 5), "fifteen days, one unit a day");
    send_event(&world, "WAX-1", "receipt", "WAX", 10, json!({})).await;
    let (serum, candle) = (planned(&world, "SERUM").await.offered.units(), planned(&world, "CANDLE").await.offered.units());
    assert_eq!(serum + candle, 15, "more wax adds no capacity");
}
