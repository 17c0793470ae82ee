//! One life of a world: what may happen next, what became of it, and how it ends.

mod deeds;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ats_recompute::Recompute;
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::shopify::Shopify;
use promissory::catalog::{
    InventoryItemId, Item, Listed, Location, LocationId, LocationKind, Network, NetworkCache, Place, Quantity, ShopDomain,
    ShopItem, ShopLocationId, Sku,
};
use promissory::clock::Clock;
use promissory::ledger::PositionKey;
use promissory::order::HoldPolicy;
use promissory::source::{StockEvent, StockKind};
use promissory::store::{Expect, Record, Store, Write};
use promissory_local::audit::{Books, compare_levels, compare_orders};
use promissory_local::shopify::{Delivery, NewItem, NewLocation, Shop, ShopConfig};
use reconciler::{Job, Reconciler, Report};
use serde_json::json;
use shopify_pusher::Pusher;
use webhook_intake::Intake;

use crate::check::Violation;
use crate::ports::{Line, LineFaults};
use crate::rng::Rng;
use crate::store::{SimStore, StoreFaults};
use crate::tasks::{SimClock, Task};

/// How long a level must have been quiet.
const QUIET: Duration = Duration::from_secs(60);

/// The other system that moves stock.
const ERP: &str = "erp";

/// How often a failing stream batch is repeated before its first record is given up.
const STREAM_TRIES: u32 = 4;

/// How a life went.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// What must never happen and did. Empty for a good life.
    pub violations: Vec<Violation>,
    /// What happened, by kind, so that a workload that never meets a rare path is noticed.
    pub met: BTreeMap<&'static str, u64>,
}

/// What a task was for: what must be done again when it does not end well.
enum Work {
    Webhook(Delivery, u32),
    Stream { from: usize, to: usize },
    Push(Vec<String>),
    Reconcile,
    Stock(StockEvent),
}

/// How a task ended.
enum Ended {
    Status(u16),
    Failed(Option<usize>),
    GivenBack(Vec<usize>),
    Reconciled(Option<Report>),
    Stocked(bool),
}

struct World {
    rng: Rng,
    clock: SimClock,
    store: SimStore,
    line: Line,
    network: Network,
    codes: Vec<LocationId>,
    skus: Vec<Sku>,
    /// Supply never shrinks and nobody edits the shop: then the shop must never show more than there is.
    only_grows: bool,
    intake: Arc<Intake<SimStore, SimClock>>,
    recompute: Arc<Recompute<SimStore, Line, Line, SimClock>>,
    pusher: Arc<Pusher<SimStore, Shopify<Line, SimClock>, SimClock>>,
    reconciler: Arc<Reconciler<SimStore, Shopify<Line, SimClock>, Line, Line, SimClock>>,
    tasks: Vec<(Work, Task<Ended>)>,
    mail: Vec<(Delivery, u32)>,
    stock: Vec<StockEvent>,
    streamed: usize,
    /// The calls the shop had taken at the last check.
    told: usize,
    stream_tries: u32,
    events: u64,
    compared_all: bool,
    life: Life,
}

/// Lives the life of `seed`, of so many `steps` with faults, and then to rest without.
#[must_use]
pub fn run(seed: u64, steps: usize) -> Life {
    let mut world = World::new(seed);
    world.open();
    for _ in 0..steps {
        world.live();
        world.check();
        if !world.life.violations.is_empty() {
            return world.life;
        }
    }
    world.come_to_rest();
    world.life
}

