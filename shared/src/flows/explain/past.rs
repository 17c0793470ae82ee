//! Reads what the numbers of an item were computed from at a time in the past, from the rows that had been recorded by then.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::{BillOfMaterials, BillVersion, Item, LocationId, Place, Quantity, ShopDomain, Sku};
use crate::explain::facts::{ExplainFacts, ExplainQuestion, History, OpenOrder, SentBy, SentLevel};
use crate::explain::planning::Planning;
use crate::flows::ExplainError;
use crate::flows::closure::read_planning_rows;
use crate::flows::explain::present;
use crate::ledger::Position;
use crate::ledger::replay::{At, Rewind};
use crate::movement::{Movement, PositionKey};
use crate::ports::{Listing, Store, StoreError, list_all, read as read_row};
use crate::promise::available::sells_online;
use crate::promise::{Promise, PromiseInputs};
use crate::source::ScheduledReceipts;
use crate::storefront::{Level, PushCall, PushIntent, PushOutcome, PushState};
use crate::table::{Key, Partition, Record, RowKey};

pub(super) async fn read<S: Store>(store: &S, question: &ExplainQuestion, at: Timestamp) -> Result<ExplainFacts, ExplainError> {
    let mut facts = present::begin(store, question, at).await?;
    facts.past = true;
    bills(store, &mut facts).await?;
    facts.centres = present::centres(store, &facts.rows).await?;
    let skus: Vec<Sku> = facts.rows.keys().cloned().collect();
    let records = store.get(&skus.iter().map(|sku| RowKey::Receipts((*sku).clone()).key()).collect::<Vec<_>>()).await?;
    for record in records.iter().flatten() {
        let receipts = record.decode::<ScheduledReceipts>()?.as_of(at);
        facts.receipts.insert(receipts.sku.clone(), receipts);
    }
    let mut positions: BTreeMap<Sku, Vec<Position>> = BTreeMap::new();
    for of in moved_positions(store, &facts, &skus).await? {
        let Some((history, orders)) = history(store, &of, &mut facts, question.movements).await? else { continue };
        positions.entry(of.sku.clone()).or_default().push(history.position.clone());
        if of.sku == facts.sku {
            facts.histories.insert(of.place, history);
            facts.orders.extend(orders);
        }
    }
    for sku in &skus {
        let promise = promise(&facts, sku, positions.get(sku).map_or(&[], Vec::as_slice), (None, Quantity::ZERO));
        if let Some(rows) = facts.rows.get_mut(sku) {
            (rows.promise, rows.in_plan) = (promise, None);
        }
    }
    let planning = Planning::of(&facts);
    let planned = planning.as_ref().and_then(|planning| planning.planned(&facts.sku)).cloned();
    if planning.is_some() {
        let of = positions.get(&facts.sku).map_or(&[][..], Vec::as_slice);
        let group: BTreeSet<Sku> = facts.rows.keys().cloned().collect();
        let kept = facts.planning_inputs().kept_for_kits(&group).remove(&facts.sku).unwrap_or_default();
        let promise = promise(&facts, &facts.sku, of, (planned.as_ref(), kept));
        if let Some(rows) = facts.rows.get_mut(&facts.sku) {
            rows.promise = promise;
        }
    }
    facts.orders = by_order(std::mem::take(&mut facts.orders));
    facts.sent_levels = sent_levels(store, &facts).await?;
    Ok(facts)
}

/// The promise of an item at that time.
fn promise(
    facts: &ExplainFacts,
    sku: &Sku,
    positions: &[Position],
    (planned, kept_for_kits): (Option<&crate::promise::FinishedGoodPlan>, Quantity),
) -> Option<Promise> {
    let item: &Item = facts.rows.get(sku)?.item.as_ref()?;
    let tier = facts.tier.as_ref().filter(|_| *sku == facts.sku);
    let receipts = facts.receipts.get(sku);
    let known = PromiseInputs { item, tier, network: &facts.network, positions, receipts, planned, kept_for_kits, old: None };
    Some(Promise::compute(known, facts.at))
}

