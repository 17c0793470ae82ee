//! Looks again at the rows that have an alert because they could not be read or written.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::alert::{Alert, AlertState, AlertSubject};
use crate::catalog::{Network, OrderId, Resource, ShopDomain, Sku};
use crate::flows::recompute::{check_movements, recompute_all_as_planned};
use crate::flows::{alert, recompute, replan, request_refresh, write_if_unchanged};
use crate::order::{OrderRecord, ReadFailure};
use crate::ports::{Clock, Listing, Store, StoreError, list_all, read};
use crate::promise::GroupPlan;
use crate::storefront::{PushIntent, PushState};
use crate::table::{IndexPartition, Key, RowKey, UnwritableRow, Write, check, rewrite};

/// The number of alerts that are listed in one page.
const PAGE: usize = 200;

/// Looks again at each row that has an alert. When it can be read, or is gone, what depends on it is computed, because the stream left
/// it out. A row that could not be written is then written again. When that succeeds, the alert is cleared. One row that fails does not stop the others. It ends at `deadline`.
///
/// # Errors
/// The first failure of the store. The next run continues.
pub(super) async fn clear_repaired_rows<S: Store, C: Clock>(
    (store, clock): (&S, &C),
    network: &Network,
    deadline: Timestamp,
) -> Result<(), StoreError> {
    let mut done = Ok(());
    for prefix in ["faulty_row#", "unwritable_row#"] {
        let raised = Listing { prefix: prefix.to_owned(), ..Listing::index(&IndexPartition::RaisedAlerts, PAGE) };
        for record in list_all(store, raised).await? {
            let Ok(Alert { subject, .. }) = record.decode() else { continue };
            let (AlertSubject::FaultyRow { row } | AlertSubject::UnwritableRow { row }) = &subject else { continue };
            let is_unwritable = matches!(subject, AlertSubject::UnwritableRow { .. });
            if clock.now() > deadline {
                return done;
            }
            let repaired = if is_unwritable {
                write_again((store, clock), network, row).await
            } else {
                repair((store, clock), network, row).await
            };
            let cleared = match repaired {
                Ok(()) => alert::clear(store, clock, (subject, "The row is as it must be again.".to_owned())).await,
                Err(error) if error.faulty_row().is_some() => Ok(()),
                Err(error) => Err(error),
            };
            done = done.and(cleared);
        }
    }
    done
}

/// Computes what depends on a row.
///
/// # Errors
/// When the store fails, and when the row, or another one, still cannot be read or written.
async fn repair<S: Store, C: Clock>((store, clock): (&S, &C), network: &Network, row: &str) -> Result<(), StoreError> {
    let Some(key) = Key::parse(row) else { return Ok(()) };
    let name = RowKey::parse(&key);
    if let Some(stored) = store.get(std::slice::from_ref(&key)).await?.pop().flatten() {
        check(&stored)?;
        if let Some(RowKey::Position(_)) = &name {
            check_movements(store, [&stored.decode()?]).await?;
        }
    }
    match name.map_or(Dependents::None, |row| dependents(&row)) {
        Dependents::Item(sku) => {
            recompute(store, clock, network, &sku).await?;
            replan(store, clock, network, &BTreeSet::from([sku])).await?;
            Ok(())
        }
        Dependents::ItemsOfPlan(id) => {
            replan(store, clock, network, &BTreeSet::from([id.clone()])).await?;
            let (plan, _) = read::<GroupPlan, S>(store, &RowKey::Plan(id)).await?;
            recompute_all_as_planned(store, clock, network, plan.iter().flat_map(|plan| &plan.items)).await
        }
        Dependents::All => request_refresh(store, clock).await,
        Dependents::None => Ok(()),
    }
}

/// Computes what depends on a row that could not be written, and writes the row.
///
/// # Errors
/// As [`repair`].
async fn write_again<S: Store, C: Clock>((store, clock): (&S, &C), network: &Network, row: &str) -> Result<(), StoreError> {
    let Some(key) = Key::parse(row) else { return Ok(()) };
    match RowKey::parse(&key) {
        Some(RowKey::Order { shop, order }) => return quarantine((store, clock), &shop, order).await,
        Some(RowKey::Call { shop, number }) => return check_later_call(store, &shop, number).await,
        Some(_) | None => repair((store, clock), network, row).await?,
    }
    // A row that is written once is there, because it could be written.
    let is_written_once =
        matches!(RowKey::parse(&key), Some(RowKey::Movement { .. } | RowKey::AppliedEvent(_) | RowKey::CompareReport { .. }));
    if let Some(stored) = store.get(std::slice::from_ref(&key)).await?.pop().flatten().filter(|_| !is_written_once) {
        // When the row has changed, another function could write it.
        write_if_unchanged(store, &[rewrite(&stored)?]).await?;
    }
    Ok(())
}

