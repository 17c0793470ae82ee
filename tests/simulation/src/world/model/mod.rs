//! The reference model: the state that a world at rest must have. It is computed from the orders of the shop and the list of
//! stock events, without shipped code.

mod lines;
mod plans;
mod stock;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use lines::{Departed, ExpectedLine, Units, code_of};
use plans::is_late;
use promissory::alert::{AlertState, AlertSubject};
use promissory::catalog::{Item, LineId, LocationId, OrderId, Place, Quantity, Sku, TimeZone};
use promissory::movement::{Balance, PositionKey};
use promissory::ports::Clock;
use promissory::storefront::{Level, LevelBlock, PushState};
use promissory::table::RowKind;
use promissory_fakes::shopify::{Financial, ItemId, LocationId as ShopLocation, Order, OrderLine};

use super::World;
use super::actors::UNMAPPED;
use super::build::{SILENT, number, zone};
use super::shop_invariants::moved_by_shop;
use super::stock_events::SourceEvent;
use super::workshop::{KIT, KIT_OF};
use crate::check::Checker;

impl World {
    /// All differences between the expected and the actual state.
    pub(super) fn differences(&self) -> Vec<String> {
        let mut differences = self.not_as_computed();
        self.ports.shop().expire_drafts(self.clock.now());
        let table = self.store.table();
        let checker = &table.checker;
        differences.extend(self.ports.shop().orders().filter_map(|order| self.order_difference(order, checker)));
        let applied = self.applied(checker);
        self.note_superseded(&applied);
        for (item, id) in &self.items {
            self.item_differences((item, Some(*id)), &applied, checker, &mut differences);
        }
        for sku in &self.unsold {
            self.item_differences((&Item::new(sku.clone()), None), &applied, checker, &mut differences);
        }
        self.plan_differences(&applied, &table, &mut differences);
        self.kit_differences(checker, &mut differences);
        self.source_differences(checker, &mut differences);
        self.alert_differences(checker, &mut differences);
        self.reading_differences(checker, &mut differences);
        if table.of_kind(RowKind::OrderToRead).next().is_some() {
            differences.push("a request to read an order is left".to_owned());
        }
        if table.of_kind(RowKind::Deferred).next().is_some() {
            differences.push("a deferred event is left in a lane".to_owned());
        }
        if checker.intent.as_ref().is_some_and(|intent| intent.state == PushState::Open) {
            differences.push("a push intent is open".to_owned());
        }
        differences.extend(checker.levels.values().filter(|level| level.is_due()).map(|level| format!("due: {level:?}")));
        differences
    }

    /// The difference between an order in the ledger and the same order in the shop.
    pub(super) fn order_difference(&self, order: &Order, checker: &Checker) -> Option<String> {
        order.lines.iter().find_map(|line| {
            let key = (OrderId::new(number(order.id.0)), LineId::new(number(line.id.0)));
            let held = checker.held.get(&key).cloned().unwrap_or_default();
            let shipped = held.shipped.iter().filter(|(_, units)| !units.is_zero());
            let by_code = |units: &BTreeMap<Place, Quantity>| -> Units {
                let placed = units.iter().filter(|(_, units)| !units.is_zero());
                placed.filter_map(|(place, units)| Some((code_of(place)?.clone(), units.units()))).collect()
            };
            let found = ExpectedLine {
                open: held.reserved.values().copied().sum::<Quantity>().units(),
                shipped: shipped.map(|(id, units)| (id.number(), units.units())).collect(),
                returned: by_code(&held.returned),
                restocked: held.restocked.units(),
                withheld: held.withheld.units(),
                ahead: by_code(&held.ahead),
                misattributed: by_code(&held.misattributed),
                withheld_shipped: by_code(&held.withheld_shipped),
            };
            let expected =
                if self.counts_here(order, line) { self.of_line(order, line, checker) } else { ExpectedLine::default() };
            let of = format!("order {} line {} of {}", order.id, line.id, line.sku);
            let kits = self.completed_kits(order, line, checker).filter(|_| self.counts_here(order, line));
            let wrong = kits.and_then(|kits| kits.into_iter().find(|(_, expected, found)| expected != found));
            if let Some((kind, expected, found)) = wrong {
                return Some(format!("{of}: components of {expected} kits are {kind:?}, and {found} kits are reported"));
            }
            (found != expected).then(|| format!("{of}: the ledger has {found:?}, expected is {expected:?}"))
        })
    }

