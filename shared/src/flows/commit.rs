//! The only way into the ledger. A commit decides a group of events in memory and writes the result as one transaction. When
//! another function changed a row in between, the commit decides and writes again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::Network;
use crate::draft::{Draft, DraftError, EventOutcome};
use crate::flows::{Retries, RetryBudget};
use crate::ledger::LedgerEvent;
use crate::movement::PositionKey;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::table::{Key, Record, RowKey, Write};

/// Why not all events of a group are in the ledger. The events before the one that failed are committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Other functions keep writing the same rows. None of the remaining events was written. The caller tries later or defers
    /// them.
    #[error("other functions wrote {} in each of {} attempts", .hot.as_ref().map_or_else(|| "the same order".to_owned(), ToString::to_string), RetryBudget::LEDGER.attempts)]
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
    let likely = events.iter().flat_map(|(event, _)| Draft::likely_keys(network, event));
    let keys: BTreeSet<Key> = likely.chain(events.iter().filter_map(|(_, lane)| lane.clone())).collect();
    load(store, keys, &mut read).await?;

    let mut outcomes = Vec::with_capacity(events.len());
    let mut waiting = events;
    let mut retries: Option<Retries> = None;
    while let Some((first, _)) = waiting.first() {
        let (draft, decided) = match decide_group(network, &read, clock.now(), waiting) {
            Ok(decided) => decided,
            Err(keys) => {
                load(store, keys, &mut read).await?;
                continue;
            }
        };
        let writes = draft.writes();
        assert!(!writes.is_empty() || !decided.is_empty(), "a draft without a write must have decided at least one event");
        match if writes.is_empty() { Ok(()) } else { store.write(&writes).await } {
            Ok(()) => {
                waiting = &waiting[decided.len()..];
                outcomes.extend(decided);
                remember(&writes, &mut read);
                retries = None;
            }
            Err(WriteError::Store(error)) => return Err(error.into()),
            Err(busy) => {
                let hot = adopt_stored(busy, &mut read);
                let retries = retries.get_or_insert_with(|| Retries::new(RetryBudget::LEDGER, first.id().id.clone()));
                if !retries.pause(clock).await {
                    return Err(CommitError::Contended { hot, done: outcomes });
                }
            }
        }
    }
    Ok(outcomes)
}

/// Decides as many of the events as fit into one transaction. Fails with the keys of the rows that must be read before.
fn decide_group<'a>(
    network: &'a Network,
    read: &'a BTreeMap<Key, Option<Record>>,
    now: Timestamp,
    events: &[(LedgerEvent, Option<Key>)],
) -> Result<(Draft<'a>, Vec<EventOutcome>), BTreeSet<Key>> {
    let mut draft = Draft::new(network, read, now);
    let mut decided = Vec::new();
    for (event, lane) in events {
        match draft.add(event, lane.as_ref()) {
            Ok(Some(outcome)) => decided.push(outcome),
            Ok(None) => break,
            Err(DraftError::Needs(keys)) => return Err(keys),
            Err(DraftError::Unreadable(error)) => {
                tracing::error!(event = %event.id(), %error, "a row of an event cannot be read; skipping the event");
                decided.push(EventOutcome::Unreadable);
            }
        }
    }
    Ok((draft, decided))
}

async fn load<S: Store>(store: &S, keys: BTreeSet<Key>, read: &mut BTreeMap<Key, Option<Record>>) -> Result<(), StoreError> {
    let keys: Vec<Key> = keys.into_iter().collect();
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
///
/// The alert about an order, or about what waits for a mapping, turns together with its row. Where that alert needs no turn, the
/// transaction does not contain it, and the refusal does not return it. So it is read again when its row was refused.
fn adopt_stored(error: WriteError, read: &mut BTreeMap<Key, Option<Record>>) -> Option<PositionKey> {
    let WriteError::Refused(refusals) = error else { return None };
    let mut hot = None;
    for refusal in refusals {
        hot = hot.or_else(|| position_of(&refusal.key));
        if matches!(RowKey::parse(&refusal.key), Some(RowKey::Order { .. } | RowKey::Waiting { .. })) {
            read.retain(|key, _| !matches!(RowKey::parse(key), Some(RowKey::Alert(_))));
        }
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
