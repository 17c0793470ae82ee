//! One life of a world: what may happen next, what became of it, and how it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ats_recompute::Recompute;
use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_http::{Body, Request};
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::shopify::Shopify;
use promissory::catalog::{
    InventoryItemId, Item, Listed, Location, LocationId, LocationKind, Network, NetworkCache, Place, Quantity, ShopDomain,
    ShopItem, ShopLocationId, Sku,
};
use promissory::clock::Clock;
use promissory::ledger::{Event, EventId, PositionKey, commit};
use promissory::source::{StockEvent, StockKind};
use promissory::store::{Expect, Record, Store, Write};
use promissory_local::audit::{Books, compare_levels, compare_orders};
use promissory_local::shopify::{Delivery, DeliveryPlan, NewItem, NewLocation, Shop, ShopConfig};
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
    reconciler: Arc<Reconciler<SimStore, Shopify<Line, SimClock>, Line, SimClock>>,
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
                clock: clock.clone(),
                shop: domain,
                quiet: QUIET,
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

    /// One thing happens.
    fn live(&mut self) {
        match self.rng.below(100) {
            0..50 => self.step_a_task(),
            50..58 => self.customer(),
            58..64 => self.warehouse_ships(),
            64..67 => self.customer_regrets(),
            67..71 => self.stock_moves(),
            71..79 => self.post_comes(),
            79..86 => self.stream_comes(),
            86..90 => self.queue_comes(),
            90..92 => self.schedule_comes(),
            92 => self.a_process_dies(),
            93 => self.someone_edits(),
            _ => self.clock.advance(Duration::from_millis(u64::try_from(self.rng.below(3_000)).expect("small"))),
        }
        self.post_the_mail();
    }

    fn customer(&mut self) {
        let lines: Vec<(String, i64)> =
            self.skus.iter().filter(|_| self.rng.per_mille(500)).map(|sku| (sku.to_string(), self.rng.up_to(3))).collect();
        let cart: Vec<(&str, i64)> = lines.iter().map(|(sku, units)| (sku.as_str(), *units)).collect();
        let taken = self.line.shop().checkout(self.clock.now(), &cart).is_ok();
        self.met(if taken { "order" } else { "order refused" });
    }

    fn some_order(&self) -> Option<promissory_local::shopify::OrderId> {
        let shop = self.line.shop();
        let orders: Vec<_> = shop.orders().map(|order| order.id).collect();
        (!orders.is_empty()).then(|| orders[self.rng.below(orders.len())])
    }

    fn warehouse_ships(&mut self) {
        let Some(order) = self.some_order() else { return };
        let now = self.clock.now();
        let in_part = self.rng.per_mille(400);
        let shipped = {
            let mut shop = self.line.shop();
            let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| (line.id, 1));
            let lines = first.as_ref().filter(|_| in_part).map(std::slice::from_ref);
            shop.fulfil(now, order, lines).is_ok()
        };
        if shipped {
            self.met(if in_part { "shipped in part" } else { "shipped" });
        }
    }

    fn customer_regrets(&mut self) {
        let Some(order) = self.some_order() else { return };
        let now = self.clock.now();
        let cancels = self.rng.per_mille(600);
        let done = {
            let mut shop = self.line.shop();
            if cancels {
                shop.cancel(now, order).is_ok()
            } else {
                let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| line.id);
                first.is_some_and(|line| shop.remove_line_quantity(now, order, line, 1).is_ok())
            }
        };
        if done {
            self.met(if cancels { "cancelled" } else { "line reduced" });
        }
    }

    fn stock_moves(&mut self) {
        if let Some(event) = self.stock.pop() {
            return self.take_stock(event);
        }
        let kinds: &[StockKind] = if self.only_grows {
            &[StockKind::Receipt, StockKind::Found]
        } else {
            &[StockKind::Receipt, StockKind::Found, StockKind::Lost, StockKind::Hold, StockKind::Unhold]
        };
        let sku = self.skus[self.rng.below(self.skus.len())].clone();
        let location = self.codes[self.rng.below(self.codes.len())].clone();
        let (kind, units) = (kinds[self.rng.below(kinds.len())], self.rng.up_to(6));
        self.receive(sku, location, kind, units);
    }

    fn receive(&mut self, sku: Sku, location: LocationId, kind: StockKind, units: i64) {
        self.events += 1;
        let id = EventId::new(ERP, self.events.to_string());
        let event = StockEvent { id, sku, location, kind, quantity: Quantity::new(units), occurred_at: self.clock.now() };
        if self.rng.per_mille(100) {
            self.stock.push(event.clone()); // The system says it twice.
            self.met("stock event doubled");
        }
        self.take_stock(event);
    }

    fn take_stock(&mut self, event: StockEvent) {
        let (store, clock, network) = (self.store.clone(), self.clock.clone(), self.network.clone());
        let events = vec![(Event::Stock(event.clone()), None)];
        let task = async move { Ended::Stocked(commit(&store, &clock, &network, &events).await.is_ok()) };
        self.tasks.push((Work::Stock(event), Task::new(task)));
    }

    /// What the shop has to say goes into the post; some of it is lost there.
    fn post_the_mail(&mut self) {
        let sent: Vec<_> = self.line.shop().outbox().take(&DeliveryPlan::default());
        for (delivery, _) in sent {
            if self.rng.per_mille(100) {
                self.met("webhook lost");
            } else {
                if self.rng.per_mille(100) {
                    self.met("webhook doubled");
                    self.mail.push((delivery.clone(), 0));
                }
                self.mail.push((delivery, 0));
            }
        }
    }

    /// Any of the letters arrives: not the oldest first.
    fn post_comes(&mut self) {
        if self.mail.is_empty() {
            return;
        }
        let (delivery, tries) = self.mail.swap_remove(self.rng.below(self.mail.len()));
        let mut request = lambda_http::http::Request::builder().method("POST").uri("/webhooks/shopify");
        for (name, value) in delivery.headers() {
            request = request.header(name, value);
        }
        let request: Request = request.body(Body::from(delivery.body.to_vec())).expect("a request");
        let intake = Arc::clone(&self.intake);
        let task = async move { Ended::Status(intake.handle(request).await.status().as_u16()) };
        self.tasks.push((Work::Webhook(delivery, tries), Task::new(task)));
    }

    fn stream_comes(&mut self) {
        let busy = self.tasks.iter().any(|(work, _)| matches!(work, Work::Stream { .. }));
        let table = self.store.table();
        let (from, end) = (self.streamed, table.stream.len());
        if busy || from == end {
            return;
        }
        let to = end.min(from + 1 + self.rng.below(12));
        let followed = (from..).zip(&table.stream[from..to]).filter(|(_, record)| is_followed(record));
        let records: Vec<_> = followed.map(|(at, record)| stream_record(at, record)).collect();
        drop(table);
        let event: StreamEvent = serde_json::from_value(json!({ "Records": records })).expect("a stream event");
        let order: Vec<Option<String>> = event.records.iter().map(|record| record.change.sequence_number.clone()).collect();
        let (recompute, deadline) = (Arc::clone(&self.recompute), self.deadline(28));
        let task = async move {
            let answer = recompute.handle(event, deadline).await;
            let first = answer.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone());
            assert!(first.is_none() || order.contains(&first), "a failure names a record of the batch");
            Ended::Failed(first.and_then(|number| number.parse().ok()))
        };
        self.tasks.push((Work::Stream { from, to }, Task::new(task)));
    }

    fn queue_comes(&mut self) {
        let pushing = self.tasks.iter().filter(|(work, _)| matches!(work, Work::Push(_))).count();
        let messages: Vec<String> = {
            let mut queue = self.line.queue();
            if pushing >= 2 || queue.is_empty() {
                return;
            }
            let most = 1 + self.rng.below(queue.len());
            queue.drain(..most).collect()
        };
        let records: Vec<_> =
            messages.iter().enumerate().map(|(at, body)| json!({ "messageId": at.to_string(), "body": body })).collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("an SQS event");
        let (pusher, deadline) = (Arc::clone(&self.pusher), self.deadline(28));
        let task = async move {
            let answer = pusher.handle(event, deadline).await;
            let given_back = answer.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.parse().ok());
            Ended::GivenBack(given_back.collect())
        };
        self.tasks.push((Work::Push(messages), Task::new(task)));
    }

    fn schedule_comes(&mut self) {
        let job = [Job::Sweep, Job::Compare, Job::Backlog][self.rng.below(3)];
        self.reconcile(job);
    }

    fn reconcile(&mut self, job: Job) {
        let (reconciler, deadline) = (Arc::clone(&self.reconciler), self.deadline(298));
        let task = async move { Ended::Reconciled(reconciler.handle(job, deadline).await.ok()) };
        self.tasks.push((Work::Reconcile, Task::new(task)));
    }

    fn deadline(&self, seconds: i64) -> Timestamp {
        self.clock.now() + jiff::SignedDuration::from_secs(seconds)
    }

    fn someone_edits(&mut self) {
        if self.only_grows {
            return;
        }
        let (now, units) = (self.clock.now(), i64::try_from(self.rng.below(8)).expect("small"));
        let mut shop = self.line.shop();
        let pairs: Vec<_> = shop.levels().map(|(item, location, _)| (item, location)).collect();
        let (item, location) = pairs[self.rng.below(pairs.len())];
        shop.manual_edit(now, item, location, units).expect("a known pair");
        drop(shop);
        self.met("edited by hand");
    }

    /// A Lambda is killed: what it was doing stops where it is, and what asked for it is given back.
    fn a_process_dies(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let (work, _) = self.tasks.swap_remove(self.rng.below(self.tasks.len()));
        self.met(match &work {
            Work::Webhook(..) => "intake killed",
            Work::Stream { .. } => "recompute killed",
            Work::Push(_) => "pusher killed",
            Work::Reconcile => "reconciler killed",
            Work::Stock(_) => "stock event cut off",
        });
        self.give_back(work);
    }

    fn give_back(&mut self, work: Work) {
        match work {
            Work::Webhook(delivery, tries) if tries < 8 => self.mail.push((delivery, tries + 1)),
            Work::Webhook(..) => self.met("webhook given up"),
            Work::Stream { from, .. } => self.repeat_stream(from),
            Work::Push(messages) => self.line.queue().extend(messages),
            Work::Reconcile => {}
            Work::Stock(event) => self.stock.push(event),
        }
    }

    fn repeat_stream(&mut self, from: usize) {
        self.streamed = from;
        self.stream_tries += 1;
        if self.stream_tries > STREAM_TRIES {
            (self.streamed, self.stream_tries) = (from + 1, 0);
            self.met("stream record given up");
        }
    }

    fn step_a_task(&mut self) {
        if !self.tasks.is_empty() {
            let at = self.rng.below(self.tasks.len());
            // Some run far, so that they finish; some only a little, so that others come between.
            for _ in 0..=self.rng.below(12) {
                if self.step(at) {
                    break;
                }
            }
        }
    }

    /// Lets a task take one step; whether it ended.
    fn step(&mut self, at: usize) -> bool {
        let Some(ended) = self.tasks[at].1.step() else { return false };
        let (work, _) = self.tasks.swap_remove(at);
        match (ended, work) {
            (Ended::Status(200), Work::Webhook(..)) | (Ended::Stocked(true), Work::Stock(_)) => {}
            (Ended::Failed(None), Work::Stream { to, .. }) => (self.streamed, self.stream_tries) = (to, 0),
            (Ended::Failed(Some(at)), Work::Stream { .. }) => {
                self.met("stream batch failed in part");
                self.repeat_stream(at);
            }
            (Ended::GivenBack(given_back), Work::Push(messages)) => {
                let failed = messages.into_iter().enumerate().filter(|(at, _)| given_back.contains(at)).map(|(_, body)| body);
                self.line.queue().extend(failed);
            }
            (Ended::Reconciled(report), Work::Reconcile) => {
                self.met(if report.is_some() { "job done" } else { "job failed" });
                if let Some(Report::Compare(report)) = report {
                    self.compared_all |= report.end;
                    if !report.drifted.is_empty() {
                        self.met("drift found");
                        if self.only_grows {
                            let what = format!("nobody edited the shop, and yet it drifted: {:?}", report.drifted);
                            self.life.violations.push(Violation(what));
                        }
                    }
                }
            }
            (_, work) => self.give_back(work),
        }
        true
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

/// Whether the stream's filter lets a record through, as in template.yaml.
fn is_followed(record: &Record) -> bool {
    let (pk, sk) = (record.key.pk.as_str(), record.key.sk.as_str());
    (pk.starts_with("POS#") && sk == "HEAD") || ["LANE#", "ALERT#", "ITEM#"].iter().any(|family| pk.starts_with(family))
}

/// A record as DynamoDB's stream shows it; its sequence number is its place in the stream.
fn stream_record(at: usize, record: &Record) -> serde_json::Value {
    let image: serde_dynamo::Item = serde_dynamo::to_item(json!({ "body": record.body })).expect("a body is an object");
    json!({
        "awsRegion": "us-east-1",
        "eventID": at.to_string(),
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/simulated/stream/1",
        "eventName": if record.revision == 1 { "INSERT" } else { "MODIFY" },
        "dynamodb": {
            "ApproximateCreationDateTime": 0,
            "Keys": { "pk": { "S": record.key.pk }, "sk": { "S": record.key.sk } },
            "NewImage": image,
            "SequenceNumber": at.to_string(),
            "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}
