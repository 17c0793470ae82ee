//! Turns hints into pushes to Shopify.
//!
//! The hints of a batch are merged per shop, so many movements of one pair between two pushes become one change. A hint that
//! cannot be read fails alone and ends in the dead-letter queue. When a push fails, the hints of its shop return to the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use promissory::catalog::ShopDomain;
use promissory::flows::NetworkCache;
use promissory::flows::push::{PushError, PushReport, push};
use promissory::ports::{Clock, Store, Storefront};
use promissory::storefront::{Hint, PushTarget};

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
        let mut shops: BTreeMap<ShopDomain, (BTreeSet<PushTarget>, Vec<String>)> = BTreeMap::new();
        for record in event.records {
            let id = record.message_id.unwrap_or_default();
            match serde_json::from_str::<Hint>(record.body.as_deref().unwrap_or_default()) {
                Ok(hint) => {
                    let (targets, messages) = shops.entry(hint.shop).or_default();
                    targets.extend(hint.targets);
                    messages.push(id);
                }
                Err(error) => {
                    tracing::error!(message = id, line = error.line(), column = error.column(), "a hint cannot be read");
                    response.add_failure(id);
                }
            }
        }
        for (shop, (targets, messages)) in shops {
            match self.push(&shop, &targets, deadline).await {
                Ok(report) => tracing::info!(
                    %shop,
                    hinted = targets.len(),
                    adjusted = report.adjusted,
                    levels_set = report.levels_set,
                    metafields_sent = report.metafields_sent,
                    refused = report.refused,
                    waiting = report.waiting,
                    "pushed"
                ),
                Err(error) => {
                    tracing::warn!(%shop, hinted = targets.len(), %error, "the push failed; its hints return to the queue");
                    for message in messages {
                        response.add_failure(message);
                    }
                }
            }
        }
        response
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
