//! Raises and clears alerts outside of a ledger transaction.

use jiff::Timestamp;

use crate::alert::{self, AlertState, AlertSubject};
use crate::flows::write_if_unchanged;
use crate::ports::{Clock, Store, StoreError, read_rows};
use crate::table::{RowFault, RowKey, Write};

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

/// Raises the alert about the row that an error of the store names. Other errors raise none. An alert that can never be written is only
/// logged, because it must not stop what goes on without the row.
///
/// # Errors
/// When the store fails.
pub async fn faulty_row<S: Store, C: Clock>(store: &S, clock: &C, error: &StoreError) -> Result<(), StoreError> {
    let alert = match error.faulty_row() {
        Some(RowFault::Unreadable(row)) => alert::faulty_row(row.key, &row.detail),
        Some(RowFault::Unwritable(row)) => alert::unwritable_row(row.key, &row.detail),
        None => return Ok(()),
    };
    match raise(store, clock, alert).await {
        Err(unraised) if unraised.faulty_row().is_some() => {
            tracing::error!(%error, %unraised, "the alert about a faulty row cannot be raised");
            Ok(())
        }
        done => done,
    }
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
