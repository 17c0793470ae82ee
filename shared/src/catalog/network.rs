//! The locations of the network with their ids in every shop and system, and the settings of the shops. There are few of them
//! and every function reads them, so a function loads all of them at once and caches them for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Place, ShopDomain, ShopLocationId, ShopSettings, SystemId, TimeZone};

/// The kind of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// A factory that makes finished goods.
    Factory,
    /// A warehouse of our own.
    Warehouse,
    /// A warehouse of a logistics partner (3PL).
    ThirdParty,
    /// A store that sells over the counter.
    Store,
    /// Not a physical place: the location in the shop whose level shows what can still be produced.
    Production,
}

/// One location that holds units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Our code.
    pub code: LocationId,
    /// Its kind.
    pub kind: LocationKind,
    /// Whether its stock counts for online orders. A store that does not fulfil online still shows its stock to its own POS.
    pub fulfils_online: bool,
    /// Whether it is in use. The ledger still records the stock of an inactive location, but that stock is not promised.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether its stock can be consumed by production. Without a value its kind decides ([`Location::feeds_production`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feeds_production: Option<bool>,
    /// The time zone in which its days begin. Without one it has the days of the plant ([`Network::time_zone`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// Its id in each shop that has it.
    #[serde(default)]
    pub shops: BTreeMap<ShopDomain, ShopLocationId>,
    /// Its code in each other system that uses another code than ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub systems: BTreeMap<SystemId, String>,
}

fn yes() -> bool {
    true
}

impl Location {
    /// An active location without ids in shops or systems. Every kind except stores fulfils online.
    #[must_use]
    pub fn new(code: LocationId, kind: LocationKind) -> Self {
        let fulfils_online = match kind {
            LocationKind::Factory | LocationKind::Warehouse | LocationKind::ThirdParty | LocationKind::Production => true,
            LocationKind::Store => false,
        };
        let (feeds_production, time_zone, shops, systems) = Default::default();
        Self { code, kind, fulfils_online, active: true, feeds_production, time_zone, shops, systems }
    }

    /// Whether production can consume its stock: the value of the field, or without one whether it is a factory or a warehouse.
    /// Production cannot consume the stock of an inactive location.
    #[must_use]
    pub fn feeds_production(&self) -> bool {
        let by_kind = match self.kind {
            LocationKind::Factory | LocationKind::Warehouse => true,
            LocationKind::ThirdParty | LocationKind::Store | LocationKind::Production => false,
        };
        self.active && self.feeds_production.unwrap_or(by_kind)
    }

    /// Whether its stock can be promised to an online order.
    #[must_use]
    pub fn promises_online(&self) -> bool {
        self.active && self.fulfils_online
    }

    /// Whether online orders ship from it, so that kits are put together from its units.
    #[must_use]
    pub fn ships_online(&self) -> bool {
        self.promises_online() && self.kind != LocationKind::Production
    }
}

/// The limits of what the events of a system may say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SystemLimits {
    /// How far its times may be ahead of our clock, if it does not use [`Network::CLOCK_LIMIT`].
    pub clock_ahead: Option<Duration>,
    /// The kinds of event that it may send, by name, because the kinds are defined above this module; `None` for every kind.
    pub kinds: Option<BTreeSet<&'static str>>,
    /// The locations that its events may name; `None` for every location.
    pub locations: Option<BTreeSet<LocationId>>,
}

/// All locations, the limits of other systems, and the settings of all shops.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    locations: BTreeMap<LocationId, Location>,
    limits: BTreeMap<SystemId, SystemLimits>,
    unreadable_systems: BTreeSet<SystemId>,
    shops: BTreeMap<ShopDomain, ShopSettings>,
    unknown: BTreeSet<LocationId>,
}

impl Network {
    /// The most locations of a network. With this bound the promises of an item (one for each location and one for the
    /// unassigned place) and its levels in one shop always fit into one transaction.
    pub const MAX_LOCATIONS: usize = 40;

    /// The clock limit of a system without a limit of its own. See [`Self::clock_limit`].
    pub const CLOCK_LIMIT: Duration = Duration::from_secs(5 * 60);

