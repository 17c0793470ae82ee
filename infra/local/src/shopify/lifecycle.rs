//! How an order lives on: fulfilment, cancellation, removal of units.
//!
//! Fulfilling takes committed, and with it on hand, away; cancelling or removing moves committed back to available.
//! Every step is refused whole or done whole, and announced as webhooks.

use super::ids::{FulfilmentId, ItemId, LineId, LocationId, OrderId};
use super::order::{Fulfilment, Order};
use super::outbox::Topic;
use super::shop::{FIRST_FULFILMENT, Shop};
use super::stock::Level;
use super::time::second;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Why a change to an order was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderRefused {
    /// No such order.
    UnknownOrder,
    /// No such line in it.
    UnknownLine(LineId),
    /// It is cancelled.
    Cancelled,
    /// Something of it has left: what is fulfilled cannot be cancelled.
    Fulfilled,
    /// Nothing is left to fulfil.
    NothingLeft,
    /// Units below one, or more than are left.
    BadQuantity(LineId),
}

/// Units by location.
type Shares = BTreeMap<LocationId, i64>;

impl Shop {
    /// Ships lines, or all that is left: one fulfilment for every location that units were committed at.
    ///
    /// # Errors
    /// No such order or line, it is cancelled, or more is asked for than is left.
    pub fn fulfil(
        &mut self,
        now: Timestamp,
        id: OrderId,
        lines: Option<&[(LineId, i64)]>,
    ) -> Result<Vec<FulfilmentId>, OrderRefused> {
        let order = self.open_order(id)?;
        let wanted: Vec<(LineId, i64)> = match lines {
            Some(lines) => lines.to_vec(),
            None => order.lines.iter().map(|line| (line.id, line.unfulfilled())).filter(|(_, left)| *left > 0).collect(),
        };
        if wanted.is_empty() {
            return Err(OrderRefused::NothingLeft);
        }
        let mut asked: BTreeMap<LineId, i64> = BTreeMap::new();
        for (line_id, quantity) in wanted {
            let line = order.lines.iter().find(|line| line.id == line_id).ok_or(OrderRefused::UnknownLine(line_id))?;
            let total = asked.entry(line_id).or_default();
            *total = total.checked_add(quantity).ok_or(OrderRefused::BadQuantity(line_id))?;
            if quantity < 1 || *total > line.unfulfilled() {
                return Err(OrderRefused::BadQuantity(line_id));
            }
        }
        let fallback = self.fallback_location();
        let mut by_location: BTreeMap<LocationId, Vec<(LineId, i64)>> = BTreeMap::new();
        for line in &order.lines {
            let mut left = asked.remove(&line.id).unwrap_or(0);
            for (location, committed) in &line.committed {
                let share = left.min(*committed);
                if share > 0 {
                    by_location.entry(*location).or_default().push((line.id, share));
                    left -= share;
                }
            }
            if left > 0 {
                by_location.entry(fallback).or_default().push((line.id, left));
            }
        }
        let mut made = Vec::new();
        for (location, lines) in by_location {
            made.extend(self.ship(now, id, location, lines));
        }
        self.touch(now, id);
        self.announce(now, id, &[Topic::OrdersUpdated], &made);
        Ok(made)
    }

    /// Takes units away at one location, and records the shipment.
    pub(super) fn ship(
        &mut self,
        now: Timestamp,
        id: OrderId,
        location: LocationId,
        lines: Vec<(LineId, i64)>,
    ) -> Vec<FulfilmentId> {
        let fulfilment = FulfilmentId(FIRST_FULFILMENT + self.fulfilments_made);
        self.fulfilments_made += 1;
        self.fulfilled.insert(fulfilment, id);
        let mut released = Vec::new();
        let order = self.orders.get_mut(&id).expect("the caller found the order");
        for (line_id, quantity) in &lines {
            let line = order.lines.iter_mut().find(|line| line.id == *line_id).expect("the caller found the line");
            line.fulfilled += quantity;
            let committed = line.committed.get(&location).copied().unwrap_or(0).min(*quantity);
            take(&mut line.committed, location, committed);
            released.push((line.item, committed));
        }
        order.fulfilments.push(Fulfilment { id: fulfilment, location, created_at: second(now), lines });
        for (item, committed) in released.into_iter().filter(|(_, committed)| *committed > 0) {
            self.shift(now, item, location, 0, -committed);
        }
        vec![fulfilment]
    }

