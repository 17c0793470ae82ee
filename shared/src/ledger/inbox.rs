//! The applied mark of each event, and the rows of events that wait in a lane.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::{Lane, LedgerEvent};
use crate::movement::EventId;

/// The mark that an event was applied, written in the transaction that applied it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedEvent {
    /// The id of the event.
    #[serde(flatten)]
    pub event: EventId,
    /// SHA-256 of the content as it arrived, in hex. The same id with other content is an error.
    pub content: String,
    /// When it was applied.
    pub applied_at: Timestamp,
}

/// An event that is stored but not applied: it waits in the lane of a contended position.
///
/// Deferring an event is one put without contention. `ats-recompute` commits the events of a lane in groups. The reconciler's
/// backlog job does the same for a lane that was left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeferredEvent {
    /// The lane.
    pub lane: Lane,
    /// The complete event.
    pub event: LedgerEvent,
    /// When it was deferred.
    pub deferred_at: Timestamp,
}
