//! The stream of the simulated table as handlers read it again, after Lambda has given records up.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ats_recompute::{GivenUpBatch, SequenceNumber, StreamReadError, StreamReader};
use aws_lambda_events::event::dynamodb::EventRecord;
use promissory::table::Record;
use serde_json::json;

use crate::coverage::Coverage;
use crate::planted::PlantedBug;
use crate::rng::Rng;
use crate::store::{Change, SimStore};
use crate::tasks::give_way;

/// The name of the stream.
const STREAM: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/simulated/stream/1";

/// Its only shard.
const SHARD: &str = "shardId-00000000000000000000-00000001";

/// The sequence number of the first record. Numbers of later ones have more digits.
const FIRST: u128 = 99_999_999_999_999_999_990;

/// A reader of the stream. Clones share the records that the stream no longer has.
#[derive(Debug, Clone)]
pub struct SimStreams {
    store: SimStore,
    rng: Rng,
    coverage: Coverage,
    bug: Option<PlantedBug>,
    trimmed: Arc<Mutex<BTreeSet<usize>>>,
}

impl SimStreams {
    /// A reader of the stream of `store`. It fails as often as `store` throttles.
    #[must_use]
    pub fn new(store: SimStore, rng: Rng) -> Self {
        Self { store, rng, coverage: Coverage::default(), bug: None, trimmed: Arc::default() }
    }

    /// A reader with a planted bug, which counts what it meets in `coverage`.
    #[must_use]
    pub fn with(self, bug: Option<PlantedBug>, coverage: Coverage) -> Self {
        Self { bug, coverage, ..self }
    }

    /// Every record, as the stream delivers it.
    ///
    /// # Panics
    /// Never: the records are in the form of DynamoDB Streams.
    #[must_use]
    pub fn records(&self) -> Vec<EventRecord> {
        let count = self.store.table().stream.len();
        event_records(&self.store, 0..count)
    }

    /// Removes a record from the stream, by its index. A batch that begins with it can no longer be read.
    pub fn trim(&self, record: usize) {
        self.trimmed.lock().unwrap_or_else(PoisonError::into_inner).insert(record);
    }

    /// The indexes of the records of a batch; `None` where the stream no longer has them.
    fn indexes(&self, batch: &GivenUpBatch) -> Option<Range<usize>> {
        let (first, last) = (index(&batch.first)?, index(&batch.last)?);
        let trimmed = self.trimmed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = batch.stream_arn == STREAM && batch.shard_id == SHARD && last < self.store.table().stream.len();
        (is_there && !trimmed.contains(&first)).then_some(first..last + 1)
    }
}

impl StreamReader for SimStreams {
    async fn read(&self, batch: &GivenUpBatch) -> Result<Vec<EventRecord>, StreamReadError> {
        give_way().await;
        if self.rng.per_mille(self.store.faults().throttle) {
            self.coverage.note("stream unavailable");
            return Err(StreamReadError::Unavailable { detail: "the simulator throttled the call".into(), source: None });
        }
        let found = self.indexes(batch);
        match (self.bug, &found) {
            (Some(PlantedBug::GivenUpRecordDropped), Some(_)) | (Some(PlantedBug::TrimmedRecordDropped), None) => {
                return Ok(Vec::new());
            }
            _ => {}
        }
        let Some(found) = found else {
            self.coverage.note("stream record trimmed");
            return Err(StreamReadError::Gone { detail: "the simulator has trimmed the records".into() });
        };
        let records = event_records(&self.store, found);
        give_way().await;
        Ok(records)
    }
}

fn event_records(store: &SimStore, indexes: Range<usize>) -> Vec<EventRecord> {
    let table = store.table();
    let records: Vec<_> = indexes.map(|at| stream_record(at, &table.stream[at])).collect();
    serde_json::from_value(records.into()).expect("stream records")
}

/// The message that Lambda sends about records from index `first` to index `last`.
#[must_use]
pub fn failure_message(first: usize, last: usize) -> String {
    let batch = json!({
        "shardId": SHARD,
        "startSequenceNumber": sequence_number(first),
        "endSequenceNumber": sequence_number(last),
        "batchSize": last + 1 - first,
        "streamArn": STREAM,
    });
    json!({ "version": "1.0", "DDBStreamBatchInfo": batch }).to_string()
}

/// The sequence number of a record, by its index.
fn sequence_number(at: usize) -> String {
    (FIRST + u128::try_from(at).expect("an index is small")).to_string()
}

/// The index of a record; `None` where the stream never had such a record.
pub fn index(number: &SequenceNumber) -> Option<usize> {
    let number: u128 = number.as_str().parse().ok()?;
    usize::try_from(number.checked_sub(FIRST)?).ok()
}

/// A record in the form of DynamoDB Streams.
pub fn stream_record(at: usize, Change { key, old, new }: &Change) -> serde_json::Value {
    let image = |record: &Option<Record>| -> serde_dynamo::Item {
        let body = record.as_ref().map_or_else(|| json!({}), |record| json!({ "body": record.body }));
        serde_dynamo::to_item(body).expect("a body is an object")
    };
    let name = match (old, new) {
        (None, _) => "INSERT",
        (Some(_), Some(_)) => "MODIFY",
        (Some(_), None) => "REMOVE",
    };
    json!({
        "awsRegion": "us-east-1",
        "eventID": at.to_string(),
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
        "eventSourceARN": STREAM,
        "eventName": name,
        "dynamodb": {
            "ApproximateCreationDateTime": 0,
            "Keys": { "pk": { "S": key.pk }, "sk": { "S": key.sk } },
            "OldImage": image(old),
            "NewImage": image(new),
            "SequenceNumber": sequence_number(at),
            "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}
