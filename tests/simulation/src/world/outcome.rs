//! The end of an invocation: checks its answer and repeats work that failed.

use reconciler::Report;

use super::World;
use super::invocations::{Ended, Trigger};
use super::webhooks::WebhookRequest;
use crate::ports::Message;

impl World {
    /// Handles the end of an invocation.
    pub(super) fn end_of(&mut self, trigger: Trigger, ended: Ended) {
        match (ended, trigger) {
            (Ended::Answered(status, text), Trigger::Webhook(webhook)) => self.answered(webhook, status, &text),
            (Ended::BatchAnswered(answer), Trigger::EventBatch(batch)) => self.batch_answered(batch, answer),
            (Ended::Decided(true), Trigger::Operator(_)) => {}
            (Ended::Decided(false), Trigger::Operator(decision)) => self.decide(decision),
            (Ended::Prepared(true), Trigger::Prepare) => {}
            (Ended::Failed(first), Trigger::Stream { lane, batch }) => self.streamed_to(lane, &batch, first),
            (Ended::GivenBack(given_back), Trigger::GivenUp(messages)) => self.redone(messages, &given_back),
            (Ended::GivenBack(given_back), Trigger::Push(messages)) => {
                if given_back.is_empty() {
                    self.pushed();
                }
                let failed = messages.into_iter().enumerate().filter(|(at, _)| given_back.contains(at));
                let failed: Vec<Message> = failed.map(|(_, message)| message).collect();
                self.repeat_hints(failed);
            }
            (Ended::Reconciled(report), Trigger::Reconcile(job)) => {
                self.log_event(|| format!("{job:?} ended with {report:?}"));
                self.coverage.note(if report.is_some() { "job done" } else { "job failed" });
                if let Some(report) = report {
                    self.reported(report);
                }
            }
            (_, trigger) => self.give_back(trigger),
        }
    }

    fn answered(&mut self, webhook: WebhookRequest, status: u16, text: &str) {
        self.log_event(|| format!("{} was answered with {status} {text}", webhook.name));
        for (part, what) in [
            ("\"duplicate\"", "webhook duplicate"),
            ("\"deferred\"", "webhook deferred"),
            ("unsigned", "webhook with a bad signature"),
            ("malformed", "webhook malformed"),
            ("too_large", "webhook oversized"),
            ("content_mismatch", "webhook with other content"),
        ] {
            if text.contains(part) {
                self.coverage.note(what);
            }
        }
        if webhook.answer != 200 {
            // The intake first stores an alert about an unreadable webhook, and answers 503 where the table is unavailable.
            if status != webhook.answer && (webhook.answer, status) != (400, 503) {
                self.violate(format!("{} was answered with {status} {text}", webhook.name));
            }
        } else if status != 200 {
            if status != 503 && !(status == 409 && self.mismatched.contains(webhook.webhook_id())) {
                self.violate(format!("{} was refused with {status} {text}", webhook.name));
            }
            self.give_back(Trigger::Webhook(webhook));
        }
    }

    /// Removes the handled records from a lane. Sometimes the lane delivers the batch again although it was handled.
    fn streamed_to(&mut self, lane: usize, batch: &[usize], first: Option<usize>) {
        if first.is_none() && self.rng.per_mille(self.config.lost_deliveries / 4) {
            self.coverage.note("stream redelivered");
            return;
        }
        let done = first.map_or(batch.len(), |first| batch.iter().take_while(|at| **at != first).count());
        self.lanes[lane].waiting.drain(..done);
        if done > 0 {
            self.lanes[lane].tries = 0;
        }
        if first.is_some() {
            self.coverage.note("stream batch failed in part");
            self.repeat_stream(lane);
        }
    }

    /// Counts a successful push that left a level uninitialised, because another change was in flight.
    fn pushed(&mut self) {
        let waits = self.store.table().checker.levels.values().any(|level| level.needs_set && level.is_due());
        if waits {
            self.coverage.note("initialisation postponed");
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Sweep(report) if report.missed > 0 => self.coverage.note("missed order found"),
            Report::Read(report) => {
                if report.orders > 0 {
                    self.coverage.note("order read");
                }
                if report.forwarded > 0 {
                    self.coverage.note("sales order forwarded");
                }
            }
            Report::Holds(report) => {
                if report.expired > 0 {
                    self.coverage.note("hold expired");
                }
                if report.alerted > 0 {
                    self.coverage.note("hold reported");
                }
            }
            Report::Sweep(_) | Report::Backlog(_) | Report::Pull { .. } => {}
            Report::Compare(report) => {
                self.compared_all |= report.end;
                if !report.drifted.is_empty() {
                    self.coverage.note("drift found");
                }
                for drift in report.drifted {
                    let refused = self.store.table().checker.refused.contains(&drift.sku);
                    if self.config.only_grows && !refused {
                        self.violate(format!("drift in a shop that no person has edited: {drift:?}"));
                    }
                }
            }
        }
    }
}
