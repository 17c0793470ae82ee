//! The entries of the sparse index: rows that a job must work on, and rows that are listed in another order.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::key::{Key, RowKey};
use super::segments::{join, name, number};
use crate::alert::AlertSubject;
use crate::catalog::{LocationId, MissingMapping, OrderId, ShopDomain, Sku};
use crate::movement::{EventId, PositionKey};

/// The index entry under which a row is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexKey {
    /// An item, by SKU.
    Item(Sku),
    /// A shop's item, by our SKU.
    ShopItem {
        /// The shop.
        shop: ShopDomain,
        /// Our item.
        sku: Sku,
    },
    /// A movement, by its order.
    Movement {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
        /// The position.
        of: PositionKey,
        /// Its sequence number there.
        seq: u64,
    },
    /// An order that must be read or forwarded, oldest first.
    UnreadOrder(OrderEntry),
    /// An order that is quarantined, oldest first.
    QuarantinedOrder(OrderEntry),
    /// An order whose units no warehouse has allocated, oldest first.
    HeldOrder(OrderEntry),
    /// A draft order that reserves, the first to expire first.
    HeldDraft {
        /// The shop.
        shop: ShopDomain,
        /// Until when it reserves.
        until: Timestamp,
        /// The draft.
        draft: OrderId,
    },
    /// A deferred event, oldest first.
    Deferred {
        /// When it was deferred.
        at: Timestamp,
        /// The event.
        event: EventId,
    },
    /// A level that must be sent to the shop, most urgent first.
    DueLevel {
        /// The shop.
        shop: ShopDomain,
        /// Lower goes first.
        urgency: u8,
        /// When the value that it should have last changed.
        changed_at: Timestamp,
        /// The item.
        sku: Sku,
        /// Our location.
        location: LocationId,
    },
    /// A metafield that must be sent to the shop, oldest change first.
    DueMetafield {
        /// The shop.
        shop: ShopDomain,
        /// When the value that it should have last changed.
        changed_at: Timestamp,
        /// The item.
        sku: Sku,
    },
    /// An alert that is raised, by its rule.
    RaisedAlert(AlertSubject),
    /// An event or order that waits for a mapping, by the mapping.
    Waiting {
        /// The mapping that is missing.
        missing: MissingMapping,
        /// The event or order that waits.
        name: String,
    },
}

/// An order in an index that is ordered by when it was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEntry {
    /// The shop.
    pub shop: ShopDomain,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// The order.
    pub order: OrderId,
}

impl IndexKey {
    /// The stored partition and sort key of the entry.
    #[must_use]
    pub fn key(&self) -> Key {
        let entry = |partition: IndexPartition, sort: &[&str]| Key::new(partition.key(), join(sort));
        let order = |partition: fn(ShopDomain) -> IndexPartition, OrderEntry { shop, placed_at, order }: &OrderEntry| {
            entry(partition(shop.clone()), &[&placed_at.to_string(), &order.to_string()])
        };
        match self {
            Self::Item(sku) => entry(IndexPartition::Items, &[sku.as_str()]),
            Self::ShopItem { shop, sku } => entry(IndexPartition::ShopItems(shop.clone()), &[sku.as_str()]),
            Self::Movement { shop, order, of, seq } => {
                entry(IndexPartition::MovementsOfOrder(shop.clone(), *order), &[&of.to_string(), &number(*seq)])
            }
            Self::UnreadOrder(of) => order(IndexPartition::UnreadOrders, of),
            Self::QuarantinedOrder(of) => order(IndexPartition::QuarantinedOrders, of),
            Self::HeldOrder(of) => order(IndexPartition::HeldOrders, of),
            Self::HeldDraft { shop, until, draft } => {
                entry(IndexPartition::HeldDrafts(shop.clone()), &[&until.to_string(), &draft.to_string()])
            }
            Self::Deferred { at, event } => entry(IndexPartition::Deferred, &[&at.to_string(), &event.source, &event.id]),
            Self::DueLevel { shop, urgency, changed_at, sku, location } => entry(
                IndexPartition::DueLevels(shop.clone()),
                &[&urgency.to_string(), &changed_at.to_string(), sku.as_str(), location.as_str()],
            ),
            Self::DueMetafield { shop, changed_at, sku } => {
                entry(IndexPartition::DueMetafields(shop.clone()), &[&changed_at.to_string(), sku.as_str()])
            }
            Self::RaisedAlert(about) => {
                let fields = about.fields();
                let fields: Vec<Cow<'_, str>> = fields.iter().map(|field| name(field)).collect();
                let sort: Vec<&str> = std::iter::once(about.rule()).chain(fields.iter().map(Cow::as_ref)).collect();
                entry(IndexPartition::RaisedAlerts, &sort)
            }
            Self::Waiting { missing, name: of } => {
                let fields = missing.fields();
                let sort: Vec<Cow<'_, str>> = fields.iter().chain([of]).map(|field| name(field)).collect();
                entry(IndexPartition::Waiting, &sort.iter().map(Cow::as_ref).collect::<Vec<_>>())
            }
        }
    }

