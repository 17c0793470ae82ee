//! Closes the intent of a push.

use crate::flows::{Retries, RetryBudget, alert};
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::storefront::{PushCall, PushIntent};
use crate::table::{Expect, Row, Write};

/// Closes an intent and stores its call in the same transaction. A push that finds the intent already closed has nothing to
/// do.
pub(super) async fn close<S: Store, C: Clock>(store: &S, clock: &C, call: &PushCall, expect: Expect) -> Result<(), StoreError> {
    let PushIntent { shop, number, .. } = &call.intent;
    let mut writes = vec![Write::put(&call.intent, expect), Write::put(call, Expect::Absent)];
    let mut retries = Retries::new(RetryBudget::INTENT, format!("the intent of {shop}"));
    loop {
        match store.write(&writes).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(refusals))
                if writes.len() > 1 && refusals.iter().all(|refusal| refusal.key == call.key()) =>
            {
                // A call of this number is stored although the intent is open: the table lost its intent row at some time. The
                // intent is closed all the same.
                tracing::error!(%shop, intent = number, "a call of this number is stored already; closing the intent without it");
                writes.truncate(1);
            }
            Err(WriteError::Refused(_)) => return Ok(()), // Another push took over this intent and closed it.
            Err(WriteError::Store(StoreError::Unwritable(row))) if writes.len() > 1 && row.key == call.key().to_string() => {
                // An intent that stays open would stop every push of the shop.
                tracing::error!(%shop, intent = number, %row, "the call cannot be stored; closing the intent without it");
                alert::faulty_row(store, clock, &row.into()).await?;
                writes.truncate(1);
            }
            Err(WriteError::Store(error)) => return Err(error),
            // An intent that stays open delays the next push, which then repeats it with its key.
            Err(WriteError::Conflict) => {
                if !retries.pause(clock).await {
                    return Ok(());
                }
            }
        }
    }
}
