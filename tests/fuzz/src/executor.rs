//! Runs a future to its end, for flows over a store in memory.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use promissory::ports::Clock;

/// The most polls of one run. A run that needs more does not end.
const MAX_POLLS: usize = 1_000_000;

/// Runs a future whose every pending poll can be polled again at once.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..MAX_POLLS {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
    panic!("the flow does not end");
}

/// A clock that stands still: waiting takes no time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StillClock(pub(crate) Timestamp);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _pause: Duration) {}
}
