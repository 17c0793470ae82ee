//! Sends webhook deliveries to the webhook URL, with a limit of concurrent requests, a timeout, retries with a doubling wait,
//! and counters.
//!
//! A delivery that waits for its time or for a retry holds no slot, so it does not delay the other deliveries.

use super::outbox::Delivery;
use super::server::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A copy of a delivery, and the delay before its first request.
#[derive(Debug)]
pub(super) struct QueuedDelivery {
    pub(super) delivery: Delivery,
    pub(super) after: Duration,
}

/// Sends the queued deliveries until the server stops, and then drops the deliveries that are still in progress.
pub(super) async fn run(shared: Arc<Shared>, client: reqwest::Client, mut queue: mpsc::UnboundedReceiver<QueuedDelivery>) {
    let mut stopping = shared.stopping.subscribe();
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(queued) = queue.recv() => {
                running.spawn(deliver(Arc::clone(&shared), client.clone(), queued));
            }
            // This branch removes finished deliveries from the set.
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
    running.shutdown().await;
}

async fn deliver(shared: Arc<Shared>, client: reqwest::Client, queued: QueuedDelivery) {
    if !queued.after.is_zero() {
        tokio::time::sleep(queued.after).await;
    }
    let mut wait = shared.config.backoff;
    let mut accepted = false;
    for retry in 0..=shared.config.retries {
        if retry > 0 {
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
        if attempt(&shared, &client, &queued.delivery).await {
            accepted = true;
            break;
        }
    }
    shared.with(|guarded| {
        if accepted {
            guarded.stats.accepted += 1;
        } else {
            guarded.stats.abandoned += 1;
        }
    });
    if !accepted {
        tracing::warn!(webhook = %queued.delivery.webhook_id, topic = queued.delivery.topic.name(), "delivery given up");
    }
    shared.open.send_modify(|open| *open -= 1);
}

/// Sends one POST. Returns whether the receiver answered with 2xx in time.
async fn attempt(shared: &Shared, client: &reqwest::Client, delivery: &Delivery) -> bool {
    let Ok(_place) = shared.slots.acquire().await else {
        return false;
    };
    let Some(url) = shared.with(|guarded| {
        guarded.stats.attempts += 1;
        guarded.webhook_url.clone()
    }) else {
        return false;
    };
    let mut request = client.post(url).body(delivery.body.to_vec());
    for (name, value) in delivery.headers() {
        request = request.header(name, value);
    }
    request.send().await.is_ok_and(|response| response.status().is_success())
}
