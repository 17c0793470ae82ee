//! The source intake: which requests it accepts, the outcome of each event, and the effect on the shop.

use promissory::catalog::{
    InventoryItemId, Item, Location, LocationKind, Quantity, ShopItem, ShopListing, SystemItem, Tier, TierId,
};
use promissory::flows::load_network;
use promissory::ledger::AppliedEvent;
use promissory::movement::EventId;
use promissory::ports::{Store, read};
use promissory::source::System;
use promissory::table::{RowKey, RowKind};
use promissory_cli::source::feed;
use promissory_fakes::shopify::NewItem;
use promissory_tests::faults::Fault;
use promissory_tests::shop::{in_agreement, location_id};
use promissory_tests::source::{Post, event, outcomes};
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::World;
use reconciler::Job;
use serde_json::{Value, json};

use crate::faulty_rows::{break_row, mend_row};
use crate::reading::{agreed, read as read_orders, sell};

/// The account of the tests' bus.
const ACCOUNT: &str = "123456789012";

/// Protects the ledger from unauthenticated requests: each refusal says what to do, and nothing is written.
#[tokio::test]
async fn only_signed_and_timely_events_are_accepted() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let good = || Post::new(&world, &[event(&world, "e1", "receipt", 5, &json!({}))]);
    let at = |seconds: i64| Some((world.clock.after(0).as_second() + seconds).to_string());
    let batch = |events: usize| {
        let events: Vec<Value> = (0..events).map(|n| event(&world, &format!("b{n}"), "receipt", 1, &json!({}))).collect();
        json!({ "events": events }).to_string().into_bytes()
    };
    let rows: [(&str, Post, u16, &str); 18] = [
        ("no signature", Post { secret: None, ..good() }, 401, "X-Promissory-Signature is missing"),
        ("another secret", Post { secret: Some("a guess"), ..good() }, 401, "a secret of the system"),
        ("no time", Post { timestamp: None, ..good() }, 401, "X-Promissory-Timestamp is missing"),
        ("no number", Post { timestamp: Some("now".into()), ..good() }, 401, "not a number of seconds"),
        ("six minutes old", Post { timestamp: at(-360), ..good() }, 401, "more than 5 minutes"),
        ("six minutes ahead", Post { timestamp: at(360), ..good() }, 401, "more than 5 minutes"),
        ("signed for another", Post { system: "erp", ..good() }, 401, "a secret of the system"),
        ("another system", Post { path: "/sources/erp/events".into(), ..good() }, 401, "a secret of the system"),
        ("no such name", Post { path: "/sources/WMS/events".into(), ..good() }, 404, "/sources/{system}/events"),
        ("elsewhere", Post { path: "/sources/events".into(), ..good() }, 404, "/sources/{system}/events"),
        ("no JSON", Post { body: b"{".to_vec(), ..good() }, 400, "it is not JSON"),
        ("no events", Post { body: b"{\"events\":[]}".to_vec(), ..good() }, 400, "events is empty"),
        ("no list", Post { body: b"{\"events\":1}".to_vec(), ..good() }, 400, "events must be a list"),
        ("nothing", Post { body: b"{}".to_vec(), ..good() }, 400, "it must be one event"),
        ("not UTF-8", Post { body: vec![0xff, 0xfe], ..good() }, 400, "it is not JSON"),
        ("nested", Post { body: vec![b'['; 100_000], ..good() }, 400, "it is not JSON"),
        ("501 events", Post { body: batch(501), ..good() }, 400, "at most 500"),
        ("too large", Post { body: vec![b' '; source_intake::MAX_BODY + 1], ..good() }, 413, "at most 2097152"),
    ];
    for (case, post, status, detail) in rows {
        let (found, answer) = world.post(post).await;
        assert_eq!(found, status, "{case}: {answer}");
        assert!(answer["detail"].as_str().expect("a detail").contains(detail), "{case}: {answer}");
    }
    assert_eq!(world.table.count(RowKind::AppliedEvent), 0, "nothing was written");
    let one = Post { body: event(&world, "e1", "receipt", 5, &json!({})).to_string().into_bytes(), ..good() };
    assert_eq!(outcomes(&world.post(one).await.1), ["applied"], "one event needs no list");
    assert_eq!(outcomes(&world.post(Post { timestamp: at(-299), ..good() }).await.1), ["duplicate"]);
    let (status, answer) = world.post(Post { body: batch(500), ..good() }).await;
    assert_eq!((status, outcomes(&answer).len()), (200, 500));
    assert_eq!(world.positions().await, ["A@WH-1 505 on hand, 0 reserved"]);
}

