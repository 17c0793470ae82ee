//! Reads the locations, the clock limits of other systems and the settings of the shops, and caches them in a warm function.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Location, Network, ShopSettings};
use crate::ports::{Listing, Store, StoreError, list_all};
use crate::source::System;
use crate::table::Partition;

/// Reads all locations, the clock limit of each system that has one, and the settings of all shops.
///
/// # Errors
/// When the store fails, or one of these rows cannot be decoded.
pub async fn load_network<S: Store>(store: &S) -> Result<Network, StoreError> {
    let locations = list_all(store, Listing::rows(&Partition::Locations)).await?;
    let locations = locations.iter().map(|record| record.decode()).collect::<Result<Vec<Location>, _>>()?;
    let systems = list_all(store, Listing::rows(&Partition::Systems)).await?;
    let systems = systems.iter().filter_map(|record| match record.decode::<System>() {
        Ok(system) => Some(system),
        Err(error) => {
            // The row of one system must not stop the orders of a shop.
            tracing::error!(%error, "the row of a system cannot be read; its clock limit is the default");
            None
        }
    });
    let limits = systems.filter_map(|system| Some((system.code.clone(), system.clock_limit()?)));
    let shops = list_all(store, Listing::rows(&Partition::Shops)).await?;
    let shops = shops.iter().map(|record| record.decode()).collect::<Result<Vec<ShopSettings>, _>>()?;
    Ok(Network::new(locations).with_clock_limits(limits.collect()).with_shops(shops))
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