/// Replaces the bills of materials by the versions that were in force at that time, and reads their components.
async fn bills<S: Store>(store: &S, facts: &mut ExplainFacts) -> Result<(), StoreError> {
    let mut next: BTreeSet<Sku> = facts.rows.keys().cloned().collect();
    while !next.is_empty() {
        let new: BTreeSet<Sku> = next.iter().filter(|sku| !facts.rows.contains_key(*sku)).cloned().collect();
        if !new.is_empty() {
            facts.rows.extend(read_planning_rows(store, &new).await?.into_iter().map(|(sku, (rows, _))| (sku, rows)));
        }
        let mut named = BTreeSet::new();
        for sku in &next {
            let versions = list_all(store, Listing::rows(&Partition::BillVersions(sku.clone()))).await?;
            let versions = versions.iter().map(Record::decode::<BillVersion>).collect::<Result<Vec<_>, _>>()?;
            // A version that has no time is older than this field and counts as always in force.
            let is_past = |bill: &BillOfMaterials| bill.since.is_none_or(|since| since <= facts.at);
            let bill = versions.into_iter().map(|version| version.0).rfind(is_past);
            if let Some(rows) = facts.rows.get_mut(sku) {
                rows.bill = bill;
                named.extend(rows.components().cloned());
            }
        }
        next = named.into_iter().filter(|sku| !facts.rows.contains_key(sku)).collect();
    }
    Ok(())
}

/// The positions of these items that have at least one movement.
async fn moved_positions<S: Store>(store: &S, facts: &ExplainFacts, skus: &[Sku]) -> Result<Vec<PositionKey>, StoreError> {
    let places: Vec<Place> = facts.network.places().collect();
    let mut found = Vec::new();
    for skus in skus.chunks(50) {
        let of = skus.iter().flat_map(|sku| places.iter().map(|place| PositionKey::new(sku.clone(), place.clone())));
        let of: Vec<PositionKey> = of.collect();
        let records = store.get(&of.iter().map(|of| RowKey::Position(of.clone()).key()).collect::<Vec<_>>()).await?;
        found.extend(of.into_iter().zip(records).filter(|(_, record)| record.is_some()).map(|(of, _)| of));
    }
    Ok(found)
}

/// A position as it was at that time, and the open units of the orders in it. `None` when it had no movement by then.
async fn history<S: Store>(
    store: &S,
    of: &PositionKey,
    facts: &mut ExplainFacts,
    movements: usize,
) -> Result<Option<(History, Vec<OpenOrder>)>, StoreError> {
    let mut rewind = Rewind::to(At::Time(facts.at), usize::MAX);
    for record in list_all(store, Listing::rows(&Partition::Movements(of.clone()))).await? {
        if rewind.has_arrived() {
            break;
        }
        rewind.follow(&record.decode::<Movement>()?);
    }
    let moment = match rewind.finish() {
        Ok(moment) => moment,
        Err(error) => {
            facts.inconsistencies.push(format!("the history of {of} does not add up: {error}"));
            return Ok(None);
        }
    };
    let mut position = Position::empty(of.clone());
    (position.seq, position.balance) = (moment.state.seq, moment.state.balance);
    (position.lots, position.placed) = (moment.state.lots, moment.state.placed);
    position.moved_at = moment.recent.last().map(|last| last.recorded_at);
    let mut orders: Vec<OpenOrder> = Vec::new();
    for movement in &moment.recent {
        position.note_source(&movement.cause.event.source, movement.effective_at());
        let units = movement.change().reserved;
        if let Some(line) = movement.cause.order.as_ref().filter(|_| !units.is_zero() && sells_online(&facts.network, &of.place))
        {
            orders.push(OpenOrder { shop: line.shop.clone(), order: line.order, placed: line.placed, units });
        }
    }
    if moment.recent.is_empty() {
        return Ok(None);
    }
    let first = moment.recent.len().saturating_sub(movements);
    let recent = moment.recent.into_iter().skip(first).collect();
    Ok(Some((History { position, recent }, by_order(orders))))
}

/// Adds up the open units of each order.
fn by_order(parts: Vec<OpenOrder>) -> Vec<OpenOrder> {
    let mut orders: BTreeMap<_, OpenOrder> = BTreeMap::new();
    for part in parts {
        let order = orders.entry((part.shop.clone(), part.order));
        let order = order.or_insert_with(|| OpenOrder { units: Quantity::ZERO, placed: None, ..part.clone() });
        order.units += part.units;
        order.placed = order.placed.or(part.placed);
    }
    orders.into_values().filter(|order| !order.units.is_zero()).collect()
}

