//! A world with a fake source system and the example configuration of that system.

use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use promissory::adapters::address::AddressScope;
use promissory::adapters::http_source::HttpSource;
use promissory::adapters::secrets::SourceSecrets;
use promissory::catalog::{FeedId, Item, Location, Network, SystemItem};
use promissory::flows::pull::{PullContext, PullError, PullReport, pull};
use promissory::ports::{Clock, Source, Store, read};
use promissory::source::System;
use promissory::source::pull::FeedWatermark;
use promissory::table::{Expect, RowKey, Write};
use promissory_fakes::systems::{Document, InProcess, Served, Shape, Stock, SystemState};
use promissory_local::seed::import_network;
use promissory_tests::world::World;
use serde_json::Value;

pub const SECRET: &str = "promissory:in-tests";

/// The names that one system uses.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    pub shape: Shape,
    pub file: &'static str,
    pub host: &'static str,
    pub secret: &'static str,
    /// The feeds of movements and of stock.
    pub feeds: [&'static str; 2],
    /// The system's codes of A and B.
    pub items: [&'static str; 2],
    /// The system's codes of WH-1 and 3PL-1, as its documents contain them.
    pub places: [&'static str; 2],
    /// The same codes as the configuration maps them.
    pub codes: [&'static str; 2],
    pub receipt: &'static str,
    pub each: &'static str,
}

pub const SAP: Words = Words {
    shape: Shape::Sap,
    file: "sap-s4hana.json",
    host: "https://sap.example.com",
    secret: "sap-user",
    feeds: ["documents", "stock"],
    items: ["MAT-A", "MAT-B"],
    places: ["1000", "2000"],
    codes: ["1000-0001", "2000-0001"],
    receipt: "101S",
    each: "PC",
};

pub const NETSUITE: Words = Words {
    shape: Shape::NetSuite,
    file: "netsuite.json",
    host: "https://netsuite.example.com",
    secret: "netsuite-token",
    feeds: ["transactions", "balances"],
    items: ["A", "B"],
    places: ["2", "3"],
    codes: ["2", "3"],
    receipt: "ItemRcpt",
    each: "Each",
};

pub const ODOO: Words = Words {
    shape: Shape::Odoo,
    file: "odoo.json",
    host: "https://odoo.example.com",
    secret: "odoo-api-key",
    feeds: ["receipts", "stock"],
    items: ["41", "42"],
    places: ["8", "9"],
    codes: ["8", "9"],
    receipt: "incoming",
    each: "Units",
};

pub const LINES: Words = Words {
    shape: Shape::Lines,
    file: "change-feed.json",
    host: "https://wms.example.com",
    secret: "wms-key",
    feeds: ["changes", "changes"],
    items: ["A", "B"],
    places: ["WH-1", "3PL-1"],
    codes: ["WH-1", "3PL-1"],
    receipt: "goods_in",
    each: "each",
};

pub const ALL: [Words; 4] = [SAP, NETSUITE, ODOO, LINES];

/// An example configuration with the given URL and changed parts.
pub fn configuration(words: Words, url: &str, changes: &[(&str, Value)]) -> System {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("infra/connectors").join(words.file);
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("the example")).expect("JSON");
    for (at, value) in changes {
        let (parent, name) = at.rsplit_once('/').expect("a pointer");
        config.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} in {}", words.file))[name] = value.clone();
    }
    let text = config.to_string().replace(words.host, url);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", words.file))
}

/// A source with these secrets that may call this machine.
pub fn local(secrets: SourceSecrets) -> HttpSource {
    HttpSource::new(secrets, AddressScope::Loopback).expect("a client")
}

/// A world, and a system that is pulled over HTTP.
pub struct Pulled {
    pub world: World,
    pub words: Words,
    pub served: Served,
    pub source: HttpSource,
    pub system: System,
    pub network: Network,
}

impl Pulled {
    /// A system without documents. The items are A, also counted in cases of 12, and B, weighed in grams.
    pub async fn new(words: Words) -> Self {
        Self::with(words, &[]).await
    }

    /// The same, with changed parts of the example configuration.
    pub async fn with(words: Words, changes: &[(&str, Value)]) -> Self {
        let world = World::new().await;
        let served = Served::start(words.shape, SECRET, system_state(world.clock.now())).await.expect("a port");
        let system = configuration(words, served.url(), changes);
        let network = catalog(&world, words, &system).await;
        let secrets = SourceSecrets::default().outbound(words.secret, served.host(), SECRET);
        Self { source: local(secrets), world, words, served, system, network }
    }

    /// Pulls a feed, with one minute of time.
    pub async fn pull(&self, feed: &str) -> Result<PullReport, PullError> {
        self.pull_until(feed, self.world.clock.after(60)).await
    }

    pub async fn pull_until(&self, feed: &str, deadline: Timestamp) -> Result<PullReport, PullError> {
        run(&self.world, &self.source, &self.network, &self.system, feed, deadline).await
    }

    /// Pulls the movements. The pull must succeed.
    pub async fn movements(&self) -> PullReport {
        self.pull(self.words.feeds[0]).await.expect("pulled")
    }

    /// Pulls the stock. The pull must succeed.
    pub async fn stock(&self) -> PullReport {
        self.pull(self.words.feeds[1]).await.expect("pulled")
    }

    /// Adds receipts of one unit of A at WH-1, one minute apart, after the existing documents.
    pub fn receipts(&self, count: u64) {
        for _ in 0..count {
            let next = self.served.with(|state| u64::try_from(state.documents.len()).expect("few")) + 1;
            self.document(|_, _| {}, next);
        }
    }

    /// Adds a document: a receipt of one unit of A at WH-1, changed by `change`.
    pub fn document(&self, change: impl FnOnce(&mut Document, Words), id: u64) {
        let words = self.words;
        let mut document = Document {
            id,
            kind: words.receipt,
            item: words.items[0].to_owned(),
            location: words.places[0].to_owned(),
            to: None,
            quantity: "1".to_owned(),
            unit: words.each.to_owned(),
            at: at(id),
            reference: Some(format!("DOC-{id}")),
        };
        change(&mut document, words);
        self.served.with(|state| state.documents.push(document));
    }

    /// Sets the stock of the system: item, location, bin, quantity.
    pub fn stocked(&self, stock: &[(usize, usize, &str, &str)]) {
        let words = self.words;
        let row = |(item, place, bin, quantity): &(usize, usize, &str, &str)| Stock {
            item: words.items[*item].to_owned(),
            location: words.places[*place].to_owned(),
            bin: (*bin).to_owned(),
            quantity: (*quantity).to_owned(),
            unit: if *item == 0 { words.each } else { "g" }.to_owned(),
        };
        self.served.with(|state| state.stock = stock.iter().map(row).collect());
    }

    /// The positions, e.g. `A@WH-1 7 on hand`.
    pub async fn stands(&self) -> Vec<String> {
        let positions = self.world.positions().await;
        positions.into_iter().map(|position| position.replace(", 0 reserved", "")).collect()
    }

    pub async fn watermark(&self, feed: &str) -> FeedWatermark {
        let key = RowKey::FeedWatermark { system: self.system.code.clone(), feed: feed.parse().expect("a feed") };
        read::<FeedWatermark, _>(&self.world.table.store, &key).await.expect("read").0.expect("a watermark")
    }

    /// Advances the time of the world and of the system.
    pub fn pass(&self, seconds: u64) {
        self.world.clock.pass(seconds);
        self.served.with(|state| state.now = self.world.clock.now());
    }
}

/// The time of document `id`, in the hour before noon.
pub fn at(id: u64) -> Timestamp {
    let eleven: Timestamp = "2026-11-21T11:00:00Z".parse().expect("a time");
    eleven + jiff::SignedDuration::from_mins(i64::try_from(id).expect("few"))
}

pub async fn run<Q: Source>(
    world: &World,
    source: &Q,
    network: &Network,
    system: &System,
    feed: &str,
    deadline: Timestamp,
) -> Result<PullReport, PullError> {
    let feed: FeedId = feed.parse().expect("a feed");
    pull(&PullContext { store: &world.table.store, source, clock: &world.clock, network, deadline }, system, &feed).await
}

pub fn system_state(now: Timestamp) -> SystemState {
    let base_units = [("Case".to_owned(), ("Each".to_owned(), 12))].into();
    SystemState { now, page: 3, base_units, ..SystemState::default() }
}

/// Imports the items and their codes and location codes in the system.
pub async fn catalog(world: &World, words: Words, system: &System) -> Network {
    let case = ("case".parse().expect("a unit"), "12".parse().expect("a factor"));
    world.import(&Item { units: [case].into(), ..world.plain("A") }, &[]).await;
    world.import(&Item { unit: Some("g".parse().expect("a unit")), ..world.plain("B") }, &[]).await;
    for (code, sku) in words.items.into_iter().zip(["A", "B"]).filter(|(code, sku)| code != sku) {
        let (unit, units) = Default::default();
        let mapping =
            SystemItem { system: system.code.clone(), code: code.to_owned(), sku: sku.parse().expect("a SKU"), unit, units };
        world.table.store.write(&[Write::put(&mapping, Expect::Absent)]).await.expect("written");
    }
    let code_of = |location: &Location| match location.code.as_str() {
        "WH-1" => words.codes[0],
        "3PL-1" => words.codes[1],
        _ => "elsewhere",
    };
    let named = |location: &Location| Location {
        systems: [(system.code.clone(), code_of(location).to_owned())].into(),
        ..location.clone()
    };
    let locations: Vec<Location> = world.network.locations().map(named).collect();
    import_network(&world.table.store, &locations).await.expect("imported")
}

/// The same system in this process.
pub fn in_process(world: &World, words: Words) -> (InProcess, Arc<Mutex<SystemState>>) {
    let state = Arc::new(Mutex::new(system_state(world.clock.now())));
    let mut systems = InProcess::default();
    systems.add(words.host, words.shape, Arc::clone(&state));
    (systems, state)
}