/// Protects each event of a batch from the others: the answer lists each outcome in order, and valid events are applied.
#[tokio::test]
async fn each_event_of_a_batch_has_its_own_outcome() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let receipt = |id: &str, quantity: i64, more: Value| event(&world, id, "receipt", quantity, &more);
    let (status, answer) = world
        .post(Post::new(
            &world,
            &[
                receipt("e1", 5, json!({})),
                receipt("e1", 5, json!({})),
                receipt("e1", 6, json!({})),
                receipt("e2", 0, json!({})),
                receipt("e3", 1, json!({ "location": "0815" })),
                receipt("e4", 1, json!({ "unit": "case" })),
                receipt("e5", 1, json!({ "quantity": "0.5" })),
                json!("what"),
                receipt("e6", 2, json!({})),
            ],
        ))
        .await;
    assert_eq!(status, 422);
    assert_eq!(
        outcomes(&answer),
        ["applied", "duplicate", "refused", "refused", "waiting", "waiting", "refused", "refused", "applied"]
    );
    let details: Vec<&str> = answer["events"].as_array().expect("events").iter().filter_map(|e| e["detail"].as_str()).collect();
    assert_eq!(
        details,
        [
            "this id was received before with other content; the first one stands",
            "quantity: it cannot be zero in an event of kind receipt",
            "the event is stored and waits for a mapping: location#0815#wms",
            "the event is stored and waits for a mapping: item#A#wms#in#case",
            "0.5 × 1 is 0.5, which is not a whole number of units; correct the amount, or the unit's factor",
            "event: it must be a JSON object",
        ]
    );
    assert_eq!(world.positions().await, ["A@WH-1 7 on hand, 0 reserved"]);
    assert_eq!(
        world.alerts(),
        [
            "content_mismatch#wms#e1 raised",
            "refused_event#wms raised",
            "unmapped_facility#wms#0815 raised",
            "unmapped_item#wms#A raised"
        ]
    );
}

/// Protects amounts: a balance below zero is taken, a count below zero is not, and a number with the noise of floats is refused
/// with advice, because only its sender knows to how many digits to round.
#[tokio::test]
async fn books_below_zero_are_taken_and_noise_is_refused() {
    let world = World::new().await;
    let dozen = ("dozen".parse().expect("a unit"), "12".parse().expect("a factor"));
    world.import(&Item { units: [dozen].into(), ..world.plain("A") }, &[]).await;
    let sent = |id: &str, kind: &str, quantity: &str, unit: &str| {
        let event = event(&world, id, kind, 0, &json!({ "unit": unit, "quantity": "QUANTITY" }));
        event.to_string().replace("\"QUANTITY\"", quantity)
    };
    for (kind, quantity, unit, outcome, detail, on_hand) in [
        ("receipt", "5", "each", "applied", "", 5),
        ("balance", "-4", "each", "applied", "", -4),
        ("balance", "-4.0", "each", "applied", "", -4),
        ("count", "-1", "each", "refused", "it cannot be negative in an event of kind count", -4),
        ("balance", "453.00000000000006", "each", "refused", "round it to the digits that count, and send it as a text", -4),
        ("balance", "453.0000000000000000001", "each", "refused", "send it as a text", -4),
        ("balance", "\"453\"", "each", "applied", "", 453),
        ("receipt", "0.083333", "dozen", "refused", "0.083333 × 12 is 0.999996", 453),
        ("receipt", "0.25", "dozen", "applied", "", 456),
    ] {
        world.clock.pass(1);
        let body = sent(&format!("{kind}{quantity}"), kind, quantity, unit).into_bytes();
        let answer = world.post(Post { body, ..Post::new(&world, &[]) }).await.1;
        assert_eq!(outcomes(&answer), [outcome], "{kind} {quantity}: {answer}");
        assert!(answer["events"][0]["detail"].as_str().unwrap_or_default().contains(detail), "{kind} {quantity}: {answer}");
        assert_eq!(world.positions().await, [format!("A@WH-1 {on_hand} on hand, 0 reserved")], "{kind} {quantity}");
    }
}

