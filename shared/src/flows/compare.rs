//! Compares the levels that a shop shows with the computed levels, one page of the catalog at a time.
//!
//! This flow does not correct a drifted level. It marks the level for repair, and the pusher sets it by compare-and-set, in
//! turn with its other pushes. It also finds what only the shop shows: units that no order of the shop claims, levels that a
//! person deactivated, levels where stock was never reported, and whether the shop restocked units that an edit removed.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Location, LocationKind, Network, Place, Quantity, ShopDomain, ShopItem, Sku};
use crate::flows::claims::{Settled, reserved_by_drafts, unclaimed_at};
use crate::flows::delivered::turn_alert;
use crate::flows::reconcile_error::wait_within;
use crate::flows::watermark::order_watermark;
use crate::flows::{ReconcileError, alert, hint_all, receive, recompute, write_if_unchanged};
use crate::ledger::{LedgerEvent, PositionDecision};
use crate::movement::PositionKey;
use crate::ports::{Clock, Cursor, Hints, Listing, Store, StoreError, Storefront, read, read_rows};
use crate::promise::Promise;
use crate::reconcile::{CompareProgress, CompareReport, LevelDrift};
use crate::storefront::{
    Level, LevelBlock, PushIntent, PushState, PushTarget, RepairDecision, ShopLevel, StorefrontError, decide_repair,
};
use crate::table::{Expect, IndexKey, IndexPartition, ReadRows, Row, RowKey, Write};

/// Compares the next page of the shop's catalog.
///
/// # Errors
/// [`ReconcileError`]. The next run compares the page again.
pub async fn compare<S: Store, F: Storefront, H: Hints, C: Clock>(
    (store, front, hints, clock): (&S, &F, &H, &C),
    network: &Network,
    shop: &ShopDomain,
    settling_window: Duration,
    deadline: Timestamp,
) -> Result<CompareReport, ReconcileError> {
    let began = clock.now();
    let at = CompareProgress { shop: shop.clone(), after: None };
    let (progress, expect) = read::<CompareProgress, S>(store, &at.row_key()).await?;
    let after = progress.and_then(|progress| progress.after).map(|(shop_sku, sku)| cursor(shop, shop_sku, sku));
    let listing = Listing { after, ..Listing::index(&IndexPartition::ShopItems(shop.clone()), F::LEVELS_AT_ONCE) };
    let (items, end) = next_items(store, clock, listing).await?;
    let drifted = Vec::new();
    let mut report = CompareReport { shop: shop.clone(), began, levels: 0, in_flight: 0, parked: 0, drifted, end };
    if !items.is_empty() {
        let comparison = Comparison { store, hints, clock, network, shop, settling_window };
        comparison.page(front, &items, &mut report, deadline).await?;
    }
    let next = items.last().filter(|_| !end).map(|item| (item.shop_sku.clone(), item.sku.clone()));
    for write in [Write::put(&report, Expect::Absent), Write::put(&CompareProgress { after: next, ..at }, expect)] {
        // When the row has changed, another comparison ran at the same time and wrote its own result.
        write_if_unchanged(store, &[write]).await?;
    }
    Ok(report)
}

/// The next page of the catalog that has an item which can be read, and whether the catalog ends there.
async fn next_items<S: Store, C: Clock>(store: &S, clock: &C, mut listing: Listing) -> Result<(Vec<ShopItem>, bool), StoreError> {
    loop {
        let page = store.list(&listing).await?;
        let mut items = Vec::new();
        for record in &page.records {
            match record.decode() {
                Ok(item) => items.push(item),
                Err(error) => alert::faulty_row(store, clock, &error.into()).await?,
            }
        }
        match page.next {
            Some(next) if items.is_empty() => listing.after = Some(next),
            next => return Ok((items, next.is_none())),
        }
    }
}

fn cursor(shop: &ShopDomain, shop_sku: String, sku: Sku) -> Cursor {
    let entry = IndexKey::ShopItem { shop: shop.clone(), sku };
    Cursor { key: RowKey::ShopItem { shop: shop.clone(), shop_sku }.key(), index: Some(entry.key()) }
}

/// Whether a shop shows units of an item at a location in use, where the level is not computed.
fn is_shown(location: &Location, found: &ShopLevel) -> bool {
    location.active && location.kind != LocationKind::Production && found.active && !found.total().is_zero()
}

