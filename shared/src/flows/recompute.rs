//! Recomputes an item: its promise, its alerts, and the levels and variant metafields that each shop must be sent. What can
//! still be produced comes from the plan, which [`replan`](super::replan()) writes.
//!
//! One read and one transaction per item. The revision of the promise row is the gate: the promise is read no later than the
//! positions. A function whose write succeeds has therefore read positions at least as new as the promise it replaces, and a
//! promise never goes back.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::alert;
use super::delivered::{clear_other_alerts, level_alerts, turn_alert};
use super::replan::replan;
use super::retry::{Retries, RetryBudget};
use crate::alert::{AlertState, AlertSubject, faulty_row, low_stock};
use crate::catalog::{Item, Location, LocationId, MetafieldKind, Network, Place, ShopDomain, ShopSettings, Sku, Tier};
use crate::ledger::Position;
use crate::movement::PositionKey;
use crate::ports::{Clock, Store, StoreError, WriteError, read_rows};
use crate::promise::{GroupPlan, PlanMembership, Promise, PromiseInputs};
use crate::source::ScheduledReceipts;
use crate::storefront::{Level, MetafieldValue, PromiseValue, PushTarget, VariantMetafield};
use crate::table::{ReadRows, RowKey, UnreadableRow, Write};

/// The number of levels that one transaction deletes. Each may have an alert.
const DELETED_AT_ONCE: usize = 20;

/// What recomputing an item led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recomputed {
    /// The levels and metafields that a shop must be sent, whether or not this computation changed them.
    pub due: BTreeSet<(ShopDomain, PushTarget)>,
    /// Whether anything was written.
    pub changed: bool,
}

/// Recomputes one item from the rows as they are now. A plan that cannot be read is planned anew before.
///
/// # Errors
/// When the store fails, when an older row replaced a position, or when other functions keep recomputing the same item.
pub async fn recompute<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, sku: &Sku) -> Result<Recomputed, StoreError> {
    let row = match recompute_as_planned(store, clock, network, sku).await {
        Err(StoreError::Unreadable(row)) => row,
        done => return done,
    };
    // Without its plan, units of the item that are kept for kits would be sold.
    match row.name() {
        Some(RowKey::Plan(_) | RowKey::PlanOf(_)) => replan(store, clock, network, &BTreeSet::from([sku.clone()])).await?,
        Some(_) | None => return Err(row.into()),
    };
    recompute_as_planned(store, clock, network, sku).await
}

/// Recomputes one item from the rows as they are now.
///
/// # Errors
/// As [`recompute`], and when the plan of the item cannot be read.
pub(super) async fn recompute_as_planned<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    sku: &Sku,
) -> Result<Recomputed, StoreError> {
    recompute_with(store, clock, network, (sku, Planning::AsPlanned)).await
}

/// Recomputes one item whose plan cannot be read, from its stock alone, and keeps all of it back. Planning needs the promise.
///
/// # Errors
/// As [`recompute`].
pub(super) async fn recompute_without_plan<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    sku: &Sku,
) -> Result<Recomputed, StoreError> {
    recompute_with(store, clock, network, (sku, Planning::Unknown)).await
}

/// What is known of what can be produced of an item, and of what is kept for kits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planning {
    /// What its plan says.
    AsPlanned,
    /// Nothing: all units may be kept for kits.
    Unknown,
}

async fn recompute_with<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    (sku, planning): (&Sku, Planning),
) -> Result<Recomputed, StoreError> {
    let mut retries = Retries::new(RetryBudget::RECOMPUTE, sku.as_str());
    loop {
        match recompute_once(store, clock, network, (sku, planning)).await {
            Ok((_, Rest::LevelsToDelete)) => {}
            Ok((done, Rest::Nothing)) => return Ok(done),
            Err(error) => retries.again(clock, error).await?,
        }
    }
}

/// Recomputes these items from the rows as they are now. One that fails does not stop the others.
///
/// # Errors
/// The first failure, as [`recompute_as_planned`].
pub(super) async fn recompute_all_as_planned<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    skus: impl IntoIterator<Item = &Sku>,
) -> Result<(), StoreError> {
    let mut done = Ok(());
    for sku in skus {
        done = done.and(recompute_as_planned(store, clock, network, sku).await.map(|_| ()));
    }
    done
}

/// What a transaction left to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    LevelsToDelete,
}

