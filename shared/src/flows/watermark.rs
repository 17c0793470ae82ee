//! Changes the watermark of a shop's orders. Sweeps and the order reader write it, and may run at the same time.

use crate::catalog::ShopDomain;
use crate::flows::{Retries, RetryBudget};
use crate::ports::{Clock, Store, StoreError, read};
use crate::reconcile::OrderWatermark;
use crate::table::{RowKey, Write};

/// The watermark of a shop, as it is stored.
pub(super) async fn order_watermark<S: Store>(store: &S, shop: &ShopDomain) -> Result<OrderWatermark, StoreError> {
    let known = read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(shop.clone())).await?.0;
    Ok(known.unwrap_or_else(|| OrderWatermark::new(shop.clone())))
}

/// Applies `change` to the stored watermark, again if another function wrote it in between. The change must not move it back.
pub(super) async fn change_order_watermark<S: Store, C: Clock>(
    (store, clock): (&S, &C),
    shop: &ShopDomain,
    change: impl Fn(&mut OrderWatermark),
) -> Result<(), StoreError> {
    let mut retries = Retries::new(RetryBudget::RECOMPUTE, format!("the watermark of {shop}"));
    loop {
        let (known, expect) = read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(shop.clone())).await?;
        let mut changed = known.clone().unwrap_or_else(|| OrderWatermark::new(shop.clone()));
        change(&mut changed);
        if known.as_ref() == Some(&changed) {
            return Ok(());
        }
        match store.write(&[Write::put(&changed, expect)]).await {
            Ok(()) => return Ok(()),
            Err(error) => retries.again(clock, error).await?,
        }
    }
}
