//! The other ports: the shop behind a line that breaks, the queue, and the bus.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use promissory::adapters::shopify::{Response, Transport};
use promissory::alert::{Alert, Bus};
use promissory::clock::Clock;
use promissory::order::SalesOrder;
use promissory::store::StoreError;
use promissory::storefront::{Hint, Hints, StorefrontError};
use promissory_local::shopify::{Answer, Shop};
use serde_json::{Value, json};

use crate::rng::Rng;
use crate::tasks::{SimClock, give_way};

/// How often, per thousand calls, something on the way goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineFaults {
    /// The call never arrives.
    pub lost_call: usize,
    /// The call is done, and its answer never arrives.
    pub lost_answer: usize,
    /// The shop answers with 500.
    pub failed: usize,
    /// The queue does not take a message.
    pub queue: usize,
    /// The bus does not take an event.
    pub bus: usize,
}

/// What every port of a world shares.
#[derive(Debug, Clone)]
pub struct Line {
    /// The shop at the other end.
    pub shop: Arc<Mutex<Shop>>,
    /// The time.
    pub clock: SimClock,
    /// Chance.
    pub rng: Rng,
    faults: Arc<Mutex<LineFaults>>,
    queue: Arc<Mutex<Vec<String>>>,
}

impl Line {
    /// A line to `shop` on which nothing goes wrong.
    #[must_use]
    pub fn new(shop: Shop, clock: SimClock, rng: Rng) -> Self {
        Self { shop: Arc::new(Mutex::new(shop)), clock, rng, faults: Arc::default(), queue: Arc::default() }
    }

    /// The shop itself.
    pub fn shop(&self) -> MutexGuard<'_, Shop> {
        lock(&self.shop)
    }

    /// The messages nobody has taken.
    pub fn queue(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.queue)
    }

    /// From now on so much goes wrong.
    pub fn misbehave(&self, faults: LineFaults) {
        *lock(&self.faults) = faults;
    }

    fn goes_wrong(&self, fault: impl Fn(&LineFaults) -> usize) -> bool {
        let chance = fault(&lock(&self.faults));
        self.rng.per_mille(chance)
    }
}

impl Transport for Line {
    async fn post(&self, url: &str, _token: Option<&str>, body: &Value) -> Result<Response, StorefrontError> {
        give_way().await;
        let broken = || StorefrontError::Unavailable { detail: "the line broke in the simulation".into(), source: None };
        if self.goes_wrong(|faults| faults.lost_call) {
            return Err(broken());
        }
        let now = self.clock.now();
        if url.ends_with("/admin/oauth/access_token") {
            return Ok(answer(StatusCode::OK, now, &json!({ "access_token": "shpat_simulated", "expires_in": 86_399 })));
        }
        let failed = self.goes_wrong(|faults| faults.failed);
        let said = if failed { Answer::Failed } else { self.shop().graphql(now, body.to_string().as_bytes()) };
        give_way().await;
        if self.goes_wrong(|faults| faults.lost_answer) {
            return Err(broken());
        }
        match said {
            Answer::Json(said) => Ok(answer(StatusCode::OK, now, &said)),
            Answer::BadRequest(said) => Ok(answer(StatusCode::BAD_REQUEST, now, &said)),
            Answer::Failed => Ok(answer(StatusCode::INTERNAL_SERVER_ERROR, now, &json!({}))),
            Answer::Silent => Err(broken()),
        }
    }
}

fn answer(status: StatusCode, now: Timestamp, body: &Value) -> Response {
    Response { status, answered_at: Some(now), body: body.to_string().into_bytes() }
}

impl Hints for Line {
    async fn send(&self, hints: &[Hint]) -> Result<(), StoreError> {
        give_way().await;
        if self.goes_wrong(|faults| faults.queue) {
            return Err(StoreError::Unavailable { detail: "the queue is away in the simulation".into(), source: None });
        }
        let bodies = hints.iter().map(|hint| serde_json::to_string(hint).expect("a hint always serialises"));
        self.queue().extend(bodies);
        give_way().await;
        Ok(())
    }
}

impl Bus for Line {
    async fn publish(&self, _alerts: &[Alert]) -> Result<(), StoreError> {
        self.carry().await
    }

    async fn forward(&self, _order: &SalesOrder) -> Result<(), StoreError> {
        self.carry().await
    }
}

impl Line {
    async fn carry(&self) -> Result<(), StoreError> {
        give_way().await;
        if self.goes_wrong(|faults| faults.bus) {
            return Err(StoreError::Unavailable { detail: "the bus is away in the simulation".into(), source: None });
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
