//! The checkout turns a cart into an order, or refuses the cart and leaves orders and levels unchanged.
//!
//! Placing an order moves units from available to committed at the locations that they are allocated to, for all lines or for
//! none. If an item may not be oversold, the shop sells exactly the units that are available over the locations that fulfil
//! online orders. The shop sells a bundle as its components. Lines that are added to an order later are allocated in the same
//! way (`edit`).

use super::draft::{Draft, Source};
use super::fulfilment_order::{FulfilmentOrder, Share};
use super::id_webhooks;
use super::ids::{FIRST_LINE, FIRST_ORDER, FulfilmentOrderId, ItemId, LineId, LocationId, OrderId, VariantId};
use super::order::{Financial, Order, OrderLine, Payment, Shares};
use super::outbox::Topic;
use super::shop::Shop;
use super::stock::{Item, Oversell};
use super::time::second;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A cart that a customer takes to the checkout.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    /// The lines: SKUs and units.
    pub lines: Vec<(String, i64)>,
    /// The retail location whose POS sells the cart; `None` for an online order.
    pub location: Option<LocationId>,
    /// Whether the order is a test order.
    pub test: bool,
    /// Whether the order is unpaid when it is placed.
    pub unpaid: bool,
    /// Whether the order is unconfirmed, so that it takes no inventory. An order that the API creates may be unconfirmed.
    pub unconfirmed: bool,
    /// Whether it is a pre-order by a selling plan that reserves on fulfilment: the levels change only when it ships.
    pub pre_order: bool,
    /// How an unpaid order is going to be paid.
    pub payment: Payment,
    /// Units of an item that the merchant typed in: a line without a variant and without a SKU. Zero for no such line.
    pub custom_units: i64,
}

/// The reason why the shop refused a checkout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckoutRefused {
    /// The cart has no lines.
    Empty,
    /// No item has this SKU.
    UnknownSku(String),
    /// The quantity is below one, or too large.
    BadQuantity(String),
    /// The shop has no such location.
    UnknownLocation(LocationId),
    /// The shop has no location at all.
    NoLocation,
    /// The locations that fulfil online orders do not have enough units.
    SoldOut {
        /// The SKU that is sold out.
        sku: String,
        /// The units that the cart needs.
        wanted: i64,
        /// The units that are available.
        available: i64,
    },
}

/// An item, its units, and the locations that they are allocated to. There are no locations if the line takes no inventory.
pub(super) type Allocated = (ItemId, i64, Shares);

impl Shop {
    /// Places the online order of a customer.
    ///
    /// # Errors
    /// The same as for `checkout_cart`.
    pub fn checkout(&mut self, now: Timestamp, lines: &[(&str, i64)]) -> Result<OrderId, CheckoutRefused> {
        let lines = lines.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
        self.checkout_cart(now, &Cart { lines, ..Cart::default() })
    }

    /// Places an order and allocates all of its lines to locations by priority, or none. At a POS the units leave at once.
    ///
    /// # Errors
    /// The cart is empty, it names a SKU or a location that the shop does not have, or too few units are available of an item
    /// that may not be oversold.
    pub fn checkout_cart(&mut self, now: Timestamp, cart: &Cart) -> Result<OrderId, CheckoutRefused> {
        if cart.lines.is_empty() {
            return Err(CheckoutRefused::Empty);
        }
        if let Some(location) = cart.location.filter(|location| !self.locations.contains_key(location)) {
            return Err(CheckoutRefused::UnknownLocation(location));
        }
        self.expire_drafts(now);
        let allocated = self.allocated(&cart.lines, cart.location, cart.unconfirmed || cart.pre_order)?;
        let placed = i64::try_from(self.orders.len()).expect("orders are countable");
        let id = OrderId(FIRST_ORDER + placed);
        let created_at = second(now);
        let order = Order {
            id,
            number: 1_001 + placed,
            created_at,
            updated_at: created_at,
            cancelled_at: None,
            closed_at: None,
            confirmed: !cart.unconfirmed,
            test: cart.test,
            payment: cart.payment,
            financial: if cart.unpaid { Financial::Pending } else { Financial::Paid },
            retail_location: cart.location,
            lines: Vec::new(),
            fulfilments: Vec::new(),
            fulfilment_orders: Vec::new(),
            refunds: Vec::new(),
            returns: Vec::new(),
        };
        let mut draft = self.draft(now, order);
        draft.pre_order = cart.pre_order;
        self.add_lines(&mut draft, allocated);
        if cart.custom_units > 0 {
            self.add_custom_line(&mut draft, cart.custom_units);
        }
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

    /// Allocates the units of SKUs to locations, for all of them or for none. A bundle is allocated as its components.
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

    /// Replaces each bundle by its components.
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

    /// Allocates the units of one line: to the first location by priority that has all of them, otherwise split over several
    /// locations by priority. If too few units are available, the error is the number available over all online locations. An
    /// oversold location reduces that number.
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

    /// Adds a line that the merchant typed in: it has no variant and no SKU, and changes no level.
    fn add_custom_line(&self, draft: &mut Draft, units: i64) {
        let id = LineId(draft.number(FIRST_LINE));
        draft.order.lines.push(OrderLine {
            id,
            item: ItemId(0),
            variant: VariantId(0),
            sku: String::new(),
            quantity: units,
            current_quantity: units,
            fulfilled: 0,
            tracked: false,
            gift_card: false,
            requires_shipping: true,
            reserves_on_fulfilment: false,
            committed: Shares::new(),
        });
        let location = draft.order.retail_location.unwrap_or_else(|| self.fallback_location());
        draft.open(location, &[(id, units)], Source::Available);
    }

    /// Adds lines to an order, and opens one fulfilment order at each location that the units are allocated to.
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
                reserves_on_fulfilment: draft.pre_order,
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
