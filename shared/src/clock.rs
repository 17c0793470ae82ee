//! The clock port: the only way the domain learns the time or waits.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Tells the time and waits. A Lambda has the system clock; a simulation has its own.
pub trait Clock: Sync {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;

    /// Waits for `pause`.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}

/// The day it is, in UTC: days begin everywhere at the same time.
#[must_use]
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// How long to wait before `attempt` (1 is the first retry): doubling from `base`, spread by `cause` over half to one and
/// a half of that.
///
/// The spread comes from the id of what is retried, not from a random number: rivals for one row have different ids, so
/// they part ways, and a simulation replays the same waits.
#[must_use]
pub fn backoff(base: Duration, attempt: u32, cause: &str) -> Duration {
    let doubled = base.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    let spread = cause
        .bytes()
        .fold(u32::wrapping_add(2_166_136_261, attempt), |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    doubled.saturating_mul(500 + (spread >> 8) % 1000) / 1000
}

/// Waits, unless that would end after `deadline`. Whether it did.
pub async fn sleep_within<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> bool {
    let in_time = clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX) <= deadline;
    if in_time {
        clock.sleep(wait).await;
    }
    in_time
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the promise that a retry never waits much longer than it says, and that rivals wait differently.
    #[test]
    fn backoff_doubles_and_spreads() {
        let base = Duration::from_millis(20);
        for attempt in 1..=12 {
            let wait = backoff(base, attempt, "shopify:a");
            let full = base * (1 << (attempt - 1).min(10));
            assert!(wait >= full / 2 && wait <= full * 3 / 2, "attempt {attempt} waits {wait:?}");
        }
        assert_ne!(backoff(base, 1, "shopify:a"), backoff(base, 1, "shopify:b"));
    }
}
