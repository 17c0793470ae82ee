//! What must hold after every step, beside what the table's own checker sees.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Unit};
use promissory::catalog::{OrderId, Place};
use promissory::ledger::DeferredEvent;
use promissory::movement::PositionKey;
use promissory::order::ReadFailure;
use promissory::table::RowKind;
use promissory_fakes::shopify::{
    Applied, AppliedKind, Change, Disposal, Fulfilment, FulfilmentStatus, ItemId, LocationId as ShopLocation, Order, OrderLine,
    Restock, ReturnId, Shop,
};

use super::World;
use super::build::number;
use super::people::BULK;

impl World {
    /// Looks at everything that the last step may have changed.
    pub(super) fn check(&mut self) {
        let (found, swept) = {
            let mut table = self.store.table();
            (std::mem::take(&mut table.checker.violations), std::mem::take(&mut table.checker.swept))
        };
        self.violations.extend(found);
        if swept {
            self.watermarks_follow_the_ledger();
        }
        let told = self.line.shop().log().len();
        for at in self.told..told {
            let applied = self.line.shop().log()[at].clone();
            self.note_made(&applied);
            let again = if applied.deduplicated { " (known already)" } else { "" };
            self.tell(|| format!("the shop applies {:?} of {:?}{again}: {:?}", applied.kind, applied.reference, applied.changes));
        }
        if self.shop_changed || told != self.told {
            self.line.shop().assert_sound();
        }
        if self.climate.only_grows && told != self.told {
            // Only a call of ours can put a unit back on sale.
            self.never_shows_more_than_there_is();
        }
        (self.told, self.shop_changed) = (told, false);
    }

    /// Notes where the shop is told of more or less that can still be made.
    fn note_made(&mut self, applied: &Applied) {
        let shown = self.workshop.as_ref().map(|workshop| workshop.production.1);
        let of_it = |change: &&Change| Some(change.location) == shown && applied.kind == AppliedKind::Adjust;
        let mut changed = false;
        for change in applied.changes.iter().filter(of_it) {
            changed = true;
            self.met.note(if change.delta > 0 { "makeable pushed up" } else { "makeable pushed down" });
        }
        if changed && !applied.deduplicated {
            self.note_offered_twice(applied);
        }
    }

    /// The watermark passes no order that is not in the ledger or waiting in a lane, and the ledger is complete up to the
    /// moment it is said to be.
    fn watermarks_follow_the_ledger(&mut self) {
        let mut wrong = Vec::new();
        {
            let table = self.store.table();
            let shop = self.line.shop();
            let Some(sweep) = &table.checker.sweep else { return };
            let deferred: BTreeSet<OrderId> = table
                .of_kind(RowKind::Deferred)
                .filter_map(|record| Some(record.decode::<DeferredEvent>().ok()?.event.order()?.1))
                .collect();
            // The shop's times are whole seconds: an order of the same second may be younger than the sweep.
            let complete_at = sweep.complete_at.map_or(Timestamp::MIN, floor);
            for order in shop.orders() {
                let missing = || self.order_difference(order, &table.checker);
                let id = OrderId::new(number(order.id.0));
                // One that made no sense is tried again by every sweep, wherever the watermark is.
                let is_odd = table.checker.orders.get(&id).is_some_and(|record| record.unreadable == Some(ReadFailure::Odd));
                let waits = is_odd || deferred.contains(&id);
                if order.updated_at < complete_at
                    && let Some(missing) = missing()
                {
                    wrong.push(format!("the ledger is said to be complete up to {complete_at}, and {missing}"));
                } else if sweep.watermark.is_some_and(|watermark| order.updated_at < watermark)
                    && !waits
                    && let Some(missing) = missing()
                {
                    wrong.push(format!("the sweep will not look before {:?} again, and {missing}", sweep.watermark));
                }
            }
        }
        wrong.into_iter().for_each(|wrong| self.violate(wrong));
    }

    /// Supply only grew, so what the shop sells from and what it has sold must be there: nothing sold was put back on sale.
    fn never_shows_more_than_there_is(&mut self) {
        let mut wrong = Vec::new();
        {
            let table = self.store.table();
            let shop = self.line.shop();
            let moved = moved_by_shop(&shop);
            for (item, id) in self.items.iter().filter(|(item, _)| item.sku.as_str() != BULK) {
                for (code, location) in &self.codes {
                    let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
                    let Some((_, balance)) = table.checker.positions.get(&of) else { continue };
                    // Nothing is held in such a world but what refunds took off the shop's number.
                    let received = (balance.unknown_to_shop()).units();
                    let moved = moved.get(&(*id, *location)).copied().unwrap_or_default().total();
                    let level = shop.level(*id, *location);
                    let shown = level.map_or(0, promissory_fakes::shopify::Level::on_hand);
                    // Set outright where more is committed than there is, a level is at zero until it is told by how much it
                    // is below: nothing of it is on sale.
                    if shown > received + moved && level.is_some_and(|level| level.available > 0) {
                        wrong.push(format!(
                            "{of}: the shop shows {shown} of {received} received, and moved {moved} by itself: units were re-listed"
                        ));
                    }
                }
            }
        }
        wrong.into_iter().for_each(|wrong| self.violate(wrong));
    }
}

/// What the shop did to its own number of an item at a location.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovedByShop {
    /// Units that left and stay away.
    pub shipped: i64,
    /// Units that came back.
    pub returned: i64,
    /// Units that left an order unshipped and were not put back on sale.
    pub gone: i64,
}

impl MovedByShop {
    /// What it comes to.
    pub fn total(self) -> i64 {
        self.returned - self.shipped - self.gone
    }
}

/// What the shop did to its own numbers, by its own orders.
pub fn moved_by_shop(shop: &Shop) -> BTreeMap<(ItemId, ShopLocation), MovedByShop> {
    let mut moved: BTreeMap<(ItemId, ShopLocation), MovedByShop> = BTreeMap::new();
    for order in shop.orders().filter(|order| order.confirmed) {
        for line in &order.lines {
            for (made, units) in shipped(order, line) {
                moved.entry((line.item, made.location)).or_default().shipped += units;
            }
            for (location, units) in returned(order, line) {
                moved.entry((line.item, location)).or_default().returned += units;
            }
            let home = order.fulfilment_orders.iter().find(|routed| routed.lines.iter().any(|of| of.line == line.id));
            if let Some(home) = home.filter(|_| gone(order, line) > 0) {
                moved.entry((line.item, home.location)).or_default().gone += gone(order, line);
            }
        }
    }
    moved
}

/// The shipments of a line that stand.
pub fn shipped<'a>(order: &'a Order, line: &'a OrderLine) -> impl Iterator<Item = (&'a Fulfilment, i64)> {
    let stand = order.fulfilments.iter().filter(|made| made.status == FulfilmentStatus::Success);
    stand
        .flat_map(|made| made.lines.iter().map(move |(id, units)| (made, *id, *units)))
        .filter_map(|(made, id, units)| (id == line.id).then_some((made, units)))
}

/// Units of a line that came back, by location: a return's refund and its dispositions tell of the same units.
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

/// Units of a line that were refunded before they shipped, and not put back on sale.
pub fn gone(order: &Order, line: &OrderLine) -> i64 {
    let lines = order.refunds.iter().flat_map(|refund| &refund.lines);
    let gone = lines.filter(|of| of.line == line.id && of.restock == Restock::NoRestock);
    gone.map(|of| of.quantity - of.shipped).sum()
}

fn floor(at: Timestamp) -> Timestamp {
    at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor)).expect("a simulation is short")
}
