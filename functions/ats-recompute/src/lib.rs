//! What changed in the ledger becomes new promises, marks for the storefront, and alerts on the bus.
//!
//! The stream says *what* changed; *how it is now* is read from the table, so a redelivered or late record does no harm.
//! Lanes are settled last, while there is time: their effects come back in the stream. On an ordered stream everything
//! after the first failure is repeated, so exactly that one is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use promissory::alert::{Alert, Bus};
use promissory::catalog::{Bill, Location, Network, NetworkCache, Place, ShopDomain, Sku, UsedIn};
use promissory::clock::Clock;
use promissory::ledger::{Deferred, PositionKey, Resumed, resume, settle_lane, waits_for};
use promissory::promise::{Plan, recompute, replan};
use promissory::reconcile::{Refresh, ask_refresh};
use promissory::source::Supplies;
use promissory::store::{Key, Row, Store, StoreError};
use promissory::storefront::{Hints, hint_all};

/// Items recomputed at the same time.
const AT_ONCE: usize = 8;

/// What recomputing needs to work.
#[derive(Debug)]
pub struct Recompute<S, H, B, C> {
    /// The table.
    pub store: S,
    /// The way to the pusher.
    pub hints: H,
    /// The way to people.
    pub bus: B,
    /// The time.
    pub clock: C,
    /// The locations, kept warm.
    pub network: NetworkCache,
}

/// What a stream record calls for.
#[derive(Debug, PartialEq)]
enum Call {
    Settle(PositionKey),
    Recompute(Sku, Place),
    /// What an item is made of, or goes into, is another.
    Replan(Sku),
    /// The plan says something else of these.
    Replanned(BTreeSet<Sku>),
    Publish(Box<Alert>),
    /// The catalogue changed: what waited for it may go on, and what depends on it is computed anew.
    Catalogue(Key),
    /// A row of a shape this code does not know.
    Unreadable,
    /// A row nobody waits for.
    Nothing,
}

impl<S: Store, H: Hints, B: Bus, C: Clock> Recompute<S, H, B, C> {
    /// Handles one batch of the table's stream, until `deadline`.
    pub async fn handle(&self, event: Event, deadline: Timestamp) -> DynamoDbEventResponse {
        let mut response = DynamoDbEventResponse::default();
        if let Some(at) = self.first_failure(&event.records, deadline).await {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = event.records.get(at).and_then(|record| record.change.sequence_number.clone());
            response.batch_item_failures.push(failure);
        }
        response
    }

    /// Does everything the records call for, and returns the first one that must be repeated.
    async fn first_failure(&self, records: &[EventRecord], deadline: Timestamp) -> Option<usize> {
        let calls: Vec<Call> = records.iter().map(call).collect();
        let network = match self.network_with(&calls).await {
            Ok(network) => network,
            Err(error) => {
                tracing::error!(%error, "the network cannot be read");
                return (!records.is_empty()).then_some(0);
            }
        };
        let mut failed = BTreeSet::new();
        let mut lanes: BTreeMap<PositionKey, usize> = BTreeMap::new();
        let mut skus: BTreeMap<Sku, usize> = BTreeMap::new();
        let mut seeds: BTreeMap<Sku, usize> = BTreeMap::new();
        let mut alerts: Vec<(usize, Alert)> = Vec::new();
        let mut waited: BTreeMap<String, usize> = BTreeMap::new();
        let mut touches_all = None;
        for (at, call) in calls.into_iter().enumerate() {
            match call {
                Call::Settle(lane) => {
                    lanes.entry(lane).or_insert(at);
                }
                Call::Recompute(sku, _) => {
                    skus.entry(sku.clone()).or_insert(at);
                    seeds.entry(sku).or_insert(at);
                }
                Call::Replan(sku) => {
                    seeds.entry(sku).or_insert(at);
                }
                Call::Replanned(goods) => {
                    for sku in goods {
                        skus.entry(sku).or_insert(at);
                    }
                }
                Call::Catalogue(key) => {
                    if let Some(sku) = key.pk.strip_prefix("ITEM#").and_then(|sku| sku.parse::<Sku>().ok()) {
                        skus.entry(sku.clone()).or_insert(at);
                        seeds.entry(sku).or_insert(at);
                    }
                    touches_all = touches_all.or(Refresh::is_for(&key).then_some(at));
                    for prefix in waits_for(&key) {
                        waited.entry(prefix).or_insert(at);
                    }
                }
                Call::Publish(alert) => alerts.push((at, *alert)),
                Call::Unreadable => {
                    tracing::error!("a record of the stream cannot be read");
                    failed.insert(at);
                }
                Call::Nothing => {}
            }
        }
        failed.extend(self.recompute_all(&network, skus).await);
        // After the promises that plans are computed from; what a plan changes comes back in the stream.
        let changed: BTreeSet<Sku> = seeds.keys().cloned().collect();
        if let Some(first) = seeds.into_values().min() {
            match replan(&self.store, &self.clock, &network, &changed).await {
                Ok(0) => {}
                Ok(plans) => tracing::info!(plans, "planned anew"),
                Err(error) => {
                    tracing::warn!(%error, "what can still be made is not planned anew yet");
                    failed.insert(first);
                }
            }
        }
        if let Some((first, _)) = alerts.first() {
            let first = *first;
            let alerts: Vec<Alert> = alerts.into_iter().map(|(_, alert)| alert).collect();
            if let Err(error) = self.bus.publish(&alerts).await {
                tracing::warn!(%error, alerts = alerts.len(), "alerts are not published yet");
                failed.insert(first);
            }
        }
        for (lane, at) in &lanes {
            if self.clock.now() > deadline {
                failed.insert(*at);
                break;
            }
            match settle_lane(&self.store, &self.clock, &network, lane).await {
                Ok(events) => tracing::info!(sku = %lane.sku, place = %lane.place, events, "lane settled"),
                Err(error) => {
                    tracing::warn!(sku = %lane.sku, place = %lane.place, %error, "a lane is not settled yet");
                    failed.insert(*at);
                }
            }
        }
        if let Some(at) = touches_all
            && let Err(error) = ask_refresh(&self.store, &self.clock).await
        {
            tracing::warn!(%error, "what a location or a tier changes is not computed anew yet");
            failed.insert(at);
        }
        for (prefix, at) in &waited {
            if self.clock.now() > deadline {
                break; // The backlog finds the rest within moments.
            }
            match resume(&self.store, &self.clock, &network, prefix, deadline).await {
                Ok(Resumed { resumed: 0, cut: false }) => {}
                Ok(Resumed { resumed, cut }) => {
                    tracing::info!(waited_for = prefix, resumed, cut, "what waited for a mapping goes on");
                }
                Err(error) => {
                    tracing::warn!(waited_for = prefix, %error, "what waits for a mapping waits on");
                    failed.insert(*at);
                }
            }
        }
        failed.first().copied()
    }

