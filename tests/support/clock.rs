//! A clock that moves only when somebody waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use promissory::ports::Clock;

/// Virtual time: `sleep` moves it and lets others run, and nobody really waits. Copies tell the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    /// Noon, for whoever needs no relation to the real time.
    #[must_use]
    pub fn noon() -> Self {
        Self::at("2026-11-21T12:00:00Z".parse().expect("a valid time"))
    }

    /// Starts at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves the time by so many seconds.
    pub fn pass(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// So many seconds from now: a deadline.
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
