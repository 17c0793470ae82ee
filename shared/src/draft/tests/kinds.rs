//! What each kind of stock event does, and what is refused of each kind. The second table in infra/docs/cases.md is generated
//! by this test.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::alert::AlertSubject;
use crate::draft::tests::{TestLedger, at, units, with};
use crate::draft::{EventOutcome, StockEventError};
use crate::ledger::LedgerEvent;
use crate::movement::Movement;
use crate::source::{MAX_BATCH, StockKind, parse};
use crate::table::RowKey;

/// The events before, and the event of the row, in the short form of [`TestLedger::event`].
const ROWS: [(&str, &str); 79] = [
    ("", "opening_stock 50"),
    ("", "opening_stock 0"),
    ("component_issue 2 t=3; receipt 4 t=9", "opening_stock 50 t=5"),
    ("opening_stock 50 t=5", "component_issue 2 t=3"),
    ("receipt 60 t=1", "opening_stock 50 t=5"),
    ("opening_stock 50 t=5", "count 49 t=9"),
    ("", "receipt 10"),
    ("", "receipt 2 unit=case"),
    ("", "receipt 2 sku=4711"),
    ("", "receipt 10 @0002"),
    ("receipt 10", "production_completed 5"),
    ("receipt 10", "component_issue 4"),
    ("", "component_issue 4"),
    ("receipt 10", "write_off 2"),
    ("receipt 10", "adjustment 3"),
    ("receipt 10", "adjustment -3"),
    ("receipt 10", "customer_return 1"),
    ("receipt 10", "count 8"),
    ("receipt 10", "count 10"),
    ("receipt 10 t=1; component_issue 3 t=9", "count 8 t=5"),
    ("receipt 10 t=1; count 8 t=5", "component_issue 2 t=3"),
    ("receipt 10 t=1; count 8 t=5", "component_issue 2 t=7"),
    ("receipt 10 t=1; count 8 t=5", "count 9 t=4"),
    ("receipt 10 t=1; count 8 t=5", "count 9 t=6"),
    ("receipt 10", "balance 7"),
    ("receipt 5", "balance -4"),
    ("receipt 5 t=1; component_issue 2 t=9", "balance -4 t=5"),
    ("receipt 5 t=1; balance -4 t=5", "receipt 10 t=9"),
    ("receipt 10; pos_sale 2 ref=K-1", "count 8"),
    ("receipt 10; pos_sale 2 ref=K-1", "balance 10"),
    ("receipt 10", "quality_hold 3"),
    ("receipt 10; quality_hold 3", "quality_release 2"),
    ("receipt 10", "quality_release 2"),
    ("receipt 10; quality_release 2", "quality_hold 3"),
    ("receipt 10", "transfer_out 4 ref=T-1 to=0002"),
    ("receipt 10; transfer_out 4 ref=T-1 to=0002", "transfer_in 3 ref=T-1 @0002"),
    ("receipt 10; transfer_out 4 ref=T-1 to=0002; transfer_in 3 ref=T-1 @0002", "transfer_loss 1 ref=T-1 @0002"),
    ("", "transfer_in 4 ref=T-1 @0002"),
    ("receipt 10; transfer_in 4 ref=T-1 @0002", "transfer_out 4 ref=T-1 to=0002"),
    ("receipt 10", "pos_sale 2 ref=K-1"),
    ("receipt 10; pos_sale 2 ref=K-1", "pos_void 1 ref=K-1"),
    ("receipt 10; pos_sale 2 ref=K-1", "pos_posting 2 ref=K-1"),
    ("receipt 10", "pos_posting 2 ref=K-1"),
    ("receipt 10; pos_posting 2 ref=K-1", "pos_sale 2 ref=K-1"),
    ("receipt 10", "wholesale_allocation 5 ref=W-1"),
    ("receipt 10; wholesale_allocation 5 ref=W-1", "wholesale_release 2 ref=W-1"),
    ("receipt 10; wholesale_allocation 5 ref=W-1", "allocation 3 ref=W-1"),
    ("receipt 10; wholesale_allocation 5 ref=W-1; allocation 3 ref=W-1", "shipment 3 ref=W-1"),
    ("receipt 10", "allocation 3 ref=D-1"),
    ("receipt 10; allocation 3 ref=D-1", "deallocation 1 ref=D-1"),
    ("receipt 10; allocation 3 ref=D-1", "shipment 3 ref=D-1"),
    ("receipt 10; shipment 3 ref=D-1", "allocation 3 ref=D-1"),
    ("", "purchase_order 50 ref=PO-1 due=2027-02-01"),
    ("", "purchase_order 50 ref=PO-1"),
    ("purchase_order 50 ref=PO-1 due=2027-02-01 t=1", "purchase_order 50 ref=PO-1 due=2027-02-09 t=2"),
    ("purchase_order 50 ref=PO-1 due=2027-02-09 t=2", "purchase_order 50 ref=PO-1 due=2027-02-01 t=1"),
    ("purchase_order 50 ref=PO-1 due=2027-02-01", "receipt 20 ref=PO-1"),
    ("receipt 20 ref=PO-1", "purchase_order 50 ref=PO-1 due=2027-02-01"),
    ("purchase_order 50 ref=PO-1 due=2027-02-01 t=1", "purchase_order 0 ref=PO-1 t=2"),
    ("", "production_run 50 ref=R-1 due=2027-02-01"),
    ("production_run 50 ref=R-1 due=2027-02-01", "production_completed 50 ref=R-1"),
    ("production_run 50 ref=R-1 due=2027-02-01", "production_completed 60 ref=R-1"),
    ("receipt 10", "component_issue 4 ref=R-1"),
    ("purchase_order 50 ref=PO-1 due=2027-02-01", "receipt 20 ref=PO-2"),
    ("purchase_order 100 ref=PO-1 due=2027-02-01; receipt 100 ref=PO-1", "adjustment -100 ref=PO-1"),
    ("purchase_order 100 ref=PO-1 due=2027-02-01; adjustment -100 ref=PO-1", "receipt 100 ref=PO-1"),
    ("production_run 50 ref=R-1 due=2027-02-01; production_completed 50 ref=R-1", "adjustment -10 ref=R-1"),
    ("receipt 10; component_issue 4 ref=R-1", "adjustment 3 ref=R-1"),
    ("purchase_order 50 ref=PO-1 due=2027-02-01 t=1", "purchase_order 50 ref=PO-1 due=2027-03-01 t=1"),
    ("purchase_order 50 ref=PO-1 due=2027-02-01 t=1; purchase_order 50 ref=PO-1 due=2027-03-01 t=1", "receipt 60 ref=PO-1"),
    (
        "purchase_order 50 ref=PO-1 line=10 due=2027-02-01 t=1; purchase_order 50 ref=PO-1 line=20 due=2027-03-01 t=2",
        "purchase_order 40 ref=PO-1 line=10 due=2027-02-09 t=3",
    ),
    (
        "purchase_order 50 ref=PO-1 line=10 due=2027-02-01 t=1; purchase_order 50 ref=PO-1 line=20 due=2027-03-01 t=2",
        "purchase_order 0 ref=PO-1 t=3",
    ),
    ("receipt 10 t=1; count 8 t=5", "count 9 t=5"),
    ("receipt 10", "count 8 t=500000"),
    ("", "purchase_order 50 ref=PO-1 due=2027-02-01 t=500000"),
    ("receipt 10", "receipt 10 id=e1 t=1"),
    ("receipt 10", "receipt 11 id=e1 t=1"),
    ("receipt 10", "receipt 1 @9999"),
    ("receipt 10", "receipt 1 sku=0815"),
];

