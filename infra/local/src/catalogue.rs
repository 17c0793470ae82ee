//! Importing what is sold: locations, items, their mappings, and opening stock through the ledger like any other event.

use promissory::adapters::clock::SystemClock;
use promissory::catalog::{Item, Location, Network, ShopItem};
use promissory::ledger::{CommitError, Event, commit};
use promissory::source::StockEvent;
use promissory::store::{Row, Store, StoreError, Write, WriteError, read};

/// Writes the network's locations.
///
/// # Errors
/// When the store fails.
pub async fn import_network<S: Store>(store: &S, locations: &[Location]) -> Result<Network, StoreError> {
    for location in locations {
        put(store, location).await?;
    }
    Network::load(store).await
}

/// Writes an item, and the mapping of every shop that lists it.
///
/// # Errors
/// When the store fails.
pub async fn import_item<S: Store>(store: &S, item: &Item) -> Result<(), StoreError> {
    for (shop, listed) in &item.shops {
        let mapping = ShopItem {
            shop: shop.clone(),
            shop_sku: listed.shop_sku.clone(),
            sku: item.sku.clone(),
            inventory_item: listed.inventory_item,
        };
        put(store, &mapping).await?;
    }
    put(store, item).await
}

/// Takes stock events into the ledger.
///
/// # Errors
/// When the ledger does not take them.
pub async fn take_stock<S: Store>(store: &S, network: &Network, events: Vec<StockEvent>) -> Result<(), CommitError> {
    let events: Vec<_> = events.into_iter().map(|event| (Event::Stock(event), None)).collect();
    commit(store, &SystemClock, network, &events).await.map(drop)
}

async fn put<S: Store, R: Row>(store: &S, row: &R) -> Result<(), StoreError> {
    loop {
        let (_, expect) = read::<R, S>(store, row.key()).await?;
        match store.write(&[Write::put(row, expect)]).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
}
