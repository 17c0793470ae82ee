//! Writes an import plan while other functions may write the same rows.
//!
//! Every write is conditional. When a row has changed since it was read, the import takes its current state and plans the
//! sheets again. Cells that are filled in a sheet apply, and empty cells keep what the other function wrote. An import that
//! stops anywhere can be repeated and writes the rest.

use crate::flows::{Retries, RetryBudget};
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::sheets::{ImportPlan, SheetProblems, Sheets, StoredCatalog};
use crate::table::Write;

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows written.
    pub rows: usize,
    /// How often another function changed a row and the sheets were planned again.
    pub planned_again: usize,
}

/// Why an import did not finish. Written rows stay, and importing again writes the rest.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Another function changed the catalog, and the sheets do not fit the new state.
    #[error("the catalog changed during the import, and the sheets do not fit it any more")]
    Problems(SheetProblems),
    /// Other functions keep writing the same rows.
    #[error("other functions keep writing the same rows, {0} among them: import again later")]
    Busy(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the changes of `sheets`. `stored` holds the rows that were read and is updated to the stored rows. `progress`
/// receives the number of written rows and the number of all rows.
///
/// # Errors
/// [`ImportError`].
pub async fn import_catalog<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    stored: &mut StoredCatalog,
    sheets: &Sheets,
    progress: &dyn Fn(usize, usize),
) -> Result<Imported, ImportError> {
    let mut done = Imported::default();
    let (mut retries, now) = (None, clock.now());
    'planning: loop {
        let plan = ImportPlan::of(stored, sheets, now).map_err(ImportError::Problems)?;
        let rows = done.rows + plan.rows();
        for batch in plan.batches() {
            match store.write(&batch).await {
                Ok(()) => {
                    retries = None;
                    done.rows += batch.len();
                    written(stored, batch)?;
                    progress(done.rows, rows);
                }
                Err(WriteError::Store(error)) => return Err(error.into()),
                Err(error @ (WriteError::Refused(_) | WriteError::Conflict)) => {
                    let first = batch.first().map_or_else(String::new, |write| write.key().to_string());
                    let retries = retries.get_or_insert_with(|| Retries::new(RetryBudget::IMPORT, first.clone()));
                    // A refusal brings the stored rows, so the next attempt needs no pause.
                    let is_conflict = matches!(error, WriteError::Conflict);
                    if !(if is_conflict { retries.pause(clock).await } else { retries.count() }) {
                        return Err(ImportError::Busy(first));
                    }
                    if let WriteError::Refused(refusals) = error {
                        for refusal in refusals {
                            match refusal.stored {
                                Some(record) => stored.take(&record).map_err(StoreError::from)?,
                                None => stored.forget(&refusal.key),
                            }
                        }
                    }
                    done.planned_again += 1;
                    continue 'planning;
                }
            }
        }
        return Ok(done);
    }
}

/// Updates `stored` with the written rows.
fn written(stored: &mut StoredCatalog, batch: Vec<Write>) -> Result<(), StoreError> {
    for write in batch {
        stored.apply(&write)?;
    }
    Ok(())
}
