//! Reads the whole table and audits it after a demo or a test.
//!
//! The audit checks that every position is the fold of its movements, that the ledger and the shop agree about every order, that
//! the shop shows the supply of every level, and that it shows the producible units of every plan.

use std::collections::BTreeMap;
use std::io;

use aws_sdk_dynamodb::Client;
use promissory::adapters::dynamodb::record;
use promissory::catalog::{LineId, LocationId, OrderId, Place, Quantity, Sku};
use promissory::ledger::{AppliedEvent, Position, replay};
use promissory::movement::{EventId, Movement, MovementKind, PositionKey};
use promissory::promise::{FinishedGoodPlan, GroupPlan, Promise};
use promissory::source::WaitingForMapping;
use promissory::storefront::{Level, PushIntent, PushState};
use promissory::table::{Record, RowKey, UnreadableRow};

use promissory_fakes::shopify::{Disposal, Order, OrderLine, Restock, Shop};

/// The rows of the table that an audit reads.
#[derive(Debug, Default)]
pub struct TableContents {
    /// Positions.
    pub positions: BTreeMap<PositionKey, Position>,
    /// Movements of each position, in order.
    pub movements: BTreeMap<PositionKey, Vec<Movement>>,
    /// Promises.
    pub promises: Vec<Promise>,
    /// The plan of each finished good.
    pub planned: BTreeMap<Sku, FinishedGoodPlan>,
    /// Levels.
    pub levels: Vec<Level>,
    /// The number of push intents whose outcome is not known.
    pub open_intents: usize,
    /// The number of events that wait in lanes.
    pub deferred: usize,
    /// Marks of events that were applied.
    pub marks: BTreeMap<EventId, AppliedEvent>,
    /// Events and orders that wait for a mapping.
    pub waiting: Vec<WaitingForMapping>,
}

/// Units of an order line that the ledger holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Reserved and not shipped.
    pub reserved: Quantity,
    /// Shipped.
    pub shipped: Quantity,
    /// Returned by the customer.
    pub returned: Quantity,
    /// Removed from the order before shipment and not restocked.
    pub withheld: Quantity,
}

