//! The queue and the bus in memory. Messages are kept in the order in which they were sent.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use promissory::alert::Alert;
use promissory::order::SalesOrder;
use promissory::ports::{Bus, Hints, StoreError};
use promissory::storefront::Hint;

/// A recipient of messages that can refuse the next sends.
#[derive(Debug)]
pub struct Sent<T> {
    kept: Arc<Mutex<Vec<T>>>,
    refuse: Arc<AtomicU32>,
}

/// A queue of hints in memory.
pub type MemoryHints = Sent<Hint>;

/// A bus in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBus {
    /// The published alerts.
    pub alerts: Sent<Alert>,
    /// The forwarded sales orders.
    pub orders: Sent<SalesOrder>,
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self { kept: Arc::default(), refuse: Arc::default() }
    }
}

impl<T> Clone for Sent<T> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), refuse: Arc::clone(&self.refuse) }
    }
}

impl<T: Clone> Sent<T> {
    /// Returns the messages since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Refuses the next `sends` calls.
    pub fn refuse(&self, sends: u32) {
        self.refuse.store(sends, Ordering::SeqCst);
    }

    fn keep(&self, messages: &[T]) -> Result<(), StoreError> {
        let refused = self.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refused {
            return Err(StoreError::Unavailable { detail: "refused by the test".into(), source: None });
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(messages);
        Ok(())
    }
}

impl Hints for MemoryHints {
    async fn send(&self, hints: &[Hint]) -> Result<(), StoreError> {
        self.keep(hints)
    }
}

impl Bus<Alert> for MemoryBus {
    async fn publish(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        self.alerts.keep(alerts)
    }
}

impl Bus<SalesOrder> for MemoryBus {
    async fn publish(&self, orders: &[SalesOrder]) -> Result<(), StoreError> {
        self.orders.keep(orders)
    }
}