async fn recompute_once<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    (sku, planning): (&Sku, Planning),
) -> Result<(Recomputed, Rest), WriteError> {
    let promise_row = RowKey::Promise(sku.clone());
    let gate = read_rows(store, [RowKey::Item(sku.clone()), promise_row.clone(), RowKey::PlanOf(sku.clone())]).await?;
    let Some(item) = gate.get::<Item>(&RowKey::Item(sku.clone()))? else {
        return Ok((Recomputed::default(), Rest::Nothing)); // The item is not imported yet. Its import brings it back in the stream.
    };
    let old: Option<Promise> = gate.get(&promise_row)?;
    let membership: Option<PlanMembership> = match planning {
        Planning::AsPlanned => gate.decoded(&RowKey::PlanOf(sku.clone()))?,
        Planning::Unknown => None,
    };
    let plan = membership.map(|membership| RowKey::Plan(membership.plan));

    // These rows are read after the promise, never before: see the head of this module.
    let scope = Scope::of(network, &item, old.as_ref());
    let rows = read_rows(store, scope.rows(&item, plan.as_ref())).await?;
    let positions: Vec<Position> = rows.all(&scope.positions)?;
    let tier: Option<Tier> = item.tier.as_ref().map_or(Ok(None), |tier| rows.get(&RowKey::Tier(tier.clone())))?;
    let plan: Option<GroupPlan> = plan.map_or(Ok(None), |plan| rows.decoded(&plan))?;
    let receipts: Option<ScheduledReceipts> = rows.get(&RowKey::Receipts(sku.clone()))?;

    // A function whose clock is behind does not put a lot back on sale that expired by a newer computation.
    let now = old.as_ref().map_or(clock.now(), |old| old.computed_at.max(clock.now()));
    let new = Promise::compute(
        PromiseInputs {
            item: &item,
            tier: tier.as_ref(),
            network,
            positions: &positions,
            receipts: receipts.as_ref(),
            planned: plan.as_ref().and_then(|plan| plan.finished_goods.get(sku)),
            kept_for_kits: match planning {
                Planning::AsPlanned => plan.as_ref().and_then(|plan| plan.kept_for_kits.get(sku)).copied().unwrap_or_default(),
                Planning::Unknown => positions.iter().map(|position| position.balance.available().at_least_zero()).sum(),
            },
            old: old.as_ref(),
        },
        now,
    );
    // Positions read after a promise are never older than it, unless a row was replaced by an older one. That one is used only where
    // the movements are gone as well.
    let went_back = old.as_ref().and_then(|old| new.place_behind(old)).cloned();
    let is_renewed = old.is_none() && gate.record(&promise_row).is_some();
    let doubtful = |position: &&Position| is_renewed || went_back.as_ref() == Some(&position.of.place);
    check_movements(store, positions.iter().filter(doubtful)).await?;

    let (writes, due) = Default::default();
    let mut result = Recomputing { store, item: &item, tier: tier.as_ref(), rows: &rows, now, new, went_back, writes, due };
    result.levels(network, &scope).await?;
    let rest = result.delete_levels(&scope).await?;
    result.metafields(network, &scope, &positions).await?;
    result.alerts()?;
    result.expired_lots(network, &positions)?;
    result.position_that_went_back().await?;
    let Recomputing { new, mut writes, due, .. } = result;
    if !writes.is_empty() || !old.as_ref().is_some_and(|old| new.has_the_same_content(old)) {
        // The promise is written even if it has not changed: this write is what makes levels and alerts as new as it is.
        writes.push(gate.put(&new));
    }
    if !writes.is_empty() {
        store.write(&writes).await?;
    }
    Ok((Recomputed { due, changed: !writes.is_empty() }, rest))
}

/// Checks that these positions have no movement after their last one. One has, when an older row replaced it: units that were sold since
/// would be sold again, and no event of the position could write its next movement.
///
/// # Errors
/// When the store fails, and when there is such a movement.
pub(super) async fn check_movements<S: Store>(
    store: &S,
    positions: impl IntoIterator<Item = &Position>,
) -> Result<(), StoreError> {
    let positions: Vec<&Position> = positions.into_iter().collect();
    let next = |position: &&Position| RowKey::Movement { of: position.of.clone(), seq: position.seq + 1 }.key();
    let movements = store.get(&positions.iter().map(next).collect::<Vec<_>>()).await?;
    let Some((position, _)) = positions.into_iter().zip(movements).find(|(_, movement)| movement.is_some()) else {
        return Ok(());
    };
    let detail = format!(
        "an older row replaced it: it is at movement {}, and its movements go to a higher number. Rebuild it from them; \
         `cargo x ledger verify` shows what they add up to",
        position.seq,
    );
    Err(UnreadableRow { key: RowKey::Position(position.of.clone()).key().to_string(), detail }.into())
}

