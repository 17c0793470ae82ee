//! DynamoDB in this process: the SDK's own requests, answered by an embedded emulation instead of a socket.
//!
//! Every call yields before and after the operation, so that concurrent handlers interleave at each call, in the same way every
//! time. The table has the schema of `template.yaml`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ats_recompute::DynamoStreams;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::table::{Key, RowKey, RowKind};
use promissory_simulation::roles::Role;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::faults::{Fault, Faults};

const TABLE: &str = "promissory";

/// A new table with its store, its client and its faults.
#[derive(Debug, Clone)]
pub struct Table {
    /// The store under test.
    pub store: DynamoStore,
    /// The planned faults and the recorded calls.
    pub faults: Arc<Faults>,
    /// The SDK client, for audits.
    pub client: aws_sdk_dynamodb::Client,
    engine: Engine,
    read_to: Arc<Mutex<Option<String>>>,
    used: Uses,
}

/// What [`Role::uses`] returned for each call of a function.
type Uses = Arc<Mutex<BTreeSet<&'static str>>>;

/// Creates an empty table.
///
/// # Panics
/// If the emulation cannot be set up.
#[must_use]
pub fn table() -> Table {
    let engine = Engine(Database::memory().expect("an emulation in memory"));
    engine.call("CreateTable", &schema()).expect("the table can be created");
    let faults = Arc::new(Faults::default());
    let client =
        aws_sdk_dynamodb::Client::new(&config(InProcess { engine: engine.clone(), faults: Arc::clone(&faults), role: None }));
    let (read_to, used) = Default::default();
    Table { store: DynamoStore::new(client.clone(), TABLE), faults, client, engine, read_to, used }
}

fn config(connector: InProcess) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .endpoint_url("http://in-process")
        // Retries are left to the code under test. The SDK would wait in real time.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(connector)
        .build()
}

impl Table {
    /// The name of the table.
    pub const NAME: &'static str = TABLE;

    /// The store of a function: each call uses the role that `template.yaml` gives the function, and panics without a permission.
    #[must_use]
    pub fn acting_as(&self, function: &str) -> DynamoStore {
        let role = Some((Role::of(function), Arc::clone(&self.used)));
        let connector = InProcess { engine: self.engine.clone(), faults: Arc::clone(&self.faults), role };
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&config(connector)), TABLE)
    }

    /// A reader of the stream. SAM, and not a statement of `template.yaml`, gives the function the permissions that it needs.
    #[must_use]
    pub fn streams(&self) -> DynamoStreams {
        let connector = InProcess { engine: self.engine.clone(), faults: Arc::clone(&self.faults), role: None };
        DynamoStreams::new(aws_sdk_dynamodbstreams::Client::new(&config(connector)))
    }

    /// The message that Lambda sends when it gives up the records from `first` to `last`.
    #[must_use]
    pub fn failure_message(&self, first: &Value, last: &Value) -> String {
        let (stream, shard) = self.shard();
        let number = |record: &Value| record["dynamodb"]["SequenceNumber"].clone();
        let batch = json!({
            "streamArn": stream,
            "shardId": shard,
            "startSequenceNumber": number(first),
            "endSequenceNumber": number(last),
            "batchSize": 1,
        });
        json!({ "version": "1.0", "DDBStreamBatchInfo": batch }).to_string()
    }

    /// What the functions used since the last call, as [`Role::uses`] names it.
    #[must_use]
    pub fn take_uses(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stream records since the last call, as Lambda gets them.
    ///
    /// # Panics
    /// If the stream of the emulation cannot be read.
    #[must_use]
    pub fn stream(&self) -> Vec<Value> {
        let mut read_to = self.read_to.lock().unwrap_or_else(PoisonError::into_inner);
        let iterator = read_to.take().unwrap_or_else(|| self.stream_start());
        let mut page = self.must("GetRecords", &json!({ "ShardIterator": iterator }));
        let Value::Array(records) = page["Records"].take() else { panic!("no records in {page}") };
        *read_to = page["NextShardIterator"].as_str().map(str::to_owned);
        records
    }

    /// The stream and its only shard.
    fn shard(&self) -> (Value, Value) {
        let table = self.must("DescribeTable", &json!({ "TableName": TABLE }));
        let arn = &table["Table"]["LatestStreamArn"];
        let stream = self.must("DescribeStream", &json!({ "StreamArn": arn }));
        let shards = stream["StreamDescription"]["Shards"].as_array().expect("shards");
        let [shard] = shards.as_slice() else { panic!("expected one shard, not {}", shards.len()) };
        (arn.clone(), shard["ShardId"].clone())
    }

    fn stream_start(&self) -> String {
        let (stream, shard) = self.shard();
        let from = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let iterator = self.must("GetShardIterator", &from)["ShardIterator"].take();
        iterator.as_str().expect("an iterator").to_owned()
    }

    /// Every row as it is stored.
    ///
    /// # Panics
    /// If the emulation cannot be read.
    #[must_use]
    pub fn rows(&self) -> Vec<Value> {
        let (mut rows, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut request = json!({ "TableName": TABLE });
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let mut page = self.must("Scan", &request);
            let Value::Array(items) = page["Items"].take() else { panic!("no items in {page}") };
            rows.extend(items);
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return rows;
            }
        }
    }

    /// A new table with these rows, such as DynamoDB restores it from a backup.
    ///
    /// # Panics
    /// If a row cannot be put.
    #[must_use]
    pub fn restored_from(rows: &[Value]) -> Self {
        let restored = table();
        for row in rows {
            restored.must("PutItem", &json!({ "TableName": TABLE, "Item": row }));
        }
        let _changes_before_the_backup = restored.stream();
        restored
    }

    /// The rows of a kind, in DynamoDB's attribute format.
    #[must_use]
    pub fn of_kind(&self, kind: RowKind) -> Vec<Value> {
        self.rows().into_iter().filter(|row| row_key(row).is_some_and(|row| RowKind::from(&row) == kind)).collect()
    }

    /// Number of rows of a kind.
    #[must_use]
    pub fn count(&self, kind: RowKind) -> usize {
        self.of_kind(kind).len()
    }

    fn must(&self, operation: &str, request: &Value) -> Value {
        let answer = self.engine.call(operation, request);
        serde_json::from_slice(&answer.unwrap_or_else(|error| panic!("{operation}: {error}"))).expect("an answer in JSON")
    }
}

