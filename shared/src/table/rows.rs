//! The key and the index entry under which each stored type is written.

use jiff::Timestamp;

use super::index::{IndexKey, OrderEntry};
use super::key::RowKey;
use super::row::Row;
use crate::alert::Alert;
use crate::catalog::{
    BillOfMaterials, BillVersion, Item, ListedVariant, Location, ShopItem, ShopSettings, SystemItem, Tier, WhereUsed, WorkCentre,
};
use crate::ledger::{AppliedEvent, DeferredEvent, Position};
use crate::movement::{Movement, content_hash};
use crate::order::{OrderRecord, OrderToRead, ReadFailure};
use crate::promise::{GroupPlan, PlanMembership, Promise};
use crate::reconcile::{CompareProgress, CompareReport, OrderWatermark, RefreshProgress};
use crate::source::pull::{FeedWatermark, ReportedState};
use crate::source::{Heartbeat, OpenCommitment, ScheduledReceipts, System, WaitingForMapping};
use crate::storefront::{Level, PushCall, PushIntent, VariantMetafield};

/// The rows that are found by their key alone.
macro_rules! rows {
    ($($row:ident: $self:ident => $key:expr;)*) => {
        $(impl Row for $row {
            fn row_key(&$self) -> RowKey {
                $key
            }
        })*
    };
}

rows! {
    SystemItem: self => RowKey::SystemItem { system: self.system.to_string(), code: self.code.clone() };
    Tier: self => RowKey::Tier(self.id.clone());
    WorkCentre: self => RowKey::WorkCentre(self.code.clone());
    Location: self => RowKey::Location(self.code.clone());
    ShopSettings: self => RowKey::Shop(self.shop.clone());
    BillOfMaterials: self => RowKey::Bill(self.parent.clone());
    BillVersion: self => RowKey::BillVersion { parent: self.0.parent.clone(), version: self.0.version };
    WhereUsed: self => RowKey::WhereUsed(self.resource.clone());
    Position: self => RowKey::Position(self.of.clone());
    OrderToRead: self => RowKey::OrderToRead { shop: self.shop.clone(), gid: self.gid.clone() };
    AppliedEvent: self => RowKey::AppliedEvent(self.event.clone());
    OpenCommitment: self => RowKey::Commitment { document: self.document, reference: self.reference.clone(), of: self.of.clone() };
    ScheduledReceipts: self => RowKey::Receipts(self.sku.clone());
    Heartbeat: self => RowKey::Heartbeat(self.system.clone());
    System: self => RowKey::System(self.code.clone());
    FeedWatermark: self => RowKey::FeedWatermark { system: self.system.clone(), feed: self.feed.clone() };
    ReportedState: self => RowKey::FullRefresh {
        system: self.system.clone(),
        feed: self.feed.clone(),
        name: content_hash(format!("{:?}", (&self.location, &self.sku)).as_bytes()),
    };
    Promise: self => RowKey::Promise(self.sku.clone());
    GroupPlan: self => RowKey::Plan(self.id.clone());
    PlanMembership: self => RowKey::PlanOf(self.sku.clone());
    PushIntent: self => RowKey::Intent(self.shop.clone());
    PushCall: self => RowKey::Call { shop: self.intent.shop.clone(), number: self.intent.number };
    OrderWatermark: self => RowKey::OrderWatermark(self.shop.clone());
    CompareProgress: self => RowKey::CompareProgress(self.shop.clone());
    CompareReport: self => RowKey::CompareReport { shop: self.shop.clone(), began: self.began };
    RefreshProgress: self => RowKey::Refresh;
    Alert: self => RowKey::Alert(self.subject.clone());
}

impl Row for Item {
    fn row_key(&self) -> RowKey {
        RowKey::Item(self.sku.clone())
    }

    fn index(&self) -> Option<IndexKey> {
        Some(IndexKey::Item(self.sku.clone()))
    }
}

impl Row for ShopItem {
    fn row_key(&self) -> RowKey {
        RowKey::ShopItem { shop: self.shop.clone(), shop_sku: self.shop_sku.clone() }
    }

    fn index(&self) -> Option<IndexKey> {
        Some(IndexKey::ShopItem { shop: self.shop.clone(), sku: self.sku.clone() })
    }
}

impl Row for ListedVariant {
    fn row_key(&self) -> RowKey {
        RowKey::ListedVariant { shop: self.shop.clone(), variant: self.variant }
    }
}

impl Row for Movement {
    fn row_key(&self) -> RowKey {
        RowKey::Movement { of: self.of.clone(), seq: self.seq }
    }

    /// A movement is found by its order.
    fn index(&self) -> Option<IndexKey> {
        let line = self.cause.order.as_ref()?;
        Some(IndexKey::Movement { shop: line.shop.clone(), order: line.order, of: self.of.clone(), seq: self.seq })
    }
}

impl Row for OrderRecord {
    fn row_key(&self) -> RowKey {
        RowKey::Order { shop: self.shop.clone(), order: self.order }
    }

    /// An order has an index entry while a job must still process it: to read or forward it, to show that it is quarantined, or
    /// to check that its hold ends.
    fn index(&self) -> Option<IndexKey> {
        let placed_at = self.facts.as_ref().map_or(Timestamp::UNIX_EPOCH, |facts| facts.placed_at);
        let entry = OrderEntry { shop: self.shop.clone(), placed_at, order: self.order };
        if self.waits_to_be_read() {
            Some(IndexKey::UnreadOrder(entry))
        } else if self.unreadable == Some(ReadFailure::Quarantined) {
            Some(IndexKey::QuarantinedOrder(entry))
        } else if self.order.is_draft() {
            let until = self.facts.as_ref()?.reserves_until?;
            Some(IndexKey::HeldDraft { shop: entry.shop, until, draft: entry.order })
        } else if self.is_unallocated() {
            Some(IndexKey::HeldOrder(entry))
        } else {
            None
        }
    }
}

impl Row for DeferredEvent {
    fn row_key(&self) -> RowKey {
        RowKey::Deferred { lane: self.lane.clone(), event: self.event.id().clone() }
    }

    fn index(&self) -> Option<IndexKey> {
        Some(IndexKey::Deferred { at: self.deferred_at, event: self.event.id().clone() })
    }
}

impl Row for WaitingForMapping {
    fn row_key(&self) -> RowKey {
        RowKey::Waiting { missing: self.missing.clone(), name: self.what.name() }
    }

    fn index(&self) -> Option<IndexKey> {
        Some(IndexKey::Waiting { missing: self.missing.clone(), name: self.what.name() })
    }
}

impl Row for Level {
    fn row_key(&self) -> RowKey {
        RowKey::Level { shop: self.shop.clone(), sku: self.sku.clone(), location: self.location.clone() }
    }

    fn index(&self) -> Option<IndexKey> {
        self.is_due().then(|| IndexKey::DueLevel {
            shop: self.shop.clone(),
            urgency: self.urgency(),
            changed_at: self.changed_at,
            sku: self.sku.clone(),
            location: self.location.clone(),
        })
    }
}

impl Row for VariantMetafield {
    fn row_key(&self) -> RowKey {
        RowKey::Metafield { shop: self.shop.clone(), sku: self.sku.clone(), kind: self.value.kind() }
    }

    fn index(&self) -> Option<IndexKey> {
        self.is_due().then(|| IndexKey::DueMetafield {
            shop: self.shop.clone(),
            changed_at: self.changed_at,
            sku: self.sku.clone(),
        })
    }
}
