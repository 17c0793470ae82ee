//! Functions at work: one step at a time, killed anywhere, and what asked for them comes again.

use std::future::Future;

use jiff::SignedDuration;
use promissory::ports::Clock;
use reconciler::{Job as Schedule, Report};

use super::World;
use super::parcels::Heard;
use super::post::Letter;
use super::said::Parcel;
use crate::ports::Message;
use crate::tasks::Task;

/// The most port calls one invocation may make: whoever makes more is going round in circles.
const MOST_CALLS: u64 = 1_500;

/// A function at work, and what for.
pub struct Job {
    /// Which invocation it is.
    pub number: u64,
    /// What must be done again when it does not end well.
    pub work: Work,
    /// The function.
    pub task: Task<Ended>,
}

/// What a function was started for.
#[derive(Debug)]
pub enum Work {
    /// A webhook, or something like one.
    Letter(Letter),
    /// Records of the stream.
    Stream {
        /// Whose.
        lane: usize,
        /// Which.
        batch: Vec<usize>,
    },
    /// Hints.
    Push(Vec<Message>),
    /// A schedule.
    Reconcile(Schedule),
    /// What another system says.
    Parcel(Parcel),
}

/// How a function ended.
pub enum Ended {
    /// With this status, and these words.
    Answered(u16, String),
    /// With the first record that failed, if one did.
    Failed(Option<usize>),
    /// With the messages that must come again.
    GivenBack(Vec<usize>),
    /// With a report, or an error.
    Reconciled(Option<Report>),
    /// With what a system is answered.
    Heard(Heard),
}

impl Work {
    /// The lane of the stream it works on.
    pub fn lane(&self) -> Option<usize> {
        match self {
            Work::Stream { lane, .. } => Some(*lane),
            Work::Letter(_) | Work::Push(_) | Work::Reconcile(_) | Work::Parcel(_) => None,
        }
    }

    /// What is noted when it lets go on what waited for a mapping.
    fn resumes(&self) -> &'static str {
        match self {
            Work::Stream { .. } => "waited, resumed by the stream",
            Work::Reconcile(_) => "waited, resumed by the backlog",
            Work::Letter(_) | Work::Push(_) | Work::Parcel(_) => "waited, resumed by nobody",
        }
    }

    /// What is noted when it is killed.
    fn killed(&self) -> &'static str {
        match self {
            Work::Letter(_) => "intake killed",
            Work::Stream { .. } => "recompute killed",
            Work::Push(_) => "pusher killed",
            Work::Reconcile(_) => "reconciler killed",
            Work::Parcel(_) => "source intake killed",
        }
    }

    /// How long it may take before it is killed, in seconds: the timeouts in template.yaml.
    fn timeout(&self) -> i64 {
        match self {
            Work::Letter(_) => 5,
            Work::Parcel(_) => 29,
            Work::Stream { .. } | Work::Push(_) => 30,
            Work::Reconcile(_) => 300,
        }
    }
}

impl World {
    /// Starts a function.
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

    /// A Lambda is killed: what it was doing stops where it is, and what asked for it comes again.
    pub(super) fn die(&mut self, at: usize) {
        let Job { number, work, task } = self.tasks.swap_remove(at);
        drop(task);
        self.store.table().checker.plans.ended(number);
        self.met.note(work.killed());
        self.tell(|| work.killed().to_owned());
        self.give_back(work);
    }

    pub(super) fn give_back(&mut self, work: Work) {
        match work {
            Work::Letter(letter) if letter.answer != 200 => {}
            Work::Letter(mut letter) if letter.tries < self.climate.patience => {
                letter.tries += 1;
                self.mail.push(letter);
            }
            Work::Letter(letter) => {
                self.met.note("webhook given up");
                self.tell(|| format!("{} is given up", letter.name));
            }
            Work::Stream { lane, .. } => self.repeat_stream(lane),
            Work::Push(messages) => self.repeat_hints(messages),
            Work::Reconcile(_) => {}
            Work::Parcel(parcel) if parcel.flaw.is_some() => {}
            // It is sent until it is answered.
            Work::Parcel(mut parcel) => {
                parcel.tries += 1;
                self.sources.parcels.push(parcel);
            }
        }
    }

    pub(super) fn repeat_hints(&mut self, messages: Vec<Message>) {
        let (again, given_up): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| message.received <= self.climate.patience.min(5));
        for _ in given_up {
            self.met.note("hint given up");
        }
        self.line.queue().extend(again);
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
            self.tell(|| format!("stream record {record:?} is given up"));
        }
    }

    pub(super) fn step_a_task(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        self.step_far(self.rng.below(self.tasks.len()));
    }

    /// Lets a task run a little, or far.
    pub(super) fn step_far(&mut self, at: usize) {
        // Some run far, so that they finish; some only a little, so that others come between.
        for _ in 0..=self.rng.below(12) {
            if self.step(at) {
                return;
            }
            if let Some(wakes_at) = self.tasks[at].task.wakes_at {
                // It waits for the clock: mostly time passes, sometimes somebody else is faster.
                if self.rng.per_mille(300) {
                    return;
                }
                self.clock.advance_to(wakes_at);
            }
        }
    }

    /// Lets a task take one step; whether it is gone.
    pub(super) fn step(&mut self, at: usize) -> bool {
        let calls = self.store.calls() + self.line.calls();
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
        job.task.calls += self.store.calls() + self.line.calls() - calls;
        if job.task.calls > MOST_CALLS {
            let what = format!("an invocation made {} calls: {:?}", job.task.calls, job.work);
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
