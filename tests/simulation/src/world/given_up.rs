//! Stream records that Lambda has given up: the queue with their messages, and the invocations that read them again.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use promissory::alert::AlertSubject;
use promissory::source::StockKind;
use promissory::table::RowKey;
use serde_json::json;

use super::World;
use super::invocations::{Ended, Trigger};
use super::triggers::deadline;
use crate::streams::failure_message;

/// The most records that are given up together.
const MOST_RECORDS: usize = 4;

/// The most messages of one invocation.
const MOST_MESSAGES: usize = 3;

/// A message about records that were given up.
#[derive(Debug, Clone)]
pub struct FailureMessage {
    body: String,
}

/// The queue of given-up records, and the records that cannot be read again.
#[derive(Debug, Default)]
pub struct GivenUp {
    /// The messages in the queue.
    pub messages: Vec<FailureMessage>,
    /// Whether there were records that cannot be read again.
    pub is_trimmed: bool,
    /// The alerts that such records were about. Their state is not published.
    pub unpublished: BTreeSet<AlertSubject>,
}

impl World {
    /// Gives up some of the first records of a lane, after too many failures.
    pub(super) fn give_up_some(&mut self, lane: usize) {
        let most = self.lanes[lane].waiting.len().min(MOST_RECORDS);
        let count = if most > 1 { 1 + self.rng.below(most) } else { most };
        let is_trimmed = self.rng.per_mille(self.config.trimmed_records);
        self.give_up(lane, count, is_trimmed);
    }

    /// Gives up the first records of a lane. Lambda sends a message that names the first and the last one. Where `is_trimmed`, the
    /// stream no longer has them, or the message cannot be read.
    pub(super) fn give_up(&mut self, lane: usize, count: usize, is_trimmed: bool) {
        let records: Vec<usize> = self.lanes[lane].waiting.drain(..count).collect();
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return };
        self.coverage.note("stream record given up");
        self.log_event(|| format!("the stream records {records:?} were given up"));
        let mut body = failure_message(*first, *last);
        if is_trimmed {
            self.given_up.is_trimmed = true;
            let table = self.store.table();
            let rows = records.iter().filter_map(|at| RowKey::parse(&table.stream[*at].key));
            let alert_of = |row| if let RowKey::Alert(subject) = row { Some(subject) } else { None };
            self.given_up.unpublished.extend(rows.filter_map(alert_of));
            if self.rng.per_mille(250) {
                self.coverage.note("message about given-up records unreadable");
                body.truncate(body.len() / 2);
            } else {
                self.streams.trim(*first);
            }
        }
        self.given_up.messages.push(FailureMessage { body });
    }

    /// Receives units of an item that no shop sells, and loses every stream record of it. Only the refresh of all items finds that its
    /// promise is outdated.
    pub(super) fn lose_records_of_an_unsold_item(&mut self) {
        self.stalled = usize::MAX;
        self.receive(self.unsold[0].clone(), self.codes[0].0.clone(), StockKind::Receipt, 1);
        self.settle();
        for lane in 0..self.lanes.len() {
            self.give_up(lane, self.lanes[lane].waiting.len(), true);
        }
        self.stalled = 0;
        self.settle();
    }

    /// Delivers some messages about given-up records, in random order.
    pub(super) fn deliver_given_up(&mut self) {
        let running = self.invocations.iter().filter(|invocation| matches!(invocation.trigger, Trigger::GivenUp(_))).count();
        if running >= 2 || self.given_up.messages.is_empty() {
            return;
        }
        let mut messages = Vec::new();
        for _ in 0..=self.rng.below(self.given_up.messages.len().min(MOST_MESSAGES)) {
            let any = self.rng.below(self.given_up.messages.len());
            messages.push(self.given_up.messages.swap_remove(any));
        }
        if self.rng.per_mille(self.config.lost_deliveries / 2) {
            self.given_up.messages.extend(messages.iter().cloned()); // They become visible again while a function works on them.
            self.coverage.note("given-up records read twice at once");
        }
        let record = |(at, message): (usize, &FailureMessage)| json!({ "messageId": at.to_string(), "body": message.body, "eventSource": "aws:sqs" });
        let records: Vec<_> = messages.iter().enumerate().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("an SQS event");
        self.log_event(|| format!("{} messages about given-up records are delivered", messages.len()));
        let process = self.rng.pick(&self.processes.recomputes);
        let (recompute, deadline) = (Arc::clone(&process.handler), deadline(&process.clock, 28));
        let task = async move {
            let answer = recompute.redo(event, deadline).await;
            let given_back = answer.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.parse().ok());
            Ended::GivenBack(given_back.collect())
        };
        self.start(Trigger::GivenUp(messages), task);
    }

    /// Returns the messages at these places to the queue, after an invocation has ended.
    pub(super) fn redone(&mut self, messages: Vec<FailureMessage>, given_back: &[usize]) {
        for (at, message) in messages.into_iter().enumerate() {
            if given_back.contains(&at) {
                self.coverage.note("given-up records failed again");
                self.given_up.messages.push(message);
            } else {
                self.coverage.note("given-up records handled");
            }
        }
    }
}
