//! A shop's variants beside our listings.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use promissory::adapters::shopify::{Shopify, Transport};
use promissory::catalog::{Catalog, CatalogListing, MappingFinding, ShopDomain, ShopVariant, validate};
use promissory::flows::backoff;
use promissory::ports::Clock;
use promissory::storefront::StorefrontError;
use serde::Serialize;

/// How often in a row a page is asked for that does not come.
const MAX_ATTEMPTS: u32 = 6;

/// The first pause after a page did not come.
const PAUSE: Duration = Duration::from_millis(200);

/// What was found in one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// The shop.
    pub shop: ShopDomain,
    /// Its variants.
    pub variants: usize,
    /// Our listings in it.
    pub listings: usize,
    /// What does not fit.
    pub findings: Vec<MappingFinding>,
}

/// Compares what we say a shop lists with what it sells. `say` is told how far it is.
///
/// # Errors
/// When the shop does not answer, or refuses us.
pub async fn compare<T: Transport, C: Clock>(
    front: &Shopify<T, C>,
    clock: &C,
    catalogue: &Catalog,
    shop: &ShopDomain,
    say: &dyn Fn(&str),
) -> io::Result<Validation> {
    let variants = variants(front, clock, shop, say).await?;
    let all = catalogue.listings();
    let listings: BTreeMap<&str, &CatalogListing> =
        all.iter().filter(|((of, _), _)| of == shop).map(|((_, shop_sku), listing)| (shop_sku.as_str(), listing)).collect();
    let findings = validate(&listings, &variants);
    Ok(Validation { shop: shop.clone(), variants: variants.len(), listings: listings.len(), findings })
}

/// Every variant of a shop, as slowly as the shop wants.
async fn variants<T: Transport, C: Clock>(
    front: &Shopify<T, C>,
    clock: &C,
    shop: &ShopDomain,
    say: &dyn Fn(&str),
) -> io::Result<Vec<ShopVariant>> {
    let (mut all, mut after, mut attempt) = (Vec::new(), None::<String>, 0);
    loop {
        let wait = match front.variants(shop, after.as_deref()).await {
            Ok((page, next)) => {
                all.extend(page);
                attempt = 0;
                match next {
                    Some(next) => after = Some(next),
                    None => return Ok(all),
                }
                say(&format!("{} variants of {shop} read", all.len()));
                continue;
            }
            Err(StorefrontError::Throttled { wait }) => wait,
            Err(error @ StorefrontError::Unavailable { .. }) => {
                attempt += 1;
                if attempt >= MAX_ATTEMPTS {
                    return Err(io::Error::other(format!("{shop}: {error}")));
                }
                backoff(PAUSE, attempt, shop.as_str())
            }
            Err(error @ (StorefrontError::Invalid { .. } | StorefrontError::Rejected { .. })) => {
                return Err(io::Error::other(format!("{shop}: {error}")));
            }
        };
        clock.sleep(wait).await;
    }
}
