//! A clock for tests that moves only when a caller sleeps or a test advances it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use promissory::ports::Clock;

/// Virtual time. `sleep` advances the time, yields once, and does not wait. Clones share the time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    /// A clock at a fixed noon, for tests without a relation to the real time.
    #[must_use]
    pub fn noon() -> Self {
        Self::at("2026-11-21T12:00:00Z".parse().expect("a valid time"))
    }

    /// A clock that starts at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Advances the time by the given seconds.
    pub fn pass(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// The time in the given seconds, for example as a deadline.
    #[must_use]
    pub fn after(&self, seconds: u64) -> Timestamp {
        self.now().saturating_add(Duration::from_secs(seconds)).expect("seconds have no calendar unit")
    }

    fn advance(&self, pause: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(pause).expect("a duration has no calendar unit");
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
        tokio::task::yield_now().await;
    }
}
