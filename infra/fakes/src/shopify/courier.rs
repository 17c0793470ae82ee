//! Carries deliveries to the webhook URL: bounded, with a timeout, retried with a doubling wait, and counted.
//!
//! A copy that waits, for its time or for its retry, holds no place in the air, so it cannot keep others back.

use super::outbox::Delivery;
use super::server::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A copy of a delivery, and how long it is to be held back.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) delivery: Delivery,
    pub(super) after: Duration,
}

/// Carries parcels until the server stops; what is in the air then is dropped.
pub(super) async fn carry(shared: Arc<Shared>, client: reqwest::Client, mut parcels: mpsc::UnboundedReceiver<Parcel>) {
    let mut stopping = shared.stopping.subscribe();
    let mut carried = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(parcel) = parcels.recv() => {
                carried.spawn(deliver(Arc::clone(&shared), client.clone(), parcel));
            }
            // Takes the finished ones out of the set.
            Some(_) = carried.join_next(), if !carried.is_empty() => {}
        }
    }
    carried.shutdown().await;
}

async fn deliver(shared: Arc<Shared>, client: reqwest::Client, parcel: Parcel) {
    if !parcel.after.is_zero() {
        tokio::time::sleep(parcel.after).await;
    }
    let mut wait = shared.config.backoff;
    let mut accepted = false;
    for retry in 0..=shared.config.retries {
        if retry > 0 {
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
        if attempt(&shared, &client, &parcel.delivery).await {
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
        tracing::warn!(webhook = %parcel.delivery.webhook_id, topic = parcel.delivery.topic.name(), "delivery given up");
    }
    shared.open.send_modify(|open| *open -= 1);
}

/// One POST; whether it was answered with 2xx in time.
async fn attempt(shared: &Shared, client: &reqwest::Client, delivery: &Delivery) -> bool {
    let Ok(_place) = shared.air.acquire().await else {
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
