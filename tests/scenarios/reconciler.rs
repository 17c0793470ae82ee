//! The scheduled jobs: they find lost webhooks, repair drift, and change nothing else.

use jiff::Timestamp;
use promissory::flows::SweepReport;
use promissory::ports::read;
use promissory::reconcile::{CompareReport, OrderWatermark};
use promissory::source::StockKind;
use promissory::table::{RowKey, RowKind};
use promissory_fakes::shopify::{AppliedKind, Faults, OrderId};
use promissory_tests::dynamo::row_key;
use promissory_tests::faults::Fault;
use promissory_tests::shop::{RunningShop, in_agreement, location_id};
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::{World, long_ago};
use reconciler::{Job, Report};
use serde_json::Value;

async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 100)]).await;
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

async fn push_hints(world: &World, running: &RunningShop) -> usize {
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
    hints.len()
}

fn sell(world: &World, running: &RunningShop, units: i64) -> OrderId {
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.checkout(now, &[("A", units)]).expect("placed"))
}

/// The stored rows without those that record when a job ran.
fn facts(world: &World) -> Vec<Value> {
    let mut rows = world.table.rows();
    let of_jobs = [RowKind::OrderWatermark, RowKind::CompareProgress, RowKind::FeedWatermark, RowKind::CompareReport];
    rows.retain(|row| row_key(row).is_none_or(|row| !of_jobs.contains(&RowKind::from(&row))));
    rows.sort_by_key(|row| (row["pk"].to_string(), row["sk"].to_string()));
    rows
}

/// Protects orders whose webhooks were lost: a sweep reads each in its current state, the next sweep finds nothing new, and a
/// late webhook changes nothing.
#[tokio::test]
async fn lost_webhooks_are_recovered_by_a_sweep() {
    let (world, running) = agreed().await;
    let now = world.clock.after(0);
    let [_, shipped, cancelled] = [1, 2, 4].map(|units| sell(&world, &running, units));
    running.server.shop(|shop| {
        shop.fulfil(now, shipped, None).expect("shipped");
        shop.cancel(now, cancelled).expect("cancelled");
    });
    let late = running.server.shop(|shop| shop.outbox().take(&promissory_fakes::shopify::DeliveryPlan::default()));
    let report = sweep(&world, &running).await;
    assert_eq!((report.orders, report.missed), (3, 2), "the cancelled one has nothing to move");
    let ends = ["A@WH-1 98 on hand, 1 reserved"];
    assert_eq!(world.positions().await, ends);
    let before = facts(&world);
    let again = sweep(&world, &running).await;
    assert_eq!((again.missed, again.movements), (0, 0));
    assert_eq!(facts(&world), before, "sweeping again changes nothing");
    for (delivery, _) in late {
        assert_eq!(world.deliver(&Webhook::of(&delivery)).await.0, 200);
    }
    assert_eq!(world.positions().await, ends, "late webhooks change nothing");
    world.settle().await;
    push_hints(&world, &running).await;
    running.assert_agreement(&world).await;
    assert!(running.log().iter().all(|applied| applied.kind != AppliedKind::Adjust), "the pusher sends nothing");
}

