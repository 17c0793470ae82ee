//! What happens to an order after it was placed: edits, payment, moves, refunds, returns, exchanges, and cancelled shipments.

use promissory::ports::Clock;
use promissory_fakes::shopify::{
    Disposal, Edit, FulfilmentOrderStatus, FulfilmentStatus, LineId, LocationId as ShopLocation, Order, OrderId, RefundInput,
    RefundLine, Restock, ReturnId, ReturnStatus, Shop,
};

use super::World;

impl World {
    /// Changes a random order in a random way.
    pub(super) fn change_an_order(&mut self) {
        let Some(order) = self.some_order() else { return };
        match self.rng.below(16) {
            0 => self.add_to(order),
            1..4 => self.pay(order),
            4..7 => self.move_open(order),
            7 => self.cancel_shipment(order),
            8..11 => self.refund(order),
            11..13 => self.request_return(order),
            _ => self.continue_return(order),
        }
    }

    /// Changes the shop and records the event if the change was possible.
    fn change_order(&mut self, what: &'static str, order: OrderId, work: impl FnOnce(&mut Shop) -> bool) -> bool {
        let done = work(&mut self.ports.shop());
        if done {
            self.shop_changed = true;
            self.coverage.note(what);
            self.log_event(|| format!("{what}: {order}"));
        }
        done
    }

    fn any_line(&self, order: OrderId) -> Option<LineId> {
        let shop = self.ports.shop();
        let lines = &shop.order(order)?.lines;
        (!lines.is_empty()).then(|| self.rng.pick(lines).id)
    }

    fn location(&self) -> ShopLocation {
        self.rng.pick(&self.codes).1
    }

    /// Adds units by an order edit.
    pub fn add_to(&mut self, order: OrderId) {
        let (now, sku) = (self.clock.now(), self.rng.pick(&self.items).0.sku.to_string());
        let edit = Edit { add: vec![(sku, self.rng.up_to(2))], remove: Vec::new(), restock: true };
        self.change_order("order added to", order, |shop| shop.edit(now, order, &edit).is_ok());
    }

    /// Pays an unpaid order.
    pub fn pay(&mut self, order: OrderId) {
        let now = self.clock.now();
        self.change_order("order paid later", order, |shop| shop.pay(now, order).is_ok());
    }

    /// Moves the open units of an order to another location.
    pub fn move_open(&mut self, order: OrderId) {
        if self.is_being_refunded(order) {
            return;
        }
        let (now, to) = (self.clock.now(), self.location());
        self.change_order("order moved", order, |shop| {
            let open = |of: &Order| {
                of.fulfilment_orders.iter().find(|routed| routed.status == FulfilmentOrderStatus::Open).map(|routed| routed.id)
            };
            shop.order(order).and_then(open).is_some_and(|routed| shop.move_fulfilment_order(now, routed, to).is_ok())
        });
    }

    /// Cancels a shipment.
    pub fn cancel_shipment(&mut self, order: OrderId) {
        let now = self.clock.now();
        self.change_order("shipment cancelled", order, |shop| {
            let stands =
                |of: &Order| of.fulfilments.iter().find(|made| made.status == FulfilmentStatus::Success).map(|made| made.id);
            shop.order(order).and_then(stands).is_some_and(|made| shop.cancel_fulfilment(now, made).is_ok())
        });
    }

    /// Refunds a unit in a random way.
    pub fn refund(&mut self, order: OrderId) {
        let (restock, what) = *self.rng.pick(&[
            (Restock::Cancel, "refunded before shipment"),
            (Restock::Return, "refunded after shipment"),
            (Restock::NoRestock, "refunded without restock"),
        ]);
        self.refund_by(order, restock, what);
    }

    /// Refunds a unit of an order in the given way.
    pub fn refund_by(&mut self, order: OrderId, restock: Restock, what: &'static str) {
        let Some(line) = self.any_line(order) else { return };
        let (now, at) = (self.clock.now(), self.location());
        if restock == Restock::NoRestock && !(self.is_unambiguous(order, line) && self.claims_stock(order)) {
            return;
        }
        let location = (restock == Restock::Return).then_some(at);
        let input = RefundInput { lines: vec![RefundLine { line, quantity: 1, restock, location }], return_id: None };
        self.change_order(what, order, |shop| shop.refund(now, order, &input).is_ok());
    }

    /// Whether the shop committed the units of an order. A refund without a restock of other units changes no level, and no fact
    /// of the order shows that.
    fn claims_stock(&self, order: OrderId) -> bool {
        let shop = self.ports.shop();
        shop.order(order).is_some_and(|order| order.lines.iter().all(|line| !order.leaves_available(line)))
    }

    /// A refund without a restock names neither the units nor their location. The ledger infers both from the times, to the
    /// second, and from the last location of the line. A real shop has the same ambiguity, so a world avoids it.
    fn is_unambiguous(&self, order: OrderId, line: LineId) -> bool {
        let (second, shop) = (self.clock.now().as_second(), self.ports.shop());
        let Some(order) = shop.order(order) else { return false };
        let routed = order.fulfilment_orders.iter().filter(|routed| routed.lines.iter().any(|of| of.line == line)).count();
        let shipment_cancelled = order.fulfilments.iter().any(|made| made.status != FulfilmentStatus::Success);
        routed == 1
            && order.returns.is_empty()
            && !shipment_cancelled
            && order.fulfilments.iter().all(|made| made.created_at.as_second() < second)
    }

    /// Whether an order was refunded in this second. A shipment in the same second could not be ordered against the refund.
    pub(super) fn is_being_refunded(&self, order: OrderId) -> bool {
        let (second, shop) = (self.clock.now().as_second(), self.ports.shop());
        shop.order(order).is_some_and(|order| order.refunds.iter().any(|refund| refund.created_at.as_second() == second))
    }

    /// Requests a return of a unit and approves it.
    pub fn request_return(&mut self, order: OrderId) {
        let Some(line) = self.any_line(order) else { return };
        let now = self.clock.now();
        self.change_order("return asked for", order, |shop| {
            shop.request_return(now, order, &[(line, 1)]).is_ok_and(|back| shop.approve_return(now, back).is_ok())
        });
    }

    /// Continues an open return: receives its unit, refunds it, exchanges it, or closes it.
    pub fn continue_return(&mut self, order: OrderId) {
        let (now, at, refunds) = (self.clock.now(), self.codes[0].1, self.rng.per_mille(400));
        let sku = self.rng.pick(&self.items).0.sku.to_string();
        let open: Option<(ReturnId, LineId)> = self.ports.shop().order(order).and_then(|order| {
            let open = order.returns.iter().find(|back| back.status == ReturnStatus::Open)?;
            Some((open.id, open.lines.first()?.line))
        });
        let Some((back, line)) = open else { return };
        match self.rng.below(4) {
            0 => {
                self.change_order("exchanged", order, |shop| shop.exchange(now, back, &sku, 1).is_ok());
            }
            1 if refunds => {
                let lines = vec![RefundLine { line, quantity: 1, restock: Restock::Return, location: Some(at) }];
                let input = RefundInput { lines, return_id: Some(back) };
                self.change_order("return refunded", order, |shop| shop.refund(now, order, &input).is_ok());
            }
            1 => {
                self.change_order("return closed", order, |shop| shop.close_return(now, back).is_ok());
            }
            _ => {
                self.change_order("returned", order, |shop| shop.dispose(now, back, line, 1, at, Disposal::Restocked).is_ok());
            }
        }
    }
}
