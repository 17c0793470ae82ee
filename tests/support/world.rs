//! The real handlers over an in-process table, with a network of three locations. A test plays the stream by calling
//! [`World::settle`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ats_recompute::{DynamoStreams, Recompute};
use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::secrets::ShopifyApp;
use promissory::catalog::{
    InventoryItemId, Item, Location, LocationKind, Network, Place, Quantity, ShopDomain, ShopItem, ShopListing, ShopLocationId,
    Sku,
};
use promissory::flows::{NetworkCache, ReconcileError, commit, load_network};
use promissory::ledger::LedgerEvent;
use promissory::movement::{EventId, PositionKey};
use promissory::order::HoldPolicy;
use promissory::ports::{Clock, Store, Storefront, read};
use promissory::promise::Promise;
use promissory::source::{StockEvent, StockKind};
use promissory::storefront::{Hint, Level, PushTarget};
use promissory::table::{Expect, MAX_WRITES, Row, RowKey, Streamed, Write};
use promissory_fakes::systems::InProcess;
use promissory_local::audit::TableContents;
use promissory_local::seed::{go_live, import_item, import_network};
use reconciler::{Job, Reconciler, Report};
use serde_json::{Value, json};
use shopify_pusher::Pusher;
use webhook_intake::Intake;

use crate::clock::TestClock;
use crate::dynamo::{Table, row_key, table};
use crate::ports::{MemoryBus, MemoryHints};
use crate::webhook::{PREVIOUS_SECRET, SECRET, SHOP, Webhook};

/// The shop's id of the warehouse `WH-1`.
pub const WH: u64 = 70_000_000_001;
/// The shop's id of the logistics partner `3PL-1`.
pub const TPL: u64 = 70_000_000_002;
/// The shop's id of the store `STORE-1`, which does not fulfil online orders.
pub const STORE: u64 = 70_000_000_003;

/// Our location codes, the shop's ids, and whether they fulfil online orders.
pub const LOCATIONS: [(&str, u64, bool); 3] = [("WH-1", WH, true), ("3PL-1", TPL, true), ("STORE-1", STORE, false)];

/// The settling window: how long a level must be unchanged before it is set.
pub const SETTLING_WINDOW: Duration = Duration::from_secs(60);

/// How long holds last.
pub const HOLDS: HoldPolicy = HoldPolicy {
    unpaid: Some(Duration::from_secs(72 * 3_600)),
    unallocated: Some(Duration::from_secs(96 * 3_600)),
    release_unallocated: false,
};

/// A time before everything that happens in a test, from which its shop is live.
///
/// # Panics
/// Never: it is a valid time.
#[must_use]
pub fn long_ago() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a valid time")
}

