//! Raises and clears alerts outside of a ledger transaction.

use jiff::Timestamp;

use crate::alert::{self, Alert, AlertState, AlertSubject};
use crate::flows::write_if_unchanged;
use crate::ports::{Clock, Listing, Store, StoreError, list_all, read_rows};
use crate::table::{IndexPartition, Key, Partition, RowKey, UnreadableRow, UnwritableRow, Write, check};

/// The most faulty rows that one run looks at again.
const FAULTY_AT_ONCE: usize = 100;

/// Reads an alert, and returns the write that raises or clears it, to be part of the caller's transaction. Returns `None` when
/// the alert has this state already.
///
/// # Errors
/// When the store fails, or the stored alert cannot be read.
pub async fn turn<S: Store>(
    store: &S,
    subject: AlertSubject,
    state: AlertState,
    detail: String,
    now: Timestamp,
) -> Result<Option<Write>, StoreError> {
    let rows = read_rows(store, [RowKey::Alert(subject.clone())]).await?;
    Ok(rows.turn_alert(subject, state, detail, now)?)
}

/// Raises an alert in a write of its own, unless it is already raised.
///
/// # Errors
/// When the store fails.
pub async fn raise<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    (subject, detail): (AlertSubject, String),
) -> Result<(), StoreError> {
    set_state(store, clock, subject, AlertState::Raised, detail).await
}

/// Clears an alert in a write of its own, if it is raised.
///
/// # Errors
/// When the store fails.
pub async fn clear<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    (subject, detail): (AlertSubject, String),
) -> Result<(), StoreError> {
    set_state(store, clock, subject, AlertState::Cleared, detail).await
}

/// Raises the alert about a row that cannot be read or written. Other errors of the store raise none.
///
/// # Errors
/// When the store fails.
pub async fn faulty_row<S: Store, C: Clock>(store: &S, clock: &C, error: &StoreError) -> Result<(), StoreError> {
    let (key, reason) = match error {
        StoreError::Unreadable(UnreadableRow { key, detail }) | StoreError::Unwritable(UnwritableRow { key, detail }) => {
            (key, detail)
        }
        StoreError::Unavailable { .. } | StoreError::Rejected { .. } => return Ok(()),
    };
    raise(store, clock, alert::faulty_row(key.clone(), reason)).await
}

/// Raises the alerts about locations, shops and systems whose rows cannot be read. Every function leaves them out.
///
/// # Errors
/// When the store fails.
pub async fn check_network_rows<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    for partition in [Partition::Locations, Partition::Shops, Partition::Systems] {
        for record in list_all(store, Listing::rows(&partition)).await? {
            if let Err(error) = check(&record) {
                faulty_row(store, clock, &error.into()).await?;
            }
        }
    }
    Ok(())
}

/// Clears the alerts about rows that can be read again, or that are gone.
///
/// # Errors
/// When the store fails.
pub async fn clear_repaired_rows<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    let faulty = Listing { prefix: "faulty_row#".to_owned(), ..Listing::index(&IndexPartition::RaisedAlerts, FAULTY_AT_ONCE) };
    for record in store.list(&faulty).await?.records {
        let Ok(Alert { subject: AlertSubject::FaultyRow { row }, .. }) = record.decode() else { continue };
        let stored = match Key::parse(&row) {
            Some(key) => store.get(&[key]).await?.pop().flatten(),
            None => None,
        };
        if stored.is_none_or(|stored| check(&stored).is_ok()) {
            clear(store, clock, (AlertSubject::FaultyRow { row }, "The row can be read again.".to_owned())).await?;
        }
    }
    Ok(())
}

async fn set_state<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    subject: AlertSubject,
    state: AlertState,
    detail: String,
) -> Result<(), StoreError> {
    if let Some(write) = turn(store, subject, state, detail, clock.now()).await? {
        // When the row has changed, another function has just written the alert.
        write_if_unchanged(store, &[write]).await?;
    }
    Ok(())
}
