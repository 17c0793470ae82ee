//! Events whose item or location is not mapped: kept whole, counted by an alert, and applied when the mapping appears.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StockEvent;
use crate::alert::Subject;
use crate::store::{Key, Row};

/// What an event lacks to be applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum Missing {
    /// The system's item is none of ours.
    Item {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
    /// The system's location is none of ours.
    Location {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
}

impl Missing {
    /// The partition of the events that lack this.
    #[must_use]
    pub fn partition(&self) -> String {
        format!("WAITING#{self}")
    }

    /// The alert about it.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self.clone() {
            Self::Item { system, code } => Subject::UnmappedItem { system, code },
            Self::Location { system, code } => Subject::UnmappedFacility { system, code },
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { system, code } => write!(f, "{system}#item#{code}"),
            Self::Location { system, code } => write!(f, "{system}#location#{code}"),
        }
    }
}

/// One event that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What for.
    #[serde(flatten)]
    pub missing: Missing,
    /// The event, whole.
    pub event: StockEvent,
    /// Since when.
    pub since: Timestamp,
}

impl Waiting {
    /// The index partition under which everything that waits is found.
    pub const INDEX: &'static str = "WAITING";

    /// Where an event waits for what it is missing.
    #[must_use]
    pub fn key_of(missing: &Missing, event: &StockEvent) -> Key {
        Key::new(missing.partition(), event.id.id.as_str())
    }
}

impl Row for Waiting {
    fn key(&self) -> Key {
        Self::key_of(&self.missing, &self.event)
    }

    /// Found by what it waits for.
    fn index(&self) -> Option<Key> {
        Some(Key::new(Self::INDEX, format!("{}#{}", self.missing, self.event.id.id)))
    }
}
