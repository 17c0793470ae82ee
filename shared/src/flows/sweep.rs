//! Finds missed orders. The sweep asks the shop for every order that changed since the watermark and commits what it reads
//! like a webhook.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{OrderId, ShopDomain};
use crate::flows::read::Patience;
use crate::flows::{OrderReader, ReadReport, ReconcileError, Retries, RetryBudget};
use crate::order::OrderRecord;
use crate::ports::{Bus, Clock, Listing, Store, StoreError, Storefront, read};
use crate::reconcile::OrderWatermark;
use crate::table::{IndexPartition, Key, RowKey, Write};

/// How far a sweep looks back before the newest order it has seen, because the shop's search may show a change late.
pub const OVERLAP: Duration = Duration::from_secs(120);

/// A read that happened this long after the last change of an order covers that change. A read that was under way during the
/// change has been answered by then.
const SETTLED: Duration = Duration::from_secs(60);

/// The most quarantined orders that one sweep reads again.
const QUARANTINED_AT_ONCE: usize = 50;

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SweepReport {
    /// Orders that the shop listed.
    pub orders: usize,
    /// Orders that led to movements, because their webhooks have not arrived (yet).
    pub missed: usize,
    /// Movements written.
    pub movements: usize,
    /// Orders that cannot be interpreted. The ledger is not complete without them.
    pub quarantined: usize,
    /// Orders that wait in a lane or could not be read. The watermark stays before them.
    pub left: usize,
}

/// Asks the shop for every order that changed since the watermark, and reads those that were not read since their change. The
/// watermark moves after each page, when the ledger contains every order of the page, and never past an order that the ledger
/// lacks.
///
/// # Errors
/// [`ReconcileError`]. The watermark stays where the last completed page left it.
pub async fn sweep<S: Store, F: Storefront, B: Bus, C: Clock>(
    reading: &OrderReader<'_, S, F, B, C>,
) -> Result<SweepReport, ReconcileError> {
    let OrderReader { store, front, clock, shop, .. } = *reading;
    let (mut report, mut patience, mut began) = (SweepReport::default(), Patience::default(), None);
    let since =
        read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(shop.clone())).await?.0.and_then(|sweep| sweep.watermark);
    let mut after: Option<String> = None;
    loop {
        let page = reading.ask(async || front.orders_updated(shop, since, after.as_deref()).await).await?;
        began = began.or(Some(page.answered_at));
        report.orders += page.orders.len();
        for order in &page.unreadable {
            reading.alert_unreadable(order, "the shop listed it with a malformed id").await?;
            report.quarantined += 1;
        }
        let settled = settled(store, shop, &page.orders).await?;
        for (order, _) in page.orders.iter().filter(|(order, _)| !settled.contains(order)) {
            ingest(reading, *order, &mut report, &mut patience).await?;
        }
        if page.next.is_none() {
            // A quarantined order may be readable by now. Until it is, the ledger is not complete.
            let quarantined = Listing::index(&IndexPartition::QuarantinedOrders(shop.clone()), QUARANTINED_AT_ONCE);
            let quarantined = store.list(&quarantined).await?.records;
            for record in quarantined.iter().filter_map(|record| record.decode::<OrderRecord>().ok()) {
                ingest(reading, record.order, &mut report, &mut patience).await?;
            }
        }
        // The watermark does not move past an order that is left, although a deferred order is durable. Otherwise the next
        // sweep would not list that order and would record that the ledger is complete without it.
        let newest = page.orders.iter().map(|(_, updated_at)| *updated_at).max().filter(|_| report.left == 0);
        let complete = page.next.is_none() && report.left == 0 && report.quarantined == 0;
        advance(store, clock, shop, newest, began.filter(|_| complete)).await?;
        if page.next.is_none() {
            return patience.failure.map_or(Ok(report), Err);
        }
        after = page.next;
    }
}

/// Reads and forwards one order. A failure is counted in `left`, and the sweep continues with the other orders.
async fn ingest<S: Store, F: Storefront, B: Bus, C: Clock>(
    reading: &OrderReader<'_, S, F, B, C>,
    order: OrderId,
    report: &mut SweepReport,
    patience: &mut Patience,
) -> Result<(), ReconcileError> {
    reading.within_time()?;
    let mut read = ReadReport::default();
    match patience.with(&order.gid(), reading.ingest(order, &mut read).await)? {
        Some(Some((facts, sales))) => {
            // An order that cannot be forwarded must not hold the watermark. It stays in the index of unread orders.
            if let Err(error) = reading.forward(&facts, sales).await {
                tracing::warn!(%order, %error, "an order could not be forwarded; the next run tries it again");
            }
        }
        Some(None) => {}
        None => report.left += 1,
    }
    report.missed += usize::from(read.movements > 0);
    report.movements += read.movements;
    report.left += read.left;
    report.quarantined += read.quarantined;
    Ok(())
}

/// Which of these orders were read later than [`SETTLED`] after their last change.
async fn settled<S: Store>(
    store: &S,
    shop: &ShopDomain,
    orders: &[(OrderId, Timestamp)],
) -> Result<BTreeSet<OrderId>, ReconcileError> {
    let distinct: BTreeSet<OrderId> = orders.iter().map(|(order, _)| *order).collect();
    let keys: Vec<Key> = distinct.iter().map(|order| RowKey::Order { shop: shop.clone(), order: *order }.key()).collect();
    let records = store.get(&keys).await?;
    let known = records.iter().flatten().filter_map(|record| record.decode::<OrderRecord>().ok());
    let read_at: std::collections::BTreeMap<OrderId, Timestamp> =
        known.filter(|record| !record.unread).filter_map(|record| Some((record.order, record.read_at?))).collect();
    let is_settled = |(order, updated_at): &&(OrderId, Timestamp)| {
        read_at.get(order).is_some_and(|read_at| updated_at.saturating_add(SETTLED).is_ok_and(|settled| *read_at > settled))
    };
    let unsettled: BTreeSet<OrderId> = orders.iter().filter(|order| !is_settled(order)).map(|(order, _)| *order).collect();
    Ok(distinct.difference(&unsettled).copied().collect())
}

/// Moves the watermark forward, never back, because sweeps may overlap.
async fn advance<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    shop: &ShopDomain,
    newest: Option<Timestamp>,
    began: Option<Timestamp>,
) -> Result<(), StoreError> {
    let watermark = newest.and_then(|newest| newest.checked_sub(OVERLAP).ok());
    let mut retries = Retries::new(RetryBudget::RECOMPUTE, format!("the watermark of {shop}"));
    loop {
        let (known, expect) = read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(shop.clone())).await?;
        let old = known.clone().unwrap_or_else(|| OrderWatermark { shop: shop.clone(), watermark: None, complete_at: None });
        let new = OrderWatermark {
            shop: shop.clone(),
            watermark: old.watermark.max(watermark),
            complete_at: old.complete_at.max(began),
        };
        if known.as_ref() == Some(&new) {
            return Ok(());
        }
        match store.write(&[Write::put(&new, expect)]).await {
            Ok(()) => return Ok(()),
            // Another sweep moved the watermark: read it again, so that it never moves back.
            Err(error) => retries.again(clock, error).await?,
        }
    }
}
