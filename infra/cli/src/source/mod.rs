//! The connector commands: they write a connector into a table, show the watermarks, pull a feed now, and apply a file of events.

pub mod command;
pub mod known;

use std::collections::BTreeMap;
use std::io;

use promissory::alert::AlertSubject;
use promissory::catalog::{Network, SystemId, nearest};
use promissory::draft::EventOutcome;
use promissory::flows::{HeartbeatRecorder, Received, alert, load_network, receive_all};
use promissory::ledger::LedgerEvent;
use promissory::ports::{Clock, Listing, Store, StoreError, WriteError, list_all, read};
use promissory::source::pull::FeedWatermark;
use promissory::source::{MAX_BATCH, System, exact_json, parse};
use promissory::table::{Partition, Row, RowKey, Write};
use serde::Serialize;

use self::known::{Consent, FedBefore, UnknownSystem};
use crate::table::Table;

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
    if let (Some(found), _) = read::<System, S>(store, &RowKey::System(system.clone())).await.map_err(io::Error::other)? {
        return Ok(found);
    }
    let connectors = connectors(store).await.map_err(io::Error::other)?;
    let names: Vec<&str> = connectors.iter().map(SystemId::as_str).collect();
    let near = nearest(system.as_str(), names.iter().copied()).map_or_else(String::new, |near| format!(" Did you mean {near}?"));
    let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let advice = format!("`cargo x source set FILE.json` writes one. Systems with a connector: {list}.");
    Err(io::Error::other(format!("{system} has no connector: {advice}{near}")))
}

/// The systems that have a connector. A row that cannot be read is left out.
async fn connectors<S: Store>(store: &S) -> Result<Vec<SystemId>, StoreError> {
    let records = list_all(store, Listing::rows(&Partition::Systems)).await?;
    Ok(records.iter().filter_map(|record| record.decode::<System>().ok()).map(|system| system.code).collect())
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
    /// Lines that wait for a mapping, by number, with the mapping.
    pub waits_for: BTreeMap<usize, String>,
    /// Applied lines that moved no stock, by number, with the reason.
    pub no_movement: BTreeMap<usize, String>,
    /// Refused lines, by number, with the reason.
    pub refused: BTreeMap<usize, String>,
}

/// Applies a file of events as [`feed`] does, if the name of the system is the right one or there is consent. A new system is
/// known from then on.
///
/// # Errors
/// When the table fails, or a consent is missing. Then nothing is written.
pub async fn feed_as<C: Clock>(
    table: &Table,
    clock: &C,
    system: &SystemId,
    text: &str,
    consent: &Consent<'_>,
) -> io::Result<FeedReport> {
    let store = table.store();
    let network = load_network(&store).await.map_err(io::Error::other)?;
    let unknown = UnknownSystem::find(table, system).await?;
    let others = match &unknown {
        Some(unknown) => {
            consent.to_unknown(unknown)?;
            unknown.known().clone()
        }
        // That a system has sent events is found without a scan only for one name.
        None => {
            let of_locations = network.locations().flat_map(|location| location.systems.keys().cloned());
            connectors(&store).await.map_err(io::Error::other)?.into_iter().chain(of_locations).collect()
        }
    };
    if let Some(before) = FedBefore::find(&store, system, &others, text).await.map_err(io::Error::other)? {
        consent.to_again(&before)?;
    }
    let report = feed(&store, clock, &network, system, text).await.map_err(io::Error::other)?;
    // A system that is known already gets no heartbeat: a person fed the file, and the system itself may be silent.
    if unknown.is_some() && report.applied + report.waiting > 0 {
        HeartbeatRecorder::default().note(&store, clock, system.as_str()).await.map_err(io::Error::other)?;
    }
    Ok(report)
}

/// Writes connectors as [`set`] does, if no name is close to that of a known system or there is consent.
///
/// # Errors
/// When the table fails, or a consent is missing. If one is missing, nothing is written.
pub async fn set_as(table: &Table, systems: &[System], consent: &Consent<'_>) -> io::Result<()> {
    for system in systems {
        if let Some(unknown) = UnknownSystem::find(table, &system.code).await?
            && unknown.near().is_some()
        {
            consent.to_unknown(&unknown)?;
        }
    }
    let store = table.store();
    for system in systems {
        set(&store, system).await.map_err(io::Error::other)?;
    }
    Ok(())
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
    // Spreadsheets and editors may begin a file with a byte order mark.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
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
                Received::Deferred(_) => {
                    report.waiting += 1;
                    continue;
                }
                Received::Decided(EventOutcome::Waiting(missing)) => {
                    report.waiting += 1;
                    report.waits_for.insert(number, missing.to_string());
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
                Received::Decided(EventOutcome::Unreadable | EventOutcome::Quarantined) => {
                    "a row that it changes cannot be read or written: the log names it".to_owned()
                }
            };
            report.refused.insert(number, refused);
        }
    }
    if report.refused.is_empty() && report.applied + report.duplicates + report.waiting > 0 {
        let subject = AlertSubject::RefusedEvent { system: system.to_string() };
        alert::clear(store, clock, (subject, format!("A whole file of {system} was accepted."))).await?;
    }
    Ok(report)
}
