//! Refreshes every item. When a location closes or a tier's buffer changes, every item is recomputed, one page at a time. When
//! a day begins at any place, every planned item is planned again, because plans count days from today, and every item of which a
//! lot has expired is recomputed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::catalog::{Network, Sku};
use crate::flows::{NetworkCache, alert, recompute, replan, write_if_unchanged};
use crate::ports::{Clock, Cursor, Listing, Store, StoreError, read, read_rows};
use crate::promise::Promise;
use crate::reconcile::RefreshProgress;
use crate::table::{Expect, IndexKey, IndexPartition, Key, RowKey, Write};

/// Items recomputed between two writes of the progress.
const PAGE: usize = 50;

/// The most items that are kept for another attempt because they could not be recomputed or planned. A page that would exceed it is tried again as a
/// whole.
const MAX_MISSED: usize = 1_000;

/// Requests that every item is recomputed, unless that is requested already and has not begun.
///
/// For rows that changed long ago. A row of the network needs [`request_refresh`], because a warm function may hold the old network.
///
/// # Errors
/// When the store fails.
pub async fn ensure_refresh<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    let (known, expect) = read::<RefreshProgress, S>(store, &RowKey::Refresh).await?;
    if known.is_some_and(|known| !known.only_plans && !known.done && known.after.is_none()) {
        return Ok(());
    }
    begin_anew(store, clock, expect).await
}

/// Requests that every item is recomputed, starting with the first.
///
/// # Errors
/// When the store fails.
pub async fn request_refresh<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    let (_, expect) = read::<RefreshProgress, S>(store, &RowKey::Refresh).await?;
    begin_anew(store, clock, expect).await
}

/// Stores the request in the place of the progress that was read.
async fn begin_anew<S: Store, C: Clock>(store: &S, clock: &C, expect: Expect) -> Result<(), StoreError> {
    let all = RefreshProgress { asked_at: clock.now(), after: None, only_plans: false, done: false, missed: BTreeSet::new() };
    if write_if_unchanged(store, &[Write::put(&all, expect)]).await? {
        return Ok(());
    }
    // Another function requested a refresh or wrote its progress. The next run would continue behind items that must see this
    // change.
    Err(StoreError::Unavailable { detail: "another function writes the progress of the refresh".into(), source: None })
}

/// Recomputes every item if a refresh was requested, or renews all items for a day that has begun. It continues where the last
/// run stopped and ends at `deadline`. Returns the number of recomputed items plus the number of changed plans. The index of
/// due levels leads the pusher to the levels that changed.
///
/// # Errors
/// When the store fails. The next run continues.
pub async fn refresh<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    deadline: Timestamp,
) -> Result<usize, StoreError> {
    let mut done = 0;
    loop {
        let (progress, expect) = read::<RefreshProgress, S>(store, &RowKey::Refresh).await?;
        let now = clock.now();
        let is_over = progress.as_ref().is_none_or(|progress| progress.done);
        if is_over && let Some(progress) = progress.as_ref().filter(|progress| !network.has_new_day(progress.asked_at, now)) {
            return Ok(done + retry_missed((store, clock), network, (progress, expect), deadline).await?);
        }
        if progress.is_none() && expect != Expect::Absent {
            request_refresh(store, clock).await?; // The row cannot be read, and may have requested a refresh.
            return Ok(done);
        }
        let missed = progress.as_ref().map_or_else(BTreeSet::new, |progress| progress.missed.clone());
        let new_day = RefreshProgress { asked_at: now, after: None, only_plans: true, done: false, missed };
        let progress = progress.filter(|_| !is_over).unwrap_or(new_day);
        // Until then a warm function, this one included, may hold the old network.
        if !progress.only_plans && now.duration_since(progress.asked_at).unsigned_abs() < NetworkCache::KEPT {
            return Ok(done);
        }
        let after = progress
            .after
            .as_ref()
            .map(|sku| Cursor { key: RowKey::Item(sku.clone()).key(), index: Some(IndexKey::Item(sku.clone()).key()) });
        let page = store.list(&Listing { after, ..Listing::index(&IndexPartition::Items, PAGE) }).await?;
        let (mut looked_at, mut failed) = (BTreeSet::new(), BTreeSet::new());
        for sku in page.records.iter().filter_map(|record| item_of(&record.key)) {
            if clock.now() > deadline {
                break;
            }
            if !progress.only_plans {
                if !is_recomputed(store, clock, network, &sku).await? {
                    failed.insert(sku.clone());
                }
                done += 1;
            }
            looked_at.insert(sku);
        }
        let (changed, mut missed) = renew(store, clock, network, &looked_at).await?;
        done += changed;
        missed.extend(failed);
        missed.extend(progress.missed.iter().cloned());
        if missed.len() > MAX_MISSED {
            let detail = format!("more than {MAX_MISSED} items could not be renewed; the log names the reason for each");
            return Err(StoreError::Unavailable { detail, source: None });
        }
        let cut = clock.now() > deadline;
        let last = looked_at.last().cloned();
        let end = !cut && (page.next.is_none() || last.is_none());
        let write = Write::put(&RefreshProgress { after: last.or(progress.after), done: end, missed, ..progress }, expect);
        // When the row has changed, a new refresh was requested meanwhile, and the next round starts at the first item.
        write_if_unchanged(store, &[write]).await?;
        if cut {
            return Ok(done);
        }
    }
}

