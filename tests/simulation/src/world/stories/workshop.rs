//! Stories of finished goods that are sold before they are made: receipts raise the offer, delays break promises, finished
//! units replace the offer, and a new bill changes the planning groups.

use promissory::catalog::{Place, Sku};
use promissory::movement::PositionKey;
use promissory::ports::Clock;
use promissory::source::StockKind;
use promissory_fakes::shopify::Restock;

use super::Story;
use crate::world::World;
use crate::world::build::number;
use crate::world::stock_events::SourceEvent;
use crate::world::workshop::{BOUGHT, KIT, KIT_OF, sku};

/// The stories and their names.
pub const STORIES: [(&str, Story); 6] = [
    ("components-received", components_received),
    ("one-offer-rises", one_offer_rises),
    ("purchase-order-slips", purchase_order_slips),
    ("made-to-order", made_to_order),
    ("bill-imported", bill_imported),
    ("kit", kit),
];

/// An event at the factory, with a source document if one is given.
fn of(world: &mut World, kind: StockKind, of: &Sku, units: i64, reference: Option<&str>) -> SourceEvent {
    let factory = world.workshop.as_ref().expect("the story has a factory").factory.clone();
    let mut event = world.event("erp", kind, (of.clone(), factory), units);
    event.reference = reference.map(str::to_owned);
    event
}

/// A date relative to today.
fn day(world: &World, days: i64) -> jiff::civil::Date {
    let today = promissory::catalog::day_of(world.clock.now());
    today.checked_add(jiff::Span::new().days(days)).expect("a date in range")
}

/// Buys all units of the serum that the shop offers.
fn buys_all(world: &mut World) -> i64 {
    let units = {
        let shop = world.ports.shop();
        let id = shop.item("SERUM").expect("the shop sells it").id;
        shop.locations().filter_map(|at| shop.level(id, at.id)).map(|level| level.available.max(0)).sum()
    };
    world.buys(&[("SERUM", units)]);
    units
}

/// Receipts of all bought components raise the offer at once.
fn components_received(world: &mut World) {
    let events = BOUGHT.map(|name| of(world, StockKind::Receipt, &sku(name), 2, None));
    world.send_batch("erp", events.to_vec());
    world.settle();
}

/// The missing component of one finished good arrives. Its offer rises, and that of the other finished good falls, because it
/// had used all shared components.
fn one_offer_rises(world: &mut World) {
    let boxes = sku("BOX");
    let factory = world.workshop.as_ref().expect("the story has a factory").factory.clone();
    let at = PositionKey::new(boxes.clone(), Place::At(factory));
    let there = world.store.table().checker.positions.get(&at).map_or(0, |(_, balance)| balance.on_hand.units());
    for (kind, units) in [(StockKind::WriteOff, there), (StockKind::Receipt, 12)] {
        let event = of(world, kind, &boxes, units, None);
        world.send_batch("erp", vec![event]);
        world.settle();
    }
}

/// A purchase order is sold before it arrives, slips beyond the promised day, and arrives early after all.
fn purchase_order_slips(world: &mut World) {
    let announce = |world: &mut World, days: i64| {
        let mut events = BOUGHT.map(|name| of(world, StockKind::PurchaseOrder, &sku(name), 3, Some("PO-1"))).to_vec();
        let due = day(world, days);
        events.iter_mut().for_each(|event| event.due = Some(due));
        world.send_batch("erp", events);
        world.settle();
    };
    announce(world, 2);
    buys_all(world);
    world.settle();
    announce(world, 20);
    let events = BOUGHT.map(|name| of(world, StockKind::Receipt, &sku(name), 3, Some("PO-1")));
    world.send_batch("erp", events.to_vec());
    world.settle();
}

/// Sold units are made by a production run: its components are issued, one unit is finished, and it moves to a location that
/// sells it.
fn made_to_order(world: &mut World) {
    let serum = sku("SERUM");
    buys_all(world);
    world.settle();
    let mut run = of(world, StockKind::ProductionRun, &serum, 2, Some("RUN-1"));
    run.due = Some(day(world, 1));
    world.send_batch("erp", vec![run]);
    world.settle();
    let issued = ["BOTTLE", "PUMP", "BASE"].map(|name| of(world, StockKind::ComponentIssue, &sku(name), 2, Some("RUN-1")));
    let made = of(world, StockKind::ProductionCompleted, &serum, 1, Some("RUN-1"));
    world.send_batch("erp", vec![made]);
    world.send_batch("erp", issued.to_vec());
    world.settle();
    let to = world.codes[0].0.clone();
    let mut left = of(world, StockKind::TransferOut, &serum, 1, Some("T-1"));
    left.to = Some(to.clone());
    let mut came = of(world, StockKind::TransferIn, &serum, 1, Some("T-1"));
    came.at = to;
    world.send_batch("erp", vec![left, came]);
    world.settle();
}

/// Two kits ship as their components, one of them with the shop first. They come back as kits and as components.
fn kit(world: &mut World) {
    let order = world.buys(&[(KIT, 3)]);
    world.settle();
    let line = {
        let shop = world.ports.shop();
        shop.order(order).and_then(|order| order.lines.first()).map(|line| line.id).expect("the order has a line")
    };
    let at = world.codes[0].0.clone();
    let report = |world: &mut World, kind: StockKind, kits: i64| {
        let events = KIT_OF.map(|(name, per)| {
            let of_line = (number(order.0), number(line.0));
            let event = world.report("wms", kind, of_line, (sku(name), at.clone()), kits * per);
            SourceEvent { of_kit: true, ..event }
        });
        world.send_batch("wms", events.to_vec());
        world.settle();
    };
    report(world, StockKind::Shipment, 2);
    world.ship(order, false);
    world.settle();
    report(world, StockKind::Shipment, 1);
    world.refund_by(order, Restock::Return, "refunded after shipment");
    world.settle();
    report(world, StockKind::CustomerReturn, 1);
}

/// The set gets new bills while it is on sale.
fn bill_imported(world: &mut World) {
    world.start_bill_import();
    world.start_bill_import();
    while world.continue_import() {
        world.settle();
    }
}
