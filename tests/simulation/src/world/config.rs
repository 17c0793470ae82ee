//! The faults of a world and their rates. Every seed has its own set, because a fault that occurs everywhere hides the effects
//! of the others.

use promissory_fakes::shopify::ItemId;

use super::workshop::ProductionSetup;
use crate::ports::PortFaults;
use crate::rng::Rng;
use crate::store::StoreFaults;

/// The faults and settings of a world.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorldConfig {
    /// Faults of the table.
    pub store: StoreFaults,
    /// Faults of the shop connection, the queue and the bus.
    pub ports: PortFaults,
    /// True if supply never shrinks and no person edits the shop. The shop must then never show more units than there are.
    pub only_grows: bool,
    /// True if all levels are initialised before the faults begin. Otherwise the shop is still going live.
    pub initialised: bool,
    /// Maximum skew of a process clock, in milliseconds.
    pub skew: i64,
    /// True if there are orders with more lines than one transaction can hold.
    pub large_orders: bool,
    /// True if the shop itself has faults.
    pub has_shop_faults: bool,
    /// True if the shop has a small rate limit.
    pub small_rate_limit: bool,
    /// Batches of stream records that are given up, per thousand. Where there are any, a record is given up after its first failure.
    pub given_up_batches: usize,
    /// Given-up stream records that cannot be read again, per thousand.
    pub trimmed_records: usize,
    /// Number of failed deliveries after which a webhook is given up. Hints and stream records have at most five.
    pub max_tries: u32,
    /// Webhooks and batches that are lost, duplicated or late, per thousand.
    pub lost_deliveries: usize,
    /// Invalid events, and events sent twice with different contents, per thousand batches.
    pub flawed_events: usize,
    /// True if an item that the shop sells is kept by lot.
    pub sold_by_lot: bool,
    /// The time zones of the two warehouses and of the factory, where they have one of their own.
    pub time_zones: [Option<&'static str>; 3],
    /// How finished goods are made that are sold before they are made. `None` if the world has none.
    pub production_setup: Option<ProductionSetup>,
    /// True if the table is restored to an earlier time.
    pub restores: bool,
}

/// Time zones in which a day begins at different times. In the first, it begins when most worlds begin.
const ZONES: [&str; 3] = ["Asia/Kamchatka", "America/Los_Angeles", "Pacific/Kiritimati"];

impl WorldConfig {
    /// A world without faults.
    #[must_use]
    pub fn without_faults() -> Self {
        Self { initialised: true, max_tries: 8, ..Self::default() }
    }

    /// The faults of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        // A generator of its own keeps the other random choices of a seed unchanged when a setting is added here.
        let rng = Rng::new(seed ^ 0x00C1_1A7E);
        let sometimes = |chance: usize, worth: usize| if rng.per_mille(chance) { worth } else { 0 };
        let hot = rng.per_mille(150);
        let throttle = sometimes(700, 8) + sometimes(150, 80);
        let conflict = if hot { 750 } else { sometimes(700, 15) };
        let mut config = Self {
            store: StoreFaults {
                throttle,
                conflict,
                lost_answer: sometimes(700, 10),
                stale_index: sometimes(700, 200),
                newer: sometimes(300, 300),
                ..StoreFaults::default()
            },
            ports: PortFaults {
                lost_call: sometimes(700, 20),
                lost_answer: sometimes(700, 20),
                failed: sometimes(700, 10),
                garbled: 0,
                queue: sometimes(700, 20),
                bus: sometimes(700, 20),
                refused_item: None,
            },
            only_grows: rng.per_mille(500),
            initialised: rng.per_mille(500),
            skew: if rng.per_mille(400) { 5 * 60 * 1_000 } else { 0 },
            large_orders: rng.per_mille(150),
            has_shop_faults: rng.per_mille(500),
            small_rate_limit: rng.per_mille(400),
            given_up_batches: 0,
            trimmed_records: 0,
            max_tries: if rng.per_mille(300) { 2 } else { 8 },
            lost_deliveries: sometimes(800, 100),
            flawed_events: 0,
            sold_by_lot: false,
            time_zones: [None; 3],
            production_setup: None,
            restores: false,
        };
        config.ports.garbled = sometimes(300, 100);
        config.flawed_events = sometimes(600, 80);
        config.production_setup = rng.per_mille(200).then(|| ProductionSetup::drawn(&rng));
        config.sold_by_lot = rng.per_mille(300);
        config.time_zones = std::array::from_fn(|_| rng.per_mille(300).then(|| *rng.pick(&ZONES)));
        if rng.per_mille(250) {
            config.store.rejected = sometimes(500, 5);
            config.store.unreadable = sometimes(700, 3);
            config.store.unwritable = sometimes(700, 3);
            config.store.spares_locations = config.production_setup.is_some();
            // The refresh of all items after the repair of a location relies on clocks that agree.
            config.skew = 0;
        }
        if rng.per_mille(150) {
            // A deployment: invocations of two versions run side by side.
            config.store.newer = 500;
            config.store.newer_value = 15;
            config.store.spares_locations = config.production_setup.is_some();
            config.skew = 0;
        }
        config.restores = rng.per_mille(100);
        config.given_up_batches = if rng.per_mille(250) { 100 } else { 0 };
        if config.given_up_batches > 0 && rng.per_mille(400) {
            config.trimmed_records = 500;
            // The refresh of all items in place of the records relies on clocks that agree.
            config.skew = 0;
        }
        config
    }

    /// The same connection faults, with an item for which the shop refuses whole calls.
    #[must_use]
    pub fn port_faults_with(&self, refused_item: Option<ItemId>) -> PortFaults {
        PortFaults { refused_item, ..self.ports }
    }
}