/// One installation for one shop.
#[derive(Debug, Clone)]
pub struct World {
    /// Its table.
    pub table: Table,
    /// Its clock.
    pub clock: TestClock,
    /// Its queue.
    pub hints: MemoryHints,
    /// Its bus.
    pub bus: MemoryBus,
    /// Its shop.
    pub shop: ShopDomain,
    /// Its locations.
    pub network: Arc<Network>,
    items: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl World {
    /// An installation at noon.
    pub async fn new() -> Self {
        Self::at(TestClock::noon()).await
    }

    /// An installation with this clock.
    ///
    /// # Panics
    /// If it cannot be set up.
    pub async fn at(clock: TestClock) -> Self {
        let world = Self::not_live(clock).await;
        go_live(&world.table.store, &world.shop, long_ago()).await.expect("written");
        let network = load_network(&world.table.store).await.expect("loaded");
        Self { network: Arc::new(network), ..world }
    }

    /// An installation with this clock, whose shop has no settings yet.
    ///
    /// # Panics
    /// If it cannot be set up.
    pub async fn not_live(clock: TestClock) -> Self {
        let table = table();
        let shop: ShopDomain = SHOP.parse().expect("a shop");
        let locations = LOCATIONS.map(|(code, id, fulfils_online)| Location {
            fulfils_online,
            shops: [(shop.clone(), ShopLocationId::new(id))].into(),
            ..Location::new(
                code.parse().expect("a location"),
                if fulfils_online { LocationKind::Warehouse } else { LocationKind::Store },
            )
        });
        let network = Arc::new(import_network(&table.store, &locations).await.expect("imported"));
        let (hints, bus, items) = Default::default();
        Self { table, clock, hints, bus, shop, network, items }
    }

    /// Imports an item whose shop SKU equals its SKU, with its opening stock by location.
    pub async fn item(&self, sku: &str, stock: &[(&str, i64)]) {
        self.import(&self.plain(sku), stock).await;
    }

    /// An item whose shop SKU equals its SKU, not imported yet.
    ///
    /// # Panics
    /// If `sku` is not a valid SKU.
    #[must_use]
    pub fn plain(&self, sku: &str) -> Item {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let next = 44_000_000_000_001 + u64::try_from(items.len()).expect("countable");
        let id = *items.entry(sku.to_owned()).or_insert(next);
        let listed = ShopListing::new(sku, InventoryItemId::new(id));
        Item { shops: [(self.shop.clone(), listed)].into(), ..Item::new(sku.parse().expect("a SKU")) }
    }

    /// Writes a row of the catalog, whether it exists or not.
    ///
    /// # Panics
    /// If the store refuses it.
    pub async fn put<R: Row>(&self, row: &R) {
        let (_, expect) = read::<R, _>(&self.table.store, &row.row_key()).await.expect("read");
        self.table.store.write(&[Write::put(row, expect)]).await.expect("written");
    }

    /// The shop's ids of the items, by SKU.
    #[must_use]
    pub fn items(&self) -> BTreeMap<String, u64> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Imports an item with its opening stock by location.
    ///
    /// # Panics
    /// If the import fails.
    pub async fn import(&self, item: &Item, stock: &[(&str, i64)]) {
        import_item(&self.table.store, item).await.expect("imported");
        let events = stock.iter().filter(|(_, units)| *units > 0);
        let id = format!("opening:{}", item.sku);
        self.take_stock(events.map(|(location, units)| {
            self.stock(&format!("{id}@{location}"), item.sku.as_str(), location, StockKind::Receipt, *units)
        }))
        .await;
    }

    /// Imports many plain items without stock, many rows per transaction.
    ///
    /// # Panics
    /// If the import fails.
    pub async fn import_many(&self, skus: &[String]) {
        let mut rows = Vec::new();
        for item in skus.iter().map(|sku| self.plain(sku)) {
            for (shop, ShopListing { shop_sku, inventory_item, .. }) in item.shops.clone() {
                let mapping = ShopItem { shop, shop_sku, sku: item.sku.clone(), inventory_item, variant: None };
                rows.push(Write::put(&mapping, Expect::Absent));
            }
            rows.push(Write::put(&item, Expect::Absent));
        }
        for rows in rows.chunks(MAX_WRITES) {
            self.table.store.write(rows).await.expect("imported");
        }
    }

    /// A stock event of the ERP, now.
    ///
    /// # Panics
    /// If a name is not valid.
    #[must_use]
    pub fn stock(&self, id: &str, sku: &str, location: &str, kind: StockKind, units: i64) -> StockEvent {
        let of = (&sku.parse().expect("a SKU"), &location.parse().expect("a location"));
        StockEvent::new(EventId::new("erp", id), kind, of, Quantity::new(units), self.clock.now())
    }

    /// Commits stock events to the ledger.
    ///
    /// # Panics
    /// If the ledger refuses one.
    pub async fn take_stock(&self, events: impl IntoIterator<Item = StockEvent>) {
        let events: Vec<_> = events.into_iter().map(|event| (LedgerEvent::Stock(event), None)).collect();
        commit(&self.table.store, &self.clock, &self.network, &events).await.expect("taken");
    }

    /// A new webhook intake.
    ///
    /// # Panics
    /// Never: its secret is well formed.
    #[must_use]
    pub fn intake(&self) -> Intake<DynamoStore, TestClock> {
        Intake {
            store: self.table.acting_as("WebhookIntake"),
            clock: self.clock.clone(),
            shop: self.shop.clone(),
            app: app(SECRET),
            network: NetworkCache::default(),
        }
    }

    /// Delivers a webhook. Returns the status and the answer.
    ///
    /// # Panics
    /// If the answer is not JSON.
    pub async fn deliver(&self, webhook: &Webhook) -> (u16, Value) {
        let answer = self.intake().handle(webhook.request()).await;
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(answer.body().as_ref()).expect("an answer in JSON"))
    }

