//! Webhooks that do not carry a whole order. This flow stores what the webhook refers to, and the reconciler reads the order a
//! moment later.

use crate::alert::{Alert, AlertState};
use crate::draft::{EventOutcome, content_mismatch};
use crate::flows::alert::raise;
use crate::flows::{MAX_ATTEMPTS, backoff};
use crate::ledger::AppliedEvent;
use crate::movement::EventId;
use crate::order::WebhookNote;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::table::{Expect, Record, Row, RowKey, Write};

/// Stores the note of a webhook once. One transaction writes the applied mark of the webhook, the request to read the order,
/// and the alert.
///
/// # Errors
/// When the store fails, or other functions keep writing the same rows. The sender repeats the webhook, which is safe.
pub async fn note<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    (id, content): (EventId, String),
    note: WebhookNote,
) -> Result<EventOutcome, StoreError> {
    let mark = AppliedEvent { event: id, content, applied_at: clock.now() };
    let mut keys = vec![mark.key()];
    keys.extend(note.pointer.as_ref().map(Row::key));
    keys.extend(note.alert.as_ref().map(|(subject, _)| RowKey::Alert(subject.clone()).key()));
    for attempt in 1..=MAX_ATTEMPTS {
        let rows = store.get(&keys).await?;
        let mut rows = rows.iter().map(Option::as_ref);
        if let Some(known) = rows.next().flatten() {
            if known.decode::<AppliedEvent>()?.content == mark.content {
                return Ok(EventOutcome::Duplicate);
            }
            raise(store, clock, content_mismatch(&mark.event)).await?;
            return Ok(EventOutcome::ContentMismatch);
        }
        let mut writes = vec![Write::put(&mark, Expect::Absent)];
        if let Some(pointer) = &note.pointer {
            writes.push(Write::put(pointer, Expect::as_read(rows.next().flatten())));
        }
        if let Some((subject, detail)) = note.alert.clone() {
            let record = rows.next().flatten();
            let known = record.map(Record::decode::<Alert>).transpose()?;
            let next = Alert::next(known.as_ref(), subject, AlertState::Raised, detail, clock.now());
            writes.extend(next.map(|next| Write::put(&next, Expect::as_read(record))));
        }
        match store.write(&writes).await {
            Ok(()) => return Ok(EventOutcome::Applied { movements: 0, unmapped: 0 }),
            Err(WriteError::Store(error)) => return Err(error),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {
                clock.sleep(backoff(std::time::Duration::from_millis(8), attempt, &mark.event.id)).await;
            }
        }
    }
    Err(StoreError::Unavailable { detail: "other functions keep writing the rows of this webhook".into(), source: None })
}
