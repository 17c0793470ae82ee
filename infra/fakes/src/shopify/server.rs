//! Serves the shop over HTTP: Shopify's paths for the app, `/_control/` for tests and people, and webhooks to one URL.
//!
//! A mutex protects the shop, and the server never holds it across an await. Every access moves the deliveries of the outbox to
//! the delivery worker before the lock is released, so a reader that sees a change also sees its deliveries counted. The tasks
//! belong to the handle: `stop` ends them in order, and dropping the handle ends them at once.

use super::app_routes;
use super::control;
use super::delivery_worker::{self, QueuedDelivery};
use super::outbox::{DeliveryOutcome, DeliveryPlan};
use super::shop::{Shop, ShopConfig};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The configuration of the server.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The port on 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// The configuration of the shop. Its secret is the app's client secret.
    pub shop: ShopConfig,
    /// The app's client id.
    pub client_id: String,
    /// Seconds for which an access token is valid.
    pub token_seconds: i64,
    /// The URL for webhooks. It may be set later, and deliveries wait until then.
    pub webhook_url: Option<String>,
    /// The plan that selects the deliveries that are lost, doubled or late.
    pub plan: DeliveryPlan,
    /// The maximum number of delivery requests at the same time.
    pub concurrency: usize,
    /// The wait before the first retry of a delivery. It doubles with each retry. Shopify spreads its eight retries over four
    /// hours.
    pub backoff: Duration,
    /// The number of retries before a delivery is given up.
    pub retries: u32,
    /// The time that a receiver has to answer.
    pub timeout: Duration,
    /// The time that a call without an answer waits before the server gives its connection up with 504.
    pub silence: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            port: 0,
            shop: ShopConfig::default(),
            client_id: "promissory-local".to_owned(),
            token_seconds: 86_399,
            webhook_url: None,
            plan: DeliveryPlan::default(),
            concurrency: 8,
            backoff: Duration::from_millis(300),
            retries: 8,
            timeout: Duration::from_secs(5),
            silence: Duration::from_secs(30),
        }
    }
}

/// Counts of deliveries and of their results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct DeliveryStats {
    /// Deliveries handed to the delivery worker, copies not counted.
    pub announced: u64,
    /// Of these, deliveries that are sent twice.
    pub doubled: u64,
    /// Of these, deliveries that are sent late.
    pub late: u64,
    /// Of these, deliveries that are never sent.
    pub lost: u64,
    /// POST requests that the delivery worker made.
    pub attempts: u64,
    /// Copies that the receiver answered with 2xx.
    pub accepted: u64,
    /// Copies that the delivery worker gave up after the last retry.
    pub abandoned: u64,
}

/// The state that the lock protects.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) shop: Shop,
    pub(super) webhook_url: Option<String>,
    pub(super) plan: DeliveryPlan,
    pub(super) stats: DeliveryStats,
    /// Access tokens, and the times at which they expire.
    pub(super) tokens: BTreeMap<String, Timestamp>,
}

/// The state that the handlers, the delivery worker and the handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ServerConfig,
    guarded: Mutex<Guarded>,
    queue: mpsc::UnboundedSender<QueuedDelivery>,
    /// Copies that were handed to the delivery worker and are neither accepted nor given up.
    pub(super) open: watch::Sender<usize>,
    pub(super) stopping: watch::Sender<bool>,
    pub(super) slots: Semaphore,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // A panic in a test's closure poisons the lock. Later accesses ignore that, so that the test reports the panic itself.
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on the protected state, then hands the deliveries in the outbox to the delivery worker.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Guarded) -> T) -> T {
        let mut guarded = self.lock();
        let done = work(&mut guarded);
        if guarded.webhook_url.is_some() {
            let plan = guarded.plan;
            for (delivery, outcome) in guarded.shop.outbox().take(&plan) {
                let stats = &mut guarded.stats;
                stats.announced += 1;
                let copies = match outcome {
                    DeliveryOutcome::Delivered => vec![Duration::ZERO],
                    DeliveryOutcome::Doubled(after) => {
                        stats.doubled += 1;
                        vec![Duration::ZERO, after]
                    }
                    DeliveryOutcome::Late(after) => {
                        stats.late += 1;
                        vec![after]
                    }
                    DeliveryOutcome::Lost => {
                        stats.lost += 1;
                        Vec::new()
                    }
                };
                for after in copies {
                    self.open.send_modify(|open| *open += 1);
                    let queued = QueuedDelivery { delivery: delivery.clone(), after };
                    if self.queue.send(queued).is_err() {
                        // The delivery worker has ended: the server is stopping, and no task waits for this delivery any more.
                        self.open.send_modify(|open| *open -= 1);
                    }
                }
            }
        }
        done
    }
}

/// A running fake Shopify.
#[derive(Debug)]
pub struct Server {
    url: String,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Errors
    /// The port is not available, or the HTTP client cannot be built.
    pub async fn start(config: ServerConfig) -> std::io::Result<Server> {
        // The call fails only if a provider is already installed, and that provider serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(("127.0.0.1", config.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (queue, received) = mpsc::unbounded_channel();
        let guarded = Guarded {
            shop: Shop::new(config.shop.clone()),
            webhook_url: config.webhook_url.clone(),
            plan: config.plan,
            stats: DeliveryStats::default(),
            tokens: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            guarded: Mutex::new(guarded),
            queue,
            open: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            slots: Semaphore::new(config.concurrency.max(1)),
            config,
        });
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(1))
            .timeout(shared.config.timeout)
            .build()
            .map_err(std::io::Error::other)?;
        let router = Router::new()
            .merge(app_routes::routes())
            .nest("/_control", control::routes())
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(Arc::clone(&shared));
        let mut stopping = shared.stopping.subscribe();
        let served = axum::serve(listener, router).with_graceful_shutdown(async move {
            // An error means that the sender is dropped, and with it the server.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        });
        let serving = tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the fake Shopify stopped serving");
            }
        });
        let delivering = tokio::spawn(delivery_worker::run(Arc::clone(&shared), client, received));
        Ok(Server { url, shared, tasks: vec![serving, delivering] })
    }

    /// Returns the address of the server, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs `work` on the shop. The closure must not block, because every request waits for it.
    pub fn shop<T>(&self, work: impl FnOnce(&mut Shop) -> T) -> T {
        self.shared.with(|guarded| work(&mut guarded.shop))
    }

    /// Sends webhooks to this URL from now on, and the waiting deliveries first.
    pub fn set_webhook_url(&self, url: &str) {
        self.shared.with(|guarded| guarded.webhook_url = Some(url.to_owned()));
    }

    /// Changes the plan for the deliveries to come.
    pub fn set_delivery_plan(&self, plan: DeliveryPlan) {
        self.shared.with(|guarded| guarded.plan = plan);
    }

    /// Waits until every delivery that was handed to the delivery worker is accepted or given up. Without a URL no delivery is
    /// handed over.
    pub async fn deliveries_idle(&self) {
        let mut open = self.shared.open.subscribe();
        open.wait_for(|open| *open == 0).await.expect("the sender lives as long as the server");
    }

    /// Returns the counts of deliveries so far.
    #[must_use]
    pub fn stats(&self) -> DeliveryStats {
        self.shared.with(|guarded| guarded.stats)
    }

    /// Stops accepting calls, answers the accepted ones, and drops the deliveries that are still to be made.
    pub async fn stop(mut self) {
        self.shared.stopping.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            // An error means that the task panicked, and the panic is already reported.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}
