//! Computes the expected result from the script and the shop's orders, without the ledger's code.
//!
//! For each item and site it adds the result of the stock events ([`promissory_fakes::oracle`]) and the units that the shop's
//! orders reserve or shipped. The formula of available and supply is implemented here a second time.

use std::collections::BTreeMap;

use promissory::source::StockKind;
use promissory_fakes::oracle::{Open, stock_at};
use promissory_fakes::shopify::{Order, Shop};

use super::master_data::{Item, Site, TIER_BUFFER};
use super::reported_event::{ExpectedOutcome, Placed, ReportedEvent};
use super::script::Script;

/// The expected numbers of one item at one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Units on hand.
    pub on_hand: i64,
    /// Units that the shop's orders reserve.
    pub reserved: i64,
    /// Units that source documents leave open.
    pub open: Open,
    /// Units that were shipped ahead of the shop.
    pub ahead: i64,
    /// Available units.
    pub available: i64,
    /// The supply: what the shop's available and committed must add up to.
    pub supply: i64,
}

/// The expected numbers, by item and site.
pub type ExpectedBalances = BTreeMap<(Item, Site), Expected>;

/// Computes the expected numbers.
pub fn expected_balances(script: &Script, placed: &BTreeMap<usize, Placed>, shop: &Shop) -> ExpectedBalances {
    let valid: Vec<&ReportedEvent> = script.events.iter().filter(|event| event.expected == ExpectedOutcome::Applied).collect();
    let mut expected_balances = ExpectedBalances::new();
    for item in Item::all() {
        let of = valid.iter().filter(|event| event.item == item && event.order.is_none());
        let facts: Vec<_> = of.map(|event| event.fact()).collect();
        for site in Site::ALL {
            let (on_hand, open) = stock_at(&facts, &site, item.opening(site));
            expected_balances.insert((item, site), Expected { on_hand, open, ..Expected::default() });
        }
    }
    orders(&valid, placed, shop, &mut expected_balances);
    for ((item, _), at) in &mut expected_balances {
        let sellable = at.on_hand - at.open.held - at.open.pos_pending - at.open.allocated - at.open.wholesale;
        let of_tier = if item.has_tier() { TIER_BUFFER } else { 0 };
        let buffer = item.own_buffer().unwrap_or(of_tier);
        let kept_back = |buffer: i64| buffer.min(sellable.max(0));
        at.available = sellable - at.reserved - kept_back(buffer);
        at.supply = sellable + at.ahead - kept_back(item.shop_buffer().unwrap_or(buffer));
    }
    expected_balances
}

/// Adds the units of the shop's orders. A unit has left when the warehouse or the shop reports it; both reports are of the same
/// unit.
fn orders(valid: &[&ReportedEvent], placed: &BTreeMap<usize, Placed>, shop: &Shop, expected_balances: &mut ExpectedBalances) {
    for (cart, placed) in placed {
        let known = shop.orders().find(|order| u64::try_from(order.id.0) == Ok(placed.order));
        let order: &Order = known.expect("the shop has every order that was placed");
        for (place, line) in order.lines.iter().enumerate() {
            let of = |event: &&&ReportedEvent| event.order == Some((*cart, place));
            let shipped = valid.iter().filter(of).filter(|of| of.kind == StockKind::Shipment);
            let shipped: i64 = shipped.map(|of| of.units).sum();
            let departed = shipped.max(line.fulfilled);
            let open = if order.cancelled_at.is_some() { 0 } else { line.current_quantity - departed };
            let item = Item::all().find(|item| item.sku() == line.sku).expect("the shop sells only items of the script");
            // The shop allocates every order to the warehouse: the warehouse is first in its order and always has enough.
            let at = expected_balances.entry((item, Site::Warehouse)).or_default();
            at.on_hand -= departed;
            at.reserved += open;
            at.ahead += departed - line.fulfilled;
        }
    }
}
