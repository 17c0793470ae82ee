//! Recomputes an item: its promise, its alerts, and the levels and variant metafields of each shop. How many units can still
//! be produced comes from the item's plan (`replan`), which is only read here.
//!
//! One read and one transaction per item. The revision of the promise row is the gate. The promise is read before the
//! positions, so the function that wins the write has seen positions at least as new as those of the promise it replaces, and
//! a promise never goes back in time.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::alert::{Alert, AlertState, AlertSubject, low_stock};
use crate::catalog::{Item, Network, Place, ShopDomain, Sku, Tier};
use crate::flows::backoff;
use crate::flows::push::refusal_alert;
use crate::ledger::Position;
use crate::movement::PositionKey;
use crate::ports::{Clock, Store, StoreError, WriteError};
use crate::promise::{GroupPlan, PlanMembership, Promise, PromiseInputs};
use crate::source::ScheduledReceipts;
use crate::storefront::{Level, MetafieldKind, MetafieldValue, PromiseValue, VariantMetafield};
use crate::table::{Expect, Record, RowKey, Write};

/// How often an item is recomputed when its rows change in between.
const MAX_ATTEMPTS: u32 = 10;

/// What recomputing an item led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recomputed {
    /// Pairs that must be pushed to their shop, whether or not this computation changed them. A pair without a location means
    /// that a metafield of the item must be pushed.
    pub due: BTreeSet<(ShopDomain, PositionKey)>,
    /// Whether anything was written.
    pub changed: bool,
}

/// Recomputes one item from the rows as they are now.
///
/// # Errors
/// When the store fails, or other functions keep recomputing the same item.
pub async fn recompute<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, sku: &Sku) -> Result<Recomputed, StoreError> {
    for attempt in 1..=MAX_ATTEMPTS {
        match recompute_once(store, clock, network, sku).await {
            Ok(done) => return Ok(done),
            Err(WriteError::Store(error)) => return Err(error),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {
                clock.sleep(backoff(Duration::from_millis(5), attempt, sku.as_str())).await;
            }
        }
    }
    let detail = format!("other functions recomputed {sku} during all {MAX_ATTEMPTS} attempts");
    Err(StoreError::Unavailable { detail, source: None })
}

