//! Kits: sold as one item, and shipped as their components.

use promissory::catalog::Sku;
use promissory::flows::recompute;
use promissory::sheets::Sheet;
use promissory::source::StockKind;
use promissory::table::RowKey;
use promissory_fakes::shopify::{OrderId, RefundInput, RefundLine, Restock};
use promissory_tests::shop::RunningShop;
use promissory_tests::source::{Post, event};
use promissory_tests::world::{World, position};
use reconciler::Job;
use serde_json::json;

use crate::faulty_rows::break_row;
use crate::planning::{MADE, sheets, with_production};

const SHEETS: [(Sheet, &str); 5] = [
    (Sheet::Items, "sku,promise_days\nKIT,0\nA,\nB,\n"),
    (Sheet::Locations, "code,kind,fulfils_online\nMADE,production,yes\n"),
    (Sheet::LocationCodes, "location,in,code\nMADE,shop.myshopify.com,70000000009\n"),
    (Sheet::Assemblies, "parent,phantom\nKIT,yes\n"),
    (Sheet::Bills, "parent,component,quantity\nKIT,A,1\nKIT,B,2\n"),
];

/// A shop that sells a kit and its components, with units for ten kits.
async fn selling() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world.item("B", &[("WH-1", 20)]).await;
    world.item("KIT", &[]).await;
    sheets(&world, &SHEETS).await;
    let running = with_production(&world);
    push_all(&world, &running).await;
    running.sweep_settled(&world).await;
    push_all(&world, &running).await;
    (world, running)
}

/// Plays the stream, runs the jobs that repair, and pushes every hint.
async fn push_all(world: &World, running: &RunningShop) {
    for job in [Job::Sweep, Job::Read, Job::Compare, Job::Backlog] {
        world.settle().await;
        world.reconcile(running.front(), job).await.expect("run");
    }
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
}

/// Buys kits, and returns the order and its line as source systems name them.
async fn buy(world: &World, running: &RunningShop, kits: i64) -> (OrderId, serde_json::Value) {
    let now = world.clock.after(0);
    let order = running.server.shop(|shop| shop.checkout(now, &[("KIT", kits)]).expect("placed"));
    let line = running.server.shop(|shop| shop.order(order).expect("placed").lines[0].id);
    running.deliver_all(world).await;
    push_all(world, running).await;
    (order, json!({ "shop": world.shop.to_string(), "order": order.0.to_string(), "line": line.0.to_string() }))
}

async fn ship(world: &World, running: &RunningShop, events: &[(&str, &str, i64)], line: &serde_json::Value) {
    let of = |(id, sku, units): &(&str, &str, i64)| {
        event(world, id, "shipment", *units, &json!({ "sku": sku, "location": "WH-1", "order": line }))
    };
    let events: Vec<_> = events.iter().map(of).collect();
    assert_eq!(world.send_events(&events).await, vec!["applied"; events.len()]);
    world.clock.pass(1);
    push_all(world, running).await;
}

async fn fulfil(world: &World, running: &RunningShop, order: OrderId) {
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.fulfil(now, order, None).expect("fulfilled"));
    running.deliver_all(world).await;
    push_all(world, running).await;
}

/// The available and committed kits that the shop shows.
fn kits(running: &RunningShop) -> (i64, i64) {
    let item = running.item("KIT");
    running.server.shop(|shop| shop.level(item, MADE).map(|level| (level.available, level.committed)).expect("a level"))
}

/// What the shop shows as available of A, of B and of the kit.
fn shown(running: &RunningShop) -> (i64, i64, i64) {
    (running.shown("A", "WH-1").0, running.shown("B", "WH-1").0, kits(running).0)
}

async fn assert_nothing_of_kits(world: &World) {
    let contents = world.contents().await;
    for position in contents.positions.values().filter(|position| position.of.sku.as_str() == "KIT") {
        assert!(
            position.balance.on_hand.is_zero() && position.balance.reserved.is_zero(),
            "{}: {}",
            position.of,
            position.balance
        );
    }
}

