//! Conditional writes while other functions write the same rows: repeat the write, or leave it to the other function.

use std::time::Duration;

use super::backoff;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::table::Write;

/// How often a write is attempted, and how long the first pause is. The pauses double, see [`backoff()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// The most attempts.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub first_pause: Duration,
}

impl RetryBudget {
    /// For a transaction of the ledger. The caller defers an event that meets more contention.
    pub const LEDGER: Self = Self { attempts: 6, first_pause: Duration::from_millis(8) };

    /// For rows that are computed from other rows, or that few functions write.
    pub const RECOMPUTE: Self = Self { attempts: 10, first_pause: Duration::from_millis(5) };

    /// For a row that several functions write in turn.
    pub const SHARED_ROW: Self = Self { attempts: 20, first_pause: Duration::from_millis(8) };

    /// For the intent of a push, after its outcome is recorded.
    pub const INTENT: Self = Self { attempts: 5, first_pause: Duration::from_millis(100) };

    /// For the rows of the catalog, which an import writes for a person who waits.
    pub const IMPORT: Self = Self { attempts: 10, first_pause: Duration::from_millis(50) };
}

/// The attempts of one conditional write. The caller loops: it reads the rows, writes them, and calls [`Retries::again`] with
/// the error of an attempt that failed.
#[derive(Debug)]
pub struct Retries {
    budget: RetryBudget,
    what: String,
    made: u32,
}

impl Retries {
    /// No attempt has failed yet. `what` names the rows in the error, and spreads the pauses of functions that compete.
    #[must_use]
    pub fn new(budget: RetryBudget, what: impl Into<String>) -> Self {
        Self { budget, what: what.into(), made: 0 }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// When the store failed, or when the budget is spent.
    pub async fn again<C: Clock>(&mut self, clock: &C, error: WriteError) -> Result<(), StoreError> {
        if let WriteError::Store(error) = error {
            return Err(error);
        }
        if self.pause(clock).await {
            return Ok(());
        }
        let detail = format!("other functions changed {} in each of {} attempts", self.what, self.made);
        Err(StoreError::Unavailable { detail, source: None })
    }

    /// Counts an attempt that failed because another function wrote one of the rows. Returns whether another attempt is allowed.
    pub fn count(&mut self) -> bool {
        self.made += 1;
        self.made < self.budget.attempts
    }

    /// Counts such an attempt, and waits before the next one. Returns
    /// `false` at once when the budget is spent.
    pub async fn pause<C: Clock>(&mut self, clock: &C) -> bool {
        if !self.count() {
            return false;
        }
        clock.sleep(backoff(self.budget.first_pause, self.made, &self.what)).await;
        true
    }
}

/// Writes rows, unless another function has changed one of them since it was read. Returns whether the rows were written.
///
/// # Errors
/// When the store fails.
pub async fn write_if_unchanged<S: Store>(store: &S, writes: &[Write]) -> Result<bool, StoreError> {
    match store.write(writes).await {
        Ok(()) => Ok(true),
        Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(false),
        Err(WriteError::Store(error)) => Err(error),
    }
}
