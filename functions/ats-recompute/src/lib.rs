//! Turns changes of the table into new promises, new plans, hints for the pusher, and alerts on the bus.
//!
//! The stream names the rows that changed. Their current state is read from the table, so a repeated or late record does no
//! harm. The stages run in order: recompute, replan, publish, settle the lanes, request a refresh, resume waiting rows. Lanes
//! come after the promises, while there is time, because their effects return in the stream. On an ordered stream Lambda
//! repeats every record from the first failure on, so the handler reports only that one.
//!
//! After five failures Lambda gives a batch up, and sends a message to the queue `StreamFailures`, whose messages this function receives
//! too. It reads exactly those records again and runs the same stages on them. A message stays in the queue until its work is done.
//! When the records can no longer be read, every item is recomputed instead.

mod given_up;
mod streams;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use promissory::alert::{Alert, AlertSubject};
use promissory::catalog::{Network, ShopDomain, Sku};
use promissory::flows::{
    CommitError, NetworkCache, Resumed, alert, ensure_refresh, hint_all, recompute, replan, request_refresh, resume, settle_lane,
};
use promissory::ledger::Lane;
use promissory::ports::{Bus, Clock, Hints, Store, StoreError, read_rows};
use promissory::storefront::PushTarget;
use promissory::table::RowKey;
use serde_json::Value;

pub use given_up::{GivenUpBatch, SequenceNumber, StreamReadError, StreamReader};
pub use streams::DynamoStreams;
pub use work::Work;

/// Items recomputed at the same time.
const AT_ONCE: usize = 8;

/// How often alerts are published again because they changed meanwhile, before the message returns to the queue.
const PUBLISHED_AGAIN: usize = 3;

/// What invokes the function.
#[derive(Debug)]
pub enum Invocation {
    /// Records of the table's stream.
    Stream(Event),
    /// Messages about batches of the stream that Lambda has given up.
    GivenUp(SqsEvent),
}

impl Invocation {
    /// Reads what Lambda passes to the function.
    ///
    /// # Errors
    /// When it is neither an event of a stream nor one of a queue.
    pub fn parse(payload: Value) -> Result<Self, serde_json::Error> {
        if payload["Records"][0]["eventSource"] == "aws:sqs" {
            return serde_json::from_value(payload).map(Self::GivenUp);
        }
        serde_json::from_value(payload).map(Self::Stream)
    }
}

/// The handler of the stream and its ports.
#[derive(Debug)]
pub struct Recompute<S, H, B, C, R> {
    /// The table.
    pub store: S,
    /// The queue of the pusher.
    pub hints: H,
    /// The bus for alerts.
    pub bus: B,
    /// The time.
    pub clock: C,
    /// The locations, kept warm.
    pub network: NetworkCache,
    /// The stream, for batches that Lambda has given up.
    pub stream: R,
}

/// The positions of the records that must be repeated because a stage failed.
type Failed = BTreeSet<usize>;

impl<S: Store, H: Hints, B: Bus<Alert>, C: Clock, R: StreamReader> Recompute<S, H, B, C, R> {
    /// Handles one batch of the table's stream, until `deadline`.
    pub async fn handle(&self, event: Event, deadline: Timestamp) -> DynamoDbEventResponse {
        let mut response = DynamoDbEventResponse::default();
        if let Some(at) = self.first_failure(Work::of(&event.records), deadline).await {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = event.records.get(at).and_then(|record| record.change.sequence_number.clone());
            response.batch_item_failures.push(failure);
        }
        response
    }

    /// Does the work of batches that Lambda has given up, until `deadline`. Each message succeeds or returns to the queue for itself.
    pub async fn redo(&self, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for message in event.records {
            let id = message.message_id.unwrap_or_default();
            if self.clock.now() > deadline || !self.is_redone(&id, &message.body.unwrap_or_default(), deadline).await {
                response.add_failure(id);
            }
        }
        response
    }

    /// Does the work of one batch that Lambda has given up. Returns whether all of it is done.
    async fn is_redone(&self, message_id: &str, body: &str, deadline: Timestamp) -> bool {
        let batch = match GivenUpBatch::parse(body) {
            Ok(batch) => batch,
            Err(error) => return self.is_refreshed(message_id, &error).await,
        };
        let records = match self.stream.read(&batch).await {
            Ok(records) => records,
            Err(error @ StreamReadError::Gone { .. }) => return self.is_refreshed(message_id, &error).await,
            Err(error @ StreamReadError::Unavailable { .. }) => {
                tracing::warn!(message_id, %error, "a given-up batch could not be read; the queue repeats its message");
                return false;
            }
        };
        let (work, alerts) = Work::of_late(&records);
        let failed = self.first_failure(work, deadline).await;
        let published = self.publish_present(alerts).await;
        let done = failed.is_none() && published;
        let (first, last) = (batch.first.as_str(), batch.last.as_str());
        tracing::info!(message_id, first, last, records = records.len(), done, "given-up batch");
        done
    }

