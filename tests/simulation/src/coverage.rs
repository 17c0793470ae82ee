//! Counts of what a world met, and the rare paths that a run of many worlds must meet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by kind of event.
pub type Counts = BTreeMap<&'static str, u64>;

/// The counter that all parts of a world share.
#[derive(Debug, Clone, Default)]
pub struct Coverage(Arc<Mutex<Counts>>);

impl Coverage {
    /// Counts one event of a kind.
    pub fn note(&self, what: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    /// Returns the counts and resets them.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Each of these must occur in a run of many worlds. Otherwise the simulator does not test that path.
pub const RARE_PATHS: [&str; 139] = [
    // Webhooks.
    "webhook doubled",
    "webhook lost",
    "webhook days late",
    "webhook given up",
    "webhook duplicate",
    "webhook deferred",
    "webhook with other content",
    "webhook with a bad signature",
    "webhook malformed",
    "webhook oversized",
    // Other systems.
    "batch doubled",
    "batch days late",
    "batch partly refused",
    "batch repeated after a crash",
    "batch forged",
    "batch stale",
    "batch cut",
    "batch of too many",
    "batch oversized",
    "bus event refused",
    "event duplicate",
    "event deferred",
    "event with other content",
    "event waits for a mapping",
    "waiting event resumed by the stream",
    "waiting event resumed by the backlog",
    "stream record of a mapping lost",
    "late event behind a count",
    "count superseded",
    "commitment closed before it was opened",
    "shipped ahead of the shop",
    "shipment ahead reversed",
    "shipment ahead confirmed",
    "misattributed shipment",
    // The ledger.
    "event from the future",
    "lot expired",
    "large order in parts",
    "lane settled",
    "order of an unmapped item",
    "order sold in a store",
    "unconfirmed order",
    "pre-order",
    "draft reserved",
    "draft changed",
    "draft completed",
    "draft deleted",
    "receipt taken back",
    "component given back by a run",
    "component of a kit reported",
    "component kept for a kit",
    "kit put together",
    "kit not put together, or taken apart",
    "units set aside",
    "units taken back",
    "shipped in part",
    "cancelled",
    "line reduced",
    "order added to",
    "order not paid yet",
    "order paid later",
    "order moved",
    "shipment cancelled",
    "refunded before shipment",
    "refunded after shipment",
    "refunded without restock",
    "returned",
    "return refunded",
    "exchanged",
    "test order",
    "order read",
    "sales order forwarded",
    "hold expired",
    "hold reported",
    // The store.
    "store throttled",
    "store conflict",
    "store refused a condition",
    "store answer lost",
    "store index stale",
    "row of a newer version read",
    "field of a newer version kept",
    "value of a newer version read",
    "store rejected a call",
    "row unreadable",
    "row unwritable",
    "event refused because of a row",
    // What can still be made.
    "producible units offered",
    "order of a finished good",
    "limited by a shared item",
    "planning groups joined",
    "planning group split",
    "two plans at once",
    "scheduled receipt changed",
    "scheduled receipt cancelled",
    "late promise raised",
    "late promise cleared",
    "producible pushed up",
    "producible pushed down",
    // Processes.
    "intake killed",
    "recompute killed",
    "pusher killed",
    "reconciler killed",
    "source intake killed",
    "killed by its timeout",
    "table restored",
    "pushes go on after a restore",
    "clocks apart",
    "a night passed",
    // The stream and the queue.
    "stream stalled",
    "stream redelivered",
    "stream batch failed in part",
    "stream record given up",
    "given-up records handled",
    "given-up records failed again",
    "killed with given-up records",
    "stream record trimmed",
    "message about given-up records unreadable",
    "two stream batches at once",
    "hint seen twice at once",
    "hint given up",
    "alert raised",
    "alert cleared",
    // The shop.
    "shop throttled",
    "shop failed",
    "shop call lost",
    "shop answer lost",
    "shop applied late",
    "shop compare stale",
    "shop unreachable raised",
    "shop unreachable cleared",
    "idempotency key repeated",
    "shop refused a row",
    "refused row found by halving",
    "level activated",
    "two pushers at once",
    "initialisation postponed",
    // Reconciling.
    "missed order found",
    "order unreadable",
    "drift found",
    "two sweeps at once",
];
