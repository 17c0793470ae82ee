//! Cancelled orders after a restore of the table.

use jiff::Timestamp;

use crate::catalog::{OrderId, ShopSettings};
use crate::order::tests::drafts;
use crate::order::tests::model::{at, shop};
use crate::order::{OrderFacts, OrderRecord};

const HOUR: i64 = 3_600;

/// The shop went live at 10 hours and was restored at 100 hours.
fn settings(forward_open_orders: bool, restored: bool) -> ShopSettings {
    let restored_at = restored.then(|| at(100 * HOUR));
    ShopSettings { forward_open_orders, restored_at, ..ShopSettings::live_from(shop(), at(10 * HOUR)) }
}

/// Whether the cancellation of an order is forwarded, of which the table knows no forwarded version.
fn is_forwarded(placed_at: Timestamp, version: Timestamp, settings: &ShopSettings) -> bool {
    let facts = OrderFacts { cancelled: true, placed_at, version, ..drafts::facts(1, 0) };
    let mut record = OrderRecord { facts: Some(facts), ..OrderRecord::new(shop(), OrderId::new(1)) };
    record.decide_forwarding(settings);
    record.forwarded == Some(version)
}

/// Protects the manufacturing system from orders that it goes on to make: their cancellation is forwarded if a function may have
/// forwarded them before the restore, or while the table was restored.
#[test]
fn a_cancelled_order_is_forwarded_if_it_may_have_been_before() {
    for (placed, version, open_orders, restored, expected) in [
        (50, 60, false, false, false),
        (50, 60, false, true, true),
        (99, 101, false, true, true),
        // The functions still used the table before the restore.
        (101, 102, false, true, true),
        (124, 125, false, true, true),
        (125, 126, false, true, false),
        // From before the shop went live.
        (5, 60, false, true, false),
        (5, 60, true, true, true),
        (5, 9, true, true, false),
        (5, 60, true, false, false),
    ] {
        let found = is_forwarded(at(placed * HOUR), at(version * HOUR), &settings(open_orders, restored));
        assert_eq!(found, expected, "placed {placed}, version {version}, open orders {open_orders}, restored {restored}");
    }
}
