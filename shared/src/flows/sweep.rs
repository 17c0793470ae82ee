//! Missed orders: everything that changed since the watermark is read, through the same commit as webhooks.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{OrderId, ShopDomain};
use crate::flows::read::Patience;
use crate::flows::{OrderReader, ReadReport, ReconcileError};
use crate::order::OrderRecord;
use crate::ports::{Bus, Clock, Listing, Store, StoreError, Storefront, WriteError, read, sleep_within};
use crate::reconcile::OrderWatermark;
use crate::table::{IndexPartition, Key, RowKey, Write};

/// How far each sweep looks back behind the newest order it has seen: the shop's search may show a change late.
pub const OVERLAP: Duration = Duration::from_secs(120);

/// An order that was read this long after its last change need not be read again for it: a read that was under way while
/// the order changed has been answered by then.
const SETTLED: Duration = Duration::from_secs(60);

/// The most orders that make no sense that one sweep tries again.
const ODD_AT_ONCE: usize = 50;

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SweepReport {
    /// Orders looked at.
    pub orders: usize,
    /// Orders that led to movements: webhooks had not brought them (yet).
    pub missed: usize,
    /// Movements written.
    pub movements: usize,
    /// Orders that make no sense: the ledger is not complete without them.
    pub odd: usize,
    /// Orders that wait in a lane, or failed to be read: the watermark stays before them.
    pub left: usize,
}

/// Asks for every order that changed since the watermark, and reads those that were not read since they changed. The
/// watermark moves after each page, when all of it is in the ledger, and never past an order that is not.
///
/// # Errors
/// [`ReconcileError`]; the watermark stands where the last good page left it.
pub async fn sweep<S: Store, F: Storefront, B: Bus, C: Clock>(
    reading: &OrderReader<'_, S, F, B, C>,
) -> Result<SweepReport, ReconcileError> {
    let OrderReader { store, front, shop, .. } = *reading;
    let (mut report, mut patience, mut began) = (SweepReport::default(), Patience::default(), None);
    let since =
        read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(shop.clone())).await?.0.and_then(|sweep| sweep.watermark);
    let mut after: Option<String> = None;
    loop {
        let page = reading.ask(async || front.orders_updated(shop, since, after.as_deref()).await).await?;
        began = began.or(Some(page.answered_at));
        report.orders += page.orders.len();
        for order in &page.unreadable {
            reading.tell(order, "its name is none").await?;
            report.odd += 1;
        }
        let settled = settled(store, shop, &page.orders).await?;
        for (order, _) in page.orders.iter().filter(|(order, _)| !settled.contains(order)) {
            ingest(reading, *order, &mut report, &mut patience).await?;
        }
        if page.next.is_none() {
            // An order that made no sense may be readable by now; until it is, the ledger is not complete.
            let odd = store.list(&Listing::index(&IndexPartition::QuarantinedOrders(shop.clone()), ODD_AT_ONCE)).await?.records;
            for record in odd.iter().filter_map(|record| record.decode::<OrderRecord>().ok()) {
                ingest(reading, record.order, &mut report, &mut patience).await?;
            }
        }
        // Past an order that is left the watermark does not move, though a deferred one is durable: the next sweep would not
        // see it any more, and would say that the ledger is complete without it.
        let newest = page.orders.iter().map(|(_, updated_at)| *updated_at).max().filter(|_| report.left == 0);
        let complete = page.next.is_none() && report.left == 0 && report.odd == 0;
        advance(store, shop, newest, began.filter(|_| complete)).await?;
        if page.next.is_none() {
            return patience.failure.map_or(Ok(report), Err);
        }
        after = page.next;
    }
}

/// Reads one order, and forwards it; what fails is left, and the others go on.
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
            // An order that cannot be forwarded must not hold the watermark: it stays to be read.
            if let Err(error) = reading.forward(&facts, sales).await {
                tracing::warn!(%order, %error, "an order is not forwarded yet");
            }
        }
        Some(None) => {}
        None => report.left += 1,
    }
    report.missed += usize::from(read.movements > 0);
    report.movements += read.movements;
    report.left += read.left;
    report.odd += read.odd;
    Ok(())
}

/// Which of these orders were read well after their last change.
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

/// Moves the watermark forward, never back: sweeps may overlap each other.
async fn advance<S: Store>(
    store: &S,
    shop: &ShopDomain,
    newest: Option<Timestamp>,
    began: Option<Timestamp>,
) -> Result<(), StoreError> {
    let watermark = newest.and_then(|newest| newest.checked_sub(OVERLAP).ok());
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
            Err(WriteError::Refused(_) | WriteError::Conflict) => {} // Another sweep moved it: never below what it says now.
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
}

/// Waits for the shop's budget, if there is time left for it.
pub(super) async fn wait_within<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> Result<(), ReconcileError> {
    if sleep_within(clock, wait, deadline).await { Ok(()) } else { Err(ReconcileError::OutOfTime) }
}
