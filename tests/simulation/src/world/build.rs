//! Builds a world: the shop, the catalog, the mappings and the processes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use promissory::catalog::{
    InventoryItemId, Item, Location, LocationId, LocationKind, PlanningSettings, Quantity, ShopDomain, ShopItem, ShopListing,
    ShopLocationId, ShopSettings, Sku, SystemItem, TimeZone,
};
use promissory::ports::{Clock, Store};
use promissory::source::System;
use promissory::table::{Expect, Write};
use promissory_fakes::shopify::{ItemId, LocationId as ShopLocation, NewItem, NewLocation, Oversell, Shop, ShopConfig};
use serde_json::json;

use super::actors::{BULK, UNMAPPED};
use super::batches::{BUS_ACCOUNT, system_id};
use super::processes::{Parts, Processes};
use super::restore::Restore;
use super::sources::Sources;
use super::stock_events::{CASE, Mapping, SYSTEMS, item_code, location_code};
use super::workshop::{FINISHED_GOODS, KIT, ProductionSetup, Workshop, sku};
use super::{World, WorldConfig};
use crate::coverage::Coverage;
use crate::planted::{Directory, PlantedBug};
use crate::ports::Ports;
use crate::rng::Rng;
use crate::store::SimStore;
use crate::streams::SimStreams;
use crate::tasks::{SimClock, Task};

/// Units of each item at each location of the shop before it goes live. The ERP reports the same number as received.
pub const OPENING: i64 = 6;

/// Opening units of finished goods that are made to order.
pub const OPENING_FINISHED_GOODS: i64 = 1;

/// Items that the shop does not sell: one for stock counts, one for POS sales, and one that is kept by lot.
pub const RAW: &str = "RAW";
pub const SOLD_AT_POS: &str = "PACKED";
pub const LOTS: &str = "LOTS";

/// The item of the shop whose stock no system reports.
pub const SILENT: &str = "SILENT";

/// Units of that item that the shop has at each location.
const UNREPORTED: i64 = 500;

/// The item of the shop that is kept by lot in some worlds.
pub const SOLD_BY_LOT: &str = "S1";