    /// Delivers a webhook that the intake must accept.
    ///
    /// # Panics
    /// If the intake rejects it.
    pub async fn deliver_accepted(&self, topic: &str, id: &str, body: Vec<u8>) -> Value {
        let (status, answer) = self.deliver(&Webhook::new(topic, id, body)).await;
        assert_eq!(status, 200, "{topic} {id}: {answer}");
        answer
    }

    /// A new stream handler.
    #[must_use]
    pub fn recompute(&self) -> Recompute<DynamoStore, MemoryHints, MemoryBus, TestClock, DynamoStreams> {
        Recompute {
            store: self.table.acting_as("AtsRecompute"),
            hints: self.hints.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            network: NetworkCache::default(),
            stream: self.table.streams(),
        }
    }

    /// Delivers messages about stream records that Lambda has given up. Returns the indexes of those that return to the queue.
    ///
    /// # Panics
    /// If an id is not an index.
    pub async fn redo(&self, messages: &[String]) -> Vec<usize> {
        let response = self.recompute().redo(message_event(messages), self.clock.after(30)).await;
        let failures = response.batch_item_failures.iter();
        failures.map(|failure| failure.item_identifier.parse().expect("an index")).collect()
    }

    /// Plays the stream until it is empty.
    ///
    /// # Panics
    /// If the handler fails on a record.
    pub async fn settle(&self) {
        let handler = self.recompute();
        loop {
            let records = self.table.stream();
            if records.is_empty() {
                return;
            }
            let records: Vec<Value> = records.into_iter().filter(is_delivered).collect();
            for batch in records.chunks(100) {
                let response = handler.handle(stream_event(batch), self.clock.after(60)).await;
                assert!(response.batch_item_failures.is_empty(), "a stream record failed: {response:?}");
            }
        }
    }

    /// Runs the pusher with `hints`. Returns the indexes of the hints that it gave back.
    ///
    /// # Panics
    /// If an id is not an index.
    pub async fn push<F: Storefront>(&self, front: F, hints: &[Hint]) -> Vec<usize> {
        self.push_event(front, hint_event(hints)).await
    }

    /// Runs the pusher with an event of the queue. Returns the indexes of the messages that it gave back.
    ///
    /// # Panics
    /// If an id is not an index.
    pub async fn push_event<F: Storefront>(&self, front: F, event: SqsEvent) -> Vec<usize> {
        let pusher = Pusher {
            store: self.table.acting_as("ShopifyPusher"),
            front,
            clock: self.clock.clone(),
            settling_window: SETTLING_WINDOW,
            network: NetworkCache::default(),
        };
        let response = pusher.handle(event, self.clock.after(30)).await;
        let failures = response.batch_item_failures.iter();
        failures.map(|failure| failure.item_identifier.parse().expect("an index")).collect()
    }

    /// A hint for these pairs of SKU and location.
    ///
    /// # Panics
    /// If a name is not valid.
    #[must_use]
    pub fn hint(&self, pairs: &[(&str, &str)]) -> Hint {
        let level = |(sku, location): &(&str, &str)| PushTarget::Level {
            sku: sku.parse().expect("a SKU"),
            location: location.parse().expect("a location code"),
        };
        Hint { shop: self.shop.clone(), targets: pairs.iter().map(level).collect() }
    }

    /// Runs a job of the reconciler with enough time.
    ///
    /// # Errors
    /// Those of the job.
    pub async fn reconcile<F: Storefront>(&self, front: F, job: Job) -> Result<Report, ReconcileError> {
        let reconciler = Reconciler {
            store: self.table.acting_as("Reconciler"),
            front,
            hints: self.hints.clone(),
            bus: self.bus.clone(),
            sources: InProcess::default(),
            clock: self.clock.clone(),
            shop: self.shop.clone(),
            settling_window: SETTLING_WINDOW,
            holds: HOLDS,
            network: NetworkCache::default(),
        };
        reconciler.handle(job, self.clock.after(240)).await
    }

    /// Reads and checks the whole table.
    ///
    /// # Panics
    /// If a position does not equal the sum of its movements.
    pub async fn contents(&self) -> TableContents {
        let contents = TableContents::read(&self.table.client, Table::NAME).await.expect("the table can be read");
        assert_eq!(contents.mismatches(), [], "positions equal the sums of their movements");
        contents
    }

