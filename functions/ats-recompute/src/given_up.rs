//! Batches of stream records that Lambda has given up, and the port through which they are read again.
//!
//! When a batch has failed too often, Lambda sends a message to the queue `StreamFailures`. The message names the place of the records in
//! the stream, and does not contain them. The stream keeps them for 24 hours.

use std::cmp::Ordering;
use std::fmt;
use std::future::Future;

use aws_lambda_events::event::dynamodb::EventRecord;
use serde::Deserialize;

/// The place of a record in its shard: a number of up to 40 digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SequenceNumber(String);

impl SequenceNumber {
    /// The most digits that DynamoDB gives a number.
    const MAX_DIGITS: usize = 40;

    /// The number as DynamoDB writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits that count. Numbers without leading zeros are in the order of their length, and then of their digits.
    fn significant(&self) -> (usize, &str) {
        let digits = self.0.trim_start_matches('0');
        (digits.len(), digits)
    }
}

impl TryFrom<String> for SequenceNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_number = (1..=Self::MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Ok(Self(text)) } else { Err(format!("a sequence number has 1 to {} digits", Self::MAX_DIGITS)) }
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(&other.significant())
    }
}

/// A batch of stream records that Lambda has given up: all records of one shard from the first number to the last one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenUpBatch {
    /// The stream, which may be an earlier stream of the table.
    pub stream_arn: String,
    /// The shard of the stream.
    pub shard_id: String,
    /// The first record.
    #[serde(rename = "startSequenceNumber")]
    pub first: SequenceNumber,
    /// The last record.
    #[serde(rename = "endSequenceNumber")]
    pub last: SequenceNumber,
}

impl GivenUpBatch {
    /// Reads a message of the queue.
    ///
    /// # Errors
    /// When the text is not a message that Lambda sends about a batch of a DynamoDB stream.
    pub fn parse(message: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Message {
            #[serde(rename = "DDBStreamBatchInfo")]
            batch: GivenUpBatch,
        }
        let Message { batch } = serde_json::from_str(message)?;
        if batch.last < batch.first {
            return Err(serde::de::Error::custom("endSequenceNumber is smaller than startSequenceNumber"));
        }
        Ok(batch)
    }
}

/// Why a batch cannot be read again.
#[derive(Debug)]
pub enum StreamReadError {
    /// The stream does not answer, throttles the call or refuses it. The batch is read later.
    Unavailable {
        /// What failed.
        detail: String,
        /// The cause.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The stream will never return the records: they are older than 24 hours, or the message names a place that does not exist.
    Gone {
        /// What the stream answered.
        detail: String,
    },
}

impl fmt::Display for StreamReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { detail, .. } => write!(f, "the stream is unavailable: {detail}"),
            Self::Gone { detail } => write!(f, "the records can no longer be read: {detail}"),
        }
    }
}

impl std::error::Error for StreamReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable { source: Some(source), .. } => Some(source.as_ref()),
            Self::Unavailable { source: None, .. } | Self::Gone { .. } => None,
        }
    }
}

/// Reads records of a stream again.
pub trait StreamReader: Sync {
    /// Every record of a batch, in order. It also returns the records that the event source mapping filters out, and those that
    /// another batch delivers.
    fn read(&self, batch: &GivenUpBatch) -> impl Future<Output = Result<Vec<EventRecord>, StreamReadError>> + Send;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A message in the form of the AWS documentation.
    fn message() -> Value {
        json!({
            "requestContext": {
                "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
                "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:myfunction",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": "2019-11-14T00:13:49.717Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000001573689847184-864758bb",
                "startSequenceNumber": "800000000003126276362",
                "endSequenceNumber": "1000000000003126276362",
                "approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z",
                "approximateArrivalOfLastRecord": "2019-11-14T00:13:19Z",
                "batchSize": 1,
                "streamArn": "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388",
            },
        })
    }

    /// Protects given-up records from being read at another place: every field comes from the message.
    #[test]
    fn a_message_names_the_records() {
        let batch = GivenUpBatch::parse(&message().to_string()).expect("a message");
        assert_eq!(batch.stream_arn, "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388");
        assert_eq!(batch.shard_id, "shardId-00000001573689847184-864758bb");
        assert_eq!((batch.first.as_str(), batch.last.as_str()), ("800000000003126276362", "1000000000003126276362"));
    }

    /// Protects the refresh of all items: what is not a message about a batch is refused, and never read as another batch.
    #[test]
    fn other_texts_are_refused() {
        let with = |field: &str, value: Value| {
            let mut message = message();
            message["DDBStreamBatchInfo"][field] = value;
            message.to_string()
        };
        for (text, expected) in [
            ("not JSON".to_owned(), "expected"),
            ("{}".to_owned(), "missing field `DDBStreamBatchInfo`"),
            (json!({ "DDBStreamBatchInfo": {} }).to_string(), "missing field `streamArn`"),
            (with("shardId", Value::Null), "invalid type: null"),
            (with("startSequenceNumber", json!("")), "1 to 40 digits"),
            (with("startSequenceNumber", json!("-1")), "1 to 40 digits"),
            (with("startSequenceNumber", json!("0".repeat(41))), "1 to 40 digits"),
            (with("startSequenceNumber", json!("1000000000003126276363")), "smaller than startSequenceNumber"),
            (with("endSequenceNumber", json!(7)), "invalid type: integer"),
        ] {
            let error = GivenUpBatch::parse(&text).expect_err("it is refused").to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    /// Protects the end of a batch: numbers are compared as numbers, whatever their length.
    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        let number = |text: &str| SequenceNumber::try_from(text.to_owned()).expect("a number");
        let rising = ["0", "9", "0010", "11", "99999999999999999999", "100000000000000000000", &"9".repeat(40)];
        for pair in rising.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert_eq!(number("007").cmp(&number("7")), Ordering::Equal);
    }
}
