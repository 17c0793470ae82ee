//! Repeats a conditional write when another function was faster.

use std::time::Duration;

use super::backoff;
use crate::ports::{Clock, StoreError, WriteError};

/// How often a write is attempted, and how long the first pause is. The pauses double, see [`backoff()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// The most attempts.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub first_pause: Duration,
}

impl RetryBudget {
    /// For rows that are computed from other rows.
    pub const RECOMPUTE: Self = Self { attempts: 10, first_pause: Duration::from_millis(5) };

    /// For a row that several functions write in turn.
    pub const SHARED_ROW: Self = Self { attempts: 20, first_pause: Duration::from_millis(8) };
}

/// The attempts of one conditional write. The caller loops: it reads the rows, writes them, and calls [`Retries::again`] with
/// the error of an attempt that failed.
#[derive(Debug)]
pub struct Retries<'a> {
    budget: RetryBudget,
    what: &'a str,
    made: u32,
}

impl<'a> Retries<'a> {
    /// No attempt has failed yet. `what` names the rows in the error, and spreads the pauses of functions that compete.
    #[must_use]
    pub fn new(budget: RetryBudget, what: &'a str) -> Self {
        Self { budget, what, made: 0 }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// When the store failed, or when the budget is spent.
    pub async fn again<C: Clock>(&mut self, clock: &C, error: WriteError) -> Result<(), StoreError> {
        match error {
            WriteError::Store(error) => return Err(error),
            WriteError::Refused(_) | WriteError::Conflict => self.made += 1,
        }
        if self.made < self.budget.attempts {
            clock.sleep(backoff(self.budget.first_pause, self.made, self.what)).await;
            return Ok(());
        }
        let detail = format!("other functions changed {} in each of {} attempts", self.what, self.made);
        Err(StoreError::Unavailable { detail, source: None })
    }
}