/// The row of a system.
fn system(row: Value) -> System {
    serde_json::from_value(row).expect("a row of a system")
}

/// An event of the bus, as EventBridge passes it to the function.
fn on_bus(source: &str, account: &str, detail: Value) -> Value {
    json!({ "detail-type": "promissory.stock_events", "source": source, "account": account, "detail": detail })
}

/// Protects senders on the bus, which read no answer: a refused event fails the call, so that the bus repeats it and keeps it
/// in the dead-letter queue.
#[tokio::test]
async fn the_bus_accepts_the_same_events() {
    let world = World::new().await;
    world.item("A", &[]).await;
    world.put(&system(json!({ "code": "mes", "kind": "erp", "bus_account": ACCOUNT }))).await;
    let intake = world.sources();
    let good = event(&world, "e1", "production_completed", 5, &json!({}));
    for _ in 0..2 {
        intake.take_from_bus(&on_bus("mes", ACCOUNT, json!({ "events": [good] }))).await.expect("taken, once");
    }
    let bad = event(&world, "e2", "production_completed", 0, &json!({}));
    for (detail, problem) in [
        (
            json!({ "events": [bad, event(&world, "e3", "receipt", 1, &json!({}))] }),
            "quantity: it cannot be zero in an event of kind production_completed",
        ),
        (json!({ "events": 1 }), "events must be a list"),
        (json!({}), "it must be one event or"),
    ] {
        let error = intake.take_from_bus(&on_bus("mes", ACCOUNT, detail)).await.expect_err("refused");
        assert!(error.contains(problem), "{error}");
    }
    assert_eq!(world.positions().await, ["A@WH-1 6 on hand, 0 reserved"], "valid events are applied");
    assert_eq!(world.alerts(), ["refused_event#mes raised"]);
}

/// Protects systems from each other on the bus: the envelope names the system, whatever the event says, and only a system whose row
/// names the account may use the bus.
#[tokio::test]
async fn the_envelope_names_the_system_of_a_bus_event() {
    let world = World::new().await;
    world.item("A", &[]).await;
    world.put(&system(json!({ "code": "mes", "kind": "erp", "bus_account": ACCOUNT }))).await;
    world.put(&system(json!({ "code": "wms", "kind": "wms" }))).await;
    let detail = json!({ "system": "wms", "events": [event(&world, "e1", "receipt", 5, &json!({}))] });
    world.sources().take_from_bus(&on_bus("mes", ACCOUNT, detail.clone())).await.expect("taken");
    let row = RowKey::AppliedEvent(EventId::new("mes", "e1"));
    assert!(read::<AppliedEvent, _>(&world.table.store, &row).await.expect("read").0.is_some(), "it is an event of the MES");
    for (source, account, problem) in [
        ("mes", "999999999999", "mes may not use the bus from the account 999999999999: set bus_account"),
        ("mes", "", "mes may not use the bus from the account "),
        ("wms", ACCOUNT, "wms may not use the bus from the account 123456789012: set bus_account"),
        ("tpl", ACCOUNT, "tpl may not use the bus"),
        ("com.example.mes", ACCOUNT, "the source of an event on the bus must be the name of a system"),
    ] {
        let error = world.sources().take_from_bus(&on_bus(source, account, detail.clone())).await.expect_err("refused");
        assert!(error.contains(problem), "{source} {account}: {error}");
    }
    assert_eq!(world.positions().await, ["A@WH-1 5 on hand, 0 reserved"]);
    assert_eq!(world.alerts(), ["refused_event#mes raised", "refused_event#tpl raised", "refused_event#wms raised"]);
}