impl World {
    /// A new world.
    pub fn new(seed: u64, config: WorldConfig, bug: Option<PlantedBug>) -> Self {
        let (rng, coverage) = (Rng::new(seed), Coverage::default());
        // Some worlds begin shortly before midnight, so that the day changes while work is in progress.
        let late = config.production_setup.is_some_and(|setup| setup.begins_late);
        let begins = if late { "2026-11-21T23:54:00Z" } else { "2026-11-21T12:00:00Z" };
        let clock = SimClock::new(begins.parse().expect("a timestamp"));
        let store = SimStore::new(rng.clone()).counting_in(coverage.clone());
        let (bucket_size, restore_rate) = if config.small_rate_limit { (2_000, 100) } else { (20_000, 1_000) };
        let mut shop = Shop::new(ShopConfig { bucket_size, restore_rate, seed, ..ShopConfig::default() });
        let domain: ShopDomain = shop.config().domain.parse().expect("the fake shop's domain is valid");
        let (codes, places) = locations(&mut shop, &domain, config);
        let mut rows: Vec<Write> = places.iter().map(|location| Write::put(location, Expect::Absent)).collect();
        // The shop is live before the world begins: no order of it is from before.
        let settings = ShopSettings::live_from(domain.clone(), clock.now() - Duration::from_secs(60 * 60));
        rows.push(Write::put(&settings, Expect::Absent));
        rows.extend(SYSTEMS.iter().map(|system| Write::put(&on_the_bus(system), Expect::Absent)));
        let (mut items, mut directory) = (items(&mut shop, &domain, config), Directory::new());
        stock(&mut shop, &clock, config);
        let workshop = config.production_setup.map(|setup| workshop(&mut shop, &clock, config, (setup, &mut items)));
        for (item, id) in &items {
            let inventory_item = InventoryItemId::new(number(id.0));
            let (sku, shop) = (item.sku.clone(), domain.clone());
            rows.push(Write::put(
                &ShopItem { shop, shop_sku: sku.to_string(), sku, inventory_item, variant: None },
                Expect::Absent,
            ));
            rows.push(Write::put(item, Expect::Absent));
            for (code, location) in codes.iter().chain(workshop.as_ref().map(|workshop| &workshop.production)) {
                let pair = (inventory_item, ShopLocationId::new(number(location.0)));
                directory.insert(pair, (item.sku.clone(), code.clone()));
            }
        }
        let mut unsold: Vec<Sku> = [RAW, SOLD_AT_POS, LOTS].iter().map(|sku| sku.parse().expect("a SKU")).collect();
        for sku in &unsold {
            rows.push(Write::put(&Item { by_lot: sku.as_str() == LOTS, ..Item::new(sku.clone()) }, Expect::Absent));
        }
        if let Some(workshop) = &workshop {
            let setup = workshop.production_setup;
            let time_zone = zone(config.time_zones[2]);
            let locations = setup.locations(&domain, workshop.production.1).into_iter();
            rows.extend(locations.map(|at| Write::put(&Location { time_zone: time_zone.clone(), ..at }, Expect::Absent)));
            rows.extend(setup.components().iter().map(|item| Write::put(item, Expect::Absent)));
            rows.extend(setup.rows());
            unsold.extend(workshop.components.iter().cloned());
        }
        let skus: Vec<Sku> = items.iter().map(|(item, _)| item.sku.clone()).chain(unsold.clone()).collect();
        rows.extend(skus.iter().map(|sku| Write::put(&wms_item(sku), Expect::Absent)));
        let factory = workshop.iter().map(|workshop| &workshop.factory);
        let pos_locations = codes.iter().map(|(code, _)| code).chain(factory).cloned().map(Mapping::Location);
        let unmapped = pos_locations
            .chain(skus.iter().cloned().map(Mapping::Item))
            .chain(skus.iter().cloned().map(Mapping::Pallet))
            .collect();
        let ports = Ports::new(shop, clock.clone(), rng.clone(), coverage.clone());
        let streams = SimStreams::new(store.clone(), rng.clone()).with(bug, coverage.clone());
        let processes = Processes::start(&Parts {
            store: &store,
            streams: &streams,
            ports: &ports,
            clock: &clock,
            rng: &rng,
            skew: config.skew,
            bug,
            shop: domain,
            directory: Arc::new(directory),
        });
        let world = Self {
            rng,
            clock,
            coverage,
            config,
            bug,
            store,
            ports,
            processes,
            codes,
            items,
            unsold,
            workshop,
            invocations: Vec::new(),
            started: 0,
            webhooks: Vec::new(),
            late_webhooks: Vec::new(),
            sources: Sources { unmapped, ..Sources::default() },
            lanes: Default::default(),
            streamed: 0,
            stalled: 0,
            checked_calls: 0,
            quarantined_since: Default::default(),
            shop_changed: false,
            mismatched: std::collections::BTreeSet::new(),
            malformed: false,
            given_up: Default::default(),
            streams,
            restore: Restore::default(),
            compared_all: false,
            crash: None,
            violations: Vec::new(),
            recent_events: VecDeque::new(),
        };
        world.store.table().checker.watching = true;
        world.store.table().checker.plans.watching = world.workshop.is_some();
        world.store.table().checker.coverage = world.coverage.clone();
        world.store.table().checker.plans.coverage = world.coverage.clone();
        let setup = world.store.clone();
        let mut write = Task::new(world.clock.now(), async move { setup.write(&rows).await.is_ok() });
        while write.step().is_none() {}
        world
    }
}

/// The row of a system that may use the bus.
fn on_the_bus(system: &str) -> System {
    let row = json!({ "code": system, "kind": "wms", "bus_account": BUS_ACCOUNT });
    serde_json::from_value(row).expect("a row of a system")
}

/// The mapping of an item in the WMS, which exists from the beginning.
fn wms_item(sku: &Sku) -> SystemItem {
    let case = ("case".parse().expect("a unit"), CASE.to_string().parse().expect("a factor"));
    SystemItem { system: system_id("wms"), code: item_code("wms", sku), sku: sku.clone(), unit: None, units: [case].into() }
}

/// The time zone with this name.
pub fn zone(name: Option<&str>) -> Option<TimeZone> {
    name.map(|name| name.parse().expect("a time zone"))
}

fn locations(shop: &mut Shop, domain: &ShopDomain, config: WorldConfig) -> (Vec<(LocationId, ShopLocation)>, Vec<Location>) {
    let mut codes = Vec::new();
    let mut places = Vec::new();
    for (name, time_zone) in ["WH", "3PL"].into_iter().zip(config.time_zones) {
        let code: LocationId = name.parse().expect("a code");
        let new = NewLocation { name: name.to_owned(), fulfils_online: true, ..NewLocation::default() };
        let id = shop.add_location(new).expect("a new location");
        let shops = [(domain.clone(), ShopLocationId::new(number(id.0)))].into();
        let systems = [(system_id("wms"), location_code("wms", &code))].into();
        let time_zone = zone(time_zone);
        places.push(Location { shops, systems, time_zone, ..Location::new(code.clone(), LocationKind::Warehouse) });
        codes.push((code, id));
    }
    (codes, places)
}

