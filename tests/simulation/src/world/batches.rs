//! Event batches in flight: they are sent, lost and repeated as by real source systems, and answered event by event.

use std::sync::Arc;
use std::time::Duration;

use lambda_http::{Body, Request};
use promissory::adapters::secrets::SourceSecrets;
use promissory::catalog::SystemId;
use promissory::ports::Clock;
use promissory::signature::sign;
use promissory::source::MAX_BATCH;
use serde_json::{Value, json};
use source_intake::{MAX_BODY, SIGNATURE, TIMESTAMP, signed_bytes};

use super::World;
use super::invocations::{Ended, Trigger};
use super::stock_events::{Channel, EventBatch, Flaw, SourceEvent, Validity};
use crate::planted::PlantedBug;

/// The account from which every system puts events on the bus.
pub const BUS_ACCOUNT: &str = "123456789012";

/// The answer to a batch.
pub enum BatchAnswer {
    /// The answer over HTTP: status and body.
    Http(u16, String),
    /// The answer over the bus: the outcomes of the events, or the error that makes the bus repeat the batch.
    Bus(Result<Value, String>),
}

/// The signing secret of a system.
pub fn secret(system: &str) -> String {
    format!("the secret of {system}")
}

impl World {
    /// Sends events as one batch, which may be duplicated, arrive days late, or contain an unreadable event.
    pub fn send_batch(&mut self, system: &'static str, reported: Vec<SourceEvent>) {
        let domain = self.ports.shop().config().domain.clone();
        let mut events = Vec::new();
        let mut others = Vec::new();
        for one in reported {
            self.log_event(|| format!("{one} is going to be sent"));
            let validity = if one.is_whole() { Validity::Valid } else { Validity::NotWhole };
            events.push((Some(one.id.clone()), validity, one.body(&domain)));
            if one.is_whole() && one.unit.is_none() && self.rng.per_mille(self.config.flawed_events / 2) {
                let mut other = one.clone();
                other.units += if one.units < 0 { -1 } else { 1 };
                other.amount = other.units.to_string();
                self.sources.two_contents.insert(one.name());
                others.push((Some(other.id.clone()), Validity::Valid, other.body(&domain)));
                self.sources.events.push(other);
            }
            if validity == Validity::NotWhole {
                self.sources.refused.1.insert(system);
            }
            self.sources.events.push(one);
        }
        if self.rng.per_mille(self.config.flawed_events) {
            self.sources.refused.1.insert(system);
            let at = self.rng.below(events.len() + 1);
            let broken = self.malformed(&events[0].2);
            events.insert(at, broken);
        }
        let channel = if self.rng.per_mille(250) { Channel::Bus } else { Channel::Http };
        let batch = EventBatch { system, events, channel, flaw: None, tries: 0, again: false };
        if !others.is_empty() {
            self.sources.batches.push(EventBatch { events: others, ..batch.clone() });
        }
        if self.rng.per_mille(self.config.lost_deliveries) {
            self.coverage.note("batch doubled");
            self.sources.batches.push(batch.clone());
        }
        if self.rng.per_mille(self.config.lost_deliveries / 4) {
            self.coverage.note("batch days late");
            self.sources.late.push(batch);
        } else {
            self.sources.batches.push(batch);
        }
    }

    /// Makes an unreadable event from a readable one.
    fn malformed(&self, readable: &Value) -> (Option<String>, Validity, Value) {
        let mut bad = readable.clone();
        let id = format!("bad-{}", self.sources.events.len());
        bad["id"] = id.as_str().into();
        let mut id = Some(id);
        match self.rng.below(7) {
            0 => bad["quantity"] = "a few".into(),
            1 => bad["kind"] = "teleported".into(),
            2 => bad["occurred_at"] = "yesterday".into(),
            3 => bad["surprise"] = true.into(),
            4 => bad["unit"] = " ".into(),
            5 => {
                // Still in the future when a batch arrives days late.
                let days = if self.bug == Some(PlantedBug::FutureTimeTaken) { 0 } else { 30 };
                bad["occurred_at"] = (self.clock.now() + Duration::from_secs(days * 86_400)).to_string().into();
                self.coverage.note("event from the future");
            }
            _ => (id, bad) = (None, json!("an event")),
        }
        (id, Validity::Malformed, bad)
    }

