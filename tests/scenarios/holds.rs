//! The expiry of holds: an unpaid hold is released, an unallocated one raises an alert, and a late payment reserves again.

use promissory::catalog::{LineId, OrderId, ShopSettings};
use promissory::draft::EventOutcome;
use promissory::flows::{HoldsReport, commit};
use promissory::ledger::LedgerEvent;
use promissory::movement::EventId;
use promissory::source::{OrderLineOf, StockEvent, StockKind};
use promissory::table::RowKey;
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::webhook::{OrderBody, order};
use promissory_tests::world::{World, long_ago};
use reconciler::{Job, Report};
use serde_json::json;

const HOUR: u64 = 3_600;

async fn holds(world: &World, running: &RunningShop) -> HoldsReport {
    let report = world.reconcile(running.front(), Job::Holds).await.expect("the job runs");
    let Report::Holds(report) = report else { panic!("{report:?}") };
    report
}

async fn world() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

fn unpaid() -> OrderBody {
    order(1).line(11, "A", 3).with("financial_status", json!("pending"))
}

/// Delivers the order as placed now and marks it as read, so that only its hold needs attention.
async fn deliver_and_read(world: &World, running: &RunningShop, id: &str, body: OrderBody) {
    let placed = json!(world.clock.after(0).to_string());
    world.deliver_accepted("orders/create", id, body.with("created_at", placed).bytes()).await;
    read_all(world).await;
    drop(running.front());
}

/// Marks the order as read and forwarded: only a query shows every way in which it may be paid later.
async fn read_all(world: &World) {
    use promissory::order::{OrderFacts, OrderRecord};
    use promissory::ports::{Store, read};
    use promissory::table::Write;
    let key = RowKey::Order { shop: world.shop.clone(), order: OrderId::new(1) };
    let (record, expect) = read::<OrderRecord, _>(&world.table.store, &key).await.expect("read");
    let record = record.expect("recorded");
    let facts = record.facts.clone().map(|facts| OrderFacts { queried_at: Some(world.clock.after(0)), ..facts });
    let record = OrderRecord { unread: false, unforwarded: false, facts, ..record };
    world.table.store.write(&[Write::put(&record, expect)]).await.expect("written");
}

async fn report(world: &World, id: &str, kind: StockKind, units: i64) -> EventOutcome {
    let line = OrderLineOf { shop: world.shop.clone(), order: OrderId::new(1), line: LineId::new(11), maybe_rounded: false };
    let event = StockEvent { id: EventId::new("wms", id), order: Some(line), ..world.stock(id, "A", "WH-1", kind, units) };
    let events = [(LedgerEvent::Stock(event), None)];
    commit(&world.table.store, &world.clock, &world.network, &events).await.expect("taken").remove(0)
}

const RESERVED: &str = "A@unassigned 0 on hand, 3 reserved";
const FREE: &str = "A@unassigned 0 on hand, 0 reserved";

/// Protects stock from unpaid orders, and a customer who pays late: the hold expires in time, is reserved again, and raises an
/// alert.
#[tokio::test]
async fn an_unpaid_hold_expires_and_a_late_payment_reserves_again() {
    let (world, running) = world().await;
    deliver_and_read(&world, &running, "w1", unpaid()).await;
    world.clock.pass(71 * HOUR);
    assert_eq!((holds(&world, &running).await, world.positions().await[1].as_str()), (HoldsReport::default(), RESERVED));
    world.clock.pass(2 * HOUR);
    assert_eq!(holds(&world, &running).await, HoldsReport { expired: 1, alerted: 0 });
    assert_eq!(world.positions().await[1], FREE);
    assert_eq!(holds(&world, &running).await, HoldsReport::default(), "once");
    world.deliver_accepted("orders/updated", "w2", unpaid().at(60).bytes()).await;
    assert_eq!(world.positions().await[1], FREE, "still unpaid");
    world.deliver_accepted("orders/paid", "w3", order(1).at(90).line(11, "A", 3).bytes()).await;
    assert_eq!(world.positions().await[1], RESERVED);
    assert_eq!(world.alerts(), [format!("paid_late#{}#1 raised", world.shop)]);
    world.deliver_accepted("orders/cancelled", "w4", order(1).at(120).line(11, "A", 3).cancelled().bytes()).await;
    assert_eq!(world.alerts(), [format!("paid_late#{}#1 cleared", world.shop)]);
}

