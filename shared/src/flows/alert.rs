//! Raises and clears alerts outside a ledger transaction.

use crate::alert::{Alert, AlertState, AlertSubject};
use crate::ports::{Clock, Store, StoreError, WriteError, read};
use crate::table::{RowKey, Write};

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

async fn set_state<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    subject: AlertSubject,
    state: AlertState,
    detail: String,
) -> Result<(), StoreError> {
    let (known, expect) = read::<Alert, S>(store, &RowKey::Alert(subject.clone())).await?;
    let Some(next) = Alert::next(known.as_ref(), subject, state, detail, clock.now()) else { return Ok(()) };
    match store.write(&[Write::put(&next, expect)]).await {
        Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(()), // Another function has just written it.
        Err(WriteError::Store(error)) => Err(error),
    }
}