    /// The network, read again if a record names a location the kept one does not have, or is one.
    async fn network_with(&self, calls: &[Call]) -> Result<Arc<Network>, StoreError> {
        let network = self.network.get(&self.store, self.clock.now()).await?;
        let unknown = |call: &Call| match call {
            Call::Recompute(_, Place::At(code)) => network.get(code).is_none(),
            Call::Catalogue(key) => key.pk == Location::PARTITION,
            Call::Recompute(..)
            | Call::Replan(_)
            | Call::Replanned(_)
            | Call::Settle(_)
            | Call::Publish(_)
            | Call::Unreadable
            | Call::Nothing => false,
        };
        if !calls.iter().any(unknown) {
            return Ok(network);
        }
        self.network.forget();
        self.network.get(&self.store, self.clock.now()).await
    }

    /// Recomputes items, hints what their shops do not know, and returns the records of those that failed.
    async fn recompute_all(&self, network: &Network, skus: BTreeMap<Sku, usize>) -> BTreeSet<usize> {
        let outcomes: Vec<_> = stream::iter(skus)
            .map(|(sku, at)| async move { (recompute(&self.store, &self.clock, network, &sku).await, sku, at) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut failed = BTreeSet::new();
        let mut due: BTreeMap<ShopDomain, (BTreeSet<PositionKey>, usize)> = BTreeMap::new();
        for (outcome, sku, at) in outcomes {
            match outcome {
                Ok(done) => {
                    for (shop, pair) in done.due {
                        let (pairs, first) = due.entry(shop).or_insert_with(|| (BTreeSet::new(), at));
                        pairs.insert(pair);
                        *first = at.min(*first);
                    }
                }
                Err(error) => {
                    tracing::warn!(%sku, %error, "an item is not recomputed yet");
                    failed.insert(at);
                }
            }
        }
        for (shop, (pairs, first)) in due {
            let count = pairs.len();
            match hint_all(&self.hints, &shop, pairs).await {
                Ok(()) => tracing::info!(%shop, pairs = count, "hinted"),
                Err(error) => {
                    tracing::warn!(%shop, %error, "the hints are not sent yet");
                    failed.insert(first);
                }
            }
        }
        failed
    }
}

/// Reads what a record calls for.
fn call(record: &EventRecord) -> Call {
    let Ok(key) = serde_dynamo::from_item::<_, RowKey>(record.change.keys.clone()) else { return Call::Nothing };
    if let Some(lane) = Deferred::lane_from_partition(&key.pk) {
        return Call::Settle(lane);
    }
    if let Some(position) = PositionKey::from_partition(&key.pk) {
        return Call::Recompute(position.sku, position.place);
    }
    if let Some(sku) = Supplies::sku_of(&key.pk) {
        return Call::Recompute(sku, Place::Unassigned);
    }
    let key = Key::new(key.pk, key.sk);
    if let Some(sku) = Bill::made_of(&key).or_else(|| UsedIn::goes_into(&key)) {
        return Call::Replan(sku);
    }
    if Plan::is_in(&key.pk) {
        return match (image::<Plan>(&record.change.old_image), image::<Plan>(&record.change.new_image)) {
            (Ok(old), Ok(new)) => Call::Replanned(Plan::differing(old.as_ref(), new.as_ref())),
            (Err(_), _) | (_, Err(_)) => Call::Unreadable,
        };
    }
    if !waits_for(&key).is_empty() || Refresh::is_for(&key) {
        return Call::Catalogue(key);
    }
    if key.pk.starts_with(Alert::PREFIX) {
        return match image::<Alert>(&record.change.new_image) {
            Ok(Some(alert)) => Call::Publish(Box::new(alert)),
            Ok(None) | Err(_) => Call::Unreadable,
        };
    }
    Call::Nothing
}

/// The row in an image of a record; `None` where there was none.
fn image<R: Row>(image: &serde_dynamo::Item) -> Result<Option<R>, serde_dynamo::Error> {
    if image.is_empty() {
        return Ok(None);
    }
    serde_dynamo::from_item::<_, Image<R>>(image.clone()).map(|image| Some(image.body))
}

#[derive(serde::Deserialize)]
struct RowKey {
    pk: String,
    sk: String,
}

#[derive(serde::Deserialize)]
struct Image<R> {
    body: R,
}
