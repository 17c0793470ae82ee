//! A small executor that polls tasks one step at a time. The world decides which task runs and where it is dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

/// One invocation of a handler.
pub struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    /// When the world kills the task because of its timeout, by the clock of the world.
    pub times_out_at: Timestamp,
    /// Port calls that the task has made.
    pub calls: u64,
    /// When the task is to be polled again, if it sleeps.
    pub wakes_at: Option<Timestamp>,
}

impl<T> Task<T> {
    /// A task that has not been polled yet.
    pub fn new(times_out_at: Timestamp, future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), times_out_at, calls: 0, wakes_at: None }
    }

    /// Polls the task up to its next await. Returns its result once it has finished.
    pub fn step(&mut self) -> Option<T> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }
}

/// Yields once. The executor may drop a task at such a point.
pub async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        // `join` and `select` of several futures poll again only those that have called the waker.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The clock of the world, or that of one process, which is off by `skew`. A task that sleeps yields on each poll until the
/// world's time has reached the end of the sleep.
#[derive(Debug, Clone)]
pub struct SimClock {
    millis: Arc<AtomicI64>,
    /// The earliest time, by the world's clock, at which a task that was polled since the last [`SimClock::woken`] wants to be
    /// polled.
    wakes: Arc<AtomicI64>,
    skew: i64,
}

impl SimClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let millis = Arc::new(AtomicI64::new(now.as_millisecond()));
        Self { millis, wakes: Arc::new(AtomicI64::new(i64::MAX)), skew: 0 }
    }

    /// The clock of a process that is `skew` milliseconds ahead of the world.
    #[must_use]
    pub fn skewed(&self, skew: i64) -> Self {
        Self { skew, ..self.clone() }
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.millis.fetch_add(i64::try_from(by.as_millis()).expect("a simulated pause is short"), Ordering::Relaxed);
    }

    /// Moves the time forward to `then`, if that is later.
    pub fn advance_to(&self, then: Timestamp) {
        self.millis.fetch_max(then.as_millisecond(), Ordering::Relaxed);
    }

    /// When the tasks polled since the last call want to be polled again, if one of them sleeps.
    pub fn woken(&self) -> Option<Timestamp> {
        let wakes = self.wakes.swap(i64::MAX, Ordering::Relaxed);
        (wakes != i64::MAX).then(|| moment(wakes))
    }
}

impl promissory::ports::Clock for SimClock {
    fn now(&self) -> Timestamp {
        moment(self.millis.load(Ordering::Relaxed) + self.skew)
    }

    async fn sleep(&self, pause: Duration) {
        // Rounds up to the next millisecond, so that a sleep never ends before its time.
        let pause = i64::try_from(pause.as_nanos().div_ceil(1_000_000)).expect("a simulated time is in the range of timestamps");
        let until = self.millis.load(Ordering::Relaxed) + pause;
        while self.millis.load(Ordering::Relaxed) < until {
            self.wakes.fetch_min(until, Ordering::Relaxed);
            give_way().await;
        }
    }
}

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).expect("a simulated time is in the range of timestamps")
}
