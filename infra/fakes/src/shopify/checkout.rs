//! The checkout: from a cart to an order, or to a refusal that changes nothing.
//!
//! Placing an order moves available to committed where it is allocated, for all lines or for none. An item that may not
//! be oversold sells exactly what is available over the locations that fulfil online orders. A bundle is sold as its
//! components. Lines that are added to an order later are allocated likewise (`edit`).

use super::draft::{Draft, Source};
use super::fulfilment_order::{FulfilmentOrder, Share};
use super::id_webhooks;
use super::ids::{FIRST_LINE, FIRST_ORDER, FulfilmentOrderId, ItemId, LineId, LocationId, OrderId};
use super::order::{Financial, Order, OrderLine, Shares};
use super::outbox::Topic;
use super::shop::Shop;
use super::stock::{Item, Oversell};
use super::time::second;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is taken to the checkout.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    /// SKUs and units.
    pub lines: Vec<(String, i64)>,
    /// The retail location whose POS sells it; `None` for an online order.
    pub location: Option<LocationId>,
    /// A test order.
    pub test: bool,
    /// Paid later, if ever.
    pub unpaid: bool,
    /// Takes no inventory and is not confirmed, as an order that was created by the API may be.
    pub unconfirmed: bool,
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
    /// The shop has no location at all.
    NoLocation,
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

/// Units of an item, and the locations that give them; empty if the line takes no inventory.
pub(super) type Allocated = (ItemId, i64, Shares);

impl Shop {
    /// An online customer checks out.
    ///
    /// # Errors
    /// As `checkout_cart`.
    pub fn checkout(&mut self, now: Timestamp, lines: &[(&str, i64)]) -> Result<OrderId, CheckoutRefused> {
        let lines = lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
        self.checkout_cart(now, &Cart { lines, ..Cart::default() })
    }

    /// Places an order: allocated to locations by priority, all lines or none. At a POS the units leave at once.
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
        let allocated = self.allocated(&cart.lines, cart.location, cart.unconfirmed)?;
        let placed = i64::try_from(self.orders.len()).expect("orders are countable");
        let id = OrderId(FIRST_ORDER + placed);
        let created_at = second(now);
        let order = Order {
            id,
            number: 1_001 + placed,
            created_at,
            updated_at: created_at,
            cancelled_at: None,
            confirmed: !cart.unconfirmed,
            test: cart.test,
            financial: if cart.unpaid { Financial::Pending } else { Financial::Paid },
            retail_location: cart.location,
            lines: Vec::new(),
            fulfilments: Vec::new(),
            fulfilment_orders: Vec::new(),
            refunds: Vec::new(),
            returns: Vec::new(),
        };
        let mut draft = self.draft(now, order);
        self.add_lines(&mut draft, allocated);
        let made = cart.location.map(|retail| {
            let all = draft.order.lines.iter().flat_map(|line| {
                let shares = Share::of(line.id, line.quantity, &draft.order.fulfilment_orders);
                shares.into_iter().map(|share| (line.id, share))
            });
            let all: Vec<(LineId, Share)> = all.collect();
            draft.ship(retail, &all)
        });
        self.commit(draft);
        let bodies = match made {
            Some(made) => self.fulfilments(Topic::FulfillmentsCreate, id, &[made]),
            None => {
                let routed =
                    |asked: &FulfilmentOrder| (Topic::FulfillmentOrdersRoutingComplete, id_webhooks::fulfilment_order(asked));
                self.orders[&id].fulfilment_orders.iter().map(routed).collect()
            }
        };
        self.announce(now, id, &[Topic::OrdersCreate], bodies);
        Ok(id)
    }

    /// Where the units of SKUs come from, for all of them or none; a bundle is taken as its components.
    pub(super) fn allocated(
        &mut self,
        wanted: &[(String, i64)],
        retail: Option<LocationId>,
        unconfirmed: bool,
    ) -> Result<Vec<Allocated>, CheckoutRefused> {
        if self.locations.is_empty() {
            return Err(CheckoutRefused::NoLocation);
        }
        let mut taken: BTreeMap<(ItemId, LocationId), i64> = BTreeMap::new();
        let mut allocated: Vec<Allocated> = Vec::new();
        for (sku, quantity) in self.unbundled(wanted)? {
            let item = self.item(&sku).ok_or_else(|| CheckoutRefused::UnknownSku(sku.clone()))?;
            let shares = match retail {
                _ if unconfirmed || !item.tracked => Shares::new(),
                // A POS sells the units that the customer holds, even if the level is too low.
                Some(retail) => Shares::from([(retail, quantity)]),
                None => match self.allocate(item, quantity, &taken) {
                    Ok(shares) => shares,
                    Err(available) => {
                        self.counters.sold_out += 1;
                        return Err(CheckoutRefused::SoldOut { sku, wanted: quantity, available });
                    }
                },
            };
            for (location, share) in &shares {
                *taken.entry((item.id, *location)).or_default() += share;
            }
            allocated.push((item.id, quantity, shares));
        }
        Ok(allocated)
    }

    /// SKUs and units, with the components of a bundle in its place.
    fn unbundled(&self, wanted: &[(String, i64)]) -> Result<Vec<(String, i64)>, CheckoutRefused> {
        let mut unbundled = Vec::new();
        for (sku, quantity) in wanted {
            let item = self.item(sku).ok_or_else(|| CheckoutRefused::UnknownSku(sku.clone()))?;
            let own = [(sku.clone(), 1)];
            let parts = if item.components.is_empty() { own.as_slice() } else { &item.components };
            for (part, units) in parts {
                let quantity = quantity.checked_mul(*units).filter(|quantity| (1..=1_000_000).contains(quantity));
                unbundled.push((part.clone(), quantity.ok_or_else(|| CheckoutRefused::BadQuantity(sku.clone()))?));
            }
        }
        Ok(unbundled)
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

    /// Adds lines to an order, and asks every location that gives units for them in a fulfilment order of its own.
    pub(super) fn add_lines(&self, draft: &mut Draft, allocated: Vec<Allocated>) -> (Vec<LineId>, Vec<FulfilmentOrderId>) {
        let unallocated_at = draft.order.retail_location.unwrap_or_else(|| self.fallback_location());
        let mut by_location: BTreeMap<LocationId, Vec<(LineId, i64)>> = BTreeMap::new();
        let mut added = Vec::new();
        for (item, quantity, shares) in allocated {
            let item = &self.items[&item];
            let id = LineId(draft.number(FIRST_LINE));
            draft.order.lines.push(OrderLine {
                id,
                item: item.id,
                variant: item.variant,
                sku: item.sku.clone(),
                quantity,
                current_quantity: quantity,
                fulfilled: 0,
                tracked: item.tracked,
                gift_card: item.gift_card,
                requires_shipping: item.requires_shipping,
                committed: Shares::new(),
            });
            let shares = if shares.is_empty() { Shares::from([(unallocated_at, quantity)]) } else { shares };
            for (location, share) in shares {
                by_location.entry(location).or_default().push((id, share));
            }
            added.push(id);
        }
        let asked = by_location.iter().map(|(location, lines)| draft.open(*location, lines, Source::Available)).collect();
        (added, asked)
    }
}
