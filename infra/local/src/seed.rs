//! Writes the first rows of a stack: the settings of its shop, locations, items with their mappings, and the opening stock, which
//! goes through the ledger as any other event.

use jiff::Timestamp;
use promissory::adapters::clock::SystemClock;
use promissory::catalog::{Item, ListedVariant, Location, Network, ShopDomain, ShopItem, ShopSettings};
use promissory::flows::{CommitError, commit};
use promissory::ledger::LedgerEvent;
use promissory::ports::{Store, StoreError, WriteError};
use promissory::source::StockEvent;
use promissory::table::{Expect, Key, Write};

/// Writes the settings of a shop that goes live at this time, in whole seconds.
///
/// # Errors
/// When the store fails.
pub async fn go_live<S: Store>(store: &S, shop: &ShopDomain, at: Timestamp) -> Result<(), StoreError> {
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    put(store, vec![Write::put(&ShopSettings::live_from(shop.clone(), at), Expect::Absent)]).await
}

/// Writes the network's locations.
///
/// # Errors
/// When the store fails.
pub async fn import_network<S: Store>(store: &S, locations: &[Location]) -> Result<Network, StoreError> {
    for location in locations {
        put(store, vec![Write::put(location, Expect::Absent)]).await?;
    }
    promissory::flows::load_network(store).await
}

/// Writes an item together with the mapping of every shop that lists it.
///
/// # Errors
/// When the store fails.
pub async fn import_item<S: Store>(store: &S, item: &Item) -> Result<(), StoreError> {
    let mut writes = vec![Write::put(item, Expect::Absent)];
    for (shop, listed) in &item.shops {
        let mapping = ShopItem {
            shop: shop.clone(),
            shop_sku: listed.shop_sku.clone(),
            sku: item.sku.clone(),
            inventory_item: listed.inventory_item,
            variant: listed.variant,
        };
        writes.push(Write::put(&mapping, Expect::Absent));
        if let Some(variant) = listed.variant {
            let (shop, shop_sku, sku) = (shop.clone(), listed.shop_sku.clone(), item.sku.clone());
            writes.push(Write::put(&ListedVariant { shop, variant, shop_sku, sku }, Expect::Absent));
        }
    }
    put(store, writes).await
}

/// Commits stock events to the ledger.
///
/// # Errors
/// When the commit fails.
pub async fn take_stock<S: Store>(store: &S, network: &Network, events: Vec<StockEvent>) -> Result<(), CommitError> {
    let events: Vec<_> = events.into_iter().map(|event| (LedgerEvent::Stock(event), None)).collect();
    commit(store, &SystemClock, network, &events).await.map(drop)
}

/// Writes rows, and replaces those that exist.
async fn put<S: Store>(store: &S, mut writes: Vec<Write>) -> Result<(), StoreError> {
    let keys: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
    loop {
        let found = store.get(&keys).await?;
        for (write, found) in writes.iter_mut().zip(&found) {
            let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
            *expect = Expect::as_read(found.as_ref());
        }
        match store.write(&writes).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
}