/// Protects orders behind a failure: the watermark stays before the first order that is not in the ledger, wherever the sweep
/// fails.
#[tokio::test]
async fn the_watermark_never_passes_a_failed_order() {
    for (done, fault) in [(1, Fault::AnswerLost), (255, Fault::Internal)] {
        let (world, running) = agreed().await;
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a valid time");
        let orders = 260;
        running.server.shop(|shop| {
            let a = shop.item("A").expect("an item").id;
            shop.stock(noon, a, location_id("WH-1"), 300, true).expect("known");
            for n in 0..orders {
                let at = noon - jiff::SignedDuration::from_secs(600 * (orders - n));
                shop.checkout(at, &[("A", 1)]).expect("placed");
            }
        });
        let stored = async || {
            read::<OrderWatermark, _>(&world.table.store, &RowKey::OrderWatermark(world.shop.clone()))
                .await
                .expect("read")
                .0
                .expect("a sweep")
        };
        let completed_before = stored().await.complete_at;
        world.clock.pass(1);
        world.table.faults.after("TransactWriteItems", done, 1, fault);
        world.reconcile(running.front(), Job::Sweep).await.expect_err("the ledger fails once");
        let known = world.contents().await.held();
        let stored = stored().await;
        let first_missing = running.server.shop(|shop| {
            let missing = shop.orders().find(|order| {
                let id = u64::try_from(order.id.0).expect("above zero");
                !known.keys().any(|(known, _)| known.number() == id)
            });
            missing.map(|order| order.updated_at)
        });
        if let (Some(missing), Some(newest)) = (first_missing, stored.newest) {
            assert!(newest <= missing || done == 0, "{fault:?} after {done}: {newest} has passed {missing}");
            assert!(stored.since(long_ago(), noon) <= missing, "less an overlap");
        }
        assert_eq!(stored.complete_at, completed_before, "the sweep did not complete");
        sweep(&world, &running).await;
        assert_eq!(world.contents().await.held().len(), usize::try_from(orders).expect("small"), "{fault:?} after {done}");
        assert_eq!(world.positions().await, [format!("A@WH-1 100 on hand, {orders} reserved")]);
    }
}

/// Protects the shop's numbers from manual edits: an edit is found, waits until no order can be in flight, and is repaired.
#[tokio::test]
async fn a_manual_edit_is_found_and_repaired() {
    for edited in [250, 40, 0] {
        let (world, running) = agreed().await;
        let (now, a) = (world.clock.after(0), running.item("A"));
        running.server.shop(|shop| shop.manual_edit(now, a, location_id("WH-1"), edited).expect("known"));
        let report = compare(&world, &running).await;
        assert_eq!((report.drifted.len(), report.in_flight), (0, 1), "it may be an order in flight");
        running.sweep_settled(&world).await;
        let report = compare(&world, &running).await;
        let [drift] = report.drifted.as_slice() else { panic!("one drift, not {:?}", report.drifted) };
        assert_eq!((drift.sku.as_str(), drift.shown.units(), drift.supply.units()), ("A", edited, 100));
        assert_eq!(push_hints(&world, &running).await, 1);
        assert_eq!(running.shown("A", "WH-1"), (100, 0), "edited to {edited}");
        assert_eq!(running.log().last().map(|applied| applied.kind), Some(AppliedKind::Set), "by comparison");
        running.assert_agreement(&world).await;
        running.sweep_settled(&world).await;
        let report = compare(&world, &running).await;
        assert_eq!((report.drifted.len(), report.in_flight, report.levels), (0, 0, 1), "a repaired level is not repaired again");
    }
}

/// Protects sold units: a difference that an order in flight explains is no drift, and is not repaired.
#[tokio::test]
async fn an_order_in_flight_is_no_drift() {
    let (world, running) = agreed().await;
    let now = world.clock.after(0);
    let order = sell(&world, &running, 3);
    running.server.shop(|shop| shop.fulfil(now, order, None).expect("shipped"));
    running.lose_all();
    // The shop shows 97 where the level is 100, and has done so for long, but no sweep has run since.
    world.clock.pass(600);
    let report = compare(&world, &running).await;
    assert_eq!((report.drifted.len(), report.in_flight), (0, 1));
    assert_eq!(push_hints(&world, &running).await, 0);
    running.sweep_settled(&world).await;
    let report = compare(&world, &running).await;
    assert_eq!((report.drifted.len(), report.in_flight), (0, 0), "the sweep explains it");
    world.settle().await;
    push_hints(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (97, 0));
    running.assert_agreement(&world).await;
}

/// Protects against a shop that forgets a key: a difference that was added twice is found by the comparison, and repaired.
#[tokio::test]
async fn a_difference_applied_twice_is_found() {
    let (world, running) = agreed().await;
    world.take_stock([world.stock("e", "A", "WH-1", StockKind::Receipt, 5)]).await;
    world.settle().await;
    running.fail(Faults { lose_answer: 1, forget_keys: 1, ..Faults::default() });
    push_hints(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (110, 0), "the shop applied it twice");
    running.sweep_settled(&world).await;
    assert_eq!(compare(&world, &running).await.drifted.len(), 1);
    push_hints(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (105, 0));
    running.assert_agreement(&world).await;
}

