//! The bus port: publishes alerts, and forwards sales orders to the manufacturing system.

use std::future::Future;

use super::StoreError;
use crate::alert::Alert;
use crate::order::SalesOrder;

/// Publishes events for other systems. An event may be delivered twice.
pub trait Bus: Sync {
    /// Publishes alerts.
    fn publish(&self, alerts: &[Alert]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forwards a sales order. The port neither stores nor logs its content.
    fn forward(&self, order: &SalesOrder) -> impl Future<Output = Result<(), StoreError>> + Send;
}
