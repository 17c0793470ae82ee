//! Units that our orders reserve and the shop does not commit: computed from a promise, from the drafts of the shop, and from the levels
//! that the shop shows.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Network, Quantity, ShopDomain, ShopLocationId, Sku};
use crate::order::OrderRecord;
use crate::ports::{Listing, Store, StoreError, list_all};
use crate::promise::Promise;
use crate::storefront::{ShopLevel, is_settled, unclaimed};
use crate::table::IndexPartition;

/// The number of drafts that are listed in one page.
const DRAFTS_PAGE: usize = 200;

/// When the numbers of a shop are settled: a complete sweep began at least this long after a level last changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    pub swept_at: Option<Timestamp>,
    pub window: Duration,
}

/// The units that drafts of the shop reserve, by item. The shop reserves them as well, and does not commit them.
pub(super) async fn reserved_by_drafts<S: Store>(store: &S, shop: &ShopDomain) -> Result<BTreeMap<Sku, Quantity>, StoreError> {
    let held = Listing::index(&IndexPartition::HeldDrafts(shop.clone()), DRAFTS_PAGE);
    let mut units = BTreeMap::new();
    for record in list_all(store, held).await? {
        let Ok(draft) = record.decode::<OrderRecord>() else { continue };
        for (sku, line) in draft.lines.values().filter_map(|line| Some((line.sku.clone()?, line))) {
            *units.entry(sku).or_default() += line.reserved.values().copied().sum::<Quantity>();
        }
    }
    Ok(units)
}

/// Units of an item that our orders reserve and the shop does not commit, at each location that the shop shows; `None` while orders
/// may be in flight. The `drafted` units, which drafts reserve at no location, are not of orders.
pub(super) fn unclaimed_at(
    network: &Network,
    shop: &ShopDomain,
    (promise, drafted): (&Promise, Quantity),
    shown: &[&ShopLevel],
    settled: Settled,
) -> Option<BTreeMap<ShopLocationId, Quantity>> {
    if !shown.iter().all(|level| is_settled(level, settled.swept_at, settled.window)) {
        return None;
    }
    let (mut here, mut elsewhere) = (BTreeMap::new(), Quantity::ZERO);
    for (place, at) in &promise.places {
        let reserved = at.balance.reserved.at_least_zero();
        let id = network.at(place).and_then(|location| location.shops.get(shop));
        match id.filter(|id| shown.iter().any(|level| level.location == **id)) {
            Some(id) => drop(here.insert(*id, reserved)),
            None => elsewhere += reserved,
        }
    }
    Some(unclaimed(&here, (elsewhere - drafted).at_least_zero(), shown))
}
