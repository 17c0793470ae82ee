//! The locations of the network, and their ids in every shop. Few, and read by everyone: loaded whole and kept for a while.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Place, ShopDomain, ShopLocationId, SystemId};

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// Makes goods.
    Factory,
    /// Our own stock.
    Warehouse,
    /// Stock with a logistics partner.
    ThirdParty,
    /// Sells over the counter.
    Store,
    /// Not a place: the shop's location that shows what can still be made.
    Production,
}

/// One place that holds units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Our code.
    pub code: LocationId,
    /// What it is.
    pub kind: LocationKind,
    /// Whether its stock counts for online orders. A store's stock is shown to its own till all the same.
    pub fulfils_online: bool,
    /// Whether it is in use. One that is not is still counted and its stock is known, but it promises nothing.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether what lies there can go into production; by its kind where nothing is said ([`Location::feeds_production`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feeds_production: Option<bool>,
    /// Its id in each shop that knows it.
    #[serde(default)]
    pub shops: BTreeMap<ShopDomain, ShopLocationId>,
    /// Its code in each other system that calls it something else than we do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub systems: BTreeMap<SystemId, String>,
}

fn yes() -> bool {
    true
}

impl Location {
    /// A location in use that no shop and no system calls anything else; all but stores and production fulfil online.
    #[must_use]
    pub fn new(code: LocationId, kind: LocationKind) -> Self {
        let fulfils_online = match kind {
            LocationKind::Factory | LocationKind::Warehouse | LocationKind::ThirdParty | LocationKind::Production => true,
            LocationKind::Store => false,
        };
        let (feeds_production, shops, systems) = Default::default();
        Self { code, kind, fulfils_online, active: true, feeds_production, shops, systems }
    }

    /// Whether what lies there can go into production: as it says, or else of factories and warehouses. Nothing of a location
    /// that is not in use does.
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
}

/// All locations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    locations: BTreeMap<LocationId, Location>,
}

impl Network {
    /// The most locations one network may have: with its unassigned position, an item's promises then always fit one
    /// transaction beside its levels in one shop.
    pub const MAX_LOCATIONS: usize = 40;

    /// A network of these locations.
    ///
    /// # Panics
    /// With more than [`Self::MAX_LOCATIONS`]; importing locations refuses the one too many.
    #[must_use]
    pub fn new(locations: impl IntoIterator<Item = Location>) -> Self {
        let locations: BTreeMap<_, _> = locations.into_iter().map(|l| (l.code.clone(), l)).collect();
        assert!(locations.len() <= Self::MAX_LOCATIONS, "a network has at most {} locations", Self::MAX_LOCATIONS);
        Self { locations }
    }

    /// Every location, by code.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.locations.values()
    }

    /// Every place an item can have a position: the unassigned one, then each location.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        std::iter::once(Place::Unassigned).chain(self.locations.keys().cloned().map(Place::At))
    }

    /// The location of this code.
    #[must_use]
    pub fn get(&self, code: &LocationId) -> Option<&Location> {
        self.locations.get(code)
    }

    /// The location that shows what can still be made: the first of its kind that is in use.
    #[must_use]
    pub fn production(&self) -> Option<&Location> {
        self.locations.values().find(|location| location.kind == LocationKind::Production && location.active)
    }

    /// The location of a place; none for the unassigned one.
    #[must_use]
    pub fn at(&self, place: &Place) -> Option<&Location> {
        match place {
            Place::Unassigned => None,
            Place::At(code) => self.get(code),
        }
    }

    /// Our location for another system's code: the one it is said to have there, or else the one we call so.
    #[must_use]
    pub fn by_system_code(&self, system: &str, code: &str) -> Option<&Location> {
        let named = self.locations.values().find(|location| location.systems.get(system).is_some_and(|known| known == code));
        named.or_else(|| self.locations.get(code).filter(|location| !location.systems.contains_key(system)))
    }

    /// Whether any location is one of this shop's.
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

    /// Protects production from stock it cannot reach: what is said counts, else the kind, and nothing that is out of use. A row
    /// from before this was kept goes by its kind.
    #[test]
    fn what_feeds_production_is_said_or_goes_by_kind() {
        for (kind, by_kind) in
            [("factory", true), ("warehouse", true), ("third_party", false), ("store", false), ("production", false)]
        {
            let old = format!(r#"{{"code":"L","kind":"{kind}","fulfils_online":true,"active":true,"shops":{{}}}}"#);
            let location: Location = serde_json::from_str(&old).expect("an old row");
            assert_eq!(serde_json::to_string(&location).expect("it can be written"), old);
            for (said, active, expected) in [
                (None, true, by_kind),
                (Some(true), true, true),
                (Some(false), true, false),
                (Some(true), false, false),
                (None, false, false),
            ] {
                let location = Location { feeds_production: said, active, ..location.clone() };
                assert_eq!(location.feeds_production(), expected, "{kind}, said {said:?}, active {active}");
            }
        }
    }
}
