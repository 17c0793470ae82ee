//! Compares the variants of a shop with the listings of the catalog.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use promissory::adapters::shopify::{Shopify, Transport};
use promissory::catalog::{Catalog, CatalogListing, MappingFinding, ShopDomain, ShopVariant, validate};
use promissory::flows::backoff;
use promissory::ports::Clock;
use promissory::storefront::StorefrontError;
use serde::Serialize;

/// The number of attempts in a row for one page of variants.
const MAX_ATTEMPTS: u32 = 6;

/// The first pause after a failed attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// The result of validating one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// The shop.
    pub shop: ShopDomain,
    /// The number of its variants.
    pub variants: usize,
    /// The number of listings that the catalog has for it.
    pub listings: usize,
    /// The differences.
    pub findings: Vec<MappingFinding>,
}

/// Compares the listings of a shop with its variants. `say` receives the progress.
///
/// # Errors
/// When the shop does not answer, or refuses the request.
pub async fn compare<T: Transport, C: Clock>(
    front: &Shopify<T, C>,
    clock: &C,
    catalog: &Catalog,
    shop: &ShopDomain,
    say: &dyn Fn(&str),
) -> io::Result<Validation> {
    let variants = variants(front, clock, shop, say).await?;
    let all = catalog.listings();
    let listings: BTreeMap<&str, &CatalogListing> =
        all.iter().filter(|((of, _), _)| of == shop).map(|((_, shop_sku), listing)| (shop_sku.as_str(), listing)).collect();
    let findings = validate(&listings, &variants);
    Ok(Validation { shop: shop.clone(), variants: variants.len(), listings: listings.len(), findings })
}

/// Reads every variant of a shop, and waits as long as the shop asks when it throttles.
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
