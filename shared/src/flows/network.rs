//! Reads the locations, the limits of other systems and the settings of the shops, and caches them in a warm function.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Location, Network, ShopSettings};
use crate::flows::alert;
use crate::ports::{Clock, Listing, Store, StoreError, list_all};
use crate::source::System;
use crate::table::{Partition, Row, RowKey, UnreadableRow};

/// Reads all locations, the limits of each system that has a row, and the settings of all shops. Rows that cannot be read are left
/// out: one of them must not stop everything. The network names the locations and the systems whose rows cannot be read.
///
/// # Errors
/// When the store fails.
pub async fn load_network<S: Store>(store: &S) -> Result<Network, StoreError> {
    Ok(load(store).await?.0)
}

async fn load<S: Store>(store: &S) -> Result<(Network, Vec<UnreadableRow>), StoreError> {
    let mut unreadable = Vec::new();
    let locations = readable::<Location, S>(store, &Partition::Locations, &mut unreadable).await?;
    let systems = readable::<System, S>(store, &Partition::Systems, &mut unreadable).await?;
    let limits = systems.into_iter().map(|system| (system.code.clone(), system.limits()));
    let shops = readable::<ShopSettings, S>(store, &Partition::Shops, &mut unreadable).await?;
    let unknown = unreadable.iter().filter_map(|row| match row.name() {
        Some(RowKey::Location(code)) => Some(code),
        Some(_) | None => None,
    });
    let unreadable_systems = unreadable.iter().filter_map(|row| match row.name() {
        Some(RowKey::System(code)) => Some(code),
        Some(_) | None => None,
    });
    let network = Network::new(locations).with_unknown(unknown.collect()).with_limits(limits.collect()).with_shops(shops);
    Ok((network.with_unreadable_systems(unreadable_systems.collect()), unreadable))
}

/// The rows of a partition. Those that cannot be read are added to `unreadable`.
async fn readable<R: Row, S: Store>(
    store: &S,
    partition: &Partition,
    unreadable: &mut Vec<UnreadableRow>,
) -> Result<Vec<R>, StoreError> {
    let mut rows = Vec::new();
    for record in list_all(store, Listing::rows(partition)).await? {
        match record.decode() {
            Ok(row) => rows.push(row),
            Err(error) => unreadable.push(error),
        }
    }
    Ok(rows)
}

/// Caches the network in a warm function for [`NetworkCache::KEPT`], so that most events need no read of the locations.
#[derive(Debug, Default)]
pub struct NetworkCache(Mutex<Option<(Timestamp, Arc<Network>)>>);

impl NetworkCache {
    /// How long a loaded network is used. Every function knows a new location, or that a shop is live, after this time.
    pub const KEPT: Duration = Duration::from_secs(60);

    /// Drops the cached network, so that the next [`NetworkCache::get`] reads the locations. A function calls this when an
    /// event names a location that the cached network lacks.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns the network, and reads it again when it is older than [`Self::KEPT`]. A row that cannot be read raises its alert: what the
    /// functions compute without it must be computed again when it is repaired.
    ///
    /// # Errors
    /// As [`load_network`].
    pub async fn get<S: Store, C: Clock>(&self, store: &S, clock: &C) -> Result<Arc<Network>, StoreError> {
        let now = clock.now();
        if let Some((loaded, network)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && now.duration_since(*loaded).unsigned_abs() < Self::KEPT
        {
            return Ok(Arc::clone(network));
        }
        let (network, unreadable) = load(store).await?;
        for row in unreadable {
            tracing::error!(%row, "a row of the network cannot be read and is left out");
            alert::faulty_row(store, clock, &row.into()).await?;
        }
        let network = Arc::new(network);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&network)));
        Ok(network)
    }
}
