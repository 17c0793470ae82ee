//! What each kind of stock event does, one by one: the table in ARCHITECTURE.md is what this test finds; and what of each
//! kind is refused.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::alert::AlertSubject;
use crate::draft::tests::{Books, at, units, with};
use crate::draft::{EventOutcome, StockEventError};
use crate::ledger::LedgerEvent;
use crate::movement::Movement;
use crate::source::{MAX_BATCH, StockKind, parse};
use crate::table::RowKey;

/// What was said before, what is said, in the words of the events.
const ROWS: [(&str, &str); 59] = [
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
    ("receipt 10", "receipt 10 id=e1 t=1"),
    ("receipt 10", "receipt 11 id=e1 t=1"),
    ("receipt 10", "receipt 1 @9999"),
    ("receipt 10", "receipt 1 sku=0815"),
];

/// Protects what the table promises to everybody who sends events: each kind does this, and every kind is there.
#[test]
fn the_table_of_the_architecture_is_what_happens() {
    let mut table = String::from("| said before | said now | movements | then at WH-1 (and WH-2) |\n|---|---|---|---|\n");
    let mut kinds = BTreeSet::new();
    for (before, said) in ROWS {
        let mut books = Books { second: 100, ..Books::new() };
        for said in before.split("; ").filter(|said| !said.is_empty()) {
            books.say(said);
        }
        let (outcome, made) = books.say(said);
        books.check();
        kinds.insert(said.split(' ').next().expect("a kind").to_owned());
        let made: Vec<String> =
            made.iter().map(|movement| format!("{:?} {} @{}", movement.kind, movement.quantity, movement.of.place)).collect();
        let made = match outcome {
            EventOutcome::Applied { .. } if made.is_empty() => "nothing".to_owned(),
            EventOutcome::Applied { .. } => made.join(", "),
            EventOutcome::Duplicate => "nothing: it is there already".to_owned(),
            EventOutcome::ContentMismatch => "nothing: refused, alert ContentMismatch".to_owned(),
            EventOutcome::Waiting(missing) => format!("nothing yet: it waits for {missing}"),
            EventOutcome::Refused(unfit) => format!("refused: {unfit}"),
            EventOutcome::Unreadable => "unreadable".to_owned(),
        };
        let (here, there) = (books.balance("WH-1"), books.position("A", "WH-2"));
        let there = if there.seq > 0 { format!(" ({})", short(&there.balance.to_string())) } else { String::new() };
        let incoming = books.incoming("A").into_iter().map(|paper| {
            let due = paper.due.map_or("sometime".to_owned(), |due| format!("by {due}"));
            format!(", {} to come {due}", paper.left)
        });
        let there = format!("{there}{}", incoming.collect::<String>());
        let before = if before.is_empty() { "nothing" } else { before };
        let _ = writeln!(table, "| {before} | {said} | {made} | {}{there} |", short(&here.to_string()));
    }
    let all: BTreeSet<String> = StockKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    assert_eq!(kinds, all, "every kind has a row");
    let architecture = include_str!("../../../../ARCHITECTURE.md");
    assert!(architecture.contains(&table), "ARCHITECTURE.md must hold this table, or the ledger is wrong:\n{table}");
}

/// A balance without what is zero.
fn short(balance: &str) -> String {
    let parts: Vec<&str> = balance.split(", ").filter(|part| !part.starts_with("0 ") || part.ends_with("on hand")).collect();
    parts.join(", ")
}

