//! The people of a world: customers buy and cancel, a warehouse ships, and staff edit numbers in the shop.

use promissory::catalog::{LocationId, Sku};
use promissory::ports::Clock;
use promissory::source::StockKind;
use promissory_fakes::shopify::{Cart, InventoryState, Order, OrderId};

use super::World;

/// The SKU that is sold in large quantities and may be oversold.
pub const BULK: &str = "BULK";

/// The SKU that the shop sells and that no item is mapped to.
pub const UNMAPPED: &str = "GIFT";

/// Number of lines of a large order: more than one transaction can hold.
const LARGE: usize = 110;

impl World {
    /// Buys something: usually online, a few units of several items.
    pub fn customer_buys(&mut self) {
        let mut cart = Cart::default();
        for (item, _) in self.items.iter().filter(|(item, _)| item.sku.as_str() != BULK) {
            if self.rng.per_mille(500) {
                cart.lines.push((item.sku.to_string(), self.rng.up_to(3)));
            }
        }
        let mut kind = "order";
        match self.rng.below(40) {
            0..3 => {
                kind = "order sold in a store";
                self.fill_pos_cart(&mut cart);
            }
            3 => (cart.unconfirmed, kind) = (true, "unconfirmed order"),
            4 => {
                kind = "order of an unmapped item";
                cart.lines.push((UNMAPPED.to_owned(), 1));
            }
            5 if self.config.large_orders => {
                kind = "large order";
                cart.lines.extend(std::iter::repeat_n((BULK.to_owned(), 1), LARGE));
            }
            5..7 => cart.lines.push((BULK.to_owned(), self.rng.up_to(3))),
            7..10 => (cart.unpaid, kind) = (true, "order not paid yet"),
            10 => (cart.test, kind) = (true, "test order"),
            11 => (cart.pre_order, kind) = (true, "pre-order"),
            _ => {}
        }
        self.buy(&cart, kind);
    }

    /// Buys one unit at a POS.
    pub fn pos_customer_buys(&mut self) {
        let mut cart = Cart::default();
        self.fill_pos_cart(&mut cart);
        self.buy(&cart, "order sold in a store");
    }

    /// Fills a cart at a POS, if the item is available there.
    fn fill_pos_cart(&self, cart: &mut Cart) {
        let (_, pos) = self.rng.pick(&self.codes);
        let (item, id) = self.rng.pick(&self.items);
        let there = self.ports.shop().level(*id, *pos).is_some_and(|level| level.active && level.available > 0);
        cart.lines = if there { vec![(item.sku.to_string(), 1)] } else { Vec::new() };
        cart.location = Some(*pos);
    }

    /// Sends a cart to the checkout.
    pub fn buy(&mut self, cart: &Cart, kind: &'static str) -> Option<OrderId> {
        let taken = self.ports.shop().checkout_cart(self.clock.now(), cart).ok();
        self.shop_changed |= taken.is_some();
        self.coverage.note(if taken.is_some() { kind } else { "order refused" });
        if let Some(id) = taken {
            self.log_event(|| format!("{kind} {id}: {} lines, first {:?}", cart.lines.len(), cart.lines.first()));
        }
        taken
    }

    pub(super) fn some_order(&self) -> Option<OrderId> {
        let shop = self.ports.shop();
        let orders: Vec<_> = shop.orders().filter(|order| !order.test).map(|order| order.id).collect();
        (!orders.is_empty()).then(|| *self.rng.pick(&orders))
    }

    pub(super) fn warehouse_ships(&mut self) {
        let Some(order) = self.some_order() else { return };
        let in_part = self.rng.per_mille(400);
        if self.is_to_be_made(order) && self.rng.per_mille(800) {
            return self.move_open(order); // The units are shipped from a stock location once they are made.
        }
        self.ship(order, in_part);
    }

    /// Whether units of an order must be made first.
    fn is_to_be_made(&self, order: OrderId) -> bool {
        let Some(shown) = self.workshop.as_ref().map(|workshop| workshop.production.1) else { return false };
        let shop = self.ports.shop();
        let open =
            |order: &Order| order.fulfilment_orders.iter().any(|asked| asked.location == shown && asked.status.is_active());
        shop.order(order).is_some_and(open)
    }

