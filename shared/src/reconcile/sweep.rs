//! How far a shop's orders have been swept, and how late the shop's search has been seen to answer.
//!
//! The search of a shop may contain a change late, by minutes or hours. How late is observed: an order that was read by its id
//! must be in the search from then on ([`OrderWatermark::expected`]), and an order that appears in a search although an earlier
//! search over that time did not contain it was late. The largest lag decides how far a sweep looks back, and how long a level
//! must be unchanged before it may be set. Two slower sweeps ([`Lookback`]) read the last hours and days again. Deliberately
//! absent: the searches, which are in `flows`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{OrderId, ShopDomain};

/// How far a sweep looks back at least before the newest order that it has seen.
pub const OVERLAP: Duration = Duration::from_secs(120);

/// A read that happened this long after the last change of an order covers that change. A read that was under way during the
/// change has been answered by then. The search is not called late for less.
pub const SETTLED: Duration = Duration::from_secs(60);

/// The longest lag that is reckoned with. A change that the search contains later than this is found by [`Lookback::Days`].
const MAX_LAG: Duration = Duration::from_secs(24 * 60 * 60);

/// The time in which a lag that was observed once loses half of its weight.
const LAG_HALVES_IN: Duration = Duration::from_secs(24 * 60 * 60);

/// How far a shop has been swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWatermark {
    /// The shop.
    pub shop: ShopDomain,
    /// Whether every order that was open when the shop went live has been read.
    pub open_orders_read: bool,
    /// The last change of an open order that has been read, while they are not all read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_orders_from: Option<Timestamp>,
    /// The newest change of an order seen, by the shop's clock. A sweep begins before it ([`Self::since`]), because an order can
    /// become visible later than the time that it carries.
    pub newest: Option<Timestamp>,
    /// When the last complete sweep began, by the shop's clock. As far as the search contained them, the ledger has every order
    /// up to then.
    pub complete_at: Option<Timestamp>,
    /// The first change that the last complete sweep asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_from: Option<Timestamp>,
    /// The newest change of a draft order seen, by the shop's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drafts_newest: Option<Timestamp>,
    /// The largest lag of the search that was observed lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<SearchLag>,
    /// Orders that were read by their id, each with the time of the change that the search must contain. Only a sample.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expected: BTreeMap<OrderId, Timestamp>,
    /// The progress of the slower sweeps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookbacks: BTreeMap<Lookback, LookbackProgress>,
}

/// How late the search of a shop contained a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchLag {
    /// By how many seconds.
    pub seconds: u64,
    /// When that was observed, by the shop's clock.
    pub seen_at: Timestamp,
}

/// A slower sweep, which reads again what the sweep has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookback {
    /// Every hour, over the last hours.
    Hours,
    /// Every day, over the last days.
    Days,
}

/// How far a slower sweep has come. All times are by the shop's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookbackProgress {
    /// When the next one is due.
    pub due_at: Timestamp,
    /// When the last one that reached its end began; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_at: Option<Timestamp>,
    /// When the one that is not at its end began, and the change from which it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<(Timestamp, Timestamp)>,
}

impl Lookback {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hours, Self::Days];

    /// The time between two of them.
    #[must_use]
    pub fn interval(self) -> Duration {
        match self {
            Self::Hours => Duration::from_secs(60 * 60),
            Self::Days => Duration::from_secs(24 * 60 * 60),
        }
    }

    /// How far it looks back.
    #[must_use]
    pub fn reach(self) -> Duration {
        match self {
            Self::Hours => Duration::from_secs(6 * 60 * 60),
            Self::Days => Duration::from_secs(3 * 24 * 60 * 60),
        }
    }
}

impl OrderWatermark {
    /// The most orders that are expected in the search at the same time.
    pub const MAX_EXPECTED: usize = 20;

    /// The watermark of a shop that was never swept.
    #[must_use]
    pub fn new(shop: ShopDomain) -> Self {
        let (open_orders_read, open_orders_from, newest, complete_at, complete_from) = Default::default();
        let (drafts_newest, lag, expected, lookbacks) = Default::default();
        Self {
            shop,
            open_orders_read,
            open_orders_from,
            newest,
            complete_at,
            complete_from,
            drafts_newest,
            lag,
            expected,
            lookbacks,
        }
    }

    /// By how much the search may lag at `now`: the largest observed lag and half of it, less with its age. Zero while none was
    /// observed.
    #[must_use]
    pub fn lag_allowance(&self, now: Timestamp) -> Duration {
        let Some(SearchLag { seconds, seen_at }) = self.lag else { return Duration::ZERO };
        let halvings = passed(seen_at, now).as_secs() / LAG_HALVES_IN.as_secs();
        let left = u32::try_from(halvings).ok().and_then(|halvings| seconds.checked_shr(halvings)).unwrap_or(0);
        Duration::from_secs(left.saturating_add(left / 2))
    }

    /// The change from which the next sweep of a shop that is live since `go_live_at` asks. It covers the lag that was observed,
    /// and every expected order.
    #[must_use]
    pub fn since(&self, go_live_at: Timestamp, now: Timestamp) -> Timestamp {
        let since = before(self.newest.unwrap_or(go_live_at), OVERLAP.max(self.lag_allowance(now)));
        self.expected.values().copied().min().map_or(since, |expected| since.min(expected))
    }

