//! When a system that sends its events was last heard of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When a system was last heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The system.
    pub system: String,
    /// When, by our clock, to [`Ears::EVERY`].
    pub at: Timestamp,
}