    /// Positions in words, e.g. `A@WH-1 10 on hand, 3 reserved`.
    pub async fn positions(&self) -> Vec<String> {
        let contents = self.contents().await;
        let in_words = contents.positions.values().map(|p| (p.of.to_string(), p.balance));
        let mut positions: Vec<String> =
            in_words.map(|(of, balance)| format!("{of} {} on hand, {} reserved", balance.on_hand, balance.reserved)).collect();
        positions.sort();
        positions
    }

    /// Alerts in words, e.g. `low_stock#A raised`.
    ///
    /// # Panics
    /// If an alert cannot be read.
    #[must_use]
    pub fn alerts(&self) -> Vec<String> {
        let in_words = |row: &Value| match row_key(row) {
            Some(RowKey::Alert(about)) => Some(format!("{about} {}", row["body"]["M"]["state"]["S"].as_str()?)),
            Some(_) | None => None,
        };
        let mut alerts: Vec<String> = self.table.rows().iter().filter_map(in_words).collect();
        alerts.sort();
        alerts
    }

    /// The promise of an item.
    ///
    /// # Panics
    /// If it does not exist.
    pub async fn promise(&self, sku: &str) -> Promise {
        let row = RowKey::Promise(sku.parse().expect("a SKU"));
        read::<Promise, _>(&self.table.store, &row).await.expect("read").0.expect("a promise")
    }

    /// The level of an item at a location of the shop.
    ///
    /// # Panics
    /// If it does not exist.
    pub async fn level(&self, sku: &str, location: &str) -> Level {
        let sku: Sku = sku.parse().expect("a SKU");
        let row = RowKey::Level { shop: self.shop.clone(), sku, location: location.parse().expect("a location") };
        read::<Level, _>(&self.table.store, &row).await.expect("read").0.expect("a level")
    }
}

/// Whether the event source mapping of `template.yaml` delivers a record.
#[must_use]
pub fn is_delivered(record: &Value) -> bool {
    let removed = record["eventName"] == "REMOVE";
    match row_key(&record["dynamodb"]["Keys"]).map_or(Streamed::No, |row| row.streamed()) {
        Streamed::No => false,
        Streamed::Written => !removed,
        Streamed::WrittenOrRemoved => true,
    }
}

/// The app credentials, with this secret and the previous one.
///
/// # Panics
/// Never: they are well formed.
#[must_use]
pub fn app(secret: &str) -> ShopifyApp {
    let app = json!({ "client_id": "promissory-local", "client_secret": secret, "previous_client_secret": PREVIOUS_SECRET });
    serde_json::from_value(app).expect("a well-formed secret")
}

/// A position.
///
/// # Panics
/// If a name is not valid.
#[must_use]
pub fn position(sku: &str, place: &str) -> PositionKey {
    PositionKey::new(sku.parse().expect("a SKU"), Place::try_from(place.to_owned()).expect("a place"))
}

/// Stream records, as Lambda passes them to the handler.
///
/// # Panics
/// If they are not valid records.
#[must_use]
pub fn stream_event(records: &[Value]) -> StreamEvent {
    serde_json::from_value(json!({ "Records": records })).expect("stream records")
}

/// Hints as messages of the queue, as Lambda passes them to the handler. The id of a message is its index.
///
/// # Panics
/// Never: hints can always be serialised.
#[must_use]
pub fn hint_event(hints: &[Hint]) -> SqsEvent {
    let bodies = hints.iter().map(|hint| serde_json::to_string(hint).expect("a hint"));
    message_event(&bodies.collect::<Vec<_>>())
}

/// Messages of the queue, as Lambda passes them to the handler. The id of a message is its index.
///
/// # Panics
/// Never: any text can be a body.
#[must_use]
pub fn message_event(bodies: &[String]) -> SqsEvent {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(place, body)| json!({ "messageId": place.to_string(), "body": body, "attributes": {}, "messageAttributes": {} }))
        .collect();
    serde_json::from_value(json!({ "Records": records })).expect("queue records")
}

/// The time that has passed since `then`.
#[must_use]
pub fn since(clock: &TestClock, then: Timestamp) -> Duration {
    Duration::try_from(clock.now().duration_since(then)).unwrap_or_default()
}
