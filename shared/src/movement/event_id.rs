//! The id of an event, and the hash of its content. The same id with another hash is a content mismatch.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The beginnings of the sources of orders. The name of another system has no colon.
const WEBHOOKS: &str = "shopify:";
const READS: &str = "query:";

/// The end of the source of an event that names a content.
const CONTENT: &str = ":content";

/// The id of an event: its source, and the id within that source.
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

    /// The webhook `id` of a shop.
    #[must_use]
    pub fn of_webhook(shop: impl fmt::Display, id: impl Into<String>) -> Self {
        Self::new(format!("{WEBHOOKS}{shop}"), id)
    }

    /// An order of a shop as it was read.
    #[must_use]
    pub fn of_read(shop: impl fmt::Display, id: impl Into<String>) -> Self {
        Self::new(format!("{READS}{shop}"), id)
    }

    /// The event that this content, under whatever id, was received from the same source.
    #[must_use]
    pub fn of_content(&self, content: &str) -> Self {
        Self::new(format!("{}{CONTENT}", self.source), content)
    }

    /// Whether the event names a content and not an id.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        self.source.ends_with(CONTENT)
    }

    /// Whether the event states an order as its shop has it. Such facts are merged, so the same event has no effect a second time, also
    /// without its mark.
    #[must_use]
    pub fn is_of_shop(&self) -> bool {
        [WEBHOOKS, READS].iter().any(|prefix| self.source.starts_with(prefix))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.source, self.id)
    }
}

/// The content hash of an event: SHA-256 of its bytes, in hex.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
