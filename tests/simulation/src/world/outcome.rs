//! How functions end: what was answered, what must come again, and what may never be said.

use reconciler::Report;

use super::World;
use super::post::Letter;
use super::work::{Ended, Work};
use crate::ports::Message;

impl World {
    /// A function has ended.
    pub(super) fn end_of(&mut self, work: Work, ended: Ended) {
        match (ended, work) {
            (Ended::Answered(status, said), Work::Letter(letter)) => self.answered(letter, status, &said),
            (Ended::Heard(last_seen), Work::Parcel(parcel)) => self.last_seen(parcel, last_seen),
            (Ended::Failed(first), Work::Stream { lane, batch }) => self.streamed_to(lane, &batch, first),
            (Ended::GivenBack(given_back), Work::Push(messages)) => {
                if given_back.is_empty() {
                    self.pushed();
                }
                let failed = messages.into_iter().enumerate().filter(|(at, _)| given_back.contains(at));
                let failed: Vec<Message> = failed.map(|(_, message)| message).collect();
                self.repeat_hints(failed);
            }
            (Ended::Reconciled(report), Work::Reconcile(job)) => {
                self.tell(|| format!("{job:?} ends: {report:?}"));
                self.met.note(if report.is_some() { "job done" } else { "job failed" });
                if let Some(report) = report {
                    self.reported(report);
                }
            }
            (_, work) => self.give_back(work),
        }
    }

    fn answered(&mut self, letter: Letter, status: u16, said: &str) {
        self.tell(|| format!("{} is answered with {status} {said}", letter.name));
        for (part, what) in [
            ("\"duplicate\"", "webhook duplicate"),
            ("\"deferred\"", "webhook deferred"),
            ("unsigned", "webhook with a bad signature"),
            ("malformed", "webhook malformed"),
            ("too_large", "webhook oversized"),
            ("content_mismatch", "webhook with other content"),
        ] {
            if said.contains(part) {
                self.met.note(what);
            }
        }
        if letter.answer != 200 {
            // What cannot be read is told to someone first, and the table may be away.
            if status != letter.answer && (letter.answer, status) != (400, 503) {
                self.violate(format!("{} was answered with {status} {said}", letter.name));
            }
        } else if status != 200 {
            if status != 503 && !(status == 409 && self.mismatched.contains(letter.webhook())) {
                self.violate(format!("{} was refused with {status} {said}", letter.name));
            }
            self.give_back(Work::Letter(letter));
        }
    }

    /// A batch is done up to its first failure; now and then nobody remembers that it was.
    fn streamed_to(&mut self, lane: usize, batch: &[usize], first: Option<usize>) {
        if first.is_none() && self.rng.per_mille(self.climate.lost_mail / 4) {
            self.met.note("stream redelivered");
            return;
        }
        let done = first.map_or(batch.len(), |first| batch.iter().take_while(|at| **at != first).count());
        self.lanes[lane].waiting.drain(..done);
        if done > 0 {
            self.lanes[lane].tries = 0;
        }
        if first.is_some() {
            self.met.note("stream batch failed in part");
            self.repeat_stream(lane);
        }
    }

    /// A push ended well; where a level still waits for its first contact, something was in flight.
    fn pushed(&mut self) {
        let waits = self.store.table().checker.levels.values().any(|level| level.needs_set && level.refused.is_none());
        if waits {
            self.met.note("contact postponed");
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Sweep(report) if report.missed > 0 => self.met.note("missed order found"),
            Report::Read(report) => {
                if report.orders > 0 {
                    self.met.note("order read");
                }
                if report.forwarded > 0 {
                    self.met.note("sales order forwarded");
                }
            }
            Report::Holds(report) => {
                if report.expired > 0 {
                    self.met.note("hold expired");
                }
                if report.alerted > 0 {
                    self.met.note("hold told");
                }
            }
            Report::Sweep(_) | Report::Backlog(_) | Report::Pull { .. } => {}
            Report::Compare(report) => {
                self.compared_all |= report.end;
                if !report.drifted.is_empty() {
                    self.met.note("drift found");
                }
                for drift in report.drifted {
                    let refused = self.store.table().checker.refused.contains(&drift.sku);
                    if self.climate.only_grows && !refused {
                        self.violate(format!("nobody edited the shop, and yet it drifted: {drift:?}"));
                    }
                }
            }
        }
    }
}