/// Protects kits and their components from being sold twice: what an order for a kit takes is not sold as a component, whether
/// the shop or the warehouse reports first that it has left, and no claim stays behind.
#[tokio::test]
async fn a_kit_ships_as_its_components() {
    for shop_is_first in [false, true] {
        let (world, running) = selling().await;
        assert_eq!(shown(&running), (10, 20, 10), "what can be put together");
        let (order, line) = buy(&world, &running, 1).await;
        assert_eq!((shown(&running), kits(&running).1), ((9, 18, 9), 1), "an order keeps its components");
        if shop_is_first {
            fulfil(&world, &running, order).await;
            assert_eq!(shown(&running), (9, 18, 9), "components that left are not sold, although no system has posted them");
        }
        ship(&world, &running, &[("s1", "A", 1)], &line).await;
        ship(&world, &running, &[("s2", "B", 2)], &line).await;
        assert_eq!(shown(&running), (9, 18, 9), "the components have left");
        if !shop_is_first {
            fulfil(&world, &running, order).await;
        }
        assert_eq!((shown(&running), kits(&running).1), ((9, 18, 9), 0), "shop first: {shop_is_first}");
        let positions = world.positions().await;
        for of in ["A@WH-1 9 on hand, 0 reserved", "B@WH-1 18 on hand, 0 reserved"] {
            assert!(positions.iter().any(|position| position == of), "{positions:?}");
        }
        assert_nothing_of_kits(&world).await;
        assert_eq!(world.alerts(), [""; 0]);
    }
}

/// Protects components that kits take from being sold while the plan that keeps them, or the row that names the plan, cannot be read.
#[tokio::test]
async fn an_unreadable_plan_keeps_the_components_of_kits() {
    let a = || "A".parse().expect("a SKU");
    for row in [RowKey::Plan(a()), RowKey::PlanOf(a())] {
        let (world, running) = selling().await;
        buy(&world, &running, 1).await;
        assert_eq!(shown(&running), (9, 18, 9));
        break_row(&world, &row.key(), None).await;
        world.settle().await;
        world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 5)]).await;
        push_all(&world, &running).await;
        assert_eq!(shown(&running), (14, 18, 9), "{row}");
        assert!(!world.alerts().iter().any(|alert| alert.ends_with("raised")), "{row} is written anew: {:?}", world.alerts());
    }
}

/// Protects components and kits from a plan and promises that cannot be read together: they are computed anew, one after the other.
#[tokio::test]
async fn a_plan_and_promises_that_are_unreadable_together_are_written_anew() {
    let [a, b] = ["A", "B"].map(|sku| sku.parse::<Sku>().expect("a SKU"));
    for row in [RowKey::Plan(a.clone()), RowKey::PlanOf(a.clone())] {
        let (world, running) = selling().await;
        buy(&world, &running, 1).await;
        for broken in [row.clone(), RowKey::Promise(a.clone()), RowKey::Promise(b.clone())] {
            break_row(&world, &broken.key(), None).await;
        }
        world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 5)]).await;
        for _ in 0..2 {
            push_all(&world, &running).await;
        }
        assert_eq!(shown(&running), (14, 18, 9), "{row}");
        assert!(!world.alerts().iter().any(|alert| alert.ends_with("raised")), "{row}: {:?}", world.alerts());
    }
}

/// Protects the items of a plan that is written anew: one that cannot be recomputed does not stop the others.
#[tokio::test]
async fn an_item_that_cannot_be_recomputed_stops_no_other_item_of_its_plan() {
    let (world, _) = selling().await;
    let [a, b] = ["A", "B"].map(|sku| sku.parse().expect("a SKU"));
    break_row(&world, &RowKey::Plan(a).key(), None).await;
    break_row(&world, &RowKey::Position(position("A", "WH-1")).key(), None).await;
    world.take_stock([world.stock("r", "B", "WH-1", StockKind::Receipt, 5)]).await;
    let error = recompute(&world.table.store, &world.clock, &world.network, &b).await.expect_err("A cannot be read");
    assert!(error.to_string().contains("A@WH-1"), "{error}");
    assert_eq!(world.promise("B").await.places[&position("B", "WH-1").place].in_stock().units(), 25, "B is recomputed");
}

