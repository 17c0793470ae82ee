//! Checks whether the shop's numbers of all finished goods can be made together, whenever one of them rises.
//!
//! A plan as a whole can always be made. But the pusher updates each finished good on its own: where one rises because another
//! one falls, the shop may show the rise before the fall. Until then, units are offered twice. The simulator counts these cases
//! and does not forbid them, because no push waits for another one.

use std::collections::BTreeMap;

use promissory::catalog::{Place, Quantity, Sku};
use promissory::movement::PositionKey;
use promissory_fakes::shopify::{Applied, Change};

use crate::check::{Checker, Plans};
use crate::world::World;
use crate::world::shop_invariants::moved_by_shop;

impl World {
    /// Counts the units that a rise has offered twice.
    pub(in crate::world) fn note_offered_twice(&mut self, applied: &Applied) {
        // If no person has edited these numbers, they are the pushed ones.
        let Some(workshop) = self.workshop.as_ref().filter(|workshop| !workshop.is_edited) else { return };
        let shown = workshop.production.1;
        let (pushed, falls, twice, more) = {
            let table = self.store.table();
            let plans = &table.checker.plans;
            let pushed = self.pushed_producible(&table.checker);
            let mut before = pushed.clone();
            let mut is_right = true;
            let changes = applied.changes.iter().filter(|change| change.location == shown);
            for Change { item, delta, .. } in changes.filter(|change| change.delta > 0) {
                let Some(units) = self.sku_of(*item).and_then(|sku| before.get_mut(sku)) else { continue };
                *units -= delta;
                let sku = self.sku_of(*item).and_then(|sku| plans.entry(sku).zip(pushed.get(sku)));
                is_right &= sku.is_some_and(|(planned, pushed)| *pushed <= planned.producible().units());
            }
            let twice = plans.too_many(&pushed);
            let more_of_some = before != pushed;
            let more = if is_right && more_of_some { twice - plans.too_many(&before) } else { 0 };
            let falls = pushed.iter().any(|(sku, pushed)| plans.entry(sku).is_some_and(|of| *pushed > of.producible().units()));
            (pushed, falls && is_right && more_of_some, twice, more)
        };
        if falls {
            self.coverage.note("a rise is sent before a fall");
        }
        for _ in 0..more {
            self.coverage.note("unit offered twice for a moment");
        }
        let Some(workshop) = &mut self.workshop else { return };
        workshop.offered_twice = twice > 0 && (more > 0 || workshop.offered_twice);
        if more > 0 {
            self.log_event(|| format!("{more} units are offered twice until a fall is pushed: {pushed:?}"));
        }
    }

    /// The pushed number of producible units of each finished good.
    pub(in crate::world) fn pushed_producible(&self, checker: &Checker) -> BTreeMap<Sku, i64> {
        let Some(workshop) = &self.workshop else { return BTreeMap::new() };
        let (code, shown) = &workshop.production;
        let shop = self.ports.shop();
        let moved = moved_by_shop(&shop);
        let finished_goods = self.items.iter().filter(|(item, _)| workshop.finished_goods.contains(&item.sku));
        let pushed = finished_goods.filter_map(|(item, id)| {
            let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
            let there = checker.positions.get(&of).map_or(Quantity::ZERO, |(_, balance)| balance.unknown_to_shop());
            let moved = moved.get(&(*id, *shown)).copied().unwrap_or_default().total();
            Some((item.sku.clone(), shop.level(*id, *shown)?.on_hand() - there.units() - moved))
        });
        pushed.collect()
    }
}

impl Plans {
    /// Number of pushed units that cannot be made, by the current plans.
    fn too_many(&self, pushed: &BTreeMap<Sku, i64>) -> i64 {
        let mut pushed = pushed.clone();
        let mut lowered = 0;
        while !self.can_be_made(&pushed) {
            let above = |(sku, pushed): &(&Sku, &mut i64)| **pushed - self.entry(sku).map_or(0, |of| of.producible().units());
            let Some((_, units)) = pushed.iter_mut().max_by_key(above) else { break };
            *units -= 1;
            lowered += 1;
        }
        lowered
    }
}