impl TableContents {
    /// Reads the table, row by row.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(client: &Client, table: &str) -> io::Result<Self> {
        let mut records = Vec::new();
        let mut start = None;
        loop {
            let request = client.scan().table_name(table).consistent_read(true).set_exclusive_start_key(start);
            let page = Box::pin(request.send()).await.map_err(io::Error::other)?;
            for item in page.items.unwrap_or_default() {
                records.push(record(item).map_err(io::Error::other)?);
            }
            match page.last_evaluated_key {
                Some(key) if !key.is_empty() => start = Some(key),
                Some(_) | None => break,
            }
        }
        Self::of(&records).map_err(io::Error::other)
    }

    /// Decodes these rows.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Self, UnreadableRow> {
        let mut contents = Self::default();
        for record in records {
            contents.take(record)?;
        }
        for movements in contents.movements.values_mut() {
            movements.sort_by_key(|movement| movement.seq);
        }
        Ok(contents)
    }

    fn take(&mut self, record: &Record) -> Result<(), UnreadableRow> {
        let Some(row) = RowKey::parse(&record.key) else {
            let detail = "no kind of row is stored under this key".to_owned();
            return Err(UnreadableRow { key: record.key.to_string(), detail });
        };
        match row {
            RowKey::Position(of) => drop(self.positions.insert(of, record.decode()?)),
            RowKey::Movement { of, .. } => self.movements.entry(of).or_default().push(record.decode()?),
            RowKey::Promise(_) => self.promises.push(record.decode()?),
            RowKey::Plan(_) => self.planned.extend(record.decode::<GroupPlan>()?.finished_goods),
            RowKey::Level { .. } => self.levels.push(record.decode()?),
            RowKey::Intent(_) => {
                self.open_intents += usize::from(record.decode::<PushIntent>()?.state == PushState::Open);
            }
            RowKey::Deferred { .. } => self.deferred += 1,
            RowKey::AppliedEvent(event) => drop(self.marks.insert(event, record.decode()?)),
            RowKey::Waiting { .. } => self.waiting.push(record.decode()?),
            RowKey::Item(_)
            | RowKey::ShopItem { .. }
            | RowKey::ListedVariant { .. }
            | RowKey::SystemItem { .. }
            | RowKey::Tier(_)
            | RowKey::WorkCentre(_)
            | RowKey::Location(_)
            | RowKey::Shop(_)
            | RowKey::Bill(_)
            | RowKey::BillVersion { .. }
            | RowKey::WhereUsed(_)
            | RowKey::Order { .. }
            | RowKey::OrderToRead { .. }
            | RowKey::Commitment { .. }
            | RowKey::Receipts(_)
            | RowKey::Heartbeat(_)
            | RowKey::System(_)
            | RowKey::FeedWatermark { .. }
            | RowKey::FullRefresh { .. }
            | RowKey::PlanOf(_)
            | RowKey::Metafield { .. }
            | RowKey::Call { .. }
            | RowKey::OrderWatermark(_)
            | RowKey::CompareProgress(_)
            | RowKey::CompareReport { .. }
            | RowKey::Refresh
            | RowKey::Alert(_) => {}
        }
        Ok(())
    }

    /// Every movement.
    pub fn all_movements(&self) -> impl Iterator<Item = &Movement> {
        self.movements.values().flatten()
    }

    /// The mismatch of every position that is not the fold of its movements.
    #[must_use]
    pub fn mismatches(&self) -> Vec<replay::Mismatch> {
        let of: std::collections::BTreeSet<&PositionKey> = self.positions.keys().chain(self.movements.keys()).collect();
        of.into_iter()
            .filter_map(|of| {
                let empty = Position::empty(of.clone());
                let movements = self.movements.get(of).map(Vec::as_slice).unwrap_or_default();
                replay::verify(self.positions.get(of).unwrap_or(&empty), movements).err()
            })
            .collect()
    }

    /// Whether no work is left: no lane has an event, no push intent is open, no level has to be pushed, and no promise is older
    /// than its positions or its plan.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        let behind = |promise: &Promise| {
            promise.places.iter().any(|(place, at)| {
                let of = PositionKey::new(promise.sku.clone(), place.clone());
                self.positions.get(&of).is_some_and(|position| position.seq != at.seq)
            })
        };
        let takes_over = |promise: &Promise| promise.planned.as_ref() == self.planned.get(&promise.sku);
        let known = |of: &PositionKey| self.promises.iter().any(|p| p.sku == of.sku && p.places.contains_key(&of.place));
        self.deferred == 0
            && self.open_intents == 0
            && !self.levels.iter().any(Level::is_due)
            && !self.promises.iter().any(behind)
            && self.promises.iter().all(takes_over)
            && self.positions.keys().all(known)
    }

    /// What the ledger holds for each order line, computed from its movements alone.
    #[must_use]
    pub fn held(&self) -> BTreeMap<(OrderId, LineId), Held> {
        let mut held: BTreeMap<_, Held> = BTreeMap::new();
        for movement in self.all_movements() {
            let Some(line) = &movement.cause.order else { continue };
            let held = held.entry((line.order, line.line)).or_default();
            let change = movement.change();
            // The shop has not fulfilled units that were shipped ahead of it, so they count as reserved here.
            held.reserved += change.reserved + change.shipped_ahead;
            match movement.kind {
                MovementKind::Ship | MovementKind::ConfirmShipment => held.shipped -= change.moved_by_shop,
                MovementKind::Return => held.returned += change.on_hand,
                MovementKind::Withhold => held.withheld += change.held,
                MovementKind::Reserve
                | MovementKind::Release
                | MovementKind::AssignOut
                | MovementKind::AssignIn
                | MovementKind::Restock
                | MovementKind::ShipAhead
                | MovementKind::Misattribute
                | MovementKind::OpeningStock
                | MovementKind::Receipt
                | MovementKind::Produce
                | MovementKind::Issue
                | MovementKind::Found
                | MovementKind::Lost
                | MovementKind::WriteOff
                | MovementKind::TransferOut
                | MovementKind::TransferIn
                | MovementKind::Sell
                | MovementKind::Deliver
                | MovementKind::Hold
                | MovementKind::Depart
                | MovementKind::Arrive
                | MovementKind::PosSale
                | MovementKind::Allocate
                | MovementKind::WholesaleAllocate => {}
            }
        }
        held
    }
}

/// The differences between the ledger and the shop's orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderFindings {
    /// The number of orders of which the ledger holds too few units.
    pub lost: usize,
    /// The number of orders of which the ledger holds too many units, because an event was applied twice.
    pub duplicates: usize,
}

