//! Planted bugs. Each is a typical mistake of such a system, and the simulator must catch every one.
//!
//! The bugs live in the ports that a world gives to the handlers, and for a batch in the code that invokes the handler. Shipped
//! code therefore has no switch for them: without a planted bug, a port passes every call on unchanged.

mod front;
mod store;

pub use front::{Directory, PlantedFront};
pub use store::PlantedStore;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
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
    NotKept,
    /// Does not store open commitments.
    PaperForgotten,
    /// Hides a new mapping from the backlog job, and its record from the stream handler.
    MappingUnseen,
    /// Offers each finished good as if it were planned alone, so shared components are promised twice.
    EachForItself,
    /// Writes a plan without the condition that it replaces the one that was read.
    StalePlanWins,
    /// Computes a plan and does not write it.
    PlanLost,
    /// Accepts purchase orders and production runs, and does not store the scheduled receipts.
    SuppliesForgotten,
    /// Drops the stream record of a changed plan.
    PlanUnseen,
    /// Does not plan again when a day begins.
    NewDayUnseen,
}

impl Plant {
    /// All planted bugs with their names.
    pub const ALL: [(Plant, &'static str); 21] = [
        (Plant::MarkerFirst, "marker-first"),
        (Plant::MarkerLast, "marker-last"),
        (Plant::NoVersionCheck, "no-version-check"),
        (Plant::StaleFacts, "stale-facts"),
        (Plant::NoSequenceGate, "no-sequence-gate"),
        (Plant::PayloadTrusted, "payload-trusted"),
        (Plant::FreshCompare, "fresh-compare"),
        (Plant::AbsolutePush, "absolute-push"),
        (Plant::FirstRecordOnly, "first-record-only"),
        (Plant::AlertNeverCleared, "alert-never-cleared"),
        (Plant::WatermarkFirst, "watermark-first"),
        (Plant::NoMark, "no-mark"),
        (Plant::NotKept, "not-kept"),
        (Plant::PaperForgotten, "document-forgotten"),
        (Plant::MappingUnseen, "mapping-unseen"),
        (Plant::EachForItself, "each-for-itself"),
        (Plant::StalePlanWins, "stale-plan-wins"),
        (Plant::PlanLost, "plan-lost"),
        (Plant::SuppliesForgotten, "supplies-forgotten"),
        (Plant::PlanUnseen, "plan-unseen"),
        (Plant::NewDayUnseen, "new-day-unseen"),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(plant, _)| *plant == self).map_or("", |(_, name)| name)
    }

    /// The planted bug with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(plant, _)| *plant)
    }
}
