//! The hint port on SQS.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use crate::ports::{Hints, StoreError};
use crate::storefront::Hint;

/// The most messages of one send.
const MAX_MESSAGES: usize = 10;

/// A queue for hints.
#[derive(Debug, Clone)]
pub struct SqsHints {
    client: Client,
    queue_url: String,
}

impl SqsHints {
    /// The queue at `queue_url`.
    #[must_use]
    pub fn new(client: Client, queue_url: impl Into<String>) -> Self {
        Self { client, queue_url: queue_url.into() }
    }
}

impl Hints for SqsHints {
    async fn send(&self, hints: &[Hint]) -> Result<(), StoreError> {
        for chunk in hints.chunks(MAX_MESSAGES) {
            let mut request = self.client.send_message_batch().queue_url(&self.queue_url);
            for (at, hint) in chunk.iter().enumerate() {
                let body = serde_json::to_string(hint).expect("a hint serialises to JSON");
                let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build();
                request = request.entries(entry.expect("the id and the body are set"));
            }
            let answer = request.send().await.map_err(|error| StoreError::Unavailable {
                detail: format!("SendMessageBatch: {}", error.code().unwrap_or("no answer")),
                source: Some(Box::new(error)),
            })?;
            if let Some(first) = answer.failed().first() {
                let detail =
                    format!("SendMessageBatch: {} messages rejected, the first: {}", answer.failed().len(), first.code());
                return Err(StoreError::Unavailable { detail, source: None });
            }
        }
        Ok(())
    }
}