    /// Ships an order, or one unit of its first line.
    pub fn ship(&mut self, order: OrderId, in_part: bool) {
        if self.is_being_refunded(order) {
            return;
        }
        let now = self.clock.now();
        let shipped = {
            let mut shop = self.ports.shop();
            let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| (line.id, 1));
            let lines = first.as_ref().filter(|_| in_part).map(std::slice::from_ref);
            shop.fulfil(now, order, lines).is_ok()
        };
        if shipped {
            self.shop_changed = true;
            self.coverage.note(if in_part { "shipped in part" } else { "shipped" });
            self.log_event(|| format!("shipped {order}{}", if in_part { " in part" } else { "" }));
        }
    }

    pub(super) fn customer_cancels(&mut self) {
        let Some(order) = self.some_order() else { return };
        let cancels = self.rng.per_mille(600);
        self.cancel_or_reduce(order, cancels);
    }

    /// Cancels an order, or removes one unit from its first line.
    pub fn cancel_or_reduce(&mut self, order: OrderId, cancels: bool) {
        let now = self.clock.now();
        let done = {
            let mut shop = self.ports.shop();
            if cancels {
                shop.cancel(now, order).is_ok()
            } else {
                let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| line.id);
                first.is_some_and(|line| shop.remove_line_quantity(now, order, line, 1).is_ok())
            }
        };
        if done {
            self.shop_changed = true;
            let what = if cancels { "cancelled" } else { "line reduced" };
            self.coverage.note(what);
            self.log_event(|| format!("{what}: {order}"));
        }
    }

    /// Sends a stock event of the ERP.
    pub fn receive(&mut self, sku: Sku, location: LocationId, kind: StockKind, units: i64) {
        let event = self.event("erp", kind, (sku, location), units);
        self.send_batch("erp", vec![event]);
    }

    pub(super) fn edit_a_level(&mut self) {
        if self.rng.per_mille(300) {
            return self.set_units_aside();
        }
        if self.config.only_grows {
            return;
        }
        let units = i64::try_from(self.rng.below(8)).expect("small");
        self.edit(units);
    }

    /// Moves a unit of the shop to another state by hand, or back: as damaged, into quality control, or reserved by an app.
    fn set_units_aside(&mut self) {
        let (item, location) = (self.rng.pick(&self.items).1, self.rng.pick(&self.codes).1);
        let state = *self.rng.pick(&InventoryState::ALL);
        let now = self.clock.now();
        let mut shop = self.ports.shop();
        let Some(level) = shop.level(item, location).filter(|level| level.active) else { return };
        // What a draft reserves, only the draft releases.
        let of_drafts = match state {
            InventoryState::Reserved => shop.drafts().filter_map(|draft| draft.reserved.get(&(item, location))).sum(),
            InventoryState::Damaged | InventoryState::QualityControl | InventoryState::SafetyStock => 0,
        };
        let units = match (level.in_state(state) > of_drafts, level.available > 0) {
            (true, _) => -1,
            (false, true) => 1,
            (false, false) => return,
        };
        shop.set_aside(now, item, location, (state, units)).expect("the pair exists");
        drop(shop);
        self.shop_changed = true;
        self.coverage.note(if units > 0 { "units set aside" } else { "units taken back" });
        self.log_event(|| format!("{units} units of item {item} at {location} go to {}", state.name()));
    }

    /// Sets a level of the shop by hand.
    pub fn edit(&mut self, units: i64) {
        let (item, mut location) = (self.rng.pick(&self.items).1, self.rng.pick(&self.codes).1);
        let shown = self.workshop.as_ref().map(|workshop| workshop.production.1);
        if let Some(shown) = shown.filter(|shown| self.ports.shop().level(item, *shown).is_some() && self.rng.per_mille(300)) {
            location = shown;
            self.workshop.iter_mut().for_each(|workshop| workshop.is_edited = true);
        }
        self.ports.shop().manual_edit(self.clock.now(), item, location, units).expect("the pair exists");
        self.shop_changed = true;
        self.coverage.note("edited by hand");
        self.log_event(|| format!("item {item} at {location} was set to {units} by hand"));
    }
}