    /// Requests that every item is recomputed, because the records of a message can no longer be read. Returns whether the request is
    /// stored.
    async fn is_refreshed(&self, message_id: &str, reason: &(dyn std::error::Error + Sync)) -> bool {
        if let Err(error) = ensure_refresh(&self.store, &self.clock).await {
            tracing::warn!(message_id, %reason, %error, "the refresh of all items could not be requested; the queue repeats the message");
            return false;
        }
        tracing::error!(message_id, %reason, "a given-up batch cannot be read; every item is recomputed instead");
        true
    }

    /// Publishes the present state of alerts whose records are late. Their stored images may be older than what was published since.
    /// Returns whether the newest state of each alert is the one that was published last.
    async fn publish_present(&self, subjects: BTreeSet<AlertSubject>) -> bool {
        let mut published = Vec::new();
        for _ in 0..=PUBLISHED_AGAIN {
            let present = match self.alerts(&subjects).await {
                Ok(present) => present,
                Err(error) => {
                    tracing::warn!(%error, "alerts could not be read; the queue repeats the message");
                    return false;
                }
            };
            // The stream may have published a newer state before the older one was published here.
            if present == published {
                return true;
            }
            if let Err(error) = self.bus.publish(&present).await {
                tracing::warn!(%error, alerts = present.len(), "alerts could not be published; the queue repeats the message");
                return false;
            }
            published = present;
        }
        false
    }