/// Protects the whole catalog: it is compared page by page, the end is known, and the next comparison starts at the beginning.
#[tokio::test]
async fn the_catalog_is_compared_page_by_page() {
    let world = World::new().await;
    let skus: Vec<String> = (0..90).map(|n| format!("SKU-{n:02}")).collect();
    world.import_many(&skus).await;
    world.take_stock(skus.iter().map(|sku| world.stock(sku, sku, "WH-1", StockKind::Receipt, 7)).collect::<Vec<_>>()).await;
    let running = in_agreement(&world).await;
    running.sweep_settled(&world).await;
    for round in 0..2 {
        let mut pages = Vec::new();
        loop {
            world.clock.pass(1);
            let report = compare(&world, &running).await;
            pages.push(report.levels);
            if report.end {
                break;
            }
        }
        assert_eq!(pages.iter().sum::<usize>(), 90, "round {round}: {pages:?}");
    }
    assert_eq!(world.table.count(RowKind::CompareReport), 6, "the progress of every page is stored");
}

/// Protects the work of a killed function: lanes are settled, and due levels get a hint again.
#[tokio::test]
async fn the_backlog_job_finishes_left_work() {
    let (world, running) = agreed().await;
    world.table.faults.next("TransactWriteItems", 6, Fault::Conflict);
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "A", 3).bytes()).await;
    world.take_stock([world.stock("e", "A", "WH-1", StockKind::Receipt, 5)]).await;
    world.settle().await;
    // The stream was played and its hints were lost. Then a killed function left another order in its lane.
    let _ = world.hints.take();
    world.table.faults.next("TransactWriteItems", 6, Fault::Conflict);
    world.deliver_accepted("orders/create", "w2", order(2).line(21, "A", 4).bytes()).await;
    assert_eq!(world.table.count(RowKind::Deferred), 1);
    let report = world.reconcile(running.front(), Job::Backlog).await.expect("picked up");
    let Report::Backlog(report) = report else { panic!("{report:?}") };
    assert_eq!((report.settled, report.hinted, world.table.count(RowKind::Deferred)), (1, 1, 0));
    assert_eq!(world.positions().await, ["A@WH-1 105 on hand, 0 reserved", "A@unassigned 0 on hand, 7 reserved"]);
    assert_eq!(push_hints(&world, &running).await, 1);
    assert_eq!(running.shown("A", "WH-1"), (105, 0));
}

/// Protects against overlapping jobs: two sweeps, two comparisons and webhooks in between end as if run in sequence.
#[tokio::test]
async fn overlapping_jobs_end_as_in_sequence() {
    let (world, running) = agreed().await;
    let (now, a) = (world.clock.after(0), running.item("A"));
    for units in 1..=12 {
        sell(&world, &running, units);
    }
    running.server.shop(|shop| shop.manual_edit(now, a, location_id("WH-1"), 500).expect("known"));
    world.clock.pass(61);
    let job = |job: Job| world.reconcile(running.front(), job);
    let (first, second, ()) = futures_util::join!(job(Job::Sweep), job(Job::Sweep), running.deliver_all(&world));
    assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
    world.settle().await;
    running.sweep_settled(&world).await;
    assert_eq!(world.positions().await[0], "A@WH-1 100 on hand, 78 reserved");
    let (first, second) = futures_util::join!(job(Job::Compare), job(Job::Compare));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    push_hints(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (22, 78));
    running.assert_agreement(&world).await;
}

/// Protects against an unavailable or busy shop: the job fails with a named error, and the next one does its work.
#[tokio::test]
async fn a_failing_shop_fails_only_the_job() {
    for faults in [Faults { fail: 1, ..Faults::default() }, Faults { throttle: 3, ..Faults::default() }] {
        let (world, running) = agreed().await;
        sell(&world, &running, 3);
        running.fail(faults.clone());
        let outcome = world.reconcile(running.front(), Job::Sweep).await;
        assert_eq!(outcome.is_err(), faults.fail > 0, "{faults:?}: {outcome:?}");
        sweep(&world, &running).await;
        assert_eq!(world.positions().await, ["A@WH-1 100 on hand, 3 reserved"]);
    }
}
