//! The processes: two of each function, each with its own clock, caches and view of the rate limit.

use std::sync::Arc;

use ats_recompute::Recompute;
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::shopify::Shopify;
use promissory::catalog::ShopDomain;
use promissory::flows::{HeartbeatRecorder, NetworkCache};
use promissory_fakes::systems::InProcess;
use reconciler::Reconciler;
use serde_json::json;
use shopify_pusher::Pusher;
use webhook_intake::Intake;

use super::{HOLDS, SETTLING_WINDOW, World, batches};
use crate::planted::{PlantedBug, PlantedStore, PlantedStorefront};
use crate::ports::Ports;
use crate::rng::Rng;
use crate::store::SimStore;
use crate::streams::SimStreams;
use crate::tasks::SimClock;

/// One process of a function.
pub struct Process<H> {
    /// The handler of the function.
    pub handler: Arc<H>,
    /// The clock of the process.
    pub clock: SimClock,
}

/// The stream handler of a world.
type SimRecompute = Recompute<PlantedStore, Ports, Ports, SimClock, SimStreams>;

/// The reconciler of a world.
type SimReconciler = Reconciler<PlantedStore, PlantedStorefront, Ports, Ports, SimClock, InProcess>;

/// Every process of a world.
pub struct Processes {
    /// The webhook intake.
    pub intakes: [Process<Intake<PlantedStore, SimClock>>; 2],
    /// The source intake.
    pub source_intakes: [Process<source_intake::Intake<PlantedStore, SimClock>>; 2],
    /// The stream handler.
    pub recomputes: [Process<SimRecompute>; 2],
    /// The pusher, which sends levels to the shop.
    pub pushers: [Process<Pusher<PlantedStore, PlantedStorefront, SimClock>>; 2],
    /// The reconciler, which the schedules start.
    pub reconcilers: [Process<SimReconciler>; 2],
    directory: Arc<crate::planted::Directory>,
}

/// What the processes are built from.
pub struct Parts<'a> {
    /// The table.
    pub store: &'a SimStore,
    /// The stream of the table, for records that were given up.
    pub streams: &'a SimStreams,
    /// The connection to shop, queue and bus.
    pub ports: &'a Ports,
    /// The world's clock.
    pub clock: &'a SimClock,
    /// The random generator.
    pub rng: &'a Rng,
    /// Maximum clock skew, in milliseconds.
    pub skew: i64,
    /// The planted bug, if any.
    pub bug: Option<PlantedBug>,
    /// The shop.
    pub shop: ShopDomain,
    /// The SKU and location of ours for each pair of the shop.
    pub directory: Arc<crate::planted::Directory>,
}

impl Processes {
    /// Starts every process.
    pub fn start(parts: &Parts<'_>) -> Self {
        let Parts { store, streams, ports, clock, rng, skew, bug, shop, directory } = parts;
        let secret = ports.shop().config().secret.clone();
        let app = json!({ "client_id": "sim", "client_secret": secret });
        let app: ShopifyApp = serde_json::from_value(app).expect("app credentials");
        let planted = PlantedStore::new((*store).clone(), *bug);
        let front = |clock: &SimClock| PlantedStorefront {
            inner: Shopify::over((*ports).clone(), clock.clone(), "https://{shop}", app.clone()),
            store: (*store).clone(),
            directory: Arc::clone(directory),
            bug: *bug,
        };
        let off = || if *skew == 0 { 0 } else { rng.up_to(2 * skew) - skew };
        let network = NetworkCache::default;
        Self {
            intakes: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (store, shop, app) = (planted.acting_as("WebhookIntake"), shop.clone(), app.clone());
                Process::new(Intake { store, clock: clock.clone(), shop, app, network: network() }, clock)
            }),
            source_intakes: std::array::from_fn(|_| {
                // The skew stays below the tolerance for the timestamp of a signed request. Otherwise the process would reject
                // all requests.
                let clock = clock.skewed(off() * 9 / 10);
                let store = planted.acting_as("SourceIntake");
                let keys = batches::secrets().into();
                let intake = source_intake::Intake {
                    store,
                    clock: clock.clone(),
                    keys,
                    network: network(),
                    heartbeats: HeartbeatRecorder::default(),
                };
                Process::new(intake, clock)
            }),
            recomputes: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (hints, bus, store) = ((*ports).clone(), (*ports).clone(), planted.acting_as("AtsRecompute"));
                let stream = (*streams).clone();
                Process::new(Recompute { store, hints, bus, clock: clock.clone(), network: network(), stream }, clock)
            }),
            pushers: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (store, front) = (planted.acting_as("ShopifyPusher"), front(&clock));
                Process::new(
                    Pusher { store, front, clock: clock.clone(), settling_window: SETTLING_WINDOW, network: network() },
                    clock,
                )
            }),
            reconcilers: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (store, front) = (planted.acting_as("Reconciler"), front(&clock));
                let (hints, shop) = ((*ports).clone(), shop.clone());
                let (network, bus, sources) = (network(), (*ports).clone(), InProcess::default());
                let reconciler = Reconciler {
                    store,
                    front,
                    hints,
                    bus,
                    sources,
                    clock: clock.clone(),
                    shop,
                    settling_window: SETTLING_WINDOW,
                    holds: HOLDS,
                    network,
                };
                Process::new(reconciler, clock)
            }),
            directory: Arc::clone(directory),
        }
    }
}

impl World {
    /// Replaces every process, as a deployment does.
    pub(super) fn restart_processes(&mut self) {
        let shop = self.ports.shop().config().domain.parse().expect("the fake shop's domain is valid");
        self.processes = Processes::start(&Parts {
            store: &self.store,
            streams: &self.streams,
            ports: &self.ports,
            clock: &self.clock,
            rng: &self.rng,
            skew: self.config.skew,
            bug: self.bug,
            shop,
            directory: Arc::clone(&self.processes.directory),
        });
    }
}

impl<H> Process<H> {
    fn new(handler: H, clock: SimClock) -> Self {
        Self { handler: Arc::new(handler), clock }
    }
}
