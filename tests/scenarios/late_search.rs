//! A shop whose search contains orders late: the sweep follows what it observes, no level is set meanwhile, and a slower sweep
//! finds what was passed.

use jiff::SignedDuration;
use promissory::flows::SweepReport;
use promissory::ports::{Store, read};
use promissory::reconcile::{CompareReport, Lookback, OrderWatermark};
use promissory::table::{RowKey, Write};
use promissory_fakes::shopify::{DeliveryPlan, Faults, OrderId};
use promissory_local::seed::go_live;
use promissory_tests::clock::TestClock;
use promissory_tests::shop::{RunningShop, in_agreement, location_id, start};
use promissory_tests::world::World;
use reconciler::{Job, Report};

async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world.item("B", &[("WH-1", 1_000)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

async fn sweep(world: &World, running: &RunningShop) -> SweepReport {
    let report = world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    let Report::Sweep(report) = report else { panic!("{report:?}") };
    report
}

async fn compare(world: &World, running: &RunningShop) -> CompareReport {
    let report = world.reconcile(running.front(), Job::Compare).await.expect("compared");
    let Report::Compare(report) = report else { panic!("{report:?}") };
    report
}

async fn mark(world: &World) -> OrderWatermark {
    let mark = read::<OrderWatermark, _>(&world.table.store, &RowKey::OrderWatermark(world.shop.clone())).await;
    mark.expect("read").0.expect("a watermark")
}

/// Sells units, and loses every webhook about it.
fn missed(world: &World, running: &RunningShop, (sku, units): (&str, i64), ships: bool) -> OrderId {
    let now = world.clock.after(0);
    running.inside(|shop| {
        let order = shop.checkout(now, &[(sku, units)]).expect("placed");
        if ships {
            shop.fulfil(now, order, None).expect("shipped");
        }
        order
    });
    let order = running.inside(|shop| shop.orders().last().expect("placed").id);
    running.lose_all();
    order
}

/// Sells a unit of B. Its webhook arrives, and the order is read.
async fn seen(world: &World, running: &RunningShop) {
    let now = world.clock.after(0);
    running.inside(|shop| shop.checkout(now, &[("B", 1)]).expect("placed"));
    running.deliver_all(world).await;
    world.reconcile(running.front(), Job::Read).await.expect("read");
}

fn lag(running: &RunningShop, search_lag: u32) {
    running.fail(Faults { search_lag, ..Faults::default() });
}

async fn push(world: &World, running: &RunningShop) {
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
}

/// Protects sold units: while an order that a webhook reported is not in the search, the search may lack others, so a level that
/// seems to have drifted is not set.
#[tokio::test]
async fn a_level_is_not_set_while_the_search_is_late() {
    let (world, running) = agreed().await;
    lag(&running, 3_600);
    missed(&world, &running, ("A", 4), true);
    seen(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (6, 0));
    for minute in (5..55).step_by(5) {
        world.clock.pass(300);
        sweep(&world, &running).await;
        let report = compare(&world, &running).await;
        push(&world, &running).await;
        assert_eq!(report.drifted, [], "after {minute} minutes");
        assert_eq!(running.shown("A", "WH-1"), (6, 0), "after {minute} minutes");
    }
    world.clock.pass(600);
    let report = sweep(&world, &running).await;
    assert_eq!((report.missed, report.movements), (1, 2), "the search contains the missed order now: {report:?}");
    push(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (6, 0));
    running.assert_agreement(&world).await;
}

/// Protects an order that a late search hid from every sweep, while later orders moved the watermark: a slower sweep finds it.
#[tokio::test]
async fn a_passed_order_is_found_by_a_slower_sweep() {
    for (late, rounds, seconds) in [(1_800, 7, 600), (10 * 3_600, 25, 3_600)] {
        let (world, running) = agreed().await;
        lag(&running, late);
        missed(&world, &running, ("A", 4), false);
        lag(&running, 0);
        for _ in 0..rounds {
            missed(&world, &running, ("B", 1), false);
            world.clock.pass(seconds);
            sweep(&world, &running).await;
        }
        assert_eq!(world.positions().await[0], "A@WH-1 10 on hand, 4 reserved", "lag {late}: {:?}", mark(&world).await);
        let lag = mark(&world).await.lag.expect("it was late");
        assert!(lag.seconds >= u64::from(late), "{lag:?} of {late}");
    }
}

/// Protects the next missed order: the overlap covers the lag that was observed, so no slower sweep is needed.
#[tokio::test]
async fn the_overlap_follows_the_observed_lag() {
    let (world, running) = agreed().await;
    lag(&running, 900);
    for _ in 0..4 {
        seen(&world, &running).await;
        world.clock.pass(300);
        sweep(&world, &running).await;
    }
    let observed = mark(&world).await;
    assert!(observed.lag.is_some_and(|lag| lag.seconds >= 600), "{observed:?}");
    assert!(observed.expected.len() <= 3, "those that the search contains are not expected: {observed:?}");
    missed(&world, &running, ("A", 4), false);
    lag(&running, 0);
    // Orders that are in the search at once move the watermark past it.
    for _ in 0..4 {
        missed(&world, &running, ("B", 1), false);
        world.clock.pass(290);
        sweep(&world, &running).await;
    }
    assert_eq!(world.positions().await[0], "A@WH-1 10 on hand, 4 reserved");
}

/// Protects repairs from an order that the shop deleted: it is reported, and is not taken for one that the search lacks.
#[tokio::test]
async fn an_order_that_is_gone_is_not_taken_for_a_late_one() {
    let (world, running) = agreed().await;
    world.clock.pass(600);
    let (mut changed, revision) = {
        let row = RowKey::OrderWatermark(world.shop.clone());
        let (mark, expect) = read::<OrderWatermark, _>(&world.table.store, &row).await.expect("read");
        (mark.expect("a watermark"), expect)
    };
    changed.expected.insert(promissory::catalog::OrderId::new(7), world.clock.after(0));
    world.table.store.write(&[Write::put(&changed, revision)]).await.expect("written");
    world.clock.pass(600);
    sweep(&world, &running).await;
    let swept = mark(&world).await;
    assert_eq!((swept.lag, swept.expected.len()), (None, 0));
    assert_eq!(world.alerts(), [format!("unreadable_order#{}#gid://shopify/Order/7 raised", world.shop)]);
}

/// Protects a healthy shop from more work: its orders are read once, and no lag is observed, whether webhooks arrive or not.
#[tokio::test]
async fn a_search_in_time_is_not_called_late() {
    let (world, running) = agreed().await;
    for round in 0..30 {
        if round % 3 == 0 {
            missed(&world, &running, ("B", 1), round % 2 == 0);
        } else {
            seen(&world, &running).await;
        }
        world.clock.pass(299);
        sweep(&world, &running).await;
        world.clock.pass(1);
    }
    let swept = mark(&world).await;
    assert_eq!((swept.lag, swept.expected.len()), (None, 0), "{swept:?}");
    assert!(swept.lookbacks.values().any(|progress| progress.complete_at.is_some()), "slower sweeps ran: {swept:?}");
    assert_eq!(running.calls("Order"), 50, "an order that was read in the minute of its change is read once more");
}

/// Protects the job from a long list: a slower sweep reads a limited number of pages, and the next sweep continues there.
#[tokio::test]
async fn a_slower_sweep_continues_where_it_stopped() {
    let world = World::not_live(TestClock::noon()).await;
    world.item("A", &[]).await;
    let running = start(&world);
    let now = world.clock.after(0);
    running.inside(|shop| {
        let item = shop.item("A").expect("listed").id;
        shop.stock(now, item, location_id("WH-1"), 6_000, true).expect("known");
        for n in 0..5_300 {
            // They are all shipped before the shop goes live, so that none of them is read.
            let then = now.checked_add(SignedDuration::from_secs(n / 4)).expect("in range");
            let order = shop.checkout(then, &[("A", 1)]).expect("placed");
            shop.fulfil(then, order, None).expect("shipped");
            shop.outbox().take(&DeliveryPlan::default());
        }
    });
    world.clock.pass(3_600);
    go_live(&world.table.store, &world.shop, world.clock.after(0)).await.expect("written");
    sweep(&world, &running).await;
    assert_eq!((mark(&world).await.complete_at.is_some(), running.calls("OrdersUpdated")), (true, 2));
    world.clock.pass(3_600);
    sweep(&world, &running).await;
    let stopped = mark(&world).await.lookbacks[&Lookback::Hours];
    assert!(stopped.running.is_some() && stopped.complete_at.is_none(), "{stopped:?}");
    assert_eq!(running.calls("OrdersUpdated"), 2 + 1 + 20);
    sweep(&world, &running).await;
    let done = mark(&world).await.lookbacks[&Lookback::Hours];
    assert_eq!((done.running, done.complete_at), (None, stopped.running.map(|(began, _)| began)), "{done:?}");
    assert_eq!((running.calls("OrdersUpdated"), running.calls("Order")), (2 + 1 + 20 + 1 + 2, 0));
}
