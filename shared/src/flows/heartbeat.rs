//! Records when each system that sends events was last seen, and raises an alert when a system is silent for too long.
//!
//! This module is about systems. The position and its promise record how recent the data of each source is for one number
//! (`last_seen`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::alert::AlertSubject;
use crate::flows::{alert, write_if_unchanged};
use crate::ports::{Clock, Listing, Store, StoreError, list_all, read};
use crate::source::{Heartbeat, System};
use crate::table::{Partition, RowKey, Write};

/// Records in a warm function which systems were seen, and writes at most one row per system and [`HeartbeatRecorder::EVERY`].
#[derive(Debug, Default)]
pub struct HeartbeatRecorder(Mutex<BTreeMap<String, Timestamp>>);

impl HeartbeatRecorder {
    /// The shortest time between two writes for one system.
    pub const EVERY: Duration = Duration::from_secs(60);

    /// Records that `system` was seen now. Returns `true` when it wrote the heartbeat row, `false` when the last write is
    /// recent.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note<S: Store, C: Clock>(&self, store: &S, clock: &C, system: &str) -> Result<bool, StoreError> {
        let now = clock.now();
        {
            let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if written.get(system).is_some_and(|last| now.duration_since(*last).unsigned_abs() < Self::EVERY) {
                return Ok(false);
            }
            written.insert(system.to_owned(), now);
        }
        let (_, expect) = read::<Heartbeat, S>(store, &RowKey::Heartbeat(system.to_owned())).await?;
        // When the row has changed, another function has just written the heartbeat.
        write_if_unchanged(store, &[Write::put(&Heartbeat { system: system.to_owned(), at: now }, expect)]).await?;
        Ok(true)
    }
}

/// Raises an alert for each system that sends its events and was silent for longer than its limit, and clears the alert when
/// the system sends again. A system that was never seen raises no alert. Returns the number of silent systems.
///
/// # Errors
/// When the store fails.
pub async fn alert_silent_systems<S: Store, C: Clock>(store: &S, clock: &C) -> Result<usize, StoreError> {
    let mut silent = 0;
    for record in list_all(store, Listing::rows(&Partition::Systems)).await? {
        let Ok(system) = record.decode::<System>() else { continue }; // The pull job reports it.
        let (Some(minutes), true) = (system.stale_after_minutes, system.pull.is_empty()) else { continue };
        let name = system.code.as_str();
        let Some(seen) = read::<Heartbeat, S>(store, &RowKey::Heartbeat(name.to_owned())).await?.0 else { continue };
        let subject = AlertSubject::SourceStale { system: name.to_owned(), feed: "events".to_owned() };
        if clock.now().duration_since(seen.at) > SignedDuration::from_mins(i64::from(minutes)) {
            silent += 1;
            let detail = format!(
                "{name} has sent nothing since {}; its limit is {minutes} minutes. Check that it runs and reaches the intake.",
                seen.at
            );
            alert::raise(store, clock, (subject, detail)).await?;
        } else {
            alert::clear(store, clock, (subject, format!("{name} sends again."))).await?;
        }
    }
    Ok(silent)
}
