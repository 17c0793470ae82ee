//! How each system speaks: signed batches over HTTP, batches on the bus, and documents that wait to be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use promissory_fakes::systems::{Fault, Served};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::catalog::secret_of;
use super::script::{Delivery, Script};
use super::statement::Placed;
use super::world::System;
use crate::demo::signed::Door;
use crate::stack::Stack;

/// The fewest events of a batch, where more are about to come.
const LEAST: usize = 10;

/// The most events of a batch.
const MOST: usize = 50;

/// The most events of a batch on the bus, whose entries are small.
const MOST_ON_BUS: usize = 25;

/// How long a batch waits for more.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was sent, and what was answered.
#[derive(Debug, Default)]
pub struct Log {
    /// When each statement was first sent, by its place in the script. Of the ERP: when it was first in its books.
    pub first_sent: BTreeMap<usize, Timestamp>,
    /// Orders as the shop numbered them, by cart.
    pub placed: BTreeMap<usize, Placed>,
    /// Batches sent, by system; of the ERP how often it was asked.
    pub batches: BTreeMap<&'static str, usize>,
    /// Batches sent again because no answer came.
    pub repeated: usize,
    /// Answers over HTTP, by outcome.
    pub answers: BTreeMap<String, usize>,
    /// Statements that were answered as refused.
    pub refused: BTreeSet<usize>,
    /// How often the ERP was asked while it was down.
    pub while_down: usize,
    /// Function processes killed.
    pub killed: usize,
}

impl Log {
    fn sent(&mut self, batch: &[usize], now: Timestamp) {
        for of in batch {
            self.first_sent.entry(*of).or_insert(now);
        }
    }
}

/// The morning as it is played.
#[derive(Debug)]
pub struct Morning<'a> {
    /// What is said.
    pub script: &'a Script,
    /// The stack that is told.
    pub stack: &'a Stack,
    /// When it began, by the wall clock; a whole second.
    pub began: Timestamp,
    /// The same moment, for waiting.
    pub start: Instant,
    /// What was sent so far.
    pub log: Mutex<Log>,
}

impl Morning<'_> {
    /// Changes the log.
    pub fn note<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        change(&mut self.log.lock().expect("nobody panics with the lock"))
    }

    /// The moment so many milliseconds into the morning.
    pub fn at(&self, milliseconds: i64) -> Instant {
        self.start + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }

    fn of(&self, system: System) -> impl Iterator<Item = &Delivery> {
        self.script.deliveries.iter().filter(move |delivery| self.script.statements[delivery.of].system == system)
    }

    /// Waits for the next batch of a system: what is due, at least [`LEAST`] where more is about to come.
    async fn batch<'b>(
        &self,
        left: &mut impl Iterator<Item = &'b Delivery>,
        next: &mut Option<&'b Delivery>,
        most: usize,
    ) -> Vec<usize> {
        let mut batch = Vec::new();
        while let Some(delivery) = *next {
            let due = self.at(delivery.at);
            let soon = Instant::now() + PATIENCE;
            if batch.len() == most || (due > Instant::now() && batch.len() >= LEAST) || (!batch.is_empty() && due > soon) {
                break;
            }
            sleep_until(due).await;
            batch.push(delivery.of);
            *next = left.next();
        }
        batch
    }

    /// A statement as it is sent. One about an order waits until the order is there.
    async fn json(&self, of: usize) -> Value {
        let statement = &self.script.statements[of];
        loop {
            let placed = statement.order.map(|(cart, _)| self.note(|log| log.placed.get(&cart).cloned()));
            match placed {
                Some(None) => sleep(Duration::from_millis(100)).await,
                Some(Some(placed)) => return statement.json(self.began, Some(&placed)),
                None => return statement.json(self.began, None),
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

    /// A system tells over HTTP, one batch after the other, and repeats what was not answered.
    ///
    /// # Errors
    /// When a batch is not answered however often it is sent.
    pub async fn over_http(&self, system: System) -> io::Result<()> {
        let door = Door::of(self.stack, system.code(), secret_of(system))?;
        let mut left = self.of(system);
        let mut next = left.next();
        loop {
            let batch = self.batch(&mut left, &mut next, MOST).await;
            if batch.is_empty() {
                return Ok(());
            }
            let body = json!({ "events": self.events(&batch).await }).to_string();
            let answers = door.send(&body, &|| self.note(|log| log.repeated += 1)).await?;
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

    /// A system tells on the bus, and hears nothing back.
    ///
    /// # Errors
    /// When the bus does not take it.
    pub async fn on_the_bus(&self, system: System) -> io::Result<()> {
        let mut left = self.of(system);
        let mut next = left.next();
        loop {
            let batch = self.batch(&mut left, &mut next, MOST_ON_BUS).await;
            if batch.is_empty() {
                return Ok(());
            }
            let events = self.events(&batch).await;
            let detail = json!({ "system": system.code(), "events": events }).to_string();
            self.stack.put_on_bus(system.code(), "promissory.stock_events", &detail).await?;
            self.note(|log| *log.batches.entry(system.code()).or_default() += 1);
        }
    }

    /// A system writes into its own books, where it is asked.
    pub async fn keep_books(&self, system: System, served: &Served) {
        for delivery in self.of(system) {
            sleep_until(self.at(delivery.at)).await;
            let document = self.script.statements[delivery.of].document(self.began);
            let now = Timestamp::now();
            served.with(|books| {
                books.now = now;
                books.documents.push(document);
            });
            self.note(|log| log.sent(&[delivery.of], now));
        }
    }

    /// Runs the job that asks, as its schedule would, until `end`; the system that is asked is down from `down` to `up`.
    ///
    /// # Errors
    /// When the job fails.
    pub async fn ask(&self, served: &Served, (down, up, end): (Instant, Instant, Instant)) -> io::Result<()> {
        const EVERY: Duration = Duration::from_secs(5);
        let mut at = self.start;
        while at < end {
            at += EVERY;
            sleep_until(at).await;
            let is_down = (down..up).contains(&Instant::now());
            served.with(|books| {
                books.now = Timestamp::now();
                books.faults = if is_down { std::iter::repeat_n(Fault::Internal, 100).collect() } else { Default::default() };
            });
            self.note(|log| {
                log.while_down += usize::from(is_down);
                *log.batches.entry(System::Erp.code()).or_default() += 1;
            });
            self.stack.reconcile("pull").await?;
        }
        served.with(|books| books.faults.clear());
        Ok(())
    }
}
