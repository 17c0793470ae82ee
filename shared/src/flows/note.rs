//! Webhooks that do not carry a whole order. This flow stores what the webhook refers to, and the reconciler reads the order a
//! moment later.

use crate::alert::AlertState;
use crate::draft::{EventOutcome, content_mismatch};
use crate::flows::alert::raise;
use crate::flows::{Retries, RetryBudget};
use crate::ledger::AppliedEvent;
use crate::movement::EventId;
use crate::order::WebhookNote;
use crate::ports::{Clock, Store, StoreError, WriteError, read_rows};
use crate::table::{Row, RowKey};

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
    let what = format!("the rows that event {} names", mark.event);
    let mut retries = Retries::new(RetryBudget::SHARED_ROW, what);
    loop {
        match note_once(store, clock, &mark, &note).await {
            Ok(done) => return Ok(done),
            Err(error) => retries.again(clock, error).await?,
        }
    }
}

async fn note_once<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    mark: &AppliedEvent,
    note: &WebhookNote,
) -> Result<EventOutcome, WriteError> {
    let mut names = vec![mark.row_key()];
    // The id of a webhook is not signed. A body that was received under another id must not raise its alert again. A request to
    // read an order may repeat: the same body may mean a new change, and the shop's answer decides.
    let content_mark = note.alert.is_some().then(|| {
        let event = mark.event.of_content(&mark.content);
        AppliedEvent { event, ..mark.clone() }
    });
    names.extend(content_mark.as_ref().map(Row::row_key));
    names.extend(note.order_to_read.as_ref().map(Row::row_key));
    names.extend(note.alert.as_ref().map(|(subject, _)| RowKey::Alert(subject.clone())));
    let rows = read_rows(store, names).await?;
    if let Some(known) = rows.get::<AppliedEvent>(&mark.row_key())? {
        if known.content == mark.content {
            return Ok(EventOutcome::Duplicate);
        }
        raise(store, clock, content_mismatch(&mark.event)).await?;
        return Ok(EventOutcome::ContentMismatch);
    }
    if let Some(content_mark) = &content_mark
        && rows.get::<AppliedEvent>(&content_mark.row_key())?.is_some()
    {
        return Ok(EventOutcome::Duplicate);
    }
    let mut writes = vec![rows.put(mark)];
    writes.extend(content_mark.as_ref().map(|content_mark| rows.put(content_mark)));
    writes.extend(note.order_to_read.as_ref().map(|order| rows.put(order)));
    if let Some((subject, detail)) = note.alert.clone() {
        writes.extend(rows.turn_alert(subject, AlertState::Raised, detail, clock.now())?);
    }
    store.write(&writes).await?;
    Ok(EventOutcome::Applied { movements: 0, unmapped: 0, no_movement: None })
}