    /// How long a level must have been unchanged before the last complete sweep began, so that the sweep has found every order
    /// behind it.
    #[must_use]
    pub fn settling_window(&self, settling_window: Duration, now: Timestamp) -> Duration {
        settling_window.max(self.lag_allowance(now))
    }

    /// Records a lag that was observed at `now`, unless a larger one is remembered.
    pub fn observe_lag(&mut self, lag: Duration, now: Timestamp) {
        let known = SearchLag { seconds: lag.min(MAX_LAG).as_secs(), seen_at: now };
        let observed = Self { lag: Some(known), ..Self::new(self.shop.clone()) };
        if observed.lag_allowance(now) > self.lag_allowance(now) {
            self.lag = Some(known);
        }
    }

    /// Records a complete sweep that began at `began` and asked for the changes since `from`. The slower sweeps begin an interval
    /// after the first one.
    pub fn complete(&mut self, from: Timestamp, began: Timestamp) {
        if self.complete_at.is_none_or(|known| known < began) {
            (self.complete_from, self.complete_at) = (Some(from), Some(began));
        }
        for lookback in Lookback::ALL {
            let first = LookbackProgress { due_at: after(began, lookback.interval()), complete_at: None, running: None };
            self.lookbacks.entry(lookback).or_insert(first);
        }
    }

    /// By how much the search was late with a change at `changed_at` that it contains at `now` for the first time. `None` when the
    /// change is newer than the last complete sweep, or was late by no more than a read may take.
    ///
    /// The search was late by more than the time to the last search over that time, which did not contain the change, and by less
    /// than the time to now. Twice the former is taken, so that one missed order behind a long pause of the sweeps is not taken
    /// for a lag of that length. A change that every sweep has passed was late by more than their overlap: the latter is taken.
    #[must_use]
    pub fn lag_of(&self, changed_at: Timestamp, now: Timestamp) -> Option<Duration> {
        self.complete_at.filter(|complete_at| changed_at < *complete_at)?;
        let lookbacks = self.lookbacks.iter().filter_map(|(lookback, progress)| {
            let began = progress.complete_at?;
            Some((before(began, lookback.reach()), began))
        });
        let searches = self.complete_from.zip(self.complete_at).into_iter().chain(lookbacks);
        let over_it = searches.filter(|(from, began)| *from <= changed_at && changed_at < *began);
        let at_most = passed(changed_at, now);
        let Some(last) = over_it.map(|(_, began)| began).max() else { return Some(at_most) };
        let more_than = passed(changed_at, last);
        (more_than > SETTLED).then(|| more_than.saturating_mul(2).min(at_most))
    }

    /// Records that orders were read by their ids, so that the search must contain their changes from then on. A change that is
    /// older than the last complete sweep is left out: the search may have contained it.
    pub fn expect_orders(&mut self, read: &BTreeMap<OrderId, Timestamp>) {
        let Some(complete_at) = self.complete_at else { return };
        for (order, changed_at) in read.iter().filter(|(_, changed_at)| **changed_at > before(complete_at, OVERLAP)) {
            if self.expected.len() < Self::MAX_EXPECTED || self.expected.contains_key(order) {
                self.expected.insert(*order, *changed_at);
            }
        }
    }

    /// Removes the expected orders that a search contained, and those that are expected for so long that nothing more is learned
    /// of them.
    pub fn found(&mut self, listed: &BTreeMap<OrderId, Timestamp>, now: Timestamp) {
        self.expected.retain(|order, changed_at| {
            let contained = listed.get(order).is_some_and(|listed| *changed_at <= *listed);
            !contained && passed(*changed_at, now) < MAX_LAG
        });
    }

    /// The slower sweep that is due at `now`, and the change from which it asks. One that is not at its end continues; of two that
    /// are due, the one that is due for longer comes first, so that neither waits for ever.
    #[must_use]
    pub fn due_lookback(&self, now: Timestamp) -> Option<(Lookback, Timestamp)> {
        let running = self.lookbacks.iter().find_map(|(lookback, progress)| Some((*lookback, progress.running?.1)));
        running.or_else(|| {
            let due = self.lookbacks.iter().filter(|(_, progress)| progress.due_at <= now);
            due.min_by_key(|(_, progress)| progress.due_at).map(|(lookback, _)| (*lookback, before(now, lookback.reach())))
        })
    }

    /// Records that a slower sweep has read a part at `now`, and continues at a change; `None` when it is at its end.
    pub fn looked_back(&mut self, lookback: Lookback, continues_at: Option<Timestamp>, now: Timestamp) {
        let Some(progress) = self.lookbacks.get_mut(&lookback) else { return };
        let began = progress.running.map_or(now, |(began, _)| began);
        if progress.running.is_none() {
            progress.due_at = after(began, lookback.interval());
        }
        progress.running = continues_at.map(|continues_at| (began, continues_at));
        if continues_at.is_none() {
            progress.complete_at = Some(began);
        }
    }
}

/// The time from `then` to `now`; zero when `then` is later.
fn passed(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// The time that is `by` before `then`.
fn before(then: Timestamp, by: Duration) -> Timestamp {
    then.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// The time that is `by` after `then`.
fn after(then: Timestamp, by: Duration) -> Timestamp {
    then.saturating_add(by).unwrap_or(Timestamp::MAX)
}
