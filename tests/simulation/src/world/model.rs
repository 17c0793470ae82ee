//! What must be so once everything is at rest, worked out anew from the shop's own orders and the list of stock events:
//! no line of the system's code has a part in it.

use std::collections::{BTreeMap, BTreeSet};

use promissory::alert::{State, Subject};
use promissory::catalog::{Item, LineId, LocationId, OrderId, Place, Quantity};
use promissory::ledger::{Balance, PositionKey};
use promissory::source::StockKind;
use promissory::storefront::{IntentState, Level};
use promissory_local::shopify::{ItemId, LocationId as ShopLocation, Order, OrderLine};

use super::World;
use super::bookkeeping::shipped;
use super::build::number;
use super::people::UNMAPPED;
use crate::check::Checker;

impl World {
    /// What is not as it should be.
    pub(super) fn differences(&self) -> Vec<String> {
        let table = self.store.table();
        let checker = &table.checker;
        let mut differences: Vec<String> =
            self.line.shop().orders().filter_map(|order| self.order_difference(order, checker)).collect();
        for (item, id) in &self.items {
            self.item_differences(item, *id, checker, &mut differences);
        }
        self.alert_differences(checker, &mut differences);
        if table.family("LANE#").next().is_some() {
            differences.push("an event waits in a lane".to_owned());
        }
        if checker.intent.as_ref().is_some_and(|intent| intent.state == IntentState::Open) {
            differences.push("an intent is open".to_owned());
        }
        differences.extend(checker.levels.values().filter(|level| level.is_due()).map(|level| format!("{level:?} is due")));
        differences
    }

    /// Whether the ledger holds of an order what the shop says of it.
    pub(super) fn order_difference(&self, order: &Order, checker: &Checker) -> Option<String> {
        order.lines.iter().find_map(|line| {
            let key = (OrderId::new(number(order.id.0)), LineId::new(number(line.id.0)));
            let held = checker.held.get(&key).cloned().unwrap_or_default();
            let reserved: Quantity = held.reserved.values().copied().sum();
            let shipped: BTreeMap<u64, i64> = held
                .shipped
                .iter()
                .filter(|(_, units)| !units.is_zero())
                .map(|(id, units)| (id.number(), units.units()))
                .collect();
            let (open, left) =
                if self.counts_here(order, line) { (open_units(order, line), left(order, line)) } else { (0, BTreeMap::new()) };
            (reserved.units() != open || shipped != left).then(|| {
                format!(
                    "order {} line {} of {}: {reserved} reserved where {open} are open, {shipped:?} shipped where {left:?} left",
                    order.id, line.id, line.sku
                )
            })
        })
    }

    /// Whether a line is ours to keep stock for.
    fn counts_here(&self, order: &Order, line: &OrderLine) -> bool {
        order.confirmed && line.tracked && self.sku_of(line.item).is_some()
    }

    fn item_differences(&self, item: &Item, id: ItemId, checker: &Checker, differences: &mut Vec<String>) {
        let shop = self.line.shop();
        let left = shipped(&shop);
        let (mut promised, mut reserved) = (0, 0);
        for (code, location) in &self.codes {
            let (received, held) = self.received(item, code);
            let left = left.get(&(id, *location)).copied().unwrap_or_default();
            let on_hand = received - left;
            let supply = on_hand - held - item.buffer.units().min((on_hand - held).max(0));
            promised += supply;
            let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
            let (_, balance) = checker.positions.get(&of).copied().unwrap_or_default();
            reserved += balance.reserved.units();
            let units = Quantity::new;
            let moved_by_shop = units(-left);
            let expected = Balance { on_hand: units(on_hand), held: units(held), moved_by_shop, reserved: balance.reserved };
            if balance != expected {
                differences.push(format!("{of} is {balance:?} and should be {expected:?}"));
            }
            let level = checker.levels.get(&(item.sku.clone(), code.clone()));
            differences.extend(self.level_difference(level, supply, (id, *location), &shop));
        }
        let open = shop.orders().flat_map(|order| order.lines.iter().map(move |line| (order, line)));
        let open: i64 = open
            .filter(|(order, line)| line.item == id && self.counts_here(order, line))
            .map(|(order, line)| open_units(order, line))
            .sum();
        let unassigned = PositionKey::new(item.sku.clone(), Place::Unassigned);
        let (_, balance) = checker.positions.get(&unassigned).copied().unwrap_or_default();
        reserved += balance.reserved.units();
        if (Balance { reserved: Quantity::ZERO, ..balance }) != Balance::default() || reserved != open {
            differences.push(format!("{}: {reserved} reserved where {open} are open, {balance:?} unassigned", item.sku));
        }
        let said = checker.promises.get(&item.sku).map(|promise| promise.available.units());
        if said != Some(promised - open) {
            differences.push(format!("{}: {said:?} promised where {} can be", item.sku, promised - open));
        }
        differences.extend(low_stock_difference(item, promised - open, checker));
    }

