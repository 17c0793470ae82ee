//! Planted bugs. Each is a typical mistake of such a system, and the simulator must catch every one.
//!
//! The bugs live in the ports that a world gives to the handlers, and for a batch in the code that invokes the handler. Shipped
//! code therefore has no switch for them: without a planted bug, a port passes every call on unchanged.

mod store;
mod storefront;

pub use store::PlantedStore;
pub use storefront::{Directory, PlantedStorefront};

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlantedBug {
    /// Writes the mark of an event in a transaction before its effects.
    MarkerFirst,
    /// Writes the effects of an event in a transaction before its mark.
    MarkerLast,
    /// Writes positions and orders without the condition that they are unchanged since they were read.
    NoVersionCheck,
    /// Treats the content of the last order webhook received as the newest.
    StaleFacts,
    /// Writes promises and levels without the condition that they are newer than the stored ones.
    NoSequenceGate,
    /// Plans a push from the numbers of the hint instead of the current row.
    PayloadTrusted,
    /// Sets a level with a compare value that was read just before the call instead of the planned one.
    FreshCompare,
    /// Sets a level to the available quantity where the pusher should add the difference.
    AbsolutePush,
    /// Handles only the first record of a stream batch.
    FirstRecordOnly,
    /// Never clears an alert.
    AlertNeverCleared,
    /// Moves the watermark of the sweep before the orders are in the ledger.
    WatermarkFirst,
    /// Does not write the mark of a stock event, so every delivery is applied again.
    NoMark,
    /// Raises the alert of an event that waits for a mapping, but does not store the event.
    WaitingEventNotStored,
    /// Does not store open commitments.
    CommitmentNotStored,
    /// Hides a new mapping from the backlog job, and its record from the stream handler.
    MappingUnseen,
    /// Offers each finished good as if it were planned alone, so shared components are promised twice.
    PlannedAlone,
    /// Writes a plan without the condition that it replaces the one that was read.
    StalePlanWins,
    /// Computes a plan and does not write it.
    PlanLost,
    /// Accepts purchase orders and production runs, and does not store the scheduled receipts.
    ReceiptsNotStored,
    /// Drops the stream record of a changed plan.
    PlanUnseen,
    /// Does not plan again when a day begins.
    NewDayUnseen,
    /// Forgets when lots expire.
    ExpiryNotStored,
    /// Lets every day begin in UTC.
    TimeZoneIgnored,
    /// Forgets the units that orders reserve and the shop does not commit.
    ClaimsForgotten,
    /// Reads of a level only what is available and committed.
    SetAsideIgnored,
    /// Takes an event from the future as if it had happened now.
    FutureTimeTaken,
    /// Takes stock that was never reported for zero.
    NeverReportedIsZero,
    /// Hides the draft orders that reserve from the jobs.
    DraftsUnseen,
    /// Releases what a draft order reserves before the order that it has become is in the ledger.
    DraftReleasedFirst,
    /// Forgets what adjustments take back from purchase orders and production runs.
    TakenBackIgnored,
    /// Forgets the units that a plan keeps for kits.
    KitsNotKept,
    /// Forgets which components of kits warehouses have reported.
    ComponentsForgotten,
    /// Does not store that an order is quarantined.
    QuarantineNotStored,
    /// Does not see that a newer version wrote a row.
    NewerFieldLost,
    /// Keeps what the shop had acknowledged at the time to which the table is restored.
    RestoreKeepsAcknowledged,
    /// Reads no record of a batch that the stream has given up.
    GivenUpRecordDropped,
    /// Takes given-up records that the stream no longer has for handled.
    TrimmedRecordDropped,
}

impl PlantedBug {
    /// All planted bugs with their names.
    pub const ALL: [(PlantedBug, &'static str); 37] = [
        (PlantedBug::MarkerFirst, "marker-first"),
        (PlantedBug::MarkerLast, "marker-last"),
        (PlantedBug::NoVersionCheck, "no-version-check"),
        (PlantedBug::StaleFacts, "stale-facts"),
        (PlantedBug::NoSequenceGate, "no-sequence-gate"),
        (PlantedBug::PayloadTrusted, "payload-trusted"),
        (PlantedBug::FreshCompare, "fresh-compare"),
        (PlantedBug::AbsolutePush, "absolute-push"),
        (PlantedBug::FirstRecordOnly, "first-record-only"),
        (PlantedBug::AlertNeverCleared, "alert-never-cleared"),
        (PlantedBug::WatermarkFirst, "watermark-first"),
        (PlantedBug::NoMark, "no-mark"),
        (PlantedBug::WaitingEventNotStored, "waiting-event-not-stored"),
        (PlantedBug::CommitmentNotStored, "commitment-not-stored"),
        (PlantedBug::MappingUnseen, "mapping-unseen"),
        (PlantedBug::PlannedAlone, "planned-alone"),
        (PlantedBug::StalePlanWins, "stale-plan-wins"),
        (PlantedBug::PlanLost, "plan-lost"),
        (PlantedBug::ReceiptsNotStored, "receipts-not-stored"),
        (PlantedBug::PlanUnseen, "plan-unseen"),
        (PlantedBug::NewDayUnseen, "new-day-unseen"),
        (PlantedBug::ExpiryNotStored, "expiry-not-stored"),
        (PlantedBug::TimeZoneIgnored, "time-zone-ignored"),
        (PlantedBug::ClaimsForgotten, "claims-forgotten"),
        (PlantedBug::SetAsideIgnored, "set-aside-ignored"),
        (PlantedBug::FutureTimeTaken, "future-time-taken"),
        (PlantedBug::NeverReportedIsZero, "never-reported-is-zero"),
        (PlantedBug::DraftsUnseen, "drafts-unseen"),
        (PlantedBug::DraftReleasedFirst, "draft-released-first"),
        (PlantedBug::TakenBackIgnored, "taken-back-ignored"),
        (PlantedBug::KitsNotKept, "kits-not-kept"),
        (PlantedBug::ComponentsForgotten, "components-forgotten"),
        (PlantedBug::QuarantineNotStored, "quarantine-not-stored"),
        (PlantedBug::NewerFieldLost, "newer-field-lost"),
        (PlantedBug::RestoreKeepsAcknowledged, "restore-keeps-acknowledged"),
        (PlantedBug::GivenUpRecordDropped, "given-up-record-dropped"),
        (PlantedBug::TrimmedRecordDropped, "trimmed-record-dropped"),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(bug, _)| *bug == self).map_or("", |(_, name)| name)
    }

    /// The planted bug with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(bug, _)| *bug)
    }
}