async fn recompute_once<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    sku: &Sku,
) -> Result<Recomputed, WriteError> {
    let first = [RowKey::Item(sku.clone()).key(), RowKey::Promise(sku.clone()).key(), RowKey::PlanOf(sku.clone()).key()];
    let [item, promise, in_plan] = take_first(store.get(&first).await?);
    let Some(item) = item.map(|record| record.decode::<Item>()).transpose()? else {
        return Ok(Recomputed::default()); // Not imported yet. Importing the item recomputes it.
    };

    // Positions are read after the promise, never before it: see the module documentation.
    let of: Vec<PositionKey> = network.places().map(|place| PositionKey::new(sku.clone(), place)).collect();
    let levels_of: Vec<_> = network
        .locations()
        .flat_map(|location| {
            item.shops.keys().filter(|shop| location.shops.contains_key(*shop)).map(move |shop| (shop.clone(), location))
        })
        .collect();
    let old = promise.as_ref().map(|record| record.decode::<Promise>()).transpose()?;
    // This includes metafields that are not shown any more: they are emptied, and then deleted.
    let is_shown = |kind| shows(&item, kind);
    let metafields_of: BTreeSet<(ShopDomain, MetafieldKind)> = MetafieldKind::ALL
        .into_iter()
        .flat_map(|kind| {
            let was = old.as_ref().map(|old| shops_with(old, kind).clone()).unwrap_or_default();
            let listed = item.shops.iter().filter(move |(_, listed)| is_shown(kind) && listed.variant.is_some());
            was.into_iter().chain(listed.map(|(shop, _)| shop.clone())).map(move |shop| (shop, kind))
        })
        .collect();
    let low = AlertSubject::LowStock { sku: sku.clone() };
    let late = AlertSubject::LatePromise { sku: sku.clone() };
    let in_plan = in_plan.map(|record| record.decode::<PlanMembership>()).transpose()?;
    let mut keys = vec![RowKey::Alert(low.clone()).key(), RowKey::Alert(late.clone()).key(), RowKey::Receipts(sku.clone()).key()];
    let positions_at = keys.len();
    keys.extend(of.iter().map(|of| RowKey::Position(of.clone()).key()));
    keys.extend(
        levels_of.iter().map(|(shop, location)| {
            RowKey::Level { shop: shop.clone(), sku: sku.clone(), location: location.code.clone() }.key()
        }),
    );
    keys.extend(
        metafields_of.iter().map(|(shop, kind)| RowKey::Metafield { shop: shop.clone(), sku: sku.clone(), kind: *kind }.key()),
    );
    let tier_at = keys.len();
    keys.extend(item.tier.as_ref().map(|tier| RowKey::Tier(tier.clone()).key()));
    keys.extend(in_plan.as_ref().map(|of| RowKey::Plan(of.plan.clone()).key()));
    let mut rows = store.get(&keys).await?;
    let mut last = rows.split_off(tier_at).into_iter();
    let tier = item.tier.as_ref().and_then(|_| last.next()).flatten();
    let tier = tier.map(|record| record.decode::<Tier>()).transpose()?;
    let plan = last.next().flatten().map(|record| record.decode::<GroupPlan>()).transpose()?;
    let mut position_rows = rows.split_off(positions_at);
    let [low_alert, late_alert, receipts] = take_first(rows);
    let receipts = receipts.map(|record| record.decode::<ScheduledReceipts>()).transpose()?;
    let mut level_rows = position_rows.split_off(of.len());
    let metafield_rows = level_rows.split_off(levels_of.len());
    let positions = position_rows.into_iter().flatten().map(|record| record.decode()).collect::<Result<Vec<Position>, _>>()?;

    let now = clock.now();
    let planned = plan.as_ref().and_then(|plan| plan.goods.get(sku));
    let known = PromiseInputs {
        item: &item,
        tier: tier.as_ref(),
        network,
        positions: &positions,
        supplies: receipts.as_ref(),
        planned,
        old: old.as_ref(),
    };
    let mut new = Promise::compute(known, now);
    assert!(old.as_ref().is_none_or(|old| new.follows(old)), "positions read after a promise are at least as new as it");

    let mut writes = Vec::new();
    let mut due = BTreeSet::new();
    for ((shop, location), record) in levels_of.into_iter().zip(level_rows) {
        let Some(at) = new.places.get(&Place::At(location.code.clone())) else { continue };
        let known = record.as_ref().map(|record| record.decode::<Level>()).transpose()?;
        let (Some(listed), Some(shop_location)) = (item.shops.get(&shop), location.shops.get(&shop)) else { continue };
        let mut level = known.clone().unwrap_or_else(|| {
            Level::new(shop.clone(), sku.clone(), location.code.clone(), listed.inventory_item, *shop_location)
        });
        let buffer = at.kept_back(Some(location), item.buffer_for(Some(&shop), tier.as_ref()));
        level.want(at, buffer, (listed.inventory_item, *shop_location), now);
        if level.alerted && level.refused.is_none() && !level.is_due() {
            // The refused level is not wanted any more. No push will happen that would clear the alert, so it is cleared here.
            level.alerted = false;
            writes.extend(refusal_alert(store, (&level).into(), now).await?);
        }
        if level.is_due() {
            due.insert((level.shop.clone(), PositionKey::new(sku.clone(), Place::At(location.code.clone()))));
        }
        if known.as_ref() != Some(&level) {
            writes.push(Write::put(&level, Expect::as_read(record.as_ref())));
        }
    }
    for ((shop, kind), record) in metafields_of.into_iter().zip(metafield_rows) {
        let known = record.as_ref().map(|record| record.decode::<VariantMetafield>()).transpose()?;
        let would_show = match kind {
            MetafieldKind::Lots => MetafieldValue::Lots(VariantMetafield::lots_of(network, &positions)),
            MetafieldKind::Promise => MetafieldValue::Promise(PromiseValue { date: new.date() }),
        };
        let shown = if is_shown(kind) { would_show } else { MetafieldValue::nothing(kind) };
        let metafield = metafield(&item, &shop, known.as_ref(), shown, now);
        // The refused value is not wanted any more. No push will happen that would clear the alert, so it is cleared here.
        let settled = metafield.as_ref().is_none_or(|metafield| metafield.refused.is_none() && !metafield.is_due());
        if let Some(known) = known.as_ref().filter(|known| known.alerted && settled) {
            writes.extend(refusal_alert(store, (&VariantMetafield { refused: None, ..known.clone() }).into(), now).await?);
        }
        match (metafield, record) {
            (Some(metafield), record) => {
                let metafield = VariantMetafield { alerted: metafield.alerted && !settled, ..metafield };
                if metafield.is_due() {
                    due.insert((shop.clone(), PositionKey::new(sku.clone(), Place::Unassigned)));
                }
                if known.as_ref() != Some(&metafield) {
                    writes.push(Write::put(&metafield, Expect::as_read(record.as_ref())));
                }
                match kind {
                    MetafieldKind::Lots => new.lots_metafield_in.insert(shop),
                    MetafieldKind::Promise => new.date_metafield_in.insert(shop),
                };
            }
            (None, Some(record)) => writes.push(Write::Delete { key: record.key, expect: Expect::Revision(record.revision) }),
            (None, None) => {}
        }
    }
    if let Some(state) = low_stock(new.available, new.low_at) {
        let detail = format!("{} units of {sku} can be promised.", new.available);
        writes.extend(set_alert(low_alert.as_ref(), low, state, detail, now)?);
    }
    let late_orders = new.planned.as_ref().map_or(&[][..], |planned| &planned.late);
    let state = if late_orders.is_empty() { AlertState::Cleared } else { AlertState::Raised };
    let units: Vec<String> = late_orders.iter().map(ToString::to_string).collect();
    let detail = format!("Of {sku}: {}. `cargo x explain {sku}` lists the orders.", units.join("; "));
    writes.extend(set_alert(late_alert.as_ref(), late, state, detail, now)?);
    if !writes.is_empty() || !old.as_ref().is_some_and(|old| new.says_the_same(old)) {
        // The promise is also written when only a level, a metafield or an alert changed: winning this write makes them as new
        // as the promise.
        writes.push(Write::put(&new, Expect::as_read(promise.as_ref())));
    }
    if !writes.is_empty() {
        store.write(&writes).await?;
    }
    Ok(Recomputed { due, changed: !writes.is_empty() })
}

