//! Commits a signed Shopify webhook to the ledger in one transaction.
//!
//! `size → signature → shop → topic → body → receive or note`. A body is not hashed before its size is checked, and not parsed
//! before its signature is verified. Every refusal is logged with its reason and without the body.

use std::time::Duration;

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use promissory::adapters::log::loggable;
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::shopify::webhook::{MAX_BODY, WebhookContent, WebhookFormatError, WebhookTopic, parse};
use promissory::alert::AlertSubject;
use promissory::catalog::ShopDomain;
use promissory::draft::EventOutcome;
use promissory::flows::alert::raise;
use promissory::flows::{NetworkCache, Received, note, receive};
use promissory::ledger::{LedgerEvent, OrderEvent};
use promissory::movement::{EventId, content_hash};
use promissory::order::WebhookNote;
use promissory::ports::{Clock, Store, StoreError};
use promissory::signature::Signature;
use serde_json::json;

/// The webhook intake and its ports.
#[derive(Debug)]
pub struct Intake<S, C> {
    /// The table.
    pub store: S,
    /// The time.
    pub clock: C,
    /// The shop whose webhooks are accepted.
    pub shop: ShopDomain,
    /// The app of the shop, whose secret signs the webhooks.
    pub app: ShopifyApp,
    /// The locations, kept warm.
    pub network: NetworkCache,
}

/// Why a webhook was refused.
#[derive(Debug)]
enum Refusal {
    TooLarge(usize),
    Unsigned(&'static str),
    OtherShop,
    UnknownTopic,
    NoId,
    Malformed(String, WebhookFormatError),
    ContentMismatch,
    Unreadable,
    Store(StoreError),
}

/// A webhook that was accepted.
struct Taken {
    /// The order, if the webhook carries one.
    order: Option<u64>,
    outcome: &'static str,
    movements: usize,
    unmapped: usize,
    /// Why the webhook made no movement, when it made none.
    why: Option<String>,
}

impl<S: Store, C: Clock> Intake<S, C> {
    /// Answers one request of API Gateway.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let began = self.clock.now();
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // They are logged also when the request is not signed.
        let (topic, id) = (loggable(header("x-shopify-topic")), loggable(header("x-shopify-webhook-id")));
        let taken = self.take(&request).await;
        let duration_ms = duration_ms(began, self.clock.now());
        match taken {
            Ok(Taken { order, outcome, movements, unmapped, why }) => {
                tracing::info!(topic, webhook = id, order, outcome, movements, unmapped, why, duration_ms, "webhook taken");
                let mut body = json!({ "outcome": outcome, "movements": movements, "unmapped": unmapped });
                if let Some(why) = why {
                    body["detail"] = why.into();
                }
                answer(StatusCode::OK, &body)
            }
            Err(refusal) => {
                let (reason, detail) = (refusal.reason(), refusal.detail());
                tracing::warn!(topic, webhook = id, duration_ms, reason, detail, "webhook refused");
                refuse(&refusal)
            }
        }
    }

