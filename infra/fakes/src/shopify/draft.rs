//! A draft of one step of an order: the order as it is after the step, and the changes of levels.
//!
//! A step works on a copy of the order, so the shop can refuse the step at any point. A dropped draft has no effect.
//! `Shop::commit` writes the whole draft at once. Units move in three ways only: `open` asks a location to ship them,
//! `withdraw` takes them out of a fulfilment order, and `restock` makes units that had left available again.

use super::fulfilment_order::{FulfilmentOrder, FulfilmentOrderLine, FulfilmentOrderStatus, Share};
use super::ids::{FIRST_FULFILMENT_ORDER, FulfilmentOrderId, ItemId, LineId, LocationId, Made, OrderId};
use super::lifecycle::OrderRefused;
use super::order::{Order, OrderLine};
use super::shop::Shop;
use super::stock::Level;
use super::time::second;
use jiff::Timestamp;

/// An order that a step changes.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) order: Order,
    pub(super) now: Timestamp,
    /// Whether added lines are pre-orders that reserve on fulfilment.
    pub(super) pre_order: bool,
    shifts: Vec<Shift>,
    made: Made,
    parts: Vec<i64>,
}

/// A change of one level.
#[derive(Debug)]
struct Shift {
    item: ItemId,
    location: LocationId,
    available: i64,
    committed: i64,
}

/// The origin of the units of a new fulfilment order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// The units are available.
    Available,
    /// The units had left, and are in the building again.
    Outside,
}

impl Draft {
    /// Returns the next number for a part of this order. `first` is the first number of the part's kind.
    pub(super) fn number(&mut self, first: i64) -> i64 {
        let number = self.made.number(first);
        self.parts.push(number);
        number
    }

    pub(super) fn line(&self, id: LineId) -> Result<&OrderLine, OrderRefused> {
        self.order.line(id).ok_or(OrderRefused::UnknownLine(id))
    }

    /// Returns a line that the step has found before.
    pub(super) fn line_mut(&mut self, id: LineId) -> &mut OrderLine {
        self.order.lines.iter_mut().find(|line| line.id == id).expect("the step found the line")
    }

    /// Asks a location to ship units, and commits the units of the lines that take inventory at that location.
    pub(super) fn open(&mut self, location: LocationId, lines: &[(LineId, i64)], source: Source) -> FulfilmentOrderId {
        let id = FulfilmentOrderId(self.number(FIRST_FULFILMENT_ORDER));
        for (line, quantity) in lines {
            let line = self.order.line(*line).expect("the step found the line");
            if self.order.takes_stock(line) {
                let item = line.item;
                *self.line_mut(line.id).committed.entry(location).or_default() += quantity;
                let available = if source == Source::Available { -quantity } else { 0 };
                self.shifts.push(Shift { item, location, available, committed: *quantity });
            } else if source == Source::Outside && self.order.leaves_available(line) {
                self.shifts.push(Shift { item: line.item, location, available: *quantity, committed: 0 });
            }
        }
        self.order.fulfilment_orders.push(FulfilmentOrder {
            id,
            status: FulfilmentOrderStatus::Open,
            location,
            created_at: self.now,
            updated_at: self.now,
            lines: lines
                .iter()
                .map(|(line, total)| FulfilmentOrderLine { line: *line, total: *total, remaining: *total })
                .collect(),
        });
        id
    }

    /// Takes units out of a fulfilment order and uncommits them. With `restock` they are available again; otherwise they leave
    /// the shop.
    pub(super) fn withdraw(&mut self, id: LineId, share: Share, restock: bool) {
        let now = self.now;
        self.fulfilment_order(share.from).take(now, id, share.quantity);
        let line = self.order.line(id).expect("the step found the line");
        if !self.order.takes_stock(line) {
            return;
        }
        let (item, location, quantity) = (line.item, share.location, share.quantity);
        let committed = &mut self.line_mut(id).committed;
        let left = committed[&location] - quantity;
        if left == 0 {
            committed.remove(&location);
        } else {
            committed.insert(location, left);
        }
        self.shifts.push(Shift { item, location, available: if restock { quantity } else { 0 }, committed: -quantity });
    }

    /// Takes units that were never committed out of the available ones, because they leave.
    pub(super) fn leave(&mut self, id: LineId, location: LocationId, quantity: i64) {
        let line = self.order.line(id).expect("the step found the line");
        if self.order.leaves_available(line) {
            self.shifts.push(Shift { item: line.item, location, available: -quantity, committed: 0 });
        }
    }

    /// Makes units that had left available at a location. Units of an untracked item never left a level, so no level changes.
    pub(super) fn restock(&mut self, id: LineId, location: LocationId, quantity: i64) {
        let line = self.order.line(id).expect("the step found the line");
        if line.tracked {
            self.shifts.push(Shift { item: line.item, location, available: quantity, committed: 0 });
        }
    }

    /// Removes units that have not left from a line. The fulfilment orders at `first` give their units first, and newer ones
    /// before older ones.
    pub(super) fn remove(
        &mut self,
        id: LineId,
        quantity: i64,
        first: Option<LocationId>,
        restock: bool,
    ) -> Result<Vec<Share>, OrderRefused> {
        let line = self.line(id)?;
        if quantity < 1 || quantity > line.unfulfilled() {
            return Err(OrderRefused::BadQuantity(id));
        }
        let mut asked: Vec<&FulfilmentOrder> = self.order.fulfilment_orders.iter().rev().collect();
        asked.sort_by_key(|asked| first.is_some_and(|first| asked.location != first));
        let shares = Share::of(id, quantity, asked);
        for share in &shares {
            self.withdraw(id, *share, restock);
        }
        self.line_mut(id).current_quantity -= quantity;
        Ok(shares)
    }

    /// Returns a fulfilment order that the step has found before.
    pub(super) fn fulfilment_order(&mut self, id: FulfilmentOrderId) -> &mut FulfilmentOrder {
        self.order.fulfilment_orders.iter_mut().find(|asked| asked.id == id).expect("the step found the fulfilment order")
    }
}

impl Shop {
    /// Starts a step of an order that is not cancelled.
    pub(super) fn begin(&self, now: Timestamp, id: OrderId) -> Result<Draft, OrderRefused> {
        let order = self.orders.get(&id).ok_or(OrderRefused::UnknownOrder)?;
        if order.cancelled_at.is_some() { Err(OrderRefused::Cancelled) } else { Ok(self.draft(now, order.clone())) }
    }

    /// Starts a step with the given order.
    pub(super) fn draft(&self, now: Timestamp, order: Order) -> Draft {
        Draft { order, now: second(now), pre_order: false, shifts: Vec::new(), made: self.made.clone(), parts: Vec::new() }
    }

    /// Writes a step, and sets the time of the order's last change. If the clock went backwards, that time stays as it is.
    pub(super) fn commit(&mut self, draft: Draft) {
        let Draft { mut order, now, shifts, made, parts, .. } = draft;
        for Shift { item, location, available, committed } in shifts {
            let level = self.levels.entry((item, location)).or_insert_with(|| Level::new(now, true));
            level.shift(now, available, committed);
        }
        self.made = made;
        self.owners.extend(parts.into_iter().map(|number| (number, order.id)));
        order.updated_at = order.updated_at.max(now);
        self.index(now, order.id, order.updated_at);
        self.orders.insert(order.id, order);
    }
}
