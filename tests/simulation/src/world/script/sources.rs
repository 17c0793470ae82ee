//! Stories of other systems: what they say comes in batches, about another time, about papers, before it is mapped, and
//! about the shop's orders.

use std::time::Duration;

use promissory::catalog::LocationId;
use promissory::source::StockKind;
use promissory_fakes::shopify::OrderId;
use reconciler::Job;

use super::Script;
use crate::store::StoreFaults;
use crate::world::World;
use crate::world::build::{RAW, number};
use crate::world::said::{Mapping, Said};
use crate::world::talk::home;

/// The stories.
pub const SCRIPTS: [(&str, Script); 9] = [
    ("batch", batch),
    ("batch-deferred", batch_deferred),
    ("count-as-of", count_as_of),
    ("transfer-in-parts", transfer_in_parts),
    ("unmapped-then-mapped", unmapped_then_mapped),
    ("mapped-unseen", mapped_unseen),
    ("warehouse-first", warehouse_first),
    ("warehouse-elsewhere", warehouse_elsewhere),
    ("warehouse-and-cancelled", warehouse_and_cancelled),
];

fn of(world: &mut World, system: &'static str, kind: StockKind, sku: &str, units: i64) -> Said {
    let at = world.codes[0].0.clone();
    world.event(system, kind, (sku.parse().expect("a SKU"), at), units)
}

/// Three events of three kinds at once.
fn three_kinds(world: &mut World) -> Vec<Said> {
    let receipt = of(world, "erp", StockKind::Receipt, "S0", 3);
    let hold = of(world, "erp", StockKind::QualityHold, "S0", 2);
    let mut promised = of(world, "erp", StockKind::WholesaleAllocation, "S1", 1);
    promised.reference = Some("W-1".to_owned());
    vec![receipt, hold, promised]
}

fn batch(world: &mut World) {
    let said = three_kinds(world);
    world.says("erp", said);
    world.settle();
}

/// The positions are busy, so the batch waits in lanes.
fn batch_deferred(world: &mut World) {
    let said = three_kinds(world);
    world.says("erp", said);
    world.stalled = usize::MAX;
    world.store.misbehave(StoreFaults { conflict: 1_000, ..StoreFaults::default() });
    world.settle();
    world.store.misbehave(StoreFaults::default());
    world.stalled = 0;
    world.settle();
}

/// A count of some minutes ago, what came after it, and what was before it and is heard of now.
fn count_as_of(world: &mut World) {
    let before = of(world, "erp", StockKind::ComponentIssue, RAW, 2);
    world.clock.advance(Duration::from_secs(60));
    let count = of(world, "wms", StockKind::Count, RAW, 9);
    world.clock.advance(Duration::from_secs(60));
    let after = of(world, "erp", StockKind::ComponentIssue, RAW, 1);
    for (system, said) in [("erp", after), ("wms", count), ("erp", before)] {
        world.says(system, vec![said]);
        world.settle();
    }
}

/// Four leave; the other side hears of its half first, and one is lost.
fn transfer_in_parts(world: &mut World) {
    let to = world.codes[1].0.clone();
    let mut left = of(world, "erp", StockKind::TransferOut, "S0", 4);
    left.to = Some(to.clone());
    let mut came = of(world, "wms", StockKind::TransferIn, "S0", 2);
    let mut lost = of(world, "wms", StockKind::TransferLoss, "S0", 1);
    (came.at, lost.at) = (to.clone(), to);
    for said in [&mut left, &mut came, &mut lost] {
        said.reference = Some("T-1".to_owned());
    }
    world.says("wms", vec![came, lost]);
    world.says("erp", vec![left]);
    world.settle();
}

fn says_what_nobody_mapped(world: &mut World) {
    let at = world.codes[0].0.clone();
    let pieces = of(world, "tpl", StockKind::Receipt, "S0", 2);
    let mut pallet = of(world, "tpl", StockKind::Receipt, "S0", 12);
    (pallet.unit, pallet.amount) = (Some("pallet"), "1".to_owned());
    let mut sold = of(world, "pos", StockKind::PosSale, "S1", 1);
    (sold.at, sold.reference) = (at, Some("K-1".to_owned()));
    world.says("tpl", vec![pieces, pallet]);
    world.says("pos", vec![sold]);
    world.settle();
}

fn unmapped_then_mapped(world: &mut World) {
    says_what_nobody_mapped(world);
    let (sku, till) = ("S0".parse().expect("a SKU"), world.codes[0].0.clone());
    world.map(&Mapping::Item(world.items[0].0.sku.clone()));
    world.settle();
    world.map(&Mapping::Till(till));
    world.map(&Mapping::Pallet(sku));
    world.settle();
}

/// Nobody hears of the mappings from the stream.
fn mapped_unseen(world: &mut World) {
    says_what_nobody_mapped(world);
    let (sku, till) = (world.items[0].0.sku.clone(), world.codes[0].0.clone());
    world.climate.lost_mail = 1_000;
    world.map(&Mapping::Till(till));
    world.map(&Mapping::Pallet(sku));
    world.climate.lost_mail = 0;
    world.clock.advance(Duration::from_secs(90));
    world.runs(&[Job::Backlog]);
}

/// The warehouse says that it shipped the first line of an order, from where the shop wants it or from elsewhere.
fn warehouse_ships(world: &mut World, order: OrderId, from_home: bool) {
    let (line, home) = {
        let shop = world.line.shop();
        let order = shop.order(order).expect("an order");
        (order.lines[0].id, home(order, order.lines[0].id).expect("a place"))
    };
    let is_it = |(_, id): &&(LocationId, promissory_fakes::shopify::LocationId)| (*id == home) == from_home;
    let at = world.codes.iter().find(is_it).expect("two places").0.clone();
    let sku = world.items[0].0.sku.clone();
    let said = world.report("wms", StockKind::Shipment, (number(order.0), number(line.0)), (sku, at), 2);
    world.says("wms", vec![said]);
    world.settle();
}

fn warehouse_first(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    warehouse_ships(world, order, true);
    world.runs(&[Job::Read]);
    world.ship(order, false);
    world.settle();
}

fn warehouse_elsewhere(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    world.ship(order, false);
    world.settle();
    warehouse_ships(world, order, false);
    world.runs(&[Job::Read]);
}

fn warehouse_and_cancelled(world: &mut World) {
    let order = world.buys(&[("S0", 2)]);
    world.settle();
    warehouse_ships(world, order, true);
    world.regret(order, true);
    world.settle();
}