    async fn take(&self, request: &Request) -> Result<Taken, Refusal> {
        let body: &[u8] = request.body().as_ref();
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge(body.len()));
        }
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let signature = header("x-shopify-hmac-sha256").ok_or(Refusal::Unsigned("X-Shopify-Hmac-Sha256 is missing"))?;
        let signature = Signature::from_header(signature).ok_or(Refusal::Unsigned("X-Shopify-Hmac-Sha256 is not base64"))?;
        if !signature.matches(body, self.app.signing_secrets()) {
            return Err(Refusal::Unsigned("the signature does not match this body and a secret of this app"));
        }
        if header("x-shopify-shop-domain") != Some(self.shop.as_str()) {
            return Err(Refusal::OtherShop);
        }
        let name = header("x-shopify-topic").unwrap_or_default();
        let topic = WebhookTopic::from_header(name).ok_or(Refusal::UnknownTopic)?;
        let id = header("x-shopify-webhook-id").filter(|id| !id.is_empty() && id.len() <= 128).ok_or(Refusal::NoId)?;
        let id = EventId::of_webhook(&self.shop, id);
        let content = content_hash(body);
        let webhook_content = match parse(topic, &self.shop, body, self.clock.now()) {
            Ok(webhook_content) => webhook_content,
            Err(malformed) => return Err(self.refuse_malformed(name, malformed).await),
        };
        let (order, received) = match webhook_content {
            WebhookContent::Order(snapshot) => {
                let order = snapshot.order.number();
                let network = self.network.get(&self.store, &self.clock).await.map_err(Refusal::Store)?;
                let event = LedgerEvent::Order(Box::new(OrderEvent { id, content, snapshot }));
                (Some(order), receive(&self.store, &self.clock, &network, event).await.map_err(Refusal::Store)?)
            }
            WebhookContent::Note(noted) => {
                let noted = self.about_this_network(noted).await.map_err(Refusal::Store)?;
                let outcome = note(&self.store, &self.clock, (id, content), noted).await.map_err(Refusal::Store)?;
                (None, Received::Decided(outcome))
            }
        };
        let (outcome, movements, unmapped, why) = match received {
            Received::Decided(EventOutcome::Applied { .. }) if order.is_none() => ("noted", 0, 0, None),
            Received::Decided(EventOutcome::Applied { movements, unmapped, no_movement }) => {
                ("applied", movements, unmapped, no_movement)
            }
            Received::Decided(EventOutcome::Duplicate) => ("duplicate", 0, 0, None),
            Received::Deferred(_) => ("deferred", 0, 0, None),
            // Repeating the webhook does not help. The alert tells a person, and sweeps read the order again.
            Received::Decided(EventOutcome::Quarantined) => ("quarantined", 0, 0, None),
            Received::Decided(EventOutcome::ContentMismatch) => return Err(Refusal::ContentMismatch),
            Received::Decided(EventOutcome::Unreadable | EventOutcome::Waiting(_) | EventOutcome::Refused(_)) => {
                return Err(Refusal::Unreadable);
            }
        };
        Ok(Taken { order, outcome, movements, unmapped, why: why.map(|why| why.to_string()) })
    }

    /// Removes the alert about a location that is not mapped: it concerns no level of ours, and any number is the id of one.
    async fn about_this_network(&self, noted: WebhookNote) -> Result<WebhookNote, StoreError> {
        let Some((AlertSubject::LocationClosed { shop, location }, _)) = &noted.alert else { return Ok(noted) };
        let network = self.network.get(&self.store, &self.clock).await?;
        let is_mapped = network.by_shop_id(shop, *location).is_some();
        Ok(if is_mapped { noted } else { WebhookNote { alert: None, ..noted } })
    }

    /// Refuses a webhook that is signed by the shop and malformed. It raises an alert, because Shopify stops repeating the
    /// webhook after a while.
    async fn refuse_malformed(&self, topic: &str, malformed: WebhookFormatError) -> Refusal {
        let subject = AlertSubject::UnreadableWebhook { shop: self.shop.clone(), topic: topic.to_owned() };
        let detail = format!("A webhook {topic} of {} cannot be read: {malformed}.", self.shop);
        match raise(&self.store, &self.clock, (subject, detail)).await {
            Ok(()) => Refusal::Malformed(topic.to_owned(), malformed),
            Err(error) => Refusal::Store(error),
        }
    }
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Unsigned(_) => "unsigned",
            Self::OtherShop => "other_shop",
            Self::UnknownTopic => "unknown_topic",
            Self::NoId => "no_webhook_id",
            Self::Malformed(..) => "malformed",
            Self::ContentMismatch => "content_mismatch",
            Self::Unreadable => "unreadable",
            Self::Store(_) => "store",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::TooLarge(size) => format!("the body has {size} bytes; at most {MAX_BODY} are accepted"),
            Self::Unsigned(why) => (*why).to_owned(),
            Self::OtherShop => {
                "X-Shopify-Shop-Domain is not the shop this stack serves; check the parameter ShopDomain".to_owned()
            }
            Self::UnknownTopic => {
                let names: Vec<&str> = WebhookTopic::names().collect();
                format!("X-Shopify-Topic is not one of {}", names.join(", "))
            }
            Self::NoId => "X-Shopify-Webhook-Id is missing or longer than 128 characters".to_owned(),
            Self::Malformed(topic, malformed) => format!("{topic}: {malformed}"),
            Self::ContentMismatch => {
                "a webhook with this id and another body was received before; the first one stands".to_owned()
            }
            Self::Unreadable => "a row that this order changes cannot be read; the log above names it".to_owned(),
            Self::Store(error) => error.to_string(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::OtherShop => StatusCode::FORBIDDEN,
            Self::UnknownTopic | Self::NoId | Self::Malformed(..) => StatusCode::BAD_REQUEST,
            Self::ContentMismatch => StatusCode::CONFLICT,
            // Shopify repeats a webhook that gets this answer, which is safe.
            Self::Unreadable | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    // The error of the store is for our log, not for the caller.
    let detail =
        if matches!(refusal, Refusal::Store(_) | Refusal::Unreadable) { "try again later".to_owned() } else { refusal.detail() };
    answer(refusal.status(), &json!({ "error": refusal.reason(), "detail": detail }))
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let response =
        Response::builder().status(status).header("content-type", "application/json").body(Body::from(body.to_string()));
    response.expect("a status, one header and a body make a response")
}

fn duration_ms(began: Timestamp, ended: Timestamp) -> u64 {
    let passed = Duration::try_from(ended.duration_since(began)).unwrap_or_default();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}
