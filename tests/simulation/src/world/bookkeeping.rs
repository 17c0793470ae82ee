//! What must hold after every step, beside what the table's own checker sees.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, Unit};
use promissory::catalog::{OrderId, Place};
use promissory::ledger::{Deferred, Event, PositionKey};
use promissory_local::shopify::{ItemId, LocationId as ShopLocation, Shop};

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

    /// The watermark passes no order that is not in the ledger or waiting in a lane, and the ledger is complete up to the
    /// moment it is said to be.
    fn watermarks_follow_the_ledger(&mut self) {
        let mut wrong = Vec::new();
        {
            let table = self.store.table();
            let shop = self.line.shop();
            let Some(sweep) = &table.checker.sweep else { return };
            let deferred: BTreeSet<OrderId> = table
                .family("LANE#")
                .filter_map(|record| match record.decode::<Deferred>().ok()?.event {
                    Event::Order(order) => Some(order.snapshot.order),
                    Event::Stock(_) => None,
                })
                .collect();
            // The shop's times are whole seconds: an order of the same second may be younger than the sweep.
            let complete_at = sweep.complete_at.map_or(Timestamp::MIN, floor);
            for order in shop.orders() {
                let missing = || self.order_difference(order, &table.checker);
                let waits = deferred.contains(&OrderId::new(number(order.id.0)));
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
            let shipped = shipped(&shop);
            for (item, id) in self.items.iter().filter(|(item, _)| item.sku.as_str() != BULK) {
                for (code, location) in &self.codes {
                    let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
                    let Some((_, balance)) = table.checker.positions.get(&of) else { continue };
                    let received = (balance.on_hand - balance.moved_by_shop).units();
                    let shipped = shipped.get(&(*id, *location)).copied().unwrap_or_default();
                    let shown = shop.level(*id, *location).map_or(0, promissory_local::shopify::Level::on_hand);
                    if shown > received - shipped {
                        wrong.push(format!(
                            "{of}: the shop shows {shown} of {received} received and {shipped} shipped: units were re-listed"
                        ));
                    }
                }
            }
        }
        wrong.into_iter().for_each(|wrong| self.violate(wrong));
    }
}

/// Units that left each location, by the shop's own shipments.
pub fn shipped(shop: &Shop) -> BTreeMap<(ItemId, ShopLocation), i64> {
    let fulfilments = shop.orders().flat_map(|order| order.fulfilments.iter().map(move |fulfilment| (order, fulfilment)));
    World::counts(fulfilments.flat_map(|(order, fulfilment)| {
        let item = |id| order.lines.iter().find(|line| line.id == id).map(|line| line.item);
        fulfilment.lines.iter().filter_map(move |(id, units)| Some(((item(*id)?, fulfilment.location), *units)))
    }))
}

fn floor(at: Timestamp) -> Timestamp {
    at.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor)).expect("a simulation is short")
}
