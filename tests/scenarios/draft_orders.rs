//! Draft orders that reserve: the network promises no unit twice, the levels of the shop stay as they are, and no end of a draft
//! is missed, whichever webhooks are lost.

use jiff::{SignedDuration, Timestamp};
use promissory::catalog::OrderId;
use promissory::order::OrderRecord;
use promissory::ports::read;
use promissory::table::RowKey;
use promissory_fakes::shopify::{Cart, DeliveryPlan, DraftOrderId, Faults, InventoryState, Shop, Topic};
use promissory_tests::shop::{RunningShop, in_agreement, location_id};
use promissory_tests::webhook::Webhook;
use promissory_tests::world::World;
use reconciler::{Job, Report};

use super::explain::explained;

const HOUR: u64 = 3_600;

async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

fn in_hours(world: &World, hours: i64) -> Option<Timestamp> {
    Some(world.clock.after(0) + SignedDuration::from_hours(hours))
}

/// A draft of three units that reserves for two hours.
fn draft(world: &World, running: &RunningShop) -> DraftOrderId {
    let (now, until) = (world.clock.after(0), in_hours(world, 2));
    running.server.shop(|shop| shop.create_draft(now, &[("A", 3)], until).expect("a draft"))
}

/// Runs the schedules once, and pushes what they find.
async fn run(world: &World, running: &RunningShop) {
    running.sweep_settled(world).await;
    for job in [Job::Read, Job::Holds] {
        world.reconcile(running.front(), job).await.expect("the job runs");
    }
    world.settle().await;
    let compared = world.reconcile(running.front(), Job::Compare).await.expect("compared");
    let Report::Compare(compared) = compared else { panic!("{compared:?}") };
    assert_eq!(compared.drifted, [], "a draft never leads to a repair");
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
}

/// Units that the network can promise, and units that the ledger reserves.
async fn promised(world: &World) -> (i64, i64) {
    world.settle().await;
    let promise = world.promise("A").await;
    (promise.available.units(), promise.places.values().map(|at| at.balance.reserved.units()).sum())
}

/// Protects units that a draft reserves: they are promised to no one else, and the order that it becomes takes them over. At no
/// moment is a unit free that the draft or the order holds.
#[tokio::test]
async fn a_draft_reserves_until_its_order_takes_over() {
    let (world, running) = agreed().await;
    let id = draft(&world, &running);
    running.deliver_all(&world).await;
    world.reconcile(running.front(), Job::Read).await.expect("read");
    assert_eq!(promised(&world).await, (7, 3));
    assert_eq!(world.positions().await, ["A@WH-1 10 on hand, 0 reserved", "A@unassigned 0 on hand, 3 reserved"]);
    run(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (7, 0), "the level is left alone");
    assert!(running.log().iter().all(|applied| applied.changes.iter().all(|change| change.after != 7)), "nothing is set to 7");
    let text = format!("{:?}", explained(&world, "A").await);
    assert!(text.contains(&format!("D{id}")), "the explanation names the draft: {text}");

    let now = world.clock.after(0);
    running.server.shop(|shop| shop.complete_draft(now, id).expect("an order"));
    for (delivery, _) in running.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default())) {
        world.deliver(&Webhook::of(&delivery)).await;
        world.settle().await;
        assert!(promised(&world).await.0 <= 7, "after {}", delivery.topic.name());
    }
    run(&world, &running).await;
    assert_eq!((promised(&world).await, running.shown("A", "WH-1")), ((7, 3), (7, 3)));
    assert_eq!(world.positions().await, ["A@WH-1 10 on hand, 3 reserved", "A@unassigned 0 on hand, 0 reserved"]);
    assert_eq!(world.bus.orders.take().len(), 1, "the order is forwarded once, and the draft never");
    assert_eq!(world.alerts(), [""; 0]);
    running.assert_agreement(&world).await;
}

/// The webhooks that arrive.
#[derive(Debug, Clone, Copy)]
enum Arrive {
    All,
    None,
    OnlyThoseOfDrafts,
}

async fn deliver(world: &World, running: &RunningShop, arrive: Arrive) {
    let of_draft = |topic| matches!(topic, Topic::DraftOrdersCreate | Topic::DraftOrdersUpdate | Topic::DraftOrdersDelete);
    for (delivery, _) in running.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default())) {
        let arrives = match arrive {
            Arrive::All => true,
            Arrive::None => false,
            Arrive::OnlyThoseOfDrafts => of_draft(delivery.topic),
        };
        if arrives {
            assert_eq!(world.deliver(&Webhook::of(&delivery)).await.0, 200, "{}", delivery.topic.name());
        }
    }
}