    /// Cancels an order of which nothing has left, and restocks it.
    ///
    /// # Errors
    /// No such order, it is cancelled already, or something of it has left.
    pub fn cancel(&mut self, now: Timestamp, id: OrderId) -> Result<(), OrderRefused> {
        let order = self.open_order(id)?;
        if !order.fulfilments.is_empty() {
            return Err(OrderRefused::Fulfilled);
        }
        let restocked: Vec<(ItemId, Shares)> = order.lines.iter().map(|line| (line.item, line.committed.clone())).collect();
        for (item, shares) in restocked {
            for (location, share) in shares {
                self.shift(now, item, location, share, -share);
            }
        }
        let order = self.orders.get_mut(&id).expect("found above");
        order.cancelled_at = Some(second(now));
        for line in &mut order.lines {
            line.current_quantity = 0;
            line.committed.clear();
        }
        self.touch(now, id);
        self.announce(now, id, &[Topic::OrdersCancelled, Topic::OrdersUpdated], &[]);
        Ok(())
    }

    /// Removes units of a line that have not left, and restocks them: what editing an order does.
    ///
    /// # Errors
    /// No such order or line, it is cancelled, or more is asked for than is left.
    pub fn remove_line_quantity(
        &mut self,
        now: Timestamp,
        id: OrderId,
        line_id: LineId,
        quantity: i64,
    ) -> Result<(), OrderRefused> {
        self.open_order(id)?;
        let order = self.orders.get_mut(&id).expect("found above");
        let line = order.lines.iter_mut().find(|line| line.id == line_id).ok_or(OrderRefused::UnknownLine(line_id))?;
        if quantity < 1 || quantity > line.unfulfilled() {
            return Err(OrderRefused::BadQuantity(line_id));
        }
        line.current_quantity -= quantity;
        let item = line.item;
        let mut excess = (line.committed_total() - line.unfulfilled()).max(0);
        let mut restocked = Vec::new();
        while excess > 0 {
            let (location, committed) = line.committed.last_key_value().expect("an excess is committed somewhere");
            let (location, share) = (*location, excess.min(*committed));
            take(&mut line.committed, location, share);
            restocked.push((location, share));
            excess -= share;
        }
        for (location, share) in restocked {
            self.shift(now, item, location, share, -share);
        }
        self.touch(now, id);
        self.announce(now, id, &[Topic::OrdersUpdated], &[]);
        Ok(())
    }

    fn open_order(&self, id: OrderId) -> Result<&Order, OrderRefused> {
        let order = self.orders.get(&id).ok_or(OrderRefused::UnknownOrder)?;
        if order.cancelled_at.is_some() { Err(OrderRefused::Cancelled) } else { Ok(order) }
    }

    /// Where units leave from that were never committed anywhere: the first location that fulfils online, else the first.
    fn fallback_location(&self) -> LocationId {
        let first = self.locations.values().min_by_key(|location| (!location.fulfils_online, location.priority));
        first.expect("a shop that ships has a location").id
    }

    pub(super) fn shift(&mut self, now: Timestamp, item: ItemId, location: LocationId, available: i64, committed: i64) {
        self.levels.entry((item, location)).or_insert_with(|| Level::new(now, true)).shift(now, available, committed);
    }

    /// Stamps the order's change. A clock that went backwards leaves the stamp where it was.
    fn touch(&mut self, now: Timestamp, id: OrderId) {
        let order = self.orders.get_mut(&id).expect("the caller found the order");
        self.by_update.remove(&(order.updated_at, id));
        order.updated_at = order.updated_at.max(second(now));
        self.by_update.insert((order.updated_at, id));
    }

    pub(super) fn announce(&mut self, now: Timestamp, id: OrderId, topics: &[Topic], fulfilments: &[FulfilmentId]) {
        self.outbox.announce(now, &self.config, &self.orders[&id], topics, fulfilments);
    }
}

fn take(shares: &mut Shares, location: LocationId, quantity: i64) {
    if let Some(share) = shares.get_mut(&location) {
        *share -= quantity;
        if *share == 0 {
            shares.remove(&location);
        }
    }
}
