//! The other ports: the shop behind a line that breaks, the queue, and the bus.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use promissory::adapters::shopify::{Response, Transport};
use promissory::alert::{Alert, AlertSubject};
use promissory::order::SalesOrder;
use promissory::ports::{Bus, Clock, Hints, StoreError};
use promissory::storefront::{Hint, StorefrontError};
use promissory_fakes::shopify::{Answer, ItemId, Shop};
use serde_json::{Value, json};

use crate::met::Met;
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
    /// The shop's answer holds an order that makes no sense.
    pub garbled: usize,
    /// The queue does not take a message.
    pub queue: usize,
    /// The bus does not take an event.
    pub bus: usize,
    /// An item that makes the shop refuse any call that changes it, without saying for which of its rows.
    pub cursed: Option<ItemId>,
}

/// A hint on its way.
#[derive(Debug, Clone)]
pub struct Message {
    /// The hint.
    pub body: String,
    /// How often it was handed to a pusher.
    pub received: u32,
}

/// What every port of a world shares.
#[derive(Debug, Clone)]
pub struct Line {
    shop: Arc<Mutex<Shop>>,
    clock: SimClock,
    rng: Rng,
    met: Met,
    faults: Arc<Mutex<LineFaults>>,
    queue: Arc<Mutex<Vec<Message>>>,
    bus: Arc<Mutex<BTreeMap<AlertSubject, Alert>>>,
    forwarded: Arc<Mutex<BTreeMap<String, Vec<SalesOrder>>>>,
    calls: Arc<AtomicU64>,
    /// The rows of the last call that was refused for a cursed item.
    halving: Arc<AtomicU64>,
}

impl Line {
    /// A line to `shop` on which nothing goes wrong.
    #[must_use]
    pub fn new(shop: Shop, clock: SimClock, rng: Rng, met: Met) -> Self {
        Self {
            shop: Arc::new(Mutex::new(shop)),
            clock,
            rng,
            met,
            faults: Arc::default(),
            queue: Arc::default(),
            bus: Arc::default(),
            forwarded: Arc::default(),
            calls: Arc::default(),
            halving: Arc::default(),
        }
    }

    /// The shop itself.
    pub fn shop(&self) -> MutexGuard<'_, Shop> {
        lock(&self.shop)
    }

    /// The messages nobody has taken.
    pub fn queue(&self) -> MutexGuard<'_, Vec<Message>> {
        lock(&self.queue)
    }

    /// What people were told last of each alert.
    pub fn bus(&self) -> MutexGuard<'_, BTreeMap<AlertSubject, Alert>> {
        lock(&self.bus)
    }

    /// The sales orders that were forwarded, by name, as often as they were.
    pub fn forwarded(&self) -> MutexGuard<'_, BTreeMap<String, Vec<SalesOrder>>> {
        lock(&self.forwarded)
    }

    /// From now on so much goes wrong.
    pub fn misbehave(&self, faults: LineFaults) {
        *lock(&self.faults) = faults;
    }

    /// How often shop, queue and bus were called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn goes_wrong(&self, fault: impl Fn(&LineFaults) -> usize) -> bool {
        let chance = fault(&lock(&self.faults));
        self.rng.per_mille(chance)
    }

    /// The shop's answer to one request.
    fn ask(&self, now: Timestamp, body: &Value) -> Answer {
        if self.goes_wrong(|faults| faults.failed) {
            return Answer::Failed;
        }
        let rows = ["changes", "quantities"].iter().find_map(|array| body["variables"]["input"][array].as_array());
        let cursed = lock(&self.faults).cursed.map(ItemId::gid);
        if let (Some(rows), Some(cursed)) = (rows, cursed)
            && rows.iter().any(|row| row["inventoryItemId"] == *cursed)
        {
            let rows = u64::try_from(rows.len()).expect("a call is small");
            if self.halving.swap(rows, Ordering::Relaxed) > 1 && rows == 1 {
                self.met.note("refused row found by halving");
            }
            return Answer::Json(json!({ "errors": [{ "message": "refused", "extensions": { "code": "BAD_REQUEST" } }] }));
        }
        let text = body.to_string();
        let mut shop = self.shop();
        let (throttled, known) = (shop.counters().throttled, shop.counters().deduplicated);
        let said = shop.graphql(now, text.as_bytes());
        let (counters, met) = (shop.counters(), &self.met);
        for (happened, what) in [
            (counters.throttled > throttled, "shop throttled"),
            (counters.deduplicated > known, "shop knew the key"),
            (said == Answer::Failed, "shop failed"),
            (said == Answer::Silent, "shop answer lost"),
            (text.contains("inventoryActivate"), "level activated"),
        ] {
            if happened {
                met.note(what);
            }
        }
        said
    }
}

