//! Computes how long a function waits before it retries.

use std::time::Duration;

/// The wait before `attempt` (1 is the first retry). The wait doubles from `base` with each attempt, and a hash of `cause`
/// spreads it over 50 % to 150 % of that value.
///
/// The spread comes from the id of what is retried, not from a random number. Functions that compete for one row retry
/// different ids and therefore wait differently, and a simulation replays the same waits.
#[must_use]
pub fn backoff(base: Duration, attempt: u32, cause: &str) -> Duration {
    let doubled = base.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    let spread = cause
        .bytes()
        .fold(u32::wrapping_add(2_166_136_261, attempt), |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    doubled.saturating_mul(500 + (spread >> 8) % 1000) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the bounds of the wait (50 % to 150 % of the doubled base), and that two competing ids wait differently.
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
