//! Holds do not last for ever: what nobody paid is given back, what nobody allocates is told, and a late payment is heard.

use promissory::catalog::{LineId, OrderId};
use promissory::draft::EventOutcome;
use promissory::flows::{HoldsReport, commit};
use promissory::ledger::LedgerEvent;
use promissory::movement::EventId;
use promissory::source::{OrderLineOf, StockEvent, StockKind};
use promissory::table::RowKey;
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::webhook::{OrderBody, order};
use promissory_tests::world::World;
use reconciler::{Job, Report};
use serde_json::json;

const HOUR: u64 = 3_600;

async fn holds(world: &World, running: &RunningShop) -> HoldsReport {
    let report = world.reconcile(running.front(), Job::Holds).await.expect("looked at");
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

/// The order placed now and read, so that only its hold is left to look at.
async fn tell(world: &World, running: &RunningShop, id: &str, body: OrderBody) {
    let placed = json!(world.clock.after(0).to_string());
    world.tell("orders/create", id, body.with("created_at", placed).bytes()).await;
    read_all(world).await;
    drop(running.front());
}

/// As if every order had been read and forwarded.
async fn read_all(world: &World) {
    use promissory::order::OrderRecord;
    use promissory::ports::{Store, read};
    use promissory::table::Write;
    let key = RowKey::Order { shop: world.shop.clone(), order: OrderId::new(1) };
    let (record, expect) = read::<OrderRecord, _>(&world.table.store, &key).await.expect("read");
    let record = OrderRecord { unread: false, unforwarded: false, ..record.expect("recorded") };
    world.table.store.write(&[Write::put(&record, expect)]).await.expect("written");
}

async fn report(world: &World, id: &str, kind: StockKind, units: i64) -> EventOutcome {
    let line = OrderLineOf { shop: world.shop.clone(), order: OrderId::new(1), line: LineId::new(11) };
    let event = StockEvent { id: EventId::new("wms", id), order: Some(line), ..world.stock(id, "A", "WH-1", kind, units) };
    let events = [(LedgerEvent::Stock(event), None)];
    commit(&world.table.store, &world.clock, &world.network, &events).await.expect("taken").remove(0)
}

const RESERVED: &str = "A@unassigned 0 on hand, 3 reserved";
const FREE: &str = "A@unassigned 0 on hand, 0 reserved";

/// Protects stock from orders nobody pays, and the customer who pays late: given back in time, reserved again, and said.
#[tokio::test]
async fn an_unpaid_hold_expires_and_a_late_payment_takes_it_back() {
    let (world, running) = world().await;
    tell(&world, &running, "w1", unpaid()).await;
    world.clock.pass(71 * HOUR);
    assert_eq!((holds(&world, &running).await, world.positions().await[1].as_str()), (HoldsReport::default(), RESERVED));
    world.clock.pass(2 * HOUR);
    assert_eq!(holds(&world, &running).await, HoldsReport { expired: 1, alerted: 0 });
    assert_eq!(world.positions().await[1], FREE);
    assert_eq!(holds(&world, &running).await, HoldsReport::default(), "once");
    world.tell("orders/updated", "w2", unpaid().at(60).bytes()).await;
    assert_eq!(world.positions().await[1], FREE, "still unpaid");
    world.tell("orders/paid", "w3", order(1).at(90).line(11, "A", 3).bytes()).await;
    assert_eq!(world.positions().await[1], RESERVED);
    assert_eq!(world.alerts(), [format!("paid_late#{}#1 raised", world.shop)]);
    world.tell("orders/cancelled", "w4", order(1).at(120).line(11, "A", 3).cancelled().bytes()).await;
    assert_eq!(world.alerts(), [format!("paid_late#{}#1 cleared", world.shop)]);
}

/// Protects paid orders from being sold again: nobody allocated one, so the planner is told, once, until somebody does.
#[tokio::test]
async fn a_paid_hold_that_nobody_allocates_is_told() {
    let (world, running) = world().await;
    tell(&world, &running, "w1", order(1).line(11, "A", 3)).await;
    world.clock.pass(97 * HOUR);
    assert_eq!(holds(&world, &running).await, HoldsReport { expired: 0, alerted: 1 });
    assert_eq!(holds(&world, &running).await, HoldsReport::default(), "once");
    assert_eq!(world.positions().await[1], RESERVED);
    assert_eq!(world.alerts(), [format!("unallocated#{}#1 raised", world.shop)]);
    assert_eq!(report(&world, "a", StockKind::Allocation, 3).await, EventOutcome::Applied { movements: 2, unmapped: 0 });
    assert_eq!(report(&world, "a", StockKind::Allocation, 3).await, EventOutcome::Duplicate);
    assert_eq!(report(&world, "a", StockKind::Allocation, 2).await, EventOutcome::ContentMismatch);
    let told = ["content_mismatch#wms#a raised".to_owned(), format!("unallocated#{}#1 cleared", world.shop)];
    assert_eq!(world.alerts(), told);
    assert_eq!(world.positions().await, ["A@WH-1 10 on hand, 3 reserved", FREE], "not counted twice");
}

/// Protects what a warehouse has taken over: an unpaid order that it allocated does not expire.
#[tokio::test]
async fn what_a_warehouse_has_allocated_does_not_expire() {
    let (world, running) = world().await;
    report(&world, "a", StockKind::Allocation, 3).await;
    tell(&world, &running, "w1", unpaid()).await;
    world.clock.pass(100 * HOUR);
    assert_eq!(holds(&world, &running).await, HoldsReport::default());
    assert_eq!(world.positions().await[0], "A@WH-1 10 on hand, 3 reserved", "heard of before the order, and applied with it");
    report(&world, "b", StockKind::Deallocation, 3).await;
    read_all(&world).await;
    assert_eq!(holds(&world, &running).await, HoldsReport { expired: 1, alerted: 0 });
}

/// Protects a decision from a crash and from news that came before it: made twice it is one, and a payment outruns it.
#[tokio::test]
async fn a_hold_is_given_up_once_and_not_behind_a_payment() {
    use promissory_tests::faults::Fault;
    let (world, running) = world().await;
    tell(&world, &running, "w1", unpaid()).await;
    world.clock.pass(100 * HOUR);
    world.table.faults.next("TransactWriteItems", 1, Fault::AnswerLost);
    let _ = world.reconcile(running.front(), Job::Holds).await;
    holds(&world, &running).await;
    let released =
        world.books().await.all_movements().filter(|movement| movement.cause.event.source.starts_with("hold:")).count();
    assert_eq!((released, world.positions().await[1].as_str()), (1, FREE));
}