/// Protects every other kind and location from a system: its row limits them. What is outside is refused with an alert, also where the
/// event waited, and the events beside it are applied.
#[tokio::test]
async fn a_system_stays_within_its_kinds_and_locations() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let limits = json!({ "code": "wms", "kind": "wms", "kinds": ["receipt", "count"], "locations": ["WH-1"] });
    world.put(&system(limits)).await;
    let elsewhere = event(&world, "elsewhere", "receipt", 1, &json!({ "location": "3PL-1" }));
    let other_kind = event(&world, "other", "adjustment", 1, &json!({}));
    let unmapped = event(&world, "unmapped", "receipt", 1, &json!({ "location": "HALL-9" }));
    let within = event(&world, "within", "receipt", 2, &json!({}));
    let (status, answer) = world.post(Post::new(&world, &[elsewhere.clone(), other_kind, unmapped, within])).await;
    assert_eq!((status, outcomes(&answer)), (422, ["refused", "refused", "waiting", "applied"].map(str::to_owned).to_vec()));
    let details: Vec<&str> = answer["events"].as_array().into_iter().flatten().filter_map(|e| e["detail"].as_str()).collect();
    assert!(details[0].starts_with("wms may not send events about 3PL-1: correct the event, or add"), "{details:?}");
    assert!(details[1].starts_with("wms may not send events of kind adjustment: correct the event, or add"), "{details:?}");
    assert_eq!(world.alerts(), ["refused_event#wms raised", "unmapped_facility#wms#HALL-9 raised"]);

    // The destination of a transfer is a location that the event names, too.
    world.put(&system(json!({ "code": "wms", "kind": "wms", "locations": ["WH-1"] }))).await;
    world.settle().await;
    let outwards = event(&world, "outwards", "transfer_out", 1, &json!({ "reference": "T-1", "to": "3PL-1" }));
    let (status, answer) = world.post(Post::new(&world, std::slice::from_ref(&outwards))).await;
    assert_eq!((status, outcomes(&answer)), (422, vec!["refused".to_owned()]));
    let detail = answer["events"][0]["detail"].as_str();
    assert!(detail.is_some_and(|detail| detail.starts_with("wms may not send events about 3PL-1: correct")), "{answer}");

    // A contended position does not let an event pass either.
    world.table.faults.next("TransactWriteItems", 6, Fault::Conflict);
    let (status, answer) = world.post(Post::new(&world, std::slice::from_ref(&elsewhere))).await;
    assert_eq!(status, 422, "{answer}");
    world.table.faults.clear();

    // The event that waited is about another location, as its mapping shows now. It is kept, and waits for a decision.
    world.put(&Location::new("HALL-9".parse().expect("a code"), LocationKind::Warehouse)).await;
    world.settle().await;
    assert_eq!(world.positions().await, ["A@WH-1 2 on hand, 0 reserved"]);
    assert_eq!(world.table.count(RowKind::Waiting), 1, "nothing is lost");
    let alerts = world.alerts();
    assert!(alerts.iter().any(|alert| alert.contains("unmapped") && alert.ends_with("raised")), "{alerts:?}");

    // Without limits, everything is allowed.
    world.put(&system(json!({ "code": "wms", "kind": "wms" }))).await;
    assert_eq!(world.send_events(&[elsewhere]).await, ["applied"]);
}

