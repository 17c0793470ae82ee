//! Trying a conditional write again when another function was faster.

use std::time::Duration;

use super::backoff;
use crate::ports::{Clock, StoreError, WriteError};

/// How often something is tried, and how long the first pause is. The pauses double, see [`backoff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// The most attempts.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub first_pause: Duration,
}

impl RetryBudget {
    /// For rows that one function computes from others: a few milliseconds, ten times.
    pub const RECOMPUTE: Self = Self { attempts: 10, first_pause: Duration::from_millis(5) };

    /// For a row that several functions write in their turn.
    pub const SHARED_ROW: Self = Self { attempts: 20, first_pause: Duration::from_millis(8) };
}

/// Runs `attempt` until it succeeds, fails for another reason than a condition, or the budget is spent. `attempt` reads the
/// rows anew each time. `what` names the rows for people, and spreads the pauses of rivals.
///
/// # Errors
/// When the store fails, or other functions changed the rows in every attempt.
pub async fn retry<C: Clock, T>(
    clock: &C,
    budget: RetryBudget,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, WriteError>,
) -> Result<T, StoreError> {
    for number in 1..=budget.attempts {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(WriteError::Store(error)) => return Err(error),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {
                if number < budget.attempts {
                    clock.sleep(backoff(budget.first_pause, number, what)).await;
                }
            }
        }
    }
    let detail = format!("other functions changed {what} in each of {} attempts", budget.attempts);
    Err(StoreError::Unavailable { detail, source: None })
}
