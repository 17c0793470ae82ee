//! The heartbeat of a source: when a system that sends its events was last seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When a system was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The system.
    pub system: String,
    /// When the system was last seen, by our clock. `HeartbeatRecorder::EVERY` is the shortest time between
    /// two updates.
    pub at: Timestamp,
}