    /// Sends a flawed batch. It must have no effect.
    pub(super) fn flawed_batch(&mut self) {
        let system = *self.rng.pick(&super::stock_events::SYSTEMS);
        let flaw = match self.rng.below(20) {
            0..6 => Flaw::Forged,
            6..11 => Flaw::Stale,
            11..16 => Flaw::Cut,
            16..19 => Flaw::TooMany,
            _ => Flaw::Oversized,
        };
        let Some(event) = self.source_event(system) else { return };
        let domain = self.ports.shop().config().domain.clone();
        let mut body = event.body(&domain);
        body["id"] = format!("never-{}", event.id).into();
        let events = vec![(None, Validity::Valid, body)];
        self.sources.batches.push(EventBatch {
            system,
            events,
            channel: Channel::Http,
            flaw: Some(flaw),
            tries: 0,
            again: false,
        });
    }

    /// Delivers a random batch in flight.
    pub fn deliver_batch(&mut self) {
        if self.sources.batches.is_empty() {
            return;
        }
        let any = self.rng.below(self.sources.batches.len());
        let batch = self.sources.batches.swap_remove(any);
        self.keep_for_a_restore(&batch);
        let names: Vec<&str> = batch.events.iter().filter_map(|(id, ..)| id.as_deref()).collect();
        self.log_event(|| format!("{}: {names:?} arrive by {:?}, flaw {:?}", batch.system, batch.channel, batch.flaw));
        let intake = Arc::clone(&self.rng.pick(&self.processes.source_intakes).handler);
        match batch.channel {
            Channel::Http => {
                let request = self.request(&batch);
                let task = async move {
                    let answer = intake.handle(request).await;
                    let text = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
                    Ended::BatchAnswered(BatchAnswer::Http(answer.status().as_u16(), text))
                };
                self.start(Trigger::EventBatch(batch), task);
            }
            Channel::Bus => {
                let detail = json!({ "events": batch.bodies() });
                let envelope = json!({ "source": batch.system, "account": BUS_ACCOUNT, "detail": detail });
                let task = async move {
                    let answers = intake.take_from_bus(&envelope).await;
                    Ended::BatchAnswered(BatchAnswer::Bus(answers.map(|answers| json!(answers))))
                };
                self.start(Trigger::EventBatch(batch), task);
            }
        }
    }

    fn request(&self, batch: &EventBatch) -> Request {
        let mut events = batch.bodies();
        if batch.flaw == Some(Flaw::TooMany) {
            events = vec![events[0].clone(); MAX_BATCH + 1];
        }
        let alone = events.len() == 1 && batch.tries.is_multiple_of(2);
        let body = if alone { events[0].clone() } else { json!({ "events": events }) };
        let mut body = body.to_string().into_bytes();
        match batch.flaw {
            Some(Flaw::Cut) => body.truncate(body.len() / 2),
            Some(Flaw::Oversized) => body.resize(MAX_BODY + 1, b' '),
            Some(Flaw::Forged | Flaw::Stale | Flaw::TooMany) | None => {}
        }
        let stale = if batch.flaw == Some(Flaw::Stale) { 3_600 } else { 0 };
        let stamp = (self.clock.now().as_second() - stale).to_string();
        let secret = if batch.flaw == Some(Flaw::Forged) { "a guess".to_owned() } else { secret(batch.system) };
        let signature = sign(&signed_bytes(&stamp, batch.system, &body), secret.as_bytes());
        let request = lambda_http::http::Request::builder()
            .method("POST")
            .uri(format!("/sources/{}/events", batch.system))
            .header(TIMESTAMP, stamp)
            .header(SIGNATURE, signature);
        request.body(Body::from(body)).expect("a request")
    }