/// Protects the limits of a system while its row cannot be read: what it may say is not known, so none of its events is taken. Its
/// requests are answered so that it repeats them, an event that waits goes on waiting, and other systems are not affected.
#[tokio::test]
async fn a_system_whose_row_cannot_be_read_says_nothing() {
    let (world, running) = agreed().await;
    world.put(&system(json!({ "code": "wms", "kind": "wms", "bus_account": ACCOUNT, "locations": ["WH-1", "HALL-9"] }))).await;
    world.put(&system(json!({ "code": "mes", "kind": "erp", "bus_account": ACCOUNT }))).await;
    let waits = event(&world, "waits", "receipt", 1, &json!({ "location": "HALL-9" }));
    assert_eq!(world.send_events(&[waits]).await, ["waiting"]);
    let row = RowKey::System("wms".parse().expect("a system")).key();
    let before = world.table.store.get(std::slice::from_ref(&row)).await.expect("read").remove(0);
    break_row(&world, &row, None).await;
    world.settle().await;

    let sent = event(&world, "sent", "receipt", 2, &json!({}));
    let outside = event(&world, "outside", "receipt", 4, &json!({ "location": "3PL-1" }));
    let events = [sent, outside];
    let (status, answer) = world.post(Post::new(&world, &events)).await;
    assert_eq!((status, &answer["detail"]), (503, &json!("send the same request again later")), "{answer}");
    let on = |system| on_bus(system, ACCOUNT, json!({ "events": [event(&world, system, "receipt", 8, &json!({}))] }));
    world.sources().take_from_bus(&on("wms")).await.expect_err("the account is not known");
    world.sources().take_from_bus(&on("mes")).await.expect("the other system is not affected");
    // No other way into the ledger is open: neither a file of an operator, nor a mapping that an event waited for.
    world.put(&Location::new("HALL-9".parse().expect("a code"), LocationKind::Warehouse)).await;
    world.settle().await;
    world.reconcile(running.front(), Job::Backlog).await.expect("run");
    let network = load_network(&world.table.store).await.expect("read");
    let fed = event(&world, "fed", "receipt", 16, &json!({})).to_string();
    let wms = "wms".parse().expect("a system");
    let report = feed(&world.table.store, &world.clock, &network, &wms, &fed).await.expect("fed");
    assert!(report.refused[&1].contains("Repair that row"), "{report:?}");
    world.settle().await;
    assert_eq!(world.positions().await, ["A@3PL-1 50 on hand, 0 reserved", "A@WH-1 108 on hand, 0 reserved"]);
    assert_eq!(world.table.count(RowKind::Waiting), 1, "what was answered as stored is kept");
    assert!(world.alerts().contains(&format!("faulty_row#{row} raised")), "{:?}", world.alerts());

    mend_row(&world, &row, before).await;
    world.clock.pass(61);
    world.reconcile(running.front(), Job::Backlog).await.expect("run");
    let (status, answer) = world.post(Post::new(&world, &events)).await;
    assert_eq!((status, outcomes(&answer)), (422, ["applied", "refused"].map(str::to_owned).to_vec()));
    world.settle().await;
    assert_eq!(world.positions().await[1..], ["A@HALL-9 1 on hand, 0 reserved", "A@WH-1 110 on hand, 0 reserved"]);
    assert!(!world.alerts().contains(&format!("faulty_row#{row} raised")), "{:?}", world.alerts());
}

/// Protects the number customers see: POS sales, allocations and holds reduce it at once, and units come back only once.
#[tokio::test]
async fn source_events_reach_the_shop() {
    let (world, running) = agreed().await;
    let rows = [
        ("receipt", 5, json!({}), 105),
        ("pos_sale", 2, json!({ "reference": "K-1" }), 103),
        ("pos_posting", 2, json!({ "reference": "K-1" }), 103),
        ("allocation", 4, json!({ "reference": "B2B-1" }), 99),
        ("shipment", 4, json!({ "reference": "B2B-1" }), 99),
        ("wholesale_allocation", 10, json!({ "reference": "W-1" }), 89),
        ("quality_hold", 3, json!({}), 86),
        ("transfer_out", 6, json!({ "reference": "T-1", "to": "3PL-1" }), 80),
        ("count", 70, json!({}), 57),
        ("quality_release", 3, json!({}), 60),
        ("balance", -5, json!({}), -15),
    ];
    for (n, (kind, quantity, more, shown)) in rows.into_iter().enumerate() {
        world.clock.pass(1);
        world.send_events(&[event(&world, &format!("e{n}"), kind, quantity, &more)]).await;
        world.settle().await;
        world.push(running.front(), &world.hints.take()).await;
        assert_eq!(running.shown("A", "WH-1").0, shown, "after {kind}");
        running.assert_agreement(&world).await;
    }
    assert_eq!(running.shown("A", "3PL-1").0, 50, "units in transit are not available");
    let promise = world.promise("A").await;
    let last_seen =
        promise.places.values().flat_map(|at| at.last_seen.keys().cloned()).collect::<std::collections::BTreeSet<_>>();
    assert!(last_seen.contains("wms") && last_seen.contains("erp"), "the promise lists its sources: {last_seen:?}");
}