/// Protects the table in cases.md: each row shows what the ledger does, and every kind has a row.
#[test]
fn the_table_of_cases_matches_the_ledger() {
    let mut table = String::from("| events before | event | movements | then at WH-1 (and WH-2) |\n|---|---|---|---|\n");
    let mut kinds = BTreeSet::new();
    for (before, event) in ROWS {
        let mut ledger = TestLedger { second: 100, ..TestLedger::new() };
        for short in before.split("; ").filter(|short| !short.is_empty()) {
            ledger.receive(short);
        }
        let (outcome, made) = ledger.receive(event);
        ledger.check();
        kinds.insert(event.split(' ').next().expect("a kind").to_owned());
        let made: Vec<String> =
            made.iter().map(|movement| format!("{} {} @{}", movement.name(), movement.quantity, movement.of.place)).collect();
        let made = match outcome {
            EventOutcome::Applied { no_movement, .. } if made.is_empty() => {
                format!("nothing, {}", no_movement.expect("an event without a movement has a reason"))
            }
            EventOutcome::Applied { .. } => made.join(", "),
            EventOutcome::Duplicate => "nothing: it is there already".to_owned(),
            EventOutcome::ContentMismatch => "nothing: refused, alert ContentMismatch".to_owned(),
            EventOutcome::Waiting(missing) => format!("nothing yet: it waits for {missing}"),
            EventOutcome::Refused(error) => format!("refused: {error}"),
            EventOutcome::Unreadable | EventOutcome::Quarantined => "not in the ledger".to_owned(),
        };
        let (here, there) = (ledger.balance("WH-1"), ledger.position("A", "WH-2"));
        let there = if there.seq > 0 { format!(" ({})", short(&there.balance.to_string())) } else { String::new() };
        let incoming = ledger.incoming("A").into_iter().map(|receipt| {
            let due = receipt.due.map_or("sometime".to_owned(), |due| format!("by {due}"));
            format!(", {} to come {due}", receipt.left)
        });
        let there = format!("{there}{}", incoming.collect::<String>());
        let before = if before.is_empty() { "nothing" } else { before };
        let _ = writeln!(table, "| {before} | {event} | {made} | {}{there} |", short(&here.to_string()));
    }
    let all: BTreeSet<String> = StockKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    assert_eq!(kinds, all, "every kind has a row");
    let cases = include_str!("../../../../infra/docs/cases.md");
    assert!(cases.contains(&table), "infra/docs/cases.md must contain this table, or the ledger is wrong:\n{table}");
}

