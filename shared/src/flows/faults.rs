//! Looks again at the rows that have an alert because they could not be read or written.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::alert::{Alert, AlertSubject};
use crate::catalog::{Network, Resource, Sku};
use crate::flows::recompute::{check_movements, recompute_all_as_planned};
use crate::flows::{alert, recompute, replan, request_refresh};
use crate::ports::{Clock, Listing, Store, StoreError, list_all, read};
use crate::promise::GroupPlan;
use crate::table::{IndexPartition, Key, RowKey, check};

/// The number of alerts that are listed in one page.
const PAGE: usize = 200;

/// Looks again at each row that has an alert. When it can be read, or is gone, what depends on it is computed, because the stream left
/// it out. When that succeeds, the alert is cleared. One row that fails does not stop the others. It ends at `deadline`.
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
            if clock.now() > deadline {
                return done;
            }
            let cleared = match repair((store, clock), network, row).await {
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
    if let Some(stored) = store.get(std::slice::from_ref(&key)).await?.pop().flatten() {
        check(&stored)?;
        if let Some(RowKey::Position(_)) = RowKey::parse(&key) {
            check_movements(store, [&stored.decode()?]).await?;
        }
    }
    match RowKey::parse(&key).map_or(Dependents::None, |row| dependents(&row)) {
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