/// Protects paid orders from being forgotten: an unallocated order raises an alert once, until a warehouse allocates it.
#[tokio::test]
async fn an_unallocated_paid_hold_raises_an_alert() {
    let (world, running) = world().await;
    deliver_and_read(&world, &running, "w1", order(1).line(11, "A", 3)).await;
    world.clock.pass(97 * HOUR);
    assert_eq!(holds(&world, &running).await, HoldsReport { expired: 0, alerted: 1 });
    assert_eq!(holds(&world, &running).await, HoldsReport::default(), "once");
    assert_eq!(world.positions().await[1], RESERVED);
    assert_eq!(world.alerts(), [format!("unallocated#{}#1 raised", world.shop)]);
    assert_eq!(
        report(&world, "a", StockKind::Allocation, 3).await,
        EventOutcome::Applied { movements: 2, unmapped: 0, no_movement: None }
    );
    assert_eq!(report(&world, "a", StockKind::Allocation, 3).await, EventOutcome::Duplicate);
    assert_eq!(report(&world, "a", StockKind::Allocation, 2).await, EventOutcome::ContentMismatch);
    let expected = ["content_mismatch#wms#a raised".to_owned(), format!("unallocated#{}#1 cleared", world.shop)];
    assert_eq!(world.alerts(), expected);
    assert_eq!(world.positions().await, ["A@WH-1 10 on hand, 3 reserved", FREE], "not counted twice");
}

/// Protects an order that a warehouse has allocated: it does not expire although it is unpaid.
#[tokio::test]
async fn an_allocated_hold_does_not_expire() {
    let (world, running) = world().await;
    report(&world, "a", StockKind::Allocation, 3).await;
    deliver_and_read(&world, &running, "w1", unpaid()).await;
    world.clock.pass(100 * HOUR);
    assert_eq!(holds(&world, &running).await, HoldsReport::default());
    assert_eq!(world.positions().await[0], "A@WH-1 10 on hand, 3 reserved", "reported before the order, and applied with it");
    report(&world, "b", StockKind::Deallocation, 3).await;
    read_all(&world).await;
    assert_eq!(holds(&world, &running).await, HoldsReport { expired: 1, alerted: 0 });
}

/// Protects the expiry from a lost answer: deciding it again after the answer was lost releases the hold only once.
#[tokio::test]
async fn a_hold_expires_once_after_a_lost_answer() {
    use promissory_tests::faults::Fault;
    let (world, running) = world().await;
    deliver_and_read(&world, &running, "w1", unpaid()).await;
    world.clock.pass(100 * HOUR);
    world.table.faults.next("TransactWriteItems", 1, Fault::AnswerLost);
    let _ = world.reconcile(running.front(), Job::Holds).await;
    holds(&world, &running).await;
    let released =
        world.contents().await.all_movements().filter(|movement| movement.cause.event.source.starts_with("hold:")).count();
    assert_eq!((released, world.positions().await[1].as_str()), (1, FREE));
}

/// Protects customers who have paid since the time of a restore: no hold ends before a sweep has read their payments.
#[tokio::test]
async fn holds_wait_for_the_first_sweep_after_a_restore() {
    let (world, running) = world().await;
    deliver_and_read(&world, &running, "w1", unpaid()).await;
    world.clock.pass(80 * HOUR);
    let restored_at = Some(world.clock.after(0));
    world.put(&ShopSettings { restored_at, ..ShopSettings::live_from(world.shop.clone(), long_ago()) }).await;
    assert_eq!(holds(&world, &running).await.expired, 0);
    world.clock.pass(60);
    world.reconcile(running.front(), Job::Sweep).await.expect("swept");
    assert_eq!(holds(&world, &running).await.expired, 1);
}