/// A balance without its zero quantities.
fn short(balance: &str) -> String {
    let parts: Vec<&str> = balance.split(", ").filter(|part| !part.starts_with("0 ") || part.ends_with("on hand")).collect();
    parts.join(", ")
}

/// Protects the ledger from malformed events: every kind has a row with a field it refuses.
#[test]
fn every_kind_has_a_refused_event() {
    let rows: [(&str, &str, Value, &str); 40] = [
        ("opening_stock", "quantity", json!(-1), "quantity: it cannot be negative in an event of kind opening_stock"),
        ("receipt", "quantity", json!(0), "quantity: it cannot be zero in an event of kind receipt"),
        ("receipt", "quantity", json!(-1), "quantity: it cannot be negative in an event of kind receipt"),
        ("receipt", "quantity", json!("1,5"), "quantity: \"1,5\" is not a decimal number such as 12 or 0.25"),
        ("receipt", "quantity", Value::Null, "quantity: \"null\" is not a decimal number such as 12 or 0.25"),
        (
            "receipt",
            "sku",
            json!(" A"),
            "sku: it must be a text of 1 to 128 characters, without control characters or outer spaces",
        ),
        ("receipt", "location", Value::Null, "location: it is missing"),
        ("receipt", "occurred_at", json!("yesterday"), "occurred_at: \"yesterday\" is not a time like 2026-11-21T09:30:00Z"),
        ("receipt", "expires", json!("2027-01-01"), "expires: it needs the lot that expires: set lot"),
        (
            "receipt",
            "qty",
            json!(1),
            "event: \"qty\" is not a field of an event; the fields are id, kind, sku, location, quantity, unit, occurred_at, lot, expires, reference, line, to, order, due",
        ),
        (
            "production_completed",
            "order",
            json!({ "shop": "a.myshopify.com", "order": 1, "line": 1 }),
            "order: production_completed cannot name a shop's order: only these kinds can: customer_return, allocation, deallocation, shipment",
        ),
        ("component_issue", "quantity", json!(0), "quantity: it cannot be zero in an event of kind component_issue"),
        ("write_off", "quantity", json!(-2), "quantity: it cannot be negative in an event of kind write_off"),
        ("adjustment", "quantity", json!(0), "quantity: it cannot be zero in an event of kind adjustment"),
        (
            "customer_return",
            "order",
            json!({ "shop": "a.myshopify.com" }),
            "order: order is missing; it has the form {\"shop\": domain, \"order\": id, \"line\": id}, with the ids as text",
        ),
        ("count", "quantity", json!(-1), "quantity: it cannot be negative in an event of kind count"),
        (
            "balance",
            "quantity",
            json!(-10_000_000_000_i64),
            "quantity: -10000000000 is out of range: amounts go to 1000000000, factors from above 0 to 1000000",
        ),
        ("quality_hold", "to", json!("WH-2"), "to: quality_hold has no destination: only these kinds have one: transfer_out"),
        ("quality_release", "quantity", json!(0), "quantity: it cannot be zero in an event of kind quality_release"),
        ("transfer_out", "to", Value::Null, "to: transfer_out needs its destination"),
        ("transfer_out", "to", json!("WH-1"), "to: the destination of a transfer must be another location"),
        ("transfer_in", "reference", Value::Null, "reference: transfer_in needs the reference of its document"),
        ("transfer_loss", "reference", Value::Null, "reference: transfer_loss needs the reference of its document"),
        ("pos_sale", "reference", Value::Null, "reference: pos_sale needs the reference of its document"),
        (
            "pos_void",
            "reference",
            json!(""),
            "reference: it must be a text of 1 to 128 characters, without control characters or outer spaces",
        ),
        ("pos_posting", "reference", Value::Null, "reference: pos_posting needs the reference of its document"),
        ("wholesale_allocation", "reference", Value::Null, "reference: wholesale_allocation needs the reference of its document"),
        ("wholesale_release", "quantity", json!(0), "quantity: it cannot be zero in an event of kind wholesale_release"),
        ("allocation", "reference", Value::Null, "reference: allocation needs a shop's order or a reference"),
        ("deallocation", "reference", Value::Null, "reference: deallocation needs a shop's order or a reference"),
        ("shipment", "reference", Value::Null, "reference: shipment needs a shop's order or a reference"),
        ("purchase_order", "reference", Value::Null, "reference: purchase_order needs the reference of its document"),
        ("purchase_order", "quantity", json!(-1), "quantity: it cannot be negative in an event of kind purchase_order"),
        ("purchase_order", "due", json!("soon"), "due: \"soon\" is not a date like 2027-05-31"),
        ("production_run", "due", Value::Null, "due: production_run needs the day on which it is to be completed"),
        ("production_run", "reference", Value::Null, "reference: production_run needs the reference of its document"),
        (
            "receipt",
            "due",
            json!("2027-02-01"),
            "due: receipt has no due date: only these kinds have one: purchase_order, production_run",
        ),
        ("shipment", "id", json!(7), "id: it must be a text of 1 to 128 characters, without control characters or outer spaces"),
        (
            "teleport",
            "id",
            json!("e"),
            "kind: \"teleport\" is not one of opening_stock, receipt, production_completed, component_issue, count, balance, adjustment, write_off, quality_hold, quality_release, transfer_out, transfer_in, transfer_loss, customer_return, allocation, deallocation, pos_sale, pos_void, pos_posting, shipment, wholesale_allocation, wholesale_release, purchase_order, production_run",
        ),
        (
            "receipt",
            "unit",
            json!("a b"),
            "unit: the unit \"a b\" is not usable: it needs 1 to 16 characters, and no space, control character, comma, semicolon or \
             equals sign",
        ),
    ];
    let system = "wms".parse().expect("a system");
    let mut kinds = BTreeSet::new();
    for (kind, field, value, problem) in rows {
        let valid = json!({
            "id": "e", "kind": kind, "sku": "A", "location": "WH-1", "quantity": 1, "occurred_at": at(0).to_string(), "reference": "R",
        });
        let valid = if kind == "transfer_out" { with(&valid, "to", json!("WH-2")) } else { valid };
        let valid = if kind == "production_run" { with(&valid, "due", json!("2027-02-01")) } else { valid };
        assert_eq!(parse(&system, &valid).is_ok(), kind != "teleport", "{kind}");
        let found = parse(&system, &with(&valid, field, value)).map_err(|malformed| malformed.to_string());
        assert_eq!(found.map(|event| event.id.id), Err(problem.to_owned()), "{kind} with another {field}");
        kinds.insert(kind);
    }
    assert!(StockKind::ALL.iter().all(|kind| kinds.contains(kind.name())), "every kind has a row");
    assert!(parse(&system, &json!("receipt")).is_err(), "an event is an object");
}