impl World {
    fn new(seed: u64) -> Self {
        let rng = Rng::new(seed);
        let clock = SimClock::new("2026-11-21T12:00:00Z".parse().expect("a time"));
        let store = SimStore::new(rng.clone());
        let mut shop = Shop::new(ShopConfig { bucket_size: 20_000, restore_rate: 1_000, seed, ..ShopConfig::default() });
        let domain: ShopDomain = shop.config().domain.parse().expect("the fake's domain is one");
        let codes: Vec<LocationId> = ["WH", "3PL"].iter().map(|code| code.parse().expect("a code")).collect();
        let places: Vec<_> = codes
            .iter()
            .map(|code| {
                let new = NewLocation { name: code.to_string(), fulfils_online: true, ..NewLocation::default() };
                let id = shop.add_location(new).expect("a new location");
                let id = ShopLocationId::new(u64::try_from(id.0).expect("above zero"));
                (
                    id,
                    Location {
                        code: code.clone(),
                        kind: LocationKind::Warehouse,
                        fulfils_online: true,
                        shops: [(domain.clone(), id)].into(),
                    },
                )
            })
            .collect();
        let mut rows: Vec<Write> = places.iter().map(|(_, location)| Write::put(location, Expect::Absent)).collect();
        let skus: Vec<Sku> = (0..3).map(|n| format!("S{n}").parse().expect("a SKU")).collect();
        for sku in &skus {
            let id = shop.add_item(NewItem::tracked(sku.as_str())).expect("a new item");
            for location in shop.locations().map(|location| location.id).collect::<Vec<_>>() {
                shop.stock(clock.now(), id, location, 0, true).expect("a known pair");
            }
            let inventory_item = InventoryItemId::new(u64::try_from(id.0).expect("above zero"));
            let listed = Listed { shop_sku: sku.to_string(), inventory_item };
            let (shop, shop_sku) = (domain.clone(), sku.to_string());
            rows.push(Write::put(&ShopItem { shop, shop_sku, sku: sku.clone(), inventory_item }, Expect::Absent));
            let low_at = Some(Quantity::new(2));
            rows.push(Write::put(
                &Item { sku: sku.clone(), buffer: Quantity::ZERO, low_at, shops: [(domain.clone(), listed)].into() },
                Expect::Absent,
            ));
        }
        let line = Line::new(shop, clock.clone(), rng.clone());
        let app: ShopifyApp =
            serde_json::from_value(json!({ "client_id": "sim", "client_secret": line.shop().config().secret })).expect("an app");
        let front = || Shopify::over(line.clone(), clock.clone(), "https://{shop}", app.clone());
        let network = NetworkCache::default;
        let world = Self {
            intake: Arc::new(Intake {
                store: store.clone(),
                clock: clock.clone(),
                shop: domain.clone(),
                app: app.clone(),
                network: network(),
            }),
            recompute: Arc::new(Recompute {
                store: store.clone(),
                hints: line.clone(),
                bus: line.clone(),
                clock: clock.clone(),
                network: network(),
            }),
            pusher: Arc::new(Pusher {
                store: store.clone(),
                front: front(),
                clock: clock.clone(),
                quiet: QUIET,
                network: network(),
            }),
            reconciler: Arc::new(Reconciler {
                store: store.clone(),
                front: front(),
                hints: line.clone(),
                bus: line.clone(),
                clock: clock.clone(),
                shop: domain,
                quiet: QUIET,
                holds: HoldPolicy::default(),
                network: network(),
            }),
            network: Network::new(places.into_iter().map(|(_, location)| location)),
            only_grows: rng.per_mille(500),
            rng,
            clock,
            store,
            line,
            codes,
            skus,
            tasks: Vec::new(),
            mail: Vec::new(),
            stock: Vec::new(),
            streamed: 0,
            told: 0,
            stream_tries: 0,
            events: 0,
            compared_all: false,
            life: Life::default(),
        };
        world.store.table().checker.watching = true;
        let setup = world.store.clone();
        let mut write = Task::new(async move { setup.write(&rows).await.is_ok() });
        while write.step().is_none() {}
        world
    }

    /// Before anything goes wrong: stock comes in, and the shop is told.
    fn open(&mut self) {
        for sku in self.skus.clone() {
            for location in self.codes.clone() {
                self.receive(sku.clone(), location, StockKind::Receipt, 6);
            }
        }
        self.settle();
        self.run_schedules();
        self.life.met.clear();
        self.store.misbehave(StoreFaults { throttle: 8, conflict: 15, lost_answer: 8, stale_index: 200 });
        self.line.misbehave(LineFaults { lost_call: 20, lost_answer: 20, failed: 10, queue: 20, bus: 20 });
    }

    fn met(&mut self, what: &'static str) {
        *self.life.met.entry(what).or_default() += 1;
    }

    /// What must hold at every moment.
    fn check(&mut self) {
        let mut table = self.store.table();
        self.life.violations.append(&mut table.checker.violations);
        drop(table);
        self.line.shop().assert_sound();
        let told = self.line.shop().log().len();
        if self.only_grows && told != self.told {
            // Only a call of ours can put a unit back on sale.
            self.told = told;
            self.never_shows_more_than_there_is();
        }
    }

