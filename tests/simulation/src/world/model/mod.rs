//! What must be so once everything is at rest, worked out anew from the shop's own orders and the list of stock events:
//! no line of the system's code has a part in it.

mod lines;
mod makes;
mod stock;

use std::collections::{BTreeMap, BTreeSet};

use lines::{Left, OfLine, Units, code_of};
use makes::is_late;
use promissory::alert::{AlertState, AlertSubject};
use promissory::catalog::{Item, LineId, OrderId, Place, Quantity};
use promissory::movement::{Balance, PositionKey};
use promissory::storefront::{Level, PushState};
use promissory::table::RowKind;
use promissory_fakes::shopify::{Financial, ItemId, LocationId as ShopLocation, Order, OrderLine};

use super::World;
use super::bookkeeping::moved_by_shop;
use super::build::number;
use super::people::UNMAPPED;
use super::said::Said;
use crate::check::Checker;

impl World {
    /// What is not as it should be.
    pub(super) fn differences(&self) -> Vec<String> {
        let mut differences = self.not_as_computed();
        let table = self.store.table();
        let checker = &table.checker;
        differences.extend(self.line.shop().orders().filter_map(|order| self.order_difference(order, checker)));
        let applied = self.applied(checker);
        self.note_superseded(&applied);
        for (item, id) in &self.items {
            self.item_differences((item, Some(*id)), &applied, checker, &mut differences);
        }
        for sku in &self.unsold {
            self.item_differences((&Item::new(sku.clone()), None), &applied, checker, &mut differences);
        }
        self.making_differences(&applied, &table, &mut differences);
        self.source_differences(checker, &mut differences);
        self.alert_differences(checker, &mut differences);
        self.reading_differences(checker, &mut differences);
        if table.of_kind(RowKind::OrderToRead).next().is_some() {
            differences.push("something that was pointed at is not read".to_owned());
        }
        if table.of_kind(RowKind::Deferred).next().is_some() {
            differences.push("an event waits in a lane".to_owned());
        }
        if checker.intent.as_ref().is_some_and(|intent| intent.state == PushState::Open) {
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
            let by_code = |units: &BTreeMap<Place, Quantity>| -> Units {
                let placed = units.iter().filter(|(_, units)| !units.is_zero());
                placed.filter_map(|(place, units)| Some((code_of(place)?.clone(), units.units()))).collect()
            };
            let found = OfLine {
                open: held.reserved.values().copied().sum::<Quantity>().units(),
                shipped: shipped.map(|(id, units)| (id.number(), units.units())).collect(),
                returned: by_code(&held.returned),
                restocked: held.restocked.units(),
                withheld: held.withheld.units(),
                ahead: by_code(&held.ahead),
                strayed: by_code(&held.strayed),
                gone: by_code(&held.gone),
            };
            let said = if self.counts_here(order, line) { self.of_line(order, line, checker) } else { OfLine::default() };
            let of = format!("order {} line {} of {}", order.id, line.id, line.sku);
            (found != said).then(|| format!("{of}: the ledger holds {found:?}, the shop says {said:?}"))
        })
    }

    /// Whether a line is ours to keep stock for.
    fn counts_here(&self, order: &Order, line: &OrderLine) -> bool {
        order.confirmed && !order.test && line.tracked && self.sku_of(line.item).is_some()
    }

    /// What is sold, and what is not.
    fn item_differences(
        &self,
        (item, id): (&Item, Option<ItemId>),
        applied: &[&Said],
        checker: &Checker,
        differences: &mut Vec<String>,
    ) {
        let shop = self.line.shop();
        let moved = moved_by_shop(&shop);
        let open = || shop.orders().flat_map(|order| order.lines.iter().map(move |line| (order, line)));
        let lines: Vec<OfItem> = open()
            .filter(|(order, line)| Some(line.item) == id && self.counts_here(order, line))
            .map(|(order, line)| OfItem { of: self.of_line(order, line, checker), left: self.left(order, line, checker).1 })
            .collect();
        let (mut promised, mut reserved) = (0, 0);
        for (code, location) in self.places() {
            let sum = |units: fn(&OfItem) -> &Units| -> i64 { lines.iter().filter_map(|line| units(line).get(code)).sum() };
            let (received, documents) = Self::received(applied, &item.sku, code);
            let moved = id.and_then(|id| moved.get(&(id, location?))).copied().unwrap_or_default();
            let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
            let (_, balance) = checker.positions.get(&of).copied().unwrap_or_default();
            reserved += balance.reserved.units();
            let units = Quantity::new;
            let expected = Balance {
                on_hand: units(received - sum(|line| &line.left.left) + sum(|line| &line.of.returned)),
                held: units(documents.held + moved.gone - sum(|line| &line.left.gone)),
                moved_by_shop: units(moved.total()),
                ahead: units(sum(|line| &line.left.ahead)),
                in_transit: units(documents.in_transit),
                pos_pending: units(documents.pos_pending),
                allocated: units(documents.allocated),
                wholesale: units(documents.wholesale),
                reserved: balance.reserved,
            };
            if balance != expected {
                let here =
                    applied.iter().filter(|said| said.sku == item.sku && (said.at == *code || said.to.as_ref() == Some(code)));
                let here: Vec<String> = here.map(ToString::to_string).collect();
                differences.push(format!("{of} is {balance} and should be {expected}, by {here:?}"));
            }
            let off = [expected.held, expected.pos_pending, expected.allocated, expected.wholesale];
            let sellable = expected.on_hand.units() - off.into_iter().map(Quantity::units).sum::<i64>();
            let sellable = sellable + self.producible(&item.sku, code, checker);
            let sellable = sellable - item.buffer.unwrap_or_default().units().min(sellable.max(0));
            // What lies in a factory is not sold from there.
            promised += if location.is_some() { sellable } else { 0 };
            let shows = !self.is_production(code) || item.planning.promise_days.is_some();
            if let (Some(id), Some(location)) = (id, location.filter(|_| shows)) {
                let level = checker.levels.get(&(item.sku.clone(), code.clone()));
                let supply = sellable + expected.ahead.units();
                differences.extend(self.level_difference(level, supply, (id, location), &shop));
            }
        }
        let open: i64 = lines.iter().map(|line| line.of.open).sum();
        let unassigned = PositionKey::new(item.sku.clone(), Place::Unassigned);
        let (_, balance) = checker.positions.get(&unassigned).copied().unwrap_or_default();
        reserved += balance.reserved.units();
        if (Balance { reserved: Quantity::ZERO, ..balance }) != Balance::default() || reserved != open {
            differences.push(format!("{}: {reserved} reserved where {open} are open, {balance:?} unassigned", item.sku));
        }
        let said = checker.promises.get(&item.sku).map(|promise| promise.available.units());
        // No comparison recomputes what no shop sells: once the stream gave up on it, it is as it was until it moves again.
        let forgotten = id.is_none() && self.given_up;
        if said != Some(promised - open) && !forgotten {
            differences.push(format!("{}: {said:?} promised where {} can be", item.sku, promised - open));
        }
        differences.extend(low_stock_difference(item, promised - open, checker));
    }

    fn is_open_and_paid(&self, order: OrderId, checker: &Checker) -> bool {
        let shop = self.line.shop();
        let found = shop.orders().find(|found| number(found.id.0) == order.number());
        let is_open = |found: &Order| {
            found.lines.iter().any(|line| self.counts_here(found, line) && self.of_line(found, line, checker).open > 0)
        };
        found.is_some_and(|found| found.financial != Financial::Pending && is_open(found))
    }

    fn is_unallocated_and_paid(&self, order: OrderId, checker: &Checker) -> bool {
        let shop = self.line.shop();
        let found = shop.orders().find(|found| number(found.id.0) == order.number());
        found.is_some_and(|found| found.financial != Financial::Pending && self.is_unallocated(found, checker))
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

    fn level_difference(
        &self,
        level: Option<&Level>,
        supply: i64,
        pair: (ItemId, ShopLocation),
        shop: &promissory_fakes::shopify::Shop,
    ) -> Option<String> {
        let Some(level) = level else { return Some(format!("{pair:?} has no level")) };
        let shown = shop.level(pair.0, pair.1).map(promissory_fakes::shopify::Level::on_hand);
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
        // Also for a unit of it, or because it does not fit.
        let waits = |missing: &str| {
            let same = |waits: &str| waits.strip_prefix(missing).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'));
            checker.waiting.values().any(|(waits, _)| same(waits))
        };
        for (subject, alert) in checker.alerts.iter().filter(|(_, alert)| alert.state == AlertState::Raised) {
            let wanted = match subject {
                AlertSubject::LowStock { .. } => true, // With its item.
                AlertSubject::UnmappedSku { shop_sku, .. } => {
                    unmapped_told = true;
                    unmapped_sold && shop_sku == UNMAPPED
                }
                AlertSubject::ContentMismatch { event } => {
                    let of_shop = || self.mismatched.iter().any(|webhook| event.ends_with(webhook));
                    self.sources.two_contents.contains(event) || of_shop()
                }
                AlertSubject::PushRefused { sku, location, .. } => {
                    refused.insert((sku.to_string(), location.clone()));
                    true
                }
                // Only of a paid order that something is reserved for; and only once its hold had been given up.
                AlertSubject::Unallocated { order, .. } => self.is_unallocated_and_paid(*order, checker),
                AlertSubject::PaidLate { order, .. } => {
                    self.is_open_and_paid(*order, checker)
                        && checker.orders.get(order).is_some_and(|record| record.expiry.is_some())
                }
                AlertSubject::UnreadableWebhook { .. } => self.malformed,
                // Raised by whoever read it when it made no sense; a person closes it.
                AlertSubject::UnreadableOrder { .. } => self.climate.line.garbled > 0,
                AlertSubject::LatePromise { sku } => is_late(sku, checker),
                AlertSubject::UnmappedItem { system, code } => waits(&format!("item#{code}#{system}")),
                AlertSubject::UnmappedFacility { system, code } => waits(&format!("location#{code}#{system}")),
                AlertSubject::RefusedEvent { system } => self.sources.refused.1.contains(system.as_str()),
                AlertSubject::UnmappedLocation { .. }
                | AlertSubject::LocationClosed { .. }
                | AlertSubject::PlanTooLarge { .. }
                | AlertSubject::AppRemoved { .. }
                | AlertSubject::SourceStale { .. } => false,
            };
            if !wanted {
                differences.push(format!("{subject} is raised for nothing: {}", alert.detail));
            }
        }
        if unmapped_sold != unmapped_told {
            differences.push("what the shop sells and nobody mapped is not told".to_owned());
        }
        self.untold_differences(checker, differences);
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
    let alert = checker.alerts.get(&AlertSubject::LowStock { sku: item.sku.clone() });
    let raised = alert.is_some_and(|alert| alert.state == AlertState::Raised);
    let wrong = (available <= low_at && !raised) || (available > low_at + (low_at / 10).max(1) - 1 && raised);
    wrong.then(|| format!("{}: {available} can be promised, and the alert at {low_at} is raised: {raised}", item.sku))
}

/// A line of an order of an item.
struct OfItem {
    of: OfLine,
    left: Left,
}
