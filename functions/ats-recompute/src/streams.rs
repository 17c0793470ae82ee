//! The stream reader on DynamoDB Streams.

use std::collections::HashMap;

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};

use crate::given_up::{GivenUpBatch, SequenceNumber, StreamReadError, StreamReader};

/// The most pages that are read for one batch. A page has up to 1,000 records and 1 MB. A batch has up to 100 records that the function
/// receives, and the records between them.
pub const MAX_PAGES: usize = 50;

/// Errors that a later call does not change.
const PERMANENT: [&str; 3] = ["TrimmedDataAccessException", "ResourceNotFoundException", "ValidationException"];

/// The streams of DynamoDB tables.
#[derive(Debug, Clone)]
pub struct DynamoStreams {
    client: Client,
}

impl DynamoStreams {
    /// A reader that calls through `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl StreamReader for DynamoStreams {
    async fn read(&self, batch: &GivenUpBatch) -> Result<Vec<EventRecord>, StreamReadError> {
        let from = self
            .client
            .get_shard_iterator()
            .stream_arn(&batch.stream_arn)
            .shard_id(&batch.shard_id)
            .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
            .sequence_number(batch.first.as_str());
        let answer = Box::pin(from.send()).await.map_err(|error| failed("GetShardIterator", error))?;
        let (mut next, mut found) = (answer.shard_iterator, Vec::new());
        for _ in 0..MAX_PAGES {
            // A closed shard ends here.
            let Some(iterator) = next.take() else { return Ok(found) };
            let page = self.client.get_records().shard_iterator(iterator);
            // A page may be empty although more records follow.
            let page = Box::pin(page.send()).await.map_err(|error| failed("GetRecords", error))?;
            for record in page.records.unwrap_or_default().into_iter().map(event_record) {
                let number = record.change.sequence_number.clone().unwrap_or_default();
                let number = SequenceNumber::try_from(number)
                    .map_err(|detail| StreamReadError::Unavailable { detail: format!("GetRecords: {detail}"), source: None })?;
                if number > batch.last {
                    return Ok(found);
                }
                let is_last = number == batch.last;
                found.push(record);
                if is_last {
                    return Ok(found);
                }
            }
            next = page.next_shard_iterator;
        }
        Err(StreamReadError::Gone { detail: format!("the last record is not in the next {MAX_PAGES} pages of the shard") })
    }
}

/// A record in the form in which Lambda passes it to the function.
fn event_record(record: Record) -> EventRecord {
    let item = |item: Option<HashMap<String, AttributeValue>>| item.map(serde_dynamo::Item::from).unwrap_or_default();
    let mut event = EventRecord::default();
    event.aws_region = record.aws_region.unwrap_or_default();
    event.event_id = record.event_id.unwrap_or_default();
    event.event_name = record.event_name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    event.event_source = record.event_source;
    event.event_version = record.event_version;
    let Some(change) = record.dynamodb else { return event };
    event.change.keys = item(change.keys);
    event.change.new_image = item(change.new_image);
    event.change.old_image = item(change.old_image);
    event.change.sequence_number = change.sequence_number;
    event.change.size_bytes = change.size_bytes.unwrap_or_default();
    event
}

fn failed<E, R>(operation: &str, error: SdkError<E, R>) -> StreamReadError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or("no answer");
    let detail = format!("{operation}: {code}: {}", error.message().unwrap_or_default());
    if PERMANENT.contains(&code) {
        return StreamReadError::Gone { detail };
    }
    StreamReadError::Unavailable { detail, source: Some(Box::new(error)) }
}
