//! The invariants that concern the shop as well as the table. The world checks them after every step.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Unit};
use promissory::catalog::{OrderId, Place};
use promissory::ledger::DeferredEvent;
use promissory::movement::PositionKey;
use promissory::order::{OrderRecord, ReadFailure};
use promissory::ports::Clock;
use promissory::storefront::Level;
use promissory::table::RowKind;
use promissory_fakes::shopify::{
    Applied, AppliedKind, Change, Disposal, Fulfilment, FulfilmentStatus, ItemId, LocationId as ShopLocation, Order, OrderLine,
    Restock, ReturnId, Shop,
};

use super::World;
use super::actors::BULK;
use super::build::SILENT;
use super::build::number;

impl World {
    /// Checks everything that the last step may have changed.
    pub(super) fn check(&mut self) {
        let (found, swept) = {
            let mut table = self.store.table();
            (std::mem::take(&mut table.checker.violations), std::mem::take(&mut table.checker.swept))
        };
        self.violations.extend(found);
        if swept {
            self.check_watermarks();
        }
        let calls = self.ports.shop().log().len();
        for at in self.checked_calls..calls {
            let applied = self.ports.shop().log()[at].clone();
            self.count_producible_changes(&applied);
            let again = if applied.deduplicated { " (a repeated key)" } else { "" };
            self.log_event(|| {
                format!("the shop applies {:?} of {:?}{again}: {:?}", applied.kind, applied.reference, applied.changes)
            });
        }
        if self.shop_changed || calls != self.checked_calls {
            self.ports.shop().assert_sound();
        }
        if self.config.only_grows && calls != self.checked_calls {
            // Only a call of the pusher can put a unit back on sale.
            self.check_shop_shows_no_extra_units();
        }
        (self.checked_calls, self.shop_changed) = (calls, false);
    }

    /// Counts the changes of producible units in the shop.
    fn count_producible_changes(&mut self, applied: &Applied) {
        let shown = self.workshop.as_ref().map(|workshop| workshop.production.1);
        let of_it = |change: &&Change| Some(change.location) == shown && applied.kind == AppliedKind::Adjust;
        let mut changed = false;
        for change in applied.changes.iter().filter(of_it) {
            changed = true;
            self.coverage.note(if change.delta > 0 { "producible pushed up" } else { "producible pushed down" });
        }
        if changed && !applied.deduplicated {
            self.note_offered_twice(applied);
        }
    }

    /// Notes since when each order is quarantined.
    fn note_quarantined(&mut self) {
        let now = self.clock.now();
        let is_quarantined = |record: &OrderRecord| record.unreadable == Some(ReadFailure::Quarantined);
        let quarantined: BTreeSet<OrderId> = {
            let table = self.store.table();
            table.checker.orders.iter().filter(|(_, record)| is_quarantined(record)).map(|(id, _)| *id).collect()
        };
        self.quarantined_since.retain(|id, _| quarantined.contains(id));
        quarantined.into_iter().for_each(|id| {
            self.quarantined_since.entry(id).or_insert(now);
        });
    }

    /// Checks that the watermark has passed no order that is neither in the ledger nor in a lane, and that the ledger is
    /// complete up to `complete_at`.
    fn check_watermarks(&mut self) {
        let mut wrong = Vec::new();
        self.note_quarantined();
        {
            let table = self.store.table();
            let shop = self.ports.shop();
            let Some(sweep) = &table.checker.sweep else { return };
            let deferred: BTreeSet<OrderId> = table
                .of_kind(RowKind::Deferred)
                .filter_map(|record| Some(record.decode::<DeferredEvent>().ok()?.event.order()?.1))
                .collect();
            // The times of the shop are whole seconds, so an order of the same second may be newer than the sweep.
            let complete_at = sweep.complete_at.map_or(Timestamp::MIN, floor);
            // The shop is live before the world begins.
            let since = sweep.newest.map(|newest| sweep.since(newest, self.clock.now()));
            for order in shop.orders() {
                let missing = || self.order_difference(order, &table.checker);
                let id = OrderId::new(number(order.id.0));
                let record = table.checker.orders.get(&id);
                // Every sweep reads an unreadable order again, even behind the watermark.
                let is_quarantined = record.is_some_and(|record| record.unreadable == Some(ReadFailure::Quarantined));
                // The next run reads an order that waits to be read, wherever the watermark is.
                let is_unread = record.is_some_and(|record| record.unread);
                let waits = is_quarantined || is_unread || deferred.contains(&id);
                // A line waits for its mapping, or a report of a warehouse waits for the repair of a row.
                let name = id.to_string();
                let is_unmapped = table.checker.waiting.values().any(|(_, waiting)| *waiting == name);
                if is_unmapped || !self.sources.faulty.is_empty() {
                    continue;
                }
                // Reports of warehouses that came after the sweep, while the settings of the shop could not be read.
                let is_newly_reported = record.is_some_and(|record| {
                    let is_new = |name| table.checker.marks.get(name).is_none_or(|mark| mark.applied_at >= complete_at);
                    is_unread && record.reports.keys().chain(record.components.keys()).any(is_new)
                });
                // An event since then was merged while a row could not be read. The next sweep reads the order again.
                let is_newly_quarantined = self.quarantined_since.get(&id).is_some_and(|since| *since >= complete_at);
                if order.updated_at < complete_at
                    && !is_newly_reported
                    && !is_newly_quarantined
                    && let Some(missing) = missing()
                {
                    wrong.push(format!("the ledger claims to be complete up to {complete_at}, but {missing}"));
                } else if since.is_some_and(|since| order.updated_at < since)
                    && !waits
                    && let Some(missing) = missing()
                {
                    wrong.push(format!("the sweep does not read orders before {since:?} again, but {missing}"));
                }
            }
        }
        wrong.into_iter().for_each(|wrong| self.violate(wrong));
    }

