//! Reads what the numbers of an item are computed from, as it is now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::catalog::{Place, Quantity, Sku, Tier, WorkCentre, WorkCentreId, day_of};
use crate::explain::facts::{ExplainFacts, ExplainQuestion, History, OpenOrder, SentBy, SentLevel, planned_for};
use crate::flows::closure::{by_code, centres_of, read_closure};
use crate::flows::{ExplainError, load_network};
use crate::ledger::Position;
use crate::movement::{Movement, PositionKey};
use crate::order::OrderRecord;
use crate::ports::{Listing, Store, StoreError, list_all, read as read_row, read_rows};
use crate::promise::available::sells_online;
use crate::promise::{PlanningRows, Promise};
use crate::source::ScheduledReceipts;
use crate::storefront::{Level, PushCall};
use crate::table::{IndexPartition, Key, Record, RowKey};

pub(super) async fn read<S: Store>(store: &S, question: &ExplainQuestion, now: Timestamp) -> Result<ExplainFacts, ExplainError> {
    let mut facts = begin(store, question, now).await?;
    let promise = facts.promise().cloned();
    facts.receipts = receipts(store, &facts).await?;
    facts.histories = histories(store, &facts, promise.as_ref(), question.movements).await?;
    facts.sent_levels = sent_levels(store, &facts).await?;
    let is_late = promise.and_then(|promise| promise.planned).is_some_and(|planned| !planned.late.is_empty());
    if is_late {
        facts.orders = orders(store, &facts).await?;
    }
    Ok(facts)
}

/// Reads what every question needs: the item, the network, and the dependency closure of the item, all as stored now.
pub(super) async fn begin<S: Store>(store: &S, question: &ExplainQuestion, at: Timestamp) -> Result<ExplainFacts, ExplainError> {
    let network = load_network(store).await?;
    if let Some(location) = question.location.as_ref().filter(|location| network.get(location).is_none()) {
        return Err(ExplainError::NoLocation(location.clone()));
    }
    let sku = question.sku.clone();
    let closure = read_closure(store, &sku).await?;
    let item = closure.rows.get(&sku).and_then(|rows| rows.item.clone());
    let item = item.ok_or_else(|| ExplainError::NoItem(sku.clone()))?;
    if let Some(shop) = question.shop.as_ref().filter(|shop| !item.shops.contains_key(*shop)) {
        return Err(ExplainError::NotSold(sku, shop.clone()));
    }
    let tier = match &item.tier {
        Some(tier) => read_row::<Tier, S>(store, &RowKey::Tier(tier.clone())).await?.0,
        None => None,
    };
    let centres = centres(store, &closure.rows).await?;
    let (today, too_many) = (planned_for(at, closure.last_day(), &network.time_zone()), closure.too_many);
    Ok(ExplainFacts { today, tier, too_many, centres, ..ExplainFacts::new(item, at, network, closure.rows) })
}

pub(super) async fn centres<S: Store>(
    store: &S,
    rows: &BTreeMap<Sku, PlanningRows>,
) -> Result<BTreeMap<WorkCentreId, WorkCentre>, StoreError> {
    let centres: Vec<RowKey> = centres_of(rows).into_iter().map(RowKey::WorkCentre).collect();
    if centres.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(by_code(read_rows(store, centres.iter().cloned()).await?.all(&centres)?))
}

/// The item and its components on every level.
pub(super) fn below(rows: &BTreeMap<Sku, PlanningRows>, top: &Sku) -> BTreeSet<Sku> {
    let mut below = BTreeSet::from([top.clone()]);
    let mut open = vec![top.clone()];
    while let Some(sku) = open.pop() {
        let components = rows.get(&sku).into_iter().flat_map(PlanningRows::components);
        open.extend(components.filter(|component| below.insert((*component).clone())).cloned());
    }
    below
}

async fn receipts<S: Store>(store: &S, facts: &ExplainFacts) -> Result<BTreeMap<Sku, ScheduledReceipts>, StoreError> {
    let keys: Vec<Key> = below(&facts.rows, &facts.sku).iter().map(|sku| RowKey::Receipts((*sku).clone()).key()).collect();
    let records = store.get(&keys).await?;
    let receipts = records.iter().flatten().map(Record::decode::<ScheduledReceipts>);
    Ok(receipts.map(|receipts| receipts.map(|receipts| (receipts.sku.clone(), receipts))).collect::<Result<_, _>>()?)
}