    /// Whether Promissory keeps stock for a line.
    fn counts_here(&self, order: &Order, line: &OrderLine) -> bool {
        !order.test && line.tracked && self.sku_of(line.item).is_some()
    }

    /// The differences of one item: its balances, its reservations, its promise and its levels.
    fn item_differences(
        &self,
        (item, id): (&Item, Option<ItemId>),
        applied: &[&SourceEvent],
        checker: &Checker,
        differences: &mut Vec<String>,
    ) {
        let shop = self.ports.shop();
        let moved = moved_by_shop(&shop);
        let open = || shop.orders().flat_map(|order| order.lines.iter().map(move |line| (order, line)));
        let lines: Vec<LineOfItem> = open()
            .filter(|(order, line)| Some(line.item) == id && self.counts_here(order, line))
            .map(|(order, line)| LineOfItem { of: self.of_line(order, line, checker), left: self.left(order, line, checker).1 })
            .collect();
        let (mut promised, mut reserved, mut promised_elsewhere) = (0, 0, 0);
        // Units on hand at all places, and the least and the most that may be there.
        let mut there = (0, 0, 0);
        for (code, location) in self.places() {
            let sum = |units: fn(&LineOfItem) -> &Units| -> i64 { lines.iter().filter_map(|line| units(line).get(code)).sum() };
            let (received, documents) = Self::received(applied, &item.sku, code);
            let moved = id.and_then(|id| moved.get(&(id, location?))).copied().unwrap_or_default();
            let of = PositionKey::new(item.sku.clone(), Place::At(code.clone()));
            let (_, balance) = checker.positions.get(&of).copied().unwrap_or_default();
            reserved += balance.reserved.units();
            let units = Quantity::new;
            // Kits are put together when they leave, and taken apart when their components come back.
            let together = checker.put_together.get(&of).map_or(0, |kits| kits.units());
            let expected = Balance {
                on_hand: units(received - sum(|line| &line.left.left) + sum(|line| &line.of.returned) + together),
                held: units(documents.held + moved.not_restocked - sum(|line| &line.left.withheld_shipped)),
                moved_by_shop: units(moved.total()),
                shipped_ahead: units(sum(|line| &line.left.ahead)),
                in_transit: units(documents.in_transit),
                pos_pending: units(documents.pos_pending),
                allocated: units(documents.allocated),
                wholesale: units(documents.wholesale),
                reserved: balance.reserved,
            };
            if balance != expected {
                let here = applied
                    .iter()
                    .filter(|event| event.sku == item.sku && (event.at == *code || event.to.as_ref() == Some(code)));
                let here: Vec<String> = here.map(ToString::to_string).collect();
                differences.push(format!("{of} has {balance}, expected is {expected} from the events {here:?}"));
            }
            let expired = checker.expired(&of, self.day_at(code));
            let off = [expected.held, expired, expected.pos_pending, expected.allocated, expected.wholesale];
            let sellable = expected.on_hand.units() - off.into_iter().map(Quantity::units).sum::<i64>();
            let sellable = sellable + self.producible(&item.sku, code, checker) - self.kept_for_kits(&item.sku, code, checker);
            let (brought, taken) = Self::brought_and_taken(applied, &item.sku, code);
            there.0 += expected.on_hand.units();
            there.1 -= taken;
            there.2 += brought + sum(|line| &line.of.returned);
            let sellable = sellable - item.buffer.unwrap_or_default().units().min(sellable.max(0));
            // Units in a factory are not for sale.
            promised += if location.is_some() { sellable } else { 0 };
            let shows = !self.is_production(code) || item.planning.promise_days.is_some();
            if let (Some(id), Some(location)) = (id, location.filter(|_| shows)) {
                let level = checker.levels.get(&(item.sku.clone(), code.clone()));
                let unclaimed = level.map_or(0, |level| level.unclaimed.units());
                promised_elsewhere += unclaimed;
                let supply = sellable + expected.shipped_ahead.units() - unclaimed;
                let differs = || self.level_difference(level, supply, (id, location), &shop);
                differences.extend(if self.is_silent(item, code) { level.and_then(pushed) } else { differs() });
            }
        }
        // An order puts together no more kits than leave, and none leaves that was not there or put together. A warehouse may say
        // later that a kit came back at another place, when it has left from the first one and from the other one already.
        there.1 -= checker.returns_moved.get(&item.sku).map_or(0, |units| units.units());
        if item.sku.as_str() == KIT && !(there.1..=there.2).contains(&there.0) {
            differences.push(format!("{} of KIT are on hand, expected are {} to {}", there.0, there.1, there.2));
        }
        // A draft reserves at no location, and its order reserves by itself.
        let drafted = id.map_or(0, |id| {
            shop.drafts().flat_map(|draft| &draft.reserved).filter(|((of, _), _)| *of == id).map(|(_, units)| units).sum()
        });
        let open: i64 = lines.iter().map(|line| line.of.open).sum::<i64>() + drafted;
        let unassigned = PositionKey::new(item.sku.clone(), Place::Unassigned);
        let (_, balance) = checker.positions.get(&unassigned).copied().unwrap_or_default();
        reserved += balance.reserved.units();
        if (Balance { reserved: Quantity::ZERO, ..balance }) != Balance::default() || reserved != open {
            differences.push(format!("{}: {reserved} reserved, {open} open, {balance:?} at no location", item.sku));
        }
        // What the ledger reserves and the shop does not commit is taken off the levels, at whatever location.
        let committed: i64 = shop.levels().filter(|(item, ..)| Some(*item) == id).map(|(.., level)| level.committed).sum();
        if id.is_some() && item.sku.as_str() != SILENT && promised_elsewhere != (reserved - drafted - committed).max(0) {
            differences.push(format!(
                "{}: {reserved} reserved, {committed} committed by the shop, {promised_elsewhere} subtracted",
                item.sku
            ));
        }
        let actual = checker.promises.get(&item.sku).map(|promise| promise.available.units());
        if actual != Some(promised - open) {
            differences.push(format!("{}: the promise has {actual:?} available, expected is {}", item.sku, promised - open));
        }
        differences.extend(low_stock_difference(item, promised - open, checker));
        let expired = checker.alerts.get(&AlertSubject::ExpiredLot { sku: item.sku.clone() });
        let raised = expired.is_some_and(|alert| alert.state == AlertState::Raised);
        if raised != self.has_expired_lots(&item.sku, checker) {
            differences.push(format!("{}: the alert about expired lots is raised: {raised}", item.sku));
        }
    }