/// Protects stock from rounding, and from counts that are too old to be applied.
#[test]
fn an_event_that_does_not_fit_is_refused_with_an_alert() {
    let mut ledger = TestLedger::new();
    let (outcome, _) = ledger.receive("receipt 0.5 unit=case id=half");
    assert!(matches!(outcome, EventOutcome::Applied { .. }), "half a case of 12 is 6");
    let (outcome, made) = ledger.receive("receipt 0.3 unit=case");
    let EventOutcome::Refused(StockEventError::Amount(why)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.to_string(), "0.3 × 12 is 3.6, which is not a whole number of units");
    assert!(made.is_empty());
    let (outcome, _) = ledger.receive("receipt 1.5 unit=kg sku=G");
    assert!(matches!(outcome, EventOutcome::Applied { .. }), "weights need no table");
    assert_eq!(ledger.position("G", "WH-1").balance.on_hand, units(1500));
    let (outcome, _) = ledger.receive("receipt 0.0005 unit=kg sku=G");
    assert!(matches!(outcome, EventOutcome::Refused(StockEventError::Amount(_))), "half a gram");
    assert!(
        ledger.rows.keys().any(|key| *key == RowKey::Alert(AlertSubject::RefusedEvent { system: "wms".to_owned() }).key()),
        "an alert is raised"
    );

    let many: Vec<_> =
        (0..2_001).map(|n| (LedgerEvent::Stock(ledger.event(&format!("receipt 1 id=m{n}")).expect("valid")), None)).collect();
    ledger.second += 1;
    ledger.take(&many);
    let (outcome, _) = ledger.receive("count 5 t=3");
    assert!(matches!(outcome, EventOutcome::Refused(StockEventError::TooOld { .. })), "{outcome:?}");
    ledger.check();
}