    /// A network of these locations, without the settings of any shop.
    ///
    /// # Panics
    /// When there are more than [`Self::MAX_LOCATIONS`]. The import rejects a location beyond that.
    #[must_use]
    pub fn new(locations: impl IntoIterator<Item = Location>) -> Self {
        let locations: BTreeMap<_, _> = locations.into_iter().map(|l| (l.code.clone(), l)).collect();
        assert!(locations.len() <= Self::MAX_LOCATIONS, "a network has at most {} locations", Self::MAX_LOCATIONS);
        Self { locations, ..Self::default() }
    }

    /// The network with the settings of these shops.
    #[must_use]
    pub fn with_shops(self, shops: impl IntoIterator<Item = ShopSettings>) -> Self {
        Self { shops: shops.into_iter().map(|settings| (settings.shop.clone(), settings)).collect(), ..self }
    }

    /// The network with these locations, whose rows cannot be read.
    #[must_use]
    pub fn with_unknown(self, unknown: BTreeSet<LocationId>) -> Self {
        Self { unknown, ..self }
    }

    /// The first location whose row cannot be read.
    #[must_use]
    pub fn first_unknown(&self) -> Option<&LocationId> {
        self.unknown.first()
    }

    /// Whether the row of a location cannot be read. What is stored about the location is left as it is.
    #[must_use]
    pub fn is_unknown(&self, location: &LocationId) -> bool {
        self.unknown.contains(location)
    }

    /// The settings of a shop; `None` when it has none, so that it is not live.
    #[must_use]
    pub fn shop(&self, shop: &ShopDomain) -> Option<&ShopSettings> {
        self.shops.get(shop)
    }

    /// The settings of a shop that is live at `now`; `None` when it is not.
    #[must_use]
    pub fn live_shop(&self, shop: &ShopDomain, now: Timestamp) -> Option<&ShopSettings> {
        self.shop(shop).filter(|settings| settings.is_live(now))
    }

    /// The network with the limits of these systems.
    #[must_use]
    pub fn with_limits(self, limits: BTreeMap<SystemId, SystemLimits>) -> Self {
        Self { limits, ..self }
    }

    /// The network with these systems, whose rows cannot be read.
    #[must_use]
    pub fn with_unreadable_systems(self, unreadable_systems: BTreeSet<SystemId>) -> Self {
        Self { unreadable_systems, ..self }
    }

    /// The system of this name, if its row cannot be read. What its events may say is not known then, so that none is accepted.
    #[must_use]
    pub fn unreadable_system(&self, system: &str) -> Option<&SystemId> {
        self.unreadable_systems.get(system)
    }

    /// The limits of a system; `None` when it has no row, and therefore no limits of its own.
    #[must_use]
    pub fn limits(&self, system: &str) -> Option<&SystemLimits> {
        self.limits.get(system)
    }

    /// How far the times of a system's events may be ahead of our clock. An event with a later time is refused, because it would
    /// outrank every true statement until that time.
    #[must_use]
    pub fn clock_limit(&self, system: &str) -> Duration {
        self.limits(system).and_then(|limits| limits.clock_ahead).unwrap_or(Self::CLOCK_LIMIT)
    }

