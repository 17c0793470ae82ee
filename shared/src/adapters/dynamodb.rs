//! The store port on DynamoDB: one table, one sparse index, strongly consistent reads by key.
//!
//! A row has `pk`, `sk`, `rev`, its schema version `ver`, its `body` as a map or deflated, `expires_at` if DynamoDB may delete it some day, and `ipk`/`isk` while it has an index entry. One write is a `PutItem` or
//! `DeleteItem` (half the price); several are one `TransactWriteItems`. Both return the stored row when a condition fails.
//!
//! The SDK's futures are boxed: they are large, and would be part of every future that contains them.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use serde_json::Value;

use crate::ports::{Cursor, Listing, Page, Refusal, Store, StoreError, WriteError};
use crate::table::{
    EXPIRES_AT, Expect, FIRST_VERSION, Key, MAX_WRITES, Record, StoredBody, UnreadableRow, UnwritableRow, Write, inflated,
    stored_bodies,
};

/// The most keys of one `BatchGetItem`.
const MAX_KEYS: usize = 100;

/// How often keys that DynamoDB left out of a batch are requested again.
const MAX_ROUNDS: u32 = 6;

type Item = HashMap<String, AttributeValue>;

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The sparse index.
    pub const INDEX: &'static str = "by_index";

    /// The store in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    async fn get_batch(&self, keys: &[Key], found: &mut HashMap<Key, Record>) -> Result<(), StoreError> {
        let mut wanted = KeysAndAttributes::builder().consistent_read(true);
        for key in keys {
            wanted = wanted.keys(key_item(key));
        }
        let mut request =
            Some(HashMap::from([(self.table.clone(), wanted.build().map_err(|e| unavailable("BatchGetItem", e))?)]));
        for round in 0..MAX_ROUNDS {
            let Some(items) = request.take().filter(|items| !items.is_empty()) else { return Ok(()) };
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(20 << round)).await;
            }
            let answer = Box::pin(self.client.batch_get_item().set_request_items(Some(items)).send())
                .await
                .map_err(|e| failed("BatchGetItem", e))?;
            for item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                let record = record(item)?;
                found.insert(record.key.clone(), record);
            }
            request = answer.unprocessed_keys;
        }
        match request {
            Some(left) if !left.is_empty() => Err(StoreError::Unavailable {
                detail: "BatchGetItem kept leaving keys out: the table is throttled".into(),
                source: None,
            }),
            Some(_) | None => Ok(()),
        }
    }

    async fn write_one(&self, write: &Write, body: Option<StoredBody<'_>>) -> Result<(), WriteError> {
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let refused = match write {
            Write::Put { expect, .. } => {
                let (condition, values) = condition(expect);
                let request = self
                    .client
                    .put_item()
                    .table_name(&self.table)
                    .set_item(Some(item(write, body)?))
                    .condition_expression(condition);
                let request = request.set_expression_attribute_values(values).return_values_on_condition_check_failure(all_old);
                match Box::pin(request.send()).await {
                    Ok(_) => return Ok(()),
                    Err(error) => match error.as_service_error().filter(|e| e.is_conditional_check_failed_exception()) {
                        Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(e)) => {
                            e.item.clone()
                        }
                        Some(_) | None => return Err(write_failed("PutItem", write.key(), error)),
                    },
                }
            }
            Write::Delete { key, expect } => {
                let (condition, values) = condition(expect);
                let request = self
                    .client
                    .delete_item()
                    .table_name(&self.table)
                    .set_key(Some(key_item(key)))
                    .condition_expression(condition);
                let request = request.set_expression_attribute_values(values).return_values_on_condition_check_failure(all_old);
                match Box::pin(request.send()).await {
                    Ok(_) => return Ok(()),
                    Err(error) => match error.as_service_error().filter(|e| e.is_conditional_check_failed_exception()) {
                        Some(aws_sdk_dynamodb::operation::delete_item::DeleteItemError::ConditionalCheckFailedException(e)) => {
                            e.item.clone()
                        }
                        Some(_) | None => return Err(write_failed("DeleteItem", write.key(), error)),
                    },
                }
            }
        };
        Err(WriteError::Refused(vec![refusal(write, refused)?]))
    }

    fn transact_item(&self, write: &Write, body: Option<StoredBody<'_>>) -> Result<TransactWriteItem, WriteError> {
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let built = match write {
            Write::Put { expect, .. } => {
                let (condition, values) = condition(expect);
                let put =
                    Put::builder().table_name(&self.table).set_item(Some(item(write, body)?)).condition_expression(condition);
                let put = put.set_expression_attribute_values(values).return_values_on_condition_check_failure(all_old).build();
                TransactWriteItem::builder().put(put.map_err(|e| unavailable("TransactWriteItems", e))?)
            }
            Write::Delete { key, expect } => {
                let (condition, values) = condition(expect);
                let delete =
                    Delete::builder().table_name(&self.table).set_key(Some(key_item(key))).condition_expression(condition);
                let delete =
                    delete.set_expression_attribute_values(values).return_values_on_condition_check_failure(all_old).build();
                TransactWriteItem::builder().delete(delete.map_err(|e| unavailable("TransactWriteItems", e))?)
            }
        };
        Ok(built.build())
    }
}

