//! Running invocations: they advance one step at a time and may be killed anywhere, and their triggers repeat.

use std::future::Future;

use jiff::SignedDuration;
use promissory::ledger::PositionDecision;
use promissory::ports::Clock;
use reconciler::{Job as Schedule, Report};

use super::World;
use super::batches::BatchAnswer;
use super::given_up::FailureMessage;
use super::stock_events::EventBatch;
use super::webhooks::WebhookRequest;
use crate::ports::Message;
use crate::tasks::Task;

/// The maximum number of port calls of one invocation. An invocation with more calls is in an endless loop.
const MOST_CALLS: u64 = 1_500;

/// A running invocation and its trigger.
pub struct Invocation {
    /// The number of the invocation.
    pub number: u64,
    /// The work to repeat if the invocation fails.
    pub trigger: Trigger,
    /// The invocation.
    pub task: Task<Ended>,
}

/// The trigger of an invocation.
#[derive(Debug)]
pub enum Trigger {
    /// A webhook request.
    Webhook(WebhookRequest),
    /// A batch of stream records.
    Stream {
        /// The lane of the batch.
        lane: usize,
        /// The indexes of its records in the stream.
        batch: Vec<usize>,
    },
    /// Messages about stream records that were given up.
    GivenUp(Vec<FailureMessage>),
    /// Hints from the queue.
    Push(Vec<Message>),
    /// A schedule.
    Reconcile(Schedule),
    /// A batch of a source system.
    EventBatch(EventBatch),
    /// A decision of an operator.
    Operator(PositionDecision),
    /// The command that prepares a restored table.
    Prepare,
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
    /// Whether the decision of an operator is in the ledger or in a lane.
    Decided(bool),
    /// Whether a restored table is prepared.
    Prepared(bool),
}

impl Trigger {
    /// The stream lane of the work.
    pub fn lane(&self) -> Option<usize> {
        match self {
            Trigger::Stream { lane, .. } => Some(*lane),
            Trigger::Webhook(_)
            | Trigger::GivenUp(_)
            | Trigger::Push(_)
            | Trigger::Reconcile(_)
            | Trigger::EventBatch(_)
            | Trigger::Operator(_)
            | Trigger::Prepare => None,
        }
    }

    /// The batch of a source system.
    pub fn source_batch(&self) -> Option<&EventBatch> {
        if let Trigger::EventBatch(batch) = self { Some(batch) } else { None }
    }

    /// The mark to count when the invocation resumes an event that waited for a mapping.
    fn resumes(&self) -> &'static str {
        match self {
            Trigger::Stream { .. } | Trigger::GivenUp(_) => "waiting event resumed by the stream",
            Trigger::Reconcile(_) => "waiting event resumed by the backlog",
            Trigger::Webhook(_) | Trigger::Push(_) | Trigger::EventBatch(_) | Trigger::Operator(_) | Trigger::Prepare => {
                "waiting event resumed elsewhere"
            }
        }
    }

    /// The mark to count when the invocation is killed.
    fn killed(&self) -> &'static str {
        match self {
            Trigger::Webhook(_) => "intake killed",
            Trigger::Stream { .. } => "recompute killed",
            Trigger::GivenUp(_) => "killed with given-up records",
            Trigger::Push(_) => "pusher killed",
            Trigger::Reconcile(_) => "reconciler killed",
            Trigger::EventBatch(_) => "source intake killed",
            Trigger::Operator(_) | Trigger::Prepare => "command killed",
        }
    }

    /// The timeout in seconds, as in template.yaml.
    fn timeout(&self) -> i64 {
        match self {
            Trigger::Webhook(_) => 5,
            Trigger::EventBatch(_) | Trigger::Operator(_) => 29,
            Trigger::Stream { .. } | Trigger::GivenUp(_) | Trigger::Push(_) => 30,
            Trigger::Reconcile(_) | Trigger::Prepare => 300,
        }
    }
}

impl World {
    /// Starts an invocation.
    pub(super) fn start(&mut self, trigger: Trigger, task: impl Future<Output = Ended> + 'static) {
        let times_out_at = self.clock.now() + SignedDuration::from_secs(trigger.timeout());
        self.started += 1;
        self.invocations.push(Invocation { number: self.started, trigger, task: Task::new(times_out_at, task) });
    }

