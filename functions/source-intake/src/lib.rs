//! Receives stock events that other systems send: signed over HTTP, or over the bus.
//!
//! `size → system → age → signature → events → receive`. Each event of a batch has its own outcome, and a batch may be sent
//! again: an event that is in the ledger already is a duplicate. A sender on the bus gets no answer, so a refused event fails
//! the call there: EventBridge repeats it, and then moves it to the dead-letter queue.

use std::time::Duration;

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use promissory::adapters::secrets::Keyring;
use promissory::alert::AlertSubject;
use promissory::catalog::{SystemId, excerpt};
use promissory::draft::EventOutcome;
use promissory::flows::{HeartbeatRecorder, NetworkCache, Received, receive_all};
use promissory::ledger::LedgerEvent;
use promissory::ports::{Clock, Store, StoreError, read};
use promissory::signature::Signature;
use promissory::source::{MAX_BATCH, StockEvent, StockEventFormatError, System, exact_json, parse};
use promissory::table::RowKey;
use serde::Serialize;
use serde_json::{Value, json};

/// The largest accepted body, in bytes.
pub const MAX_BODY: usize = 2 * 1024 * 1024;

/// The most characters of an id that is quoted although its event cannot be read.
const MAX_ID: usize = 128;

/// The largest difference between a request's timestamp and our time, either way.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// The header with the time of signing, in seconds since 1970.
pub const TIMESTAMP: &str = "x-promissory-timestamp";

/// The header with the signature: base64 of HMAC-SHA256 over the timestamp, the system and the raw body, joined by dots.
pub const SIGNATURE: &str = "x-promissory-signature";

/// The source intake and its ports.
#[derive(Debug)]
pub struct Intake<S, C> {
    /// The table.
    pub store: S,
    /// The time.
    pub clock: C,
    /// What each system signs with.
    pub keys: Keyring,
    /// The locations, kept warm.
    pub network: NetworkCache,
    /// Records the heartbeats of systems.
    pub heartbeats: HeartbeatRecorder,
}

/// The outcome of one event, as the answer reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The system's id of the transaction; `None` where it cannot be read.
    pub id: Option<String>,
    /// What became of the event.
    pub outcome: AnswerOutcome,
    /// Movements written for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movements: Option<usize>,
    /// The error, the mapping that the event waits for, or why an applied event made no movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of an event. The system must correct and resend only refused events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerOutcome {
    /// It is in the ledger.
    Applied,
    /// It was in the ledger already.
    Duplicate,
    /// It is stored, and will be applied within moments.
    Deferred,
    /// It is stored until its mapping exists.
    Waiting,
    /// It is not stored.
    Refused,
}

impl Answer {
    fn is_refused(&self) -> bool {
        self.outcome == AnswerOutcome::Refused
    }
}

/// Why a whole request is refused.
#[derive(Debug)]
enum Refusal {
    TooLarge(usize),
    NoSystem,
    Stale,
    Unsigned(&'static str),
    Malformed(String),
    NoSecrets(String),
    Store(StoreError),
}

impl<S: Store, C: Clock> Intake<S, C> {
    /// Answers one request of API Gateway.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let began = self.clock.now();
        match self.take(&request).await {
            Ok((system, answers)) => {
                let refused = answers.iter().filter(|answer| answer.is_refused()).count();
                let duration_ms = self.clock.now().duration_since(began).as_millis();
                tracing::info!(%system, events = answers.len(), refused, duration_ms, "events taken");
                // Every event that is not refused is durable. The status shows whether an event must be corrected.
                let status = if refused == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
                answer(status, &json!({ "events": answers, "refused": refused }))
            }
            Err(refusal) => {
                // The name is at most 32 characters of a to z, digits and dashes, also where the request is not signed.
                let system = system_of(request.uri().path());
                let system = system.as_ref().map(SystemId::as_str);
                tracing::warn!(system, reason = refusal.reason(), detail = refusal.detail(), "events refused");
                // The error of the store is for our log, not for the caller.
                let detail = if matches!(refusal, Refusal::Store(_) | Refusal::NoSecrets(_)) {
                    "send the same request again later".into()
                } else {
                    refusal.detail()
                };
                answer(refusal.status(), &json!({ "error": refusal.reason(), "detail": detail }))
            }
        }
    }