impl Store for DynamoStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        if let [key] = keys {
            let request = self.client.get_item().table_name(&self.table).set_key(Some(key_item(key))).consistent_read(true);
            let answer = Box::pin(request.send()).await.map_err(|e| failed("GetItem", e))?;
            return Ok(vec![answer.item.map(record).transpose()?]);
        }
        let mut found = HashMap::with_capacity(keys.len());
        for chunk in keys.chunks(MAX_KEYS) {
            self.get_batch(chunk, &mut found).await?;
        }
        Ok(keys.iter().map(|key| found.remove(key)).collect())
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        assert!(
            !writes.is_empty() && writes.len() <= MAX_WRITES,
            "a transaction has 1 to {MAX_WRITES} writes, not {}",
            writes.len()
        );
        let mut bodies = stored_bodies(writes)?;
        if let [write] = writes {
            return self.write_one(write, bodies.pop().flatten()).await;
        }
        let items = writes.iter().zip(bodies).map(|(write, body)| self.transact_item(write, body));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = Box::pin(request.send()).await else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let refusals = refusals(writes, cancelled.cancellation_reasons())?;
                if !refusals.is_empty() {
                    return Err(WriteError::Refused(refusals));
                }
                if let Some(row) = unwritable(writes, cancelled.cancellation_reasons()) {
                    return Err(row.into());
                }
                let transient = |code: &str| code == "TransactionConflict" || code == "None";
                if cancelled.cancellation_reasons().iter().all(|reason| reason.code().is_none_or(transient)) {
                    return Err(WriteError::Conflict);
                }
                Err(failed("TransactWriteItems", error).into())
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Err(WriteError::Conflict),
            Some(_) | None => Err(write_failed("TransactWriteItems", writes[0].key(), error)),
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let (pk, sk) = if listing.by_index { ("ipk", "isk") } else { ("pk", "sk") };
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(listing.by_index.then(|| Self::INDEX.to_owned()))
            .consistent_read(!listing.by_index)
            .limit(i32::try_from(listing.limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":p", AttributeValue::S(listing.partition.clone()))
            .set_exclusive_start_key(listing.after.as_ref().map(cursor_item));
        request = if listing.prefix.is_empty() {
            request.key_condition_expression(format!("{pk} = :p"))
        } else {
            request
                .key_condition_expression(format!("{pk} = :p AND begins_with({sk}, :s)"))
                .expression_attribute_values(":s", AttributeValue::S(listing.prefix.clone()))
        };
        let answer = Box::pin(request.send()).await.map_err(|e| failed("Query", e))?;
        let records = answer.items.unwrap_or_default().into_iter().map(record).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(|key| cursor(&key)).transpose()?;
        Ok(Page { records, next })
    }
}

/// The revision of an item without a revision: a program other than this application wrote it.
const NO_REVISION: u64 = 0;

/// The condition of a write, and its values.
fn condition(expect: &Expect) -> (&'static str, Option<Item>) {
    match expect.revision() {
        None => ("attribute_not_exists(pk)", None),
        Some(NO_REVISION) => (
            "attribute_exists(pk) AND NOT attribute_type(rev, :number)",
            Some(HashMap::from([(":number".to_owned(), AttributeValue::S("N".to_owned()))])),
        ),
        Some(revision) => ("rev = :rev", Some(HashMap::from([(":rev".to_owned(), AttributeValue::N(revision.to_string()))]))),
    }
}

fn key_item(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), AttributeValue::S(key.pk.clone())), ("sk".to_owned(), AttributeValue::S(key.sk.clone()))])
}

fn cursor_item(cursor: &Cursor) -> Item {
    let mut item = key_item(&cursor.key);
    if let Some(index) = &cursor.index {
        item.insert("ipk".to_owned(), AttributeValue::S(index.pk.clone()));
        item.insert("isk".to_owned(), AttributeValue::S(index.sk.clone()));
    }
    item
}

fn cursor(item: &Item) -> Result<Cursor, StoreError> {
    let index = match (item.get("ipk"), item.get("isk")) {
        (Some(_), Some(_)) => Some(Key::new(text(item, "ipk")?, text(item, "isk")?)),
        (Some(_) | None, _) => None,
    };
    Ok(Cursor { key: Key::new(text(item, "pk")?, text(item, "sk")?), index })
}

