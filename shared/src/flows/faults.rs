//! Finds rows of the network that cannot be read, and looks again at the rows that have an alert.

use std::collections::BTreeSet;

use crate::alert::{Alert, AlertSubject};
use crate::catalog::Network;
use crate::flows::{alert, recompute, replan};
use crate::ports::{Clock, Listing, Store, StoreError, list_all};
use crate::table::{IndexPartition, Key, Partition, RowKey, check};

/// The number of alerts that are listed in one page.
const PAGE: usize = 200;

/// Raises the alerts about locations, shops and systems whose rows cannot be read. Every function leaves them out.
///
/// # Errors
/// When the store fails.
pub(super) async fn check_network_rows<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    for partition in [Partition::Locations, Partition::Shops, Partition::Systems] {
        for record in list_all(store, Listing::rows(&partition)).await? {
            if let Err(error) = check(&record) {
                alert::faulty_row(store, clock, &error.into()).await?;
            }
        }
    }
    Ok(())
}

/// Clears the alerts about rows that can be read again or are gone, and about rows that can be written again. A row that is computed
/// from others is computed again to find that out.
///
/// # Errors
/// When the store fails.
pub(super) async fn clear_repaired_rows<S: Store, C: Clock>(
    (store, clock): (&S, &C),
    network: &Network,
) -> Result<(), StoreError> {
    for prefix in ["faulty_row#", "unwritable_row#"] {
        let raised = Listing { prefix: prefix.to_owned(), ..Listing::index(&IndexPartition::RaisedAlerts, PAGE) };
        for record in list_all(store, raised).await? {
            let Ok(Alert { subject, .. }) = record.decode() else { continue };
            let is_repaired = if let AlertSubject::FaultyRow { row } = &subject {
                is_readable(store, row).await?
            } else if let AlertSubject::UnwritableRow { row } = &subject {
                is_writable((store, clock), network, row).await?
            } else {
                false
            };
            if is_repaired {
                alert::clear(store, clock, (subject, "The row is as it must be again.".to_owned())).await?;
            }
        }
    }
    Ok(())
}

async fn is_readable<S: Store>(store: &S, row: &str) -> Result<bool, StoreError> {
    let stored = match Key::parse(row) {
        Some(key) => store.get(&[key]).await?.pop().flatten(),
        None => None,
    };
    Ok(stored.is_none_or(|stored| check(&stored).is_ok()))
}

/// Whether the functions that write a row can write it now. Of rows that an event writes nothing is known until that event comes
/// again, and its own alert says what to do, so the alert about such a row is cleared.
async fn is_writable<S: Store, C: Clock>((store, clock): (&S, &C), network: &Network, row: &str) -> Result<bool, StoreError> {
    let written = match Key::parse(row).and_then(|key| RowKey::parse(&key)) {
        Some(RowKey::Promise(sku) | RowKey::Level { sku, .. } | RowKey::Metafield { sku, .. }) => {
            recompute(store, clock, network, &sku).await.map(drop)
        }
        Some(RowKey::Plan(sku) | RowKey::PlanOf(sku)) => replan(store, clock, network, &BTreeSet::from([sku])).await.map(drop),
        Some(_) | None => Ok(()),
    };
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.faulty_row().is_some() => Ok(false),
        Err(error) => Err(error),
    }
}
