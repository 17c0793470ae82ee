//! The units of one item that are available to sell.
//!
//! Per location: `available = on_hand − reserved − held − expired − pos_pending − allocated − wholesale − buffer`. For the network: the sum
//! over the active locations that fulfil online orders, plus the unassigned position. The unassigned position is never above
//! zero: it holds orders whose location is not known yet. The buffer is kept back only from stock that is there, and never pushes
//! a location below zero by itself. A location that is not in use keeps all its stock back. Units that the plan can still produce
//! count at the production location.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalog::{Item, Location, LocationId, LocationKind, Network, Place, Quantity, ShopDomain, Sku, Tier};
use crate::ledger::Position;
use crate::movement::Balance;
use crate::promise::FinishedGoodPlan;
use crate::source::{CompletedRun, RecordedUnits, ScheduledReceipt, ScheduledReceipts};

/// What can be promised of one item, with the numbers behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The item.
    pub sku: Sku,
    /// Units that the network can promise to an online order.
    pub available: Quantity,
    /// The low-stock threshold of the item at the time of the computation, so that an order can raise the alert without another
    /// read.
    pub low_at: Option<Quantity>,
    /// Units that each place keeps back from the network, if they are there.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub buffer: Quantity,
    /// Each place, with the numbers behind it.
    pub places: BTreeMap<Place, LocationPromise>,
    /// The shops that get the lots metafield of the item, or whose variant still has one. Metafield rows are looked up only for
    /// these shops. Empty for most items.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lots_metafield_in: BTreeSet<ShopDomain>,
    /// The shops that get the promise-date metafield of the item, or whose variant still has one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub date_metafield_in: BTreeSet<ShopDomain>,
    /// Each shop and location that the item can have a level at. A level is deleted when its listing, or the shop's id of its location,
    /// is removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub levels: BTreeSet<(ShopDomain, LocationId)>,
    /// The scheduled receipts of the item that have not arrived yet, one per source document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incoming: Vec<ScheduledReceipt>,
    /// Units of the item that were issued to each production run, by the reference of the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub issued: BTreeMap<String, Quantity>,
    /// Units of the item that went into the kits of each item lately.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub issued_to_kits: BTreeMap<String, Vec<RecordedUnits>>,
    /// The runs of the item that completed units in the last days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completed: Vec<CompletedRun>,
    /// The day on which units of the item were last issued without the name of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_issue: Option<Date>,
    /// Reserved units at the places that serve online orders, by the day on which the orders were placed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placed: BTreeMap<Date, Quantity>,
    /// The plan of the item; `None` when it is in no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<FinishedGoodPlan>,
    /// When the promise was computed.
    pub computed_at: Timestamp,
}

/// The inputs of [`Promise::compute`].
#[derive(Debug, Clone, Copy)]
pub struct PromiseInputs<'a> {
    /// The item.
    pub item: &'a Item,
    /// Its tier.
    pub tier: Option<&'a Tier>,
    /// The locations.
    pub network: &'a Network,
    /// The positions of the item; empty when it has none.
    pub positions: &'a [Position],
    /// The scheduled receipts of the item.
    pub receipts: Option<&'a ScheduledReceipts>,
    /// The plan of the item.
    pub planned: Option<&'a FinishedGoodPlan>,
    /// Units of the item that kits take.
    pub kept_for_kits: Quantity,
    /// The stored promise that the new one replaces.
    pub old: Option<&'a Promise>,
}

