//! The clock port: the only way the domain learns the time or waits.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

/// Tells the time and waits. A Lambda has the system clock; a simulation has its own.
pub trait Clock: Sync {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;

    /// Waits for `pause`.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}

/// Waits, unless that would end after `deadline`. Whether it did.
pub async fn sleep_within<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> bool {
    let in_time = clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX) <= deadline;
    if in_time {
        clock.sleep(wait).await;
    }
    in_time
}