    /// Supply only grew, so what the shop sells from and what it has sold must be there: nothing sold was put back on sale.
    fn never_shows_more_than_there_is(&mut self) {
        let books = self.books();
        let shop = self.line.shop();
        for level in &books.levels {
            let of = PositionKey::new(level.sku.clone(), Place::At(level.location.clone()));
            let Some(position) = books.positions.get(&of) else { continue };
            let received = position.balance.on_hand - position.balance.moved_by_shop;
            let at = |number: u64, id: i64| u64::try_from(id) == Ok(number);
            let shipped: i64 = shop
                .orders()
                .flat_map(|order| order.fulfilments.iter().map(move |fulfilment| (order, fulfilment)))
                .filter(|(_, fulfilment)| at(level.shop_location.number(), fulfilment.location.0))
                .flat_map(|(order, fulfilment)| fulfilment.lines.iter().map(move |line| (order, line)))
                .filter(|(order, (id, _))| order.lines.iter().any(|line| line.id == *id && line.sku == level.sku.as_str()))
                .map(|(_, (_, units))| units)
                .sum();
            let shown: i64 = shop
                .levels()
                .filter(|(item, location, _)| {
                    at(level.inventory_item.number(), item.0) && at(level.shop_location.number(), location.0)
                })
                .map(|(.., level)| level.on_hand())
                .sum();
            if shown > received.units() - shipped {
                let what =
                    format!("{of}: the shop shows {shown} of {received} received and {shipped} shipped: units were re-listed");
                self.life.violations.push(Violation(what));
            }
        }
    }

    fn books(&self) -> Books {
        let table = self.store.table();
        let records: Vec<Record> = table.records().cloned().collect();
        Books::of(&records).expect("every row written can be read")
    }

    /// No more faults, no more customers: everything that was asked for is done, the schedules run, and it must come right.
    fn come_to_rest(&mut self) {
        self.store.misbehave(StoreFaults::default());
        self.line.misbehave(LineFaults::default());
        for _ in 0..12 {
            self.settle();
            self.run_schedules();
            self.check();
            if !self.life.violations.is_empty() || self.differences().is_empty() {
                return;
            }
        }
        let differences = self.differences();
        self.life.violations.extend(differences.into_iter().map(Violation));
    }

    /// What the schedules do in some minutes.
    fn run_schedules(&mut self) {
        for _ in 0..2 {
            self.clock.advance(QUIET * 3);
            for job in [Job::Sweep, Job::Backlog] {
                self.reconcile(job);
                self.settle();
            }
            self.compared_all = false;
            while !self.compared_all && self.life.violations.is_empty() {
                self.reconcile(Job::Compare);
                self.settle();
            }
        }
    }

    /// Lets everything under way end, and everything it leads to.
    fn settle(&mut self) {
        for _ in 0..200_000 {
            self.post_the_mail();
            if let Some(event) = self.stock.pop() {
                self.take_stock(event);
            }
            self.post_comes();
            self.stream_comes();
            self.queue_comes();
            for at in (0..self.tasks.len()).rev() {
                self.step(at);
            }
            self.clock.advance(Duration::from_millis(5));
            let idle = self.tasks.is_empty() && self.mail.is_empty() && self.stock.is_empty() && self.line.queue().is_empty();
            if idle && self.streamed == self.store.table().stream.len() {
                return;
            }
        }
        let what = format!(
            "something goes on for ever: {} tasks, {} letters, {} stock events, {} hints, the stream at {} of {}",
            self.tasks.len(),
            self.mail.len(),
            self.stock.len(),
            self.line.queue().len(),
            self.streamed,
            self.store.table().stream.len()
        );
        self.life.violations.push(Violation(what));
    }

    /// What is not as it should be once everything is at rest.
    fn differences(&self) -> Vec<String> {
        let books = self.books();
        let shop = self.line.shop();
        let mut differences: Vec<String> = books.mismatches().iter().map(ToString::to_string).collect();
        let stock_moves = books.all_movements().filter(|movement| movement.cause.event.source == ERP).count();
        if u64::try_from(stock_moves) != Ok(self.events) {
            differences.push(format!("{} stock events made {stock_moves} movements", self.events));
        }
        let orders = compare_orders(&books, &shop);
        if orders.lost + orders.duplicates > 0 {
            differences.push(format!("{} orders are lost and {} applied twice", orders.lost, orders.duplicates));
        }
        if !books.at_rest() {
            let due: Vec<_> = books.levels.iter().filter(|level| level.is_due()).collect();
            let what = format!("{} deferred, {} open intents, due {due:?}", books.deferred, books.open_intents);
            differences.push(format!("something is still on its way: {what}"));
        }
        differences.extend(compare_levels(&books, &shop));
        differences
    }
}
