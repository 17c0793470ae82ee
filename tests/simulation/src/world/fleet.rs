//! The processes: two of each function, each with its own clock, caches and view of the shop's budget.

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

use super::{HOLDS, QUIET, parcels};
use crate::plant::{Plant, PlantedFront, PlantedStore};
use crate::ports::Line;
use crate::rng::Rng;
use crate::store::SimStore;
use crate::tasks::SimClock;

/// One process of a function.
pub struct Process<H> {
    /// What it runs.
    pub handler: Arc<H>,
    /// What it takes for the time.
    pub clock: SimClock,
}

/// The reconciler of a world.
type SimReconciler = Reconciler<PlantedStore, PlantedFront, Line, Line, SimClock, InProcess>;

/// Every process of a world.
pub struct Fleet {
    /// Takes webhooks.
    pub intakes: [Process<Intake<PlantedStore, SimClock>>; 2],
    /// Takes what other systems say.
    pub source_intakes: [Process<source_intake::Intake<PlantedStore, SimClock>>; 2],
    /// Follows the stream.
    pub recomputes: [Process<Recompute<PlantedStore, Line, Line, SimClock>>; 2],
    /// Tells the shop.
    pub pushers: [Process<Pusher<PlantedStore, PlantedFront, SimClock>>; 2],
    /// Runs by schedule.
    pub reconcilers: [Process<SimReconciler>; 2],
}

/// What processes are made of.
pub struct Parts<'a> {
    /// The table.
    pub store: &'a SimStore,
    /// The ways to the shop and the queue.
    pub line: &'a Line,
    /// The true time.
    pub clock: &'a SimClock,
    /// Chance.
    pub rng: &'a Rng,
    /// How far a clock may be off, in milliseconds.
    pub skew: i64,
    /// The bug in them.
    pub plant: Option<Plant>,
    /// The shop.
    pub shop: ShopDomain,
    /// What the shop's pairs are to us.
    pub directory: Arc<crate::plant::Directory>,
}

impl Fleet {
    /// Starts every process.
    pub fn start(parts: &Parts<'_>) -> Self {
        let Parts { store, line, clock, rng, skew, plant, shop, directory } = parts;
        let secret = line.shop().config().secret.clone();
        let app = json!({ "client_id": "sim", "client_secret": secret });
        let app: ShopifyApp = serde_json::from_value(app).expect("an app");
        let planted = PlantedStore::new((*store).clone(), *plant);
        let front = |clock: &SimClock| PlantedFront {
            inner: Shopify::over((*line).clone(), clock.clone(), "https://{shop}", app.clone()),
            store: (*store).clone(),
            directory: Arc::clone(directory),
            plant: *plant,
        };
        let off = || if *skew == 0 { 0 } else { rng.up_to(2 * skew) - skew };
        let network = NetworkCache::default;
        Self {
            intakes: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (store, shop, app) = (planted.clone(), shop.clone(), app.clone());
                Process::new(Intake { store, clock: clock.clone(), shop, app, network: network() }, clock)
            }),
            source_intakes: std::array::from_fn(|_| {
                // A clock that is off by more than a request may be would take none.
                let clock = clock.skewed(off() * 9 / 10);
                let store = planted.clone();
                let keys = parcels::secrets().into();
                let intake = source_intake::Intake {
                    store,
                    clock: clock.clone(),
                    keys,
                    network: network(),
                    ears: HeartbeatRecorder::default(),
                };
                Process::new(intake, clock)
            }),
            recomputes: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (hints, bus, store) = ((*line).clone(), (*line).clone(), planted.clone());
                Process::new(Recompute { store, hints, bus, clock: clock.clone(), network: network() }, clock)
            }),
            pushers: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (store, front) = (planted.clone(), front(&clock));
                Process::new(Pusher { store, front, clock: clock.clone(), settling_window: QUIET, network: network() }, clock)
            }),
            reconcilers: std::array::from_fn(|_| {
                let clock = clock.skewed(off());
                let (store, front, hints, shop) = (planted.clone(), front(&clock), (*line).clone(), shop.clone());
                let (network, bus, sources) = (network(), (*line).clone(), InProcess::default());
                let reconciler = Reconciler {
                    store,
                    front,
                    hints,
                    bus,
                    sources,
                    clock: clock.clone(),
                    shop,
                    settling_window: QUIET,
                    holds: HOLDS,
                    network,
                };
                Process::new(reconciler, clock)
            }),
        }
    }
}

impl<H> Process<H> {
    fn new(handler: H, clock: SimClock) -> Self {
        Self { handler: Arc::new(handler), clock }
    }
}