/// The rows that an item's promise, levels, variant metafields and alerts are in.
struct Scope<'a> {
    positions: Vec<RowKey>,
    /// Each shop and location that the item can have a level at.
    levels: Vec<(ShopDomain, &'a Location)>,
    /// Each shop and location that the item could have a level at, and can have none any more.
    past_levels: Vec<(ShopDomain, LocationId)>,
    /// Each shop and location that the item may have a level at, as the row of the location cannot be read.
    kept_levels: Vec<(ShopDomain, LocationId)>,
    /// Each metafield that a shop shows or has shown. One that it should not show any more is emptied, and then forgotten.
    metafields: BTreeSet<(ShopDomain, MetafieldKind)>,
}

impl<'a> Scope<'a> {
    fn of(network: &'a Network, item: &Item, old: Option<&Promise>) -> Self {
        let position = |place| RowKey::Position(PositionKey::new(item.sku.clone(), place));
        let levels = network.locations().flat_map(|location| {
            let shops = item.shops.keys().filter(|shop| location.shops.contains_key(*shop));
            shops.map(move |shop| (shop.clone(), location))
        });
        let metafields = MetafieldKind::ALL.into_iter().flat_map(|kind| {
            let shown = old.map(|old| shops_with(old, kind).clone()).unwrap_or_default();
            let listed = item.shops.iter().filter(move |(_, listed)| has_metafield(item, kind) && listed.variant.is_some());
            shown.into_iter().chain(listed.map(|(shop, _)| shop.clone())).map(move |shop| (shop, kind))
        });
        let levels: Vec<(ShopDomain, &Location)> = levels.collect();
        let is_past =
            |(shop, code): &&(ShopDomain, LocationId)| !levels.iter().any(|(of, location)| of == shop && location.code == *code);
        let past = old.into_iter().flat_map(|old| &old.levels).filter(is_past).cloned();
        let (kept_levels, past_levels) = past.partition(|(_, code)| network.is_unknown(code));
        Self {
            positions: network.places().map(position).collect(),
            levels,
            past_levels,
            kept_levels,
            metafields: metafields.collect(),
        }
    }

    /// The names of all rows to read.
    fn rows(&self, item: &Item, plan: Option<&RowKey>) -> Vec<RowKey> {
        let sku = &item.sku;
        let alerts = [
            AlertSubject::LowStock { sku: sku.clone() },
            AlertSubject::LatePromise { sku: sku.clone() },
            AlertSubject::ExpiredLot { sku: sku.clone() },
        ];
        let mut rows: Vec<RowKey> = alerts.map(RowKey::Alert).into();
        rows.push(RowKey::Receipts(sku.clone()));
        rows.extend(self.positions.iter().cloned());
        rows.extend(self.levels.iter().map(|(shop, location)| level_row(sku, shop, &location.code)));
        rows.extend(self.past_levels.iter().take(DELETED_AT_ONCE).map(|(shop, code)| level_row(sku, shop, code)));
        rows.extend(self.metafields.iter().map(|(shop, kind)| metafield_row(sku, shop, *kind)));
        rows.extend(item.tier.clone().map(RowKey::Tier));
        rows.extend(plan.cloned());
        rows
    }
}

fn level_row(sku: &Sku, shop: &ShopDomain, location: &LocationId) -> RowKey {
    RowKey::Level { shop: shop.clone(), sku: sku.clone(), location: location.clone() }
}

fn metafield_row(sku: &Sku, shop: &ShopDomain, kind: MetafieldKind) -> RowKey {
    RowKey::Metafield { shop: shop.clone(), sku: sku.clone(), kind }
}

/// The writes that a new promise leads to, while they are collected.
struct Recomputing<'a, S> {
    store: &'a S,
    item: &'a Item,
    tier: Option<&'a Tier>,
    rows: &'a ReadRows,
    now: Timestamp,
    new: Promise,
    /// The place whose position is older than the one that the old promise was computed from. Every level is then set anew.
    went_back: Option<Place>,
    writes: Vec<Write>,
    due: BTreeSet<(ShopDomain, PushTarget)>,
}

