//! Webhooks in flight, and requests that the webhook intake must reject.

use std::sync::Arc;

use lambda_http::{Body, Request};
use promissory::adapters::shopify::webhook::MAX_BODY;
use promissory_fakes::shopify::{Delivery, DeliveryPlan, signature};

use super::World;
use super::invocations::{Ended, Trigger};
use crate::planted::PlantedBug;

/// One webhook request in flight.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    headers: Vec<(&'static str, String)>,
    body: Arc<[u8]>,
    /// How the report names it.
    pub name: String,
    /// Number of earlier deliveries.
    pub tries: u32,
    /// The status that the intake must answer with. A genuine webhook (200) is repeated until it gets this answer.
    pub answer: u16,
}

impl WebhookRequest {
    fn of(delivery: &Delivery) -> Self {
        Self {
            headers: delivery.headers(),
            body: Arc::clone(&delivery.body),
            name: format!("{} {} of {}", delivery.topic.name(), delivery.number, delivery.order),
            tries: 0,
            answer: 200,
        }
    }

    fn set(&mut self, header: &str, value: &str) {
        for (name, old) in &mut self.headers {
            if *name == header {
                value.clone_into(old);
            }
        }
    }

    /// The same request with another body, signed with `secret`.
    fn with_body(&self, body: Vec<u8>, secret: &str) -> Self {
        let mut webhook = self.clone();
        webhook.set("x-shopify-hmac-sha256", &signature(secret, &body));
        webhook.body = body.into();
        webhook
    }

    /// The id that all deliveries of a webhook share.
    pub fn webhook_id(&self) -> &str {
        self.headers.iter().find(|(name, _)| *name == "x-shopify-webhook-id").map_or("", |(_, id)| id)
    }
}

impl World {
    /// Takes the new webhooks of the shop. Some are lost, duplicated or late.
    pub fn take_webhooks(&mut self) {
        let sent: Vec<_> = self.ports.shop().outbox().take(&DeliveryPlan::default());
        for (delivery, _) in sent {
            let webhook = WebhookRequest::of(&delivery);
            let rarely = self.config.lost_deliveries / 4;
            if self.rng.per_mille(self.config.lost_deliveries) {
                self.coverage.note("webhook lost");
                self.log_event(|| format!("{} was lost", webhook.name));
            } else if self.rng.per_mille(rarely) {
                self.coverage.note("webhook days late");
                self.late_webhooks.push(webhook);
            } else {
                if self.rng.per_mille(self.config.lost_deliveries) {
                    self.coverage.note("webhook doubled");
                    self.webhooks.push(webhook.clone());
                }
                if self.rng.per_mille(rarely) {
                    let other = self.changed(&webhook);
                    self.webhooks.push(other);
                }
                self.webhooks.push(webhook);
            }
        }
    }

    /// Sends every webhook twice, and once with another body.
    pub(super) fn take_webhooks_twice(&mut self) {
        let sent: Vec<_> = self.ports.shop().outbox().take(&DeliveryPlan::default());
        for webhook in sent.iter().map(|(delivery, _)| WebhookRequest::of(delivery)) {
            let other = self.changed(&webhook);
            self.webhooks.extend([webhook.clone(), other, webhook]);
        }
    }

    /// The same webhook id with another body. The intake applies the first content that arrives.
    fn changed(&mut self, webhook: &WebhookRequest) -> WebhookRequest {
        let mut other = webhook.body.to_vec();
        other.push(b' ');
        self.mismatched.insert(webhook.webhook_id().to_owned());
        webhook.with_body(other, &self.secret())
    }

    fn secret(&self) -> String {
        self.ports.shop().config().secret.clone()
    }

    /// Sends a request that the intake must reject without an effect.
    pub(super) fn flawed_webhook(&mut self) {
        let genuine: Vec<&WebhookRequest> = self.webhooks.iter().filter(|webhook| webhook.answer == 200).collect();
        if genuine.is_empty() {
            return;
        }
        let genuine = (*self.rng.pick(&genuine)).clone();
        let (secret, body) = (self.secret(), genuine.body.to_vec());
        let mut flawed = match self.rng.below(12) {
            0..5 => {
                let mut forged = genuine.with_body(body, "not the secret");
                forged.answer = 401;
                forged
            }
            5..10 => {
                let mut cut = genuine.with_body(body[..body.len() / 2].to_vec(), &secret);
                cut.answer = 400;
                self.malformed = true;
                cut
            }
            10 => {
                let mut nested = genuine.with_body("[".repeat(2_000).into_bytes(), &secret);
                nested.answer = 400;
                self.malformed = true;
                nested
            }
            _ => {
                let mut large = genuine.with_body(vec![b' '; MAX_BODY + 1], "not the secret");
                large.answer = 413;
                large
            }
        };
        flawed.name = format!("a variant of {} that must get {}", genuine.name, flawed.answer);
        self.webhooks.push(flawed);
    }

    /// Delivers a random webhook in flight.
    pub fn deliver_webhook(&mut self) {
        if self.webhooks.is_empty() {
            return;
        }
        let webhook = self.webhooks.swap_remove(self.rng.below(self.webhooks.len()));
        self.call_intake(webhook);
    }

    fn call_intake(&mut self, webhook: WebhookRequest) {
        self.log_event(|| format!("{} arrives", webhook.name));
        let read = if self.bug == Some(PlantedBug::StaleFacts) { self.as_newest(&webhook) } else { webhook.clone() };
        let mut request = lambda_http::http::Request::builder().method("POST").uri("/webhooks/shopify");
        for (name, value) in &read.headers {
            request = request.header(*name, value);
        }
        let request: Request = request.body(Body::from(read.body.to_vec())).expect("a valid request");
        let intake = Arc::clone(&self.rng.pick(&self.processes.intakes).handler);
        let task = async move {
            let answer = intake.handle(request).await;
            let text = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
            Ended::Answered(answer.status().as_u16(), text)
        };
        self.start(Trigger::Webhook(webhook), task);
    }

    /// The planted mistake: treats the last webhook received as the newest.
    fn as_newest(&self, webhook: &WebhookRequest) -> WebhookRequest {
        use promissory::ports::Clock;
        let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&webhook.body) else { return webhook.clone() };
        if webhook.answer == 200 && body.get("updated_at").is_some() {
            let now = self.clock.now().to_string();
            let mut newest = webhook.clone();
            newest.set("x-shopify-webhook-id", &format!("{}@{now}", webhook.webhook_id()));
            body["updated_at"] = now.into();
            return newest.with_body(body.to_string().into_bytes(), &self.secret());
        }
        webhook.clone()
    }
}