    /// What other systems say there is of an item at a location, and how much of it is held.
    fn received(&self, item: &Item, code: &LocationId) -> (i64, i64) {
        let here = self.stock.iter().filter(|event| event.sku == item.sku && event.location == *code);
        here.fold((0, 0), |(there, held), event| {
            let units = event.quantity.units();
            match event.kind {
                StockKind::Receipt | StockKind::Found => (there + units, held),
                StockKind::Lost => (there - units, held),
                StockKind::Hold => (there, held + units),
                StockKind::Unhold => (there, held - units),
            }
        })
    }

    fn level_difference(
        &self,
        level: Option<&Level>,
        supply: i64,
        pair: (ItemId, ShopLocation),
        shop: &promissory_local::shopify::Shop,
    ) -> Option<String> {
        let Some(level) = level else { return Some(format!("{pair:?} has no level")) };
        let shown = shop.level(pair.0, pair.1).map(promissory_local::shopify::Level::on_hand);
        (level.supply.units() != supply || shown != Some(supply)).then(|| {
            let (sku, location) = (&level.sku, &level.location);
            format!("{sku}@{location}: {supply} is the supply, we say {}, the shop shows {shown:?}", level.supply)
        })
    }

    /// One alert for everything a person must look at, and none for anything else; and people know of it.
    fn alert_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let unmapped_sold = self.line.shop().orders().any(|order| order.lines.iter().any(|line| line.sku == UNMAPPED));
        let mut unmapped_told = false;
        let mut refused: BTreeSet<(String, String)> = BTreeSet::new();
        for (subject, alert) in checker.alerts.iter().filter(|(_, alert)| alert.state == State::Raised) {
            let wanted = match subject {
                Subject::LowStock { .. } => true, // With its item.
                Subject::UnmappedSku { shop_sku, .. } => {
                    unmapped_told = true;
                    unmapped_sold && shop_sku == UNMAPPED
                }
                Subject::ContentMismatch { event } => self.mismatched.iter().any(|webhook| event.ends_with(webhook)),
                Subject::PushRefused { sku, location, .. } => {
                    refused.insert((sku.to_string(), location.clone()));
                    true
                }
                // Raised by whoever read it when it made no sense; a person closes it.
                Subject::UnreadableOrder { .. } => self.climate.line.garbled > 0,
                Subject::UnmappedLocation { .. } => false,
            };
            if !wanted {
                differences.push(format!("{subject} is raised for nothing: {}", alert.detail));
            }
        }
        if unmapped_sold != unmapped_told {
            differences.push("what the shop sells and nobody mapped is not told".to_owned());
        }
        let levels = checker.levels.values().filter(|level| level.refused.is_some());
        let expected: BTreeSet<_> = levels.map(|level| (level.sku.to_string(), level.location.to_string())).collect();
        if refused != expected {
            differences.push(format!("the alerts of refused levels are {refused:?} and should be {expected:?}"));
        }
        let bus = self.line.bus();
        let unknown = checker.alerts.values().find(|alert| bus.get(&alert.subject) != Some(alert));
        if let Some(alert) = unknown.filter(|_| !self.given_up) {
            differences.push(format!("people do not know that {} is {:?}", alert.subject, alert.state));
        }
    }
}

fn low_stock_difference(item: &Item, available: i64, checker: &Checker) -> Option<String> {
    let low_at = item.low_at?.units();
    let alert = checker.alerts.get(&Subject::LowStock { sku: item.sku.clone() });
    let raised = alert.is_some_and(|alert| alert.state == State::Raised);
    let wrong = (available <= low_at && !raised) || (available > low_at + (low_at / 10).max(1) - 1 && raised);
    wrong.then(|| format!("{}: {available} can be promised, and the alert at {low_at} is raised: {raised}", item.sku))
}

/// Units of a line that are still to be shipped.
fn open_units(order: &Order, line: &OrderLine) -> i64 {
    if order.cancelled_at.is_some() { 0 } else { line.unfulfilled() }
}

/// Units of a line that have left, by shipment.
fn left(order: &Order, line: &OrderLine) -> BTreeMap<u64, i64> {
    let of_line = order.fulfilments.iter().flat_map(|f| f.lines.iter().map(move |(id, units)| (f, id, units)));
    World::counts(of_line.filter(|(_, id, _)| **id == line.id).map(|(f, _, units)| (number(f.id.0), *units)))
}
