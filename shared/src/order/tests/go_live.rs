//! The rows of the lifecycle table about orders from before the shop went live.

use crate::order::tests::lifecycle::{Input, Row};
use crate::order::tests::model::Change;
use crate::order::{ReportKind, Restock};

/// Rows in which the shop goes live while the order is open, or after it has ended.
pub fn rows() -> Vec<Row> {
    use Change::{Add, Cancel, Dispose, Refund, Ship, Void};
    use Input::{Facts as WithFacts, GoLive, NotLive, Query, Report, Webhook};
    let add = || Webhook(Add { line: 1, units: 3 });
    let ship = |units| Webhook(Ship { line: 1, units });
    let refund = |units, restock| Webhook(Refund { line: 1, units, restock, at: 2 });
    let seen = |units| Report(ReportKind::Shipped, units, 1);
    let received = || Report(ReportKind::Returned, 1, 2);
    let archived = || WithFacts(|facts| facts.closed_at = Some(facts.placed_at));
    let live = "the shop goes live, and a sweep reads the order";
    vec![
        ("unknown, the shop is not live", "order of 3 placed", vec![NotLive, add()]),
        ("3 open, the shop is not live", live, vec![NotLive, add(), GoLive]),
        ("2 of 3 shipped before going live", live, vec![NotLive, add(), ship(2), GoLive]),
        ("2 of 3 shipped before going live", "the rest shipped", vec![NotLive, add(), ship(2), GoLive, ship(1)]),
        ("2 of 3 shipped before going live", "cancelled", vec![NotLive, add(), ship(2), GoLive, Webhook(Cancel)]),
        (
            "2 of 3 shipped before going live",
            "that fulfilment cancelled",
            vec![NotLive, add(), ship(2), GoLive, Webhook(Void { which: 0 })],
        ),
        (
            "2 of 3 shipped before going live, and cancelled since",
            "3 shipped from WH-1",
            vec![NotLive, add(), ship(2), GoLive, Query(Void { which: 0 }), ship(3)],
        ),
        (
            "2 of 3 shipped before going live",
            "1 of them refunded, restocked at WH-2",
            vec![NotLive, add(), ship(2), GoLive, refund(1, Restock::Return)],
        ),
        (
            "2 of 3 shipped before going live",
            "the warehouse WH-1 ships 2 after it",
            vec![NotLive, add(), ship(2), GoLive, seen(2)],
        ),
        ("3 shipped before going live", "the warehouse WH-1 ships them after it", vec![NotLive, add(), ship(3), GoLive, seen(3)]),
        ("2 of 3 left WH-1 ahead before going live", live, vec![NotLive, add(), seen(2), GoLive]),
        ("2 of 3 left WH-1 ahead before going live", "2 shipped from WH-1", vec![NotLive, add(), seen(2), GoLive, ship(2)]),
        ("2 of 3 shipped before going live, both say", live, vec![NotLive, add(), ship(2), seen(2), GoLive]),
        ("1 of 3 refunded before going live, not restocked", live, vec![NotLive, add(), refund(1, Restock::None), GoLive]),
        ("3 shipped before going live", live, vec![NotLive, add(), ship(3), GoLive]),
        (
            "3 shipped before going live",
            "1 refunded, not restocked",
            vec![NotLive, add(), ship(3), GoLive, refund(1, Restock::None)],
        ),
        (
            "3 shipped before going live",
            "1 refunded, restocked at WH-2",
            vec![NotLive, add(), ship(3), GoLive, refund(1, Restock::Return)],
        ),
        (
            "3 shipped before going live",
            "another line of 2 added (edit, exchange)",
            vec![NotLive, add(), ship(3), GoLive, Webhook(Add { line: 2, units: 2 })],
        ),
        (
            "1 returned and restocked at WH-2 before going live",
            live,
            vec![NotLive, add(), ship(3), Query(Dispose { line: 1, units: 1, at: 2 }), GoLive],
        ),
        (
            "1 returned and restocked at WH-2 before going live",
            "the refund of that return",
            vec![NotLive, add(), ship(3), Query(Dispose { line: 1, units: 1, at: 2 }), GoLive, Webhook(Change::Settle)],
        ),
        (
            "1 received back at WH-2 before going live",
            "the refund that restocks it at WH-2",
            vec![NotLive, add(), ship(3), received(), GoLive, refund(1, Restock::Return)],
        ),
        (
            "1 refunded and restocked at WH-2 before going live",
            "the warehouse WH-2 receives it",
            vec![NotLive, add(), ship(3), refund(1, Restock::Return), GoLive, received()],
        ),
        ("cancelled before going live", live, vec![NotLive, add(), Webhook(Cancel), GoLive]),
        ("archived with 3 open before going live", live, vec![NotLive, add(), archived(), GoLive]),
    ]
}
