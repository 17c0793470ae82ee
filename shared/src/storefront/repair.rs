//! When a level may be set to an absolute number: to initialise it or to repair it.
//!
//! An absolute number that is computed without the orders in flight puts sold units back on sale. A level is therefore set only
//! when no order can be in flight: a complete sweep of the shop's orders *started* at least the settling window after the level
//! last changed, so the ledger has every order and shipment behind the numbers. The settling window is at least the time by which
//! the shop's search may lag (`OrderWatermark::settling_window`), because a sweep finds no order that the search does not contain
//! yet. `available` must then be the supply without the units that the shop's orders commit and without those that it sets aside
//! (reserved by drafts, damaged, in quality control, safety stock), and it is set by compare-and-set against the `available` of
//! the same read. Until the settling window has passed, a level with
//! an acknowledged value still receives differences. Both times come from the shop's clock, so the local clock has no influence.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Quantity, ShopLocationId};
use crate::storefront::{Level, ShopLevel};

/// What to do about a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairDecision {
    /// The shop has the number that the ledger has.
    Agrees,
    /// Orders or shipments that the ledger does not have yet may be in the numbers: leave the level alone for now.
    InFlight,
    /// The item is not stocked at the location: activate it, then compare again.
    Inactive,
    /// Set it.
    Set {
        /// The new `available`. Never below zero: a later difference subtracts the rest.
        quantity: Quantity,
        /// The `available` that the shop must have.
        change_from: Quantity,
        /// By how much the shop shows too many units (below zero: too few).
        drift: Quantity,
        /// By how much `quantity` exceeds the wanted number, which is below zero then.
        excess: Quantity,
    },
    /// The shop shows too few units, and units that order edits removed may be the cause: a person decides.
    Park {
        /// The `available` of the shop.
        shown: Quantity,
        /// The `available` that the level would be set to.
        wanted: Quantity,
    },
}

/// Units that our orders reserve and that the shop does not commit, by location: of pre-orders that reserve on fulfilment, and of
/// orders that were made to bypass the inventory. `reserved` are the units of the item that we reserve at each location that the
/// shop shows; `elsewhere` those at other places. A unit that is reserved at one location and committed at another is claimed. What
/// the shop reserves for a draft is not of an order.
#[must_use]
pub fn unclaimed(
    reserved: &BTreeMap<ShopLocationId, Quantity>,
    elsewhere: Quantity,
    shown: &[&ShopLevel],
) -> BTreeMap<ShopLocationId, Quantity> {
    let committed: Quantity = shown.iter().map(|level| level.committed).sum();
    let mut left = (reserved.values().copied().sum::<Quantity>() + elsewhere - committed).at_least_zero();
    let here = |level: &&ShopLevel| {
        let units = (reserved.get(&level.location).copied().unwrap_or_default() - level.committed).at_least_zero().min(left);
        left -= units;
        (level.location, units)
    };
    shown.iter().map(here).collect()
}

/// Whether the ledger has every order and shipment behind a level: a complete sweep began at least the settling window after the
/// level last changed.
#[must_use]
pub fn is_settled(shown: &ShopLevel, swept_at: Option<Timestamp>, settling_window: Duration) -> bool {
    let settled_at = shown.updated_at.saturating_add(settling_window).unwrap_or(Timestamp::MAX);
    swept_at.is_some_and(|swept| swept >= settled_at)
}

/// Compares one level, computed after `swept_at` was read, with the level of the shop. `swept_at` is when the last complete sweep
/// of the shop's orders began, by the shop's clock.
#[must_use]
pub fn decide_repair(level: &Level, shown: &ShopLevel, swept_at: Option<Timestamp>, settling_window: Duration) -> RepairDecision {
    if !shown.active {
        return RepairDecision::Inactive;
    }
    if !is_settled(shown, swept_at, settling_window) {
        return RepairDecision::InFlight;
    }
    let drift = shown.total() - level.supply;
    let wanted = shown.available - drift;
    let quantity = wanted.at_least_zero();
    if drift.is_zero() {
        RepairDecision::Agrees
    } else if drift.is_negative() && level.removed.is_positive() && (level.acknowledged.is_some() || level.renewed) {
        RepairDecision::Park { shown: shown.available, wanted }
    } else {
        RepairDecision::Set { quantity, change_from: shown.available, drift, excess: quantity - wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::InventoryItemId;

    /// Protects sold units from being put back on sale by an absolute number.
    #[test]
    fn sets_only_settled_levels_that_differ() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).expect("in range");
        let units = Quantity::new;
        let check = |(supply, available, committed, active, updated, swept): (i64, i64, i64, bool, i64, Option<i64>),
                     expected: RepairDecision| {
            let mut level = Level::new(
                "a.myshopify.com".parse().expect("a shop"),
                "A".parse().expect("a SKU"),
                "WH".parse().expect("a code"),
                InventoryItemId::new(1),
                ShopLocationId::new(2),
            );
            level.supply = units(supply);
            let shown = ShopLevel {
                inventory_item: InventoryItemId::new(1),
                location: ShopLocationId::new(2),
                active,
                available: units(available),
                committed: units(committed),
                reserved: Quantity::ZERO,
                set_aside: Quantity::ZERO,
                updated_at: at(updated),
            };
            let decided = decide_repair(&level, &shown, swept.map(at), Duration::from_secs(60));
            assert_eq!(decided, expected, "supply {supply}, shop {available}+{committed}, updated {updated}, swept {swept:?}");
        };
        let set = |quantity, change_from, drift, excess| RepairDecision::Set {
            quantity: units(quantity),
            change_from: units(change_from),
            drift: units(drift),
            excess: units(excess),
        };
        check((10, 0, 0, true, 0, Some(60)), set(10, 0, -10, 0));
        check((10, 7, 3, true, 0, Some(60)), RepairDecision::Agrees);
        check((10, 9, 3, true, 0, Some(60)), set(7, 9, 2, 0));
        check((2, 1, 3, true, 0, Some(60)), set(0, 1, 2, 1));
        check((10, 9, 3, true, 0, Some(59)), RepairDecision::InFlight);
        check((10, 9, 3, true, 0, None), RepairDecision::InFlight);
        check((10, 0, 0, false, 0, Some(60)), RepairDecision::Inactive);
    }
}