/// Protects the ledger, and whoever sends events, from what makes no sense: every kind with what it may not say.
#[test]
fn every_kind_has_its_refused_twin() {
    let rows: [(&str, &str, Value, &str); 39] = [
        ("receipt", "quantity", json!(0), "quantity: a receipt of nothing is nothing"),
        ("receipt", "quantity", json!(-1), "quantity: a receipt cannot be negative"),
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
        ("receipt", "expires", json!("2027-01-01"), "expires: it is the date of a lot: name the lot"),
        (
            "receipt",
            "qty",
            json!(1),
            "event: \"qty\" is none of its fields: id, kind, sku, location, quantity, unit, occurred_at, lot, expires, reference, to, order, due",
        ),
        (
            "production_completed",
            "order",
            json!({ "shop": "a.myshopify.com", "order": 1, "line": 1 }),
            "order: a production_completed is not about a shop's order",
        ),
        ("component_issue", "quantity", json!(0), "quantity: a component_issue of nothing is nothing"),
        ("write_off", "quantity", json!(-2), "quantity: a write_off cannot be negative"),
        ("adjustment", "quantity", json!(0), "quantity: a adjustment of nothing is nothing"),
        (
            "customer_return",
            "order",
            json!({ "shop": "a.myshopify.com" }),
            "order: missing field `order`; it has the form {\"shop\": domain, \"order\": number, \"line\": number}",
        ),
        ("count", "quantity", json!(-1), "quantity: a count cannot be negative"),
        (
            "balance",
            "quantity",
            json!(10_000_000_000_i64),
            "quantity: 10000000000 is out of range: amounts go to 1000000000, factors from above 0 to 1000000",
        ),
        ("quality_hold", "to", json!("WH-2"), "to: a quality_hold goes nowhere: only a transfer_out has it"),
        ("quality_release", "quantity", json!(0), "quantity: a quality_release of nothing is nothing"),
        ("transfer_out", "to", Value::Null, "to: a transfer_out needs the location it goes to"),
        ("transfer_out", "to", json!("WH-1"), "to: a transfer goes to another location"),
        ("transfer_in", "reference", Value::Null, "reference: a transfer_in needs the name of its paper"),
        ("transfer_loss", "reference", Value::Null, "reference: a transfer_loss needs the name of its paper"),
        ("pos_sale", "reference", Value::Null, "reference: a pos_sale needs the name of its paper"),
        (
            "pos_void",
            "reference",
            json!(""),
            "reference: it must be a text of 1 to 128 characters, without control characters or outer spaces",
        ),
        ("pos_posting", "reference", Value::Null, "reference: a pos_posting needs the name of its paper"),
        ("wholesale_allocation", "reference", Value::Null, "reference: a wholesale_allocation needs the name of its paper"),
        ("wholesale_release", "quantity", json!(0), "quantity: a wholesale_release of nothing is nothing"),
        ("allocation", "reference", Value::Null, "reference: a allocation needs the order of a shop, or a reference"),
        ("deallocation", "reference", Value::Null, "reference: a deallocation needs the order of a shop, or a reference"),
        ("shipment", "reference", Value::Null, "reference: a shipment needs the order of a shop, or a reference"),
        ("purchase_order", "reference", Value::Null, "reference: a purchase_order needs the name of its paper"),
        ("purchase_order", "quantity", json!(-1), "quantity: a purchase_order cannot be negative"),
        ("purchase_order", "due", json!("soon"), "due: \"soon\" is not a date like 2027-05-31"),
        ("production_run", "due", Value::Null, "due: a production_run needs the day on which it is to be completed"),
        ("production_run", "reference", Value::Null, "reference: a production_run needs the name of its paper"),
        ("receipt", "due", json!("2027-02-01"), "due: a receipt has happened: only a purchase_order or production_run has it"),
        ("shipment", "id", json!(7), "id: it must be a text of 1 to 128 characters, without control characters or outer spaces"),
        (
            "teleport",
            "id",
            json!("e"),
            "kind: \"teleport\" is none of receipt, production_completed, component_issue, count, balance, adjustment, write_off, quality_hold, quality_release, transfer_out, transfer_in, transfer_loss, customer_return, allocation, deallocation, pos_sale, pos_void, pos_posting, shipment, wholesale_allocation, wholesale_release, purchase_order, production_run",
        ),
        (
            "receipt",
            "unit",
            json!("a b"),
            "unit: the unit \"a b\" is not usable: it needs 1 to 16 characters without spaces or control characters",
        ),
    ];
    let system = "wms".parse().expect("a system");
    let mut kinds = BTreeSet::new();
    for (kind, field, value, problem) in rows {
        let good = json!({
            "id": "e", "kind": kind, "sku": "A", "location": "WH-1", "quantity": 1, "occurred_at": at(0).to_string(), "reference": "R",
        });
        let good = if kind == "transfer_out" { with(&good, "to", json!("WH-2")) } else { good };
        let good = if kind == "production_run" { with(&good, "due", json!("2027-02-01")) } else { good };
        assert_eq!(parse(&system, &good).is_ok(), kind != "teleport", "{kind}");
        let found = parse(&system, &with(&good, field, value)).map_err(|malformed| malformed.to_string());
        assert_eq!(found.map(|event| event.id.id), Err(problem.to_owned()), "{kind} with another {field}");
        kinds.insert(kind);
    }
    assert!(StockKind::ALL.iter().all(|kind| kinds.contains(kind.name())), "every kind has a row");
    assert!(parse(&system, &json!("receipt")).is_err(), "an event is an object");
}