/// Whether an item shows a metafield of this kind.
fn shows(item: &Item, kind: MetafieldKind) -> bool {
    match kind {
        MetafieldKind::Lots => item.by_lot,
        MetafieldKind::Promise => item.planning.shows_date,
    }
}

/// The shops that have a metafield of this kind.
fn shops_with(promise: &Promise, kind: MetafieldKind) -> &BTreeSet<ShopDomain> {
    match kind {
        MetafieldKind::Lots => &promise.lots_metafield_in,
        MetafieldKind::Promise => &promise.date_metafield_in,
    }
}

/// The wanted metafield of an item in a shop. `None` when the item has no variant there, or when the metafield is not shown
/// and is already empty.
fn metafield(
    item: &Item,
    shop: &ShopDomain,
    known: Option<&VariantMetafield>,
    shown: MetafieldValue,
    now: Timestamp,
) -> Option<VariantMetafield> {
    let variant = item.shops.get(shop).and_then(|listed| listed.variant)?;
    let kind = shown.kind();
    let new = || VariantMetafield::new(shop.clone(), item.sku.clone(), variant, kind, now);
    let mut metafield = known.cloned().unwrap_or_else(new);
    metafield.want(variant, shown, now);
    (shows(item, kind) || !metafield.is_blank()).then_some(metafield)
}

/// The write that changes an alert's state; `None` when the alert already has it.
fn set_alert(
    known: Option<&Record>,
    subject: AlertSubject,
    state: AlertState,
    detail: String,
    now: Timestamp,
) -> Result<Option<Write>, StoreError> {
    let alert = known.map(|record| record.decode::<Alert>()).transpose()?;
    let next = Alert::next(alert.as_ref(), subject, state, detail, now);
    Ok(next.map(|next| Write::put(&next, Expect::as_read(known))))
}

/// Takes the first `N` records out of `rows`.
fn take_first<const N: usize>(mut rows: Vec<Option<Record>>) -> [Option<Record>; N] {
    std::array::from_fn(|at| rows.get_mut(at).and_then(Option::take))
}