/// A step of a draft, at a time. The last argument is until when the draft is to reserve.
type Step = fn(&mut Shop, Timestamp, DraftOrderId, Option<Timestamp>);

/// Each end and change of a draft, what it leaves reserved, and how many units remain available in the shop.
const ENDS: [(&str, Step, i64); 9] = [
    ("goes on", |_, _, _, _| {}, 3),
    ("has fewer units", |shop, now, id, until| shop.update_draft(now, id, &[("A", 2)], until).expect("changed"), 2),
    ("has more units", |shop, now, id, until| shop.update_draft(now, id, &[("A", 9)], until).expect("changed"), 9),
    ("reserves no longer", |shop, now, id, _| shop.update_draft(now, id, &[("A", 3)], None).expect("changed"), 0),
    ("is invoiced", |shop, now, id, _| shop.invoice_draft(now, id).expect("invoiced"), 3),
    ("is deleted", |shop, now, id, _| shop.delete_draft(now, id).expect("deleted"), 0),
    ("becomes an order", |shop, now, id, _| assert!(shop.complete_draft(now, id).is_ok()), 3),
    (
        "becomes an order, and is deleted",
        |shop, now, id, _| {
            shop.complete_draft(now, id).expect("an order");
            shop.delete_draft(now, id).expect("deleted");
        },
        3,
    ),
    (
        "becomes an order that is cancelled",
        |shop, now, id, _| {
            let order = shop.complete_draft(now, id).expect("an order");
            shop.cancel(now, order).expect("cancelled");
        },
        0,
    ),
];

/// Protects the promise from every lost webhook: after the next sweeps the network promises what the shop can sell.
#[tokio::test]
async fn no_change_of_a_draft_is_missed() {
    for (case, step, reserved) in ENDS {
        for arrive in [Arrive::All, Arrive::None, Arrive::OnlyThoseOfDrafts] {
            let (world, running) = agreed().await;
            let id = draft(&world, &running);
            deliver(&world, &running, arrive).await;
            run(&world, &running).await;
            assert_eq!(promised(&world).await, (7, 3), "{case}, {arrive:?}");
            world.clock.pass(60);
            let (now, until) = (world.clock.after(0), in_hours(&world, 2));
            running.server.shop(|shop| step(shop, now, id, until));
            deliver(&world, &running, arrive).await;
            // A deleted draft is in no search, so a draft that reserves is read again after an hour. It may have become an order
            // before, so it ends after the next complete sweep.
            world.clock.pass(HOUR);
            run(&world, &running).await;
            world.clock.pass(60);
            run(&world, &running).await;
            assert_eq!(promised(&world).await, (10 - reserved, reserved), "{case}, {arrive:?}");
            assert_eq!(running.shown("A", "WH-1").0, 10 - reserved, "{case}, {arrive:?}");
            running.assert_agreement(&world).await;
            assert_eq!(world.alerts(), [""; 0], "{case}, {arrive:?}");
        }
    }
}

/// Protects units of a draft that an employee completes and deletes at once: while its order is not in the ledger, the draft holds them.
#[tokio::test]
async fn a_deleted_draft_holds_its_units_until_its_order_can_be_known() {
    for arrive in [Arrive::None, Arrive::OnlyThoseOfDrafts] {
        let (world, running) = agreed().await;
        let id = draft(&world, &running);
        deliver(&world, &running, Arrive::All).await;
        run(&world, &running).await;
        let now = world.clock.after(0);
        running.server.shop(|shop| {
            shop.complete_draft(now, id).expect("an order");
            shop.delete_draft(now, id).expect("deleted");
        });
        deliver(&world, &running, arrive).await;
        for job in [Job::Read, Job::Holds, Job::Sweep, Job::Read, Job::Holds] {
            world.clock.pass(60);
            world.reconcile(running.front(), job).await.expect("the job runs");
            assert!(promised(&world).await.0 <= 7, "{arrive:?}, {job:?}");
        }
        world.clock.pass(HOUR);
        for _ in 0..2 {
            world.clock.pass(60);
            run(&world, &running).await;
        }
        assert_eq!(promised(&world).await, (7, 3), "{arrive:?}: the order holds them");
        assert_eq!(world.positions().await[0], "A@WH-1 10 on hand, 3 reserved", "{arrive:?}");
    }
}

