//! The triggers of functions: the stream, the queue and the schedules.

use std::collections::VecDeque;
use std::sync::Arc;

use ats_recompute::SequenceNumber;
use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::{SignedDuration, Timestamp};
use promissory::ports::Clock;
use promissory::table::RowKind;
use reconciler::Job as Schedule;
use serde_json::json;

use super::World;
use super::invocations::{Ended, Trigger};
use crate::planted::PlantedBug;
use crate::ports::Message;
use crate::streams::{index, stream_record};
use crate::tasks::SimClock;

/// One lane of the stream. Records of one partition stay in order.
#[derive(Debug, Default)]
pub struct Lane {
    /// Records that are not handled yet, by their index in the stream.
    pub waiting: VecDeque<usize>,
    /// How often the first record has failed.
    pub tries: u32,
}

impl World {
    /// Splits the new stream records into the lanes.
    pub(super) fn split_the_stream(&mut self) {
        let table = self.store.table();
        for (at, change) in table.stream.iter().enumerate().skip(self.streamed) {
            let lane = change.key.pk.bytes().fold(0_u8, u8::wrapping_add) % 2;
            self.lanes[usize::from(lane)].waiting.push_back(at);
        }
        self.streamed = table.stream.len();
    }

    /// Delivers a batch of a lane that no invocation works on.
    pub fn deliver_records(&mut self) {
        if self.stalled > 0 {
            self.stalled -= 1;
            self.coverage.note("stream stalled");
            return;
        }
        self.split_the_stream();
        let busy: Vec<usize> = self.invocations.iter().filter_map(|invocation| invocation.trigger.lane()).collect();
        let free: Vec<usize> = (0..self.lanes.len()).filter(|lane| !busy.contains(lane)).collect();
        let ready: Vec<usize> = free.into_iter().filter(|lane| !self.lanes[*lane].waiting.is_empty()).collect();
        if ready.is_empty() {
            return;
        }
        let lane = *self.rng.pick(&ready);
        if !busy.is_empty() {
            self.coverage.note("two stream batches at once");
        }
        if self.config.given_up_batches > 0 && self.rng.per_mille(self.config.given_up_batches) {
            self.give_up_some(lane);
            return;
        }
        let most = 1 + self.rng.below(12);
        let batch: Vec<usize> = self.lanes[lane].waiting.iter().take(most).copied().collect();
        let event = self.stream_event(&batch);
        self.log_event(|| format!("lane {lane} delivers the records {batch:?}"));
        let process = self.rng.pick(&self.processes.recomputes);
        let (recompute, deadline) = (Arc::clone(&process.handler), deadline(&process.clock, 28));
        let sent = batch.clone();
        let task = async move {
            let answer = recompute.handle(event, deadline).await;
            let first = answer.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone());
            let first = first.map(|number| SequenceNumber::try_from(number).expect("a failure contains a sequence number"));
            let first = first.map(|number| index(&number).expect("a failure contains the number of a record"));
            assert!(first.is_none_or(|first| sent.contains(&first)), "a batch failure must name a record of its batch");
            Ended::Failed(first)
        };
        self.start(Trigger::Stream { lane, batch }, task);
    }

    fn stream_event(&self, batch: &[usize]) -> StreamEvent {
        let table = self.store.table();
        let batch = if self.bug == Some(PlantedBug::FirstRecordOnly) { &batch[..1] } else { batch };
        let unseen =
            |at: &&usize| self.bug == Some(PlantedBug::PlanUnseen) && RowKind::of(&table.stream[**at].key) == Some(RowKind::Plan);
        let seen = batch.iter().filter(|at| !unseen(at));
        let records: Vec<_> = seen.map(|at| stream_record(*at, &table.stream[*at])).collect();
        serde_json::from_value(json!({ "Records": records })).expect("a stream event")
    }

    /// Delivers some of the queued hints, in random order.
    pub fn deliver_hints(&mut self) {
        if self.are_pushes_paused() {
            return;
        }
        let pushing = self.invocations.iter().filter(|invocation| matches!(invocation.trigger, Trigger::Push(_))).count();
        let mut messages = Vec::new();
        {
            let mut queue = self.ports.queue();
            if pushing >= 2 || queue.is_empty() {
                return;
            }
            for _ in 0..=self.rng.below(queue.len()) {
                let any = self.rng.below(queue.len());
                let mut message = queue.swap_remove(any);
                message.received += 1;
                if self.rng.per_mille(self.config.lost_deliveries / 2) {
                    queue.push(message.clone()); // The message becomes visible again while a pusher works on it.
                    self.coverage.note("hint seen twice at once");
                }
                messages.push(message);
            }
        }
        // As SQS does, the queue says how often it has delivered each message.
        let record = |(at, message): (usize, &Message)| {
            let attributes = json!({ "ApproximateReceiveCount": message.received.to_string() });
            json!({ "messageId": at.to_string(), "body": message.body, "attributes": attributes })
        };
        let records: Vec<_> = messages.iter().enumerate().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("an SQS event");
        self.log_event(|| format!("a pusher receives {} hints", messages.len()));
        let process = self.rng.pick(&self.processes.pushers);
        let (pusher, deadline) = (Arc::clone(&process.handler), deadline(&process.clock, 28));
        let task = async move {
            let answer = pusher.handle(event, deadline).await;
            let given_back = answer.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.parse().ok());
            Ended::GivenBack(given_back.collect())
        };
        self.start(Trigger::Push(messages), task);
    }

    pub(super) fn run_a_job(&mut self) {
        let job = *self.rng.pick(&[Schedule::Sweep, Schedule::Read, Schedule::Holds, Schedule::Compare, Schedule::Backlog]);
        self.reconcile(job);
    }

    /// Starts a job of the reconciler.
    pub fn reconcile(&mut self, job: Schedule) {
        if job == Schedule::Sweep
            && self.invocations.iter().any(|other| matches!(other.trigger, Trigger::Reconcile(Schedule::Sweep)))
        {
            self.coverage.note("two sweeps at once");
        }
        self.log_event(|| format!("{job:?} starts"));
        let process = self.rng.pick(&self.processes.reconcilers);
        let (reconciler, deadline) = (Arc::clone(&process.handler), deadline(&process.clock, 298));
        let task = async move { Ended::Reconciled(reconciler.handle(job, deadline).await.ok()) };
        self.start(Trigger::Reconcile(job), task);
    }
}

/// The time after which a process must begin no more work.
pub(super) fn deadline(clock: &SimClock, seconds: i64) -> Timestamp {
    clock.now() + SignedDuration::from_secs(seconds)
}
