//! Resumes what waited for a mapping that exists by now. Events are committed, and orders are marked to be read again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::alert::{AlertState, AlertSubject};
use crate::catalog::{LineId, ListedVariant, MissingMapping, Network, OrderId, ShopDomain, ShopItem};
use crate::draft::EventOutcome;
use crate::flows::{CommitError, alert, commit, write_if_unchanged};
use crate::ledger::LedgerEvent;
use crate::order::{OrderRecord, OrderToRead, SnapshotLine};
use crate::ports::{Clock, Cursor, Listing, Store, StoreError, read, read_rows};
use crate::source::{WaitingForMapping, WaitingItem};
use crate::table::{IndexKey, IndexPartition, Key, Record, Row, RowKey, Write};

/// The number of waiting rows read in one page.
const AT_ONCE: usize = 100;

/// What one run resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Events and orders that no longer wait.
    pub resumed: usize,
    /// Whether the deadline passed before all waiting rows were read.
    pub cut: bool,
}

/// Reads every waiting row whose index entry begins with `prefix` (every waiting row when `prefix` is empty), and resumes
/// those whose mapping exists by now. When a mapping is still missing, the run reads one page of the rows that wait for it and
/// skips the others.
///
/// # Errors
/// When the ledger or the store fails. Such rows stay, and the next run reads them again.
pub async fn resume<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    prefix: &str,
    deadline: Timestamp,
) -> Result<Resumed, CommitError> {
    let mut done = Resumed::default();
    let mut listing = Listing { prefix: prefix.to_owned(), ..Listing::index(&IndexPartition::Waiting, AT_ONCE) };
    loop {
        let page = store.list(&listing).await?;
        let mut stuck: Option<(MissingMapping, Key)> = None;
        let mut moving: BTreeSet<MissingMapping> = BTreeSet::new();
        let mut events = Vec::new();
        for record in &page.records {
            match record.decode::<WaitingForMapping>() {
                Ok(WaitingForMapping { what: WaitingItem::Event(event), missing, .. }) => {
                    events.push((missing, (LedgerEvent::Stock(*event), Some(record.key.clone()))));
                }
                Ok(WaitingForMapping { what: WaitingItem::Order { shop, order }, missing, .. }) => {
                    if can_be_read((store, clock), network, (&shop, order), &missing).await? {
                        let request = OrderToRead { shop, gid: order.gid(), named_at: clock.now() };
                        done.resumed += usize::from(request_read(store, &missing, &request, record).await?);
                        moving.insert(missing);
                    } else {
                        stuck = Some((missing, record.key.clone()));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a row that waits for a mapping cannot be read and stays");
                    alert::faulty_row(store, clock, &error.into()).await?;
                }
            }
        }
        let (missing, events): (Vec<MissingMapping>, Vec<(LedgerEvent, Option<Key>)>) = events.into_iter().unzip();
        let outcomes = commit(store, clock, network, &events).await?;
        for ((missing, outcome), (_, key)) in missing.into_iter().zip(outcomes).zip(&events) {
            match outcome {
                EventOutcome::Waiting(still) if still == missing => stuck = key.clone().map(|key| (missing, key)),
                EventOutcome::Unreadable => {}
                EventOutcome::Applied { .. }
                | EventOutcome::Quarantined
                | EventOutcome::Duplicate
                | EventOutcome::ContentMismatch
                | EventOutcome::Waiting(_)
                | EventOutcome::Refused(_) => {
                    done.resumed += 1;
                    moving.insert(missing);
                }
            }
        }
        let Some(next) = page.next else { return Ok(done) };
        if clock.now() > deadline {
            return Ok(Resumed { cut: true, ..done });
        }
        // The last row of this page waits for a mapping that is still missing. Later rows that wait for the same mapping would
        // stay, too, so the listing continues behind them.
        let last = page.records.last().and_then(|record| Some(record.decode::<WaitingForMapping>().ok()?.missing));
        let behind = stuck.filter(|(missing, _)| Some(missing) == last.as_ref() && !moving.contains(missing));
        listing.after =
            Some(behind.map_or(next, |(missing, key)| Cursor { key, index: Some(IndexKey::after_all_waiting_for(&missing)) }));
    }
}

/// Whether an order that waits for a mapping can be mapped now. A row that cannot be read raises its alert, and the order waits on.
async fn can_be_read<S: Store, C: Clock>(
    (store, clock): (&S, &C),
    network: &Network,
    (shop, order): (&ShopDomain, OrderId),
    missing: &MissingMapping,
) -> Result<bool, StoreError> {
    let found = match is_mapped(store, network, missing).await {
        Ok(false) => has_mapped_line(store, shop, order, missing).await,
        found => found,
    };
    match found {
        Err(error) if error.faulty_row().is_some() => {
            alert::faulty_row(store, clock, &error).await?;
            Ok(false)
        }
        found => found,
    }
}

async fn is_mapped<S: Store>(store: &S, network: &Network, missing: &MissingMapping) -> Result<bool, StoreError> {
    match missing {
        MissingMapping::ShopItem { shop, shop_sku } => {
            let row = RowKey::ShopItem { shop: shop.clone(), shop_sku: shop_sku.clone() };
            Ok(read::<ShopItem, _>(store, &row).await?.0.is_some())
        }
        MissingMapping::ShopVariant { shop, variant } => {
            let row = RowKey::ListedVariant { shop: shop.clone(), variant: *variant };
            Ok(read::<ListedVariant, _>(store, &row).await?.0.is_some())
        }
        MissingMapping::ShopLocation { shop, location } => Ok(network.by_shop_id(shop, *location).is_some()),
        // Orders wait only for shop items, shop variants and shop locations.
        MissingMapping::Item { .. }
        | MissingMapping::Unit { .. }
        | MissingMapping::Correction { .. }
        | MissingMapping::Location { .. } => Ok(false),
    }
}

/// Whether a line of an order that waits can be mapped by another row than the one that was missing: by its variant, or by its
/// SKU.
async fn has_mapped_line<S: Store>(
    store: &S,
    shop: &ShopDomain,
    order: OrderId,
    missing: &MissingMapping,
) -> Result<bool, StoreError> {
    let (record, _) = read::<OrderRecord, _>(store, &RowKey::Order { shop: shop.clone(), order }).await?;
    let Some(record) = record else { return Ok(false) };
    let is_unmapped = |(id, _): &(LineId, &SnapshotLine)| record.lines.get(id).is_none_or(|line| line.sku.is_none());
    let waits = |line: &&SnapshotLine| match missing {
        MissingMapping::ShopItem { shop_sku, .. } => line.shop_sku == *shop_sku,
        MissingMapping::ShopVariant { variant, .. } => line.variant == Some(*variant),
        MissingMapping::ShopLocation { .. }
        | MissingMapping::Item { .. }
        | MissingMapping::Unit { .. }
        | MissingMapping::Correction { .. }
        | MissingMapping::Location { .. } => false,
    };
    for line in record.stocked_lines().filter(is_unmapped).map(|(_, line)| line).filter(waits) {
        let by_sku = RowKey::ShopItem { shop: shop.clone(), shop_sku: line.shop_sku.clone() };
        let by_variant = line.variant.map(|variant| RowKey::ListedVariant { shop: shop.clone(), variant });
        let rows = read_rows(store, std::iter::once(by_sku.clone()).chain(by_variant.clone())).await?;
        let of_variant = match &by_variant {
            Some(row) => rows.get::<ListedVariant>(row)?.is_some(),
            None => false,
        };
        let of_sku = rows.get::<ShopItem>(&by_sku)?.is_some_and(|of| of.variant.is_none() || line.variant.is_none());
        if of_variant || of_sku {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Replaces a waiting row by a request to read the order. Returns `false` when another function wrote one of the rows first.
async fn request_read<S: Store>(
    store: &S,
    missing: &MissingMapping,
    request: &OrderToRead,
    waiting: &Record,
) -> Result<bool, StoreError> {
    let subject = AlertSubject::of_missing(missing);
    let rows = read_rows(store, [request.row_key(), RowKey::Alert(subject.clone())]).await?;
    let detail = "The mapping exists. The events and orders that waited for it are resumed.".to_owned();
    let mut writes = vec![rows.put(request)];
    writes.push(Write::delete(waiting));
    writes.extend(rows.turn_alert(subject, AlertState::Cleared, detail, request.named_at)?);
    write_if_unchanged(store, &writes).await
}