/// The item that a put writes.
fn item(write: &Write, body: Option<StoredBody<'_>>) -> Result<Item, StoreError> {
    let (Write::Put { key, index, expires_at, expect, .. }, Some(body)) = (write, body) else {
        unreachable!("only a put has an item")
    };
    let revision = expect.next_revision();
    let body = match body {
        StoredBody::Plain(body) => serde_dynamo::to_attribute_value(body).map_err(|error| corrupt(key, error))?,
        StoredBody::Deflated(bytes) => AttributeValue::B(bytes.into()),
    };
    let mut item = cursor_item(&Cursor { key: key.clone(), index: index.clone() });
    item.insert("rev".to_owned(), AttributeValue::N(revision.to_string()));
    item.insert("ver".to_owned(), AttributeValue::N(expect.next_version().to_string()));
    if let Some(at) = expires_at {
        item.insert(EXPIRES_AT.to_owned(), AttributeValue::N(at.as_second().to_string()));
    }
    item.insert("body".to_owned(), body);
    Ok(item)
}

/// Reads an item of the table. An item that another program wrote may have no body that can be read. It then has the body `null`, which
/// is no row: the reader of the row reports that, and the other rows of the same call are read.
///
/// # Errors
/// When the item has no key.
pub fn record(mut item: Item) -> Result<Record, StoreError> {
    let key = Key::new(text(&item, "pk")?, text(&item, "sk")?);
    let revision = match item.get("rev") {
        Some(AttributeValue::N(number)) => number.parse().unwrap_or(NO_REVISION),
        Some(_) | None => NO_REVISION,
    };
    let version = match item.get("ver") {
        Some(AttributeValue::N(number)) => number.parse().unwrap_or(FIRST_VERSION),
        Some(_) | None => FIRST_VERSION,
    };
    let body = match item.remove("body") {
        Some(AttributeValue::B(bytes)) => inflated(bytes.as_ref()),
        Some(body) => serde_dynamo::from_attribute_value(body).map_err(|error| error.to_string()),
        None => Err("it has no body".to_owned()),
    };
    let body = body.unwrap_or_else(|error| {
        tracing::error!(row = %key, error, "the body of a row cannot be read");
        Value::Null
    });
    Ok(Record { key, revision, version, body })
}

fn text(item: &Item, name: &str) -> Result<String, StoreError> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        Some(_) | None => Err(UnreadableRow { key: "?".into(), detail: format!("it has no string attribute {name}") }.into()),
    }
}

/// Reads the cancellation reasons by their position: the reason at a position is about the write at that position.
fn refusals(writes: &[Write], reasons: &[CancellationReason]) -> Result<Vec<Refusal>, StoreError> {
    writes
        .iter()
        .zip(reasons)
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(write, reason)| refusal(write, reason.item.clone()))
        .collect()
}

/// The first row that can never be written, with the reason that DynamoDB gives.
fn unwritable(writes: &[Write], reasons: &[CancellationReason]) -> Option<UnwritableRow> {
    let mut invalid = writes
        .iter()
        .zip(reasons)
        .filter(|(_, reason)| matches!(reason.code(), Some("ValidationError" | "ItemCollectionSizeLimitExceeded")));
    let (write, reason) = invalid.next()?;
    Some(UnwritableRow { key: write.key().to_string(), detail: reason.message().unwrap_or_default().to_owned() })
}

fn refusal(write: &Write, stored: Option<Item>) -> Result<Refusal, StoreError> {
    let stored = stored.filter(|item| !item.is_empty()).map(record).transpose()?;
    Ok(Refusal { key: write.key().clone(), stored })
}

fn corrupt(key: &Key, detail: impl std::fmt::Display) -> StoreError {
    UnreadableRow { key: key.to_string(), detail: detail.to_string() }.into()
}

fn unavailable(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { detail: format!("{what}: {error}"), source: Some(Box::new(error)) }
}

fn failed<E, R>(what: &str, error: SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or(if matches!(error, SdkError::TimeoutError(_)) { "timed out" } else { "no answer" });
    let detail = format!("{what}: {code}: {}", error.message().unwrap_or_default());
    match code {
        "AccessDeniedException" | "ResourceNotFoundException" | "ValidationException" => StoreError::Rejected { detail },
        _ => StoreError::Unavailable { detail, source: Some(Box::new(error)) },
    }
}

fn write_failed<E, R>(what: &str, key: &Key, error: SdkError<E, R>) -> WriteError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.code() {
        Some("TransactionConflictException") => WriteError::Conflict,
        Some("ValidationException" | "ItemCollectionSizeLimitExceededException") => {
            let detail = format!("{what}: {}", error.message().unwrap_or_default());
            UnwritableRow { key: key.to_string(), detail }.into()
        }
        Some(_) | None => failed(what, error).into(),
    }
}