/// Protects expiry: of an item that is tracked by lot, the lot that expires first leaves first, an expired lot last, held units
/// stay, and each movement names its lot.
#[test]
fn the_lot_that_expires_first_leaves_first() {
    let mut ledger = TestLedger::new();
    for short in [
        "receipt 5 sku=L lot=late expires=2028-01-01",
        "receipt 3 sku=L lot=soon expires=2027-06-01",
        "receipt 2 sku=L lot=bad expires=2027-05-01",
        "quality_hold 2 sku=L lot=bad",
        "receipt 4 sku=L",
        "receipt 2 sku=L lot=gone expires=2026-01-01",
    ] {
        ledger.receive(short);
    }
    let (_, made) = ledger.receive("component_issue 6 sku=L");
    let lots = |made: &[Movement]| -> Vec<(String, i64)> {
        let name = |movement: &Movement| movement.lot.as_ref().map_or("none".to_owned(), |lot| lot.id.to_string());
        made.iter().map(|movement| (name(movement), movement.quantity.units())).collect()
    };
    assert_eq!(lots(&made), [("soon".to_owned(), 3), ("late".to_owned(), 3)]);
    let (_, made) = ledger.receive("write_off 4 sku=L");
    assert_eq!(lots(&made), [("late".to_owned(), 2), ("none".to_owned(), 2)]);
    let (_, made) = ledger.receive("write_off 3 sku=L");
    assert_eq!(lots(&made), [("none".to_owned(), 2), ("gone".to_owned(), 1)]);
    let (_, made) = ledger.receive("count 3 sku=L lot=bad");
    assert_eq!(lots(&made), [("bad".to_owned(), 1)], "a count of one lot corrects that lot");
    let position = ledger.position("L", "WH-1");
    let left: Vec<(String, i64)> = position.lots.iter().map(|(id, lot)| (id.to_string(), lot.on_hand.units())).collect();
    assert_eq!((left, position.balance.on_hand), (vec![("bad".to_owned(), 3), ("gone".to_owned(), 1)], units(4)));
    ledger.check();
}

