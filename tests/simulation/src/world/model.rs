//! What must be so once everything is at rest, worked out anew from the shop's own orders and the list of stock events:
//! no line of the system's code has a part in it.

use std::collections::{BTreeMap, BTreeSet};

use promissory::alert::{State, Subject};
use promissory::catalog::{Factor, Item, LineId, LocationId, OrderId, Place, Quantity};
use promissory::ledger::{Balance, PositionKey};
use promissory::source::StockKind;
use promissory::storefront::{IntentState, Level};
use promissory_local::shopify::{Financial, ItemId, LocationId as ShopLocation, Order, OrderLine};

use super::World;
use super::bookkeeping::{gone, moved_by_shop, returned, shipped};
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
        self.reading_differences(checker, &mut differences);
        if table.family("POINTER#").next().is_some() {
            differences.push("something that was pointed at is not read".to_owned());
        }
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
            let shipped = held.shipped.iter().filter(|(_, units)| !units.is_zero());
            let found = Said {
                open: held.reserved.values().copied().sum::<Quantity>().units(),
                shipped: shipped.map(|(id, units)| (id.number(), units.units())).collect(),
                returned: held.returned.units(),
                restocked: held.restocked.units(),
                withheld: held.withheld.units(),
            };
            let said = if self.counts_here(order, line) { Self::said(order, line, checker) } else { Said::default() };
            let of = format!("order {} line {} of {}", order.id, line.id, line.sku);
            (found != said).then(|| format!("{of}: the ledger holds {found:?}, the shop says {said:?}"))
        })
    }

    /// What the shop says of a line.
    fn said(order: &Order, line: &OrderLine, checker: &Checker) -> Said {
        let returned = returned(order, line).values().sum();
        Said {
            open: open_units(order, line, checker),
            shipped: World::counts(shipped(order, line).map(|(made, units)| (number(made.id.0), units))),
            returned,
            restocked: returned,
            withheld: gone(order, line),
        }
    }

    /// Whether a line is ours to keep stock for.
    fn counts_here(&self, order: &Order, line: &OrderLine) -> bool {
        order.confirmed && !order.test && line.tracked && self.sku_of(line.item).is_some()
    }

    fn item_differences(&self, item: &Item, id: ItemId, checker: &Checker, differences: &mut Vec<String>) {
        let shop = self.line.shop();
        let moved = moved_by_shop(&shop);
        let (mut promised, mut reserved) = (0, 0);
        for (code, location) in &self.codes {
            let (received, held) = self.received(item, code);
            let moved = moved.get(&(id, *location)).copied().unwrap_or_default();
            let on_hand = received - moved.shipped + moved.returned;
            let held = held + moved.gone;
            let supply = on_hand - held - item.buffer.unwrap_or_default().units().min((on_hand - held).max(0));
            promised += supply;
            let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
            let (_, balance) = checker.positions.get(&of).copied().unwrap_or_default();
            reserved += balance.reserved.units();
            let units = Quantity::new;
            let moved_by_shop = units(moved.total());
            let expected = Balance {
                on_hand: units(on_hand),
                held: units(held),
                moved_by_shop,
                reserved: balance.reserved,
                ..Balance::default()
            };
            if balance != expected {
                differences.push(format!("{of} is {balance:?} and should be {expected:?}"));
            }
            let level = checker.levels.get(&(item.sku.clone(), code.clone()));
            differences.extend(self.level_difference(level, supply, (id, *location), &shop));
        }
        let open = shop.orders().flat_map(|order| order.lines.iter().map(move |line| (order, line)));
        let open: i64 = open
            .filter(|(order, line)| line.item == id && self.counts_here(order, line))
            .map(|(order, line)| open_units(order, line, checker))
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

    fn is_open_and_paid(&self, order: OrderId, checker: &Checker) -> bool {
        let shop = self.line.shop();
        let found = shop.orders().find(|found| number(found.id.0) == order.number());
        let is_open = |found: &Order| found.lines.iter().any(|line| open_units(found, line, checker) > 0);
        found.is_some_and(|found| found.financial != Financial::Pending && is_open(found))
    }

    /// Orders that nobody read, or whose last version nobody forwarded.
    fn reading_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let forwarded = self.line.forwarded();
        for order in self.line.shop().orders().filter(|order| order.confirmed && !order.test) {
            let Some(record) = checker.orders.get(&OrderId::new(number(order.id.0))) else { continue };
            if record.unread {
                differences.push(format!("order {} waits to be read", order.id));
            }
            let is_ours = order.lines.iter().any(|line| self.counts_here(order, line));
            let name = format!("{}/{}@{}-", record.shop, record.order, order.updated_at);
            let is_known = forwarded.range(name.clone()..).next().is_some_and(|(found, _)| found.starts_with(&name));
            let expected = is_ours && (order.cancelled_at.is_none() || record.forwarded.is_some());
            if expected != is_known {
                differences.push(format!("order {} was forwarded as of {}: {is_known}", order.id, order.updated_at));
            }
        }
    }

    /// What other systems say there is of an item at a location, and how much of it is held.
    fn received(&self, item: &Item, code: &LocationId) -> (i64, i64) {
        let here = self.stock.iter().filter(|event| event.sku == item.sku.as_str() && event.location == code.as_str());
        let (there, held) = here.fold((0, 0), |(there, held), event| {
            let units = event.quantity.times(Factor::ONE).expect("whole units").units();
            let signs = [
                (StockKind::Receipt, 1, 0),
                (StockKind::Adjustment, 1, 0),
                (StockKind::WriteOff, -1, 0),
                (StockKind::QualityHold, 0, 1),
                (StockKind::QualityRelease, 0, -1),
            ];
            let (_, on_hand, off) = signs.into_iter().find(|(kind, ..)| *kind == event.kind).expect("a kind this world says");
            (there + on_hand * units, held + off * units)
        });
        (there, held.max(0))
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
                // Only of a paid order that something is reserved for; and only once its hold had been given up.
                Subject::Unallocated { order, .. } => self.is_open_and_paid(*order, checker),
                Subject::PaidLate { order, .. } => {
                    self.is_open_and_paid(*order, checker)
                        && checker.orders.get(order).is_some_and(|record| record.expiry.is_some())
                }
                Subject::UnreadableWebhook { .. } => self.malformed,
                // Raised by whoever read it when it made no sense; a person closes it.
                Subject::UnreadableOrder { .. } => self.climate.line.garbled > 0,
                Subject::UnmappedLocation { .. }
                | Subject::LocationClosed { .. }
                | Subject::AppRemoved { .. }
                | Subject::UnmappedItem { .. }
                | Subject::UnmappedFacility { .. }
                | Subject::RefusedEvent { .. }
                | Subject::SourceStale { .. } => false,
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

/// Units of a line that must be reserved: those still to be shipped, unless the hold was given up because nobody paid.
fn open_units(order: &Order, line: &OrderLine, checker: &Checker) -> i64 {
    let record = checker.orders.get(&OrderId::new(number(order.id.0)));
    let is_given_up = order.financial == Financial::Pending && record.is_some_and(|record| record.expiry.is_some());
    if order.cancelled_at.is_some() || is_given_up { 0 } else { line.unfulfilled() }
}

/// What is said of an order line, by the ledger or by the shop.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    open: i64,
    shipped: BTreeMap<u64, i64>,
    returned: i64,
    restocked: i64,
    withheld: i64,
}