    /// Checks the answer to a batch.
    pub(super) fn batch_answered(&mut self, batch: EventBatch, answer: BatchAnswer) {
        match answer {
            BatchAnswer::Http(status, text) => {
                self.log_event(|| format!("{} was answered with {status} {text}", batch.system));
                if let Some(flaw) = batch.flaw {
                    if status != flaw.answer() {
                        self.violate(format!("a flawed batch ({flaw:?}) was answered with {status} {text}"));
                    }
                    return self.coverage.note(flaw.name());
                }
                let answers = serde_json::from_str::<Value>(&text).unwrap_or_default();
                match status {
                    200 | 422 => self.check_outcomes(&batch, &answers["events"], Some(status)),
                    503 => self.give_back(Trigger::EventBatch(batch)),
                    _ => self.violate(format!("a batch of {} was answered with {status} {text}", batch.system)),
                }
            }
            BatchAnswer::Bus(Ok(answers)) => self.check_outcomes(&batch, &answers, None),
            BatchAnswer::Bus(Err(problem))
                if problem.contains("the store is unavailable") || problem.contains("the store rejects") =>
            {
                self.give_back(Trigger::EventBatch(batch))
            }
            BatchAnswer::Bus(Err(problem)) if is_of_a_faulty_row(&problem) => self.send_when_repaired(batch),
            BatchAnswer::Bus(Err(problem)) => {
                self.log_event(|| format!("a batch of {} was refused over the bus: {problem}", batch.system));
                if batch.events.iter().all(|(id, validity, _)| !self.may_be_refused(batch.system, id.as_deref(), *validity)) {
                    self.violate(format!("a valid batch was refused over the bus: {problem}"));
                }
                if batch.events.iter().any(|(_, validity, _)| *validity == Validity::Malformed) {
                    self.sources.refused.0.insert(batch.system);
                }
                self.coverage.note("bus event refused");
                // The error names one event. Another one may have been refused because of a faulty row.
                if self.config.store.has_faulty_rows() {
                    self.send_when_repaired(batch);
                }
            }
        }
    }

    fn may_be_refused(&self, system: &str, id: Option<&str>, validity: Validity) -> bool {
        let twice = id.is_some_and(|id| self.sources.two_contents.contains(&format!("{system}#{id}")));
        validity != Validity::Valid || twice
    }

    /// A system sends a batch again when the row is repaired because of which an event was refused.
    fn send_when_repaired(&mut self, batch: EventBatch) {
        self.coverage.note("event refused because of a row");
        self.sources.refused.1.insert(batch.system);
        self.sources.faulty.push(batch);
    }

    /// Checks that each event has its own answer, and that no valid event is refused.
    fn check_outcomes(&mut self, batch: &EventBatch, answers: &Value, status: Option<u16>) {
        let outcomes: Vec<Value> = answers.as_array().cloned().unwrap_or_default();
        let mut wrong = outcomes.len() != batch.events.len();
        let (mut refused, mut of_a_row) = (0, false);
        for ((id, validity, _), answer) in batch.events.iter().zip(&outcomes) {
            let outcome = answer["outcome"].as_str().unwrap_or_default();
            wrong |= id.as_deref() != answer["id"].as_str();
            match outcome {
                "refused" if answer["detail"].as_str().is_some_and(is_of_a_faulty_row) => {
                    (refused, of_a_row) = (refused + 1, true)
                }
                "refused" => {
                    refused += 1;
                    wrong |= !self.may_be_refused(batch.system, id.as_deref(), *validity);
                    let other = answer["detail"].as_str().is_some_and(|detail| detail.contains("with other content"));
                    if other {
                        self.coverage.note("event with other content");
                    } else {
                        self.sources.refused.0.insert(batch.system);
                    }
                }
                "duplicate" if batch.tries > 0 => self.coverage.note("batch repeated after a crash"),
                "duplicate" => self.coverage.note("event duplicate"),
                "deferred" => self.coverage.note("event deferred"),
                "waiting" => self.coverage.note("event waits for a mapping"),
                "applied" => wrong |= *validity != Validity::Valid,
                _ => wrong = true,
            }
            wrong |= *validity == Validity::Malformed && outcome != "refused";
        }
        if of_a_row {
            self.send_when_repaired(batch.clone());
        }
        if refused > 0 && refused < outcomes.len() {
            self.coverage.note("batch partly refused");
        }
        wrong |= status.is_some_and(|status| (status == 422) != (refused > 0)) || (status.is_none() && refused > 0);
        if wrong {
            self.violate(format!("{:?} was answered with {status:?} {answers}", batch.events));
        }
    }
}

/// Whether an event is refused because a row that it needs cannot be read or written.
fn is_of_a_faulty_row(problem: &str) -> bool {
    ["cannot be read: ", "cannot be written: ", "cannot be read or written"].iter().any(|text| problem.contains(text))
}

impl EventBatch {
    fn bodies(&self) -> Vec<Value> {
        self.events.iter().map(|(.., body)| body.clone()).collect()
    }
}

/// The signing secrets of all systems.
pub fn secrets() -> SourceSecrets {
    super::stock_events::SYSTEMS.iter().fold(SourceSecrets::default(), |secrets, system| secrets.signing(system, secret(system)))
}

/// The typed id of a system.
pub fn system_id(system: &str) -> SystemId {
    system.parse().expect("a valid system id")
}