/// What a comparison found about one level.
enum Finding {
    /// There is nothing to do.
    Nothing,
    /// Orders may be in flight, or a push is due: a later comparison decides.
    InFlight,
    /// The level must be written as it is here. The pusher sends it when it is due.
    Changed(Box<Level>),
    /// The level differs and must be repaired.
    Drifted(Box<Level>),
    /// The change waits for an operator.
    Parked(Box<Level>),
    /// The shop has the expected number, so it restocked these units that order edits removed.
    Restocked(Quantity),
}

struct Comparison<'a, S, H, C> {
    store: &'a S,
    hints: &'a H,
    clock: &'a C,
    network: &'a Network,
    shop: &'a ShopDomain,
    settling_window: Duration,
}

impl<S: Store, H: Hints, C: Clock> Comparison<'_, S, H, C> {
    async fn page<F: Storefront>(
        &self,
        front: &F,
        items: &[ShopItem],
        report: &mut CompareReport,
        deadline: Timestamp,
    ) -> Result<(), ReconcileError> {
        let (store, shop) = (self.store, self.shop);
        // The order matters, as in a repair: read the watermark up to which the ledger is complete, recompute the levels, then
        // ask the shop.
        let mark = order_watermark(store, shop).await?;
        let settled = Settled { swept_at: mark.complete_at, window: mark.settling_window(self.settling_window, report.began) };
        let skus: BTreeSet<&Sku> = items.iter().map(|item| &item.sku).collect();
        let mut not_recomputed = BTreeSet::new();
        for sku in &skus {
            if let Err(error) = recompute(store, self.clock, self.network, sku).await {
                tracing::error!(%sku, %error, "an item could not be recomputed; the comparison continues with the other items");
                alert::faulty_row(store, self.clock, &error).await?;
                not_recomputed.insert(*sku);
            }
        }
        let pushing = read::<PushIntent, S>(store, &RowKey::Intent(shop.clone()))
            .await?
            .0
            .is_some_and(|intent| intent.state == PushState::Open);
        let names = skus.iter().flat_map(|sku| {
            let levels = self.network.locations().map(|location| RowKey::Level {
                shop: shop.clone(),
                sku: (*sku).clone(),
                location: location.code.clone(),
            });
            levels.chain([RowKey::Promise((*sku).clone())])
        });
        let rows = read_rows(store, names).await?;
        let ids: BTreeSet<_> = items.iter().map(|item| item.inventory_item).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let shown = loop {
            match front.levels(shop, &ids).await {
                Ok(shown) => break shown,
                Err(StorefrontError::Throttled { wait }) => wait_within(self.clock, wait, deadline).await?,
                Err(error) => return Err(error.into()),
            }
        };
        let drafted = reserved_by_drafts(store, shop).await?;
        let mut targets = BTreeSet::new();
        for item in items {
            let shown: Vec<&ShopLevel> = shown.iter().filter(|level| level.inventory_item == item.inventory_item).collect();
            if not_recomputed.contains(&item.sku) {
                // Its levels may lack orders that the sweep found, and would seem to drift.
                report.levels += shown.len();
                report.in_flight += shown.len();
                continue;
            }
            let promise: Option<Promise> = rows.get(&RowKey::Promise(item.sku.clone()))?;
            let drafted = drafted.get(&item.sku).copied().unwrap_or_default();
            let unclaimed =
                promise.as_ref().and_then(|promise| unclaimed_at(self.network, shop, (promise, drafted), &shown, settled));
            for found in shown {
                let Some(location) = self.network.by_shop_id(shop, found.location) else { continue };
                let Some(level) = self.level_of(&rows, item, location, found) else { continue };
                report.levels += 1;
                let here = unclaimed.as_ref().and_then(|unclaimed| unclaimed.get(&found.location).copied());
                let finding = self.find(&level, found, (settled, pushing, here));
                if let Some(target) = self.act(&rows, level, found, finding, report).await? {
                    targets.insert(target);
                }
            }
        }
        Ok(hint_all(self.hints, shop, targets).await?)
    }

    /// The level that the shop shows here: as it is stored, or a new one where stock was never reported. `None` if it is not
    /// compared.
    fn level_of(&self, rows: &ReadRows, item: &ShopItem, location: &Location, found: &ShopLevel) -> Option<Level> {
        let (shop, sku, code) = (self.shop.clone(), item.sku.clone(), location.code.clone());
        let row = RowKey::Level { shop: shop.clone(), sku: sku.clone(), location: code.clone() };
        match rows.get::<Level>(&row) {
            // A level with other ids is of an older mapping.
            Ok(Some(level)) => {
                Some(level).filter(|level| (level.inventory_item, level.shop_location) == (found.inventory_item, found.location))
            }
            // A level that cannot be read is there. Only the next recomputation knows how to write it anew.
            Ok(None) if rows.record(&row).is_some() => None,
            // A shop stocks a new item at every location. Only a level that shows units needs a report.
            Ok(None) if is_shown(location, found) => {
                let level = Level::new(shop, sku, code, found.inventory_item, found.location);
                Some(Level { blocked: Some(LevelBlock::NeverReported), ..level })
            }
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "a level cannot be read and is left out of the comparison");
                None
            }
        }
    }

    /// Decides what to do about one level.
    fn find(
        &self,
        level: &Level,
        found: &ShopLevel,
        (settled, pushing, unclaimed): (Settled, bool, Option<Quantity>),
    ) -> Finding {
        let again = || Box::new(Level { needs_set: true, blocked: None, ..level.clone() });
        let is_busy = pushing || level.is_due();
        match (&level.blocked, decide_repair(level, found, settled.swept_at, settled.window)) {
            (Some(LevelBlock::NeverReported), _) if level.alert.is_none() => Finding::Changed(Box::new(level.clone())),
            (Some(LevelBlock::NeverReported), _) => Finding::Nothing,
            _ if is_busy => Finding::InFlight,
            // The shop refused to activate the level. The reason may have passed, so the pusher tries again.
            (Some(LevelBlock::Refused { .. }), RepairDecision::Inactive) => Finding::Changed(again()),
            (Some(LevelBlock::Deactivated), RepairDecision::Inactive) => Finding::Nothing,
            (Some(LevelBlock::Deactivated), _) => Finding::Changed(again()),
            (None | Some(LevelBlock::Parked { .. }), RepairDecision::Inactive) => {
                Finding::Changed(Box::new(Level { needs_set: false, blocked: Some(LevelBlock::Deactivated), ..level.clone() }))
            }
            (_, RepairDecision::InFlight) => Finding::InFlight,
            _ if unclaimed.is_some_and(|unclaimed| unclaimed != level.unclaimed) => {
                let mut claimed = level.clone();
                claimed.set_unclaimed(unclaimed.unwrap_or_default(), self.clock.now());
                Finding::Changed(Box::new(claimed))
            }
            (_, RepairDecision::Agrees) if level.removed.is_positive() => Finding::Restocked(level.removed),
            (_, RepairDecision::Agrees) => Finding::Nothing,
            (_, RepairDecision::Park { shown, wanted }) => {
                let blocked = Some(LevelBlock::Parked { shown, wanted });
                Finding::Parked(Box::new(Level { needs_set: false, blocked, ..level.clone() }))
            }
            (_, RepairDecision::Set { .. }) => Finding::Drifted(again()),
        }
    }

    /// Writes what was found. Returns the level to be pushed, if there is one.
    async fn act(
        &self,
        rows: &ReadRows,
        level: Level,
        found: &ShopLevel,
        finding: Finding,
        report: &mut CompareReport,
    ) -> Result<Option<PushTarget>, ReconcileError> {
        let changed = match finding {
            Finding::Nothing => return Ok(None),
            Finding::InFlight => {
                report.in_flight += 1;
                return Ok(None);
            }
            Finding::Restocked(units) => {
                let of = PositionKey::new(level.sku, Place::At(level.location));
                let decision =
                    PositionDecision::settle(PositionDecision::COMPARISON, of, (units, Quantity::ZERO), self.clock.now());
                receive(self.store, self.clock, self.network, LedgerEvent::Decision(decision)).await?;
                return Ok(None);
            }
            Finding::Changed(changed) => *changed,
            Finding::Parked(changed) => {
                report.parked += 1;
                *changed
            }
            Finding::Drifted(changed) => {
                report.drifted.push(LevelDrift {
                    sku: level.sku.clone(),
                    location: level.location.clone(),
                    shown: found.total(),
                    supply: level.supply,
                });
                *changed
            }
        };
        let mut changed = changed;
        let mut writes = turn_alert(self.store, &mut changed, self.clock.now()).await?;
        if changed == level && writes.is_empty() {
            return Ok(None);
        }
        writes.push(rows.put(&changed));
        // A level that has just changed is left to the next comparison.
        let is_written = write_if_unchanged(self.store, &writes).await?;
        let due = is_written && changed.is_due();
        Ok(due.then_some(PushTarget::Level { sku: changed.sku, location: changed.location }))
    }
}
