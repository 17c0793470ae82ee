//! The catalog's rows of a table.
//!
//! Read by a scan of the whole table, in parts at the same time: bills and mappings are checked beside all others, and no
//! index lists them all. A scan is no snapshot, which does no harm: every write names the revision it replaces.

use std::io;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use promissory::adapters::dynamodb::record;
use promissory::catalog::csv::Stored;
use promissory::catalog::{Location, Tier, WorkCentre};
use promissory::store::Record;

use crate::table::Table;

/// Parts of the table that are read at the same time.
const SEGMENTS: i32 = 4;

/// Reads the catalog.
///
/// # Errors
/// When the table cannot be read, with what to do.
pub async fn read(table: &Table) -> io::Result<Stored> {
    let parts = try_join_all((0..SEGMENTS).map(|segment| part(table, segment))).await?;
    Stored::of(parts.into_iter().flatten()).map_err(|error| table.cannot(&error))
}

async fn part(table: &Table, segment: i32) -> io::Result<Vec<Record>> {
    let (mut records, mut start) = (Vec::new(), None);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    loop {
        let request = table
            .client
            .scan()
            .table_name(&table.name)
            .consistent_read(true)
            .segment(segment)
            .total_segments(SEGMENTS)
            .filter_expression(
                "begins_with(pk, :items) OR begins_with(pk, :mappings) OR begins_with(pk, :bills) OR begins_with(pk, :used) \
                 OR pk IN (:network, :tiers, :centres)",
            )
            .expression_attribute_values(":items", text("ITEM#"))
            .expression_attribute_values(":mappings", text("MAP#"))
            .expression_attribute_values(":bills", text("BOM#"))
            .expression_attribute_values(":used", text("USED#"))
            .expression_attribute_values(":network", text(Location::PARTITION))
            .expression_attribute_values(":tiers", text(Tier::PARTITION))
            .expression_attribute_values(":centres", text(WorkCentre::PARTITION))
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