    /// A key in the index after every entry that waits for `missing`.
    #[must_use]
    pub fn after_all_waiting_for(missing: &MissingMapping) -> Key {
        let last = Self::Waiting { missing: missing.clone(), name: char::MAX.to_string() };
        last.key()
    }
}

/// A partition of the index, which is listed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexPartition {
    /// All items.
    Items,
    /// The items that a shop sells.
    ShopItems(ShopDomain),
    /// The movements of an order.
    MovementsOfOrder(ShopDomain, OrderId),
    /// A shop's orders that must be read or forwarded.
    UnreadOrders(ShopDomain),
    /// A shop's orders that are quarantined.
    QuarantinedOrders(ShopDomain),
    /// A shop's orders whose units no warehouse has allocated.
    HeldOrders(ShopDomain),
    /// A shop's draft orders that reserve.
    HeldDrafts(ShopDomain),
    /// All deferred events.
    Deferred,
    /// The levels that must be sent to a shop.
    DueLevels(ShopDomain),
    /// The metafields that must be sent to a shop.
    DueMetafields(ShopDomain),
    /// All alerts that are raised.
    RaisedAlerts,
    /// All events and orders that wait for a mapping.
    Waiting,
}

impl IndexPartition {
    /// The stored partition key.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Items => join(&["ITEMS"]),
            Self::ShopItems(shop) => join(&["LISTINGS", shop.as_str()]),
            Self::MovementsOfOrder(shop, order) => join(&["MOVEMENTS", shop.as_str(), &order.to_string()]),
            Self::UnreadOrders(shop) => join(&["UNREAD", shop.as_str()]),
            Self::QuarantinedOrders(shop) => join(&["QUARANTINED", shop.as_str()]),
            Self::HeldOrders(shop) => join(&["HELD", shop.as_str()]),
            Self::HeldDrafts(shop) => join(&["DRAFTS", shop.as_str()]),
            Self::Deferred => join(&["DEFERRED"]),
            Self::DueLevels(shop) => join(&["DUE", shop.as_str(), "levels"]),
            Self::DueMetafields(shop) => join(&["DUE", shop.as_str(), "metafields"]),
            Self::RaisedAlerts => join(&["ALERTS"]),
            Self::Waiting => join(&["WAITING"]),
        }
    }
}

/// The sort-key prefixes, in [`IndexPartition::Waiting`], of every entry that may wait for the mapping in a row. Empty for rows
/// that hold no mapping.
#[must_use]
pub fn waiting_prefixes(row: &RowKey) -> BTreeSet<String> {
    let items = |code: &str| MissingMapping::ITEM_KINDS.map(|kind| join(&[kind, &name(code), ""])).into();
    match row {
        RowKey::Item(sku) => items(sku.as_str()),
        RowKey::ShopItem { shop_sku, .. } => items(shop_sku),
        RowKey::ListedVariant { variant, .. } => [join(&["shop_variant", &variant.to_string(), ""])].into(),
        RowKey::SystemItem { code, .. } => items(code),
        RowKey::Location(_) => MissingMapping::LOCATION_KINDS.map(|kind| join(&[kind, ""])).into(),
        RowKey::Tier(_)
        | RowKey::Shop(_)
        | RowKey::WorkCentre(_)
        | RowKey::Bill(_)
        | RowKey::BillVersion { .. }
        | RowKey::WhereUsed(_)
        | RowKey::Position(_)
        | RowKey::Movement { .. }
        | RowKey::Order { .. }
        | RowKey::OrderToRead { .. }
        | RowKey::AppliedEvent(_)
        | RowKey::Deferred { .. }
        | RowKey::Commitment { .. }
        | RowKey::Receipts(_)
        | RowKey::Waiting { .. }
        | RowKey::Heartbeat(_)
        | RowKey::System(_)
        | RowKey::FeedWatermark { .. }
        | RowKey::FullRefresh { .. }
        | RowKey::Promise(_)
        | RowKey::Plan(_)
        | RowKey::PlanOf(_)
        | RowKey::Level { .. }
        | RowKey::Metafield { .. }
        | RowKey::Intent(_)
        | RowKey::Call { .. }
        | RowKey::OrderWatermark(_)
        | RowKey::CompareProgress(_)
        | RowKey::CompareReport { .. }
        | RowKey::Refresh
        | RowKey::Alert(_) => BTreeSet::new(),
    }
}