    async fn take(&self, request: &Request) -> Result<(SystemId, Vec<Answer>), Refusal> {
        let body: &[u8] = request.body().as_ref();
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge(body.len()));
        }
        let system = system_of(request.uri().path()).ok_or(Refusal::NoSystem)?;
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let stamp = header(TIMESTAMP).ok_or(Refusal::Unsigned("X-Promissory-Timestamp is missing"))?;
        let signed_at = stamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let signed_at = signed_at.ok_or(Refusal::Unsigned("X-Promissory-Timestamp is not a number of seconds since 1970"))?;
        if self.clock.now().duration_since(signed_at).unsigned_abs() > WINDOW {
            return Err(Refusal::Stale);
        }
        let signature = header(SIGNATURE).ok_or(Refusal::Unsigned("X-Promissory-Signature is missing"))?;
        let signature = Signature::from_header(signature).ok_or(Refusal::Unsigned("X-Promissory-Signature is not base64"))?;
        if !self.is_signed(&signature, &system, &signed_bytes(stamp, system.as_str(), body)).await? {
            // An unknown system and a wrong signature get the same answer, so that a caller cannot find out which systems
            // exist.
            return Err(Refusal::Unsigned(
                "the signature does not match this timestamp, system, body and a secret of the system",
            ));
        }
        let body = exact_json(body).map_err(|error| Refusal::Malformed(format!("it is not JSON: {error}")))?;
        let events = events_of(&body).map_err(Refusal::Malformed)?;
        let answers = self.receive(&system, &events).await.map_err(Refusal::Store)?;
        Ok((system, answers))
    }

    /// Whether a secret of the system signed these bytes. When no secret matches, the secrets may have been rotated and are
    /// read again.
    async fn is_signed(&self, signature: &Signature, system: &SystemId, bytes: &[u8]) -> Result<bool, Refusal> {
        loop {
            let secrets = self.keys.secrets(self.clock.now()).await.map_err(Refusal::NoSecrets)?;
            if signature.matches(bytes, secrets.of(system)) {
                return Ok(true);
            }
            if !self.keys.doubt(self.clock.now()) {
                return Ok(false);
            }
        }
    }

    /// Receives an event of the bus, whose detail is `{"events": […]}`. Its source is the name of the system: IAM decides which
    /// principal may put events with which source, and EventBridge itself writes the account. The row of the system names the account.
    ///
    /// # Errors
    /// When the system may not use the bus from this account, one of its events is refused, or the store fails. EventBridge repeats
    /// the call, and then moves it to the dead-letter queue.
    pub async fn take_from_bus(&self, envelope: &Value) -> Result<Vec<Answer>, String> {
        let detail = envelope.get("detail").unwrap_or(&Value::Null);
        let system = self.system_on_bus(envelope).await?;
        let answers = match events_of(detail) {
            Ok(events) => self.receive(&system, &events).await.map_err(|error| error.to_string())?,
            Err(problem) => {
                self.alert_refused(&system, &problem).await.map_err(|error| error.to_string())?;
                return Err(problem);
            }
        };
        tracing::info!(%system, events = answers.len(), "events taken from the bus");
        let refused = answers.iter().find(|answer| answer.is_refused());
        refused.and_then(|answer| answer.detail.clone()).map_or(Ok(answers), Err)
    }

    /// The system that put an event on the bus.
    async fn system_on_bus(&self, envelope: &Value) -> Result<SystemId, String> {
        let text = |field: &str| envelope.get(field).and_then(Value::as_str).unwrap_or_default();
        let Ok(system) = text("source").parse::<SystemId>() else {
            return Err("the source of an event on the bus must be the name of a system".to_owned());
        };
        let row = RowKey::System(system.clone());
        let known = match read::<System, S>(&self.store, &row).await {
            Ok((known, _)) => known,
            Err(error) => {
                promissory::flows::alert::faulty_row(&self.store, &self.clock, &error)
                    .await
                    .map_err(|error| error.to_string())?;
                return Err(error.to_string());
            }
        };
        let allowed = known.and_then(|system| system.bus_account);
        if allowed.is_some_and(|account| account.as_str() == text("account")) {
            return Ok(system);
        }
        let problem = format!(
            "{system} may not use the bus from the account {}: set bus_account in the row of the system, if it may",
            excerpt(text("account").to_owned(), MAX_ID)
        );
        self.alert_refused(&system, &problem).await.map_err(|error| error.to_string())?;
        Err(problem)
    }

    /// Receives a batch of events, and returns the outcome of each, in their order. Fails when the row of the system cannot be read.
    async fn receive(&self, system: &SystemId, events: &[Value]) -> Result<Vec<Answer>, StoreError> {
        let network = self.network.get(&self.store, &self.clock).await?;
        if network.unreadable_system(system.as_str()).is_some() {
            // What the system may say is not known, so nothing is taken. The sender repeats, and the row is read again then.
            self.network.forget();
            let detail = format!("the row of {system} cannot be read, and its alert is raised");
            return Err(StoreError::Unavailable { detail, source: None });
        }
        let parsed: Vec<Result<StockEvent, StockEventFormatError>> = events.iter().map(|event| parse(system, event)).collect();
        if let Some((event, malformed)) =
            events.iter().zip(&parsed).find_map(|(event, parsed)| Some((event, parsed.as_ref().err()?)))
        {
            let id = excerpt(event.get("id").unwrap_or(&Value::Null).to_string(), MAX_ID);
            self.alert_refused(system, &format!("{id} cannot be read: {malformed}")).await?;
        }
        let first_in_a_while = self.heartbeats.note(&self.store, &self.clock, system.as_str()).await?;
        let well_formed = parsed.iter().flatten().map(|event| LedgerEvent::Stock(event.clone())).collect();
        let mut received = receive_all(&self.store, &self.clock, &network, well_formed).await?.into_iter();
        let answers: Vec<Answer> = parsed
            .iter()
            .zip(events)
            .map(|(parsed, event)| match parsed {
                Ok(parsed) => answer_for(parsed, received.next().expect("every well-formed event has an outcome")),
                Err(malformed) => {
                    let id = event.get("id").and_then(Value::as_str).map(|id| excerpt(id.to_owned(), MAX_ID));
                    Answer { id, outcome: AnswerOutcome::Refused, movements: None, detail: Some(malformed.to_string()) }
                }
            })
            .collect();
        if first_in_a_while && !answers.iter().any(Answer::is_refused) {
            let subject = AlertSubject::RefusedEvent { system: system.to_string() };
            let detail = format!("{system} sends events without an error again.");
            promissory::flows::alert::clear(&self.store, &self.clock, (subject, detail)).await?;
        }
        Ok(answers)
    }

    /// Raises the alert about events that their system must correct.
    async fn alert_refused(&self, system: &SystemId, problem: &str) -> Result<(), StoreError> {
        let subject = AlertSubject::RefusedEvent { system: system.to_string() };
        promissory::flows::alert::raise(
            &self.store,
            &self.clock,
            (subject, format!("An event of {system} is refused: {problem}. Correct it and send it again.")),
        )
        .await
    }
}

