//! The limits of DynamoDB: rows that grow with every report stay within 400 KB, and an event that can never be written stops no other.

use jiff::civil::date;
use promissory::catalog::{LineId, OrderId, Quantity};
use promissory::draft::{EventOutcome, StockEventError};
use promissory::flows::{commit, settle_lane};
use promissory::ledger::{DeferredEvent, Lane, LedgerEvent};
use promissory::movement::EventId;
use promissory::order::{OrderRecord, OrderReport, ReportKind};
use promissory::ports::{Clock, read};
use promissory::source::{ScheduledReceipts, StockEvent, StockKind};
use promissory::table::{Expect, Row, RowFault, RowKey, RowKind, Write, stored_bodies};
use promissory_tests::shop::in_agreement;
use promissory_tests::webhook::order;
use promissory_tests::world::{World, position};
use reconciler::{Job, Report};

/// Text in which nothing repeats, so that deflating it does not help.
fn noise(seed: u64, characters: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x4E00 + u32::try_from((state >> 33) % 8_000).expect("small")).expect("a character")
    };
    std::iter::repeat_with(next).take(characters).collect()
}

/// The bytes of a stored row.
fn stored_bytes(world: &World, row: &RowKey) -> usize {
    let (pk, sk) = (row.key().pk, row.key().sk);
    let is_it = |stored: &&serde_json::Value| stored["pk"]["S"] == pk.as_str() && stored["sk"]["S"] == sk.as_str();
    world.table.rows().iter().find(is_it).expect("the row is stored").to_string().len()
}

fn purchase_order(world: &World, id: String, reference: String, units: i64) -> StockEvent {
    let event = world.stock(&id, "CAP", "WH-1", StockKind::PurchaseOrder, units);
    StockEvent { reference: Some(reference), due: Some(date(2027, 1, 4)), ..event }
}

/// Protects an item whose ERP reports every open purchase order again every night: the row of its scheduled receipts stays small,
/// and the last receipt is taken.
#[tokio::test]
async fn purchase_orders_that_are_reported_every_night_fit_into_one_row() {
    let world = World::new().await;
    world.item("CAP", &[]).await;
    for night in 0..30_i8 {
        let announced = (0..85).map(|po| {
            let event = purchase_order(&world, format!("PO-{po}-{night}"), format!("45{po:08}"), 1_000 + po);
            // In the first nights the date changes each time.
            StockEvent { due: Some(date(2027, 1, 1 + night.min(20))), ..event }
        });
        world.take_stock(announced.collect::<Vec<_>>()).await;
        world.clock.pass(24 * 3_600);
    }
    let row = RowKey::Receipts("CAP".parse().expect("a SKU"));
    let receipts = read::<ScheduledReceipts, _>(&world.table.store, &row).await.expect("read").0.expect("a row");
    let entries: usize = receipts.documents.values().map(|document| document.schedule_events.len()).sum();
    assert_eq!(entries, 85 * (20 + 2), "of the nights that say the same, the first and the last are kept");
    assert!(stored_bytes(&world, &row) < 100_000, "{} bytes", stored_bytes(&world, &row));
    let receipt = world.stock("GR-1", "CAP", "WH-1", StockKind::Receipt, 1_000);
    world.take_stock([StockEvent { reference: Some("4500000000".to_owned()), ..receipt }]).await;
    assert_eq!(world.positions().await, ["CAP@WH-1 1000 on hand, 0 reserved"]);
}

/// Protects a large order: 500 lines, each allocated, deallocated, allocated again and shipped by a warehouse, are one row.
#[tokio::test]
async fn an_order_of_500_lines_with_four_reports_each_fits_into_one_row() {
    let world = World::new().await;
    let skus: Vec<String> = (0..250).map(|n| format!("SKU-{n:03}")).collect();
    world.import_many(&skus).await;
    let lines: Vec<(u64, &String)> = (1_000..).zip(skus.iter().chain(&skus)).collect();
    let body = lines.iter().fold(order(1), |order, (line, sku)| order.line(*line, sku, 2));
    world.deliver_accepted("orders/create", "w1", body.bytes()).await;
    let row = RowKey::Order { shop: world.shop.clone(), order: OrderId::new(1) };
    let mut record = read::<OrderRecord, _>(&world.table.store, &row).await.expect("read").0.expect("the order");
    let kinds = [ReportKind::Allocated, ReportKind::Deallocated, ReportKind::Allocated, ReportKind::Shipped];
    for (round, kind) in kinds.into_iter().enumerate() {
        for (line, _) in &lines {
            record.report(&OrderReport {
                id: EventId::new("wms-east", format!("4900{round}{line:06}")),
                shop: world.shop.clone(),
                order: record.order,
                line: LineId::new(*line),
                kind,
                location: "WH-1".parse().expect("a location"),
                quantity: Quantity::new(2),
                at: Some(world.clock.now()),
            });
        }
    }
    world.put(&record).await;
    let stored = read::<OrderRecord, _>(&world.table.store, &row).await.expect("read").0;
    assert_eq!(stored, Some(record));
    assert!(stored_bytes(&world, &row) < 200_000, "{} bytes", stored_bytes(&world, &row));
}

/// The largest row that fits, of those that `with` makes of a number of entries.
fn largest<R: Row>(with: impl Fn(u64) -> R) -> R {
    let fits = |entries: u64| stored_bodies(&[Write::put(&with(entries), Expect::Absent)]).is_ok();
    let (mut most, mut too_many) = (0, 6_000);
    while most + 1 < too_many {
        let middle = u64::midpoint(most, too_many);
        if fits(middle) { most = middle } else { too_many = middle }
    }
    assert!(most > 100 && too_many < 6_000, "{most} entries fit");
    with(most)
}