    /// Units of an item that its promise keeps for kits at a location.
    fn kept_for_kits(&self, sku: &Sku, code: &LocationId, checker: &Checker) -> i64 {
        let at = checker.promises.get(sku).and_then(|promise| promise.places.get(&Place::At(code.clone())));
        at.map_or(0, |at| at.kept_for_kits.units())
    }

    /// The differences of what is kept for kits: at least the components of the kits that orders wait for, and at most also those
    /// of all kits that were put together. A returned kit whose components came back, but which has left again, was put together
    /// once more, without a movement.
    fn kit_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let Some(kit) = self.items.iter().map(|(item, _)| &item.sku).find(|sku| sku.as_str() == KIT) else { return };
        let there = |of: &PositionKey| {
            code_of(&of.place).is_none_or(|code| self.codes.iter().any(|(known, _)| known == code) || self.is_production(code))
        };
        let of_kit = || checker.positions.iter().filter(|(of, _)| of.sku == *kit && there(of));
        let waited_for = (-of_kit().map(|(_, (_, balance))| balance.available().units()).sum::<i64>()).max(0);
        let lines = || checker.orders.values().flat_map(|record| record.lines.values());
        let taken_apart: i64 = lines().flat_map(|line| line.taken_apart.values()).map(|kits| kits.units()).sum();
        let together = checker.kits_made.units() + taken_apart;
        for (name, per) in KIT_OF {
            let sku = super::workshop::sku(name);
            let kept: i64 = self.codes.iter().map(|(code, _)| self.kept_for_kits(&sku, code, checker)).sum();
            let bounds = (waited_for * per)..=((waited_for + together) * per);
            if kept > 0 {
                self.coverage.note("component kept for a kit");
            }
            if !bounds.contains(&kept) {
                differences.push(format!("{kept} of {name} are kept for kits, expected are {bounds:?}"));
            }
        }
    }

    fn is_open_and_paid(&self, order: OrderId, checker: &Checker) -> bool {
        let shop = self.ports.shop();
        let found = shop.orders().find(|found| number(found.id.0) == order.number());
        let is_open = |found: &Order| {
            found.lines.iter().any(|line| self.counts_here(found, line) && self.of_line(found, line, checker).open > 0)
        };
        found.is_some_and(|found| found.financial != Financial::Pending && is_open(found))
    }

    fn is_unallocated_and_paid(&self, order: OrderId, checker: &Checker) -> bool {
        let shop = self.ports.shop();
        let found = shop.orders().find(|found| number(found.id.0) == order.number());
        found.is_some_and(|found| found.financial != Financial::Pending && self.is_unallocated(found, checker))
    }

    /// Orders that the reconciler has not read, or whose last version it has not forwarded.
    fn reading_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let forwarded = self.ports.forwarded();
        for order in self.ports.shop().orders().filter(|order| !order.test) {
            let Some(record) = checker.orders.get(&OrderId::new(number(order.id.0))) else { continue };
            if record.unread {
                differences.push(format!("order {} is not read yet", order.id));
            }
            let is_ours = order.lines.iter().any(|line| self.counts_here(order, line));
            let name = format!("{}/{}@{}-", record.shop, record.order, order.updated_at);
            let is_known = forwarded.range(name.clone()..).next().is_some_and(|(found, _)| found.starts_with(&name));
            let expected = is_ours && (order.cancelled_at.is_none() || record.forwarded.is_some());
            if expected != is_known {
                differences.push(format!("order {} as of {} is wrong; forwarded: {is_known}", order.id, order.updated_at));
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
            format!("{sku}@{location}: the expected supply is {supply}, the level has {}, the shop shows {shown:?}", level.supply)
        })
    }

    /// Checks that each condition for an alert has one, that no other alert is raised, and that the bus has published its
    /// state.
    fn alert_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let unmapped_sold = self.ports.shop().orders().any(|order| order.lines.iter().any(|line| line.sku == UNMAPPED));
        let mut unmapped_alerted = false;
        let mut blocked: BTreeSet<(&str, String, String)> = BTreeSet::new();
        // A missing mapping may also concern a unit of the item, or an amount that does not fit its unit.
        let waits = |missing: &str| {
            let same = |waits: &str| waits.strip_prefix(missing).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'));
            checker.waiting.values().any(|(waits, _)| same(waits))
        };
        for (subject, alert) in checker.alerts.iter().filter(|(_, alert)| alert.state == AlertState::Raised) {
            let wanted = match subject {
                AlertSubject::LowStock { .. } => true, // With its item.
                AlertSubject::UnmappedSku { shop_sku, .. } => {
                    unmapped_alerted = true;
                    unmapped_sold && shop_sku == UNMAPPED
                }
                AlertSubject::ContentMismatch { event } => {
                    let of_shop = || self.mismatched.iter().any(|webhook| event.ends_with(webhook));
                    self.sources.two_contents.contains(event) || of_shop()
                }
                AlertSubject::LevelRefused { sku, location, .. }
                | AlertSubject::StockNeverReported { sku, location, .. }
                | AlertSubject::ParkedChange { sku, location, .. }
                | AlertSubject::LevelDeactivated { sku, location, .. } => {
                    blocked.insert((subject.rule(), sku.to_string(), location.to_string()));
                    true
                }
                // Raised only for a paid order with unallocated reserved units.
                AlertSubject::Unallocated { order, .. } => self.is_unallocated_and_paid(*order, checker),
                AlertSubject::PaidLate { order, .. } => {
                    self.is_open_and_paid(*order, checker)
                        && checker.orders.get(order).is_some_and(|record| record.expiry.is_some())
                }
                AlertSubject::UnreadableWebhook { .. } => self.malformed,
                // Raised when an order could not be read. Only a person closes it.
                AlertSubject::UnreadableOrder { .. } => self.config.ports.garbled > 0 || self.config.store.has_faulty_rows(),
                AlertSubject::LatePromise { sku } => is_late(sku, checker),
                // Compared with the lots of the item.
                AlertSubject::ExpiredLot { .. } => true,
                AlertSubject::UnmappedItem { system, code } => waits(&format!("item#{code}#{system}")),
                AlertSubject::UnmappedFacility { system, code } => waits(&format!("location#{code}#{system}")),
                // A function may be killed between the alert and the answer.
                AlertSubject::RefusedEvent { system } => {
                    self.sources.refused.1.contains(system.as_str()) || self.config.store.has_faulty_rows()
                }
                AlertSubject::UnmappedLocation { .. }
                | AlertSubject::UnmappedVariant { .. }
                | AlertSubject::LocationClosed { .. }
                | AlertSubject::PlanTooLarge { .. }
                | AlertSubject::ShopNotLive { .. }
                | AlertSubject::AppRemoved { .. }
                | AlertSubject::ShopUnreachable { .. }
                | AlertSubject::MetafieldRefused { .. }
                | AlertSubject::FaultyRow { .. }
                | AlertSubject::UnwritableRow { .. }
                | AlertSubject::SourceStale { .. } => false,
            };
            if !wanted {
                differences.push(format!("the alert {subject} is raised without a reason: {}", alert.detail));
            }
        }
        if unmapped_sold != unmapped_alerted {
            differences.push("the alert about an unmapped item of the shop does not match the orders".to_owned());
        }
        self.missing_alert_differences(checker, differences);
        let rule = |level: &Level| match level.blocked.as_ref()? {
            LevelBlock::NeverReported => Some("stock_never_reported"),
            LevelBlock::Refused { .. } => Some("level_refused"),
            LevelBlock::Parked { .. } => Some("parked_change"),
            LevelBlock::Deactivated => Some("level_deactivated"),
        };
        let levels = checker.levels.values();
        let expected: BTreeSet<_> =
            levels.filter_map(|level| Some((rule(level)?, level.sku.to_string(), level.location.to_string()))).collect();
        if blocked != expected {
            differences.push(format!("the alerts of blocked levels are {blocked:?}, expected are {expected:?}"));
        }
        let bus = self.ports.bus();
        // A refresh of all items publishes no alert whose record is lost.
        let published = checker.alerts.values().filter(|alert| !self.given_up.unpublished.contains(&alert.subject));
        if let Some(alert) = published.into_iter().find(|alert| bus.get(&alert.subject) != Some(alert)) {
            differences.push(format!("the bus did not publish that the alert {} is {:?}", alert.subject, alert.state));
        }
    }
}

