//! The storefront port of the handlers, with the planted bug in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use promissory::adapters::shopify::Shopify;
use promissory::catalog::{InventoryItemId, LocationId, OrderId, Place, Quantity, ShopDomain, ShopLocationId, Sku};
use promissory::ports::{Store, Storefront, read};
use promissory::reconcile::OrderWatermark;
use promissory::storefront::{
    Adjustment, LevelSet, MetafieldWrite, OrderRead, OrderSearch, OrdersPage, ShopAnswer, ShopLevel, StorefrontError,
};
use promissory::table::{RowKey, Write};

use super::PlantedBug;
use crate::ports::Ports;
use crate::store::SimStore;
use crate::tasks::SimClock;

/// The SKU and location of ours for each inventory item and location of the shop.
pub type Directory = BTreeMap<(InventoryItemId, ShopLocationId), (Sku, LocationId)>;

/// A storefront that makes one kind of mistake, or none.
#[derive(Debug)]
pub struct PlantedStorefront {
    /// The real adapter.
    pub inner: Shopify<Ports, SimClock>,
    /// The table, for the mistakes that read or write it.
    pub store: SimStore,
    /// The SKU and location of ours for each pair of the shop.
    pub directory: Arc<Directory>,
    /// The planted bug, if any.
    pub bug: Option<PlantedBug>,
}

impl PlantedStorefront {
    /// The available quantity that the shop shows now for each pair.
    async fn available_now(
        &self,
        shop: &ShopDomain,
        pairs: impl Iterator<Item = (InventoryItemId, ShopLocationId)>,
    ) -> Result<BTreeMap<(InventoryItemId, ShopLocationId), Quantity>, StorefrontError> {
        let mut items: Vec<InventoryItemId> = pairs.map(|(item, _)| item).collect();
        items.sort_unstable();
        items.dedup();
        let levels = self.inner.levels(shop, &items).await?;
        Ok(levels.into_iter().map(|level| ((level.inventory_item, level.location), level.available)).collect())
    }

    fn promised(&self, pair: (InventoryItemId, ShopLocationId)) -> Option<Quantity> {
        let (sku, location) = self.directory.get(&pair)?;
        let table = self.store.table();
        Some(table.checker.promises.get(sku)?.places.get(&Place::At(location.clone()))?.available)
    }

    /// The planted mistake: moves the watermark before the orders of the page are in the ledger.
    async fn advance_at_once(&self, shop: &ShopDomain, search: OrderSearch, page: &OrdersPage) {
        let Ok((known, expect)) = read::<OrderWatermark, _>(&self.store, &RowKey::OrderWatermark(shop.clone())).await else {
            return;
        };
        let mut mark = known.unwrap_or_else(|| OrderWatermark::new(shop.clone()));
        mark.newest = mark.newest.max(page.newest());
        if let Some(since) = search.since.filter(|_| page.next.is_none()) {
            mark.complete(since, page.answered_at);
        }
        let _ = self.store.write(&[Write::put(&mark, expect)]).await;
    }
}

impl Storefront for PlantedStorefront {
    async fn adjust(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[Adjustment],
    ) -> Result<ShopAnswer, StorefrontError> {
        if self.bug != Some(PlantedBug::AbsolutePush) {
            return self.inner.adjust(shop, key, reference, rows).await;
        }
        let pairs = || rows.iter().map(|row| (row.inventory_item, row.location));
        let available = self.available_now(shop, pairs()).await?;
        let set = |pair: (InventoryItemId, ShopLocationId)| LevelSet {
            inventory_item: pair.0,
            location: pair.1,
            quantity: self.promised(pair).unwrap_or_default().at_least_zero(),
            change_from: available.get(&pair).copied().unwrap_or_default(),
        };
        let sets: Vec<LevelSet> = pairs().map(set).collect();
        self.inner.set(shop, key, reference, &sets).await
    }

    async fn set(&self, shop: &ShopDomain, key: &str, reference: &str, rows: &[LevelSet]) -> Result<ShopAnswer, StorefrontError> {
        if self.bug != Some(PlantedBug::FreshCompare) {
            return self.inner.set(shop, key, reference, rows).await;
        }
        let available = self.available_now(shop, rows.iter().map(|row| (row.inventory_item, row.location))).await?;
        let fresh = |row: &LevelSet| LevelSet {
            change_from: available.get(&(row.inventory_item, row.location)).copied().unwrap_or(row.change_from),
            ..row.clone()
        };
        let sets: Vec<LevelSet> = rows.iter().map(fresh).collect();
        self.inner.set(shop, key, reference, &sets).await
    }

    async fn activate(
        &self,
        shop: &ShopDomain,
        key: &str,
        item: InventoryItemId,
        location: ShopLocationId,
        available: Option<Quantity>,
    ) -> Result<ShopAnswer, StorefrontError> {
        self.inner.activate(shop, key, item, location, available).await
    }

    async fn set_metafields(&self, shop: &ShopDomain, rows: &[MetafieldWrite]) -> Result<ShopAnswer, StorefrontError> {
        self.inner.set_metafields(shop, rows).await
    }

    async fn levels(&self, shop: &ShopDomain, items: &[InventoryItemId]) -> Result<Vec<ShopLevel>, StorefrontError> {
        let mut levels = self.inner.levels(shop, items).await?;
        if self.bug == Some(PlantedBug::SetAsideIgnored) {
            levels.iter_mut().for_each(|level| (level.reserved, level.set_aside) = (Quantity::ZERO, Quantity::ZERO));
        }
        Ok(levels)
    }

    async fn order(&self, shop: &ShopDomain, order: OrderId) -> Result<Option<OrderRead>, StorefrontError> {
        let mut read = self.inner.order(shop, order).await?;
        if let Some(read) = read.as_mut().filter(|_| self.bug == Some(PlantedBug::DraftReleasedFirst)) {
            read.became = None;
        }
        Ok(read)
    }

    async fn order_of(&self, shop: &ShopDomain, gid: &str) -> Result<Option<OrderId>, StorefrontError> {
        self.inner.order_of(shop, gid).await
    }

    async fn orders_updated(
        &self,
        shop: &ShopDomain,
        search: OrderSearch,
        after: Option<&str>,
    ) -> Result<OrdersPage, StorefrontError> {
        let page = self.inner.orders_updated(shop, search, after).await?;
        if self.bug == Some(PlantedBug::WatermarkFirst) && search.open_before.is_none() {
            self.advance_at_once(shop, search, &page).await;
        }
        Ok(page)
    }
}
