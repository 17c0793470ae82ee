//! The bus port: publishes alerts, and sales orders for the manufacturing system. Each kind of event has a bus of its own, because sales
//! orders carry personal data.

use std::future::Future;

use super::StoreError;

/// Publishes events of one kind for other systems. An event may be delivered twice. The port neither stores nor logs its content.
pub trait Bus<E>: Sync {
    /// Publishes events.
    fn publish(&self, events: &[E]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