    /// The stored alerts of these subjects. An alert that cannot be read is left out, with an alert of its own.
    async fn alerts(&self, subjects: &BTreeSet<AlertSubject>) -> Result<Vec<Alert>, StoreError> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<RowKey> = subjects.iter().cloned().map(RowKey::Alert).collect();
        let rows = read_rows(&self.store, keys.iter().cloned()).await?;
        let mut alerts = Vec::new();
        for key in &keys {
            match rows.get::<Alert>(key) {
                Ok(alert) => alerts.extend(alert),
                Err(row) => alert::faulty_row(&self.store, &self.clock, &row.into()).await?,
            }
        }
        Ok(alerts)
    }

    /// Runs all stages, and returns the first record that must be repeated.
    async fn first_failure(&self, work: Work, deadline: Timestamp) -> Option<usize> {
        if work == Work::default() {
            return None;
        }
        let network = match self.network_for(&work).await {
            Ok(network) => network,
            Err(error) => {
                tracing::error!(%error, "the network cannot be read");
                return Some(0);
            }
        };
        let mut failed = Failed::new();
        for (at, row) in work.unreadable {
            tracing::error!(record = at, %row, "a record of the stream cannot be read");
            failed.extend(self.must_repeat(&row.into()).await.then_some(at));
        }
        failed.extend(self.recompute(&network, work.recompute).await);
        // Plans are computed from promises, so they come after them. A changed plan returns in the stream.
        failed.extend(self.replan(&network, work.replan).await);
        failed.extend(self.publish(work.alerts).await);
        failed.extend(self.settle_lanes(&network, &work.lanes, deadline).await);
        failed.extend(self.request_refresh(work.refresh).await);
        failed.extend(self.resume(&network, &work.resume, deadline).await);
        failed.first().copied()
    }

    /// The network. It is read again if a record is a location or names one that the cached network lacks.
    async fn network_for(&self, work: &Work) -> Result<Arc<Network>, StoreError> {
        let network = self.network.get(&self.store, &self.clock).await?;
        if !work.network_changed && work.locations.iter().all(|location| network.get(location).is_some()) {
            return Ok(network);
        }
        self.network.forget();
        self.network.get(&self.store, &self.clock).await
    }

    /// Recomputes items, and sends hints for the due levels and metafields.
    async fn recompute(&self, network: &Network, skus: BTreeMap<Sku, usize>) -> Failed {
        let outcomes: Vec<_> = stream::iter(skus)
            .map(|(sku, at)| async move { (recompute(&self.store, &self.clock, network, &sku).await, sku, at) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut failed = Failed::new();
        let mut due: BTreeMap<ShopDomain, (BTreeSet<PushTarget>, usize)> = BTreeMap::new();
        for (outcome, sku, at) in outcomes {
            match outcome {
                Ok(done) => {
                    for (shop, target) in done.due {
                        let (targets, first) = due.entry(shop).or_insert_with(|| (BTreeSet::new(), at));
                        targets.insert(target);
                        *first = at.min(*first);
                    }
                }
                Err(error) => {
                    tracing::warn!(%sku, %error, "an item could not be recomputed");
                    failed.extend(self.must_repeat(&error).await.then_some(at));
                }
            }
        }
        for (shop, (targets, first)) in due {
            let count = targets.len();
            match hint_all(&self.hints, &shop, targets).await {
                Ok(()) => tracing::info!(%shop, targets = count, "hinted"),
                Err(error) => {
                    tracing::warn!(%shop, %error, "the hints could not be sent; the stream repeats the record");
                    failed.insert(first);
                }
            }
        }
        failed
    }

    /// Plans the groups of items again. They are planned in one call, so the first record stands for all.
    async fn replan(&self, network: &Network, skus: BTreeMap<Sku, usize>) -> Option<usize> {
        let first = skus.values().min().copied()?;
        let changed: BTreeSet<Sku> = skus.into_keys().collect();
        let error = match replan(&self.store, &self.clock, network, &changed).await {
            Ok(plans) => {
                if plans > 0 {
                    tracing::info!(plans, "planned again");
                }
                return None;
            }
            Err(error) => error,
        };
        if error.faulty_row().is_none() {
            tracing::warn!(%error, "planning groups could not be planned; the stream repeats the record");
            return Some(0);
        }
        // One group that cannot be planned must not keep the others from their plans.
        let mut repeat = false;
        for sku in changed {
            if let Err(error) = replan(&self.store, &self.clock, network, &BTreeSet::from([sku.clone()])).await {
                tracing::warn!(%sku, %error, "the planning group of an item could not be planned");
                repeat |= self.must_repeat(&error).await;
            }
        }
        repeat.then_some(first)
    }

    /// Whether the stream must repeat a record whose work failed. Repeating does not help against a faulty row, and it would hold up
    /// every record behind it; a person is alerted instead.
    async fn must_repeat(&self, error: &StoreError) -> bool {
        if error.faulty_row().is_none() {
            return true;
        }
        let alerted = alert::faulty_row(&self.store, &self.clock, error).await;
        alerted.inspect_err(|error| tracing::error!(%error, "the alert about a faulty row could not be raised")).is_err()
    }

    /// Whether the stream must repeat a record whose events could not be committed.
    async fn must_commit_again(&self, error: &CommitError) -> bool {
        match error {
            CommitError::Contended { .. } => true,
            CommitError::Store(error) => self.must_repeat(error).await,
        }
    }

    /// Publishes all alerts in one call.
    async fn publish(&self, alerts: Vec<(usize, Alert)>) -> Option<usize> {
        let first = alerts.first()?.0;
        let alerts: Vec<Alert> = alerts.into_iter().map(|(_, alert)| alert).collect();
        let error = self.bus.publish(&alerts).await.err()?;
        tracing::warn!(%error, alerts = alerts.len(), "alerts could not be published; the stream repeats the record");
        Some(first)
    }

    /// Commits the events that wait in lanes, while there is time.
    async fn settle_lanes(&self, network: &Network, lanes: &BTreeMap<Lane, usize>, deadline: Timestamp) -> Failed {
        let mut failed = Failed::new();
        for (lane, at) in lanes {
            if self.clock.now() > deadline {
                failed.insert(*at);
                break;
            }
            match settle_lane(&self.store, &self.clock, network, lane).await {
                Ok(events) => tracing::info!(%lane, events, "lane settled"),
                Err(error) => {
                    tracing::warn!(%lane, %error, "a lane could not be settled");
                    failed.extend(self.must_commit_again(&error).await.then_some(*at));
                }
            }
        }
        failed
    }

    /// Requests that every item is recomputed, if a row changed that affects all items.
    async fn request_refresh(&self, at: Option<usize>) -> Option<usize> {
        let at = at?;
        let error = request_refresh(&self.store, &self.clock).await.err()?;
        tracing::warn!(%error, "the refresh of all items could not be requested; the stream repeats the record");
        Some(at)
    }

    /// Resumes rows that waited for a mapping, while there is time. The backlog job resumes the rest within moments.
    async fn resume(&self, network: &Network, prefixes: &BTreeMap<String, usize>, deadline: Timestamp) -> Failed {
        let mut failed = Failed::new();
        for (prefix, at) in prefixes {
            if self.clock.now() > deadline {
                break;
            }
            match resume(&self.store, &self.clock, network, prefix, deadline).await {
                Ok(Resumed { resumed: 0, cut: false }) => {}
                Ok(Resumed { resumed, cut }) => {
                    tracing::info!(waited_for = prefix, resumed, cut, "rows that waited for a mapping are resumed");
                }
                Err(error) => {
                    tracing::warn!(waited_for = prefix, %error, "rows that wait for a mapping could not be resumed");
                    failed.extend(self.must_commit_again(&error).await.then_some(*at));
                }
            }
        }
        failed
    }
}
