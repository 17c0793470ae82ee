//! Other systems, speaking at the door: signed requests, and events in short.

use lambda_http::{Request, http};
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::secrets::SourceSecrets;
use promissory::flows::{HeartbeatRecorder, NetworkCache};
use promissory::signature::sign;
use serde_json::{Value, json};
use source_intake::{Intake, SIGNATURE, TIMESTAMP, signed_bytes};

use crate::clock::TestClock;
use crate::world::World;

/// What the system `wms` signs with.
pub const WMS_SECRET: &str = "a secret of the warehouse";

/// A request of a system, before it is sent.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where it goes.
    pub path: String,
    /// When it says it was signed, in seconds.
    pub timestamp: Option<String>,
    /// The system it is signed for.
    pub system: &'static str,
    /// What it is signed with; not at all where nothing is said.
    pub secret: Option<&'static str>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Post {
    /// A batch of the warehouse system, signed now.
    #[must_use]
    pub fn new(world: &World, events: &[Value]) -> Self {
        Self {
            path: "/sources/wms/events".to_owned(),
            timestamp: Some(world.clock.after(0).as_second().to_string()),
            system: "wms",
            secret: Some(WMS_SECRET),
            body: json!({ "events": events }).to_string().into_bytes(),
        }
    }

    /// The request.
    ///
    /// # Panics
    /// When it cannot be one.
    #[must_use]
    pub fn request(self) -> Request {
        let mut request = http::Request::builder().method("POST").uri(format!("https://api.example.com{}", self.path));
        let timestamp = self.timestamp.unwrap_or_default();
        if let Some(secret) = self.secret {
            request = request.header(SIGNATURE, sign(&signed_bytes(&timestamp, self.system, &self.body), secret.as_bytes()));
        }
        if !timestamp.is_empty() {
            request = request.header(TIMESTAMP, timestamp);
        }
        request.body(self.body.into()).expect("a request")
    }
}

/// An event of item `A` at `WH-1`, now; `more` adds fields and replaces them.
///
/// # Panics
/// When `more` is no object.
#[must_use]
pub fn event(world: &World, id: &str, kind: &str, quantity: i64, more: &Value) -> Value {
    let mut event = json!({
        "id": id, "kind": kind, "sku": "A", "location": "WH-1", "quantity": quantity, "occurred_at": world.clock.after(0).to_string(),
    });
    for (field, value) in more.as_object().expect("an object") {
        event[field] = value.clone();
    }
    event
}

impl World {
    /// The handler of other systems' events, freshly started.
    #[must_use]
    pub fn sources(&self) -> Intake<DynamoStore, TestClock> {
        Intake {
            store: self.table.store.clone(),
            clock: self.clock.clone(),
            keys: SourceSecrets::default().signing("wms", WMS_SECRET).into(),
            network: NetworkCache::default(),
            ears: HeartbeatRecorder::default(),
        }
    }

    /// Sends a request; returns the status and the answer.
    ///
    /// # Panics
    /// When the answer is not JSON.
    pub async fn post(&self, post: Post) -> (u16, Value) {
        let answer = self.sources().handle(post.request()).await;
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(answer.body().as_ref()).expect("an answer in JSON"))
    }

    /// Sends events that must all be taken; returns the outcome of each.
    ///
    /// # Panics
    /// When one is not.
    pub async fn says(&self, events: &[Value]) -> Vec<String> {
        let (status, answer) = self.post(Post::new(self, events)).await;
        assert_eq!(status, 200, "{answer}");
        outcomes(&answer)
    }
}

/// The outcome of each event of an answer.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn outcomes(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().unwrap_or_else(|| panic!("{answer} tells of events"));
    events.iter().map(|event| event["outcome"].as_str().expect("an outcome").to_owned()).collect()
}