fn schema() -> Value {
    let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let keys = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [text("pk"), text("sk"), text("ipk"), text("isk")],
        "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            { "IndexName": DynamoStore::INDEX, "KeySchema": keys("ipk", "isk"), "Projection": { "ProjectionType": "ALL" } },
        ],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
    })
}

#[derive(Clone)]
struct Engine(Database);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    fn call(&self, operation: &str, request: &Value) -> Result<Vec<u8>, DynoxideError> {
        self.dispatch(operation, request.to_string().as_bytes())
    }

    fn dispatch(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let database = &self.0;
        match operation {
            "CreateTable" => run(body, |request| database.create_table(request)),
            "DescribeTable" => run(body, |request| database.describe_table(request)),
            "GetItem" => run(body, |request| database.get_item(request)),
            "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
            "PutItem" => run(body, |request| database.put_item(request)),
            "DeleteItem" => run(body, |request| database.delete_item(request)),
            "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
            "Query" => run(body, |request| database.query(request)),
            "Scan" => run(body, |request| database.scan(request)),
            "DescribeStream" => run(body, |request| database.describe_stream(request)),
            "GetShardIterator" => run(body, |request| database.get_shard_iterator(request)),
            "GetRecords" => run(body, |request| database.get_records(request)),
            other => panic!("the emulation does not support the operation {other}"),
        }
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    Ok(serde_json::to_vec(&act(request)?).expect("answers have string keys"))
}

#[derive(Debug, Clone)]
struct InProcess {
    engine: Engine,
    faults: Arc<Faults>,
    /// The role of the caller, and where its uses are recorded. A test itself has no role, and may do everything.
    role: Option<(Role, Uses)>,
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { engine, faults, role } = self.clone();
        HttpConnectorFuture::new(async move {
            tokio::task::yield_now().await;
            let target = request.headers().get("x-amz-target").expect("the SDK names the operation");
            let operation = target.rsplit('.').next().unwrap_or_default();
            let body = request.body().bytes().expect("the body is in memory");
            if let Some((role, used)) = role {
                let uses = permissions(operation, body).into_iter().map(|permission| role.uses(&permission));
                used.lock().unwrap_or_else(PoisonError::into_inner).extend(uses);
            }
            let answer = match faults.strike(operation) {
                None => refused_write(&faults, operation, body).unwrap_or_else(|| answer(engine.dispatch(operation, body))),
                Some(fault) => strike(fault, &engine, operation, body),
            };
            tokio::task::yield_now().await;
            answer
        })
    }
}

/// The permissions that AWS requires for a request. A transaction needs those of its parts.
fn permissions(operation: &str, body: &[u8]) -> Vec<String> {
    let request: Value = serde_json::from_slice(body).expect("the SDK sends JSON");
    let on_table = |action: &str| format!("dynamodb:{action} on Table");
    match (operation, request["TransactItems"].as_array(), request["IndexName"].as_str()) {
        ("TransactWriteItems", Some(items), _) => {
            let parts = items.iter().flat_map(|item| item.as_object().expect("a part of a transaction").keys());
            parts.map(|part| on_table(&format!("{part}Item"))).collect()
        }
        (_, _, Some(index)) => vec![format!("dynamodb:{operation} on Table/index/{index}")],
        (_, _, None) => vec![on_table(operation)],
    }
}