/// Protects decision 12 end to end: a shipment that warehouse and shop both report leaves once, whichever report is first.
#[tokio::test]
async fn a_shipment_that_two_sources_report_is_counted_once() {
    for warehouse_first in [true, false] {
        let (world, running) = agreed().await;
        let placed = sell(&world, &running, 3);
        running.deliver_all(&world).await;
        read_orders(&world, &running).await;
        let line = running.server.shop(|shop| shop.order(placed).expect("placed").lines[0].id.0);
        let of = json!({ "order": { "shop": world.shop, "order": placed.0, "line": line } });
        let warehouse = async || {
            world.clock.pass(1);
            assert_eq!(world.send_events(&[event(&world, "alloc", "allocation", 3, &of)]).await, ["applied"]);
            assert_eq!(world.send_events(&[event(&world, "ship", "shipment", 3, &of)]).await, ["applied"]);
        };
        let shop = async || {
            world.clock.pass(1);
            let now = world.clock.after(0);
            running.server.shop(|shop| shop.fulfil(now, placed, None).expect("shipped"));
            running.deliver_all(&world).await;
        };
        if warehouse_first {
            warehouse().await;
            world.settle().await;
            assert_eq!(world.hints.take().len(), 0, "the shop still counts the units, so nothing is sent");
            running.assert_agreement(&world).await;
            shop().await;
        } else {
            shop().await;
            warehouse().await;
        }
        read_orders(&world, &running).await;
        assert_eq!(world.positions().await[1], "A@WH-1 97 on hand, 0 reserved", "warehouse first: {warehouse_first}");
        world.settle().await;
        assert_eq!(world.hints.take().len(), 0, "nothing is left to send");
        running.assert_agreement(&world).await;
    }
}

/// Protects events without a mapping: they resume by themselves when the mapping is imported, by the stream or by the backlog
/// job.
#[tokio::test]
async fn waiting_events_resume_when_they_are_mapped() {
    for by_stream in [true, false] {
        let world = World::new().await;
        world.item("A", &[]).await;
        let running = in_agreement(&world).await;
        let receipt = |id: &str, more: Value| event(&world, id, "receipt", 2, &more);
        let events: Vec<Value> = (0..150).map(|n| receipt(&format!("m{n}"), json!({ "sku": "4711" }))).collect();
        assert!(world.send_events(&events).await.iter().all(|outcome| outcome == "waiting"));
        world.send_events(&[receipt("place", json!({ "location": "HALL-9" })), receipt("later", json!({ "sku": "0815" }))]).await;
        world.settle().await;
        assert_eq!(world.positions().await, [""; 0]);
        let mapping = SystemItem {
            system: "wms".parse().expect("a system"),
            code: "4711".to_owned(),
            sku: "A".parse().expect("a SKU"),
            unit: None,
            units: [].into(),
        };
        world.put(&mapping).await;
        let hall = Location::new("HALL-9".parse().expect("a code"), LocationKind::Warehouse);
        world.put(&hall).await;
        if by_stream {
            world.settle().await;
        } else {
            drop(world.table.stream()); // The stream records are lost.
            world.reconcile(running.front(), Job::Backlog).await.expect("picked up");
        }
        assert_eq!(world.positions().await, ["A@HALL-9 2 on hand, 0 reserved", "A@WH-1 300 on hand, 0 reserved"]);
        assert_eq!(
            world.alerts(),
            ["unmapped_facility#wms#HALL-9 cleared", "unmapped_item#wms#0815 raised", "unmapped_item#wms#4711 cleared"]
        );
        assert_eq!(world.table.count(RowKind::Waiting), 1, "one still waits");
    }
}