/// The bytes that a system signs. They contain the system, so a signature is valid for no other system.
#[must_use]
pub fn signed_bytes(timestamp: &str, system: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b".", system.as_bytes(), b".", body].concat()
}

/// Converts an HTTP answer to the form that API Gateway expects from a function.
///
/// # Errors
/// Never: our answers are text.
pub fn as_lambda_answers<E: From<std::str::Utf8Error>>(response: &Response<Body>) -> Result<Value, E> {
    let body = std::str::from_utf8(response.body())?;
    let headers = json!({ "content-type": "application/json" });
    Ok(json!({ "statusCode": response.status().as_u16(), "headers": headers, "body": body, "isBase64Encoded": false }))
}

fn system_of(path: &str) -> Option<SystemId> {
    let (before, system) = path.strip_suffix("/events")?.rsplit_once('/')?;
    before.ends_with("/sources").then(|| system.parse().ok())?
}

/// The events of a body: a batch or a single event.
fn events_of(body: &Value) -> Result<Vec<Value>, String> {
    match body.get("events") {
        Some(Value::Array(events)) if events.is_empty() => Err("events is empty".to_owned()),
        Some(Value::Array(events)) if events.len() > MAX_BATCH => {
            Err(format!("{} events in one batch; at most {MAX_BATCH} are accepted: send several batches", events.len()))
        }
        Some(Value::Array(events)) => Ok(events.clone()),
        Some(_) => Err("events must be a list".to_owned()),
        None if body.get("id").is_some() => Ok(vec![body.clone()]),
        None => Err("it must be one event or {\"events\": [...]}".to_owned()),
    }
}

