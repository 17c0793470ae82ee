//! Closes the intent of a push.

use std::time::Duration;

use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::storefront::{PushCall, PushIntent};
use crate::table::{Expect, Row, Write};

/// How often closing an intent is tried while other transactions hold its row. [`PAUSE`] is the first wait in between.
const ATTEMPTS: u32 = 4;

const PAUSE: Duration = Duration::from_millis(100);

/// Closes an intent and stores its call in the same transaction. A push that finds the intent already closed has nothing to
/// do.
pub(super) async fn close<S: Store, C: Clock>(store: &S, clock: &C, call: &PushCall, expect: Expect) -> Result<(), StoreError> {
    let mut writes = vec![Write::put(&call.intent, expect), Write::put(call, Expect::Absent)];
    let mut written = store.write(&writes).await;
    for attempt in 1..ATTEMPTS {
        match &written {
            // An intent that stays open would delay the next push.
            Err(WriteError::Conflict) => clock.sleep(PAUSE * attempt).await,
            Err(WriteError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.key == call.key()) => {
                // A call of this number is stored although the intent is open: the table lost its intent row at some time. The
                // intent is closed all the same.
                let PushIntent { shop, number, .. } = &call.intent;
                tracing::error!(%shop, intent = number, "a call of this number is stored already; closing the intent without it");
                writes.truncate(1);
            }
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Store(_)) => break,
        }
        written = store.write(&writes).await;
    }
    match written {
        // Refused: another push took over this intent and closed it, which has the same result.
        Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}