fn strike(fault: Fault, engine: &Engine, operation: &str, body: &[u8]) -> Result<HttpResponse, ConnectorError> {
    match fault {
        Fault::Throttled => Ok(refused(400, "ProvisionedThroughputExceededException", &json!({}))),
        Fault::Denied => Ok(refused(400, "AccessDeniedException", &json!({}))),
        Fault::Trimmed => Ok(refused(400, "TrimmedDataAccessException", &json!({}))),
        Fault::Invalid => Ok(refused(400, "ValidationException", &json!({}))),
        Fault::InvalidInside => Ok(cancelled(body, "ValidationError")),
        Fault::ThrottledInside => Ok(cancelled(body, "ThrottlingError")),
        Fault::Internal => Ok(refused(500, "InternalServerError", &json!({}))),
        Fault::Conflict if operation == "TransactWriteItems" => Ok(cancelled(body, "TransactionConflict")),
        Fault::Conflict => Ok(refused(400, "TransactionConflictException", &json!({}))),
        Fault::RequestLost => Err(ConnectorError::io("the request was lost".into())),
        Fault::AnswerLost => {
            // The caller gets a timeout whatever the outcome is.
            let _ = engine.dispatch(operation, body);
            Err(ConnectorError::timeout("the answer was lost".into()))
        }
        Fault::KeysLeftOut => {
            let mut request: Value = serde_json::from_slice(body).expect("the SDK sends JSON");
            let keys = request["RequestItems"][TABLE]["Keys"].as_array_mut().expect("a batch read has keys");
            let left_out = keys.split_off(1);
            let mut read: Value =
                serde_json::from_slice(&engine.call(operation, &request).expect("the first key is read")).expect("JSON");
            read["UnprocessedKeys"] = json!({ TABLE: { "Keys": left_out, "ConsistentRead": true } });
            Ok(response(200, read.to_string().into_bytes()))
        }
    }
}

/// The answer to a write of a row whose writes are refused.
fn refused_write(faults: &Faults, operation: &str, body: &[u8]) -> Option<Result<HttpResponse, ConnectorError>> {
    let request: Value = serde_json::from_slice(body).expect("the SDK sends JSON");
    let is_refused = |put: &Value, delete: &Value| {
        let row = [&put["Item"], &delete["Key"]].into_iter().find(|row| row.is_object());
        row.and_then(key).is_some_and(|key| faults.refuses(&key))
    };
    match operation {
        "PutItem" | "DeleteItem" => is_refused(&request, &request).then(|| Ok(refused(400, "ValidationException", &json!({})))),
        "TransactWriteItems" => {
            let writes = request["TransactItems"].as_array()?;
            let row = writes.iter().position(|write| is_refused(&write["Put"], &write["Delete"]))?;
            Some(Ok(cancelled_by(writes.len(), row, "ValidationError")))
        }
        _ => None,
    }
}

/// The answer to a transaction that was cancelled because of its first row.
fn cancelled(body: &[u8], code: &str) -> HttpResponse {
    let request: Value = serde_json::from_slice(body).expect("the SDK sends JSON");
    cancelled_by(request["TransactItems"].as_array().map_or(0, Vec::len), 0, code)
}

/// The answer to a transaction of `rows` rows that was cancelled because of one of them.
fn cancelled_by(rows: usize, of: usize, code: &str) -> HttpResponse {
    let reasons: Vec<Value> = (0..rows).map(|row| json!({ "Code": if row == of { code } else { "None" } })).collect();
    refused(400, "TransactionCanceledException", &json!({ "CancellationReasons": reasons }))
}

fn refused(status: u16, kind: &str, more: &Value) -> HttpResponse {
    let mut body = more.clone();
    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{kind}"));
    body["message"] = json!(format!("{kind}, as planned by a test"));
    response(status, body.to_string().into_bytes())
}

fn answer(outcome: Result<Vec<u8>, DynoxideError>) -> Result<HttpResponse, ConnectorError> {
    Ok(match outcome {
        Ok(body) => response(200, body),
        Err(error) => response(error.status_code(), error.to_json().into_bytes()),
    })
}

fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).expect("a valid status"), SdkBody::from(body))
}

/// The key of a row, or of the keys of a stream record, in DynamoDB's attribute format.
#[must_use]
pub fn row_key(row: &Value) -> Option<RowKey> {
    RowKey::parse(&key(row)?)
}

fn key(row: &Value) -> Option<Key> {
    Some(Key::new(row["pk"]["S"].as_str()?, row["sk"]["S"].as_str()?))
}
