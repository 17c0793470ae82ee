//! The one way into the ledger: decide a group in memory, write it as one transaction, repeat where someone was faster.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::catalog::Network;
use crate::draft::{Draft, DraftError, EventOutcome};
use crate::flows::backoff;
use crate::ledger::LedgerEvent;
use crate::movement::PositionKey;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::table::{Key, Record, RowKey, Write};

/// How often a group is decided anew when its rows change under it, before it gives way.
pub const MAX_ATTEMPTS: u32 = 6;

/// The wait before the second attempt.
const FIRST_WAIT: Duration = Duration::from_millis(8);

/// Why a group is not (wholly) in the ledger. Events before the one that failed are.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Others keep writing the same rows. Nothing of the remaining events was written; try later, or defer.
    #[error("others kept writing {} for {MAX_ATTEMPTS} attempts", .hot.as_ref().map_or_else(|| "the same order".to_owned(), ToString::to_string))]
    Contended {
        /// The busy position, if it was one.
        hot: Option<PositionKey>,
        /// What became of the events before the first that is not in the ledger.
        done: Vec<EventOutcome>,
    },
    /// The store failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes events to the ledger, as few transactions as they fit in, and tells what became of each.
///
/// An event may come with the lane row it waited in, which is removed in the same transaction. Every event is applied
/// once however often it is given: its mark is in the transaction with its effects.
///
/// # Errors
/// [`CommitError`]; what was written stays, and giving the same events again is safe.
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
                    tracing::error!(event = %event.id(), %error, "an event is left out of its group");
                    decided.push(EventOutcome::Unreadable);
                }
            }
        }
        if let Some(keys) = needs {
            load(store, keys.into_iter().collect(), &mut read).await?;
            continue;
        }
        let writes = draft.writes();
        assert!(!writes.is_empty() || !decided.is_empty(), "an event leads to something, or it is decided");
        match if writes.is_empty() { Ok(()) } else { store.write(&writes).await } {
            Ok(()) => {
                waiting.drain(..decided.len());
                outcomes.extend(decided);
                remember(&writes, &mut read);
                attempt = 0;
            }
            Err(WriteError::Store(error)) => return Err(error.into()),
            Err(busy) => {
                let hot = refresh(busy, &mut read);
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

/// After a write the rows are as written: the next part of a large order needs no read.
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

/// Takes over the rows that the store sent with its refusal, and names the position among them.
fn refresh(error: WriteError, read: &mut BTreeMap<Key, Option<Record>>) -> Option<PositionKey> {
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

/// The position that a row belongs to.
fn position_of(key: &Key) -> Option<PositionKey> {
    match RowKey::parse(key) {
        Some(RowKey::Position(of) | RowKey::Movement { of, .. }) => Some(of),
        Some(_) | None => None,
    }
}
