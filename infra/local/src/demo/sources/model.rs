//! What must be true in the end: worked out from the script and the shop's own books, without the ledger's code.
//!
//! Of each item and site: what other systems' events come to ([`promissory_fakes::oracle`]), and what the shop's orders hold and
//! took. The formula of what can be promised is written out here once more.

use std::collections::BTreeMap;

use promissory::source::StockKind;
use promissory_fakes::oracle::{Open, stock_at};
use promissory_fakes::shopify::{Order, Shop};

use super::script::Script;
use super::statement::{Fate, Placed, Statement};
use super::world::{Item, Site, TIER_BUFFER};

/// What must be at one site of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Units there, by the books.
    pub on_hand: i64,
    /// Units promised to the shop's orders.
    pub reserved: i64,
    /// Units that papers leave open.
    pub open: Open,
    /// Units that left ahead of the shop.
    pub ahead: i64,
    /// What can be promised from there.
    pub available: i64,
    /// What the shop's available and committed must add up to there.
    pub supply: i64,
}

/// What must be, by item and site.
pub type Model = BTreeMap<(Item, Site), Expected>;

/// Works it out.
pub fn model(script: &Script, placed: &BTreeMap<usize, Placed>, shop: &Shop) -> Model {
    let good: Vec<&Statement> = script.statements.iter().filter(|statement| statement.fate == Fate::Applied).collect();
    let mut model = Model::new();
    for item in Item::all() {
        let of = good.iter().filter(|statement| statement.item == item && statement.order.is_none());
        let facts: Vec<_> = of.map(|statement| statement.fact()).collect();
        for site in Site::ALL {
            let (on_hand, open) = stock_at(&facts, &site, item.opening(site));
            model.insert((item, site), Expected { on_hand, open, ..Expected::default() });
        }
    }
    orders(&good, placed, shop, &mut model);
    for ((item, _), at) in &mut model {
        let sellable = at.on_hand - at.open.held - at.open.pos_pending - at.open.allocated - at.open.wholesale;
        let of_tier = if item.has_tier() { TIER_BUFFER } else { 0 };
        let buffer = item.own_buffer().unwrap_or(of_tier);
        let kept_back = |buffer: i64| buffer.min(sellable.max(0));
        at.available = sellable - at.reserved - kept_back(buffer);
        at.supply = sellable + at.ahead - kept_back(item.shop_buffer().unwrap_or(buffer));
    }
    model
}

/// What the shop's orders hold and took: a unit is gone when the warehouse or the shop says so, and it is gone once.
fn orders(good: &[&Statement], placed: &BTreeMap<usize, Placed>, shop: &Shop, model: &mut Model) {
    for (cart, placed) in placed {
        let known = shop.orders().find(|order| u64::try_from(order.id.0) == Ok(placed.order));
        let order: &Order = known.expect("what was placed is an order of the shop");
        for (place, line) in order.lines.iter().enumerate() {
            let of = |statement: &&&Statement| statement.order == Some((*cart, place));
            let shipped = good.iter().filter(of).filter(|of| of.kind == StockKind::Shipment);
            let shipped: i64 = shipped.map(|of| of.units).sum();
            let gone = shipped.max(line.fulfilled);
            let open = if order.cancelled_at.is_some() { 0 } else { line.current_quantity - gone };
            let item = Item::all().find(|item| item.sku() == line.sku).expect("the shop sells what is in the script");
            // Every order is shipped from the warehouse: it is asked first, and never short.
            let at = model.entry((item, Site::Warehouse)).or_default();
            at.on_hand -= gone;
            at.reserved += open;
            at.ahead += gone - line.fulfilled;
        }
    }
}