impl Transport for Line {
    async fn post(&self, url: &str, _token: Option<&str>, body: &Value) -> Result<Response, StorefrontError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        let broken = || StorefrontError::Unavailable { detail: "the line broke in the simulation".into(), source: None };
        if self.goes_wrong(|faults| faults.lost_call) {
            self.met.note("shop call lost");
            return Err(broken());
        }
        let now = self.clock.now();
        if url.ends_with("/admin/oauth/access_token") {
            return Ok(answer(StatusCode::OK, now, "{\"access_token\":\"shpat_simulated\",\"expires_in\":86399}".to_owned()));
        }
        let said = self.ask(now, body);
        give_way().await;
        if self.goes_wrong(|faults| faults.lost_answer) {
            self.met.note("shop answer lost");
            return Err(broken());
        }
        match said {
            Answer::Json(mut said) => {
                if self.goes_wrong(|faults| faults.garbled) && garble(&mut said["data"]) {
                    self.met.note("order unreadable");
                }
                let said = said.to_string();
                if said.contains("CHANGE_FROM_QUANTITY_STALE") {
                    self.met.note("shop compare stale");
                } else if said.contains("NON_MUTABLE_INVENTORY_ITEM") {
                    self.met.note("shop refused a row");
                }
                Ok(answer(StatusCode::OK, now, said))
            }
            Answer::BadRequest(said) => Ok(answer(StatusCode::BAD_REQUEST, now, said.to_string())),
            Answer::Failed => Ok(answer(StatusCode::INTERNAL_SERVER_ERROR, now, "{}".to_owned())),
            Answer::Silent => Err(broken()),
        }
    }
}

/// Makes nonsense of the first line of an order in an answer; whether there was one.
fn garble(said: &mut Value) -> bool {
    if let Some(quantity) = said.pointer_mut("/lineItems/nodes/0/quantity") {
        *quantity = json!(-1);
        return true;
    }
    match said {
        Value::Object(fields) => fields.values_mut().any(garble),
        Value::Array(values) => values.iter_mut().any(garble),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn answer(status: StatusCode, now: Timestamp, body: String) -> Response {
    Response { status, answered_at: Some(now), body: body.into_bytes() }
}

impl Hints for Line {
    async fn send(&self, hints: &[Hint]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        if self.goes_wrong(|faults| faults.queue) {
            return Err(StoreError::Unavailable { detail: "the queue is away in the simulation".into(), source: None });
        }
        let body = |hint: &Hint| serde_json::to_string(hint).expect("a hint always serialises");
        self.queue().extend(hints.iter().map(|hint| Message { body: body(hint), received: 0 }));
        give_way().await;
        Ok(())
    }
}

impl Bus for Line {
    async fn publish(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        if self.goes_wrong(|faults| faults.bus) {
            return Err(StoreError::Unavailable { detail: "the bus is away in the simulation".into(), source: None });
        }
        self.bus().extend(alerts.iter().map(|alert| (alert.subject.clone(), alert.clone())));
        give_way().await;
        Ok(())
    }

    async fn forward(&self, order: &SalesOrder) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        if self.goes_wrong(|faults| faults.bus) {
            return Err(StoreError::Unavailable { detail: "the bus is away in the simulation".into(), source: None });
        }
        self.forwarded().entry(order.id()).or_default().push(order.clone());
        give_way().await;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
