//! Reads the locations, and keeps them in a warm function.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Location, Network};
use crate::ports::{Listing, Store, StoreError, list_all};
use crate::table::Partition;

/// Reads the network.
///
/// # Errors
/// When the store fails or a location has another shape.
pub async fn load_network<S: Store>(store: &S) -> Result<Network, StoreError> {
    let records = list_all(store, Listing::rows(&Partition::Locations)).await?;
    Ok(Network::new(records.iter().map(|record| record.decode()).collect::<Result<Vec<Location>, _>>()?))
}

/// Keeps the network in a warm function for [`NetworkCache::KEPT`], so that an order costs no read for it.
#[derive(Debug, Default)]
pub struct NetworkCache(Mutex<Option<(Timestamp, Arc<Network>)>>);

impl NetworkCache {
    /// How long a loaded network is used. A new location is known everywhere after this time.
    pub const KEPT: Duration = Duration::from_secs(60);

    /// Forgets the network, so that the next [`NetworkCache::get`] reads it: someone named a location it does not have.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The network, read again when it is older than [`Self::KEPT`].
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
