//! The ports other than the store: the connection to the shop, which fails, the queue, and the bus.

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

use crate::coverage::Coverage;
use crate::rng::Rng;
use crate::tasks::{SimClock, give_way};

/// How often each fault occurs, per thousand calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortFaults {
    /// The call does not reach the shop.
    pub lost_call: usize,
    /// The shop executes the call, and the answer is lost.
    pub lost_answer: usize,
    /// The shop answers with status 500.
    pub failed: usize,
    /// The answer of the shop contains an order that cannot be read.
    pub garbled: usize,
    /// The queue rejects a message.
    pub queue: usize,
    /// The bus rejects an event.
    pub bus: usize,
    /// An item for which the shop refuses every call that changes it, without naming the row. The pusher must find the row by
    /// halving the call.
    pub refused_item: Option<ItemId>,
}

/// A hint in the queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// The serialised hint.
    pub body: String,
    /// How often the queue has delivered it to a pusher.
    pub received: u32,
}

/// The state that the ports of a world share.
#[derive(Debug, Clone)]
pub struct Ports {
    shop: Arc<Mutex<Shop>>,
    clock: SimClock,
    rng: Rng,
    coverage: Coverage,
    faults: Arc<Mutex<PortFaults>>,
    queue: Arc<Mutex<Vec<Message>>>,
    bus: Arc<Mutex<BTreeMap<AlertSubject, Alert>>>,
    forwarded: Arc<Mutex<BTreeMap<String, Vec<SalesOrder>>>>,
    calls: Arc<AtomicU64>,
    /// Number of rows of the last call that was refused because of the cursed item.
    halving: Arc<AtomicU64>,
}

impl Ports {
    /// A connection to `shop` without faults.
    #[must_use]
    pub fn new(shop: Shop, clock: SimClock, rng: Rng, coverage: Coverage) -> Self {
        Self {
            shop: Arc::new(Mutex::new(shop)),
            clock,
            rng,
            coverage,
            faults: Arc::default(),
            queue: Arc::default(),
            bus: Arc::default(),
            forwarded: Arc::default(),
            calls: Arc::default(),
            halving: Arc::default(),
        }
    }

    /// The fake shop.
    pub fn shop(&self) -> MutexGuard<'_, Shop> {
        lock(&self.shop)
    }

    /// The messages in the queue.
    pub fn queue(&self) -> MutexGuard<'_, Vec<Message>> {
        lock(&self.queue)
    }

    /// The newest state of each alert that was published on the bus.
    pub fn bus(&self) -> MutexGuard<'_, BTreeMap<AlertSubject, Alert>> {
        lock(&self.bus)
    }

    /// The sales orders that were forwarded, by name. An entry has one element for each time the order was sent.
    pub fn forwarded(&self) -> MutexGuard<'_, BTreeMap<String, Vec<SalesOrder>>> {
        lock(&self.forwarded)
    }

    /// Sets the faults from now on.
    pub fn set_faults(&self, faults: PortFaults) {
        *lock(&self.faults) = faults;
    }

    /// Number of calls to the shop, the queue and the bus.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn fault_occurs(&self, fault: impl Fn(&PortFaults) -> usize) -> bool {
        let chance = fault(&lock(&self.faults));
        self.rng.per_mille(chance)
    }

    /// Answers one request as the shop does.
    fn ask(&self, now: Timestamp, body: &Value) -> Answer {
        if self.fault_occurs(|faults| faults.failed) {
            return Answer::Failed;
        }
        let rows = ["changes", "quantities"].iter().find_map(|array| body["variables"]["input"][array].as_array());
        let refused_item = lock(&self.faults).refused_item.map(ItemId::gid);
        if let (Some(rows), Some(refused_item)) = (rows, refused_item)
            && rows.iter().any(|row| row["inventoryItemId"] == *refused_item)
        {
            let rows = u64::try_from(rows.len()).expect("a call has few rows");
            if self.halving.swap(rows, Ordering::Relaxed) > 1 && rows == 1 {
                self.coverage.note("refused row found by halving");
            }
            return Answer::Json(json!({ "errors": [{ "message": "refused", "extensions": { "code": "BAD_REQUEST" } }] }));
        }
        let text = body.to_string();
        let mut shop = self.shop();
        let (throttled, known) = (shop.counters().throttled, shop.counters().deduplicated);
        let reply = shop.graphql(now, text.as_bytes());
        let (counters, coverage) = (shop.counters(), &self.coverage);
        for (happened, what) in [
            (counters.throttled > throttled, "shop throttled"),
            (counters.deduplicated > known, "idempotency key repeated"),
            (reply == Answer::Failed, "shop failed"),
            (reply == Answer::Silent, "shop answer lost"),
            (text.contains("inventoryActivate"), "level activated"),
        ] {
            if happened {
                coverage.note(what);
            }
        }
        reply
    }
}