/// Protects units of a draft that exists from a signed body that names it and comes as `draft_orders/delete`: the topic is not
/// signed, so the shop is asked, and the draft goes on reserving.
#[tokio::test]
async fn a_forged_deletion_ends_no_draft() {
    let (world, running) = agreed().await;
    let id = draft(&world, &running);
    deliver(&world, &running, Arrive::All).await;
    run(&world, &running).await;
    assert_eq!(promised(&world).await, (7, 3), "the draft reserves");
    let body = serde_json::json!({ "id": id }).to_string().into_bytes();
    world.deliver_accepted("draft_orders/delete", "of another topic", body).await;
    for _ in 0..3 {
        world.clock.pass(60);
        run(&world, &running).await;
        assert_eq!(promised(&world).await, (7, 3), "the draft still reserves");
    }
}

/// Protects units from a draft that is forgotten: its hold ends with its time, and not before a sweep has found the order that it
/// may have become. A draft whose time was extended keeps its hold.
#[tokio::test]
async fn a_hold_ends_with_the_time_of_the_draft() {
    let (world, running) = agreed().await;
    draft(&world, &running);
    run(&world, &running).await;
    world.clock.pass(2 * HOUR);
    let holds = world.reconcile(running.front(), Job::Holds).await.expect("the job runs");
    let Report::Holds(holds) = holds else { panic!("{holds:?}") };
    assert_eq!((holds.expired, promised(&world).await), (0, (7, 3)), "no sweep has begun since then");
    run(&world, &running).await;
    assert_eq!(promised(&world).await, (10, 0));
    assert_eq!(running.shown("A", "WH-1"), (10, 0));

    let id = draft(&world, &running);
    run(&world, &running).await;
    let (now, until) = (world.clock.after(0), in_hours(&world, 5));
    running.server.shop(|shop| shop.update_draft(now, id, &[("A", 3)], until).expect("changed"));
    running.lose_all();
    world.clock.pass(2 * HOUR);
    run(&world, &running).await;
    assert_eq!(promised(&world).await, (7, 3), "the time was extended");
    world.clock.pass(4 * HOUR);
    run(&world, &running).await;
    assert_eq!(promised(&world).await, (10, 0));
}

/// Protects a shop whose app may not read drafts: everything else works, and the levels are left alone.
#[tokio::test]
async fn a_shop_without_the_scope_works() {
    let (world, running) = agreed().await;
    running.fail(Faults { no_drafts_scope: true, ..Faults::default() });
    let id = draft(&world, &running);
    running.lose_all();
    run(&world, &running).await;
    assert_eq!((running.shown("A", "WH-1"), world.alerts()), ((7, 0), Vec::new()));
    // The scope was taken away after the topics were subscribed to: an alert says what to grant, and orders are read as before.
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        shop.invoice_draft(now, id).expect("invoiced");
        shop.checkout(now, &[("A", 1)]).expect("placed");
    });
    running.deliver_all(&world).await;
    run(&world, &running).await;
    assert_eq!(world.positions().await[0], "A@WH-1 10 on hand, 1 reserved");
    assert_eq!(world.alerts(), [format!("unreadable_order#{}#draft orders raised", world.shop)]);
    running.fail(Faults::default());
    run(&world, &running).await;
    assert_eq!(promised(&world).await, (6, 4));
    assert_eq!(world.alerts(), [format!("unreadable_order#{}#draft orders cleared", world.shop)]);
}

/// Protects the number of unclaimed units: what drafts reserve is claimed in the shop, also beside units that an app reserves, and
/// orders that claim nothing are still subtracted.
#[tokio::test]
async fn what_drafts_reserve_is_not_unclaimed() {
    for (pre_ordered, by_app) in [(0, 0), (0, 2), (4, 0), (4, 2)] {
        let (world, running) = agreed().await;
        let (now, a) = (world.clock.after(0), running.item("A"));
        draft(&world, &running);
        running.server.shop(|shop| {
            shop.set_aside(now, a, location_id("WH-1"), (InventoryState::Reserved, by_app)).expect("known");
            if pre_ordered > 0 {
                let lines = vec![("A".to_owned(), pre_ordered)];
                shop.checkout_cart(now, &Cart { lines, pre_order: true, ..Cart::default() }).expect("placed");
            }
        });
        running.deliver_all(&world).await;
        run(&world, &running).await;
        run(&world, &running).await;
        let unclaimed = world.level("A", "WH-1").await.unclaimed.units();
        assert_eq!(unclaimed, pre_ordered, "{pre_ordered} pre-ordered, {by_app} reserved by an app");
        assert_eq!(running.shown("A", "WH-1").0, 7 - pre_ordered - by_app, "{pre_ordered} pre-ordered, {by_app} by an app");
    }
}

