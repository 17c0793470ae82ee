//! The only way into the ledger. A commit decides a group of events in memory and writes the result as one transaction. When
//! another function changed a row in between, the commit decides and writes again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::Network;
use crate::draft::{Draft, DraftError, EventOutcome};
use crate::flows::{Retries, RetryBudget, alert};
use crate::ledger::LedgerEvent;
use crate::movement::PositionKey;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::table::{Key, Record, RowFault, RowKey, UnreadableRow, Write};

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

/// An event, and the key of the row in which it waits, if any.
pub type Waiting = (LedgerEvent, Option<Key>);

/// Commits events to the ledger in as few transactions as possible, and returns the outcome of each event.
///
/// An event may come with the key of the row it waited in, and the same transaction deletes that row. The transaction also
/// writes the applied mark of the event, so an event takes effect once however often it is committed.
///
/// An event whose row can never be written, for example because the row has reached its largest size, is left out: a stock event is
/// refused, and an order is quarantined. The other events are committed.
///
/// # Errors
/// [`CommitError`]. Committed events stay, and committing the same events again is safe.
pub async fn commit<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    events: &[Waiting],
) -> Result<Vec<EventOutcome>, CommitError> {
    let mut read: BTreeMap<Key, Option<Record>> = BTreeMap::new();
    let likely = events.iter().flat_map(|(event, _)| Draft::likely_keys(network, event));
    let keys: BTreeSet<Key> = likely.chain(events.iter().filter_map(|(_, lane)| lane.clone())).collect();
    load(store, keys, &mut read).await?;

    let mut outcomes = Vec::with_capacity(events.len());
    let mut waiting = events;
    let mut retries: Option<Retries> = None;
    let mut attempt = Attempt::ALL;
    while let Some((first, _)) = waiting.first() {
        let (draft, decided, unreadable) = match decide_group(network, &read, clock.now(), attempt.of(waiting)) {
            Ok(decided) => decided,
            Err(keys) => {
                load(store, keys, &mut read).await?;
                continue;
            }
        };
        for row in unreadable {
            alert::faulty_row(store, clock, &row.into()).await?;
        }
        let writes = draft.writes();
        assert!(!writes.is_empty() || !decided.is_empty(), "a draft without a write must have decided at least one event");
        match if writes.is_empty() { Ok(()) } else { store.write(&writes).await } {
            Ok(()) => {
                waiting = &waiting[decided.len()..];
                outcomes.extend(decided);
                remember(&writes, &mut read);
                (retries, attempt) = (None, Attempt::ALL);
            }
            Err(WriteError::Store(StoreError::Unwritable(row))) => match attempt.after(decided.len(), row.into()) {
                Ok(next) => attempt = next,
                Err(row) => {
                    tracing::error!(event = %first.id(), fault = %row, "an event can neither be written nor refused; skipping the event");
                    alert::faulty_row(store, clock, &row.into()).await?;
                    outcomes.push(EventOutcome::Unreadable);
                    (waiting, attempt) = (&waiting[1..], Attempt::ALL);
                }
            },
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

/// Which events the next transaction takes. A row that can never be written must keep only its own event out of the ledger: the
/// group is halved until the event is alone, and then the event is left out.
struct Attempt {
    /// The most events.
    most: usize,
    /// The row that cannot be written because of the first event.
    fault: Option<RowFault>,
}

impl Attempt {
    const ALL: Self = Self { most: usize::MAX, fault: None };

    /// The events to decide, and the row because of which they are left out.
    fn of<'e, 'a>(&'a self, waiting: &'e [Waiting]) -> (&'e [Waiting], Option<&'a RowFault>) {
        (&waiting[..self.most.min(waiting.len())], self.fault.as_ref())
    }

    /// The next attempt after a transaction of `decided` events could not be written; the row if nothing more can be attempted.
    fn after(&self, decided: usize, fault: RowFault) -> Result<Self, RowFault> {
        match (decided, &self.fault) {
            (_, Some(_)) => Err(fault),
            (0 | 1, None) => Ok(Self { most: 1, fault: Some(fault) }),
            (several, None) => Ok(Self { most: several / 2, fault: None }),
        }
    }
}

/// Decides as many of the events as fit into one transaction. Fails with the keys of the rows that must be read before.
fn decide_group<'a>(
    network: &'a Network,
    read: &'a BTreeMap<Key, Option<Record>>,
    now: Timestamp,
    (events, fault): (&[Waiting], Option<&RowFault>),
) -> Result<(Draft<'a>, Vec<EventOutcome>, Vec<UnreadableRow>), BTreeSet<Key>> {
    let mut draft = Draft::new(network, read, now);
    let (mut decided, mut unreadable) = (Vec::new(), Vec::new());
    for (event, lane) in events {
        let added = match draft.add(event, lane.as_ref(), fault) {
            Err(DraftError::Unreadable(error)) => {
                tracing::error!(event = %event.id(), %error, "a row of an event cannot be read; the event is left out");
                draft.add(event, lane.as_ref(), Some(&error.into()))
            }
            added => added,
        };
        match added {
            Ok(Some(outcome)) => decided.push(outcome),
            Ok(None) => break,
            Err(DraftError::Needs(keys)) => return Err(keys),
            Err(DraftError::Unreadable(error)) => {
                unreadable.push(error);
                decided.push(EventOutcome::Unreadable);
            }
        }
    }
    Ok((draft, decided, unreadable))
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
        *known = write.record();
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