/// Protects stock from rounding, and from counts so old that nobody can tell what they meant.
#[test]
fn what_does_not_fit_is_refused_and_told() {
    let mut books = Books::new();
    let (outcome, _) = books.say("receipt 0.5 unit=case id=half");
    assert!(matches!(outcome, EventOutcome::Applied { .. }), "half a case of 12 is 6");
    let (outcome, made) = books.say("receipt 0.3 unit=case");
    let EventOutcome::Refused(StockEventError::Amount(why)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(why.to_string(), "0.3 × 12 is 3.6, which is not a whole number of units");
    assert!(made.is_empty());
    let (outcome, _) = books.say("receipt 1.5 unit=kg sku=G");
    assert!(matches!(outcome, EventOutcome::Applied { .. }), "weights need no table");
    assert_eq!(books.position("G", "WH-1").balance.on_hand, units(1500));
    let (outcome, _) = books.say("receipt 0.0005 unit=kg sku=G");
    assert!(matches!(outcome, EventOutcome::Refused(StockEventError::Amount(_))), "half a gram");
    assert!(
        books.rows.keys().any(|key| *key == RowKey::Alert(AlertSubject::RefusedEvent { system: "wms".to_owned() }).key()),
        "somebody is told"
    );

    let many: Vec<_> =
        (0..2_001).map(|n| (LedgerEvent::Stock(books.event(&format!("receipt 1 id=m{n}")).expect("good")), None)).collect();
    books.second += 1;
    books.take(&many);
    let (outcome, _) = books.say("count 5 t=3");
    assert!(matches!(outcome, EventOutcome::Refused(StockEventError::TooOld { .. })), "{outcome:?}");
    books.check();
}

/// Protects expiry: an item by lot leaves first what expires first, never what is held, and says so lot by lot.
#[test]
fn what_expires_first_leaves_first() {
    let mut books = Books::new();
    for said in [
        "receipt 5 sku=L lot=late expires=2028-01-01",
        "receipt 3 sku=L lot=soon expires=2027-01-01",
        "receipt 2 sku=L lot=bad expires=2026-12-01",
        "quality_hold 2 sku=L lot=bad",
        "receipt 4 sku=L",
    ] {
        books.say(said);
    }
    let (_, made) = books.say("component_issue 6 sku=L");
    let lots = |made: &[Movement]| -> Vec<(String, i64)> {
        let name = |movement: &Movement| movement.lot.as_ref().map_or("none".to_owned(), |lot| lot.id.to_string());
        made.iter().map(|movement| (name(movement), movement.quantity.units())).collect()
    };
    assert_eq!(lots(&made), [("soon".to_owned(), 3), ("late".to_owned(), 3)]);
    let (_, made) = books.say("write_off 4 sku=L");
    assert_eq!(lots(&made), [("late".to_owned(), 2), ("none".to_owned(), 2)]);
    let (_, made) = books.say("count 3 sku=L lot=bad");
    assert_eq!(lots(&made), [("bad".to_owned(), 1)], "a count of one lot corrects that lot");
    let position = books.position("L", "WH-1");
    let left: Vec<(String, i64)> = position.lots.iter().map(|(id, lot)| (id.to_string(), lot.on_hand.units())).collect();
    assert_eq!((left, position.balance.on_hand), (vec![("bad".to_owned(), 3)], units(5)));
    books.check();
}

/// Protects capacity: a batch on one position writes it once for every transaction that it fills.
#[test]
fn a_batch_on_one_position_is_few_writes() {
    for (events, transactions) in [(1, 1), (49, 1), (50, 2), (MAX_BATCH, 11)] {
        let mut books = Books::new();
        let batch: Vec<_> =
            (0..events).map(|n| (LedgerEvent::Stock(books.event(&format!("receipt 1 id=b{n}")).expect("good")), None)).collect();
        books.take(&batch);
        let of = books.position("A", "WH-1");
        assert_eq!(of.balance.on_hand, units(i64::try_from(events).expect("few")));
        let writes =
            books.transactions.iter().flatten().filter(|write| *write.key() == RowKey::Position(of.of.clone()).key()).count();
        assert_eq!((books.transactions.len(), writes), (transactions, transactions), "{events} events");
    }
}

/// Protects the ledger from lots: very many of them fit one transaction, one that is gone stays counted, what is held of one
/// is not released of another, and items that are not kept by lot have none.
#[test]
fn lots_stay_within_bounds() {
    let mut books = Books { second: 100, ..Books::new() };
    for lot in 0..60 {
        books.say(&format!("receipt 1 sku=L lot=N{lot:02} expires=2028-01-01"));
    }
    let (outcome, made) = books.say("component_issue 55 sku=L");
    assert!(matches!(outcome, EventOutcome::Applied { .. }), "{outcome:?}");
    assert_eq!((books.position("L", "WH-1").balance.on_hand, made.len()), (units(5), 21), "20 lots, and the rest");
    books.check();

    let mut books = Books { second: 100, ..Books::new() };
    for said in ["receipt 5 sku=L lot=X t=1", "count 0 sku=L lot=X t=5", "write_off 5 sku=L lot=X t=3", "count 4 sku=L lot=X t=2"]
    {
        books.say(said);
    }
    assert_eq!(books.position("L", "WH-1").balance.on_hand, units(0), "the count had seen all of it");
    for said in ["quality_release 2 sku=L lot=B ref=Q", "quality_hold 3 sku=L lot=A ref=Q", "quality_hold 2 sku=L lot=B ref=Q"] {
        books.say(said);
    }
    assert_eq!(books.position("L", "WH-1").balance.held, units(3), "all of lot A, none of lot B");
    books.say("receipt 5 lot=X");
    assert!(books.position("A", "WH-1").lots.is_empty());
    books.check();
}
