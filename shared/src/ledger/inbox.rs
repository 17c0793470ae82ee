//! Every event that crosses the boundary, written down once; and the lanes where an event waits when its position is hot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::{Lane, LedgerEvent};
use crate::movement::EventId;

/// The mark that an event was applied, written in the transaction that applied it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedEvent {
    /// Which event.
    #[serde(flatten)]
    pub event: EventId,
    /// SHA-256 of the content as it came, in hex: the same id with other content is an error.
    pub content: String,
    /// When it was applied.
    pub applied_at: Timestamp,
}

/// An event that is durable but not applied: it waits in the lane of the position that was too busy.
///
/// Writing it is one put that nothing contends for. `ats-recompute` applies a lane in groups; the reconciler's backlog
/// job does the same for a lane that was left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeferredEvent {
    /// Where it waits.
    pub lane: Lane,
    /// The event, whole.
    pub event: LedgerEvent,
    /// When it was deferred.
    pub deferred_at: Timestamp,
}
