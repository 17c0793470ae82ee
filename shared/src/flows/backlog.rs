//! What a killed function left behind: deferred events nobody settled, what waits for a mapping that is there, intents left
//! open, and pairs and lots whose hint was lost.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Network, Place, ShopDomain};
use crate::flows::{ReconcileError, hint_all, refresh, resume, settle_lane};
use crate::ledger::Lane;
use crate::movement::PositionKey;
use crate::ports::{Clock, Hints, Listing, Store, list_all, read};
use crate::storefront::{Level, PushIntent, PushState, VariantMetafield};
use crate::table::{IndexPartition, RowKey};

/// What was picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BacklogReport {
    /// Deferred events that were settled.
    pub settled: usize,
    /// Events and orders whose mapping has appeared.
    pub resumed: usize,
    /// Items recomputed because a location or a tier changed.
    pub refreshed: usize,
    /// Pairs hinted again, and items whose lots a shop does not know.
    pub hinted: usize,
}

/// Hints what is due, and settles lanes; one that fails does not keep the others waiting.
///
/// # Errors
/// [`ReconcileError`]; the next run goes on.
pub async fn backlog<S: Store, H: Hints, C: Clock>(
    (store, hints, clock): (&S, &H, &C),
    network: &Network,
    shop: &ShopDomain,
    deadline: Timestamp,
) -> Result<BacklogReport, ReconcileError> {
    let mut report = BacklogReport::default();
    // A whole catalogue may take many runs, each no more than half of its time.
    let now = clock.now();
    let half = now.saturating_add(deadline.duration_since(now).unsigned_abs() / 2).unwrap_or(deadline);
    let mut failure: Option<ReconcileError> = None;
    match refresh(store, clock, network, half).await {
        Ok(refreshed) => report.refreshed = refreshed,
        Err(error) => failure = Some(error.into()),
    }
    let mut listing = Listing::index(&IndexPartition::DueLevels(shop.clone()), 1_000);
    loop {
        let page = store.list(&listing).await?;
        let readable = page.records.iter().filter_map(|record| record.decode::<Level>().ok());
        let pairs: BTreeSet<_> = readable.map(|level| PositionKey::new(level.sku, Place::At(level.location))).collect();
        report.hinted += pairs.len();
        hint_all(hints, shop, pairs).await?;
        match page.next {
            Some(next) => listing.after = Some(next),
            None => break,
        }
    }
    // A push that was cut off left its intent open. Its levels may be as they were and not due any more: repeated it must
    // be all the same, or the shop keeps what it was told.
    let (intent, _) = read::<PushIntent, S>(store, &RowKey::Intent(shop.clone())).await?;
    if let Some(open) = intent.filter(|intent| intent.state == PushState::Open) {
        let pairs: BTreeSet<_> = open.rows.into_iter().map(|row| PositionKey::new(row.sku, Place::At(row.location))).collect();
        report.hinted += pairs.len();
        hint_all(hints, shop, pairs).await?;
    }
    let lots_metafield_in = list_all(store, Listing::index(&IndexPartition::DueMetafields(shop.clone()), 1_000)).await?;
    let readable = lots_metafield_in.iter().filter_map(|record| record.decode::<VariantMetafield>().ok());
    let items: BTreeSet<_> = readable.map(|label| PositionKey::new(label.sku, Place::Unassigned)).collect();
    report.hinted += items.len();
    hint_all(hints, shop, items).await?;
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
                tracing::warn!(%lane, %error, "a lane is not settled yet; the others go on");
                failure = Some(error.into());
            }
        }
    }
    failure.map_or(Ok(report), Err)
}
