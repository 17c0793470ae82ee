//! The bus port: carries alerts to people, and sales orders to the manufacturing system.

use std::future::Future;

use super::StoreError;
use crate::alert::Alert;
use crate::order::SalesOrder;

/// Carries what other systems must hear of. Either may be carried twice.
pub trait Bus: Sync {
    /// Publishes alerts.
    fn publish(&self, alerts: &[Alert]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forwards a sales order. Nothing of it is kept or logged.
    fn forward(&self, order: &SalesOrder) -> impl Future<Output = Result<(), StoreError>> + Send;
}
