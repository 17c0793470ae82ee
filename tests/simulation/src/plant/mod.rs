//! Bugs planted on purpose: each is a mistake this kind of system is known for, and the simulator must catch every one.
//!
//! They live in the ports that a world hands to the handlers (and, for a batch, in how the world hands it over), so what
//! is shipped has no switch for them: with nothing planted a port passes every call on as it is.

mod front;
mod store;

pub use front::{Directory, PlantedFront};
pub use store::PlantedStore;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The mark of an event is written first, and its effects after it.
    MarkerFirst,
    /// The effects of an event are written first, and its mark after them.
    MarkerLast,
    /// Positions and orders are written whatever was read before.
    NoVersionCheck,
    /// What an order's webhook says is taken as the newest, because it came last.
    StaleFacts,
    /// A promise and its levels are written whatever they replace.
    NoSequenceGate,
    /// The pusher plans from the numbers of the hint instead of the row as it is.
    PayloadTrusted,
    /// A level is set against a compare value that was read just before the call.
    FreshCompare,
    /// A level is set to what can be promised, where the difference should have been added.
    AbsolutePush,
    /// Of a batch of stream records the first is handled.
    FirstRecordOnly,
    /// An alert that has passed stays open.
    AlertNeverCleared,
    /// The sweep's watermark moves before the orders are in the ledger.
    WatermarkFirst,
    /// The mark of a stock event is not written: it is applied as often as it comes.
    NoMark,
    /// What waits for a mapping is told, and not kept.
    NotKept,
    /// What was said of a paper is forgotten.
    PaperForgotten,
    /// Nobody sees that a mapping has come: neither the stream nor the backlog.
    MappingUnseen,
    /// Each of the goods is offered as if it were alone, and what they share is promised twice.
    EachForItself,
    /// A plan is written whatever it replaces.
    StalePlanWins,
    /// A plan is decided, and not written.
    PlanLost,
    /// What is announced is taken, and not kept.
    SuppliesForgotten,
    /// The stream does not tell that a plan has changed.
    PlanUnseen,
    /// Nobody plans anew when a day begins.
    NewDayUnseen,
}

impl Plant {
    /// All of them, with their names.
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
        (Plant::PaperForgotten, "paper-forgotten"),
        (Plant::MappingUnseen, "mapping-unseen"),
        (Plant::EachForItself, "each-for-itself"),
        (Plant::StalePlanWins, "stale-plan-wins"),
        (Plant::PlanLost, "plan-lost"),
        (Plant::SuppliesForgotten, "supplies-forgotten"),
        (Plant::PlanUnseen, "plan-unseen"),
        (Plant::NewDayUnseen, "new-day-unseen"),
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(plant, _)| *plant == self).map_or("", |(_, name)| name)
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(plant, _)| *plant)
    }
}