    /// Checks that no sold unit is on sale again, in a world where supply never shrinks.
    fn check_shop_shows_no_extra_units(&mut self) {
        let mut wrong = Vec::new();
        {
            let table = self.store.table();
            let shop = self.ports.shop();
            let moved = moved_by_shop(&shop);
            for (item, id) in self.items.iter().filter(|(item, _)| ![BULK, SILENT].contains(&item.sku.as_str())) {
                for (code, location) in &self.codes {
                    let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
                    let Some((_, balance)) = table.checker.positions.get(&of) else { continue };
                    // Since a restore, the shop shows units of events that wait again for a mapping, until the level is set.
                    let waits = |level: &Level| level.renewed && level.acknowledged.is_none();
                    if self.restore.is_done && table.checker.levels.get(&(item.sku.clone(), code.clone())).is_some_and(waits) {
                        continue;
                    }
                    // In such a world the only held units are those that refunds took off the shop's number.
                    let received = (balance.unknown_to_shop()).units();
                    let taken_apart = table.checker.taken_apart.get(&of).map_or(0, |kits| kits.units());
                    let moved = moved.get(&(*id, *location)).copied().unwrap_or_default().total();
                    let level = shop.level(*id, *location);
                    let shown = level.map_or(0, promissory_fakes::shopify::Level::on_hand);
                    // A set level cannot be negative. Where more units are committed than exist, the level stays at zero, with
                    // nothing on sale, until a push adds the difference.
                    if shown > received + moved + taken_apart && level.is_some_and(|level| level.available > 0) {
                        wrong.push(format!(
                            "{of}: the shop shows {shown}, with {received} received and {moved} moved by its orders"
                        ));
                    }
                }
            }
        }
        wrong.into_iter().for_each(|wrong| self.violate(wrong));
    }
}

/// What the orders of the shop did to its own number of an item at a location.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovedByShop {
    /// Units that were shipped.
    pub shipped: i64,
    /// Units that were returned.
    pub returned: i64,
    /// Units that were removed from an order before shipment and not restocked.
    pub not_restocked: i64,
}

impl MovedByShop {
    /// The sum of the changes.
    pub fn total(self) -> i64 {
        self.returned - self.shipped - self.not_restocked
    }
}

/// What the orders of the shop did to its own numbers.
pub fn moved_by_shop(shop: &Shop) -> BTreeMap<(ItemId, ShopLocation), MovedByShop> {
    let mut moved: BTreeMap<(ItemId, ShopLocation), MovedByShop> = BTreeMap::new();
    for order in shop.orders() {
        for line in &order.lines {
            for (made, units) in shipped(order, line) {
                moved.entry((line.item, made.location)).or_default().shipped += units;
            }
            for (location, units) in returned(order, line) {
                moved.entry((line.item, location)).or_default().returned += units;
            }
            let home = order.fulfilment_orders.iter().find(|routed| routed.lines.iter().any(|of| of.line == line.id));
            if let Some(home) = home.filter(|_| not_restocked(order, line) > 0) {
                moved.entry((line.item, home.location)).or_default().not_restocked += not_restocked(order, line);
            }
        }
    }
    moved
}

/// The successful shipments of a line.
pub fn shipped<'a>(order: &'a Order, line: &'a OrderLine) -> impl Iterator<Item = (&'a Fulfilment, i64)> {
    let stand = order.fulfilments.iter().filter(|made| made.status == FulfilmentStatus::Success);
    stand
        .flat_map(|made| made.lines.iter().map(move |(id, units)| (made, *id, *units)))
        .filter_map(|(made, id, units)| (id == line.id).then_some((made, units)))
}

/// Returned units of a line, by location. The refund and the dispositions of a return concern the same units.
pub fn returned(order: &Order, line: &OrderLine) -> BTreeMap<ShopLocation, i64> {
    let refunded = |of_return: Option<ReturnId>| {
        let refunds = order.refunds.iter().filter(move |refund| refund.return_id == of_return).flat_map(|refund| &refund.lines);
        let back = refunds.filter(|of| of.line == line.id && of.restock == Restock::Return);
        World::counts(back.filter_map(|of| Some((of.location?, of.quantity))))
    };
    let mut returned = refunded(None);
    for back in &order.returns {
        let disposed = back.dispositions.iter().filter(|of| of.line == line.id && of.kind == Disposal::Restocked);
        let disposed = World::counts(disposed.map(|of| (of.location, of.quantity)));
        let mut either = refunded(Some(back.id));
        for (location, units) in disposed {
            let known = either.entry(location).or_default();
            *known = units.max(*known);
        }
        for (location, units) in either {
            *returned.entry(location).or_default() += units;
        }
    }
    returned
}

/// Units of a line that were refunded before shipment and not restocked.
pub fn not_restocked(order: &Order, line: &OrderLine) -> i64 {
    let lines = order.refunds.iter().flat_map(|refund| &refund.lines);
    let not_restocked = lines.filter(|of| of.line == line.id && of.restock == Restock::NoRestock);
    not_restocked.map(|of| of.quantity - of.shipped).sum()
}

fn floor(at: Timestamp) -> Timestamp {
    at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor)).expect("a time in range")
}
