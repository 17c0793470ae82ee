//! Tests of the parts of an explanation.

use jiff::Timestamp;
use jiff::civil::{Date, date};

use crate::catalog::{Item, Location, LocationKind, Network, OrderId, Place, Quantity, Sku};
use crate::explain::facts::{ExplainFacts, History, OpenOrder, planned_for};
use crate::explain::late::late;
use crate::explain::node::{ExplainNode, NodeName, NodeRole};
use crate::explain::place::place;
use crate::ledger::{NewMovement, Position};
use crate::movement::{EventId, MovementCause, MovementKind, PositionKey};
use crate::promise::{FinishedGoodPlan, LateUnitsByDate, LocationPromise, PlanningRows};

/// A case: its name, a number, the parts of the number, and the expected inconsistency.
type Sum = (&'static str, Option<i64>, &'static [(NodeRole, Option<i64>)], Option<&'static str>);

/// Protects every number of an answer: it equals the sum of its parts, or the answer reports the difference.
#[test]
fn sums_are_added_up_again() {
    use NodeRole::{Adds, Shows, Takes};
    let rows: [Sum; 9] = [
        ("no parts", Some(5), &[], None),
        ("parts that only show", Some(5), &[(Shows, Some(9))], None),
        ("a sum", Some(5), &[(Adds, Some(7)), (Takes, Some(2)), (Shows, Some(100))], None),
        ("below zero", Some(-3), &[(Takes, Some(3))], None),
        ("one short", Some(5), &[(Adds, Some(4))], Some("top: its parts add up to 4, but its value is 5")),
        ("one too many", Some(5), &[(Adds, Some(7)), (Takes, Some(1))], Some("top: its parts add up to 6, but its value is 5")),
        ("a part that is unknown", Some(5), &[(Adds, Some(5)), (Takes, None)], None),
        ("unknown itself", None, &[(Adds, Some(4))], None),
        (
            "out of all bounds",
            Some(0),
            &[(Adds, Some(i64::MAX)), (Adds, Some(i64::MAX))],
            Some("top: its parts add up to 18446744073709551614, but its value is 0"),
        ),
    ];
    for (case, number, parts, expected) in rows {
        let parts =
            parts.iter().map(|(role, units)| ExplainNode::new(NodeName::Stock, "part", units.map(Quantity::new)).part(*role));
        let mut node = ExplainNode::new(NodeName::Item, "top", number.map(Quantity::new)).with(parts);
        let mut found = Vec::new();
        node.check("", &mut found);
        assert_eq!(found.first().map(String::as_str), expected, "{case}");
        let mut above = Vec::new();
        ExplainNode::new(NodeName::Item, "above", None).with([node.clone()]).check("", &mut above);
        assert_eq!(above.first().cloned(), expected.map(|expected| format!("above → {expected}")), "{case}, further down");
    }
}

fn sku() -> Sku {
    "A".parse().expect("a SKU")
}

/// Facts of an item that is promised within ten days, at noon, with no other row read.
fn facts() -> ExplainFacts {
    let mut item = Item::new(sku());
    item.planning.promise_days = Some(10);
    let warehouse = Location::new("WH-1".parse().expect("a location"), LocationKind::Warehouse);
    let rows = PlanningRows { item: Some(item.clone()), ..PlanningRows::default() };
    let at: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    ExplainFacts::new(item, at, Network::new([warehouse]), [(sku(), rows)].into())
}

/// Protects the oldest orders: when units cannot be available by a day, the newest orders promised for that day are reported as
/// late.
#[test]
fn the_newest_orders_wait() {
    let day = |day: i8| date(2026, 11, day);
    let order = |id: u64, placed: Option<Date>, units: i64| OpenOrder {
        shop: "shop.myshopify.com".parse().expect("a shop"),
        order: OrderId::new(id),
        placed,
        units: Quantity::new(units),
    };
    let orders = [
        order(1, Some(day(15)), 2),
        order(2, Some(day(16)), 3),
        order(3, Some(day(16)), 1),
        order(4, Some(day(1)), 5),
        order(5, None, 1),
    ];
    // Orders of the 15th and 16th are promised for the 25th and 26th; older ones for today, at the latest.
    let rows: [(&[(i64, i8)], &str); 6] = [
        (&[], ""),
        (&[(1, 25)], "25: 1×1"),
        (&[(1, 26)], "26: 3×1"),
        (&[(3, 26)], "26: 3×1 2×2"),
        (&[(9, 25), (4, 26)], "25: 1×2 and 7; 26: 3×1 2×3"),
        (&[(6, 21)], "21: 4×5 5×1"),
    ];
    let facts = ExplainFacts { orders: orders.into(), ..facts() };
    for (broken, expected) in rows {
        let broken =
            broken.iter().map(|(units, by)| LateUnitsByDate { units: Quantity::new(*units), promised: day(*by), possible: None });
        let planned = FinishedGoodPlan { late: broken.collect(), ..FinishedGoodPlan::default() };
        let in_words: Vec<String> = late(&facts, &planned)
            .iter()
            .map(|found| {
                let orders: Vec<String> = found.orders.iter().map(|order| format!("{}×{}", order.order, order.late)).collect();
                let unknown = found.of_unknown_orders;
                let unknown = if unknown.is_zero() { String::new() } else { format!(" and {unknown}") };
                format!("{}: {}{unknown}", found.late.promised.day(), orders.join(" "))
            })
            .collect();
        assert_eq!(in_words.join("; "), expected, "{broken:?}", broken = planned.late);
    }
}

/// Protects against trusting the numbers of a place that do not match its position and its last movement; a place that is only
/// behind its position is not reported.
#[test]
fn a_place_is_what_its_last_movement_left() {
    type Change = fn(&mut LocationPromise, &mut History);
    let rows: [(&str, Change, Option<&str>); 8] = [
        ("sound", |_, _| {}, None),
        ("nothing shown of it", |_, history| history.recent.clear(), None),
        (
            "behind",
            |at, history| {
                (at.seq, at.balance) = (1, history.recent[0].after);
                at.available = Quantity::new(10);
            },
            None,
        ),
        ("another number", |at, _| at.balance.on_hand = Quantity::new(8), Some("but the position")),
        ("ahead of its position", |at, _| at.seq = 3, Some("the position is at movement 2")),
        ("its last movement is lost", |_, history| drop(history.recent.pop()), Some("movement 2 does not exist")),
        (
            "its last movement was edited",
            |_, history| history.recent[1].after.held = Quantity::new(1),
            Some("but movement 2 left"),
        ),
        ("its sum", |at, _| at.available = Quantity::new(9), Some("its parts add up to 7, but its value is 9")),
    ];
    for (case, change, expected) in rows {
        let here = Place::At("WH-1".parse().expect("a location"));
        let mut position = Position::empty(PositionKey::new(sku(), here.clone()));
        let cause = MovementCause { event: EventId::new("erp", "e"), order: None };
        let mut recent = Vec::new();
        for (kind, units) in [(MovementKind::Receipt, 10), (MovementKind::WriteOff, 3)] {
            recent.extend(position.record(NewMovement::of(kind, Quantity::new(units)), &cause, facts().at));
        }
        let mut at =
            LocationPromise { seq: 2, balance: position.balance, available: Quantity::new(7), ..LocationPromise::default() };
        let mut history = History { position, recent };
        change(&mut at, &mut history);
        let facts = ExplainFacts { histories: [(here.clone(), history)].into(), ..facts() };
        let mut node = place(&facts, &here, &at, None);
        let mut found = Vec::new();
        node.check("", &mut found);
        match (found.as_slice(), expected) {
            ([], None) => {}
            ([wrong], Some(expected)) => assert!(wrong.contains(expected), "{case}: {wrong}"),
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

/// Protects the first hour of a day from false alarms about plans that the schedule is about to recompute.
#[test]
fn plans_of_yesterday_stand_for_an_hour() {
    for (at, planned, zone, day) in [
        ("2026-11-21T12:00:00Z", None, "UTC", "2026-11-21"),
        ("2026-11-21T12:00:00Z", Some("2026-11-21"), "UTC", "2026-11-21"),
        ("2026-11-21T12:00:00Z", Some("2026-11-20"), "UTC", "2026-11-21"),
        ("2026-11-21T00:30:00Z", None, "UTC", "2026-11-21"),
        ("2026-11-21T00:30:00Z", Some("2026-11-20"), "UTC", "2026-11-20"),
        ("2026-11-21T00:30:00Z", Some("2026-11-21"), "UTC", "2026-11-21"),
        ("2026-11-21T00:30:00Z", Some("2026-11-19"), "UTC", "2026-11-21"),
        ("2026-11-21T01:00:00Z", Some("2026-11-20"), "UTC", "2026-11-21"),
        ("2026-11-21T07:59:59Z", Some("2026-11-20"), "America/Los_Angeles", "2026-11-20"),
        ("2026-11-21T08:30:00Z", Some("2026-11-20"), "America/Los_Angeles", "2026-11-20"),
        ("2026-11-21T09:00:00Z", Some("2026-11-20"), "America/Los_Angeles", "2026-11-21"),
    ] {
        let planned = planned.map(|day| day.parse().expect("a day"));
        let found = planned_for(at.parse().expect("a time"), planned, &zone.parse().expect("a time zone"));
        assert_eq!(found.to_string(), day, "at {at} in {zone}, planned {planned:?}");
    }
}