/// Compares the ledger with the shop, order by order: the units that are reserved, shipped, returned and withheld.
#[must_use]
pub fn compare_orders(contents: &TableContents, shop: &Shop) -> OrderFindings {
    let held = contents.held();
    let mut findings = OrderFindings::default();
    for order in shop.orders().filter(|order| order.confirmed && !order.test) {
        let (mut missing, mut doubled) = (false, false);
        for line in order.lines.iter().filter(|line| line.tracked) {
            let key = (OrderId::new(number(order.id.0)), LineId::new(number(line.id.0)));
            let found = held.get(&key).copied().unwrap_or_default();
            let expected = expected_of(order, line);
            let pairs = [
                (found.reserved, expected.reserved),
                (found.shipped, expected.shipped),
                (found.returned, expected.returned),
                (found.withheld, expected.withheld),
            ];
            missing |= pairs.iter().any(|(found, expected)| found < expected);
            doubled |= pairs.iter().any(|(found, expected)| found > expected);
        }
        findings.lost += usize::from(missing);
        findings.duplicates += usize::from(doubled);
    }
    findings
}

/// What the ledger should hold for a line, computed from the order in the shop.
fn expected_of(order: &Order, line: &OrderLine) -> Held {
    let refunded = || order.refunds.iter().flat_map(|refund| refund.lines.iter().map(move |of| (refund.return_id, of)));
    let refunded = || refunded().filter(|(_, of)| of.line == line.id);
    let back = |of_return| refunded().filter(move |(id, of)| *id == of_return && of.restock == Restock::Return);
    let units = |of_return| back(of_return).map(|(_, of)| of.quantity).sum::<i64>();
    // The refund and the dispositions of one return report the same units, so the larger number counts.
    let by_return = order.returns.iter().map(|of| {
        let disposed = of.dispositions.iter().filter(|done| done.line == line.id && done.kind == Disposal::Restocked);
        units(Some(of.id)).max(disposed.map(|done| done.quantity).sum())
    });
    let gone = refunded().filter(|(_, of)| of.restock == Restock::NoRestock).map(|(_, of)| of.quantity - of.shipped);
    Held {
        reserved: Quantity::new(if order.cancelled_at.is_some() { 0 } else { line.unfulfilled() }),
        shipped: Quantity::new(line.fulfilled),
        returned: Quantity::new(units(None) + by_return.sum::<i64>()),
        withheld: Quantity::new(gone.sum()),
    }
}

/// Levels at which the shop's available and committed do not add up to the supply.
#[must_use]
pub fn compare_levels(contents: &TableContents, shop: &Shop) -> Vec<String> {
    let shown: BTreeMap<(u64, u64), i64> =
        shop.levels().map(|(item, location, level)| ((number(item.0), number(location.0)), level.on_hand())).collect();
    contents
        .levels
        .iter()
        .filter_map(|level| {
            let shown = shown.get(&(level.inventory_item.number(), level.shop_location.number())).copied();
            (shown != Some(level.supply.units()))
                .then(|| format!("{}@{}: the supply is {}, the shop shows {shown:?}", level.sku, level.location, level.supply))
        })
        .collect()
}

/// Finished goods of which the shop does not show the producible units at `production`.
#[must_use]
pub fn compare_plans(contents: &TableContents, shop: &Shop, production: &LocationId) -> Vec<String> {
    let shown: BTreeMap<(u64, u64), i64> =
        shop.levels().map(|(item, location, level)| ((number(item.0), number(location.0)), level.on_hand())).collect();
    let differs = |(sku, planned): (&Sku, &FinishedGoodPlan)| {
        let level = contents.levels.iter().find(|level| level.sku == *sku && level.location == *production);
        let shown = level.and_then(|level| shown.get(&(level.inventory_item.number(), level.shop_location.number())).copied());
        let there = contents.positions.get(&PositionKey::new(sku.clone(), Place::At(production.clone())));
        let wanted = planned.producible() + there.map_or(Quantity::ZERO, |position| position.balance.sellable());
        (shown.unwrap_or(0) != wanted.units()).then(|| format!("{sku}: {wanted} are producible, the shop shows {shown:?}"))
    };
    contents.planned.iter().filter_map(differs).collect()
}

fn number(id: i64) -> u64 {
    u64::try_from(id).expect("the ids of the fake shop are above zero")
}