/// Recomputes and renews the missed items after the run has ended.
async fn retry_missed<S: Store, C: Clock>(
    (store, clock): (&S, &C),
    network: &Network,
    (progress, expect): (&RefreshProgress, Expect),
    deadline: Timestamp,
) -> Result<usize, StoreError> {
    if progress.missed.is_empty() {
        return Ok(0);
    }
    let mut failed = BTreeSet::new();
    for sku in &progress.missed {
        if clock.now() > deadline || !is_recomputed(store, clock, network, sku).await? {
            failed.insert(sku.clone());
        }
    }
    let (changed, mut missed) = renew(store, clock, network, &progress.missed).await?;
    missed.extend(failed);
    if missed != progress.missed {
        // When the row has changed, another function retried the same items, or a new refresh was requested.
        write_if_unchanged(store, &[Write::put(&RefreshProgress { missed, ..progress.clone() }, expect)]).await?;
    }
    Ok(changed)
}

/// Recomputes one item. Returns whether that succeeded. When a row of it is faulty, an alert names the row.
async fn is_recomputed<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, sku: &Sku) -> Result<bool, StoreError> {
    let Err(error) = recompute(store, clock, network, sku).await else { return Ok(true) };
    tracing::error!(%sku, %error, "an item could not be recomputed; the refresh continues with the other items");
    alert::faulty_row(store, clock, &error).await?;
    Ok(false)
}

/// Brings these items to the day that it is: recomputes those of which a lot has expired, and plans all of them. Returns how many
/// promises and plans changed, and the items that must be tried again.
async fn renew<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    skus: &BTreeSet<Sku>,
) -> Result<(usize, BTreeSet<Sku>), StoreError> {
    let promises: Vec<RowKey> = skus.iter().cloned().map(RowKey::Promise).collect();
    let rows = read_rows(store, promises.iter().cloned()).await?;
    let mut changed = 0;
    let mut missed = BTreeSet::new();
    for promise in rows.all::<Promise>(&promises)?.into_iter().filter(|promise| promise.is_past_an_expiry(network, clock.now())) {
        match recompute(store, clock, network, &promise.sku).await {
            Ok(_) => changed += 1,
            Err(error) => {
                tracing::error!(sku = %promise.sku, %error, "an item of which a lot has expired could not be recomputed");
                missed.insert(promise.sku);
            }
        }
    }
    let (plans, unplanned) = plan_all(store, clock, network, skus).await;
    missed.extend(unplanned);
    Ok((changed + plans, missed))
}

/// Plans these items again, together if possible, otherwise one by one. Returns how many plans changed, and the items that
/// still could not be planned.
async fn plan_all<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, skus: &BTreeSet<Sku>) -> (usize, BTreeSet<Sku>) {
    match replan(store, clock, network, skus).await {
        Ok(plans) => return (plans, BTreeSet::new()),
        Err(error) => tracing::warn!(%error, "items could not be planned together and are planned one by one"),
    }
    let (mut plans, mut missed) = (0, BTreeSet::new());
    for sku in skus {
        match replan(store, clock, network, &BTreeSet::from([sku.clone()])).await {
            Ok(written) => plans += written,
            Err(error) => {
                tracing::error!(%sku, %error, "an item could not be planned; the refresh continues with the other items");
                missed.insert(sku.clone());
            }
        }
    }
    (plans, missed)
}

fn item_of(key: &Key) -> Option<Sku> {
    match RowKey::parse(key) {
        Some(RowKey::Item(sku)) => Some(sku),
        Some(_) | None => None,
    }
}