/// Protects orders of an unmapped item: after the mapping they are read again and reserved, and the alert is cleared.
#[tokio::test]
async fn an_order_waits_for_its_mapping() {
    let (world, running) = agreed().await;
    let now = world.clock.after(0);
    let id = running.server.shop(|shop| {
        let item = shop.add_item(NewItem::tracked("NEW")).expect("a new item");
        let places: Vec<_> = shop.locations().map(|location| location.id).collect();
        places.into_iter().for_each(|place| shop.stock(now, item, place, 5, true).expect("stocked"));
        shop.checkout(now, &[("NEW", 2)]).expect("placed");
        item.0
    });
    running.deliver_all(&world).await;
    read_orders(&world, &running).await;
    assert!(world.alerts().contains(&format!("unmapped_sku#{}#NEW raised", world.shop)), "{:?}", world.alerts());
    let id = InventoryItemId::new(u64::try_from(id).expect("above zero"));
    let item =
        Item { shops: [(world.shop.clone(), ShopListing::new("NEW", id))].into(), ..Item::new("NEW".parse().expect("a SKU")) };
    world.put(&item).await;
    world
        .put(&ShopItem {
            shop: world.shop.clone(),
            shop_sku: "NEW".to_owned(),
            sku: item.sku.clone(),
            inventory_item: id,
            variant: None,
        })
        .await;
    world.settle().await;
    assert!(world.alerts().contains(&format!("unmapped_sku#{}#NEW cleared", world.shop)), "{:?}", world.alerts());
    world.clock.pass(5);
    read_orders(&world, &running).await;
    let reserved: Vec<String> = world.positions().await.into_iter().filter(|position| position.starts_with("NEW@")).collect();
    assert_eq!(reserved, ["NEW@WH-1 0 on hand, 2 reserved"]);
    assert_eq!(world.table.count(RowKind::Waiting), 0);
}

/// Protects the buffers: that of the shop takes precedence over that of the item, and that of the item over that of the tier.
/// An inactive location sells nothing.
#[tokio::test]
async fn buffers_apply_by_shop_item_and_tier() {
    let (world, running) = agreed().await;
    let tier: TierId = "SLOW".parse().expect("a tier");
    world.put(&Tier { id: tier.clone(), buffer: Quantity::new(7) }).await;
    let plain = world.plain("A");
    let listed = |buffer: Option<i64>| {
        let listed = plain.shops.values().next().expect("listed").clone();
        [(world.shop.clone(), ShopListing { buffer: buffer.map(Quantity::new), ..listed })].into()
    };
    let shows = async |case: &str, shown: i64| {
        world.settle().await;
        world.clock.pass(61); // The caches of the network have expired.
        world.reconcile(running.front(), Job::Backlog).await.expect("recomputed");
        world.push(running.front(), &world.hints.take()).await;
        assert_eq!(running.shown("A", "WH-1").0, shown, "{case}");
    };
    for (tiered, of_item, of_shop, shown) in [
        (true, None, None, 93),
        (true, Some(3), None, 97),
        (true, Some(3), Some(0), 100),
        (false, None, Some(120), 0),
        (false, None, None, 100),
    ] {
        let tier = tiered.then(|| tier.clone());
        world.put(&Item { tier, buffer: of_item.map(Quantity::new), shops: listed(of_shop), ..plain.clone() }).await;
        shows(&format!("{tiered} {of_item:?} {of_shop:?}"), shown).await;
    }
    world.put(&Item { tier: Some(tier.clone()), ..plain.clone() }).await;
    shows("the tier's", 93).await;
    world.put(&Tier { id: tier, buffer: Quantity::new(20) }).await;
    shows("the tier keeps back more", 80).await;
    world.put(&plain).await;
    shows("no tier", 100).await;
    let closed = world.network.locations().find(|location| location.code.as_str() == "WH-1").expect("ours").clone();
    world.put(&Location { active: false, ..closed }).await;
    world.settle().await;
    world.clock.pass(61);
    world.reconcile(running.front(), Job::Backlog).await.expect("recomputed");
    world.push(running.front(), &world.hints.take()).await;
    assert_eq!((running.shown("A", "WH-1").0, world.promise("A").await.available.units()), (0, 50));
}