/// Protects a shop whose warehouse reports no kits: the components that left stay off sale until they are counted.
#[tokio::test]
async fn a_count_of_the_components_settles_a_kit_without_reports() {
    let (world, running) = selling().await;
    let (order, _) = buy(&world, &running, 2).await;
    fulfil(&world, &running, order).await;
    assert_eq!(shown(&running), (8, 16, 8));
    world.clock.pass(3_600);
    count_components(&world, 8, 16).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running), (8, 16, 8), "what was counted is sold");
    let (order, line) = buy(&world, &running, 1).await;
    ship(&world, &running, &[("s1", "A", 1), ("s2", "B", 2)], &line).await;
    fulfil(&world, &running, order).await;
    assert_eq!(shown(&running), (7, 14, 7), "what left before the count keeps nothing of what is reported");
    assert_nothing_of_kits(&world).await;
}

/// Protects the components of a kit that has left: when the shop takes back an older shipment of another order, only the kit of that
/// order is not put together after all.
#[tokio::test]
async fn an_old_shipment_that_is_taken_back_releases_nothing_of_newer_kits() {
    let (world, running) = selling().await;
    let (old, _) = buy(&world, &running, 1).await;
    fulfil(&world, &running, old).await;
    world.clock.pass(5 * 24 * 3_600);
    count_components(&world, 9, 18).await;
    world.clock.pass(60);
    push_all(&world, &running).await;
    let (new, _) = buy(&world, &running, 1).await;
    fulfil(&world, &running, new).await;
    assert_eq!(shown(&running), (8, 16, 8), "the components of the new kit are not posted yet");
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let shipped = shop.order(old).expect("placed").fulfilments[0].id;
        shop.cancel_fulfilment(now, shipped).expect("cancelled");
    });
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running), (7, 14, 7), "the old order waits for its kit again");
}

/// Sells one kit, ships its components, and fulfils it. Returns the order and its line as source systems name them.
async fn sold_and_shipped(world: &World, running: &RunningShop) -> (OrderId, serde_json::Value) {
    let (order, line) = buy(world, running, 1).await;
    ship(world, running, &[("s1", "A", 1), ("s2", "B", 2)], &line).await;
    fulfil(world, running, order).await;
    assert_eq!(shown(running), (9, 18, 9));
    (order, line)
}

/// Refunds an order of one kit, which the shop puts back in stock where it shows kits.
async fn take_back(world: &World, running: &RunningShop, order: OrderId) {
    let now = world.clock.after(0);
    let line = running.server.shop(|shop| shop.order(order).expect("placed").lines[0].id);
    let lines = vec![RefundLine { line, quantity: 1, restock: Restock::Return, location: Some(MADE) }];
    running.server.shop(|shop| shop.refund(now, order, &RefundInput { lines, return_id: None }).expect("refunded"));
    running.deliver_all(world).await;
    world.clock.pass(1);
    push_all(world, running).await;
}

/// Protects a kit that came back whole: it is sold as it is, and takes no other components when it leaves.
#[tokio::test]
async fn a_returned_kit_leaves_first() {
    let (world, running) = selling().await;
    let (order, _) = sold_and_shipped(&world, &running).await;
    take_back(&world, &running, order).await;
    assert_eq!(shown(&running), (9, 18, 10), "the returned kit is on hand");
    let (next, _) = buy(&world, &running, 1).await;
    assert_eq!(shown(&running), (9, 18, 9));
    fulfil(&world, &running, next).await;
    assert_eq!(shown(&running), (9, 18, 9), "no component is kept for a kit that was there");
    assert_nothing_of_kits(&world).await;
    assert_eq!(world.alerts(), [""; 0]);
}