impl Transport for Ports {
    async fn post(&self, url: &str, _token: Option<&str>, body: &Value) -> Result<Response, StorefrontError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        let broken = || StorefrontError::Unavailable { detail: "the simulator broke the connection".into(), source: None };
        if self.fault_occurs(|faults| faults.lost_call) {
            self.coverage.note("shop call lost");
            return Err(broken());
        }
        let now = self.clock.now();
        if url.ends_with("/admin/oauth/access_token") {
            return Ok(answer(StatusCode::OK, now, "{\"access_token\":\"shpat_simulated\",\"expires_in\":86399}".to_owned()));
        }
        let reply = self.ask(now, body);
        give_way().await;
        if self.fault_occurs(|faults| faults.lost_answer) {
            self.coverage.note("shop answer lost");
            return Err(broken());
        }
        match reply {
            Answer::Json(mut reply) => {
                if self.fault_occurs(|faults| faults.garbled) && garble(&mut reply["data"]) {
                    self.coverage.note("order unreadable");
                }
                let reply = reply.to_string();
                if reply.contains("CHANGE_FROM_QUANTITY_STALE") {
                    self.coverage.note("shop compare stale");
                } else if reply.contains("NON_MUTABLE_INVENTORY_ITEM") {
                    self.coverage.note("shop refused a row");
                }
                Ok(answer(StatusCode::OK, now, reply))
            }
            Answer::BadRequest(reply) => Ok(answer(StatusCode::BAD_REQUEST, now, reply.to_string())),
            Answer::Failed => Ok(answer(StatusCode::INTERNAL_SERVER_ERROR, now, "{}".to_owned())),
            Answer::Silent => Err(broken()),
        }
    }
}

/// Makes the first order line in an answer unreadable. Returns whether the answer contained one.
fn garble(reply: &mut Value) -> bool {
    if let Some(quantity) = reply.pointer_mut("/lineItems/nodes/0/quantity") {
        *quantity = json!(-1);
        return true;
    }
    match reply {
        Value::Object(fields) => fields.values_mut().any(garble),
        Value::Array(values) => values.iter_mut().any(garble),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn answer(status: StatusCode, now: Timestamp, body: String) -> Response {
    Response { status, answered_at: Some(now), body: body.into_bytes() }
}

impl Hints for Ports {
    async fn send(&self, hints: &[Hint]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        if self.fault_occurs(|faults| faults.queue) {
            return Err(StoreError::Unavailable { detail: "the simulator made the queue unavailable".into(), source: None });
        }
        let body = |hint: &Hint| serde_json::to_string(hint).expect("a hint can be serialised");
        self.queue().extend(hints.iter().map(|hint| Message { body: body(hint), received: 0 }));
        give_way().await;
        Ok(())
    }
}

impl Bus<Alert> for Ports {
    async fn publish(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        if self.fault_occurs(|faults| faults.bus) {
            return Err(StoreError::Unavailable { detail: "the simulator made the bus unavailable".into(), source: None });
        }
        self.bus().extend(alerts.iter().map(|alert| (alert.subject.clone(), alert.clone())));
        give_way().await;
        Ok(())
    }
}

impl Bus<SalesOrder> for Ports {
    async fn publish(&self, orders: &[SalesOrder]) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        give_way().await;
        if self.fault_occurs(|faults| faults.bus) {
            return Err(StoreError::Unavailable { detail: "the simulator made the bus unavailable".into(), source: None });
        }
        for order in orders {
            self.forwarded().entry(order.id()).or_default().push(order.clone());
        }
        give_way().await;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
