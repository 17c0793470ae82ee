//! Writes the settings of a shop for an operator.

use jiff::Timestamp;

use crate::catalog::{ShopDomain, ShopSettings};
use crate::flows::{Retries, RetryBudget, load_network};
use crate::ports::{Clock, Store, StoreError, read};
use crate::reconcile::OrderWatermark;
use crate::table::{Row, RowKey, Write};

/// Why the settings of a shop were not written.
#[derive(Debug, thiserror::Error)]
pub enum ShopSettingsError {
    /// No location has an id in the shop, so the shop is mistyped, or the catalog is not imported yet.
    #[error("no location has an id in {0}: correct the shop's domain, or import location_codes.csv first")]
    UnknownShop(ShopDomain),
    /// The orders of the shop have been read for another time. What the ledger holds depends on it.
    #[error(
        "{shop} is live since {since}, and its orders have been read for that time, so it cannot change. To correct the stock, send \
         a count of each item that differs"
    )]
    Live {
        /// The shop.
        shop: ShopDomain,
        /// Since when it is live.
        since: Timestamp,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the settings of a shop. The time from which it is live may change until the first sweep of its orders.
///
/// # Errors
/// [`ShopSettingsError`]. Nothing is written then.
pub async fn set_shop<S: Store, C: Clock>(store: &S, clock: &C, settings: &ShopSettings) -> Result<(), ShopSettingsError> {
    let shop = &settings.shop;
    if !load_network(store).await?.has_shop(shop) {
        return Err(ShopSettingsError::UnknownShop(shop.clone()));
    }
    let mut retries = Retries::new(RetryBudget::IMPORT, settings.row_key().to_string());
    loop {
        let (known, expect) = read::<ShopSettings, S>(store, &settings.row_key()).await?;
        let swept = read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(shop.clone())).await?.0.is_some();
        if let Some(known) = known.as_ref().filter(|known| swept && known.go_live_at != settings.go_live_at) {
            return Err(ShopSettingsError::Live { shop: shop.clone(), since: known.go_live_at });
        }
        let restored_at = known.and_then(|known| known.restored_at);
        let settings = ShopSettings { restored_at, ..settings.clone() };
        match store.write(&[Write::put(&settings, expect)]).await {
            Ok(()) => return Ok(()),
            Err(error) => retries.again(clock, error).await?,
        }
    }
}
