//! The invariants of a shop, which a test may check after any step.
//!
//! State that is stored twice must agree: levels with the committed units of order lines, fulfilment orders with the open
//! units of lines, and the counters of lines with shipments, refunds and returns.

use super::fulfilment_order::FulfilmentOrder;
use super::ids::{ItemId, LineId, LocationId};
use super::order::{Order, OrderLine, Shares};
use super::shop::Shop;
use super::stock::InventoryState;
use std::collections::BTreeMap;

impl Shop {
    /// Checks that levels and orders agree, and that the parts of each order agree.
    ///
    /// # Panics
    /// They disagree, which is a defect of this fake.
    pub fn assert_sound(&self) {
        let mut committed: BTreeMap<(ItemId, LocationId), i64> = BTreeMap::new();
        for order in self.orders.values() {
            order.assert_sound();
            for line in &order.lines {
                for (location, quantity) in &line.committed {
                    *committed.entry((line.item, *location)).or_default() += quantity;
                }
            }
            let parts = order.fulfilments.iter().map(|part| part.id.0);
            let parts = parts.chain(order.fulfilment_orders.iter().map(|part| part.id.0));
            let parts = parts.chain(order.refunds.iter().map(|part| part.id.0));
            let parts = parts.chain(order.returns.iter().flat_map(|part| [part.id.0, part.reverse.0]));
            for part in parts {
                assert_eq!(self.owners.get(&part), Some(&order.id), "a part is found by its number");
            }
        }
        let mut reserved: BTreeMap<(ItemId, LocationId), i64> = BTreeMap::new();
        for (at, units) in self.drafts.values().flat_map(|draft| &draft.reserved) {
            *reserved.entry(*at).or_default() += units;
        }
        for (at, units) in reserved {
            assert!(self.levels[&at].in_state(InventoryState::Reserved) >= units, "level {at:?} holds what drafts reserve there");
        }
        for (key, level) in &self.levels {
            assert_eq!(level.committed, committed.remove(key).unwrap_or(0), "level {key:?} holds what orders committed there");
        }
        assert!(committed.is_empty(), "committed where there is no level: {committed:?}");
        let mut found: Vec<_> = self.search.by_update().iter().map(|(_, order)| order).collect();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), self.search.by_update().len(), "a search finds an order once");
    }
}

impl Order {
    fn assert_sound(&self) {
        for line in &self.lines {
            let what = format!("order {} line {}", self.id, line.id);
            let shipped: i64 = self.shipments().flat_map(|f| &f.lines).filter(|(id, _)| *id == line.id).map(|(_, q)| q).sum();
            assert_eq!(shipped, line.fulfilled, "{what}: shipments and count agree");
            assert!(0 <= line.fulfilled && line.fulfilled <= line.current_quantity && line.current_quantity <= line.quantity);
            assert!(line.committed.values().all(|q| *q > 0), "{what}: no empty commitment is kept");
            self.assert_asked(line, &what);
            assert!(self.returnable(line) >= 0, "{what}: no unit is refunded and returned, or twice");
            assert!((0..=line.fulfilled).contains(&self.returned(line.id)), "{what}: what came back had left");
            for ret in &self.returns {
                self.put_back(ret.id, line.id).expect("a return is refused before it says what cannot be");
                let settled = ret.disposed(line.id).max(self.refunded_of(ret.id, line.id));
                assert!(settled <= ret.quantity(line.id), "{what}: a return settles what it asked for");
                assert!(settled == 0 || ret.status.is_live(), "{what}: a return that was turned down settles nothing");
            }
        }
        for asked in &self.fulfilment_orders {
            asked.assert_sound();
            assert!(self.cancelled_at.is_none() || !asked.status.is_active(), "nothing is asked for a cancelled order");
        }
    }

    /// Checks that the open units are in active fulfilment orders, and that a line which takes inventory has them committed at
    /// the same locations.
    fn assert_asked(&self, line: &OrderLine, what: &str) {
        let mut asked = Shares::new();
        for order in &self.fulfilment_orders {
            let remaining = order.remaining(line.id);
            if remaining > 0 {
                *asked.entry(order.location).or_default() += remaining;
            }
        }
        assert_eq!(asked.values().sum::<i64>(), line.unfulfilled(), "{what}: every open unit is asked of a location");
        let committed = if self.takes_stock(line) { asked } else { Shares::new() };
        assert_eq!(line.committed, committed, "{what}: committed where it is asked for");
    }
}

impl FulfilmentOrder {
    fn assert_sound(&self) {
        assert!(self.lines.iter().all(|asked| 0 <= asked.remaining && asked.remaining <= asked.total));
        let remains = self.lines.iter().any(|asked| asked.remaining > 0);
        assert_eq!(remains, self.status.is_active(), "fulfilment order {}: active while something remains", self.id);
        let lines: Vec<LineId> = self.lines.iter().map(|asked| asked.line).collect();
        assert!(lines.is_sorted_by(|one, next| one < next), "each line once, in the order of pages");
    }
}
