//! Storefront behaviour that the fake shop cannot produce: the real adapter with one change.

use std::sync::Arc;

use promissory::catalog::{InventoryItemId, OrderId, Quantity, ShopDomain, ShopLocationId};
use promissory::ports::Storefront;
use promissory::storefront::{
    Adjustment, LevelSet, MetafieldWrite, OrderRead, OrderSearch, OrdersPage, ShopAnswer, ShopLevel, StorefrontError,
};
use tokio::sync::Notify;

/// The change.
#[derive(Debug, Clone)]
pub enum Oddity {
    /// A refusal does not name the row.
    NamesNoRow,
    /// Runs a closure directly after levels were read.
    AfterReading(Happening),
    /// Executes a mutation and never returns to the caller. The notification signals the test that the mutation is done.
    AnswersNever(Arc<Notify>),
}

/// A closure that a test injects.
#[derive(Clone)]
pub struct Happening(pub Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Happening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Happening")
    }
}

/// A storefront with one change.
#[derive(Debug)]
pub struct OddShop<F> {
    /// The unchanged storefront.
    pub inner: F,
    /// The change.
    pub oddity: Oddity,
}

impl<F> OddShop<F> {
    async fn mutated(&self, answer: Result<ShopAnswer, StorefrontError>) -> Result<ShopAnswer, StorefrontError> {
        match &self.oddity {
            Oddity::AnswersNever(done) => {
                done.notify_one();
                std::future::pending().await
            }
            Oddity::AfterReading(_) => answer,
            Oddity::NamesNoRow => Ok(match answer? {
                ShopAnswer::Done => ShopAnswer::Done,
                ShopAnswer::Refused(mut errors) => {
                    for error in &mut errors {
                        error.row = None;
                    }
                    ShopAnswer::Refused(errors)
                }
            }),
        }
    }
}

impl<F: Storefront> Storefront for OddShop<F> {
    async fn adjust(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[Adjustment],
    ) -> Result<ShopAnswer, StorefrontError> {
        self.mutated(self.inner.adjust(shop, key, reference, rows).await).await
    }

    async fn set(&self, shop: &ShopDomain, key: &str, reference: &str, rows: &[LevelSet]) -> Result<ShopAnswer, StorefrontError> {
        self.mutated(self.inner.set(shop, key, reference, rows).await).await
    }

    async fn activate(
        &self,
        shop: &ShopDomain,
        key: &str,
        item: InventoryItemId,
        location: ShopLocationId,
        available: Option<Quantity>,
    ) -> Result<ShopAnswer, StorefrontError> {
        self.mutated(self.inner.activate(shop, key, item, location, available).await).await
    }

    async fn set_metafields(&self, shop: &ShopDomain, rows: &[MetafieldWrite]) -> Result<ShopAnswer, StorefrontError> {
        self.mutated(self.inner.set_metafields(shop, rows).await).await
    }

    async fn levels(&self, shop: &ShopDomain, items: &[InventoryItemId]) -> Result<Vec<ShopLevel>, StorefrontError> {
        let levels = self.inner.levels(shop, items).await;
        match &self.oddity {
            Oddity::AfterReading(Happening(happen)) => happen(),
            Oddity::NamesNoRow | Oddity::AnswersNever(_) => {}
        }
        levels
    }

    async fn order(&self, shop: &ShopDomain, order: OrderId) -> Result<Option<OrderRead>, StorefrontError> {
        self.inner.order(shop, order).await
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
        self.inner.orders_updated(shop, search, after).await
    }
}
