//! What must be true in the end: worked out from the script and the shop's own books, without the ledger's code.
//!
//! Of each item and site: the newest state, by the time it speaks of, and everything that happened after it; what is open of
//! each paper; and what the shop's orders hold and took. The formula of what can be promised is written out here once more.

use std::collections::BTreeMap;

use promissory::source::StockKind;

use super::script::Script;
use super::statement::{Fate, Placed, Statement};
use super::world::{Item, Site, TIER_BUFFER};
use promissory_fakes::shopify::{Order, Shop};

/// What must be at one site of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Units there, by the books.
    pub on_hand: i64,
    /// Units promised to the shop's orders.
    pub reserved: i64,
    /// Units that may not be sold.
    pub held: i64,
    /// Units that tills sold and the books still have.
    pub pos_pending: i64,
    /// Units set aside for other channels.
    pub allocated: i64,
    /// Units promised to wholesale customers.
    pub wholesale: i64,
    /// Units on their way there.
    pub in_transit: i64,
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
    let mut model: Model = Item::all()
        .flat_map(|item| Site::ALL.map(|site| (item, site)))
        .map(|at| (at, Expected { on_hand: on_hand(&good, at), ..Expected::default() }))
        .collect();
    papers(&good, &mut model);
    orders(&good, placed, shop, &mut model);
    for ((item, _), at) in &mut model {
        let sellable = at.on_hand - at.held - at.pos_pending - at.allocated - at.wholesale;
        let of_tier = if item.has_tier() { TIER_BUFFER } else { 0 };
        let buffer = item.own_buffer().unwrap_or(of_tier);
        let kept_back = |buffer: i64| buffer.min(sellable.max(0));
        at.available = sellable - at.reserved - kept_back(buffer);
        at.supply = sellable + at.ahead - kept_back(item.shop_buffer().unwrap_or(buffer));
    }
    model
}

/// What an event adds to what is there, at its own site.
fn effect(statement: &Statement) -> i64 {
    match statement.kind {
        StockKind::Receipt
        | StockKind::ProductionCompleted
        | StockKind::Adjustment
        | StockKind::TransferIn
        | StockKind::CustomerReturn => statement.units,
        StockKind::ComponentIssue
        | StockKind::WriteOff
        | StockKind::TransferOut
        | StockKind::PosPosting
        | StockKind::Shipment => -statement.units,
        StockKind::Count
        | StockKind::Balance
        | StockKind::QualityHold
        | StockKind::QualityRelease
        | StockKind::TransferLoss
        | StockKind::Allocation
        | StockKind::Deallocation
        | StockKind::PosSale
        | StockKind::PosVoid
        | StockKind::WholesaleAllocation
        | StockKind::WholesaleRelease
        | StockKind::PurchaseOrder
        | StockKind::ProductionRun => 0,
    }
}

/// Units by the books: what was there when it was last looked, and what happened since, in the order of its own time.
fn on_hand(good: &[&Statement], (item, site): (Item, Site)) -> i64 {
    let here = || good.iter().filter(|of| (of.item, of.site) == (item, site) && of.order.is_none());
    let state = here().filter(|of| of.kind.is_a_state()).max_by_key(|of| of.effective_at());
    let (began, since) = state.map_or((item.opening(site), i64::MIN), |state| (state.units, state.effective_at()));
    began + here().filter(|of| of.effective_at() > since).map(|of| effect(of)).sum::<i64>()
}

/// What is open of each paper, by its name.
fn papers(good: &[&Statement], model: &mut Model) {
    let mut said: BTreeMap<(&str, Item, Site), BTreeMap<StockKind, i64>> = BTreeMap::new();
    for statement in good {
        if let Some(reference) = &statement.reference {
            // A transfer is open where it goes to.
            let site = statement.to.unwrap_or(statement.site);
            *said.entry((reference, statement.item, site)).or_default().entry(statement.kind).or_default() += statement.units;
        }
    }
    for ((_, item, site), said) in said {
        let of = |kind: StockKind| said.get(&kind).copied().unwrap_or(0);
        let at = model.entry((item, site)).or_default();
        at.pos_pending += (of(StockKind::PosSale) - of(StockKind::PosVoid) - of(StockKind::PosPosting)).max(0);
        at.in_transit += (of(StockKind::TransferOut) - of(StockKind::TransferIn)).max(0);
        at.held += (of(StockKind::QualityHold) - of(StockKind::QualityRelease)).max(0);
        // Here a paper is set aside, or promised to a wholesale customer; never both.
        let shipped = of(StockKind::Shipment);
        at.allocated += (of(StockKind::Allocation) - of(StockKind::Deallocation) - shipped).max(0);
        at.wholesale += (of(StockKind::WholesaleAllocation) - shipped).max(0);
    }
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
