//! Batches on their way: sent, lost and repeated as real systems do it, and answered event by event.

use std::sync::Arc;

use lambda_http::{Body, Request};
use promissory::adapters::secrets::SourceSecrets;
use promissory::catalog::SystemId;
use promissory::ports::Clock;
use promissory::signature::sign;
use promissory::source::MAX_BATCH;
use serde_json::{Value, json};
use source_intake::{MAX_BODY, SIGNATURE, TIMESTAMP, signed_bytes};

use super::World;
use super::said::{Door, Fate, Flaw, Parcel, Said};
use super::work::{Ended, Work};

/// How a batch was answered.
pub enum Heard {
    /// Over HTTP: the status, and the words.
    Http(u16, String),
    /// Over the bus: what became of each event, or why it must come again.
    Bus(Result<Value, String>),
}

/// What a system signs with.
pub fn secret(system: &str) -> String {
    format!("the secret of {system}")
}

impl World {
    /// A system sends these events as one batch, which may come twice, days late, or with an event nobody can read.
    pub fn says(&mut self, system: &'static str, said: Vec<Said>) {
        let domain = self.line.shop().config().domain.clone();
        let mut events = Vec::new();
        let mut others = Vec::new();
        for one in said {
            self.tell(|| format!("it is to be said: {one}"));
            let fate = if one.fits { Fate::Good } else { Fate::Refused };
            events.push((Some(one.id.clone()), fate, one.body(&domain)));
            if one.fits && one.unit.is_none() && self.rng.per_mille(self.climate.odd_sources / 2) {
                let mut other = one.clone();
                other.units += if one.units < 0 { -1 } else { 1 };
                other.amount = other.units.to_string();
                self.sources.two_contents.insert(one.name());
                others.push((Some(other.id.clone()), Fate::Good, other.body(&domain)));
                self.sources.said.push(other);
            }
            if fate == Fate::Refused {
                self.sources.refused.1.insert(system);
            }
            self.sources.said.push(one);
        }
        if self.rng.per_mille(self.climate.odd_sources) {
            self.sources.refused.1.insert(system);
            let at = self.rng.below(events.len() + 1);
            let broken = self.malformed(&events[0].2);
            events.insert(at, broken);
        }
        let door = if self.rng.per_mille(250) { Door::Bus } else { Door::Http };
        let parcel = Parcel { system, events, door, flaw: None, tries: 0 };
        if !others.is_empty() {
            self.sources.parcels.push(Parcel { events: others, ..parcel.clone() });
        }
        if self.rng.per_mille(self.climate.lost_mail) {
            self.met.note("batch doubled");
            self.sources.parcels.push(parcel.clone());
        }
        if self.rng.per_mille(self.climate.lost_mail / 4) {
            self.met.note("batch days late");
            self.sources.late.push(parcel);
        } else {
            self.sources.parcels.push(parcel);
        }
    }

    /// An event that nobody can read, made of one that could be.
    fn malformed(&self, good: &Value) -> (Option<String>, Fate, Value) {
        let mut bad = good.clone();
        let id = format!("bad-{}", self.sources.said.len());
        bad["id"] = id.as_str().into();
        let mut id = Some(id);
        match self.rng.below(6) {
            0 => bad["quantity"] = "a few".into(),
            1 => bad["kind"] = "teleported".into(),
            2 => bad["occurred_at"] = "yesterday".into(),
            3 => bad["surprise"] = true.into(),
            4 => bad["unit"] = " ".into(),
            _ => (id, bad) = (None, json!("an event")),
        }
        (id, Fate::Malformed, bad)
    }

    /// Someone sends a batch that may have no effect at all.
    pub(super) fn odd_parcel(&mut self) {
        let system = *self.rng.pick(&super::said::SYSTEMS);
        let flaw = match self.rng.below(20) {
            0..6 => Flaw::Forged,
            6..11 => Flaw::Stale,
            11..16 => Flaw::Cut,
            16..19 => Flaw::TooMany,
            _ => Flaw::Oversized,
        };
        let Some(said) = self.something_happens(system) else { return };
        let domain = self.line.shop().config().domain.clone();
        let mut body = said.body(&domain);
        body["id"] = format!("never-{}", said.id).into();
        let events = vec![(None, Fate::Good, body)];
        self.sources.parcels.push(Parcel { system, events, door: Door::Http, flaw: Some(flaw), tries: 0 });
    }

    /// Any of the batches arrives: not the oldest first.
    pub fn parcel_comes(&mut self) {
        if self.sources.parcels.is_empty() {
            return;
        }
        let any = self.rng.below(self.sources.parcels.len());
        let parcel = self.sources.parcels.swap_remove(any);
        let names: Vec<&str> = parcel.events.iter().filter_map(|(id, ..)| id.as_deref()).collect();
        self.tell(|| format!("{}: {names:?} come by {:?} {:?}", parcel.system, parcel.door, parcel.flaw));
        let intake = Arc::clone(&self.rng.pick(&self.fleet.source_intakes).handler);
        match parcel.door {
            Door::Http => {
                let request = self.request(&parcel);
                let task = async move {
                    let answer = intake.handle(request).await;
                    let said = String::from_utf8_lossy(answer.body().as_ref()).into_owned();
                    Ended::Heard(Heard::Http(answer.status().as_u16(), said))
                };
                self.start(Work::Parcel(parcel), task);
            }
            Door::Bus => {
                let detail = json!({ "system": parcel.system, "events": parcel.bodies() });
                let envelope = json!({ "detail-type": "stock", "detail": detail });
                let task = async move {
                    let answers = intake.take_from_bus(&envelope).await;
                    Ended::Heard(Heard::Bus(answers.map(|answers| json!(answers))))
                };
                self.start(Work::Parcel(parcel), task);
            }
        }
    }

