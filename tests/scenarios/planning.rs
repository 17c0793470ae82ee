//! What can still be made: from bills, components and what is announced to what each shop is told, over the real table.

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

/// A serum and a set that share a base, which is made of a raw material; and a candle of its own.
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

/// The shop's id of the production location.
pub(crate) const MADE: LocationId = LocationId(70_000_000_009);

pub(crate) async fn sheets(world: &World, files: &[(Sheet, &str)]) {
    let files = files.iter().map(|(sheet, text)| (*sheet, text.replace("shop.myshopify.com", SHOP).into_bytes()));
    let ledger = Ledger::new(world.table.client.clone(), Table::NAME);
    let outcome = import(&ledger, &world.clock, &Sheets::read(&files.collect()), false, &|_| ()).await.expect("it can run");
    assert!(outcome.plan.is_ok(), "{:?}", outcome.plan.err());
}

/// A day from today, as systems write it.
pub(crate) fn day(world: &World, days: u64) -> String {
    world.clock.after(86_400 * days).to_string()[..10].to_owned()
}

/// Says one thing of an item at the factory.
pub(crate) async fn says(world: &World, id: &str, kind: &str, sku: &str, quantity: i64, more: Value) {
    let mut fields = more;
    fields["sku"] = json!(sku);
    fields["location"] = json!("PLANT");
    let outcomes = world.says(&[event(world, id, kind, quantity, &fields)]).await;
    assert_eq!(outcomes, ["applied"], "{id}");
    world.settle().await;
}

/// The world with its bills, and components for ten of each.
pub(crate) async fn workshop() -> World {
    let world = World::new().await;
    for sku in ["SERUM", "SET", "CANDLE"] {
        world.item(sku, &[]).await;
    }
    sheets(&world, &SHEETS).await;
    world.settle().await;
    for (sku, units) in [("BOTTLE", 100), ("PUMP", 100), ("BASE", 300), ("RAW", 600), ("WAX", 10)] {
        says(&world, &format!("open-{sku}"), "receipt", sku, units, json!({})).await;
    }
    world
}

/// A shop that has the production location too.
pub(crate) fn with_production(world: &World) -> RunningShop {
    let running = shop::start(world);
    let made = NewLocation { id: Some(MADE), name: "MADE".to_owned(), fulfils_online: true };
    running.inside(|shop| shop.add_location(made)).expect("a new location");
    running
}

async fn planned(world: &World, sku: &str) -> FinishedGoodPlan {
    world.promise(sku).await.planned.unwrap_or_else(|| panic!("{sku} is planned"))
}

/// What serum and set are offered, and what the shop is to be told of the serum at the production location.
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

/// Protects the number a shop shows of what can be made: it follows every receipt, order, announcement and slip, is shared by
/// what competes, and an order does not change what the shop is told, because the shop has counted it.
#[tokio::test]
async fn what_can_be_made_follows_what_happens() {
    let world = workshop().await;
    assert_eq!(offered(&world).await, (10, 10, 10));
    let limit = planned(&world, "SERUM").await.limit.expect("something stops it");
    assert_eq!(limit.to_string(), format!("more RAW would be needed by {} (SERUM → BASE → RAW)", day(&world, 12)));
    assert_eq!(planned(&world, "CANDLE").await.offered.units(), 5);

    world.tell("orders/create", "w1", order(1).line(11, "SERUM", 3).bytes()).await;
    world.settle().await;
    assert_eq!(offered(&world).await, (7, 10, 10), "the order takes from its own share, and the shop has committed 3");
    assert_eq!(world.promise("SERUM").await.available.units(), 7);

    says(&world, "GR-1", "receipt", "RAW", 900, json!({})).await;
    assert_eq!(offered(&world).await, (17, 20, 20), "a raw material came");
    let due = |days: u64| json!({ "reference": "PO-1", "due": day(&world, days) });
    says(&world, "PO-1/1", "purchase_order", "RAW", 900, due(5)).await;
    assert_eq!(offered(&world).await, (27, 30, 30), "and more of it is to come in time");
    world.clock.pass(1);
    says(&world, "PO-1/2", "purchase_order", "RAW", 900, due(13)).await;
    assert_eq!(offered(&world).await, (17, 20, 20), "it slipped: the base takes two days");
    world.clock.pass(1);
    says(&world, "PO-1/3", "purchase_order", "RAW", 900, due(12)).await;
    says(&world, "GR-2", "receipt", "RAW", 450, json!({ "reference": "PO-1" })).await;
    assert_eq!(offered(&world).await, (27, 30, 30), "half of it came early: no gram is there twice");
    says(&world, "lost", "adjustment", "BOTTLE", -55, json!({})).await;
    let (serum, set, _) = offered(&world).await;
    assert_eq!(serum + set + 3, 45, "now bottles are what limits both");
}

