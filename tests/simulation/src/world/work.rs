//! Running invocations: they advance one step at a time and may be killed anywhere, and their triggers repeat.

use std::future::Future;

use jiff::SignedDuration;
use promissory::ports::Clock;
use reconciler::{Job as Schedule, Report};

use super::World;
use super::parcels::BatchAnswer;
use super::post::WebhookRequest;
use super::said::EventBatch;
use crate::ports::Message;
use crate::tasks::Task;

/// The maximum number of port calls of one invocation. An invocation with more calls is in an endless loop.
const MOST_CALLS: u64 = 1_500;

/// A running invocation and its trigger.
pub struct Job {
    /// The number of the invocation.
    pub number: u64,
    /// The work to repeat if the invocation fails.
    pub work: Work,
    /// The invocation.
    pub task: Task<Ended>,
}

/// The trigger of an invocation.
#[derive(Debug)]
pub enum Work {
    /// A webhook request.
    Webhook(WebhookRequest),
    /// A batch of stream records.
    Stream {
        /// The lane of the batch.
        lane: usize,
        /// The indexes of its records in the stream.
        batch: Vec<usize>,
    },
    /// Hints from the queue.
    Push(Vec<Message>),
    /// A schedule.
    Reconcile(Schedule),
    /// A batch of a source system.
    EventBatch(EventBatch),
}

/// The result of an invocation.
pub enum Ended {
    /// Status and body of an HTTP answer.
    Answered(u16, String),
    /// The first stream record that failed, if any.
    Failed(Option<usize>),
    /// The messages that the queue must deliver again.
    GivenBack(Vec<usize>),
    /// The report of a job, or `None` after an error.
    Reconciled(Option<Report>),
    /// The answer to a batch of a source system.
    BatchAnswered(BatchAnswer),
}

impl Work {
    /// The stream lane of the work.
    pub fn lane(&self) -> Option<usize> {
        match self {
            Work::Stream { lane, .. } => Some(*lane),
            Work::Webhook(_) | Work::Push(_) | Work::Reconcile(_) | Work::EventBatch(_) => None,
        }
    }

    /// The mark to count when the invocation resumes an event that waited for a mapping.
    fn resumes(&self) -> &'static str {
        match self {
            Work::Stream { .. } => "waited, resumed by the stream",
            Work::Reconcile(_) => "waited, resumed by the backlog",
            Work::Webhook(_) | Work::Push(_) | Work::EventBatch(_) => "waited, not resumed",
        }
    }

    /// The mark to count when the invocation is killed.
    fn killed(&self) -> &'static str {
        match self {
            Work::Webhook(_) => "intake killed",
            Work::Stream { .. } => "recompute killed",
            Work::Push(_) => "pusher killed",
            Work::Reconcile(_) => "reconciler killed",
            Work::EventBatch(_) => "source intake killed",
        }
    }

    /// The timeout in seconds, as in template.yaml.
    fn timeout(&self) -> i64 {
        match self {
            Work::Webhook(_) => 5,
            Work::EventBatch(_) => 29,
            Work::Stream { .. } | Work::Push(_) => 30,
            Work::Reconcile(_) => 300,
        }
    }
}

impl World {
    /// Starts an invocation.
    pub(super) fn start(&mut self, work: Work, task: impl Future<Output = Ended> + 'static) {
        let dies_at = self.clock.now() + SignedDuration::from_secs(work.timeout());
        self.started += 1;
        self.tasks.push(Job { number: self.started, work, task: Task::new(dies_at, task) });
    }

    pub(super) fn a_process_dies(&mut self) {
        if !self.tasks.is_empty() {
            self.die(self.rng.below(self.tasks.len()));
        }
    }

    /// Kills an invocation at its current await, as when a Lambda dies. Its trigger repeats.
    pub(super) fn die(&mut self, at: usize) {
        let Job { number, work, task } = self.tasks.swap_remove(at);
        drop(task);
        self.store.table().checker.plans.ended(number);
        self.met.note(work.killed());
        self.log_event(|| work.killed().to_owned());
        self.give_back(work);
    }

    pub(super) fn give_back(&mut self, work: Work) {
        match work {
            Work::Webhook(webhook) if webhook.answer != 200 => {}
            Work::Webhook(mut webhook) if webhook.tries < self.climate.patience => {
                webhook.tries += 1;
                self.webhooks.push(webhook);
            }
            Work::Webhook(webhook) => {
                self.met.note("webhook given up");
                self.log_event(|| format!("{} was given up", webhook.name));
            }
            Work::Stream { lane, .. } => self.repeat_stream(lane),
            Work::Push(messages) => self.repeat_hints(messages),
            Work::Reconcile(_) => {}
            Work::EventBatch(batch) if batch.flaw.is_some() => {}
            // The source system repeats a batch until it gets an answer.
            Work::EventBatch(mut batch) => {
                batch.tries += 1;
                self.sources.batches.push(batch);
            }
        }
    }

    pub(super) fn repeat_hints(&mut self, messages: Vec<Message>) {
        let (again, given_up): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| message.received <= self.climate.patience.min(5));
        for _ in given_up {
            self.met.note("hint given up");
        }
        self.ports.queue().extend(again);
    }

    pub(super) fn repeat_stream(&mut self, lane: usize) {
        let patience = self.climate.patience.min(5);
        let lane = &mut self.lanes[lane];
        lane.tries += 1;
        if lane.tries > patience {
            lane.tries = 0;
            let record = lane.waiting.pop_front();
            self.given_up = true;
            self.met.note("stream record given up");
            self.log_event(|| format!("stream record {record:?} was given up"));
        }
    }

    pub(super) fn step_a_task(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        self.step_far(self.rng.below(self.tasks.len()));
    }

    /// Lets a task take a random number of steps.
    pub(super) fn step_far(&mut self, at: usize) {
        // Many steps let invocations finish; few steps let others run in between.
        for _ in 0..=self.rng.below(12) {
            if self.step(at) {
                return;
            }
            if let Some(wakes_at) = self.tasks[at].task.wakes_at {
                // The task sleeps. Usually the time advances; sometimes another task runs first.
                if self.rng.per_mille(300) {
                    return;
                }
                self.clock.advance_to(wakes_at);
            }
        }
    }

    /// Lets a task take one step. Returns whether the task has ended.
    pub(super) fn step(&mut self, at: usize) -> bool {
        let calls = self.store.calls() + self.ports.calls();
        let job = &mut self.tasks[at];
        {
            let checker = &mut self.store.table().checker;
            (checker.worker, checker.plans.worker) = (job.work.resumes(), job.number);
        }
        if self.clock.now() > job.task.dies_at {
            self.met.note("killed for taking too long");
            self.die(at);
            return true;
        }
        let ended = job.task.step();
        job.task.wakes_at = self.clock.woken();
        job.task.calls += self.store.calls() + self.ports.calls() - calls;
        if job.task.calls > MOST_CALLS {
            let what = format!("an invocation made too many calls ({}): {:?}", job.task.calls, job.work);
            self.violate(what);
        }
        if self.crashes_now() {
            self.die(at);
            return true;
        }
        let Some(ended) = ended else { return false };
        let Job { number, work, .. } = self.tasks.swap_remove(at);
        self.store.table().checker.plans.ended(number);
        self.end_of(work, ended);
        true
    }
}