    pub(super) fn kill_an_invocation(&mut self) {
        if !self.invocations.is_empty() {
            self.kill(self.rng.below(self.invocations.len()));
        }
    }

    /// Kills an invocation at its current await, as when a Lambda dies. Its trigger repeats.
    pub(super) fn kill(&mut self, at: usize) {
        let Invocation { number, trigger, task } = self.invocations.swap_remove(at);
        drop(task);
        self.store.table().checker.plans.ended(number);
        self.coverage.note(trigger.killed());
        self.log_event(|| trigger.killed().to_owned());
        self.give_back(trigger);
    }

    pub(super) fn give_back(&mut self, trigger: Trigger) {
        match trigger {
            Trigger::Webhook(webhook) if webhook.answer != 200 => {}
            Trigger::Webhook(mut webhook) if webhook.tries < self.config.max_tries => {
                webhook.tries += 1;
                self.webhooks.push(webhook);
            }
            Trigger::Webhook(webhook) => {
                self.coverage.note("webhook given up");
                self.log_event(|| format!("{} was given up", webhook.name));
            }
            Trigger::Stream { lane, .. } => self.repeat_stream(lane),
            Trigger::GivenUp(messages) => self.given_up.messages.extend(messages),
            Trigger::Push(messages) => self.repeat_hints(messages),
            Trigger::Reconcile(_) => {}
            // The operator repeats the command.
            Trigger::Operator(decision) => self.decide(decision),
            Trigger::Prepare => self.start_to_prepare(),
            Trigger::EventBatch(batch) if batch.flaw.is_some() => {}
            // The source system repeats a batch until it gets an answer.
            Trigger::EventBatch(mut batch) => {
                batch.tries += 1;
                self.sources.batches.push(batch);
            }
        }
    }

    pub(super) fn repeat_hints(&mut self, messages: Vec<Message>) {
        let (again, given_up): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| message.received <= self.config.max_tries.min(5));
        for _ in given_up {
            self.coverage.note("hint given up");
        }
        self.ports.queue().extend(again);
    }

    pub(super) fn repeat_stream(&mut self, at: usize) {
        let max_tries = if self.config.given_up_batches > 0 { 0 } else { self.config.max_tries.min(5) };
        let lane = &mut self.lanes[at];
        lane.tries += 1;
        if lane.tries > max_tries {
            lane.tries = 0;
            self.give_up_some(at);
        }
    }

    pub(super) fn step_a_task(&mut self) {
        if self.invocations.is_empty() {
            return;
        }
        self.step_far(self.rng.below(self.invocations.len()));
    }

    /// Lets a task take a random number of steps.
    pub(super) fn step_far(&mut self, at: usize) {
        // Many steps let invocations finish; few steps let others run in between.
        for _ in 0..=self.rng.below(12) {
            if self.step(at) {
                return;
            }
            if let Some(wakes_at) = self.invocations[at].task.wakes_at {
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
        let invocation = &mut self.invocations[at];
        {
            let checker = &mut self.store.table().checker;
            (checker.worker, checker.plans.worker) = (invocation.trigger.resumes(), invocation.number);
        }
        if self.clock.now() > invocation.task.times_out_at {
            self.coverage.note("killed by its timeout");
            self.kill(at);
            return true;
        }
        let ended = invocation.task.step();
        invocation.task.wakes_at = self.clock.woken();
        invocation.task.calls += self.store.calls() + self.ports.calls() - calls;
        if invocation.task.calls > MOST_CALLS {
            let what = format!("an invocation made too many calls ({}): {:?}", invocation.task.calls, invocation.trigger);
            self.violate(what);
        }
        if self.reaches_crash_point() {
            self.kill(at);
            return true;
        }
        let Some(ended) = ended else { return false };
        let Invocation { number, trigger, .. } = self.invocations.swap_remove(at);
        self.store.table().checker.plans.ended(number);
        self.end_of(trigger, ended);
        true
    }
}
