//! Sends the events of each system: signed batches over HTTP, batches on the bus, and documents of the ERP that a connector
//! pulls.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use promissory_fakes::systems::{Fault, Served};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::catalog::secret_of;
use super::master_data::System;
use super::reported_event::Placed;
use super::script::{Delivery, Script};
use crate::demo::signed::SignedSender;
use crate::stack::Stack;

/// The smallest number of events of a batch, if more events follow soon.
const MIN_BATCH: usize = 10;

/// The largest number of events of a batch.
const MAX_BATCH: usize = 50;

/// The largest number of events of a batch on the bus, because the bus limits the size of an entry.
const MAX_BUS_BATCH: usize = 25;

/// The longest time that a batch waits for a further event.
const MAX_BATCH_WAIT: Duration = Duration::from_secs(1);

/// The events that were sent, and the answers.
#[derive(Debug, Default)]
pub struct SendLog {
    /// The time at which each event was first sent, by its index in the script; for the ERP, when the document was written.
    pub first_sent: BTreeMap<usize, Timestamp>,
    /// The shop's orders, by cart.
    pub placed: BTreeMap<usize, Placed>,
    /// The number of batches that were sent, by system; for the ERP, the number of pulls.
    pub batches: BTreeMap<&'static str, usize>,
    /// The number of batches that were sent again because no answer came.
    pub repeated: usize,
    /// The number of answers over HTTP, by outcome.
    pub answers: BTreeMap<String, usize>,
    /// The events whose answer was `refused`.
    pub refused: BTreeSet<usize>,
    /// The number of pulls while the ERP was down.
    pub while_down: usize,
    /// The number of function processes that were killed.
    pub killed: usize,
}

impl SendLog {
    fn sent(&mut self, batch: &[usize], now: Timestamp) {
        for of in batch {
            self.first_sent.entry(*of).or_insert(now);
        }
    }
}

/// The morning while it is played.
#[derive(Debug)]
pub struct DemoRun<'a> {
    /// The script.
    pub script: &'a Script,
    /// The stack that receives the events.
    pub stack: &'a Stack,
    /// The start of the morning, by the wall clock; a whole second.
    pub began: Timestamp,
    /// The same moment, for timers.
    pub start: Instant,
    /// The events that were sent so far, and the answers.
    pub log: Mutex<SendLog>,
}

impl DemoRun<'_> {
    /// Changes the log.
    pub fn note<T>(&self, change: impl FnOnce(&mut SendLog) -> T) -> T {
        change(&mut self.log.lock().expect("no task panics while it holds the lock"))
    }

    /// The moment that is this many milliseconds after the start of the morning.
    pub fn at(&self, milliseconds: i64) -> Instant {
        self.start + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }

    fn of(&self, system: System) -> impl Iterator<Item = &Delivery> {
        self.script.deliveries.iter().filter(move |delivery| self.script.events[delivery.of].system == system)
    }

    /// Waits for the next batch of a system: the deliveries whose time has come, at least [`MIN_BATCH`] if more follow soon.
    async fn batch<'b>(
        &self,
        left: &mut impl Iterator<Item = &'b Delivery>,
        next: &mut Option<&'b Delivery>,
        most: usize,
    ) -> Vec<usize> {
        let mut batch = Vec::new();
        while let Some(delivery) = *next {
            let due = self.at(delivery.at);
            let soon = Instant::now() + MAX_BATCH_WAIT;
            if batch.len() == most || (due > Instant::now() && batch.len() >= MIN_BATCH) || (!batch.is_empty() && due > soon) {
                break;
            }
            sleep_until(due).await;
            batch.push(delivery.of);
            *next = left.next();
        }
        batch
    }

    /// An event as JSON. An event about an order waits until the shop has the order.
    async fn json(&self, of: usize) -> Value {
        let event = &self.script.events[of];
        loop {
            let placed = event.order.map(|(cart, _)| self.note(|log| log.placed.get(&cart).cloned()));
            match placed {
                Some(None) => sleep(Duration::from_millis(100)).await,
                Some(Some(placed)) => return event.json(self.began, Some(&placed)),
                None => return event.json(self.began, None),
            }
        }
    }

    async fn events(&self, batch: &[usize]) -> Vec<Value> {
        let mut events = Vec::with_capacity(batch.len());
        for of in batch {
            events.push(self.json(*of).await);
        }
        let now = Timestamp::now();
        self.note(|log| log.sent(batch, now));
        events
    }

    /// Sends the events of a system over HTTP, one batch after the other, and repeats a batch that got no answer.
    ///
    /// # Errors
    /// When no attempt to send a batch gets an answer.
    pub async fn send_over_http(&self, system: System) -> io::Result<()> {
        let sender = SignedSender::of(self.stack, system.code(), secret_of(system))?;
        let mut left = self.of(system);
        let mut next = left.next();
        loop {
            let batch = self.batch(&mut left, &mut next, MAX_BATCH).await;
            if batch.is_empty() {
                return Ok(());
            }
            let body = json!({ "events": self.events(&batch).await }).to_string();
            let answers = sender.send(&body, &|| self.note(|log| log.repeated += 1)).await?;
            self.note(|log| {
                *log.batches.entry(system.code()).or_default() += 1;
                for (of, answer) in batch.iter().zip(&answers) {
                    let outcome = answer["outcome"].as_str().unwrap_or("unknown").to_owned();
                    if outcome == "refused" {
                        log.refused.insert(*of);
                    }
                    *log.answers.entry(outcome).or_default() += 1;
                }
            });
        }
    }

    /// Puts the events of a system on the bus, which returns no outcomes.
    ///
    /// # Errors
    /// When the bus refuses an event.
    pub async fn send_on_the_bus(&self, system: System) -> io::Result<()> {
        let mut left = self.of(system);
        let mut next = left.next();
        loop {
            let batch = self.batch(&mut left, &mut next, MAX_BUS_BATCH).await;
            if batch.is_empty() {
                return Ok(());
            }
            let events = self.events(&batch).await;
            let detail = json!({ "events": events }).to_string();
            self.stack.put_on_bus(system.code(), "promissory.stock_events", &detail).await?;
            self.note(|log| *log.batches.entry(system.code()).or_default() += 1);
        }
    }

    /// Writes the events of a system as its own documents, for a connector to pull.
    pub async fn write_documents(&self, system: System, served: &Served) {
        for delivery in self.of(system) {
            sleep_until(self.at(delivery.at)).await;
            let document = self.script.events[delivery.of].document(self.began);
            let now = Timestamp::now();
            served.with(|state| {
                state.now = now;
                state.documents.push(document);
            });
            self.note(|log| log.sent(&[delivery.of], now));
        }
    }

    /// Runs the job `pull` every five seconds until `end`. The pulled system is down from `down` to `up`.
    ///
    /// # Errors
    /// When the job fails.
    pub async fn run_pulls(&self, served: &Served, (down, up, end): (Instant, Instant, Instant)) -> io::Result<()> {
        const EVERY: Duration = Duration::from_secs(5);
        let mut at = self.start;
        while at < end {
            at += EVERY;
            sleep_until(at).await;
            let is_down = (down..up).contains(&Instant::now());
            served.with(|state| {
                state.now = Timestamp::now();
                state.faults = if is_down { std::iter::repeat_n(Fault::Internal, 100).collect() } else { Default::default() };
            });
            self.note(|log| {
                log.while_down += usize::from(is_down);
                *log.batches.entry(System::Erp.code()).or_default() += 1;
            });
            self.stack.reconcile("pull").await?;
        }
        served.with(|state| state.faults.clear());
        Ok(())
    }
}