/// The positions of the item, with the last movements that its promise includes.
async fn histories<S: Store>(
    store: &S,
    facts: &ExplainFacts,
    promise: Option<&Promise>,
    movements: usize,
) -> Result<BTreeMap<Place, History>, StoreError> {
    let of: Vec<PositionKey> = facts.network.places().map(|place| PositionKey::new(facts.sku.clone(), place)).collect();
    let records = store.get(&of.iter().map(|of| RowKey::Position(of.clone()).key()).collect::<Vec<_>>()).await?;
    let mut histories = BTreeMap::new();
    for record in records.iter().flatten() {
        let position: Position = record.decode()?;
        let computed = promise.and_then(|promise| promise.places.get(&position.of.place)).map_or(position.seq, |at| at.seq);
        let keep = u64::try_from(movements).unwrap_or(u64::MAX);
        let first = computed.saturating_sub(keep) + 1;
        let keys: Vec<Key> = (first..=computed).map(|seq| RowKey::Movement { of: position.of.clone(), seq }.key()).collect();
        let records = if keys.is_empty() { Vec::new() } else { store.get(&keys).await? };
        let recent = records.iter().flatten().map(Record::decode::<Movement>).collect::<Result<_, _>>()?;
        histories.insert(position.of.place.clone(), History { position, recent });
    }
    Ok(histories)
}

/// The level in each shop, and the push call that sent it last.
async fn sent_levels<S: Store>(store: &S, facts: &ExplainFacts) -> Result<Vec<SentLevel>, StoreError> {
    let pairs = facts.network.locations().flat_map(|location| {
        let shops = facts.item.shops.keys().filter(|shop| location.shops.contains_key(*shop));
        shops.map(|shop| RowKey::Level { shop: shop.clone(), sku: facts.sku.clone(), location: location.code.clone() }.key())
    });
    let keys: Vec<Key> = pairs.collect();
    let records = if keys.is_empty() { Vec::new() } else { store.get(&keys).await? };
    let mut sent_levels = Vec::new();
    for record in records.iter().flatten() {
        let level: Level = record.decode()?;
        let sent_by = match level.sent_by {
            0 => SentBy::NoCall,
            number => {
                let (call, _) = read_row::<PushCall, S>(store, &RowKey::Call { shop: level.shop.clone(), number }).await?;
                call.map_or(SentBy::NotStored, |call| SentBy::Call(Box::new(call)))
            }
        };
        sent_levels.push(SentLevel { level, sent_by });
    }
    Ok(sent_levels)
}

/// Orders with open units of the item, found through the indexes of orders that are held, unread or quarantined.
async fn orders<S: Store>(store: &S, facts: &ExplainFacts) -> Result<Vec<OpenOrder>, StoreError> {
    let mut orders = BTreeMap::new();
    for shop in facts.item.shops.keys() {
        for index in [
            IndexPartition::HeldOrders(shop.clone()),
            IndexPartition::HeldDrafts(shop.clone()),
            IndexPartition::UnreadOrders(shop.clone()),
            IndexPartition::QuarantinedOrders(shop.clone()),
        ] {
            for record in list_all(store, Listing::index(&index, 200)).await? {
                let order: OrderRecord = record.decode()?;
                let lines = order.lines.values().filter(|line| line.sku.as_ref() == Some(&facts.sku));
                let units = lines.flat_map(|line| &line.reserved).filter(|(place, _)| sells_online(&facts.network, place));
                let units: Quantity = units.map(|(_, units)| *units).sum();
                if units.is_positive() {
                    let placed = order.facts.as_ref().map(|facts| day_of(facts.placed_at));
                    let open = OpenOrder { shop: shop.clone(), order: order.order, placed, units };
                    orders.insert((shop.clone(), order.order), open);
                }
            }
        }
    }
    Ok(orders.into_values().collect())
}
