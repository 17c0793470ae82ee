//! The idempotency keys that the shop remembers, with the parameters and the outcome of the first attempt.
//!
//! For a known key with the same parameters, the shop returns the stored outcome and does not apply the mutation again. It
//! refuses a known key with other parameters, and a key whose first attempt ended in user errors. The shop forgets a key after
//! its time, which Shopify documents as 24 hours.

use super::mutation::{Code, Mutation, Outcome};
use apollo_compiler::response::JsonValue;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The keys that the shop remembers.
#[derive(Debug)]
pub(super) struct Keys {
    seconds: i64,
    attempts: BTreeMap<String, Attempt>,
}

#[derive(Debug)]
struct Attempt {
    at: Timestamp,
    kind: Mutation,
    arguments: JsonValue,
    /// `None` if the attempt ended in user errors.
    outcome: Option<Outcome>,
}

/// The result of looking up a key.
pub(super) enum Known {
    New,
    Done(Outcome),
    Refused(Code),
}

impl Keys {
    pub(super) fn new(seconds: i64) -> Self {
        Keys { seconds, attempts: BTreeMap::new() }
    }

    pub(super) fn look(&self, now: Timestamp, key: &str, kind: Mutation, arguments: &JsonValue) -> Known {
        let Some(attempt) = self.attempts.get(key) else {
            return Known::New;
        };
        if now.as_second() - attempt.at.as_second() >= self.seconds {
            return Known::New;
        }
        if attempt.kind != kind || attempt.arguments != *arguments {
            return Known::Refused(Code::OtherParameters);
        }
        match &attempt.outcome {
            Some(outcome) => Known::Done(outcome.clone()),
            None => Known::Refused(Code::FailedBefore),
        }
    }

    pub(super) fn remember(&mut self, now: Timestamp, key: &str, arguments: JsonValue, outcome: &Outcome) {
        let done = outcome.errors.is_empty().then(|| outcome.clone());
        self.attempts.insert(key.to_owned(), Attempt { at: now, kind: outcome.kind, arguments, outcome: done });
    }
}
