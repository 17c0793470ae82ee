//! Closing the intent of a push.

use std::time::Duration;

use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::storefront::PushCall;
use crate::table::{Expect, Row, Write};

/// How often the closing of an intent is tried while others are at work on its row, and the first pause between.
const ATTEMPTS: u32 = 4;

const PAUSE: Duration = Duration::from_millis(100);

/// Closes an intent, and keeps what was told with it. Whoever finds it closed already has nothing to do.
pub(super) async fn close<S: Store, C: Clock>(store: &S, clock: &C, call: &PushCall, expect: Expect) -> Result<(), StoreError> {
    let mut writes = vec![Write::put(&call.intent, expect), Write::put(call, Expect::Absent)];
    let mut written = store.write(&writes).await;
    for attempt in 1..ATTEMPTS {
        match &written {
            // Left open, it would hold up whoever comes next.
            Err(WriteError::Conflict) => clock.sleep(PAUSE * attempt).await,
            Err(WriteError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.key == call.key()) => {
                // A call of this number from before the table lost its intent: no reason to leave this one open.
                tracing::error!(shop = %call.intent.shop, intent = call.intent.number, "a call of this number is kept already");
                writes.truncate(1);
            }
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Store(_)) => break,
        }
        written = store.write(&writes).await;
    }
    match written {
        // Refused: another push took this intent over and closed it, which says the same.
        Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}