    /// Every location, by code.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.locations.values()
    }

    /// Every place where an item can have a position: the unassigned place, then each location.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        std::iter::once(Place::Unassigned).chain(self.locations.keys().cloned().map(Place::At))
    }

    /// The location with this code.
    #[must_use]
    pub fn get(&self, code: &LocationId) -> Option<&Location> {
        self.locations.get(code)
    }

    /// The location whose level shows what can still be produced: the first active one of kind [`LocationKind::Production`].
    #[must_use]
    pub fn production(&self) -> Option<&Location> {
        self.locations.values().find(|location| location.kind == LocationKind::Production && location.active)
    }

    /// The time zone of the plant, in which planning days begin: that of the production location, or else that of the first active
    /// factory with a time zone, or else UTC.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        let factories = self.locations.values().filter(|location| location.kind == LocationKind::Factory && location.active);
        let plants = self.production().into_iter().chain(factories);
        plants.filter_map(|location| location.time_zone.clone()).next().unwrap_or_default()
    }

    /// The day at a place: in the time zone of the location, or else of the plant.
    #[must_use]
    pub fn day_at(&self, place: &Place, at: Timestamp) -> Date {
        let own = self.at(place).and_then(|location| location.time_zone.clone());
        own.unwrap_or_else(|| self.time_zone()).day_of(at)
    }

    /// Whether a day began at any place between two moments.
    #[must_use]
    pub fn has_new_day(&self, since: Timestamp, now: Timestamp) -> bool {
        self.places().any(|place| self.day_at(&place, since) < self.day_at(&place, now))
    }

    /// The location of a place; `None` for the unassigned place.
    #[must_use]
    pub fn at(&self, place: &Place) -> Option<&Location> {
        match place {
            Place::Unassigned => None,
            Place::At(code) => self.get(code),
        }
    }

    /// Our location for another system's code: the location with that code in [`Location::systems`], or else the location with
    /// that code of our own, unless the system uses another code for it.
    #[must_use]
    pub fn by_system_code(&self, system: &str, code: &str) -> Option<&Location> {
        let named = self.locations.values().find(|location| location.systems.get(system).is_some_and(|known| known == code));
        named.or_else(|| self.locations.get(code).filter(|location| !location.systems.contains_key(system)))
    }

    /// Whether any location has an id in this shop.
    #[must_use]
    pub fn has_shop(&self, shop: &ShopDomain) -> bool {
        self.locations.values().any(|location| location.shops.contains_key(shop))
    }

    /// Our location for a shop's location id.
    #[must_use]
    pub fn by_shop_id(&self, shop: &ShopDomain, id: ShopLocationId) -> Option<&Location> {
        self.locations.values().find(|location| location.shops.get(shop) == Some(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects production from stock it cannot reach: the field decides, else the kind, and an inactive location never counts.
    /// A row from before this field existed goes by its kind.
    #[test]
    fn the_field_or_the_kind_decides_what_feeds_production() {
        for (kind, by_kind) in
            [("factory", true), ("warehouse", true), ("third_party", false), ("store", false), ("production", false)]
        {
            let old = format!(r#"{{"code":"L","kind":"{kind}","fulfils_online":true,"active":true,"shops":{{}}}}"#);
            let location: Location = serde_json::from_str(&old).expect("an old row");
            assert_eq!(serde_json::to_string(&location).expect("a location serialises"), old);
            for (field, active, expected) in [
                (None, true, by_kind),
                (Some(true), true, true),
                (Some(false), true, false),
                (Some(true), false, false),
                (None, false, false),
            ] {
                let location = Location { feeds_production: field, active, ..location.clone() };
                assert_eq!(location.feeds_production(), expected, "{kind}, field {field:?}, active {active}");
            }
        }
    }

    /// Protects the days of a place: they begin in its own time zone, or in that of the plant, or in UTC.
    #[test]
    fn days_begin_in_the_time_zone_of_the_place_or_of_the_plant() {
        let at = |code: &str, kind, zone: Option<&str>| Location {
            time_zone: zone.map(|zone| zone.parse().expect("a time zone")),
            ..Location::new(code.parse().expect("a code"), kind)
        };
        let (los_angeles, berlin) = (Some("America/Los_Angeles"), Some("Europe/Berlin"));
        let time = |time: &str| time.parse::<Timestamp>().expect("a time");
        for (made, factory, warehouse, plant, place) in [
            (None, None, None, "2026-11-21", "2026-11-21"),
            (los_angeles, berlin, None, "2026-11-20", "2026-11-20"),
            (None, los_angeles, None, "2026-11-20", "2026-11-20"),
            (los_angeles, None, berlin, "2026-11-20", "2026-11-21"),
            (None, None, los_angeles, "2026-11-21", "2026-11-20"),
        ] {
            let network = Network::new([
                at("MADE", LocationKind::Production, made),
                at("PLANT", LocationKind::Factory, factory),
                at("WH", LocationKind::Warehouse, warehouse),
            ]);
            let (now, wh) = (time("2026-11-21T07:59:59Z"), Place::At("WH".parse().expect("a code")));
            let found = (network.time_zone().day_of(now).to_string(), network.day_at(&wh, now).to_string());
            assert_eq!(found, (plant.to_owned(), place.to_owned()), "{made:?} {factory:?} {warehouse:?}");
            let is_in_america = [made, factory, warehouse].contains(&los_angeles);
            assert_eq!(network.has_new_day(now, time("2026-11-21T08:00:00Z")), is_in_america);
        }
    }
}
