//! What waited for a mapping goes on when the mapping is there: events into the ledger, orders to be read again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::alert::{AlertState, AlertSubject};
use crate::catalog::{MissingMapping, Network};
use crate::draft::EventOutcome;
use crate::flows::{CommitError, commit};
use crate::ledger::LedgerEvent;
use crate::order::OrderToRead;
use crate::ports::{Clock, Cursor, Listing, Store, StoreError, WriteError, read_rows};
use crate::source::{WaitingForMapping, WaitingItem};
use crate::table::{Expect, IndexKey, IndexPartition, Key, Record, Row, RowKey, Write};

/// How many are looked at together.
const AT_ONCE: usize = 100;

/// What went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Events and orders that wait no more.
    pub resumed: usize,
    /// Whether time ran out before all were looked at.
    pub cut: bool,
}

/// Looks at everything that waits for a mapping whose index entry begins with `prefix` (all, where it is empty), and lets
/// go on what has it by now. What still lacks it is passed over after one page of it.
///
/// # Errors
/// When the ledger or the store fails; what waits stays, and is looked at again.
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
                    if is_mapped(store, network, &missing).await? {
                        let pointer = OrderToRead { shop, gid: order.gid(), named_at: clock.now() };
                        done.resumed += usize::from(point(store, &missing, &pointer, record).await?);
                        moving.insert(missing);
                    } else {
                        stuck = Some((missing, record.key.clone()));
                    }
                }
                Err(error) => tracing::error!(%error, "something that waits for a mapping cannot be read and stays"),
            }
        }
        let (missing, events): (Vec<MissingMapping>, Vec<(LedgerEvent, Option<Key>)>) = events.into_iter().unzip();
        let outcomes = commit(store, clock, network, &events).await?;
        for ((missing, outcome), (_, key)) in missing.into_iter().zip(outcomes).zip(&events) {
            match outcome {
                EventOutcome::Waiting(still) if still == missing => stuck = key.clone().map(|key| (missing, key)),
                EventOutcome::Unreadable => {}
                EventOutcome::Applied { .. }
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
        // What waits for the same as the last of this page would only wait on: go on behind it.
        let last = page.records.last().and_then(|record| match RowKey::parse(&record.key) {
            Some(RowKey::Waiting { missing, .. }) => Some(missing),
            Some(_) | None => None,
        });
        let behind = stuck.filter(|(missing, _)| Some(missing) == last.as_ref() && !moving.contains(missing));
        listing.after =
            Some(behind.map_or(next, |(missing, key)| Cursor { key, index: Some(IndexKey::after_all_waiting_for(&missing)) }));
    }
}

async fn is_mapped<S: Store>(store: &S, network: &Network, missing: &MissingMapping) -> Result<bool, StoreError> {
    match missing {
        MissingMapping::ShopItem { shop, shop_sku } => Ok(store
            .get(&[RowKey::ShopItem { shop: shop.clone(), shop_sku: shop_sku.to_owned() }.key()])
            .await?
            .iter()
            .any(Option::is_some)),
        MissingMapping::ShopLocation { shop, location } => Ok(network.by_shop_id(shop, *location).is_some()),
        // No order waits for these.
        MissingMapping::Item { .. }
        | MissingMapping::Unit { .. }
        | MissingMapping::Fit { .. }
        | MissingMapping::Location { .. } => Ok(false),
    }
}

/// Has an order read again instead of waiting. False when somebody else was at it.
async fn point<S: Store>(
    store: &S,
    missing: &MissingMapping,
    pointer: &OrderToRead,
    waiting: &Record,
) -> Result<bool, StoreError> {
    let subject = AlertSubject::of_missing(missing);
    let rows = read_rows(store, [pointer.row_key(), RowKey::Alert(subject.clone())]).await?;
    let detail = "The mapping is there: the events and orders that waited for it go on.".to_owned();
    let mut writes = vec![rows.put(pointer)];
    writes.push(Write::Delete { key: waiting.key.clone(), expect: Expect::Revision(waiting.revision) });
    writes.extend(rows.turn_alert(subject, AlertState::Cleared, detail, pointer.named_at)?);
    match store.write(&writes).await {
        Ok(()) => Ok(true),
        Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(false),
        Err(WriteError::Store(error)) => Err(error),
    }
}