/// Protects a returned kit that is still on hand. The warehouse ships components for the next order, and reports them before or
/// after the shop fulfils that order.
#[tokio::test]
async fn a_kit_stays_when_components_leave_in_its_place() {
    for shop_is_first in [false, true] {
        let (world, running) = selling().await;
        let (order, _) = sold_and_shipped(&world, &running).await;
        take_back(&world, &running, order).await;
        let (next, line) = buy(&world, &running, 1).await;
        if shop_is_first {
            fulfil(&world, &running, next).await;
        }
        ship(&world, &running, &[("s3", "A", 1), ("s4", "B", 2)], &line).await;
        if !shop_is_first {
            fulfil(&world, &running, next).await;
        }
        assert_eq!(shown(&running), (8, 16, 9), "shop first: {shop_is_first}");
        let positions = world.positions().await;
        assert!(positions.contains(&"KIT@MADE 1 on hand, 0 reserved".to_owned()), "{positions:?}");
        assert_eq!(world.alerts(), [""; 0]);
    }
}

/// Protects returned units from being counted twice: the shop puts a kit back in stock, and the warehouse its components,
/// whichever is first.
#[tokio::test]
async fn what_comes_back_of_a_kit_is_counted_once() {
    for shop_is_first in [false, true] {
        let (world, running) = selling().await;
        let (order, line) = sold_and_shipped(&world, &running).await;
        if shop_is_first {
            take_back(&world, &running, order).await;
        }
        components_come_back(&world, &running, &line).await;
        if !shop_is_first {
            take_back(&world, &running, order).await;
        }
        world.clock.pass(1);
        push_all(&world, &running).await;
        assert_eq!(shown(&running), (10, 20, 10), "shop first: {shop_is_first}");
        assert_nothing_of_kits(&world).await;
    }
}

/// Reports the components of one kit that came back.
async fn components_come_back(world: &World, running: &RunningShop, line: &serde_json::Value) {
    for (id, sku, units) in [("r1", "A", 1), ("r2", "B", 2)] {
        let of = json!({ "sku": sku, "location": "WH-1", "order": line });
        assert_eq!(world.send_events(&[event(world, id, "customer_return", units, &of)]).await, ["applied"]);
    }
    world.clock.pass(1);
    push_all(world, running).await;
}

/// Protects the components of a kit that came back and left again before the warehouse reports that its components came back: the
/// kit took other components with it.
#[tokio::test]
async fn a_kit_that_left_again_took_the_components_that_came_back() {
    let (world, running) = selling().await;
    let (order, line) = sold_and_shipped(&world, &running).await;
    take_back(&world, &running, order).await;
    let (next, next_line) = buy(&world, &running, 1).await;
    fulfil(&world, &running, next).await;
    assert_eq!(shown(&running), (9, 18, 9), "the returned kit has left");
    components_come_back(&world, &running, &line).await;
    assert_eq!(shown(&running), (9, 18, 9), "what came back is kept for the kit that left");
    ship(&world, &running, &[("s3", "A", 1), ("s4", "B", 2)], &next_line).await;
    assert_eq!(shown(&running), (9, 18, 9), "and has left with it");
    assert_nothing_of_kits(&world).await;
}

/// Protects the kits of one line that ship on different days: when the older shipment is taken back, the newer kit keeps its components.
#[tokio::test]
async fn an_old_shipment_of_the_same_line_releases_nothing_of_the_newer_one() {
    let (world, running) = selling().await;
    let (order, _) = buy(&world, &running, 2).await;
    let one = |now| {
        running.server.shop(|shop| {
            let line = shop.order(order).expect("placed").lines[0].id;
            shop.fulfil(now, order, Some(&[(line, 1)])).expect("fulfilled")[0]
        })
    };
    let old = one(world.clock.after(0));
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    world.clock.pass(5 * 24 * 3_600);
    count_components(&world, 9, 18).await;
    world.clock.pass(60);
    one(world.clock.after(0));
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running), (8, 16, 8));
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.cancel_fulfilment(now, old).expect("cancelled"));
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running), (7, 14, 7), "the line waits for one kit, and the components of the other are not posted");
}

/// Protects components that a warehouse reports before and after midnight: they belong to the same kit for as long as it is kept.
#[tokio::test]
async fn components_of_a_kit_may_leave_on_two_days() {
    let (world, running) = selling().await;
    let (order, line) = buy(&world, &running, 1).await;
    world.clock.pass(11 * 3_600 + 50 * 60);
    ship(&world, &running, &[("s1", "A", 1)], &line).await;
    world.clock.pass(20 * 60);
    ship(&world, &running, &[("s2", "B", 2)], &line).await;
    fulfil(&world, &running, order).await;
    for day in 0..7 {
        push_all(&world, &running).await;
        assert_eq!(shown(&running), (9, 18, 9), "day {day}");
        world.clock.pass(24 * 3_600);
    }
}