/// The mapped items of the shop: three tracked items, the last one with a buffer, one that may be oversold, and one whose stock no
/// system reports.
fn items(shop: &mut Shop, domain: &ShopDomain, config: WorldConfig) -> Vec<(Item, ItemId)> {
    let mut items = Vec::new();
    for (sku, buffer, low_at) in [("S0", 0, Some(2)), ("S1", 0, Some(2)), ("S2", 1, Some(3)), (BULK, 0, None), (SILENT, 0, None)]
    {
        let oversell = if sku == BULK { Oversell::Continue } else { Oversell::Deny };
        let id = shop.add_item(NewItem { oversell, ..NewItem::tracked(sku) }).expect("a new item");
        let sku: Sku = sku.parse().expect("a SKU");
        let listed = ShopListing::new(sku.to_string(), InventoryItemId::new(number(id.0)));
        let shops = [(domain.clone(), listed)].into();
        let (buffer, low_at) = (Some(Quantity::new(buffer)), low_at.map(Quantity::new));
        let by_lot = config.sold_by_lot && sku.as_str() == SOLD_BY_LOT;
        items.push((Item { buffer, low_at, shops, by_lot, ..Item::new(sku) }, id));
    }
    items
}

/// Adds the finished goods that are sold before they are made, and the location that shows producible units.
fn workshop(
    shop: &mut Shop,
    clock: &SimClock,
    config: WorldConfig,
    (setup, items): (ProductionSetup, &mut Vec<(Item, ItemId)>),
) -> Workshop {
    let domain: ShopDomain = shop.config().domain.parse().expect("the fake shop's domain is valid");
    let places: Vec<ShopLocation> = shop.locations().map(|location| location.id).collect();
    let shown = NewLocation { name: "To be made".to_owned(), fulfils_online: true, ..NewLocation::default() };
    let shown = shop.add_location(shown).expect("a new location");
    let [factory, production] = setup.locations(&domain, shown);
    let mut finished_goods = Vec::new();
    for (nth, name) in FINISHED_GOODS.into_iter().enumerate().take(setup.finished_goods) {
        let id = shop.add_item(NewItem::tracked(name)).expect("a new item");
        let available = if config.initialised { 0 } else { OPENING_FINISHED_GOODS };
        for place in &places {
            shop.stock(clock.now(), id, *place, available, true).expect("the pair exists");
        }
        shop.stock(clock.now(), id, shown, 0, true).expect("the pair exists");
        let shops = [(domain.clone(), ShopListing::new(name, InventoryItemId::new(number(id.0))))].into();
        items.push((Item { planning: setup.planning(nth), shops, ..Item::new(sku(name)) }, id));
        finished_goods.push(sku(name));
    }
    if setup.sells_kits {
        let id = shop.add_item(NewItem::tracked(KIT)).expect("a new item");
        let available = if config.initialised { 0 } else { OPENING_FINISHED_GOODS };
        for (place, units) in places.iter().map(|place| (*place, available)).chain([(shown, 0)]) {
            shop.stock(clock.now(), id, place, units, true).expect("the pair exists");
        }
        let shops = [(domain.clone(), ShopListing::new(KIT, InventoryItemId::new(number(id.0))))].into();
        let planning = PlanningSettings { promise_days: Some(0), ..PlanningSettings::default() };
        items.push((Item { planning, shops, ..Item::new(sku(KIT)) }, id));
    }
    let components = setup.components().into_iter().map(|item| item.sku).collect();
    let (factory, production, bills) = (factory.code, (production.code, shown), setup.bills());
    Workshop {
        production_setup: setup,
        factory,
        production,
        finished_goods,
        components,
        scheduled: Vec::new(),
        bills,
        import: VecDeque::new(),
        offered_twice: false,
        is_edited: false,
    }
}

/// Sets the opening numbers of the shop.
fn stock(shop: &mut Shop, clock: &SimClock, config: WorldConfig) {
    let unmapped = shop.add_item(NewItem::tracked(UNMAPPED)).expect("a new item");
    let locations: Vec<ShopLocation> = shop.locations().map(|location| location.id).collect();
    for item in shop.items().map(|item| item.id).collect::<Vec<_>>() {
        let is_silent = shop.item(SILENT).is_some_and(|silent| silent.id == item);
        let available = match (item == unmapped, config.initialised) {
            (true, _) => 50,
            _ if is_silent => UNREPORTED,
            (false, true) => 0,
            (false, false) => OPENING,
        };
        for location in &locations {
            shop.stock(clock.now(), item, *location, available, true).expect("the pair exists");
        }
    }
}

/// Converts an id of the fake shop.
pub fn number(id: i64) -> u64 {
    u64::try_from(id).expect("ids of the fake shop are positive")
}
