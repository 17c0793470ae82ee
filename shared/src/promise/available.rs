//! Available to sell, of one item.
//!
//! Per location: `available = on_hand − reserved − held − pos_pending − allocated − wholesale − buffer`. For the network:
//! the sum over active locations that fulfil online, plus what the unassigned position holds (never above zero: it is
//! orders whose location is not known yet). The buffer is kept back only where there is stock to keep back, and never
//! pushes a location below zero by itself; a location that is not in use keeps everything back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Item, Location, Network, Place, Quantity, ShopDomain, Sku, Tier};
use crate::ledger::{Balance, Position};
use crate::store::{Key, Row};

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
    pub places: BTreeMap<Place, AtPlace>,
    /// The shops that are told which lots there are, or still show some: where to look for labels. Empty for most items.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<ShopDomain>,
    /// When it was computed.
    pub computed_at: Timestamp,
}

/// What can be promised from one place, and what it was computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtPlace {
    /// The position's last movement that is in these numbers.
    pub seq: u64,
    /// The position.
    #[serde(flatten)]
    pub balance: Balance,
    /// Units kept back here from the network.
    pub buffer: Quantity,
    /// What can be promised from here: [`Balance::available`] less the buffer.
    pub available: Quantity,
    /// How new each source behind the position is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub heard: BTreeMap<String, Timestamp>,
}

/// Units kept back at a location, of what there is to keep back.
#[must_use]
pub fn kept_back(location: Option<&Location>, balance: Balance, buffer: Quantity) -> Quantity {
    let stock = balance.sellable().at_least_zero();
    if location.is_some_and(|location| !location.active) { stock } else { buffer.min(stock) }
}

impl Promise {
    /// Where the promise of an item lives.
    #[must_use]
    pub fn key_of(sku: &Sku) -> Key {
        Key::head(format!("ATS#{sku}"))
    }

    /// Computes the promise of `item` from its positions.
    #[must_use]
    pub fn compute(item: &Item, tier: Option<&Tier>, network: &Network, positions: &[Position], now: Timestamp) -> Self {
        let wanted = item.buffer_for(None, tier);
        let places: BTreeMap<Place, AtPlace> = positions
            .iter()
            .map(|position| {
                let Position { of, seq, balance, heard, .. } = position;
                let buffer = kept_back(network.at(&of.place), *balance, wanted);
                let available = balance.available() - buffer;
                (of.place.clone(), AtPlace { seq: *seq, balance: *balance, buffer, available, heard: heard.clone() })
            })
            .collect();
        let available = places.iter().filter(|(place, _)| sells_online(network, place)).map(|(_, at)| at.available).sum();
        Self { sku: item.sku.clone(), available, low_at: item.low_at, places, labels: BTreeSet::new(), computed_at: now }
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
        let said = (other.available, other.low_at, &other.places, &other.labels);
        (self.available, self.low_at, &self.places, &self.labels) == said
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
fn sells_online(network: &Network, place: &Place) -> bool {
    match place {
        Place::Unassigned => true,
        Place::At(code) => network.get(code).is_some_and(Location::promises_online),
    }
}

impl Row for Promise {
    fn key(&self) -> Key {
        Self::key_of(&self.sku)
    }
}