    fn request(&self, parcel: &Parcel) -> Request {
        let mut events = parcel.bodies();
        if parcel.flaw == Some(Flaw::TooMany) {
            events = vec![events[0].clone(); MAX_BATCH + 1];
        }
        let alone = events.len() == 1 && parcel.tries.is_multiple_of(2);
        let body = if alone { events[0].clone() } else { json!({ "events": events }) };
        let mut body = body.to_string().into_bytes();
        match parcel.flaw {
            Some(Flaw::Cut) => body.truncate(body.len() / 2),
            Some(Flaw::Oversized) => body.resize(MAX_BODY + 1, b' '),
            Some(Flaw::Forged | Flaw::Stale | Flaw::TooMany) | None => {}
        }
        let stale = if parcel.flaw == Some(Flaw::Stale) { 3_600 } else { 0 };
        let stamp = (self.clock.now().as_second() - stale).to_string();
        let secret = if parcel.flaw == Some(Flaw::Forged) { "a guess".to_owned() } else { secret(parcel.system) };
        let signature = sign(&signed_bytes(&stamp, parcel.system, &body), secret.as_bytes());
        let request = lambda_http::http::Request::builder()
            .method("POST")
            .uri(format!("/sources/{}/events", parcel.system))
            .header(TIMESTAMP, stamp)
            .header(SIGNATURE, signature);
        request.body(Body::from(body)).expect("a request")
    }

    /// A batch was answered.
    pub(super) fn last_seen(&mut self, parcel: Parcel, last_seen: Heard) {
        match last_seen {
            Heard::Http(status, said) => {
                self.tell(|| format!("{} is answered with {status} {said}", parcel.system));
                if let Some(flaw) = parcel.flaw {
                    if status != flaw.answer() {
                        self.violate(format!("a flawed batch ({flaw:?}) was answered with {status} {said}"));
                    }
                    return self.met.note(flaw.name());
                }
                let answers = serde_json::from_str::<Value>(&said).unwrap_or_default();
                match status {
                    200 | 422 => self.told(&parcel, &answers["events"], Some(status)),
                    503 => self.give_back(Work::Parcel(parcel)),
                    _ => self.violate(format!("a batch of {} was answered with {status} {said}", parcel.system)),
                }
            }
            Heard::Bus(Ok(answers)) => self.told(&parcel, &answers, None),
            Heard::Bus(Err(problem)) if problem.contains("the store is unavailable") => self.give_back(Work::Parcel(parcel)),
            Heard::Bus(Err(problem)) => {
                self.tell(|| format!("over the bus {} is refused: {problem}", parcel.system));
                if parcel.events.iter().all(|(id, fate, _)| !self.may_be_refused(parcel.system, id.as_deref(), *fate)) {
                    self.violate(format!("a good batch was refused over the bus: {problem}"));
                }
                if parcel.events.iter().any(|(_, fate, _)| *fate == Fate::Malformed) {
                    self.sources.refused.0.insert(parcel.system);
                }
                self.met.note("bus event refused");
            }
        }
    }

    fn may_be_refused(&self, system: &str, id: Option<&str>, fate: Fate) -> bool {
        let twice = id.is_some_and(|id| self.sources.two_contents.contains(&format!("{system}#{id}")));
        fate != Fate::Good || twice
    }

    /// Each event has an answer of its own, and nothing good is refused.
    fn told(&mut self, parcel: &Parcel, answers: &Value, status: Option<u16>) {
        let outcomes: Vec<Value> = answers.as_array().cloned().unwrap_or_default();
        let mut wrong = outcomes.len() != parcel.events.len();
        let mut refused = 0;
        for ((id, fate, _), answer) in parcel.events.iter().zip(&outcomes) {
            let outcome = answer["outcome"].as_str().unwrap_or_default();
            wrong |= id.as_deref() != answer["id"].as_str();
            match outcome {
                "refused" => {
                    refused += 1;
                    wrong |= !self.may_be_refused(parcel.system, id.as_deref(), *fate);
                    let other = answer["detail"].as_str().is_some_and(|detail| detail.contains("with other content"));
                    if other {
                        self.met.note("event with other content");
                    } else {
                        self.sources.refused.0.insert(parcel.system);
                    }
                }
                "duplicate" if parcel.tries > 0 => self.met.note("batch repeated after a crash"),
                "duplicate" => self.met.note("event duplicate"),
                "deferred" => self.met.note("event deferred"),
                "waiting" => self.met.note("event waits for a mapping"),
                "applied" => wrong |= *fate != Fate::Good,
                _ => wrong = true,
            }
            wrong |= *fate == Fate::Malformed && outcome != "refused";
        }
        if refused > 0 && refused < outcomes.len() {
            self.met.note("batch partly refused");
        }
        wrong |= status.is_some_and(|status| (status == 422) != (refused > 0)) || (status.is_none() && refused > 0);
        if wrong {
            self.violate(format!("{:?} was answered with {status:?} {answers}", parcel.events));
        }
    }
}

impl Parcel {
    fn bodies(&self) -> Vec<Value> {
        self.events.iter().map(|(.., body)| body.clone()).collect()
    }
}

/// What every system signs with, as the secret holds it.
pub fn secrets() -> SourceSecrets {
    super::said::SYSTEMS.iter().fold(SourceSecrets::default(), |secrets, system| secrets.signing(system, secret(system)))
}

/// A system's name as a type.
pub fn system_id(system: &str) -> SystemId {
    system.parse().expect("a system's name")
}
