//! The rows of the lifecycle table about draft orders.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::catalog::{LineId, Quantity};
use crate::order::tests::lifecycle::{Input, Row};
use crate::order::tests::model::at;
use crate::order::{HoldAction, HoldPolicy, OrderFacts, SnapshotLine, StockTracking};

/// The facts of a draft that reserves `units` of one line for an hour, or nothing, as a query answered them at a second.
pub fn facts(units: i64, second: i64) -> OrderFacts {
    let quantity = Quantity::new(units);
    let line = SnapshotLine {
        shop_sku: "A".to_owned(),
        variant: None,
        ordered: quantity,
        open: quantity,
        current: None,
        stocked: StockTracking::Yes,
    };
    let until = quantity.is_positive().then(|| at(second + 3_600));
    OrderFacts::of_draft((at(second), at(0), at(second)), until, BTreeMap::from([(LineId::new(1), line)]))
}

/// Rows about a draft that reserves, and about its end.
pub fn rows() -> Vec<Row> {
    use Input::{Again, Draft, DraftEnds, Expired, Stale};
    let hour = Some(Duration::from_secs(3_600));
    let policy = HoldPolicy { unpaid: hour, unallocated: hour, release_unallocated: true };
    let expired = |minutes| DraftEnds(HoldAction::DraftExpired, minutes);
    let deleted = || DraftEnds(HoldAction::DraftDeleted, 0);
    let reserving = "draft of 3 that reserves";
    vec![
        ("unknown", "draft of 3 that reserves nothing", vec![Draft(0)]),
        ("unknown", reserving, vec![Draft(3)]),
        (reserving, "the same answer again", vec![Draft(3), Again]),
        (reserving, "changed to 2", vec![Draft(3), Draft(2)]),
        (reserving, "changed to 5", vec![Draft(3), Draft(5)]),
        ("draft of 2 that reserves, before 3", "an older answer", vec![Draft(3), Draft(2), Stale]),
        (reserving, "reserves no longer, or has become an order", vec![Draft(3), Draft(0)]),
        (reserving, "its time has passed", vec![Draft(3), expired(60)]),
        ("draft of 3, reserves for longer than when its end was decided", "its time has passed", vec![Draft(3), expired(59)]),
        (reserving, "deleted", vec![Draft(3), deleted()]),
        ("draft of 3, deleted", "its time has passed", vec![Draft(3), deleted(), expired(0)]),
        ("draft of 3, deleted", "an older answer", vec![Draft(2), Draft(3), deleted(), Stale]),
        ("draft of 3, its time has passed", "reserves again", vec![Draft(3), expired(60), Draft(3)]),
        (reserving, "too long unpaid, or unallocated", vec![Draft(3), Expired(policy)]),
    ]
}
