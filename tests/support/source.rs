//! Requests of source systems: signed batches, and short forms of events.

use lambda_http::{Request, http};
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::secrets::SourceSecrets;
use promissory::flows::{HeartbeatRecorder, NetworkCache};
use promissory::signature::sign;
use serde_json::{Value, json};
use source_intake::{Intake, SIGNATURE, TIMESTAMP, signed_bytes};

use crate::clock::TestClock;
use crate::world::World;

/// The signing secret of the system `wms`.
pub const WMS_SECRET: &str = "a secret of the warehouse";

/// A request of a source system.
#[derive(Debug, Clone)]
pub struct Post {
    /// The path.
    pub path: String,
    /// The signed timestamp in seconds, if any.
    pub timestamp: Option<String>,
    /// The system in the signature.
    pub system: &'static str,
    /// The signing secret. `None` sends no signature.
    pub secret: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

impl Post {
    /// A batch of `wms`, signed now.
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

    /// Builds the request.
    ///
    /// # Panics
    /// If its parts are not a valid request.
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

/// An event of item `A` at `WH-1`, now. The fields of `more` are added or replace others.
///
/// # Panics
/// If `more` is not an object.
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
    /// A new source intake.
    #[must_use]
    pub fn sources(&self) -> Intake<DynamoStore, TestClock> {
        Intake {
            store: self.table.acting_as("SourceIntake"),
            clock: self.clock.clone(),
            keys: SourceSecrets::default().signing("wms", WMS_SECRET).into(),
            network: NetworkCache::default(),
            heartbeats: HeartbeatRecorder::default(),
        }
    }

    /// Sends a request. Returns the status and the answer.
    ///
    /// # Panics
    /// If the answer is not JSON.
    pub async fn post(&self, post: Post) -> (u16, Value) {
        let answer = self.sources().handle(post.request()).await;
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(answer.body().as_ref()).expect("an answer in JSON"))
    }

    /// Sends events that must all be accepted. Returns their outcomes.
    ///
    /// # Panics
    /// If one is refused.
    pub async fn send_events(&self, events: &[Value]) -> Vec<String> {
        let (status, answer) = self.post(Post::new(self, events)).await;
        assert_eq!(status, 200, "{answer}");
        outcomes(&answer)
    }
}

/// The outcome of each event in an answer.
///
/// # Panics
/// If the answer lists no events.
#[must_use]
pub fn outcomes(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().unwrap_or_else(|| panic!("no events in the answer {answer}"));
    events.iter().map(|event| event["outcome"].as_str().expect("an outcome").to_owned()).collect()
}
