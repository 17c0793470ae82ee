//! The bus port on EventBridge: publishes alerts and sales orders.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::json;

use crate::alert::Alert;
use crate::order::SalesOrder;
use crate::ports::{Bus, StoreError};

/// The most events of one put.
const MAX_EVENTS: usize = 10;

/// An event bus.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    name: String,
}

impl EventBridgeBus {
    /// The source of our events, for rules to match.
    pub const SOURCE: &'static str = "promissory";
    /// The detail type of an alert.
    pub const ALERT: &'static str = "promissory.alert";
    /// The detail type of a sales order.
    pub const SALES_ORDER: &'static str = "promissory.sales_order";

    /// The bus called `name`.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    async fn put(&self, detail_type: &str, details: &[String]) -> Result<(), StoreError> {
        let mut request = self.client.put_events();
        for detail in details {
            let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(Self::SOURCE).detail_type(detail_type);
            request = request.entries(entry.detail(detail).build());
        }
        let answer = request.send().await.map_err(|error| StoreError::Unavailable {
            detail: format!("PutEvents: {}", error.code().unwrap_or("no answer")),
            source: Some(Box::new(error)),
        })?;
        if answer.failed_entry_count() > 0 {
            let detail = format!("PutEvents: {} events were rejected", answer.failed_entry_count());
            return Err(StoreError::Unavailable { detail, source: None });
        }
        Ok(())
    }
}

impl Bus<Alert> for EventBridgeBus {
    async fn publish(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        for chunk in alerts.chunks(MAX_EVENTS) {
            let details: Vec<String> =
                chunk.iter().map(|alert| serde_json::to_string(alert).expect("an alert serialises to JSON")).collect();
            self.put(Self::ALERT, &details).await?;
        }
        Ok(())
    }
}

impl Bus<SalesOrder> for EventBridgeBus {
    async fn publish(&self, orders: &[SalesOrder]) -> Result<(), StoreError> {
        for chunk in orders.chunks(MAX_EVENTS) {
            let details: Vec<String> =
                chunk.iter().map(|order| json!({ "id": order.id(), "sales_order": order }).to_string()).collect();
            self.put(Self::SALES_ORDER, &details).await?;
        }
        Ok(())
    }
}
