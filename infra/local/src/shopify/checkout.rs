//! The checkout: from a cart to an order, or to a refusal that changes nothing.
//!
//! Placing an order moves available to committed where it is allocated, for all lines or for none. An item that may not
//! be oversold sells exactly what is available over the locations that fulfil online orders. What becomes of the order
//! afterwards is in `lifecycle`.

use super::ids::{ItemId, LineId, LocationId, OrderId};
use super::order::{Order, OrderLine};
use super::outbox::Topic;
use super::shop::{FIRST_LINE, FIRST_ORDER, Shop};
use super::stock::{Item, Oversell};
use super::time::second;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is taken to the checkout.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    /// SKUs and units.
    pub lines: Vec<(String, i64)>,
    /// The till it is sold at; none online.
    pub location: Option<LocationId>,
    /// A test order.
    pub test: bool,
    /// Claims no inventory and is not confirmed, as an order created by API may be.
    pub claims_nothing: bool,
}

/// Why a checkout was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckoutRefused {
    /// Nothing in the cart.
    Empty,
    /// No item has this SKU.
    UnknownSku(String),
    /// Units below one, or too many to count.
    BadQuantity(String),
    /// No such location.
    UnknownLocation(LocationId),
    /// Not enough of it where online orders are fulfilled.
    SoldOut {
        /// What ran out.
        sku: String,
        /// Units wanted.
        wanted: i64,
        /// Units there are.
        available: i64,
    },
}

/// Units by location.
type Shares = BTreeMap<LocationId, i64>;

impl Shop {
    /// An online customer checks out.
    ///
    /// # Errors
    /// As `checkout_cart`.
    pub fn checkout(&mut self, now: Timestamp, lines: &[(&str, i64)]) -> Result<OrderId, CheckoutRefused> {
        let lines = lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
        self.checkout_cart(now, &Cart { lines, ..Cart::default() })
    }

    /// Places an order: allocated to locations by priority, all lines or none. At a till the units leave at once.
    ///
    /// # Errors
    /// The cart is empty or names what is not there, or not enough is available and the item may not be oversold.
    pub fn checkout_cart(&mut self, now: Timestamp, cart: &Cart) -> Result<OrderId, CheckoutRefused> {
        if cart.lines.is_empty() {
            return Err(CheckoutRefused::Empty);
        }
        if let Some(location) = cart.location.filter(|location| !self.locations.contains_key(location)) {
            return Err(CheckoutRefused::UnknownLocation(location));
        }
        let mut taken: BTreeMap<(ItemId, LocationId), i64> = BTreeMap::new();
        let mut allocated: Vec<(ItemId, i64, Shares)> = Vec::new();
        for (sku, quantity) in &cart.lines {
            let item = self.item(sku).ok_or_else(|| CheckoutRefused::UnknownSku(sku.clone()))?;
            if !(1..=1_000_000).contains(quantity) {
                return Err(CheckoutRefused::BadQuantity(sku.clone()));
            }
            let shares = match cart.location {
                _ if cart.claims_nothing || !item.tracked => Shares::new(),
                // A till sells what the customer holds in hand, whatever the count says.
                Some(till) => Shares::from([(till, *quantity)]),
                None => match self.allocate(item, *quantity, &taken) {
                    Ok(shares) => shares,
                    Err(available) => {
                        self.counters.sold_out += 1;
                        return Err(CheckoutRefused::SoldOut { sku: sku.clone(), wanted: *quantity, available });
                    }
                },
            };
            for (location, share) in &shares {
                *taken.entry((item.id, *location)).or_default() += share;
            }
            allocated.push((item.id, *quantity, shares));
        }
        Ok(self.place(now, cart, allocated))
    }

    /// Where the units of one line come from: one location that has all of them, else split, both by priority.
    /// Refused with what is available over all online locations, the oversold ones counted against the others.
    fn allocate(&self, item: &Item, quantity: i64, taken: &BTreeMap<(ItemId, LocationId), i64>) -> Result<Shares, i64> {
        let mut online: Vec<_> = self.locations.values().filter(|location| location.fulfils_online).collect();
        online.sort_by_key(|location| location.priority);
        let stocked: Vec<(LocationId, i64)> = online
            .iter()
            .filter_map(|location| {
                let level = self.levels.get(&(item.id, location.id)).filter(|level| level.active)?;
                Some((location.id, level.available - taken.get(&(item.id, location.id)).unwrap_or(&0)))
            })
            .collect();
        let available: i64 = stocked.iter().map(|(_, available)| available).sum();
        let Some((first, _)) = stocked.first() else {
            return Err(0);
        };
        if available < quantity && item.oversell == Oversell::Deny {
            return Err(available);
        }
        if let Some((whole, _)) = stocked.iter().find(|(_, available)| *available >= quantity) {
            return Ok(Shares::from([(*whole, quantity)]));
        }
        let mut shares = Shares::new();
        let mut left = quantity;
        for (location, available) in &stocked {
            let share = (*available).clamp(0, left);
            if share > 0 {
                shares.insert(*location, share);
                left -= share;
            }
        }
        if left > 0 {
            *shares.entry(*first).or_default() += left;
        }
        Ok(shares)
    }

    fn place(&mut self, now: Timestamp, cart: &Cart, allocated: Vec<(ItemId, i64, Shares)>) -> OrderId {
        let placed = i64::try_from(self.orders.len()).expect("orders are countable");
        let id = OrderId(FIRST_ORDER + placed);
        let mut lines = Vec::new();
        for (item, quantity, shares) in allocated {
            for (location, share) in &shares {
                self.shift(now, item, *location, -share, *share);
            }
            let item = &self.items[&item];
            lines.push(OrderLine {
                id: LineId(FIRST_LINE + self.lines_made),
                item: item.id,
                variant: item.variant,
                sku: item.sku.clone(),
                quantity,
                current_quantity: quantity,
                fulfilled: 0,
                tracked: item.tracked,
                gift_card: item.gift_card,
                requires_shipping: item.requires_shipping,
                committed: shares,
            });
            self.lines_made += 1;
        }
        let created_at = second(now);
        let order = Order {
            id,
            number: 1_001 + placed,
            created_at,
            updated_at: created_at,
            cancelled_at: None,
            confirmed: !cart.claims_nothing,
            test: cart.test,
            retail_location: cart.location,
            lines,
            fulfilments: Vec::new(),
        };
        self.by_update.insert((created_at, id));
        self.orders.insert(id, order);
        let fulfilments = match cart.location {
            Some(till) => {
                let all = self.orders[&id].lines.iter().map(|line| (line.id, line.quantity)).collect::<Vec<_>>();
                self.ship(now, id, till, all)
            }
            None => Vec::new(),
        };
        self.announce(now, id, &[Topic::OrdersCreate], &fulfilments);
        id
    }
}
