//! Compares the levels that a shop shows with the computed levels, one page of the catalog at a time.
//!
//! This flow does not correct a drifted level. It marks the level for repair, and the pusher sets it by compare-and-set, in
//! turn with its other pushes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{InventoryItemId, Network, ShopDomain, ShopItem, ShopLocationId, Sku};
use crate::flows::reconcile_error::wait_within;
use crate::flows::watermark::order_watermark;
use crate::flows::{ReconcileError, hint_all, recompute, write_if_unchanged};
use crate::ports::{Clock, Cursor, Hints, Listing, Store, StoreError, Storefront, read};
use crate::reconcile::{CompareProgress, CompareReport, LevelDrift};
use crate::storefront::{Level, PushIntent, PushState, PushTarget, RepairDecision, ShopLevel, StorefrontError, decide_repair};
use crate::table::{Expect, IndexKey, IndexPartition, Key, Record, Row, RowKey, Write};

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
    let after = progress.and_then(|progress| progress.after);
    let page = store
        .list(&Listing {
            limit: F::LEVELS_AT_ONCE,
            after: after.map(|(shop_sku, sku)| cursor(shop, shop_sku, sku)),
            ..Listing::index(&IndexPartition::ShopItems(shop.clone()), F::LEVELS_AT_ONCE)
        })
        .await?;
    let items = page.records.iter().map(Record::decode).collect::<Result<Vec<ShopItem>, _>>()?;
    let mut report =
        CompareReport { shop: shop.clone(), began, levels: 0, in_flight: 0, drifted: Vec::new(), end: page.next.is_none() };
    if !items.is_empty() {
        // The order matters, as in a repair: read the watermark up to which the ledger is complete, recompute the levels, then
        // ask the shop.
        let mark = order_watermark(store, shop).await?;
        let settling_window = mark.settling_window(settling_window, began);
        let skus: BTreeSet<&Sku> = items.iter().map(|item| &item.sku).collect();
        let mut not_recomputed = BTreeSet::new();
        for sku in &skus {
            if let Err(error) = recompute(store, clock, network, sku).await {
                tracing::error!(%sku, %error, "an item could not be recomputed; the comparison continues with the other items");
                not_recomputed.insert(*sku);
            }
        }
        let keys: Vec<Key> = skus
            .iter()
            .flat_map(|sku| {
                network.locations().map(|location| {
                    RowKey::Level { shop: shop.clone(), sku: (*sku).clone(), location: location.code.clone() }.key()
                })
            })
            .collect();
        let pushing = read::<PushIntent, S>(store, &RowKey::Intent(shop.clone()))
            .await?
            .0
            .is_some_and(|intent| intent.state == PushState::Open);
        let records = store.get(&keys).await?;
        let ids: BTreeSet<_> = items.iter().map(|item| item.inventory_item).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let shown = loop {
            match front.levels(shop, &ids).await {
                Ok(shown) => break shown,
                Err(StorefrontError::Throttled { wait }) => wait_within(clock, wait, deadline).await?,
                Err(error) => return Err(error.into()),
            }
        };
        let shown: Shown<'_> = shown.iter().map(|level| ((level.inventory_item, level.location), level)).collect();
        let decide = |level: &Level, found: &ShopLevel| decide_repair(level, found, mark.complete_at, settling_window);
        let to_repair = compare_levels(&mut report, records, (&shown, &not_recomputed, pushing), decide);
        mark_for_repair(store, hints, shop, to_repair).await?;
    }
    let next = page.next.and_then(|_| items.last().map(|item| (item.shop_sku.clone(), item.sku.clone())));
    for write in [Write::put(&report, Expect::Absent), Write::put(&CompareProgress { after: next, ..at }, expect)] {
        // When the row has changed, another comparison ran at the same time and wrote its own result.
        write_if_unchanged(store, &[write]).await?;
    }
    Ok(report)
}

/// What the shop shows of each item and location.
type Shown<'a> = BTreeMap<(InventoryItemId, ShopLocationId), &'a ShopLevel>;

/// Compares stored levels with what the shop shows, and returns those that must be repaired, with their revisions.
fn compare_levels(
    report: &mut CompareReport,
    records: Vec<Option<Record>>,
    (shown, not_recomputed, pushing): (&Shown<'_>, &BTreeSet<&Sku>, bool),
    decide: impl Fn(&Level, &ShopLevel) -> RepairDecision,
) -> Vec<(Level, u64)> {
    let mut to_repair = Vec::new();
    for record in records.into_iter().flatten() {
        let level = match record.decode::<Level>() {
            Ok(level) => level,
            Err(error) => {
                tracing::error!(%error, "a level cannot be read and is left out of the comparison");
                continue;
            }
        };
        let Some(found) = shown.get(&(level.inventory_item, level.shop_location)) else { continue };
        report.levels += 1;
        if not_recomputed.contains(&level.sku) {
            report.in_flight += 1; // It may lack orders that the sweep found and would seem to drift.
            continue;
        }
        match decide(&level, found) {
            RepairDecision::Agrees => {}
            RepairDecision::Set { .. } if !pushing && !level.is_due() => {
                report.drifted.push(LevelDrift {
                    sku: level.sku.clone(),
                    location: level.location.clone(),
                    shown: found.available + found.committed,
                    supply: level.supply,
                });
                to_repair.push((level, record.revision));
            }
            // The shop refused to activate the level. The reason may have passed, so the pusher tries again.
            RepairDecision::Inactive if !pushing && level.refused.is_some() => to_repair.push((level, record.revision)),
            RepairDecision::Set { .. } | RepairDecision::InFlight | RepairDecision::Inactive => report.in_flight += 1,
        }
    }
    to_repair
}

fn cursor(shop: &ShopDomain, shop_sku: String, sku: Sku) -> Cursor {
    let entry = IndexKey::ShopItem { shop: shop.clone(), sku };
    Cursor { key: RowKey::ShopItem { shop: shop.clone(), shop_sku }.key(), index: Some(entry.key()) }
}

async fn mark_for_repair<S: Store, H: Hints>(
    store: &S,
    hints: &H,
    shop: &ShopDomain,
    levels: Vec<(Level, u64)>,
) -> Result<(), StoreError> {
    let mut targets = BTreeSet::new();
    for (level, revision) in levels {
        let again = Level { needs_set: true, refused: None, ..level };
        // A level that has just changed is left to the next comparison.
        if write_if_unchanged(store, &[Write::put(&again, Expect::Revision(revision))]).await? {
            targets.insert(PushTarget::Level { sku: again.sku, location: again.location });
        }
    }
    hint_all(hints, shop, targets).await
}