/// Protects the source intake from webhooks: it does not accept a request of a shop.
#[tokio::test]
async fn the_source_intake_rejects_webhooks() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let webhook = Webhook::new("orders/create", "w1", order(1).bytes());
    let answer = world.sources().handle(webhook.request()).await;
    assert_eq!(answer.status().as_u16(), 404);
}

/// Protects expiry dates: shipped units leave first-expired-first-out, and return to the lot they left.
#[tokio::test]
async fn orders_take_the_lot_that_expires_first() {
    let (world, running) = agreed().await;
    world.put(&Item { by_lot: true, ..world.plain("A") }).await;
    world
        .send_events(&[
            event(&world, "count", "count", 0, &json!({})),
            event(&world, "late", "receipt", 5, &json!({ "lot": "LATE", "expires": "2028-01-01" })),
            event(&world, "soon", "receipt", 2, &json!({ "lot": "SOON", "expires": "2027-01-01" })),
        ])
        .await;
    let placed = sell(&world, &running, 3);
    running.deliver_all(&world).await;
    world.clock.pass(1);
    let now = world.clock.after(0);
    let shipped = running.server.shop(|shop| shop.fulfil(now, placed, None).expect("shipped"));
    running.deliver_all(&world).await;
    let lots = async || {
        let position =
            world.contents().await.positions.get(&promissory_tests::world::position("A", "WH-1")).expect("there").clone();
        position.lots.into_iter().map(|(lot, of)| format!("{lot} {}", of.on_hand)).collect::<Vec<_>>()
    };
    assert_eq!(lots().await, ["LATE 4"]);
    world.clock.pass(1);
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.cancel_fulfilment(now, shipped[0]).expect("cancelled"));
    running.deliver_all(&world).await;
    assert_eq!(lots().await, ["LATE 5", "SOON 2"]);
}

/// Protects users from numbers without fresh sources: a silent system raises one alert, which is cleared by its next event.
#[tokio::test]
async fn a_silent_system_raises_an_alert() {
    let (world, running) = agreed().await;
    let wms: System =
        serde_json::from_value(json!({ "code": "wms", "kind": "wms", "stale_after_minutes": 30 })).expect("a system");
    world.put(&wms).await;
    let check = async |case: &str, expected: &[&str]| {
        world.reconcile(running.front(), Job::Pull).await.expect("the job runs");
        assert_eq!(world.alerts(), expected, "{case}");
    };
    check("without events", &[]).await;
    world.send_events(&[event(&world, "e1", "receipt", 1, &json!({}))]).await;
    world.clock.pass(29 * 60);
    check("in time", &[]).await;
    world.clock.pass(3 * 60);
    check("too long", &["source_stale#wms#events raised"]).await;
    world.send_events(&[event(&world, "e2", "receipt", 1, &json!({}))]).await;
    check("a new event", &["source_stale#wms#events cleared"]).await;
}

/// Protects the first day: opening stock is a count, so orders that were shipped before it do not reduce it again.
#[tokio::test]
async fn an_opening_count_includes_earlier_shipments() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let running = in_agreement(&world).await;
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let item = shop.items().find(|item| item.sku == "A").expect("listed").id;
        shop.manual_edit(now, item, location_id("WH-1"), 10).expect("known");
        let shipped = shop.checkout(now, &[("A", 3)]).expect("placed");
        shop.fulfil(now, shipped, None).expect("shipped");
        shop.checkout(now, &[("A", 2)]).expect("placed");
    });
    world.clock.pass(3_600);
    world.send_events(&[event(&world, "opening", "count", 7, &json!({}))]).await;
    world.clock.pass(3_600);
    running.sweep_settled(&world).await;
    world.settle().await;
    world.push(running.front(), &world.hints.take()).await;
    assert_eq!(world.positions().await[0], "A@WH-1 7 on hand, 2 reserved");
    assert_eq!(running.shown("A", "WH-1"), (5, 2));
    running.assert_agreement(&world).await;
}
