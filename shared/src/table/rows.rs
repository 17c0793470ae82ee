//! The key and the index entry under which each stored type is written.

use jiff::Timestamp;

use super::index::{IndexKey, OrderEntry};
use super::key::RowKey;
use super::row::{Expect, Record, Row, UnreadableRow, Write};
use crate::alert::{Alert, AlertState};
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
    (derived: $derived:literal; $($row:ident: $self:ident => $key:expr;)*) => {
        $(impl Row for $row {
            const IS_DERIVED: bool = $derived;

            fn row_key(&$self) -> RowKey {
                $key
            }
        })*
    };
}

rows! {
    derived: false;
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
    OpenCommitment: self => RowKey::Commitment { document: self.document, reference: self.reference.clone(), of: self.of.clone() };
    ScheduledReceipts: self => RowKey::Receipts(self.sku.clone());
    System: self => RowKey::System(self.code.clone());
    ReportedState: self => RowKey::FullRefresh {
        system: self.system.clone(),
        feed: self.feed.clone(),
        name: content_hash(format!("{:?}", (&self.location, &self.sku)).as_bytes()),
    };
}

rows! {
    derived: true;
    Heartbeat: self => RowKey::Heartbeat(self.system.clone());
    FeedWatermark: self => RowKey::FeedWatermark { system: self.system.clone(), feed: self.feed.clone() };
    Promise: self => RowKey::Promise(self.sku.clone());
    GroupPlan: self => RowKey::Plan(self.id.clone());
    PlanMembership: self => RowKey::PlanOf(self.sku.clone());
    OrderWatermark: self => RowKey::OrderWatermark(self.shop.clone());
    CompareProgress: self => RowKey::CompareProgress(self.shop.clone());
    RefreshProgress: self => RowKey::Refresh;
    PushIntent: self => RowKey::Intent(self.shop.clone());
}

impl Row for AppliedEvent {
    fn row_key(&self) -> RowKey {
        RowKey::AppliedEvent(self.event.clone())
    }

    fn kept_from(&self) -> Option<Timestamp> {
        Some(self.applied_at)
    }
}

impl Row for PushCall {
    fn row_key(&self) -> RowKey {
        RowKey::Call { shop: self.intent.shop.clone(), number: self.intent.number }
    }

    fn kept_from(&self) -> Option<Timestamp> {
        Some(self.closed_at)
    }
}

impl Row for CompareReport {
    fn row_key(&self) -> RowKey {
        RowKey::CompareReport { shop: self.shop.clone(), began: self.began }
    }

    fn kept_from(&self) -> Option<Timestamp> {
        Some(self.began)
    }
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

    /// An order has an index entry while a job must still process it: to read or forward it, to read it again because it is
    /// quarantined, or to check that its hold ends. A quarantined order keeps that entry while it also waits to be read, because the
    /// sweep counts these entries before it states that the ledger is complete.
    fn index(&self) -> Option<IndexKey> {
        let placed_at = self.facts.as_ref().map_or(Timestamp::UNIX_EPOCH, |facts| facts.placed_at);
        let entry = OrderEntry { shop: self.shop.clone(), placed_at, order: self.order };
        if self.unreadable == Some(ReadFailure::Quarantined) {
            Some(IndexKey::QuarantinedOrder(entry))
        } else if self.waits_to_be_read() {
            Some(IndexKey::UnreadOrder(entry))
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
    const IS_DERIVED: bool = true;

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
    const IS_DERIVED: bool = true;

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

impl Row for Alert {
    const IS_DERIVED: bool = true;

    fn row_key(&self) -> RowKey {
        RowKey::Alert(self.subject.clone())
    }

    fn index(&self) -> Option<IndexKey> {
        (self.state == AlertState::Raised).then(|| IndexKey::RaisedAlert(self.subject.clone()))
    }

    /// A cleared alert means the same as none.
    fn kept_from(&self) -> Option<Timestamp> {
        (self.state == AlertState::Cleared).then_some(self.changed_at)
    }
}

/// Checks that a stored row can be read.
///
/// # Errors
/// When it has another shape than its key says, or no kind of row is stored under its key.
pub fn check(record: &Record) -> Result<(), UnreadableRow> {
    rewrite(record).map(drop)
}

/// The write that replaces a stored row by the same content: the store accepts it if the row can be written.
///
/// # Errors
/// As [`check`].
pub fn rewrite(record: &Record) -> Result<Write, UnreadableRow> {
    fn rewritten<R: Row>(record: &Record) -> Result<Write, UnreadableRow> {
        Ok(Write::put(&record.decode::<R>()?, Expect::as_read(Some(record))))
    }
    let Some(row) = RowKey::parse(&record.key) else {
        let detail = "no kind of row is stored under this key".to_owned();
        return Err(UnreadableRow { key: record.key.to_string(), detail });
    };
    match row {
        RowKey::Item(_) => rewritten::<Item>(record),
        RowKey::ShopItem { .. } => rewritten::<ShopItem>(record),
        RowKey::ListedVariant { .. } => rewritten::<ListedVariant>(record),
        RowKey::SystemItem { .. } => rewritten::<SystemItem>(record),
        RowKey::Tier(_) => rewritten::<Tier>(record),
        RowKey::WorkCentre(_) => rewritten::<WorkCentre>(record),
        RowKey::Location(_) => rewritten::<Location>(record),
        RowKey::Shop(_) => rewritten::<ShopSettings>(record),
        RowKey::Bill(_) => rewritten::<BillOfMaterials>(record),
        RowKey::BillVersion { .. } => rewritten::<BillVersion>(record),
        RowKey::WhereUsed(_) => rewritten::<WhereUsed>(record),
        RowKey::Position(_) => rewritten::<Position>(record),
        RowKey::Movement { .. } => rewritten::<Movement>(record),
        RowKey::Order { .. } => rewritten::<OrderRecord>(record),
        RowKey::OrderToRead { .. } => rewritten::<OrderToRead>(record),
        RowKey::AppliedEvent(_) => rewritten::<AppliedEvent>(record),
        RowKey::Deferred { .. } => rewritten::<DeferredEvent>(record),
        RowKey::Commitment { .. } => rewritten::<OpenCommitment>(record),
        RowKey::Receipts(_) => rewritten::<ScheduledReceipts>(record),
        RowKey::Waiting { .. } => rewritten::<WaitingForMapping>(record),
        RowKey::Heartbeat(_) => rewritten::<Heartbeat>(record),
        RowKey::System(_) => rewritten::<System>(record),
        RowKey::FeedWatermark { .. } => rewritten::<FeedWatermark>(record),
        RowKey::FullRefresh { .. } => rewritten::<ReportedState>(record),
        RowKey::Promise(_) => rewritten::<Promise>(record),
        RowKey::Plan(_) => rewritten::<GroupPlan>(record),
        RowKey::PlanOf(_) => rewritten::<PlanMembership>(record),
        RowKey::Level { .. } => rewritten::<Level>(record),
        RowKey::Metafield { .. } => rewritten::<VariantMetafield>(record),
        RowKey::Intent(_) => rewritten::<PushIntent>(record),
        RowKey::Call { .. } => rewritten::<PushCall>(record),
        RowKey::OrderWatermark(_) => rewritten::<OrderWatermark>(record),
        RowKey::CompareProgress(_) => rewritten::<CompareProgress>(record),
        RowKey::CompareReport { .. } => rewritten::<CompareReport>(record),
        RowKey::Refresh => rewritten::<RefreshProgress>(record),
        RowKey::Alert(_) => rewritten::<Alert>(record),
    }
}
