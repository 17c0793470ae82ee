//! The names of rows as text, for errors, logs and reports.

use std::fmt;

use super::key::{Key, RowKey};

impl RowKey {
    /// The name of the row that is stored under a key, as text; the key itself where no kind of row is stored under it.
    #[must_use]
    pub fn in_words(key: &Key) -> String {
        Self::parse(key).map_or_else(|| key.to_string(), |row| row.to_string())
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(sku) => write!(f, "item {sku}"),
            Self::ShopItem { shop, shop_sku } => write!(f, "listing {shop_sku} of {shop}"),
            Self::ListedVariant { shop, variant } => write!(f, "listing of variant {variant} of {shop}"),
            Self::SystemItem { system, code } => write!(f, "item code {code} of {system}"),
            Self::Tier(id) => write!(f, "tier {id}"),
            Self::WorkCentre(code) => write!(f, "work centre {code}"),
            Self::Location(code) => write!(f, "location {code}"),
            Self::Shop(shop) => write!(f, "settings of {shop}"),
            Self::Bill(parent) => write!(f, "bill of {parent}"),
            Self::BillVersion { parent, version } => write!(f, "bill of {parent}, version {version}"),
            Self::WhereUsed(resource) => write!(f, "where-used of {resource}"),
            Self::Position(of) => write!(f, "position {of}"),
            Self::Movement { of, seq } => write!(f, "movement {seq} of {of}"),
            Self::Order { shop, order } => write!(f, "order {order} of {shop}"),
            Self::OrderToRead { shop, gid } => write!(f, "request to read {gid} of {shop}"),
            Self::AppliedEvent(event) => write!(f, "mark of event {event}"),
            Self::Deferred { lane, event } => write!(f, "event {event} deferred for {lane}"),
            Self::Commitment { document, reference, of } => write!(f, "{} {reference} at {of}", document.name()),
            Self::Receipts(sku) => write!(f, "scheduled receipts of {sku}"),
            Self::Waiting { missing, name } => write!(f, "{name} waiting for {missing}"),
            Self::Heartbeat(system) => write!(f, "heartbeat of {system}"),
            Self::System(code) => write!(f, "system {code}"),
            Self::FeedWatermark { system, feed } => write!(f, "watermark of feed {feed} of {system}"),
            Self::FullRefresh { system, feed, name } => write!(f, "entry {name} of the full refresh {feed} of {system}"),
            Self::Promise(sku) => write!(f, "promise of {sku}"),
            Self::Plan(first) => write!(f, "plan {first}"),
            Self::PlanOf(sku) => write!(f, "plan membership of {sku}"),
            Self::Level { shop, sku, location } => write!(f, "level of {sku} at {location} in {shop}"),
            Self::Metafield { shop, sku, kind } => write!(f, "metafield {kind} of {sku} in {shop}"),
            Self::Intent(shop) => write!(f, "push intent of {shop}"),
            Self::Call { shop, number } => write!(f, "call {number} to {shop}"),
            Self::OrderWatermark(shop) => write!(f, "order watermark of {shop}"),
            Self::CompareProgress(shop) => write!(f, "comparison progress of {shop}"),
            Self::CompareReport { shop, began } => write!(f, "comparison report of {shop} at {began}"),
            Self::Refresh => f.write_str("refresh of all items"),
            Self::Alert(about) => write!(f, "alert {about}"),
        }
    }
}
