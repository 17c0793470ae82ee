//! The connector commands: they write a connector into a table, show the watermarks, pull a feed now, and apply a file of events.

pub mod command;

use std::collections::BTreeMap;
use std::io;

use promissory::catalog::{Network, SystemId};
use promissory::draft::EventOutcome;
use promissory::flows::{Received, receive_all};
use promissory::ledger::LedgerEvent;
use promissory::ports::{Clock, Listing, Store, StoreError, WriteError, list_all, read};
use promissory::source::pull::FeedWatermark;
use promissory::source::{MAX_BATCH, System, exact_json, parse};
use promissory::table::{Partition, Row, RowKey, Write};
use serde::Serialize;

/// Writes a connector, and replaces the connector that the system had.
///
/// # Errors
/// When the store fails.
pub async fn set<S: Store>(store: &S, system: &System) -> Result<(), StoreError> {
    loop {
        let (_, expect) = read::<System, S>(store, &system.row_key()).await?;
        match store.write(&[Write::put(system, expect)]).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
}

/// Reads a system's connector.
///
/// # Errors
/// When the system has no connector, or its row cannot be read.
pub async fn find<S: Store>(store: &S, system: &SystemId) -> io::Result<System> {
    let found = read::<System, S>(store, &RowKey::System(system.clone())).await.map_err(io::Error::other)?.0;
    found.ok_or_else(|| io::Error::other(format!("{system} has no connector: `cargo x source set FILE.json` writes one")))
}

/// The watermark of every feed, by system and feed; `None` if the feed was never pulled.
///
/// # Errors
/// When the store fails, or a row cannot be read.
pub async fn status<S: Store>(store: &S) -> Result<BTreeMap<String, Option<FeedWatermark>>, StoreError> {
    let mut feeds = BTreeMap::new();
    for record in list_all(store, Listing::rows(&Partition::Systems)).await? {
        let system: System = record.decode()?;
        for feed in system.pull.keys() {
            let watermark =
                read::<FeedWatermark, S>(store, &RowKey::FeedWatermark { system: system.code.clone(), feed: feed.clone() })
                    .await?
                    .0;
            feeds.insert(format!("{}/{feed}", system.code), watermark);
        }
    }
    Ok(feeds)
}

/// The outcomes of the events of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FeedReport {
    /// Events that are in the ledger now.
    pub applied: usize,
    /// Events that were there already.
    pub duplicates: usize,
    /// Events that wait for a mapping, or in the lane of a busy position.
    pub waiting: usize,
    /// Applied lines that moved no stock, by number, with the reason.
    pub no_movement: BTreeMap<usize, String>,
    /// Refused lines, by number, with the reason.
    pub refused: BTreeMap<usize, String>,
}

/// Applies a file of events, one JSON object per line, as if the system had sent them. It can be repeated.
///
/// # Errors
/// When the store fails.
pub async fn feed<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    system: &SystemId,
    text: &str,
) -> Result<FeedReport, StoreError> {
    let mut report = FeedReport::default();
    let lines: Vec<(usize, &str)> = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
    for lines in lines.chunks(MAX_BATCH) {
        let mut events = Vec::new();
        for (number, line) in lines {
            let read = exact_json(line.as_bytes()).map_err(|error| format!("it is not JSON: {:?} error", error.classify()));
            match read.and_then(|value| parse(system, &value).map_err(|malformed| malformed.to_string())) {
                Ok(event) => events.push((*number, event)),
                Err(problem) => drop(report.refused.insert(*number, problem)),
            }
        }
        let (numbers, events): (Vec<usize>, Vec<LedgerEvent>) =
            events.into_iter().map(|(number, event)| (number, LedgerEvent::Stock(event))).unzip();
        if events.is_empty() {
            continue;
        }
        for (number, received) in numbers.into_iter().zip(receive_all(store, clock, network, events).await?) {
            let refused = match received {
                Received::Deferred(_) | Received::Decided(EventOutcome::Waiting(_)) => {
                    report.waiting += 1;
                    continue;
                }
                Received::Decided(EventOutcome::Applied { no_movement, .. }) => {
                    report.applied += 1;
                    report.no_movement.extend(no_movement.map(|why| (number, why.to_string())));
                    continue;
                }
                Received::Decided(EventOutcome::Duplicate) => {
                    report.duplicates += 1;
                    continue;
                }
                Received::Decided(EventOutcome::ContentMismatch) => "its id was used before with other content".to_owned(),
                Received::Decided(EventOutcome::Refused(unfit)) => unfit.to_string(),
                Received::Decided(EventOutcome::Unreadable) => "a row that it touches cannot be read".to_owned(),
            };
            report.refused.insert(number, refused);
        }
    }
    Ok(report)
}