impl World {
    /// The time zones of the places; a place without one has that of the plant.
    fn zones(&self) -> [(&str, TimeZone); 3] {
        let plant = zone(self.config.time_zones[2]).filter(|_| self.workshop.is_some()).unwrap_or_default();
        let [wh, third_party, _] = self.config.time_zones.map(|name| zone(name).unwrap_or_else(|| plant.clone()));
        [("WH", wh), ("3PL", third_party), ("", plant)]
    }

    /// The day at a place now.
    pub(super) fn day_at(&self, code: &LocationId) -> Date {
        let zones = self.zones();
        let own = zones.iter().find(|(name, _)| *name == code.as_str()).unwrap_or(&zones[2]);
        own.1.day_of(self.clock.now())
    }

    /// The day at the plant now.
    pub(super) fn day_at_plant(&self) -> Date {
        self.zones()[2].1.day_of(self.clock.now())
    }

    /// Whether a day has begun at any place since a moment.
    pub(super) fn has_new_day(&self, since: Timestamp) -> bool {
        self.zones().iter().any(|(_, zone)| zone.day_of(since) != zone.day_of(self.clock.now()))
    }

    /// Whether units of expired lots are on hand at any place.
    fn has_expired_lots(&self, sku: &Sku, checker: &Checker) -> bool {
        let places = checker.positions.keys().filter(|of| of.sku == *sku);
        places
            .filter_map(|of| Some((of, code_of(&of.place)?)))
            .any(|(of, code)| !checker.expired(of, self.day_at(code)).is_zero())
    }

    /// Whether no system reports the stock of an item at a location. What a production location can make is computed.
    fn is_silent(&self, item: &Item, code: &LocationId) -> bool {
        item.sku.as_str() == SILENT && !self.is_production(code)
    }
}

/// The level of an item whose stock was never reported is left alone.
fn pushed(level: &Level) -> Option<String> {
    let is_left_alone = level.acknowledged.is_none() && level.blocked == Some(LevelBlock::NeverReported);
    (!is_left_alone).then(|| format!("{}@{} was never reported, and was pushed: {level:?}", level.sku, level.location))
}

fn low_stock_difference(item: &Item, available: i64, checker: &Checker) -> Option<String> {
    let low_at = item.low_at?.units();
    let alert = checker.alerts.get(&AlertSubject::LowStock { sku: item.sku.clone() });
    let raised = alert.is_some_and(|alert| alert.state == AlertState::Raised);
    let wrong = (available <= low_at && !raised) || (available > low_at + (low_at / 10).max(1) - 1 && raised);
    wrong.then(|| format!("{}: {available} are available, and the low-stock alert at {low_at} is raised: {raised}", item.sku))
}

/// A line of an order with the expected item.
struct LineOfItem {
    of: ExpectedLine,
    left: Departed,
}
