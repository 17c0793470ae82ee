//! Available to sell, of one item.
//!
//! Per location: `available = on_hand − reserved − held − pos_pending − allocated − wholesale − buffer`. For the network:
//! the sum over active locations that fulfil online, plus what the unassigned position holds (never above zero: it is
//! orders whose location is not known yet). The buffer is kept back only where there is stock to keep back, and never
//! pushes a location below zero by itself; a location that is not in use keeps everything back. What can still be made, as
//! the plan says, is at the production location.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Item, Location, Network, Place, Quantity, ShopDomain, Sku, Tier};
use crate::ledger::Position;
use crate::movement::Balance;
use crate::promise::FinishedGoodPlan;
use crate::source::{ScheduledReceipt, ScheduledReceipts};

/// What can be promised of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The item.
    pub sku: Sku,
    /// What the network can promise to an online order.
    pub available: Quantity,
    /// The planner's threshold at the time, so that an order can raise the alert without another read.
    pub low_at: Option<Quantity>,
    /// Each place, with the numbers behind it.
    pub places: BTreeMap<Place, LocationPromise>,
    /// The shops that are told which lots there are, or still show some: where to look for labels. Empty for most items.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lots_metafield_in: BTreeSet<ShopDomain>,
    /// The shops that are told its promise date, or still show one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub date_metafield_in: BTreeSet<ShopDomain>,
    /// What is announced of it and has not come yet, paper by paper.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incoming: Vec<ScheduledReceipt>,
    /// Units of it that went into each production run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub issued: BTreeMap<String, Quantity>,
    /// What is reserved where online orders are served from, by the day the orders were placed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placed: BTreeMap<Date, Quantity>,
    /// What the plan says of it, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<FinishedGoodPlan>,
    /// When it was computed.
    pub computed_at: Timestamp,
}

/// What a promise is computed from.
#[derive(Debug, Clone, Copy)]
pub struct PromiseInputs<'a> {
    /// The item.
    pub item: &'a Item,
    /// Its tier.
    pub tier: Option<&'a Tier>,
    /// The locations.
    pub network: &'a Network,
    /// Its positions, where there are any.
    pub positions: &'a [Position],
    /// What is announced of it.
    pub supplies: Option<&'a ScheduledReceipts>,
    /// What the plan says of it.
    pub planned: Option<&'a FinishedGoodPlan>,
    /// The promise before.
    pub old: Option<&'a Promise>,
}

/// What can be promised from one place, and what it was computed from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LocationPromise {
    /// The position's last movement that is in these numbers.
    pub seq: u64,
    /// The position.
    #[serde(flatten)]
    pub balance: Balance,
    /// Units that can still be made: at the production location, see [`FinishedGoodPlan::producible`].
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub producible: Quantity,
    /// Units kept back here from the network.
    pub buffer: Quantity,
    /// What can be promised from here: [`Balance::available`] and what is makeable, less the buffer.
    pub available: Quantity,
    /// How new each source behind the position is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_seen: BTreeMap<String, Timestamp>,
}

impl LocationPromise {
    /// What a shop's available and committed should add up to, before what is kept back from it.
    #[must_use]
    pub fn supply(&self) -> Quantity {
        self.balance.supply() + self.producible
    }

    /// The part of the supply that the shop cannot know by itself.
    #[must_use]
    pub fn unknown_to_shop(&self) -> Quantity {
        self.balance.unknown_to_shop() + self.producible
    }

    /// Units kept back here, of what there is to keep back: `buffer` of them, or all where the location is not in use.
    #[must_use]
    pub fn kept_back(&self, location: Option<&Location>, buffer: Quantity) -> Quantity {
        let stock = (self.balance.sellable() + self.producible).at_least_zero();
        if location.is_some_and(|location| !location.active) { stock } else { buffer.min(stock) }
    }
}

