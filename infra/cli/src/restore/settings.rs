//! The settings that DynamoDB does not restore with a table: its stream, its time to live, its point-in-time recovery, and its
//! deletion protection. They must be those of `template.yaml`.

use std::io;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, StreamSpecification, StreamViewType, TableDescription,
    TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use clap::Args;
use jiff::Timestamp;
use promissory::catalog::ShopSettings;
use promissory::ports::{Listing, list_all};
use promissory::table::{EXPIRES_AT, Partition};

use crate::table::{Table, in_words};

/// How often the state of the table is read while it changes, and the pause between two readings.
const READINGS: u32 = 300;
const PAUSE: Duration = Duration::from_secs(1);

/// A table whose settings are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredTable {
    /// The label of its stream.
    pub stream: String,
    /// The table that it was restored from, if DynamoDB names one.
    pub source: Option<String>,
}

/// What the operator has said about the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Allowed {
    /// Allow a table that DynamoDB did not restore from a backup.
    #[arg(long)]
    pub any_table: bool,
    /// Allow a table that was prepared before, because that run was interrupted. No function may use the table.
    #[arg(long)]
    pub again: bool,
}

/// Checks that the table is a restored one that no function uses, as far as that can be seen and the operator has not `allowed` another
/// one, and turns its settings on. What is on already stays.
///
/// # Errors
/// When the table is not a restored one, was prepared before, has another stream, or cannot be changed. The error says what to do.
pub async fn turn_on(table: &Table, allowed: Allowed, say: &dyn Fn(&str)) -> io::Result<RestoredTable> {
    let found = active(table).await?;
    if !allowed.again {
        refuse_if_prepared(table, &found).await?;
    }
    let source = found.restore_summary.as_ref().and_then(|summary| summary.source_table_arn.clone());
    if source.is_none() && !allowed.any_table {
        return Err(io::Error::other(format!(
            "{table} was not restored from a backup, as far as DynamoDB knows. On the table in use, this command lets every level \
             of the shop be set anew. Check --table; --any-table allows a table that was filled in another way."
        )));
    }
    let stream = stream(table, &found, say).await?;
    if found.deletion_protection_enabled != Some(true) {
        say("Turning on the deletion protection.");
        let request = table.client.update_table().table_name(&table.name).deletion_protection_enabled(true);
        request.send().await.map_err(|error| refused(table, "UpdateTable", &error))?;
        active(table).await?;
    }
    expiry(table, say).await?;
    recovery(table, say).await?;
    Ok(RestoredTable { stream, source })
}

/// Refuses a table whose shops note that it was prepared. After a restore, that is the table in use. A table that was restored from it
/// is younger than the note.
async fn refuse_if_prepared(table: &Table, found: &TableDescription) -> io::Result<()> {
    let created = found.creation_date_time.and_then(|created| Timestamp::from_second(created.secs()).ok());
    let shops = list_all(&table.store(), Listing::rows(&Partition::Shops)).await.map_err(|error| table.cannot(&error))?;
    let noted = shops.iter().filter_map(|record| record.decode::<ShopSettings>().ok()?.restored_at);
    let Some(prepared) = noted.filter(|noted| created.is_none_or(|created| created <= *noted)).max() else { return Ok(()) };
    Err(io::Error::other(format!(
        "{table} was prepared at {prepared}, so the functions may use it. On the table in use, this command lets every level of the \
         shop be set anew. Check --table. If that run was interrupted and no function uses the table, run it with --again."
    )))
}

/// The description of the table, once no change of it is in progress.
async fn active(table: &Table) -> io::Result<TableDescription> {
    for _ in 0..READINGS {
        let answer = table.client.describe_table().table_name(&table.name).send().await;
        let answer = answer.map_err(|error| refused(table, "DescribeTable", &error))?;
        let found = answer.table.ok_or_else(|| io::Error::other(format!("DynamoDB does not describe {table}")))?;
        if found.table_status == Some(TableStatus::Active) {
            return Ok(found);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(io::Error::other(format!("{table} is not active yet: wait until the restore has ended, then run the command again")))
}

async fn stream(table: &Table, found: &TableDescription, say: &dyn Fn(&str)) -> io::Result<String> {
    let wanted = StreamViewType::NewAndOldImages;
    let enabled = found.stream_specification.as_ref().filter(|stream| stream.stream_enabled);
    match enabled {
        Some(stream) if stream.stream_view_type.as_ref() != Some(&wanted) => {
            return Err(io::Error::other(format!(
                "the stream of {table} does not carry new and old images: turn it off, then run the command again"
            )));
        }
        Some(_) => {}
        None => {
            say("Turning on the stream.");
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(wanted);
            let stream = stream.build().map_err(io::Error::other)?;
            let request = table.client.update_table().table_name(&table.name).stream_specification(stream);
            request.send().await.map_err(|error| refused(table, "UpdateTable", &error))?;
        }
    }
    let found = active(table).await?;
    found
        .latest_stream_label
        .ok_or_else(|| io::Error::other(format!("DynamoDB names no stream of {table}: run the command again")))
}

async fn expiry(table: &Table, say: &dyn Fn(&str)) -> io::Result<()> {
    let answer = table.client.describe_time_to_live().table_name(&table.name).send().await;
    let answer = answer.map_err(|error| refused(table, "DescribeTimeToLive", &error))?;
    let status = answer.time_to_live_description.and_then(|found| found.time_to_live_status);
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    say("Turning on the time to live.");
    let wanted = TimeToLiveSpecification::builder().attribute_name(EXPIRES_AT).enabled(true).build().map_err(io::Error::other)?;
    let request = table.client.update_time_to_live().table_name(&table.name).time_to_live_specification(wanted);
    request.send().await.map_err(|error| refused(table, "UpdateTimeToLive", &error))?;
    Ok(())
}

async fn recovery(table: &Table, say: &dyn Fn(&str)) -> io::Result<()> {
    let answer = table.client.describe_continuous_backups().table_name(&table.name).send().await;
    let answer = answer.map_err(|error| refused(table, "DescribeContinuousBackups", &error))?;
    let recovery = answer.continuous_backups_description.and_then(|found| found.point_in_time_recovery_description);
    if recovery.and_then(|found| found.point_in_time_recovery_status) == Some(PointInTimeRecoveryStatus::Enabled) {
        return Ok(());
    }
    say("Turning on the point-in-time recovery.");
    let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true);
    let wanted = wanted.build().map_err(io::Error::other)?;
    let request = table.client.update_continuous_backups().table_name(&table.name).point_in_time_recovery_specification(wanted);
    request.send().await.map_err(|error| refused(table, "UpdateContinuousBackups", &error))?;
    Ok(())
}

fn refused<E: ProvideErrorMetadata, R>(table: &Table, operation: &str, error: &SdkError<E, R>) -> io::Error {
    let answer = in_words(operation, error);
    if answer.contains("ResourceNotFoundException") {
        return io::Error::other(format!("{table} does not exist in this region: check --table and AWS_REGION ({answer})"));
    }
    io::Error::other(format!(
        "{table} cannot be prepared: {answer}\nThe credentials need dynamodb:DescribeTable, UpdateTable, DescribeTimeToLive, \
         UpdateTimeToLive, DescribeContinuousBackups and UpdateContinuousBackups on the table. Then run the command again: it \
         continues where it stopped."
    ))
}
