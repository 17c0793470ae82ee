//! How long ago a system that sends its events was last heard of. What it says is as new as that, and silence is told.
//!
//! How new the word of each source is for one number is in the position (`heard`) and its promise; this is about the systems.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::alert::AlertSubject;
use crate::flows::alert;
use crate::ports::{Clock, Listing, Store, StoreError, WriteError, list_all, read};
use crate::source::{Heartbeat, System};
use crate::table::{Partition, RowKey, Write};

/// Notes who is heard of, in a warm function seldom enough to cost nothing.
#[derive(Debug, Default)]
pub struct HeartbeatRecorder(Mutex<BTreeMap<String, Timestamp>>);

impl HeartbeatRecorder {
    /// How often it is written down.
    pub const EVERY: Duration = Duration::from_secs(60);

    /// Notes that a system was heard of now. True for the first time in a while.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note<S: Store, C: Clock>(&self, store: &S, clock: &C, system: &str) -> Result<bool, StoreError> {
        let now = clock.now();
        {
            let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.get(system).is_some_and(|last| now.duration_since(*last).unsigned_abs() < Self::EVERY) {
                return Ok(false);
            }
            noted.insert(system.to_owned(), now);
        }
        let (_, expect) = read::<Heartbeat, S>(store, &RowKey::Heartbeat(system.to_owned())).await?;
        match store.write(&[Write::put(&Heartbeat { system: system.to_owned(), at: now }, expect)]).await {
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(true), // Or somebody else has just heard it, too.
            Err(WriteError::Store(error)) => Err(error),
        }
    }
}

/// Tells of systems that send their events and were silent for longer than they may be; calls people off when they speak.
/// One that was never heard of has nothing to fall silent from.
///
/// # Errors
/// When the store fails.
pub async fn alert_silent_systems<S: Store, C: Clock>(store: &S, clock: &C) -> Result<usize, StoreError> {
    let mut silent = 0;
    for record in list_all(store, Listing::rows(&Partition::Systems)).await? {
        let Ok(system) = record.decode::<System>() else { continue }; // The pull job says so.
        let (Some(minutes), true) = (system.stale_after_minutes, system.pull.is_empty()) else { continue };
        let name = system.code.as_str();
        let Some(heard) = read::<Heartbeat, S>(store, &RowKey::Heartbeat(name.to_owned())).await?.0 else { continue };
        let subject = AlertSubject::SourceStale { system: name.to_owned(), feed: "events".to_owned() };
        if clock.now().duration_since(heard.at) > SignedDuration::from_mins(i64::from(minutes)) {
            silent += 1;
            let detail = format!("{name} has sent nothing since {}, and may be silent for {minutes} minutes.", heard.at);
            alert::raise(store, clock, (subject, detail)).await?;
        } else {
            alert::clear(store, clock, (subject, format!("{name} sends again."))).await?;
        }
    }
    Ok(silent)
}
