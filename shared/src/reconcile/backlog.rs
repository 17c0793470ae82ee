//! What a killed function left behind: deferred events nobody settled, and pairs whose hint was lost.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::ReconcileError;
use crate::catalog::{Network, Place, ShopDomain};
use crate::clock::Clock;
use crate::ledger::{Deferred, PositionKey};
use crate::order::settle_lane;
use crate::store::{Listing, Record, Store};
use crate::storefront::{Hints, Level, hint_all};

/// What was picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BacklogReport {
    /// Deferred events that were settled.
    pub settled: usize,
    /// Pairs hinted again.
    pub hinted: usize,
}

/// Settles lanes and hints what is due.
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
    let waiting = store.list(&Listing::index(Deferred::INDEX, 1_000)).await?.records;
    let lanes: BTreeSet<PositionKey> =
        waiting.iter().filter_map(|record| Deferred::lane_from_partition(&record.key.pk)).collect();
    for lane in lanes {
        if clock.now() > deadline {
            return Err(ReconcileError::OutOfTime);
        }
        report.settled += settle_lane(store, clock, network, &lane).await?;
    }
    let mut listing = Listing::index(Level::due_index(shop), 1_000);
    loop {
        let page = store.list(&listing).await?;
        let due = page.records.iter().map(Record::decode).collect::<Result<Vec<Level>, _>>()?;
        let pairs: BTreeSet<_> = due.into_iter().map(|level| PositionKey::new(level.sku, Place::At(level.location))).collect();
        report.hinted += pairs.len();
        hint_all(hints, shop, pairs).await?;
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(report),
        }
    }
}