/// Protects the last units: a count of zero settles the kits whose components left before it.
#[tokio::test]
async fn a_count_of_zero_settles_kits() {
    let (world, running) = selling().await;
    let (order, _) = buy(&world, &running, 10).await;
    fulfil(&world, &running, order).await;
    assert_eq!(shown(&running), (0, 0, 0));
    world.clock.pass(3_600);
    count_components(&world, 0, 0).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running), (0, 0, 0));
}

/// Counts the components.
async fn count_components(world: &World, a: i64, b: i64) {
    for (id, sku, units) in [("c1", "A", a), ("c2", "B", b)] {
        let counted = event(world, id, "count", units, &json!({ "sku": sku, "location": "WH-1" }));
        assert_eq!(world.send_events(&[counted]).await, ["applied"]);
    }
}

/// Protects kits that were taken apart: a later bill says nothing about what came back before.
#[tokio::test]
async fn a_later_bill_does_not_put_kits_together_again() {
    let (world, running) = selling().await;
    let (order, line) = buy(&world, &running, 2).await;
    ship(&world, &running, &[("s1", "A", 2), ("s2", "B", 4)], &line).await;
    fulfil(&world, &running, order).await;
    take_back(&world, &running, order).await;
    components_come_back(&world, &running, &line).await;
    assert_eq!(shown(&running), (9, 18, 9), "one kit came back as its components");
    // A system posts the components of a kit within days, and until then the new bill applies to them.
    world.clock.pass(5 * 24 * 3_600);
    sheets(&world, &[(Sheet::Bills, "parent,component,quantity\nKIT,A,1\nKIT,B,4\n")]).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running), (9, 18, 4));
    take_back(&world, &running, order).await;
    assert_eq!(shown(&running), (9, 18, 5), "the second kit came back whole, and the first is still taken apart");
}

/// Protects a warehouse that is faster than the shop: what it ships for a line that is not known yet waits for the order.
#[tokio::test]
async fn a_component_that_leaves_before_its_order_is_known_waits() {
    let (world, running) = selling().await;
    let now = world.clock.after(0);
    let order = running.server.shop(|shop| shop.checkout(now, &[("KIT", 1)]).expect("placed"));
    let line = running.server.shop(|shop| shop.order(order).expect("placed").lines[0].id);
    running.lose_all();
    let of = json!({ "shop": world.shop.to_string(), "order": order.0.to_string(), "line": line.0.to_string() });
    let shipped = event(&world, "s1", "shipment", 1, &json!({ "sku": "A", "location": "WH-1", "order": of }));
    assert_eq!(world.send_events(&[shipped]).await, ["waiting"]);
    assert_eq!(world.alerts(), ["unmapped_item#wms#A raised"]);
    world.clock.pass(60);
    push_all(&world, &running).await;
    ship(&world, &running, &[("s2", "B", 2)], &of).await;
    fulfil(&world, &running, order).await;
    assert_eq!((shown(&running), kits(&running).1), ((9, 18, 9), 0));
    assert_nothing_of_kits(&world).await;
    assert_eq!(world.alerts(), ["unmapped_item#wms#A cleared"]);
}

/// Protects the stock from reports that cannot belong to a line: only a component of the kit that the line sells may leave for it.
#[tokio::test]
async fn other_items_do_not_leave_for_a_kit() {
    let (world, running) = selling().await;
    sheets(&world, &[(Sheet::Items, "sku\nC\n")]).await;
    let (_, line) = buy(&world, &running, 1).await;
    let wrong = event(&world, "s9", "shipment", 1, &json!({ "sku": "C", "location": "WH-1", "order": line }));
    let (status, answer) = world.post(Post::new(&world, &[wrong])).await;
    assert_eq!((status, &answer["events"][0]["outcome"]), (422, &json!("refused")), "{answer}");
    assert_eq!(world.alerts(), ["refused_event#wms raised"]);
}