/// Protects capacity: a batch on one position writes it once per transaction.
#[test]
fn a_batch_on_one_position_is_few_writes() {
    for (events, transactions) in [(1, 1), (49, 1), (50, 2), (MAX_BATCH, 11)] {
        let mut ledger = TestLedger::new();
        let batch: Vec<_> = (0..events)
            .map(|n| (LedgerEvent::Stock(ledger.event(&format!("receipt 1 id=b{n}")).expect("valid")), None))
            .collect();
        ledger.take(&batch);
        let of = ledger.position("A", "WH-1");
        assert_eq!(of.balance.on_hand, units(i64::try_from(events).expect("few")));
        let writes =
            ledger.transactions.iter().flatten().filter(|write| *write.key() == RowKey::Position(of.of.clone()).key()).count();
        assert_eq!((ledger.transactions.len(), writes), (transactions, transactions), "{events} events");
    }
}

/// Protects the limits of lots: one event with many lots fits one transaction, an empty lot stays counted, units held of one
/// lot are not released from another, and items that are not tracked by lot have no lots.
#[test]
fn lots_stay_within_bounds() {
    let mut ledger = TestLedger { second: 100, ..TestLedger::new() };
    for lot in 0..60 {
        ledger.receive(&format!("receipt 1 sku=L lot=N{lot:02} expires=2028-01-01"));
    }
    let (outcome, made) = ledger.receive("component_issue 55 sku=L");
    assert!(matches!(outcome, EventOutcome::Applied { .. }), "{outcome:?}");
    assert_eq!((ledger.position("L", "WH-1").balance.on_hand, made.len()), (units(5), 21), "20 lots, and the rest");
    ledger.check();

    let mut ledger = TestLedger { second: 100, ..TestLedger::new() };
    for short in
        ["receipt 5 sku=L lot=X t=1", "count 0 sku=L lot=X t=5", "write_off 5 sku=L lot=X t=3", "count 4 sku=L lot=X t=2"]
    {
        ledger.receive(short);
    }
    assert_eq!(ledger.position("L", "WH-1").balance.on_hand, units(0), "the count had seen all of it");
    for short in ["quality_release 2 sku=L lot=B ref=Q", "quality_hold 3 sku=L lot=A ref=Q", "quality_hold 2 sku=L lot=B ref=Q"] {
        ledger.receive(short);
    }
    assert_eq!(ledger.position("L", "WH-1").balance.held, units(3), "all of lot A, none of lot B");
    ledger.receive("receipt 5 lot=X");
    assert!(ledger.position("A", "WH-1").lots.is_empty());
    ledger.check();
}