/// Quarantines an order whose record could not even be written as quarantined. The event that needed that was left out, so each sweep
/// reads the order again from now on.
async fn quarantine<S: Store, C: Clock>((store, clock): (&S, &C), shop: &ShopDomain, order: OrderId) -> Result<(), StoreError> {
    let (record, expect) = read::<OrderRecord, S>(store, &RowKey::Order { shop: shop.clone(), order }).await?;
    let record = record.unwrap_or_else(|| OrderRecord::new(shop.clone(), order));
    if record.unreadable == Some(ReadFailure::Quarantined) {
        return Ok(());
    }
    let subject = AlertSubject::UnreadableOrder { shop: shop.clone(), order: order.gid() };
    let detail = format!(
        "The newest state of {} of {shop} is not in the ledger: its row could not be written. The next sweep reads it.",
        order.gid()
    );
    let quarantined = OrderRecord { unread: false, unreadable: Some(ReadFailure::Quarantined), ..record };
    let mut writes = vec![Write::put(&quarantined, expect)];
    writes.extend(alert::turn(store, subject, AlertState::Raised, detail, clock.now()).await?);
    // When the record has changed, another function could write it.
    write_if_unchanged(store, &writes).await?;
    Ok(())
}

/// Checks that a call after this one is stored. The call itself is never written again: its intent was closed without it.
async fn check_later_call<S: Store>(store: &S, shop: &ShopDomain, number: u64) -> Result<(), StoreError> {
    let (intent, _) = read::<PushIntent, S>(store, &RowKey::Intent(shop.clone())).await?;
    let last = intent.map_or(number, |intent| match intent.state {
        PushState::Open => intent.number.saturating_sub(1),
        PushState::Closed => intent.number,
    });
    let key = RowKey::Call { shop: shop.clone(), number: last.max(number) }.key();
    if store.get(std::slice::from_ref(&key)).await?.iter().any(Option::is_some) {
        return Ok(());
    }
    let detail = "no later call of the shop has been stored".to_owned();
    Err(UnwritableRow { key: key.to_string(), detail }.into())
}

/// What must be computed when a row can be read again.
enum Dependents {
    /// One item, and the items that are planned together with it.
    Item(Sku),
    /// The items of a plan.
    ItemsOfPlan(Sku),
    /// Every item.
    All,
    /// Nothing, or what the jobs find by themselves.
    None,
}

fn dependents(row: &RowKey) -> Dependents {
    match row {
        RowKey::Item(sku)
        | RowKey::Bill(sku)
        | RowKey::WhereUsed(Resource::Item(sku))
        | RowKey::Receipts(sku)
        | RowKey::Promise(sku)
        | RowKey::PlanOf(sku)
        | RowKey::Level { sku, .. }
        | RowKey::Metafield { sku, .. } => Dependents::Item(sku.clone()),
        RowKey::Plan(id) => Dependents::ItemsOfPlan(id.clone()),
        RowKey::Position(of) => Dependents::Item(of.sku.clone()),
        RowKey::Tier(_) | RowKey::WorkCentre(_) | RowKey::WhereUsed(Resource::WorkCentre(_)) | RowKey::Location(_) => {
            Dependents::All
        }
        RowKey::ShopItem { .. }
        | RowKey::ListedVariant { .. }
        | RowKey::SystemItem { .. }
        | RowKey::Shop(_)
        | RowKey::BillVersion { .. }
        | RowKey::Movement { .. }
        | RowKey::Order { .. }
        | RowKey::OrderToRead { .. }
        | RowKey::AppliedEvent(_)
        | RowKey::Deferred { .. }
        | RowKey::Commitment { .. }
        | RowKey::Waiting { .. }
        | RowKey::Heartbeat(_)
        | RowKey::System(_)
        | RowKey::FeedWatermark { .. }
        | RowKey::FullRefresh { .. }
        | RowKey::Intent(_)
        | RowKey::Call { .. }
        | RowKey::OrderWatermark(_)
        | RowKey::CompareProgress(_)
        | RowKey::CompareReport { .. }
        | RowKey::Refresh
        | RowKey::Alert(_) => Dependents::None,
    }
}
