//! Webhooks that tell no order whole: noted durably, and looked into by the reconciler a moment later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, State, Subject, raise};
use crate::catalog::ShopDomain;
use crate::clock::{Clock, backoff};
use crate::ledger::{EventId, InboxEvent, MAX_ATTEMPTS, Outcome, content_mismatch};
use crate::store::{Expect, Key, Record, Row, Store, StoreError, Write, WriteError};

/// What such a webhook leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// Something whose order must be read.
    pub pointer: Option<Pointer>,
    /// What a person must look at.
    pub alert: Option<(Subject, String)>,
}

/// Something of a shop whose order must be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The shop.
    pub shop: ShopDomain,
    /// Its global id: of an order, or of a fulfilment order, a return or a reverse fulfilment order of one.
    pub gid: String,
    /// When it was last named.
    pub named_at: Timestamp,
}

impl Pointer {
    /// What may be pointed at.
    const KINDS: [&str; 4] = ["Order", "FulfillmentOrder", "Return", "ReverseFulfillmentOrder"];

    /// The partition of a shop's pointers.
    #[must_use]
    pub fn partition(shop: &ShopDomain) -> String {
        format!("POINTER#{shop}")
    }

    /// Whether a text is the global id of something that may be pointed at.
    #[must_use]
    pub fn is_gid(gid: &str) -> bool {
        let number = |kind: &str| gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?.parse::<u64>().ok();
        Self::KINDS.iter().any(|kind| number(kind).is_some())
    }
}

impl Row for Pointer {
    fn key(&self) -> Key {
        Key::new(Self::partition(&self.shop), self.gid.clone())
    }
}

/// Writes a note down, once by the webhook's name: its mark, what it points at and its alert in one transaction.
///
/// # Errors
/// When the store fails, or others keep writing the same rows; the sender repeats, which is safe.
pub async fn note<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    (id, content): (EventId, String),
    note: Note,
) -> Result<Outcome, StoreError> {
    let mark = InboxEvent { event: id, content, applied_at: clock.now() };
    let mut keys = vec![mark.key()];
    keys.extend(note.pointer.as_ref().map(Row::key));
    keys.extend(note.alert.as_ref().map(|(subject, _)| Alert::key_of(subject)));
    for attempt in 1..=MAX_ATTEMPTS {
        let rows = store.get(&keys).await?;
        let mut rows = rows.iter().map(Option::as_ref);
        if let Some(known) = rows.next().flatten() {
            if known.decode::<InboxEvent>()?.content == mark.content {
                return Ok(Outcome::Duplicate);
            }
            raise(store, clock, content_mismatch(&mark.event)).await?;
            return Ok(Outcome::ContentMismatch);
        }
        let mut writes = vec![Write::put(&mark, Expect::Absent)];
        if let Some(pointer) = &note.pointer {
            writes.push(Write::put(pointer, Expect::as_read(rows.next().flatten())));
        }
        if let Some((subject, detail)) = note.alert.clone() {
            let record = rows.next().flatten();
            let known = record.map(Record::decode::<Alert>).transpose()?;
            let next = Alert::next(known.as_ref(), subject, State::Raised, detail, clock.now());
            writes.extend(next.map(|next| Write::put(&next, Expect::as_read(record))));
        }
        match store.write(&writes).await {
            Ok(()) => return Ok(Outcome::Applied { movements: 0, unmapped: 0 }),
            Err(WriteError::Store(error)) => return Err(error),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {
                clock.sleep(backoff(std::time::Duration::from_millis(8), attempt, &mark.event.id)).await;
            }
        }
    }
    Err(StoreError::Unavailable { detail: "others keep writing what this webhook names".into(), source: None })
}
