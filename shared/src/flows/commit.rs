//! The only way into the ledger. A commit decides a group of events in memory and writes the result as one transaction. When
//! another function changed a row in between, the commit decides and writes again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::catalog::Network;
use crate::draft::{Draft, DraftError, EventOutcome};
use crate::flows::backoff;
use crate::ledger::LedgerEvent;
use crate::movement::PositionKey;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::table::{Key, Record, RowKey, Write};

/// How often a commit decides a group again because its rows changed, before it returns [`CommitError::Contended`].
pub const MAX_ATTEMPTS: u32 = 6;

/// The wait before the second attempt.
const FIRST_WAIT: Duration = Duration::from_millis(8);

/// Why not all events of a group are in the ledger. The events before the one that failed are committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Other functions keep writing the same rows. None of the remaining events was written. The caller tries later or defers
    /// them.
    #[error("other functions wrote {} in each of {MAX_ATTEMPTS} attempts", .hot.as_ref().map_or_else(|| "the same order".to_owned(), ToString::to_string))]
    Contended {
        /// The contended position, if the contended row belongs to a position.
        hot: Option<PositionKey>,
        /// The outcomes of the events that were committed.
        done: Vec<EventOutcome>,
    },
    /// The store failed. Repeating the commit is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Commits events to the ledger in as few transactions as possible, and returns the outcome of each event.
///
/// An event may come with the key of the row it waited in, and the same transaction deletes that row. The transaction also
/// writes the applied mark of the event, so an event takes effect once however often it is committed.
///
/// # Errors
/// [`CommitError`]. Committed events stay, and committing the same events again is safe.
pub async fn commit<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    events: &[(LedgerEvent, Option<Key>)],
) -> Result<Vec<EventOutcome>, CommitError> {
    let mut read: BTreeMap<Key, Option<Record>> = BTreeMap::new();
    let likely: Vec<Key> = {
        let mut keys: std::collections::BTreeSet<Key> =
            events.iter().flat_map(|(event, _)| Draft::likely_keys(network, event)).collect();
        keys.extend(events.iter().filter_map(|(_, lane)| lane.clone()));
        keys.into_iter().collect()
    };
    load(store, likely, &mut read).await?;

    let mut outcomes = Vec::with_capacity(events.len());
    let mut waiting: VecDeque<&(LedgerEvent, Option<Key>)> = events.iter().collect();
    let mut attempt = 0;
    while let Some((first, _)) = waiting.front() {
        let mut draft = Draft::new(network, &read, clock.now());
        let mut decided = Vec::new();
        let mut needs = None;
        for (event, lane) in &waiting {
            match draft.add(event, lane.as_ref()) {
                Ok(Some(outcome)) => decided.push(outcome),
                Ok(None) => break,
                Err(DraftError::Needs(keys)) => {
                    needs = Some(keys);
                    break;
                }
                Err(DraftError::Unreadable(error)) => {
                    tracing::error!(event = %event.id(), %error, "a row of an event cannot be read; skipping the event");
                    decided.push(EventOutcome::Unreadable);
                }
            }
        }
        if let Some(keys) = needs {
            load(store, keys.into_iter().collect(), &mut read).await?;
            continue;
        }
        let writes = draft.writes();
        assert!(!writes.is_empty() || !decided.is_empty(), "a draft without a write must have decided at least one event");
        match if writes.is_empty() { Ok(()) } else { store.write(&writes).await } {
            Ok(()) => {
                waiting.drain(..decided.len());
                outcomes.extend(decided);
                remember(&writes, &mut read);
                attempt = 0;
            }
            Err(WriteError::Store(error)) => return Err(error.into()),
            Err(busy) => {
                let hot = adopt_stored(busy, &mut read);
                attempt += 1;
                if attempt >= MAX_ATTEMPTS {
                    return Err(CommitError::Contended { hot, done: outcomes });
                }
                clock.sleep(backoff(FIRST_WAIT, attempt, &first.id().id)).await;
            }
        }
    }
    Ok(outcomes)
}

async fn load<S: Store>(store: &S, keys: Vec<Key>, read: &mut BTreeMap<Key, Option<Record>>) -> Result<(), StoreError> {
    let records = store.get(&keys).await?;
    read.extend(keys.into_iter().zip(records));
    Ok(())
}

/// Keeps the written rows in memory, so that the next part of a large order needs no read.
fn remember(writes: &[Write], read: &mut BTreeMap<Key, Option<Record>>) {
    for write in writes {
        let Some(known) = read.get_mut(write.key()) else { continue };
        *known = match write {
            Write::Delete { .. } => None,
            Write::Put { key, body, expect, .. } => {
                Some(Record { key: key.clone(), revision: expect.next_revision(), body: body.clone() })
            }
        };
    }
}

/// Replaces rows in memory by the ones that the store returned with its refusal. Returns the first position among them.
fn adopt_stored(error: WriteError, read: &mut BTreeMap<Key, Option<Record>>) -> Option<PositionKey> {
    let WriteError::Refused(refusals) = error else { return None };
    let mut hot = None;
    for refusal in refusals {
        hot = hot.or_else(|| position_of(&refusal.key));
        if let Some(known) = read.get_mut(&refusal.key) {
            *known = refusal.stored;
        }
    }
    hot
}

/// The position that a row belongs to, if any.
fn position_of(key: &Key) -> Option<PositionKey> {
    match RowKey::parse(key) {
        Some(RowKey::Position(of) | RowKey::Movement { of, .. }) => Some(of),
        Some(_) | None => None,
    }
}
