//! Every event that crosses the boundary, written down once; and the lanes where an event waits when its position is hot.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, PositionKey};
use crate::store::{Key, Row};

/// The name of an event: who said it, and what that source calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// The source, e.g. `shopify:my-shop.myshopify.com`.
    pub source: String,
    /// Unique within the source.
    pub id: String,
}

impl EventId {
    /// The event `id` of `source`.
    #[must_use]
    pub fn new(source: impl Into<String>, id: impl Into<String>) -> Self {
        Self { source: source.into(), id: id.into() }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.source, self.id)
    }
}

/// The mark that an event was applied, written in the transaction that applied it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxEvent {
    /// Which event.
    #[serde(flatten)]
    pub event: EventId,
    /// SHA-256 of the content as it came, in hex: the same id with other content is an error.
    pub content: String,
    /// When it was applied.
    pub applied_at: Timestamp,
}

impl InboxEvent {
    /// Where the mark of an event lives.
    #[must_use]
    pub fn key_of(event: &EventId) -> Key {
        Key::head(format!("EVT#{event}"))
    }
}

impl Row for InboxEvent {
    fn key(&self) -> Key {
        Self::key_of(&self.event)
    }
}

/// The hash an event is known by: SHA-256 of its bytes, in hex.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An event that is durable but not applied: it waits in the lane of the position that was too busy.
///
/// Writing it is one put that nothing contends for. `ats-recompute` applies a lane in groups; the reconciler's backlog
/// job does the same for a lane that was left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deferred {
    /// The busy position.
    pub lane: PositionKey,
    /// The event, whole.
    pub event: Event,
    /// When it was deferred.
    pub deferred_at: Timestamp,
}

impl Deferred {
    /// The index partition under which all deferred events are found.
    pub const INDEX: &'static str = "DEFERRED";

    /// Reads the partition of a lane's rows, as a stream record carries it.
    #[must_use]
    pub fn lane_from_partition(pk: &str) -> Option<PositionKey> {
        PositionKey::from_partition(&format!("POS#{}", pk.strip_prefix("LANE#")?))
    }

    /// The partition of a lane's rows.
    #[must_use]
    pub fn partition_of(lane: &PositionKey) -> String {
        format!("LANE#{lane}")
    }
}

impl Row for Deferred {
    fn key(&self) -> Key {
        Key::new(Self::partition_of(&self.lane), self.event.id().to_string())
    }

    fn index(&self) -> Option<Key> {
        Some(Key::new(Self::INDEX, format!("{}#{}", self.deferred_at, self.event.id())))
    }
}