fn answer_for(event: &StockEvent, received: Received) -> Answer {
    let (outcome, movements, detail) = match received {
        Received::Decided(EventOutcome::Applied { movements, no_movement, .. }) => {
            (AnswerOutcome::Applied, Some(movements), no_movement.map(|why| why.to_string()))
        }
        Received::Decided(EventOutcome::Duplicate) => (AnswerOutcome::Duplicate, None, None),
        Received::Deferred(_) => {
            (AnswerOutcome::Deferred, None, Some("the event is stored and will be applied within moments".to_owned()))
        }
        Received::Decided(EventOutcome::Waiting(missing)) => {
            (AnswerOutcome::Waiting, None, Some(format!("the event is stored and waits for a mapping: {missing}")))
        }
        Received::Decided(EventOutcome::ContentMismatch) => (
            AnswerOutcome::Refused,
            None,
            Some("this id was received before with other content; the first one stands".to_owned()),
        ),
        Received::Decided(EventOutcome::Refused(error)) => (AnswerOutcome::Refused, None, Some(error.to_string())),
        Received::Decided(EventOutcome::Unreadable | EventOutcome::Quarantined) => {
            let detail = "a row that the event changes cannot be read or written; the log names it".to_owned();
            (AnswerOutcome::Refused, None, Some(detail))
        }
    };
    Answer { id: Some(event.id.id.clone()), outcome, movements, detail }
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::NoSystem => "no_system",
            Self::Stale => "stale",
            Self::Unsigned(_) => "unsigned",
            Self::Malformed(_) => "malformed",
            Self::NoSecrets(_) => "no_secrets",
            Self::Store(_) => "store",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::TooLarge(size) => format!("the body has {size} bytes; at most {MAX_BODY} are accepted"),
            Self::NoSystem => "the path must be /sources/{system}/events, with a system such as sap-eu".to_owned(),
            Self::Stale => format!("X-Promissory-Timestamp is more than {} minutes from our time", WINDOW.as_secs() / 60),
            Self::Unsigned(why) => (*why).to_owned(),
            Self::Malformed(problem) | Self::NoSecrets(problem) => problem.clone(),
            Self::Store(error) => error.to_string(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSystem => StatusCode::NOT_FOUND,
            Self::Stale | Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoSecrets(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let response =
        Response::builder().status(status).header("content-type", "application/json").body(Body::from(body.to_string()));
    response.expect("a status, one header and a body make a response")
}