impl Promise {
    /// Computes the promise of an item.
    #[must_use]
    pub fn compute(known: PromiseInputs<'_>, now: Timestamp) -> Self {
        let PromiseInputs { item, tier, network, positions, supplies, planned, old } = known;
        let mut places: BTreeMap<Place, LocationPromise> = positions
            .iter()
            .map(|Position { of, seq, balance, last_seen, .. }| {
                let at =
                    LocationPromise { seq: *seq, balance: *balance, last_seen: last_seen.clone(), ..LocationPromise::default() };
                (of.place.clone(), at)
            })
            .collect();
        // Production has no position of its own. Where it was shown it stays, or no shop would hear that it is nothing now.
        let was = old.iter().flat_map(|old| old.places.keys()).filter(|place| network.at(place).is_some());
        for place in was {
            places.entry(place.clone()).or_default();
        }
        if let (Some(planned), Some(production)) = (planned, network.production()) {
            places.entry(Place::At(production.code.clone())).or_default().producible = planned.producible();
        }
        let wanted = item.buffer_for(None, tier);
        for (place, at) in &mut places {
            at.buffer = at.kept_back(network.at(place), wanted);
            at.available = at.balance.available() + at.producible - at.buffer;
        }
        let online = || positions.iter().filter(|position| sells_online(network, &position.of.place));
        let mut placed = BTreeMap::new();
        for (day, units) in online().flat_map(|position| &position.placed) {
            *placed.entry(*day).or_default() += *units;
        }
        placed.retain(|_, units: &mut Quantity| !units.is_zero());
        Self {
            sku: item.sku.clone(),
            available: places.iter().filter(|(place, _)| sells_online(network, place)).map(|(_, at)| at.available).sum(),
            low_at: item.low_at,
            places,
            lots_metafield_in: BTreeSet::new(),
            date_metafield_in: BTreeSet::new(),
            incoming: supplies.map(|supplies| supplies.incoming(item.planning.supplier_days)).unwrap_or_default(),
            issued: supplies.map(ScheduledReceipts::issued).unwrap_or_default(),
            placed,
            planned: planned.cloned(),
            computed_at: now,
        }
    }

    /// When a unit that is ordered now can be there. None where units are there, and where nothing that is known brings one.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        let producible = self.places.values().map(|at| at.producible).sum::<Quantity>();
        let is_there = (self.available - producible).is_positive();
        self.planned.as_ref().and_then(|planned| planned.earliest).filter(|_| !is_there)
    }

    /// Units that orders wait for: what is reserved where online orders are served from, beyond what is there.
    #[must_use]
    pub fn waited_for(&self, network: &Network) -> Quantity {
        let online = self.places.iter().filter(|(place, _)| sells_online(network, place));
        (-online.map(|(_, at)| at.balance.available()).sum::<Quantity>()).at_least_zero()
    }

    /// Whether every position behind `self` is at least as new as the one behind `older`. A location that is no longer in
    /// the network has no say.
    #[must_use]
    pub fn follows(&self, older: &Self) -> bool {
        older.places.iter().all(|(place, old)| self.places.get(place).is_none_or(|new| new.seq >= old.seq))
    }

    /// Whether it says anything that `other` does not.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        *self == Self { computed_at: self.computed_at, ..other.clone() }
    }

    /// What the network can promise once these positions of the item have changed. Exact where nothing else has changed
    /// since the promise was computed; otherwise close, and `ats-recompute` has the last word.
    #[must_use]
    pub fn available_after<'a>(&self, network: &Network, changed: impl IntoIterator<Item = &'a Position>) -> Quantity {
        changed.into_iter().filter(|position| sells_online(network, &position.of.place)).fold(self.available, |sum, position| {
            let before = self.places.get(&position.of.place).map_or(Quantity::ZERO, |at| at.balance.available());
            sum - before + position.balance.available()
        })
    }
}

/// Whether stock at `place` counts for online orders.
pub(crate) fn sells_online(network: &Network, place: &Place) -> bool {
    match place {
        Place::Unassigned => true,
        Place::At(code) => network.get(code).is_some_and(Location::promises_online),
    }
}