/// Protects units that large drafts reserve: a draft of more lines than one transaction can write reserves all of them, and its end
/// releases all of them.
#[tokio::test]
async fn a_large_draft_reserves_and_ends_as_a_whole() {
    for becomes_an_order in [false, true] {
        let world = World::new().await;
        let skus: Vec<String> = (0..120).map(|n| format!("SKU-{n:03}")).collect();
        world.import_many(&skus).await;
        let running = in_agreement(&world).await;
        let (now, until) = (world.clock.after(0), in_hours(&world, 2));
        let id = running.server.shop(|shop| {
            let items: Vec<_> = skus.iter().map(|sku| shop.item(sku).expect("an item of the shop").id).collect();
            items.into_iter().for_each(|item| shop.stock(now, item, location_id("WH-1"), 5, true).expect("stocked"));
            let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
            shop.create_draft(now, &lines, until).expect("a draft")
        });
        running.deliver_all(&world).await;
        let reserved = async || {
            world.reconcile(running.front(), Job::Read).await.expect("read");
            let held = world.contents().await.held();
            held.values().map(|held| held.reserved.units()).sum::<i64>()
        };
        assert_eq!(reserved().await, 240);
        world.clock.pass(60);
        let now = world.clock.after(0);
        running.server.shop(|shop| match becomes_an_order {
            true => assert!(shop.complete_draft(now, id).is_ok()),
            false => shop.delete_draft(now, id).expect("deleted"),
        });
        running.deliver_all(&world).await;
        reserved().await;
        world.clock.pass(60);
        running.sweep_settled(&world).await;
        world.reconcile(running.front(), Job::Holds).await.expect("the job runs");
        assert_eq!(reserved().await, if becomes_an_order { 240 } else { 0 }, "becomes an order: {becomes_an_order}");
    }
}

/// Protects the other drafts, and the planner, from a draft that cannot be read: the others reserve, an alert names it, and the alert
/// ends when the draft can be read or is deleted.
#[tokio::test]
async fn an_unreadable_draft_stops_no_other() {
    for is_deleted in [false, true] {
        let (world, running) = agreed().await;
        let unreadable = draft(&world, &running);
        running.fail(Faults { contradictory_drafts: [unreadable].into(), ..Faults::default() });
        draft(&world, &running);
        running.lose_all();
        run(&world, &running).await;
        assert_eq!(promised(&world).await, (7, 3), "the second draft reserves");
        let alert = |state: &str| [format!("unreadable_order#{}#gid://shopify/DraftOrder/{unreadable} {state}", world.shop)];
        assert_eq!(world.alerts(), alert("raised"));
        if is_deleted {
            let now = world.clock.after(0);
            running.server.shop(|shop| shop.delete_draft(now, unreadable).expect("deleted"));
            running.lose_all();
        } else {
            running.fail(Faults::default());
        }
        world.clock.pass(HOUR);
        run(&world, &running).await;
        assert_eq!(promised(&world).await, if is_deleted { (7, 3) } else { (4, 6) }, "deleted: {is_deleted}");
        assert_eq!(world.alerts(), alert("cleared"), "deleted: {is_deleted}");
    }
}

/// Protects the holds of other drafts from a draft that cannot be read: it does not keep a sweep from being complete, so a deleted
/// draft ends.
#[tokio::test]
async fn a_deleted_draft_ends_beside_an_unreadable_one() {
    let (world, running) = agreed().await;
    let unreadable = draft(&world, &running);
    running.fail(Faults { contradictory_drafts: [unreadable].into(), ..Faults::default() });
    let deleted = draft(&world, &running);
    running.lose_all();
    run(&world, &running).await;
    assert_eq!(promised(&world).await, (7, 3));
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.delete_draft(now, deleted).expect("deleted"));
    running.deliver_all(&world).await;
    for _ in 0..2 {
        run(&world, &running).await;
        world.clock.pass(60);
    }
    assert_eq!(promised(&world).await, (10, 0));
}

/// Protects the size of the rows of drafts that an employee edits for weeks: lines that a draft no longer has are forgotten.
#[tokio::test]
async fn removed_lines_of_a_draft_are_forgotten() {
    let (world, running) = agreed().await;
    let id = draft(&world, &running);
    for units in [1, 2, 3, 4] {
        world.clock.pass(60);
        let (now, until) = (world.clock.after(0), in_hours(&world, 2));
        running.server.shop(|shop| shop.update_draft(now, id, &[("A", units)], until).expect("changed"));
        running.deliver_all(&world).await;
        run(&world, &running).await;
    }
    let draft = OrderId::from_draft_gid(&id.gid()).expect("a draft");
    let key = RowKey::Order { shop: world.shop.clone(), order: draft };
    let (record, _) = read::<OrderRecord, _>(&world.table.store, &key).await.expect("read");
    assert_eq!(record.expect("the draft").lines.len(), 1);
    assert_eq!(promised(&world).await, (6, 4));
}