/// Protects production from promising its components twice: a run takes them when it begins, less what was issued to it, and
/// what comes out is there once.
#[tokio::test]
async fn a_run_takes_its_components_once() {
    let world = workshop().await;
    let run = json!({ "reference": "R-1", "due": day(&world, 7) });
    says(&world, "R-1/1", "production_run", "SERUM", 4, run).await;
    // 4 come from the run; 120 g, 4 bottles and 4 pumps are its own.
    let (serum, set, _) = offered(&world).await;
    assert_eq!((serum - 4) * 30 + set * 60, 900 - 120);
    let before = offered(&world).await;
    for (sku, units) in [("BASE", 120), ("BOTTLE", 4), ("PUMP", 4)] {
        says(&world, &format!("issue-{sku}"), "component_issue", sku, units, json!({ "reference": "R-1" })).await;
    }
    assert_eq!(offered(&world).await, before, "what was its own is in it now");
    says(&world, "done-1", "production_completed", "SERUM", 3, json!({ "reference": "R-1" })).await;
    assert_eq!(offered(&world).await, before, "three are there, one is to come");
    world.clock.pass(1);
    says(&world, "R-1/2", "production_run", "SERUM", 0, json!({ "reference": "R-1" })).await;
    let (serum, set, _) = offered(&world).await;
    assert_eq!((serum - 3) * 30 + set * 60, 900 - 120, "the last one was cancelled, its base is gone into it");
}

/// Protects customers who wait: when components are gone somebody is told, nothing more is offered, and when they are back
/// the alert is.
#[tokio::test]
async fn a_promise_that_cannot_be_kept_is_told() {
    let world = workshop().await;
    world.tell("orders/create", "w1", order(1).line(11, "SERUM", 3).bytes()).await;
    world.settle().await;
    assert!(!world.alerts().iter().any(|alert| alert.starts_with("late_promise")), "{:?}", world.alerts());
    says(&world, "spilt", "write_off", "BASE", 300, json!({})).await;
    says(&world, "burnt", "write_off", "RAW", 540, json!({})).await;
    let serum = planned(&world, "SERUM").await;
    assert_eq!((serum.offered.units(), serum.producible().units()), (0, 2), "two of the three can still be made");
    assert_eq!(serum.late.iter().map(|late| late.units.units()).sum::<i64>(), 1);
    assert!(world.alerts().contains(&"late_promise#SERUM raised".to_owned()), "{:?}", world.alerts());
    assert_eq!(world.promise("SERUM").await.available.units(), -1);
    let due = json!({ "reference": "PO-1", "due": day(&world, 20) });
    says(&world, "PO-1/1", "purchase_order", "RAW", 90, due).await;
    let late = planned(&world, "SERUM").await.late;
    assert_eq!(late.first().and_then(|late| late.possible).map(|day| day.to_string()), Some(day(&world, 22)));
    says(&world, "GR-1", "receipt", "RAW", 300, json!({})).await;
    assert!(world.alerts().contains(&"late_promise#SERUM cleared".to_owned()), "{:?}", world.alerts());
}

/// Protects goods that are tied together or untied by a change of their bills: each is in one plan, and none is lost.
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
    assert_eq!(planned(&world, "SERUM").await.offered.units(), 30, "the base is its own now");
    let (set, candle) = (planned(&world, "SET").await.offered.units(), planned(&world, "CANDLE").await.offered.units());
    assert_eq!(set + 2 * candle, 10, "wax is shared");

    sheets(&world, &[(Sheet::Bills, "parent,component,quantity\nSET,PUMP,1\n")]).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 1, "a pump ties all together");
    sheets(&world, &[(Sheet::Items, "sku,bulk\nPUMP,yes\n")]).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 2, "what is always there ties nothing");
    let pointers = rows::<PlanMembership>(&world, RowKind::PlanOf).await;
    assert!(!pointers.iter().any(|of| of.sku.as_str() == "PUMP"), "{pointers:?}");
    for of in pointers {
        let (plan, _) = read::<GroupPlan, _>(&world.table.store, &RowKey::Plan(of.plan.clone())).await.expect("it can be read");
        assert!(plan.iter().any(|plan| plan.items.contains(&of.sku)), "{of:?} is in its plan");
    }
}

