//! The settings that DynamoDB does not restore with a table: its stream, its time to live, its point-in-time recovery, and its
//! deletion protection. They must be those of `template.yaml`.

use std::io;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, StreamSpecification, StreamViewType, TableDescription,
    TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use promissory::table::EXPIRES_AT;

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

/// Checks that the table is a restored one, unless `any_table` allows another one, and turns its settings on. What is on already stays.
///
/// # Errors
/// When the table is not a restored one, has another stream, or cannot be changed. The error says what to do.
pub async fn turn_on(table: &Table, any_table: bool, say: &dyn Fn(&str)) -> io::Result<RestoredTable> {
    let found = active(table).await?;
    let source = found.restore_summary.as_ref().and_then(|summary| summary.source_table_arn.clone());
    if source.is_none() && !any_table {
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
    io::Error::other(format!(
        "{table} cannot be prepared: {answer}\nThe credentials need dynamodb:DescribeTable, UpdateTable, DescribeTimeToLive, \
         UpdateTimeToLive, DescribeContinuousBackups and UpdateContinuousBackups on the table. Then run the command again: it \
         continues where it stopped."
    ))
}
