//! A small executor: tasks are polled one step at a time in an order the seed decides, and dropped where it says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

/// One handler at work.
pub struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    /// When it is killed for taking too long, by the world's clock.
    pub dies_at: Timestamp,
    /// Port calls it has made.
    pub calls: u64,
    /// When it next has something to do, if it waits for the clock.
    pub wakes_at: Option<Timestamp>,
}

impl<T> Task<T> {
    /// A handler that has not begun.
    pub fn new(dies_at: Timestamp, future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), dies_at, calls: 0, wakes_at: None }
    }

    /// Lets it run up to its next await; what it returned, when it ended.
    pub fn step(&mut self) -> Option<T> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }
}

/// Gives way once: a point at which a task may be dropped.
pub async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        // A handler that waits for several futures polls only those that asked to be.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The world's clock, or that of one process, which goes wrong by its skew. Tasks that wait for it are polled in vain
/// until it is late enough.
#[derive(Debug, Clone)]
pub struct SimClock {
    millis: Arc<AtomicI64>,
    /// When the first of those polled since [`SimClock::woken`] wants to be polled again, in true time.
    wakes: Arc<AtomicI64>,
    skew: i64,
}

impl SimClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let millis = Arc::new(AtomicI64::new(now.as_millisecond()));
        Self { millis, wakes: Arc::new(AtomicI64::new(i64::MAX)), skew: 0 }
    }

    /// The clock of a process that is `skew` milliseconds ahead.
    #[must_use]
    pub fn skewed(&self, skew: i64) -> Self {
        Self { skew, ..self.clone() }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.millis.fetch_add(i64::try_from(by.as_millis()).expect("a simulation is short"), Ordering::Relaxed);
    }

    /// Lets time pass until `then`, if that is later.
    pub fn advance_to(&self, then: Timestamp) {
        self.millis.fetch_max(then.as_millisecond(), Ordering::Relaxed);
    }

    /// When whoever was polled last wants to be polled again, if it waits for the clock.
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
        // A millisecond more than asked for at most: what is waited for has passed by then.
        let pause = i64::try_from(pause.as_nanos().div_ceil(1_000_000)).expect("a simulation is short");
        let until = self.millis.load(Ordering::Relaxed) + pause;
        while self.millis.load(Ordering::Relaxed) < until {
            self.wakes.fetch_min(until, Ordering::Relaxed);
            give_way().await;
        }
    }
}

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).expect("a simulation is short")
}
