//! The clock port: the only way for the domain to read the time or to wait.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

/// Reads the time and waits. A Lambda function uses the system clock; a simulation has its own.
pub trait Clock: Sync {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;

    /// Waits for `pause`.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}

/// Waits for `wait`, unless the wait would end after `deadline`. Returns whether it waited.
pub async fn sleep_within<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> bool {
    let in_time = clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX) <= deadline;
    if in_time {
        clock.sleep(wait).await;
    }
    in_time
}