/// The level of each shop at that time, from the push calls that are stored.
async fn sent_levels<S: Store>(store: &S, facts: &ExplainFacts) -> Result<Vec<SentLevel>, StoreError> {
    let Some(promise) = facts.promise() else { return Ok(Vec::new()) };
    let mut sent_levels = Vec::new();
    for (shop, listed) in &facts.item.shops {
        let mut pairs: BTreeMap<LocationId, SentBy> = BTreeMap::new();
        for location in facts.network.locations().filter(|location| location.shops.contains_key(shop)) {
            pairs.insert(location.code.clone(), SentBy::NotFound);
        }
        find_calls(store, facts, shop, &mut pairs).await?;
        for (code, sent_by) in pairs {
            let here = Place::At(code.clone());
            let Some((at, location)) = promise.places.get(&here).zip(facts.network.get(&code)) else { continue };
            let Some(id) = location.shops.get(shop) else { continue };
            let mut level = Level::new(shop.clone(), facts.sku.clone(), code.clone(), listed.inventory_item, *id);
            let buffer = at.kept_back(Some(location), facts.item.buffer_for(Some(shop), facts.tier.as_ref()));
            level.update(at, buffer, (listed.inventory_item, *id), facts.at);
            level.needs_set = false;
            if let SentBy::Call(call) = &sent_by {
                level.acknowledged = call.row(&facts.sku, &code).map(|(_, row)| row.to);
                level.sent_by = call.intent.number;
            }
            sent_levels.push(SentLevel { level, sent_by });
        }
    }
    Ok(sent_levels)
}

/// Finds the last call before that time that sent each of these pairs.
async fn find_calls<S: Store>(
    store: &S,
    facts: &ExplainFacts,
    shop: &ShopDomain,
    pairs: &mut BTreeMap<LocationId, SentBy>,
) -> Result<(), StoreError> {
    let (head, _) = read_row::<PushIntent, S>(store, &RowKey::Intent(shop.clone())).await?;
    // Whether the open intent ran is not known yet.
    let newest = head.map_or(0, |intent| match intent.state {
        PushState::Open => intent.number.saturating_sub(1),
        PushState::Closed => intent.number,
    });
    let mut next = last_closed(store, shop, newest, facts.at).await?;
    let end = next.saturating_sub(PushCall::SEARCHED);
    let mut open: BTreeSet<LocationId> = pairs.keys().cloned().collect();
    while next > end && !open.is_empty() {
        let first = next.saturating_sub(50).max(end) + 1;
        let keys: Vec<Key> = (first..=next).rev().map(|number| RowKey::Call { shop: shop.clone(), number }.key()).collect();
        for record in store.get(&keys).await? {
            let Some(record) = record else {
                for location in &open {
                    pairs.insert(location.clone(), SentBy::NotStored);
                }
                return Ok(());
            };
            let call: PushCall = record.decode()?;
            if call.outcome == PushOutcome::Accepted && call.closed_at <= facts.at {
                let (those, rest) = open.into_iter().partition(|location| call.row(&facts.sku, location).is_some());
                open = rest;
                let those: BTreeSet<LocationId> = those;
                pairs.extend(those.into_iter().map(|location| (location, SentBy::Call(Box::new(call.clone())))));
            }
        }
        next = first - 1;
    }
    if next == 0 {
        pairs.extend(open.into_iter().map(|location| (location, SentBy::NoCall)));
    }
    Ok(())
}

/// The number of the last call that was closed by `at`, found by binary search because calls are closed in the order of their
/// numbers. A call that is missing is older than the stored calls.
async fn last_closed<S: Store>(store: &S, shop: &ShopDomain, newest: u64, at: Timestamp) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, newest);
    while low < high {
        let middle = high - (high - low) / 2;
        let (call, _) = read_row::<PushCall, S>(store, &RowKey::Call { shop: shop.clone(), number: middle }).await?;
        if call.is_some_and(|call| call.closed_at > at) { high = middle - 1 } else { low = middle }
    }
    Ok(low)
}