/// Protects the table and the stream from plans that say nothing new; and shows that a day that begins is planned.
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
    says(&world, "PO-1", "purchase_order", "RAW", 900, json!({ "reference": "PO-1", "due": day(&world, 13) })).await;
    assert_eq!(offered(&world).await, (10, 10, 10));
    world.clock.pass(86_400);
    world.reconcile(front.front(), Job::Backlog).await.expect("run");
    world.settle().await;
    assert_eq!(offered(&world).await, (20, 20, 20), "a day later it is in time");
}

/// Protects plans from going back: two that are made at the same time, from rows before and after a change, end with the newer,
/// wherever the one overtakes the other.
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
        assert_eq!(offered(&world).await, (12, 12, 12), "{head_start} ahead");
    }
}

/// Protects shoppers: what the shop shows of what can be made is what is planned, from the first contact to the last difference.
#[tokio::test]
async fn the_shop_shows_what_can_be_made() {
    let world = workshop().await;
    let running = with_production(&world);
    let shown = |sku: &str| {
        let item = running.item(sku);
        running.inside(|shop| shop.level(item, MADE).map(|level| level.available))
    };
    for _ in 0..2 {
        // The first time the shop begins to stock them there.
        running.sweep_quiet(&world).await;
        world.push(running.front(), &[world.hint(&[("SERUM", "MADE"), ("SET", "MADE")])]).await;
    }
    assert_eq!((shown("SERUM"), shown("SET")), (Some(10), Some(10)));
    drop(world.hints.take());
    says(&world, "GR-1", "receipt", "RAW", 900, json!({})).await;
    world.push(running.front(), &world.hints.take()).await;
    assert_eq!((shown("SERUM"), shown("SET")), (Some(20), Some(20)));
    running.assert_agreement(&world).await;
}

/// Protects shoppers from waiting longer than the page says: it names the day by which one more can be made, moves with what is
/// ordered and announced, and says nothing where units are there or where nothing brings one.
#[tokio::test]
async fn the_shop_shows_when_one_can_be_there() {
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
    assert_eq!(page().await, on(0), "everything for it is there");
    world.tell("orders/create", "w1", order(1).line(11, "SERUM", 10).bytes()).await;
    assert_eq!(page().await, on(0), "who ordered was promised a later day, by which more base can be made");
    says(&world, "lost", "adjustment", "BASE", -300, json!({})).await;
    assert_eq!(page().await, on(2), "there is no base, and it takes two days");
    world.tell("orders/create", "w2", order(2).line(21, "SERUM", 10).bytes()).await;
    assert_eq!(page().await.as_deref(), Some("{}"), "nothing brings more of the raw material");
    let due = json!({ "reference": "PO-1", "due": day(&world, 5) });
    says(&world, "PO-1", "purchase_order", "RAW", 900, due).await;
    assert_eq!(page().await, on(2), "who ordered gets theirs of what is bought");
    says(&world, "spoilt", "adjustment", "RAW", -600, json!({})).await;
    assert_eq!(page().await, on(7), "it is bought, and becomes base");
    assert_eq!(world.says(&[event(&world, "GR-1", "receipt", 21, &json!({ "sku": "SERUM" }))]).await, ["applied"]);
    assert_eq!(page().await.as_deref(), Some("{}"), "one is there: nobody has to wait");
}

/// Protects a work centre from being promised twice by goods that share nothing else.
#[tokio::test]
async fn a_work_centre_is_shared() {
    let world = workshop().await;
    let files = [
        (Sheet::WorkCentres, "centre,units_per_day\nLINE,1\n"),
        (Sheet::Assemblies, "parent,work_centre\nSERUM,LINE\nCANDLE,LINE\n"),
    ];
    sheets(&world, &files).await;
    world.settle().await;
    assert_eq!(plans(&world).await.len(), 1, "the line ties them together");
    let (serum, candle) = (planned(&world, "SERUM").await.offered.units(), planned(&world, "CANDLE").await.offered.units());
    assert_eq!((serum, candle), (10, 5), "fifteen days, one unit a day");
    says(&world, "WAX-1", "receipt", "WAX", 10, json!({})).await;
    let (serum, candle) = (planned(&world, "SERUM").await.offered.units(), planned(&world, "CANDLE").await.offered.units());
    assert_eq!(serum + candle, 15, "more wax makes no more days");
}
