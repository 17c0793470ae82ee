//! The rows of the lifecycle table in which a warehouse reports shipments.

use std::time::Duration;

use crate::order::tests::lifecycle::{Input, Row};
use crate::order::tests::model::Change;
use crate::order::{HoldPolicy, OrderFacts, ReportKind, Restock};

/// Rows in which a warehouse reports a shipment before the shop, after it, or of units that the shop does not ship.
pub fn rows() -> Vec<Row> {
    use Change::{Add, Cancel, Move, Refund, Ship, Void};
    use Input::{Again, Expired, Facts as WithFacts, Query, Read, Report, Silent, Webhook};
    let add = |units| Webhook(Add { line: 1, units });
    let routed = |units| Query(Add { line: 1, units });
    let ship = |units| Webhook(Ship { line: 1, units });
    let seen = |units, at| Report(ReportKind::Shipped, units, at);
    let withheld = || Webhook(Refund { line: 1, units: 3, restock: Restock::None, at: 1 });
    let after = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let unpaid = HoldPolicy { unpaid: after(72), ..HoldPolicy::default() };
    let alerting = HoldPolicy { unallocated: after(24), ..HoldPolicy::default() };
    let pending: fn(&mut OrderFacts) = |facts| facts.paid = false;
    let (first, second) = (|| Silent(Add { line: 1, units: 2 }), || Query(Add { line: 2, units: 1 }));
    vec![
        ("unknown", "the warehouse WH-1 ships 3 of it", vec![seen(3, 1)]),
        ("unknown, 3 shipped by WH-1", "order of 3 placed", vec![seen(3, 1), add(3)]),
        ("3 reserved", "the warehouse WH-1 ships 2, ahead of the shop", vec![add(3), seen(2, 1)]),
        ("3 assigned to WH-1", "the warehouse WH-1 ships 2, ahead of the shop", vec![routed(3), seen(2, 1)]),
        ("3 assigned to WH-1", "the warehouse WH-2 ships 3, ahead of the shop", vec![routed(3), seen(3, 2)]),
        ("two lines, of 2 and of 1", "the warehouse WH-1 ships 2 of the first", vec![first(), second(), seen(2, 1)]),
        ("2 of 3 left WH-1 ahead", "the same webhook again", vec![add(3), seen(2, 1), Again]),
        ("2 of 3 left WH-1 ahead", "1 shipped from WH-1", vec![routed(3), seen(2, 1), ship(1)]),
        ("2 of 3 left WH-1 ahead", "3 shipped from WH-1", vec![routed(3), seen(2, 1), ship(3)]),
        ("3 left WH-2 ahead", "3 shipped from WH-1", vec![routed(3), seen(3, 2), ship(3)]),
        ("3 left WH-1 ahead", "moved to WH-2", vec![routed(3), seen(3, 1), Query(Move { line: 1, to: 2 })]),
        ("3 left WH-1 ahead", "cancelled, restocked", vec![routed(3), seen(3, 1), Webhook(Cancel)]),
        ("3 left WH-1 ahead", "cancelled, not restocked", vec![routed(3), seen(3, 1), withheld()]),
        ("2 of 3 shipped from WH-1", "the warehouse WH-1 says so", vec![routed(3), ship(2), seen(2, 1)]),
        ("2 of 3 shipped from WH-1", "the warehouse WH-1 says 3", vec![routed(3), ship(2), seen(3, 1)]),
        ("2 of 3 shipped from WH-1", "the warehouse WH-2 says it shipped them", vec![routed(3), ship(2), seen(2, 2)]),
        (
            "1 of 3 shipped from WH-1, both say",
            "that fulfilment cancelled",
            vec![routed(3), ship(1), seen(1, 1), Webhook(Void { which: 0 })],
        ),
        (
            "1 of 3 shipped from WH-1, and WH-2 says it did",
            "that fulfilment cancelled",
            vec![routed(3), ship(1), seen(1, 2), Webhook(Void { which: 0 })],
        ),
        ("cancelled, restocked", "the warehouse WH-1 ships 3 all the same", vec![routed(3), Webhook(Cancel), seen(3, 1)]),
        ("cancelled, not restocked", "the warehouse WH-1 ships 3 all the same", vec![routed(3), withheld(), seen(3, 1)]),
        ("3 allocated by WH-2", "it ships 2", vec![add(3), Report(ReportKind::Allocated, 3, 2), seen(2, 2)]),
        (
            "3 allocated by WH-2, 2 left ahead",
            "2 shipped from WH-2",
            vec![add(3), Query(Move { line: 1, to: 2 }), Report(ReportKind::Allocated, 3, 2), seen(2, 2), ship(2)],
        ),
        (
            "3 reserved, unpaid, 1 left ahead",
            "too long unpaid",
            vec![WithFacts(pending), add(3), Read, seen(1, 1), Expired(unpaid)],
        ),
        (
            "given up, unpaid",
            "the warehouse WH-1 ships 1 all the same",
            vec![WithFacts(pending), add(3), Read, Expired(unpaid), seen(1, 1)],
        ),
        ("3 reserved, paid, left ahead", "too long unallocated", vec![add(3), seen(3, 1), Expired(alerting)]),
        ("3 reserved, alerted", "the warehouse WH-1 ships 3", vec![add(3), Expired(alerting), seen(3, 1)]),
    ]
}
