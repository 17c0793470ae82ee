//! How a batch of values is delivered to a shop, the same for levels and metafields: call the shop until it answers, find the
//! rows that it refuses, and record the outcome of each row with its alert.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::ShopDomain;
use crate::flows::delivered::{Delivered, turn_alert};
use crate::flows::push::PushError;
use crate::flows::{Retries, RetryBudget};
use crate::ports::{Clock, Store, StoreError, WriteError, sleep_within};
use crate::storefront::{ShopAnswer, StorefrontError, UserError, UserErrorCode};
use crate::table::{Expect, Key, Write};

/// The most time that one call takes. A push begins no call that might end after the deadline.
pub(super) const ONE_CALL: Duration = Duration::from_secs(9);

/// How long a push waits before it reads the rows of another push again, and the shortest wait after a call without an answer.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How often a call without an answer is repeated before the push fails and the queue retries it.
const MAX_CALLS: u32 = 4;

/// The most rows that record their outcome in one transaction. Each may have an alert.
const RECORDED_AT_ONCE: usize = 40;

/// The calls of one batch, until the shop answers.
#[derive(Debug)]
pub(super) struct Calls {
    /// Calls in a row that the shop did not answer, or refused for a transient reason.
    failures: u32,
    /// Whether an earlier call, which got no answer, may have run.
    may_have_run: bool,
    /// Whether a call that is refused for a transient reason counts as a call without an answer.
    counts_transient: bool,
}

impl Calls {
    /// The calls of an intent, which are repeated with its key. Another push may have made one of them (`may_have_run`). A
    /// transient refusal is repeated until the deadline, because the intent stays open.
    pub fn of_intent(may_have_run: bool) -> Self {
        Self { failures: 0, may_have_run, counts_transient: false }
    }

    /// Calls without a key, which each send whole values. After a few transient refusals the hints return to the queue.
    pub fn without_key() -> Self {
        Self { failures: 0, may_have_run: false, counts_transient: true }
    }

    /// Returns what the shop answered. Returns `None`, after a pause, when the caller must call again: the shop did not answer,
    /// is over its rate limit, or refused the call for a transient reason.
    ///
    /// A call that the shop cannot interpret did not run, and counts as a refusal: one of its rows may be invalid. If an earlier
    /// call got no answer, however, that call may have run, and the same rows must not be sent with another key.
    pub async fn settle<C: Clock>(
        &mut self,
        clock: &C,
        deadline: Timestamp,
        result: Result<ShopAnswer, StorefrontError>,
    ) -> Result<Option<ShopAnswer>, PushError> {
        let failure = match result {
            Ok(ShopAnswer::Refused(errors)) if errors.iter().any(|error| is_transient(&error.code)) => {
                let detail = errors.first().map(reason).unwrap_or_default();
                self.counts_transient.then_some(StorefrontError::Unavailable { detail, source: None })
            }
            Ok(answer) => {
                (self.failures, self.may_have_run) = (0, false);
                return Ok(Some(answer));
            }
            // Waiting for the rate limit is not a failure. Only the deadline bounds it.
            Err(StorefrontError::Throttled { wait }) => return pause(clock, wait, deadline).await.map(|()| None),
            Err(StorefrontError::Invalid { detail }) => {
                let unsafe_to_repeat = self.may_have_run.then_some(UserErrorCode::KeyParameterMismatch);
                let code = unsafe_to_repeat.unwrap_or_else(|| UserErrorCode::Other("INVALID_REQUEST".into()));
                return Ok(Some(ShopAnswer::Refused(vec![UserError { code, row: None, message: detail }])));
            }
            Err(error @ StorefrontError::Unavailable { .. }) => {
                self.may_have_run = true;
                Some(error)
            }
            Err(error @ StorefrontError::Rejected { .. }) => return Err(error.into()),
        };
        self.failures += 1;
        match failure {
            Some(error) if self.failures >= MAX_CALLS => Err(error.into()),
            Some(_) | None => pause(clock, LOOK_AGAIN * self.failures, deadline).await.map(|()| None),
        }
    }
}