/// What can be promised from one place, and the numbers it was computed from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LocationPromise {
    /// The sequence number of the last movement that is in these numbers.
    pub seq: u64,
    /// The balance of the position.
    #[serde(flatten)]
    pub balance: Balance,
    /// Units that can still be produced; only at the production location. See [`FinishedGoodPlan::producible`].
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub producible: Quantity,
    /// Units on hand of lots that have expired ([`Position::expired`]).
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub expired: Quantity,
    /// The day on which the next lot expires ([`Position::next_expiry`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<Date>,
    /// Units that kits take which are put together here ([`GroupPlan::kept_for_kits`](crate::promise::GroupPlan::kept_for_kits)).
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub kept_for_kits: Quantity,
    /// Units that this place keeps back from the network.
    pub buffer: Quantity,
    /// Units that can be promised from this place: the units in stock and the producible units, less the buffer.
    pub available: Quantity,
    /// Units that order edits removed here, and of which it is not known whether the shop put them back on sale.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub removed: Quantity,
    /// Whether a system ever reported stock here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reported: bool,
    /// When the units were last counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Timestamp>,
    /// When each source behind the position was last seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_seen: BTreeMap<String, Timestamp>,
}

impl LocationPromise {
    /// The sum that a shop's available and committed should have, before the units that are kept back from the shop are deducted.
    #[must_use]
    pub fn supply(&self) -> Quantity {
        self.balance.supply() - self.expired - self.kept_for_kits + self.producible
    }

    /// The part of the supply that the shop cannot derive from its own orders.
    #[must_use]
    pub fn unknown_to_shop(&self) -> Quantity {
        self.balance.unknown_to_shop() - self.expired - self.kept_for_kits + self.producible
    }

    /// Units in stock that no order has reserved; below zero when orders wait for units.
    #[must_use]
    pub fn in_stock(&self) -> Quantity {
        self.balance.available() - self.expired
    }

    /// Units that this place keeps back: `buffer`, but no more than the stock that is there; all of the stock when the location
    /// is not in use.
    #[must_use]
    pub fn kept_back(&self, location: Option<&Location>, buffer: Quantity) -> Quantity {
        let stock = (self.balance.sellable() - self.expired - self.kept_for_kits + self.producible).at_least_zero();
        if location.is_some_and(|location| !location.active) { stock } else { buffer.min(stock) }
    }
}

impl Promise {
    /// Computes the promise of an item.
    #[must_use]
    pub fn compute(known: PromiseInputs<'_>, now: Timestamp) -> Self {
        let PromiseInputs { item, tier, network, positions, receipts, planned, kept_for_kits, old } = known;
        let mut places: BTreeMap<Place, LocationPromise> = positions
            .iter()
            .map(|position| {
                let today = network.day_at(&position.of.place, now);
                let at = LocationPromise {
                    seq: position.seq,
                    balance: position.balance,
                    // An item that is no longer kept by lot may have old lots, whose units have left without a lot.
                    expired: if item.by_lot { position.expired(today) } else { Quantity::ZERO },
                    next_expiry: position.next_expiry(today).filter(|_| item.by_lot),
                    removed: position.removed,
                    reported: position.reported,
                    counted: position.counted.as_ref().map(|count| count.as_of),
                    last_seen: position.last_seen.clone(),
                    ..LocationPromise::default()
                };
                (position.of.place.clone(), at)
            })
            .collect();
        // The production location has no position of its own. A place of the old promise stays in the new one, so that a shop
        // that shows producible units receives the change to zero.
        let was = old.iter().flat_map(|old| old.places.keys()).filter(|place| network.at(place).is_some());
        for place in was {
            places.entry(place.clone()).or_default();
        }
        if let (Some(planned), Some(production)) = (planned, network.production()) {
            places.entry(Place::At(production.code.clone())).or_default().producible = planned.producible();
        }
        for (place, at) in &mut places {
            // What can still be made is computed, and needs no report.
            at.reported |= network.at(place).is_some_and(|location| location.kind == LocationKind::Production);
        }
        keep_for_kits(&mut places, network, kept_for_kits);
        let wanted = item.buffer_for(None, tier);
        for (place, at) in &mut places {
            at.buffer = at.kept_back(network.at(place), wanted);
            at.available = at.in_stock() - at.kept_for_kits + at.producible - at.buffer;
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
            buffer: wanted,
            places,
            lots_metafield_in: BTreeSet::new(),
            date_metafield_in: BTreeSet::new(),
            levels: BTreeSet::new(),
            incoming: receipts.map(|receipts| receipts.incoming(item.planning.supplier_days)).unwrap_or_default(),
            issued: receipts.map(ScheduledReceipts::issued).unwrap_or_default(),
            issued_to_kits: receipts.map(ScheduledReceipts::issued_to_kits).unwrap_or_default(),
            completed: receipts.map(ScheduledReceipts::completed).unwrap_or_default(),
            unnamed_issue: receipts.and_then(|receipts| receipts.unnamed_issue),
            placed,
            planned: planned.cloned(),
            computed_at: now,
        }
    }

