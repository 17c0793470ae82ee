//! What touches every item. A location closes, a tier keeps back more: all are recomputed, a page at a time. A day begins:
//! all that can still be made is planned anew, because there is a day less for some of it and a day more for the rest.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::catalog::{Network, Sku, day_of};
use crate::flows::{NetworkCache, recompute, replan};
use crate::ports::{Clock, Cursor, Listing, Store, StoreError, WriteError, read};
use crate::reconcile::RefreshProgress;
use crate::table::{Expect, IndexKey, IndexPartition, Key, RowKey, Write};

/// Items recomputed before the progress is written down.
const PAGE: usize = 50;

/// The most items that are remembered because they could not be planned; a page that would add more is tried again whole.
const MAX_MISSED: usize = 1_000;

impl RefreshProgress {}

/// Asks for every item to be recomputed, from the first.
///
/// # Errors
/// When the store fails.
pub async fn ask_refresh<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    let (_, expect) = read::<RefreshProgress, S>(store, &RowKey::Refresh).await?;
    let all = RefreshProgress { asked_at: clock.now(), after: None, only_plans: false, done: false, missed: BTreeSet::new() };
    match store.write(&[Write::put(&all, expect)]).await {
        // Somebody else asks, or has come further: the next run would begin behind what changed just now.
        Err(WriteError::Refused(_) | WriteError::Conflict) => {
            Err(StoreError::Unavailable { detail: "the refresh is being worked at".into(), source: None })
        }
        Ok(()) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// Recomputes every item if that was asked for, or plans anew if a day has begun, from where the last run stopped, until
/// `deadline`. Returns how many items it recomputed and plans it changed. What has become due is found by its index.
///
/// # Errors
/// When the store fails; the next run goes on.
pub async fn refresh<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    deadline: Timestamp,
) -> Result<usize, StoreError> {
    let mut done = 0;
    loop {
        let (asked, expect) = read::<RefreshProgress, S>(store, &RowKey::Refresh).await?;
        let now = clock.now();
        let is_over = asked.as_ref().is_none_or(|asked| asked.done);
        if is_over && let Some(asked) = asked.as_ref().filter(|asked| day_of(asked.asked_at) >= day_of(now)) {
            return Ok(done + try_again(store, clock, network, (asked, expect)).await?);
        }
        let new_day = RefreshProgress { asked_at: now, after: None, only_plans: true, done: false, missed: BTreeSet::new() };
        let asked = asked.filter(|_| !is_over).unwrap_or(new_day);
        // Until then some warm function may still hold the network as it was, this one among them.
        if !asked.only_plans && now.duration_since(asked.asked_at).unsigned_abs() < NetworkCache::KEPT {
            return Ok(done);
        }
        let after = asked
            .after
            .as_ref()
            .map(|sku| Cursor { key: RowKey::Item(sku.clone()).key(), index: Some(IndexKey::Item(sku.clone()).key()) });
        let page = store.list(&Listing { after, ..Listing::index(&IndexPartition::Items, PAGE) }).await?;
        let mut looked_at = BTreeSet::new();
        for sku in page.records.iter().filter_map(|record| item_of(&record.key)) {
            if clock.now() > deadline {
                break;
            }
            if !asked.only_plans {
                if let Err(error) = recompute(store, clock, network, &sku).await {
                    tracing::error!(%sku, %error, "an item is not computed anew; the others go on");
                }
                done += 1;
            }
            looked_at.insert(sku);
        }
        let (plans, mut missed) = plan_all(store, clock, network, &looked_at).await;
        done += plans;
        missed.extend(asked.missed.iter().cloned());
        if missed.len() > MAX_MISSED {
            return Err(StoreError::Unavailable { detail: "too many items cannot be planned anew".into(), source: None });
        }
        let cut = clock.now() > deadline;
        let last = looked_at.last().cloned();
        let end = !cut && (page.next.is_none() || last.is_none());
        let write = Write::put(&RefreshProgress { after: last.or(asked.after), done: end, missed, ..asked }, expect);
        match store.write(&[write]).await {
            // Asked for again meanwhile: from the first again.
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
        if cut {
            return Ok(done);
        }
    }
}

/// Plans anew what could not be, once the run was over.
async fn try_again<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    (asked, expect): (&RefreshProgress, Expect),
) -> Result<usize, StoreError> {
    if asked.missed.is_empty() {
        return Ok(0);
    }
    let (plans, missed) = plan_all(store, clock, network, &asked.missed).await;
    if missed != asked.missed {
        match store.write(&[Write::put(&RefreshProgress { missed, ..asked.clone() }, expect)]).await {
            // Somebody else has tried again, or everything was asked for.
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
    Ok(plans)
}

/// Plans these items anew, where that fails each by itself. Returns how many plans changed, and the items that still could
/// not be planned.
async fn plan_all<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, skus: &BTreeSet<Sku>) -> (usize, BTreeSet<Sku>) {
    match replan(store, clock, network, skus).await {
        Ok(plans) => return (plans, BTreeSet::new()),
        Err(error) => tracing::warn!(%error, "items are planned one by one, because they could not be together"),
    }
    let (mut plans, mut missed) = (0, BTreeSet::new());
    for sku in skus {
        match replan(store, clock, network, &BTreeSet::from([sku.clone()])).await {
            Ok(written) => plans += written,
            Err(error) => {
                tracing::error!(%sku, %error, "an item is not planned anew; the others go on");
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