/// Waits, if the wait ends before the deadline.
pub(super) async fn pause<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> Result<(), PushError> {
    if sleep_within(clock, wait, deadline).await { Ok(()) } else { Err(PushError::OutOfTime) }
}

/// Whether a call may begin now.
pub(super) fn has_time_for_a_call<C: Clock>(clock: &C, deadline: Timestamp) -> bool {
    clock.now().saturating_add(ONE_CALL).is_ok_and(|end| end <= deadline)
}

/// Whether a refusal is transient.
fn is_transient(code: &UserErrorCode) -> bool {
    match code {
        UserErrorCode::ConcurrentRequest | UserErrorCode::ServiceUnavailable => true,
        UserErrorCode::ChangeFromQuantityStale
        | UserErrorCode::PreviousAttemptFailed
        | UserErrorCode::KeyParameterMismatch
        | UserErrorCode::Other(_) => false,
    }
}

/// The number of rows per call. A refusal that names no row halves it, until the refused row is alone; an accepted call doubles
/// it.
#[derive(Debug)]
pub(super) struct BatchSize {
    rows: usize,
    most: usize,
}

impl BatchSize {
    pub fn new(most: usize) -> Self {
        Self { rows: most, most }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn accepted(&mut self) {
        self.rows = (self.rows * 2).min(self.most);
    }

    /// A refused call of `sent` rows changed nothing, and no error names a row. Returns the refused row when it is the only one;
    /// otherwise the next call has half of the rows.
    pub fn narrow(&mut self, sent: usize, errors: &[UserError]) -> BTreeMap<usize, String> {
        if sent > 1 {
            self.rows = sent.div_ceil(2);
            return BTreeMap::new();
        }
        BTreeMap::from([(0, errors.first().map(reason).unwrap_or_default())])
    }
}

/// The rows of a call of `sent` rows that errors name, each with its first reason.
pub(super) fn named_rows<'a>(errors: impl IntoIterator<Item = &'a UserError>, sent: usize) -> BTreeMap<usize, String> {
    let mut named = BTreeMap::new();
    for error in errors {
        if let Some(row) = error.row.filter(|row| *row < sent) {
            named.entry(row).or_insert_with(|| reason(error));
        }
    }
    named
}

/// The reason of a refusal, for people.
pub(super) fn reason(error: &UserError) -> String {
    match &error.code {
        UserErrorCode::Other(code) => format!("{code}: {}", error.message),
        UserErrorCode::ConcurrentRequest
        | UserErrorCode::ServiceUnavailable
        | UserErrorCode::ChangeFromQuantityStale
        | UserErrorCode::PreviousAttemptFailed
        | UserErrorCode::KeyParameterMismatch => error.message.clone(),
    }
}

/// Records the outcome of a call in each row, and raises or clears its alert.
pub(super) async fn record<T: Delivered, S: Store, C: Clock>(
    (store, clock, shop): (&S, &C, &ShopDomain),
    keys: &[Key],
    outcome: impl Fn(&mut T),
) -> Result<(), StoreError> {
    for chunk in keys.chunks(RECORDED_AT_ONCE) {
        let mut retries = Retries::new(RetryBudget::SHARED_ROW, format!("rows of {shop}"));
        while let Err(error) = record_once(store, clock, chunk, &outcome).await {
            retries.again(clock, error).await?;
        }
    }
    Ok(())
}

async fn record_once<T: Delivered, S: Store, C: Clock>(
    store: &S,
    clock: &C,
    keys: &[Key],
    outcome: &impl Fn(&mut T),
) -> Result<(), WriteError> {
    let mut writes = Vec::new();
    // A row that is missing belongs to an item that the shop no longer sells.
    for record in store.get(keys).await?.iter().flatten() {
        // One that cannot be read is computed anew, and then sent again.
        let Some(old) = record.content::<T>()? else { continue };
        let mut new = old.clone();
        outcome(&mut new);
        writes.extend(turn_alert(store, &mut new, clock.now()).await?);
        if new != old {
            writes.push(Write::put(&new, Expect::as_read(Some(record))));
        }
    }
    if writes.is_empty() { Ok(()) } else { store.write(&writes).await }
}
