//! Picks up what a killed function left behind: deferred events that were not settled, rows whose mapping exists by now, open
//! push intents, and levels and metafields whose hint was lost.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::AlertSubject;
use crate::catalog::{Network, ShopDomain};
use crate::flows::faults::clear_repaired_rows;
use crate::flows::{ReconcileError, alert, hint_all, refresh, resume, settle_lane};
use crate::ledger::Lane;
use crate::ports::{Clock, Hints, Listing, Store, StoreError, read};
use crate::storefront::{PushIntent, PushState, PushTarget, TARGETS_PER_HINT, VariantMetafield};
use crate::table::{IndexPartition, RowKey};

/// What one run picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BacklogReport {
    /// Deferred events that the run settled.
    pub settled: usize,
    /// Events and orders whose mapping has appeared.
    pub resumed: usize,
    /// Items recomputed because a location or a tier changed.
    pub refreshed: usize,
    /// Levels and items with due metafields in the hint that was sent again. The pusher finds the others by itself.
    pub hinted: usize,
}

/// Sends a hint for due levels and metafields, resumes waiting rows, and settles lanes. A failure in one of them does not stop
/// the others.
///
/// # Errors
/// [`ReconcileError`]. The next run continues.
pub async fn backlog<S: Store, H: Hints, C: Clock>(
    (store, hints, clock): (&S, &H, &C),
    network: &Network,
    shop: &ShopDomain,
    deadline: Timestamp,
) -> Result<BacklogReport, ReconcileError> {
    let mut report = BacklogReport::default();
    let mut failure: Option<ReconcileError> = None;
    // A refresh of the whole catalog may take many runs. Each run spends at most half of its time on it.
    match refresh(store, clock, network, half_way(clock, deadline)).await {
        Ok(refreshed) => report.refreshed = refreshed,
        Err(error) => failure = Some(error.into()),
    }
    match hint_what_is_due((store, hints, clock), shop).await {
        Ok(hinted) => report.hinted = hinted,
        Err(error) => {
            alert::faulty_row(store, clock, &error).await?;
            failure = Some(error.into());
        }
    }
    // Many rows may have been repaired at once. At most half of the time that is left is spent on them.
    if let Err(error) = clear_repaired_rows((store, clock), network, half_way(clock, deadline)).await {
        failure = Some(error.into());
    }
    match resume(store, clock, network, "", deadline).await {
        Ok(waited) => report.resumed = waited.resumed,
        Err(error) => failure = Some(error.into()),
    }
    let waiting = store.list(&Listing::index(&IndexPartition::Deferred, 1_000)).await?.records;
    let lanes: BTreeSet<Lane> = waiting
        .iter()
        .filter_map(|record| match RowKey::parse(&record.key) {
            Some(RowKey::Deferred { lane, .. }) => Some(lane),
            Some(_) | None => None,
        })
        .collect();
    for lane in lanes {
        if clock.now() > deadline {
            return Err(ReconcileError::OutOfTime);
        }
        match settle_lane(store, clock, network, &lane).await {
            Ok(settled) => report.settled += settled,
            Err(error) => {
                tracing::warn!(%lane, %error, "a lane could not be settled; the job continues with the other lanes");
                failure = Some(error.into());
            }
        }
    }
    failure.map_or(Ok(report), Err)
}

/// The middle of the time that is left; the deadline once it has passed.
fn half_way<C: Clock>(clock: &C, deadline: Timestamp) -> Timestamp {
    let now = clock.now();
    deadline.min(now.saturating_add(deadline.duration_since(now) / 2).unwrap_or(deadline))
}

/// Sends one hint for what a shop must still be sent, however much that is: the pusher finds the rest in the index. A backlog of a day
/// therefore does not flood the queue. Returns the number of targets in the hint.
async fn hint_what_is_due<S: Store, H: Hints, C: Clock>(
    (store, hints, clock): (&S, &H, &C),
    shop: &ShopDomain,
) -> Result<usize, StoreError> {
    let page = store.list(&Listing::index(&IndexPartition::DueLevels(shop.clone()), TARGETS_PER_HINT)).await?;
    let levels = page.records.iter().filter_map(|record| match RowKey::parse(&record.key) {
        Some(RowKey::Level { sku, location, .. }) => Some(PushTarget::Level { sku, location }),
        Some(_) | None => None,
    });
    let page = store.list(&Listing::index(&IndexPartition::DueMetafields(shop.clone()), TARGETS_PER_HINT)).await?;
    let metafields = page.records.iter().filter_map(|record| record.decode::<VariantMetafield>().ok());
    let metafields = metafields.map(|metafield| PushTarget::Metafields { sku: metafield.sku });
    // A push that was killed left its intent open. Its levels may have returned to their old values and may not be due any
    // more. The intent must be repeated all the same, or the shop keeps the number that was sent. So its levels come first. When it
    // cannot be read, the rest is hinted.
    let in_call = levels_in_call(store, shop).await;
    let first = in_call.as_ref().ok().into_iter().flatten().cloned();
    let mut targets = BTreeSet::new();
    for target in first.chain(levels).chain(metafields) {
        if targets.len() < TARGETS_PER_HINT {
            targets.insert(target);
        }
    }
    let hinted = targets.len();
    hint_all(hints, shop, targets).await?;
    if in_call?.is_empty() && hinted == 0 {
        let answered = format!("{shop} was sent everything that it must show.");
        alert::clear(store, clock, (AlertSubject::ShopUnreachable { shop: shop.clone() }, answered)).await?;
    }
    Ok(hinted)
}

/// The levels of the open push intent of a shop, if there is one.
async fn levels_in_call<S: Store>(store: &S, shop: &ShopDomain) -> Result<BTreeSet<PushTarget>, StoreError> {
    let (intent, _) = read::<PushIntent, S>(store, &RowKey::Intent(shop.clone())).await?;
    let open = intent.into_iter().filter(|intent| intent.state == PushState::Open).flat_map(|intent| intent.rows);
    Ok(open.map(|row| PushTarget::Level { sku: row.sku, location: row.location }).collect())
}