/// An item whose scheduled receipts have the largest size of a row, and an event that they have no room for.
async fn full_receipts(world: &World) -> StockEvent {
    world.item("CAP", &[]).await;
    world.item("BOTTLE", &[]).await;
    let at = "WH-1".parse().expect("a location");
    let line = |number: u64| {
        let event = purchase_order(world, noise(number, 40), format!("45{:08}", number % 250), 10);
        StockEvent { line: Some(noise(10_000 + number, 40)), ..event }
    };
    let row = largest(|entries| {
        let mut receipts = ScheduledReceipts::none("CAP".parse().expect("a SKU"));
        for number in 0..entries {
            receipts.record(&line(number), &at, Quantity::new(10), world.clock.now()).expect("there is room");
        }
        receipts
    });
    world.put(&row).await;
    let event = purchase_order(world, noise(20_000, 128), noise(20_001, 128), 10);
    StockEvent { line: Some(noise(20_002, 128)), ..event }
}

/// Protects every other event from one whose row is full: in its batch and in its lane.
#[tokio::test]
async fn an_event_whose_row_is_full_is_refused_alone() {
    let world = World::new().await;
    let too_large = full_receipts(&world).await;
    let receipt = |id: &str, sku: &str, kind| LedgerEvent::Stock(world.stock(id, sku, "WH-1", kind, 5));
    let batch = [
        (receipt("R-1", "BOTTLE", StockKind::Receipt), None),
        (LedgerEvent::Stock(too_large.clone()), None),
        (receipt("R-2", "BOTTLE", StockKind::Receipt), None),
        (receipt("C-1", "CAP", StockKind::Count), None),
    ];
    let outcomes = commit(&world.table.store, &world.clock, &world.network, &batch).await.expect("the batch is decided");
    let applied: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, EventOutcome::Applied { .. })).collect();
    assert_eq!(applied, [true, false, true, true], "{outcomes:?}");
    let receipts = RowKey::Receipts("CAP".parse().expect("a SKU")).key().to_string();
    assert!(
        matches!(&outcomes[1], EventOutcome::Refused(StockEventError::Fault(RowFault::Unwritable(row))) if row.key == receipts)
    );
    assert_eq!(world.alerts(), ["refused_event#erp raised"]);

    // An event of a lane was answered as stored. It waits until a person has made room.
    let lane = Lane::Position(position("CAP", "WH-1"));
    for event in [LedgerEvent::Stock(too_large), receipt("R-3", "BOTTLE", StockKind::Receipt)] {
        let deferred = DeferredEvent { lane: lane.clone(), event, deferred_at: world.clock.now() };
        world.put(&deferred).await;
    }
    settle_lane(&world.table.store, &world.clock, &world.network, &lane).await.expect("the lane is settled");
    assert_eq!((world.contents().await.deferred, world.table.count(RowKind::Waiting)), (0, 1));
    assert_eq!(world.positions().await, ["BOTTLE@WH-1 15 on hand, 0 reserved", "CAP@WH-1 5 on hand, 0 reserved"]);
    assert_eq!(world.alerts(), ["refused_event#erp raised", "unmapped_item#erp#CAP raised"]);
}

/// Protects the orders of a shop from one that can never be written: it is quarantined with an alert, Shopify does not repeat its
/// webhook, and the sweep reads the other orders and is complete.
#[tokio::test]
async fn an_order_that_can_never_be_written_is_quarantined_alone() {
    let world = World::new().await;
    world.item("A", &[("WH-1", 100)]).await;
    // Names of which the full row has no room.
    let others: Vec<String> = (0..10).map(|number| noise(number, 100)).collect();
    for other in &others {
        world.item(other, &[("WH-1", 100)]).await;
    }
    let running = in_agreement(&world).await;
    let buy = |lines: &[(&str, i64)]| {
        let now = world.clock.after(0);
        running.server.shop(|shop| shop.checkout(now, lines).expect("placed"))
    };
    let lines: Vec<(&str, i64)> = others.iter().map(|other| (other.as_str(), 3)).collect();
    let (full, other) = (buy(&lines), buy(&[("A", 4)]));
    let id = OrderId::new(u64::try_from(full.0).expect("an id"));
    let report_of = |number: u64| OrderReport {
        id: EventId::new("wms", noise(number, 40)),
        shop: world.shop.clone(),
        order: id,
        line: LineId::new(1),
        kind: ReportKind::Deallocated,
        location: "WH-1".parse().expect("a location"),
        quantity: Quantity::new(1),
        at: None,
    };
    let mut record = largest(|entries| {
        let mut record = OrderRecord::new(world.shop.clone(), id);
        (0..entries).for_each(|number| record.report(&report_of(number)));
        record
    });
    // The note that the order is quarantined needs a little room.
    record.reports = record.reports.into_iter().skip(4).collect();
    world.put(&record).await;
    running.deliver_all(&world).await;
    let alert = format!("unreadable_order#{}#{} raised", world.shop, id.gid());
    assert_eq!(world.alerts(), [alert.as_str()]);
    let reserved: Vec<String> = world.positions().await.into_iter().filter(|at| !at.ends_with(" 0 reserved")).collect();
    assert_eq!(reserved, ["A@unassigned 0 on hand, 4 reserved"]);

    world.clock.pass(600);
    let report = world.reconcile(running.front(), Job::Sweep).await.expect("the sweep is complete");
    let Report::Sweep(report) = report else { panic!("{report:?}") };
    assert_eq!((report.left, report.quarantined > 0), (0, true), "{report:?}");
    assert_eq!(world.alerts(), [alert], "it was raised once");
    assert_eq!(world.table.count(RowKind::Order), 2, "the other order {} is known", other.gid());
}
