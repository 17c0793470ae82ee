//! Reads the locations, the clock limits of other systems and the settings of the shops, and caches them in a warm function.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Location, Network, ShopSettings};
use crate::ports::{Listing, Store, StoreError, list_all};
use crate::source::System;
use crate::table::{Key, Partition, Row, RowKey};

/// Reads all locations, the clock limit of each system that has one, and the settings of all shops.
///
/// # Errors
/// When the store fails.
pub async fn load_network<S: Store>(store: &S) -> Result<Network, StoreError> {
    let (locations, unknown) = readable::<Location, S>(store, &Partition::Locations).await?;
    let unknown = unknown.iter().filter_map(|key| match RowKey::parse(key) {
        Some(RowKey::Location(code)) => Some(code),
        Some(_) | None => None,
    });
    let (systems, _) = readable::<System, S>(store, &Partition::Systems).await?;
    let limits = systems.into_iter().filter_map(|system| Some((system.code.clone(), system.clock_limit()?)));
    let (shops, _) = readable::<ShopSettings, S>(store, &Partition::Shops).await?;
    let network = Network::new(locations).with_unknown(unknown.collect());
    Ok(network.with_clock_limits(limits.collect()).with_shops(shops))
}

/// The rows of a partition, and the keys of those that cannot be read. One of them must not stop everything; the backlog job raises
/// the alert about it.
async fn readable<R: Row, S: Store>(store: &S, partition: &Partition) -> Result<(Vec<R>, Vec<Key>), StoreError> {
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for record in list_all(store, Listing::rows(partition)).await? {
        match record.decode() {
            Ok(row) => rows.push(row),
            Err(error) => {
                tracing::error!(%error, "a row of the network cannot be read and is left out");
                unreadable.push(record.key);
            }
        }
    }
    Ok((rows, unreadable))
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

    /// Returns the network, and reads it again when it is older than [`Self::KEPT`].
    ///
    /// # Errors
    /// As [`load_network`].
    pub async fn get<S: Store>(&self, store: &S, now: Timestamp) -> Result<Arc<Network>, StoreError> {
        if let Some((loaded, network)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && now.duration_since(*loaded).unsigned_abs() < Self::KEPT
        {
            return Ok(Arc::clone(network));
        }
        let network = Arc::new(load_network(store).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&network)));
        Ok(network)
    }
}
