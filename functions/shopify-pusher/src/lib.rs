//! Turns hints into pushes to Shopify.
//!
//! The hints of a batch are merged per shop, so many movements of one pair between two pushes become one change. A hint that
//! cannot be read fails alone and ends in the dead-letter queue. When a push fails, the hints of its shop return to the queue. When the
//! shop has not answered some times, or refuses the app, its hints end here instead, with an alert: what they name stays due, and
//! the backlog job sends one hint a minute until the shop answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use promissory::alert::AlertSubject;
use promissory::catalog::ShopDomain;
use promissory::flows::push::{PushError, PushReport, push};
use promissory::flows::{NetworkCache, alert};
use promissory::ports::{Clock, Store, Storefront};
use promissory::storefront::{Hint, PushTarget, StorefrontError};

/// How often a hint is delivered to a pusher while its shop does not answer. The queue delivers it five times before it moves it to
/// the dead-letter queue.
const DELIVERIES: u32 = 3;

/// The hints of one shop in a batch.
#[derive(Debug, Default)]
struct ShopHints {
    targets: BTreeSet<PushTarget>,
    /// The ids of the messages, and how often the queue has delivered each.
    messages: Vec<(String, u32)>,
}

/// The pusher and its ports.
#[derive(Debug)]
pub struct Pusher<S, F, C> {
    /// The table.
    pub store: S,
    /// The shops.
    pub front: F,
    /// The time.
    pub clock: C,
    /// How long a level must have been unchanged before a sweep so that the pusher may set it.
    pub settling_window: Duration,
    /// The locations, kept warm.
    pub network: NetworkCache,
}

impl<S: Store, F: Storefront, C: Clock> Pusher<S, F, C> {
    /// Handles one batch of hints, until `deadline`.
    pub async fn handle(&self, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        let mut shops: BTreeMap<ShopDomain, ShopHints> = BTreeMap::new();
        for record in event.records {
            let delivered = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
            let id = record.message_id.unwrap_or_default();
            match serde_json::from_str::<Hint>(record.body.as_deref().unwrap_or_default()) {
                Ok(hint) => {
                    let hints = shops.entry(hint.shop).or_default();
                    hints.targets.extend(hint.targets);
                    hints.messages.push((id, delivered));
                }
                Err(error) => {
                    tracing::error!(message = id, line = error.line(), column = error.column(), "a hint cannot be read");
                    response.add_failure(id);
                }
            }
        }
        for (shop, ShopHints { targets, messages }) in shops {
            match self.push(&shop, &targets, deadline).await {
                Ok(report) => {
                    tracing::info!(
                        %shop,
                        hinted = targets.len(),
                        adjusted = report.adjusted,
                        levels_set = report.levels_set,
                        metafields_sent = report.metafields_sent,
                        refused = report.refused,
                        waiting = report.waiting,
                        "pushed"
                    );
                    self.shop_answers(&shop, &report).await;
                }
                Err(error) => {
                    tracing::warn!(%shop, hinted = targets.len(), %error, "the push failed; its hints return to the queue");
                    for message in self.to_repeat(&shop, &error, messages).await {
                        response.add_failure(message);
                    }
                }
            }
        }
        response
    }

    /// Clears the alert about a shop that does not answer, after it took something. When that fails, the backlog job clears it.
    async fn shop_answers(&self, shop: &ShopDomain, report: &PushReport) {
        if report.adjusted + report.levels_set + report.metafields_sent == 0 {
            return;
        }
        let cleared = (AlertSubject::ShopUnreachable { shop: shop.clone() }, format!("{shop} takes levels again."));
        if let Err(error) = alert::clear(&self.store, &self.clock, cleared).await {
            tracing::warn!(%shop, %error, "the alert about a shop that does not answer could not be cleared");
        }
    }

    /// The messages that return to the queue after a push failed.
    async fn to_repeat(&self, shop: &ShopDomain, error: &PushError, messages: Vec<(String, u32)>) -> Vec<String> {
        let deliveries = match error {
            PushError::Storefront(StorefrontError::Rejected { .. }) => 1,
            PushError::Storefront(_) | PushError::OutOfTime => DELIVERIES,
            PushError::Store(_) => u32::MAX,
        };
        let (done, again): (Vec<_>, Vec<_>) = messages.into_iter().partition(|(_, delivered)| *delivered >= deliveries);
        let mut again: Vec<String> = again.into_iter().map(|(message, _)| message).collect();
        if done.is_empty() {
            return again;
        }
        let subject = AlertSubject::ShopUnreachable { shop: shop.clone() };
        let detail = format!("{shop} cannot be sent its levels: {error}. They are sent when it answers.");
        if let Err(error) = alert::raise(&self.store, &self.clock, (subject, detail)).await {
            tracing::error!(%shop, %error, "the alert about a shop that does not answer could not be raised");
            again.extend(done.into_iter().map(|(message, _)| message));
        }
        again
    }

    async fn push(
        &self,
        shop: &ShopDomain,
        targets: &BTreeSet<PushTarget>,
        deadline: Timestamp,
    ) -> Result<PushReport, PushError> {
        let network = self.network.get(&self.store, &self.clock).await?;
        push((&self.store, &self.front, &self.clock), &network, shop, targets, self.settling_window, deadline).await
    }
}
