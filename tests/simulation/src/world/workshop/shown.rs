//! Whether what the shop shows of all goods together can be made, whenever it has been told that more of one can.
//!
//! What a plan says of its goods can be made, all of it. But the shop is told of each good by itself: where one may have more
//! because another has less, the rise may be there before the fall. Until the fall is, units are offered twice. This is
//! counted, not forbidden: nothing waits for the others.

use std::collections::BTreeMap;

use promissory::catalog::{Place, Quantity, Sku};
use promissory::movement::PositionKey;
use promissory_fakes::shopify::{Applied, Change};

use crate::check::{Checker, Plans};
use crate::world::World;
use crate::world::bookkeeping::moved_by_shop;

impl World {
    /// Counts the units that a rise has put on sale beside others that they are part of.
    pub(in crate::world) fn note_offered_twice(&mut self, applied: &Applied) {
        // Where nobody has edited these numbers, they are what the shop was told.
        let Some(workshop) = self.workshop.as_ref().filter(|workshop| !workshop.is_edited) else { return };
        let shown = workshop.production.1;
        let (told, falls, twice, more) = {
            let table = self.store.table();
            let plans = &table.checker.plans;
            let told = self.told_makeable(&table.checker);
            let mut before = told.clone();
            let mut is_right = true;
            let changes = applied.changes.iter().filter(|change| change.location == shown);
            for Change { item, delta, .. } in changes.filter(|change| change.delta > 0) {
                let Some(units) = self.sku_of(*item).and_then(|sku| before.get_mut(sku)) else { continue };
                *units -= delta;
                let sku = self.sku_of(*item).and_then(|sku| plans.entry(sku).zip(told.get(sku)));
                is_right &= sku.is_some_and(|(planned, told)| *told <= planned.producible().units());
            }
            let twice = plans.too_many(&told);
            let more_of_some = before != told;
            let more = if is_right && more_of_some { twice - plans.too_many(&before) } else { 0 };
            let falls = told.iter().any(|(sku, told)| plans.entry(sku).is_some_and(|of| *told > of.producible().units()));
            (told, falls && is_right && more_of_some, twice, more)
        };
        if falls {
            self.met.note("a rise is told before a fall");
        }
        for _ in 0..more {
            self.met.note("unit offered twice for a moment");
        }
        let Some(workshop) = &mut self.workshop else { return };
        workshop.offered_twice = twice > 0 && (more > 0 || workshop.offered_twice);
        if more > 0 {
            self.tell(|| format!("{more} units are offered twice until a fall is told: {told:?}"));
        }
    }

    /// What the shop was told that can still be made of each good.
    pub(in crate::world) fn told_makeable(&self, checker: &Checker) -> BTreeMap<Sku, i64> {
        let Some(workshop) = &self.workshop else { return BTreeMap::new() };
        let (code, shown) = &workshop.production;
        let shop = self.line.shop();
        let moved = moved_by_shop(&shop);
        let goods = self.items.iter().filter(|(item, _)| workshop.goods.contains(&item.sku));
        let told = goods.filter_map(|(item, id)| {
            let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
            let there = checker.positions.get(&of).map_or(Quantity::ZERO, |(_, balance)| balance.unknown_to_shop());
            let moved = moved.get(&(*id, *shown)).copied().unwrap_or_default().total();
            Some((item.sku.clone(), shop.level(*id, *shown)?.on_hand() - there.units() - moved))
        });
        told.collect()
    }
}

impl Plans {
    /// How many units of what the shop was told cannot be made, by the plans as they are.
    fn too_many(&self, told: &BTreeMap<Sku, i64>) -> i64 {
        let mut told = told.clone();
        let mut lowered = 0;
        while !self.can_be_made(&told) {
            let above = |(sku, told): &(&Sku, &mut i64)| **told - self.entry(sku).map_or(0, |of| of.producible().units());
            let Some((_, units)) = told.iter_mut().max_by_key(above) else { break };
            *units -= 1;
            lowered += 1;
        }
        lowered
    }
}