    /// The day on which a unit that is ordered now can be available. `None` when units are in stock, and when no known receipt or
    /// production brings one.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        let producible = self.places.values().map(|at| at.producible).sum::<Quantity>();
        let is_there = (self.available - producible).is_positive();
        self.planned.as_ref().and_then(|planned| planned.earliest).filter(|_| !is_there)
    }

    /// Units that orders wait for: reserved units at the places that serve online orders, beyond the stock there.
    #[must_use]
    pub fn waited_for(&self, network: &Network) -> Quantity {
        let online = self.places.iter().filter(|(place, _)| sells_online(network, place));
        (-online.map(|(_, at)| at.in_stock()).sum::<Quantity>()).at_least_zero()
    }

    /// Whether a lot has expired since the promise was computed.
    #[must_use]
    pub fn is_past_an_expiry(&self, network: &Network, now: Timestamp) -> bool {
        self.places.iter().any(|(place, at)| at.next_expiry.is_some_and(|day| day <= network.day_at(place, now)))
    }

    /// The place whose position is older in `self` than in `before`; `None` where `self` is at least as new everywhere. A location
    /// that was removed from the network does not count.
    #[must_use]
    pub fn place_behind(&self, before: &Self) -> Option<&Place> {
        let mut common = self.places.iter().filter_map(|(place, new)| Some((place, new, before.places.get(place)?)));
        common.find(|(_, new, old)| new.seq < old.seq).map(|(place, _, _)| place)
    }

    /// Whether the two promises differ in nothing but the time of their computation.
    #[must_use]
    pub fn has_the_same_content(&self, other: &Self) -> bool {
        *self == Self { computed_at: self.computed_at, ..other.clone() }
    }

    /// What the network can promise once these positions of the item have changed. The result is exact when nothing else has
    /// changed since the promise was computed. Otherwise it is an estimate, and `ats-recompute` computes the exact number later.
    #[must_use]
    pub fn available_after<'a>(&self, network: &Network, changed: impl IntoIterator<Item = &'a Position>) -> Quantity {
        changed.into_iter().filter(|position| sells_online(network, &position.of.place)).fold(self.available, |sum, position| {
            let before = self.places.get(&position.of.place).map_or(Quantity::ZERO, |at| at.balance.available());
            sum - before + position.balance.available()
        })
    }
}

/// Keeps units for kits at the locations from which online orders ship: at each what is in stock, and what is missing at the first.
fn keep_for_kits(places: &mut BTreeMap<Place, LocationPromise>, network: &Network, units: Quantity) {
    let ships = |place: &Place| network.at(place).is_some_and(Location::ships_online);
    let mut left = units;
    for (_, at) in places.iter_mut().filter(|(place, _)| ships(place)) {
        at.kept_for_kits = at.in_stock().at_least_zero().min(left);
        left -= at.kept_for_kits;
    }
    if let Some((_, first)) = places.iter_mut().find(|(place, _)| ships(place)) {
        first.kept_for_kits += left;
    }
}

/// Whether stock at `place` counts for online orders.
pub(crate) fn sells_online(network: &Network, place: &Place) -> bool {
    match place {
        Place::Unassigned => true,
        Place::At(code) => network.get(code).is_some_and(Location::promises_online),
    }
}
