//! Reads the rows of the catalog from a table.
//!
//! The import checks each bill and mapping against all others, and no index lists them all. So [`read`] scans the whole table in
//! parallel segments. A scan is no snapshot; this is safe because every later write names the revision that it replaces.

use std::collections::HashMap;
use std::io;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use promissory::adapters::dynamodb::record;
use promissory::sheets::StoredCatalog;
use promissory::table::{Record, scan};

use crate::table::Table;

/// The number of segments that are scanned at the same time.
const SEGMENTS: i32 = 4;

/// Reads the catalog.
///
/// # Errors
/// When the table cannot be read. The error says what to do.
pub async fn read(table: &Table) -> io::Result<StoredCatalog> {
    let parts = try_join_all((0..SEGMENTS).map(|segment| part(table, segment))).await?;
    StoredCatalog::of(parts.into_iter().flatten()).map_err(|error| table.cannot(&error.into()))
}

async fn part(table: &Table, segment: i32) -> io::Result<Vec<Record>> {
    let (mut records, mut start) = (Vec::new(), None);
    let (filter, values) = only_the_catalog();
    loop {
        let request = table
            .scan(segment, SEGMENTS)
            .filter_expression(filter.clone())
            .set_expression_attribute_values(Some(values.clone()))
            .set_exclusive_start_key(start);
        let page = Box::pin(request.send()).await.map_err(|error| table.cannot_scan(&error))?;
        for item in page.items.unwrap_or_default() {
            records.push(record(item).map_err(|error| table.cannot(&error))?);
        }
        match page.last_evaluated_key {
            Some(key) if !key.is_empty() => start = Some(key),
            Some(_) | None => return Ok(records),
        }
    }
}

/// The filter expression that lets only rows of the catalog pass, with its values.
fn only_the_catalog() -> (String, HashMap<String, AttributeValue>) {
    let prefixes = scan::CATALOG_PREFIXES.iter().enumerate();
    let partitions = scan::CATALOG_PARTITIONS.iter().enumerate();
    let (mut conditions, mut values) = (Vec::new(), HashMap::new());
    for (at, prefix) in prefixes {
        conditions.push(format!("begins_with(pk, :prefix{at})"));
        values.insert(format!(":prefix{at}"), AttributeValue::S((*prefix).to_owned()));
    }
    for (at, partition) in partitions {
        conditions.push(format!("pk = :partition{at}"));
        values.insert(format!(":partition{at}"), AttributeValue::S((*partition).to_owned()));
    }
    (conditions.join(" OR "), values)
}
