//! Stories of source systems: batches, late events, source documents, missing mappings, and reports about orders of the shop.

use std::time::Duration;

use promissory::catalog::LocationId;
use promissory::source::StockKind;
use promissory_fakes::shopify::OrderId;
use reconciler::Job;

use super::Story;
use crate::store::StoreFaults;
use crate::world::World;
use crate::world::build::{RAW, number};
use crate::world::sources::shipping_location;
use crate::world::stock_events::{Mapping, SourceEvent};

/// The stories and their names.
pub const STORIES: [(&str, Story); 9] = [
    ("batch", batch),
    ("batch-deferred", batch_deferred),
    ("count-as-of", count_as_of),
    ("transfer-in-parts", transfer_in_parts),
    ("unmapped-then-mapped", unmapped_then_mapped),
    ("mapping-record-lost", mapping_record_lost),
    ("warehouse-ships-first", warehouse_ships_first),
    ("warehouse-ships-elsewhere", warehouse_ships_elsewhere),
    ("warehouse-ships-then-cancelled", warehouse_ships_then_cancelled),
];

fn of(world: &mut World, system: &'static str, kind: StockKind, sku: &str, units: i64) -> SourceEvent {
    let at = world.codes[0].0.clone();
    world.event(system, kind, (sku.parse().expect("a SKU"), at), units)
}

/// Three events of three kinds for one batch.
fn three_kinds(world: &mut World) -> Vec<SourceEvent> {
    let receipt = of(world, "erp", StockKind::Receipt, "S0", 3);
    let hold = of(world, "erp", StockKind::QualityHold, "S0", 2);
    let mut promised = of(world, "erp", StockKind::WholesaleAllocation, "S1", 1);
    promised.reference = Some("W-1".to_owned());
    vec![receipt, hold, promised]
}

fn batch(world: &mut World) {
    let events = three_kinds(world);
    world.send_batch("erp", events);
    world.settle();
}

/// The positions have conflicts, so the events of the batch wait in lanes.
fn batch_deferred(world: &mut World) {
    let events = three_kinds(world);
    world.send_batch("erp", events);
    world.stalled = usize::MAX;
    world.store.set_faults(StoreFaults { conflict: 1_000, ..StoreFaults::default() });
    world.settle();
    world.store.set_faults(StoreFaults::default());
    world.stalled = 0;
    world.settle();
}

/// A count with an earlier time arrives after a later event and before an earlier one.
fn count_as_of(world: &mut World) {
    let before = of(world, "erp", StockKind::ComponentIssue, RAW, 2);
    world.clock.advance(Duration::from_secs(60));
    let count = of(world, "wms", StockKind::Count, RAW, 9);
    world.clock.advance(Duration::from_secs(60));
    let after = of(world, "erp", StockKind::ComponentIssue, RAW, 1);
    for (system, event) in [("erp", after), ("wms", count), ("erp", before)] {
        world.send_batch(system, vec![event]);
        world.settle();
    }
}

/// Four units leave. The destination reports two received units and one lost unit first.
fn transfer_in_parts(world: &mut World) {
    let to = world.codes[1].0.clone();
    let mut left = of(world, "erp", StockKind::TransferOut, "S0", 4);
    left.to = Some(to.clone());
    let mut came = of(world, "wms", StockKind::TransferIn, "S0", 2);
    let mut lost = of(world, "wms", StockKind::TransferLoss, "S0", 1);
    (came.at, lost.at) = (to.clone(), to);
    for event in [&mut left, &mut came, &mut lost] {
        event.reference = Some("T-1".to_owned());
    }
    world.send_batch("wms", vec![came, lost]);
    world.send_batch("erp", vec![left]);
    world.settle();
}

fn send_unmapped_events(world: &mut World) {
    let at = world.codes[0].0.clone();
    let pieces = of(world, "tpl", StockKind::Receipt, "S0", 2);
    let mut pallet = of(world, "tpl", StockKind::Receipt, "S0", 12);
    (pallet.unit, pallet.amount) = (Some("pallet"), "1".to_owned());
    let mut sold = of(world, "pos", StockKind::PosSale, "S1", 1);
    (sold.at, sold.reference) = (at, Some("K-1".to_owned()));
    world.send_batch("tpl", vec![pieces, pallet]);
    world.send_batch("pos", vec![sold]);
    world.settle();
}

fn unmapped_then_mapped(world: &mut World) {
    send_unmapped_events(world);
    let (sku, at) = ("S0".parse().expect("a SKU"), world.codes[0].0.clone());
    world.map(&Mapping::Item(world.items[0].0.sku.clone()));
    world.settle();
    world.map(&Mapping::Location(at));
    world.map(&Mapping::Pallet(sku));
    world.settle();
}

/// The stream records of the mappings are lost, so the backlog job must resume the events.
fn mapping_record_lost(world: &mut World) {
    send_unmapped_events(world);
    let (sku, at) = (world.items[0].0.sku.clone(), world.codes[0].0.clone());
    world.config.lost_deliveries = 1_000;
    world.map(&Mapping::Location(at));
    world.map(&Mapping::Pallet(sku));
    world.config.lost_deliveries = 0;
    world.clock.advance(Duration::from_secs(90));
    world.runs(&[Job::Backlog]);
}

/// The warehouse reports the shipment of the first line of an order, from the location that the shop chose or from another one.
fn warehouse_ships(world: &mut World, order: OrderId, from_shipping_location: bool) {
    let (line, shipping_location) = {
        let shop = world.ports.shop();
        let order = shop.order(order).expect("an order");
        (order.lines[0].id, shipping_location(order, order.lines[0].id).expect("a routed line"))
    };
    let is_it =
        |(_, id): &&(LocationId, promissory_fakes::shopify::LocationId)| (*id == shipping_location) == from_shipping_location;
    let at = world.codes.iter().find(is_it).expect("two locations").0.clone();
    let sku = world.items[0].0.sku.clone();
    let event = world.report("wms", StockKind::Shipment, (number(order.0), number(line.0)), (sku, at), 2);
    world.send_batch("wms", vec![event]);
    world.settle();
}

fn warehouse_ships_first(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    warehouse_ships(world, order, true);
    world.runs(&[Job::Read]);
    world.ship(order, false);
    world.settle();
}

fn warehouse_ships_elsewhere(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    world.ship(order, false);
    world.settle();
    warehouse_ships(world, order, false);
    world.runs(&[Job::Read]);
}

fn warehouse_ships_then_cancelled(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    warehouse_ships(world, order, true);
    world.cancel_or_reduce(order, true);
    world.settle();
}
