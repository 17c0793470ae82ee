//! Making the writes of a plan, beside whoever else writes the same rows.
//!
//! Every write is conditional. A row that is not as it was read is taken as it is now, and the sheets are planned again
//! beside it: what they say still holds, and what they leave empty is left as the other one wrote it. Stopping anywhere and
//! importing again writes what is left.

use std::time::Duration;

use crate::flows::backoff;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::sheets::{ImportPlan, SheetProblems, Sheets, StoredCatalog};
use crate::table::{Record, Write};

/// How often in a row nothing could be written before it is given up.
const MAX_ATTEMPTS: u32 = 10;

/// The first pause after another's transaction was in the way.
const PAUSE: Duration = Duration::from_millis(50);

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows written.
    pub rows: usize,
    /// How often others had changed a row meanwhile, and the sheets were planned again.
    pub planned_again: usize,
}

/// Why an import did not come to its end. What was written before stays; importing again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What someone else wrote meanwhile makes the sheets wrong.
    #[error("someone else changed the catalogue meanwhile, and beside that the sheets are wrong")]
    Problems(SheetProblems),
    /// Others keep writing the same rows.
    #[error("others keep writing the same rows, {0} among them: try again later")]
    Busy(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes what `sheets` change. `stored` is what was read, and afterwards what is stored; `progress` is told how many rows
/// of how many are written.
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
    let (mut attempt, now) = (0, clock.now());
    'planning: loop {
        let plan = ImportPlan::of(stored, sheets, now).map_err(ImportError::Problems)?;
        let rows = done.rows + plan.rows();
        for batch in plan.batches() {
            match store.write(&batch).await {
                Ok(()) => {
                    attempt = 0;
                    done.rows += batch.len();
                    written(stored, batch)?;
                    progress(done.rows, rows);
                }
                Err(WriteError::Store(error)) => return Err(error.into()),
                Err(error @ (WriteError::Refused(_) | WriteError::Conflict)) => {
                    attempt += 1;
                    let first = batch.first().map_or_else(String::new, |write| write.key().to_string());
                    if attempt >= MAX_ATTEMPTS {
                        return Err(ImportError::Busy(first));
                    }
                    if let WriteError::Refused(refusals) = error {
                        for refusal in refusals {
                            match refusal.stored {
                                Some(record) => stored.take(&record).map_err(StoreError::from)?,
                                None => stored.forget(&refusal.key),
                            }
                        }
                    } else {
                        clock.sleep(backoff(PAUSE, attempt, &first)).await;
                    }
                    done.planned_again += 1;
                    continue 'planning;
                }
            }
        }
        return Ok(done);
    }
}

/// Takes what was written as what is stored.
fn written(stored: &mut StoredCatalog, batch: Vec<Write>) -> Result<(), StoreError> {
    for write in batch {
        match write {
            Write::Put { key, body, index: _, expect } => {
                stored.take(&Record { key, revision: expect.next_revision(), body })?;
            }
            Write::Delete { key, .. } => stored.forget(&key),
        }
    }
    Ok(())
}