impl<S: Store> Recomputing<'_, S> {
    /// Brings each level to the new promise.
    async fn levels(&mut self, network: &Network, scope: &Scope<'_>) -> Result<(), StoreError> {
        let sku = &self.item.sku;
        self.new.levels.extend(scope.kept_levels.iter().cloned());
        for (shop, location) in &scope.levels {
            let place = Place::At(location.code.clone());
            self.new.levels.insert((shop.clone(), location.code.clone()));
            let Some(at) = self.new.places.get(&place) else { continue };
            let row = level_row(sku, shop, &location.code);
            let known: Option<Level> = self.rows.get(&row)?.filter(|_| self.went_back.is_none());
            let (Some(listed), Some(shop_location)) = (self.item.shops.get(shop), location.shops.get(shop)) else { continue };
            let mut level = known.clone().unwrap_or_else(|| {
                let code = location.code.clone();
                let new = Level::new(shop.clone(), sku.clone(), code, listed.inventory_item, *shop_location);
                // A level that appears soon after a restore may have been there before: a person may have decided about it.
                let restored = network.shop(shop).and_then(ShopSettings::restored_until);
                let may_be_lost = restored.is_some_and(|until| self.now <= until);
                Level { renewed: may_be_lost || self.rows.record(&row).is_some(), ..new }
            });
            let buffer = at.kept_back(Some(location), self.item.buffer_for(Some(shop), self.tier));
            level.update(at, buffer, (listed.inventory_item, *shop_location), self.now);
            if known.is_none() && level.renewed {
                self.writes.extend(clear_other_alerts(self.store, &level, self.now).await?);
            }
            // The alert about a refused level stays open while the level is due: the push that the shop accepts clears it.
            let waits_for_push = matches!(level.alert, Some(AlertSubject::LevelRefused { .. })) && level.is_due();
            if !waits_for_push {
                self.writes.extend(turn_alert(self.store, &mut level, self.now).await?);
            }
            if level.is_due() {
                let level = PushTarget::Level { sku: sku.clone(), location: location.code.clone() };
                self.due.insert((shop.clone(), level));
            }
            if known.as_ref() != Some(&level) {
                self.writes.push(self.rows.put(&level));
            }
        }
        Ok(())
    }

    /// Deletes the levels whose listing or location code was removed, and clears their alerts.
    async fn delete_levels(&mut self, scope: &Scope<'_>) -> Result<Rest, StoreError> {
        for (number, (shop, location)) in scope.past_levels.iter().enumerate() {
            if number >= DELETED_AT_ONCE {
                self.new.levels.insert((shop.clone(), location.clone()));
                continue;
            }
            let row = level_row(&self.item.sku, shop, location);
            match self.rows.get::<Level>(&row)? {
                Some(known) => {
                    let mut level = Level { blocked: None, ..known };
                    self.writes.extend(turn_alert(self.store, &mut level, self.now).await?);
                }
                None => {
                    for subject in level_alerts(shop, &self.item.sku, location) {
                        let passed = "The level is deleted.".to_owned();
                        self.writes.extend(alert::turn(self.store, subject, AlertState::Cleared, passed, self.now).await?);
                    }
                }
            }
            self.writes.extend(self.rows.delete(&row));
        }
        Ok(if scope.past_levels.len() > DELETED_AT_ONCE { Rest::LevelsToDelete } else { Rest::Nothing })
    }

    /// Brings each variant metafield to the new promise and the lots of the positions.
    async fn metafields(&mut self, network: &Network, scope: &Scope<'_>, positions: &[Position]) -> Result<(), StoreError> {
        let sku = &self.item.sku;
        for (shop, kind) in &scope.metafields {
            let row = metafield_row(sku, shop, *kind);
            let known: Option<VariantMetafield> = self.rows.get(&row)?;
            let value = match kind {
                MetafieldKind::Lots => MetafieldValue::Lots(VariantMetafield::lots_of(network, positions, self.now)),
                MetafieldKind::Promise => MetafieldValue::Promise(PromiseValue { date: self.new.date() }),
            };
            let value = if has_metafield(self.item, *kind) { value } else { MetafieldValue::nothing(*kind) };
            let metafield = metafield(self.item, shop, known.as_ref(), value, self.now);
            // What the shop refused is not needed any more, so no push will clear the alert.
            let settled = metafield.as_ref().is_none_or(|metafield| metafield.refused.is_none() && !metafield.is_due());
            if let Some(known) = known.as_ref().filter(|_| settled) {
                let mut accepted = VariantMetafield { refused: None, ..known.clone() };
                self.writes.extend(turn_alert(self.store, &mut accepted, self.now).await?);
            }
            let Some(metafield) = metafield else {
                if known.is_none() && self.rows.record(&row).is_some() {
                    let refused = AlertSubject::MetafieldRefused { shop: shop.clone(), sku: sku.clone(), metafield: *kind };
                    let passed = "The metafield is deleted.".to_owned();
                    self.writes.extend(alert::turn(self.store, refused, AlertState::Cleared, passed, self.now).await?);
                }
                self.writes.extend(self.rows.delete(&row));
                continue;
            };
            let metafield = VariantMetafield { alert: metafield.alert.filter(|_| !settled), ..metafield };
            if known.is_none() && self.rows.record(&row).is_some() {
                self.writes.extend(clear_other_alerts(self.store, &metafield, self.now).await?);
            }
            if metafield.is_due() {
                self.due.insert((shop.clone(), PushTarget::Metafields { sku: sku.clone() }));
            }
            if known.as_ref() != Some(&metafield) {
                self.writes.push(self.rows.put(&metafield));
            }
            match kind {
                MetafieldKind::Lots => self.new.lots_metafield_in.insert(shop.clone()),
                MetafieldKind::Promise => self.new.date_metafield_in.insert(shop.clone()),
            };
        }
        Ok(())
    }

    /// Raises the alert about a position that is older than the promise before.
    async fn position_that_went_back(&mut self) -> Result<(), StoreError> {
        let Some(place) = self.went_back.clone() else { return Ok(()) };
        let row = RowKey::Position(PositionKey::new(self.item.sku.clone(), place));
        let reason = "it is older than the promise that was computed from it, so an older row replaced it";
        let (subject, detail) = faulty_row(row.key().to_string(), reason);
        self.writes.extend(alert::turn(self.store, subject, AlertState::Raised, detail, self.now).await?);
        Ok(())
    }

    /// Raises and clears the alerts about low stock and late promises.
    fn alerts(&mut self) -> Result<(), UnreadableRow> {
        let sku = &self.item.sku;
        if let Some(state) = low_stock(self.new.available, self.new.low_at) {
            let detail = format!("{} units of {sku} can be promised.", self.new.available);
            let subject = AlertSubject::LowStock { sku: sku.clone() };
            self.writes.extend(self.rows.turn_alert(subject, state, detail, self.now)?);
        }
        let late = self.new.planned.as_ref().map_or(&[][..], |planned| &planned.late);
        let state = if late.is_empty() { AlertState::Cleared } else { AlertState::Raised };
        let units: Vec<String> = late.iter().map(ToString::to_string).collect();
        let detail = format!("Of {sku}: {}. `cargo x explain {sku}` lists the orders.", units.join("; "));
        let subject = AlertSubject::LatePromise { sku: sku.clone() };
        self.writes.extend(self.rows.turn_alert(subject, state, detail, self.now)?);
        Ok(())
    }

    /// Raises and clears the alert about units of expired lots.
    fn expired_lots(&mut self, network: &Network, positions: &[Position]) -> Result<(), UnreadableRow> {
        let sku = &self.item.sku;
        let mut found = Vec::new();
        for position in positions {
            let (place, today) = (&position.of.place, network.day_at(&position.of.place, self.now));
            if !self.item.by_lot || position.expired(today).is_zero() {
                continue;
            }
            let expired = position.lots.iter().filter(|(_, lot)| lot.is_expired(today) && lot.free().is_positive());
            found.extend(
                expired.filter_map(|(id, lot)| Some(format!("{} of lot {id} at {place} since {}", lot.free(), lot.expires?))),
            );
        }
        let state = if found.is_empty() { AlertState::Cleared } else { AlertState::Raised };
        let detail =
            format!("Units of {sku} have expired and are not sold: {}. Write them off, or correct the date.", found.join("; "));
        let subject = AlertSubject::ExpiredLot { sku: sku.clone() };
        self.writes.extend(self.rows.turn_alert(subject, state, detail, self.now)?);
        Ok(())
    }
}

/// Whether the variants of an item have this metafield.
fn has_metafield(item: &Item, kind: MetafieldKind) -> bool {
    match kind {
        MetafieldKind::Lots => item.by_lot,
        MetafieldKind::Promise => item.planning.shows_date,
    }
}

/// The shops that have this metafield, or had it.
fn shops_with(promise: &Promise, kind: MetafieldKind) -> &BTreeSet<ShopDomain> {
    match kind {
        MetafieldKind::Lots => &promise.lots_metafield_in,
        MetafieldKind::Promise => &promise.date_metafield_in,
    }
}

/// The metafield that a shop should have; `None` where it should have none, and has none that Promissory must still empty.
fn metafield(
    item: &Item,
    shop: &ShopDomain,
    known: Option<&VariantMetafield>,
    value: MetafieldValue,
    now: Timestamp,
) -> Option<VariantMetafield> {
    let variant = item.shops.get(shop).and_then(|listed| listed.variant)?;
    let kind = value.kind();
    let new = || VariantMetafield::new(shop.clone(), item.sku.clone(), variant, kind, now);
    let mut metafield = known.cloned().unwrap_or_else(new);
    metafield.update(variant, value, now);
    (has_metafield(item, kind) || !metafield.is_blank()).then_some(metafield)
}
