//! The post: webhooks on their way, and letters that nobody should trust.

use std::sync::Arc;

use lambda_http::{Body, Request};
use promissory::adapters::shopify::webhook::MAX_BODY;
use promissory_fakes::shopify::{Delivery, DeliveryPlan, signature};

use super::World;
use super::work::{Ended, Work};
use crate::plant::Plant;

/// One letter on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    headers: Vec<(&'static str, String)>,
    body: Arc<[u8]>,
    /// What is said of it when the story is told.
    pub name: String,
    /// How often it was sent before.
    pub tries: u32,
    /// What it must be answered with; 200 for a real one, which is sent again until it is.
    pub answer: u16,
}

impl Letter {
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

    /// The same letter with another body, signed by the shop.
    fn saying(&self, body: Vec<u8>, secret: &str) -> Self {
        let mut letter = self.clone();
        letter.set("x-shopify-hmac-sha256", &signature(secret, &body));
        letter.body = body.into();
        letter
    }

    /// The id that a repeated letter keeps.
    pub fn webhook(&self) -> &str {
        self.headers.iter().find(|(name, _)| *name == "x-shopify-webhook-id").map_or("", |(_, id)| id)
    }
}

impl World {
    /// What the shop has to say goes into the post; some of it is lost there.
    pub fn post_the_mail(&mut self) {
        let sent: Vec<_> = self.line.shop().outbox().take(&DeliveryPlan::default());
        for (delivery, _) in sent {
            let letter = Letter::of(&delivery);
            let rarely = self.climate.lost_mail / 4;
            if self.rng.per_mille(self.climate.lost_mail) {
                self.met.note("webhook lost");
                self.tell(|| format!("{} is lost", letter.name));
            } else if self.rng.per_mille(rarely) {
                self.met.note("webhook days late");
                self.attic.push(letter);
            } else {
                if self.rng.per_mille(self.climate.lost_mail) {
                    self.met.note("webhook doubled");
                    self.mail.push(letter.clone());
                }
                if self.rng.per_mille(rarely) {
                    let other = self.changed(&letter);
                    self.mail.push(other);
                }
                self.mail.push(letter);
            }
        }
    }

    /// Every letter comes twice, and once with another body.
    pub(super) fn post_all_twice(&mut self) {
        let sent: Vec<_> = self.line.shop().outbox().take(&DeliveryPlan::default());
        for letter in sent.iter().map(|(delivery, _)| Letter::of(delivery)) {
            let other = self.changed(&letter);
            self.mail.extend([letter.clone(), other, letter]);
        }
    }

    /// A letter with the id of this one and another body: whichever comes first stands.
    fn changed(&mut self, letter: &Letter) -> Letter {
        let mut other = letter.body.to_vec();
        other.push(b' ');
        self.mismatched.insert(letter.webhook().to_owned());
        letter.saying(other, &self.secret())
    }

    fn secret(&self) -> String {
        self.line.shop().config().secret.clone()
    }

    /// Someone sends what no shop would: it must be refused, and change nothing.
    pub(super) fn odd_letter(&mut self) {
        let real: Vec<&Letter> = self.mail.iter().filter(|letter| letter.answer == 200).collect();
        if real.is_empty() {
            return;
        }
        let real = (*self.rng.pick(&real)).clone();
        let (secret, body) = (self.secret(), real.body.to_vec());
        let mut odd = match self.rng.below(12) {
            0..5 => {
                let mut forged = real.saying(body, "not the secret");
                forged.answer = 401;
                forged
            }
            5..10 => {
                let mut cut = real.saying(body[..body.len() / 2].to_vec(), &secret);
                cut.answer = 400;
                self.malformed = true;
                cut
            }
            10 => {
                let mut nested = real.saying("[".repeat(2_000).into_bytes(), &secret);
                nested.answer = 400;
                self.malformed = true;
                nested
            }
            _ => {
                let mut large = real.saying(vec![b' '; MAX_BODY + 1], "not the secret");
                large.answer = 413;
                large
            }
        };
        odd.name = format!("a letter like {} to be answered with {}", real.name, odd.answer);
        self.mail.push(odd);
    }

    /// Any of the letters arrives: not the oldest first.
    pub fn post_comes(&mut self) {
        if self.mail.is_empty() {
            return;
        }
        let letter = self.mail.swap_remove(self.rng.below(self.mail.len()));
        self.open_letter(letter);
    }

    fn open_letter(&mut self, letter: Letter) {
        self.tell(|| format!("{} comes", letter.name));
        let read = if self.plant == Some(Plant::StaleFacts) { self.as_newest(&letter) } else { letter.clone() };
        let mut request = lambda_http::http::Request::builder().method("POST").uri("/webhooks/shopify");
        for (name, value) in &read.headers {
            request = request.header(*name, value);
        }
        let request: Request = request.body(Body::from(read.body.to_vec())).expect("a request");
        let intake = Arc::clone(&self.rng.pick(&self.fleet.intakes).handler);
        let task = async move {
            let answer = intake.handle(request).await;
            let said = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
            Ended::Answered(answer.status().as_u16(), said)
        };
        self.start(Work::Letter(letter), task);
    }

    /// The planted mistake: what came last is the newest.
    fn as_newest(&self, letter: &Letter) -> Letter {
        use promissory::ports::Clock;
        let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&letter.body) else { return letter.clone() };
        if letter.answer == 200 && body.get("updated_at").is_some() {
            let now = self.clock.now().to_string();
            let mut newest = letter.clone();
            newest.set("x-shopify-webhook-id", &format!("{}@{now}", letter.webhook()));
            body["updated_at"] = now.into();
            return newest.saying(body.to_string().into_bytes(), &self.secret());
        }
        letter.clone()
    }
}
