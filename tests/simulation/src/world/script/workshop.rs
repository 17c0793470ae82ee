//! Stories of what is sold before it is made: what comes changes what is offered, what slips breaks promises, what is made
//! takes the place of what was offered, and another bill ties goods together.

use promissory::catalog::{Place, Sku};
use promissory::movement::PositionKey;
use promissory::ports::Clock;
use promissory::source::StockKind;

use super::Script;
use crate::world::World;
use crate::world::said::Said;
use crate::world::workshop::{BOUGHT, sku};

/// The stories.
pub const SCRIPTS: [(&str, Script); 5] = [
    ("raw-material", raw_material),
    ("one-rises", one_rises),
    ("run-slips", run_slips),
    ("made-to-order", made_to_order),
    ("another-bill", another_bill),
];

/// An event at the factory, of a paper where one is named.
fn of(world: &mut World, kind: StockKind, of: &Sku, units: i64, reference: Option<&str>) -> Said {
    let factory = world.workshop.as_ref().expect("it makes something").factory.clone();
    let mut said = world.event("erp", kind, (of.clone(), factory), units);
    said.reference = reference.map(str::to_owned);
    said
}

/// A day from today.
fn day(world: &World, days: i64) -> jiff::civil::Date {
    let today = promissory::catalog::day_of(world.clock.now());
    today.checked_add(jiff::Span::new().days(days)).expect("a story is short")
}

/// Orders all of the serum that the shop has, or has to be made.
fn buys_all(world: &mut World) -> i64 {
    let units = {
        let shop = world.line.shop();
        let id = shop.item("SERUM").expect("it is sold").id;
        shop.locations().filter_map(|at| shop.level(id, at.id)).map(|level| level.available.max(0)).sum()
    };
    world.buys(&[("SERUM", units)]);
    units
}

/// What there was least of arrives, and the shop is told at once.
fn raw_material(world: &mut World) {
    let said = BOUGHT.map(|name| of(world, StockKind::Receipt, &sku(name), 2, None));
    world.says("erp", said.to_vec());
    world.settle();
}

/// What one of two goods lacked arrives: it rises, and the other one, which had all that they share, falls.
fn one_rises(world: &mut World) {
    let boxes = sku("BOX");
    let factory = world.workshop.as_ref().expect("it makes something").factory.clone();
    let at = PositionKey::new(boxes.clone(), Place::At(factory));
    let there = world.store.table().checker.positions.get(&at).map_or(0, |(_, balance)| balance.on_hand.units());
    for (kind, units) in [(StockKind::WriteOff, there), (StockKind::Receipt, 12)] {
        let said = of(world, kind, &boxes, units, None);
        world.says("erp", vec![said]);
        world.settle();
    }
}

/// More is ordered, sold before it is there, and comes too late; then it comes all the same.
fn run_slips(world: &mut World) {
    let announce = |world: &mut World, days: i64| {
        let mut said = BOUGHT.map(|name| of(world, StockKind::PurchaseOrder, &sku(name), 3, Some("PO-1"))).to_vec();
        let due = day(world, days);
        said.iter_mut().for_each(|said| said.due = Some(due));
        world.says("erp", said);
        world.settle();
    };
    announce(world, 2);
    buys_all(world);
    world.settle();
    announce(world, 20);
    let said = BOUGHT.map(|name| of(world, StockKind::Receipt, &sku(name), 3, Some("PO-1")));
    world.says("erp", said.to_vec());
    world.settle();
}

/// What is sold is to be made, takes its components, is made in part, and goes where it is sold from.
fn made_to_order(world: &mut World) {
    let serum = sku("SERUM");
    buys_all(world);
    world.settle();
    let mut run = of(world, StockKind::ProductionRun, &serum, 2, Some("RUN-1"));
    run.due = Some(day(world, 1));
    world.says("erp", vec![run]);
    world.settle();
    let issued = ["BOTTLE", "PUMP", "BASE"].map(|name| of(world, StockKind::ComponentIssue, &sku(name), 2, Some("RUN-1")));
    let made = of(world, StockKind::ProductionCompleted, &serum, 1, Some("RUN-1"));
    world.says("erp", vec![made]);
    world.says("erp", issued.to_vec());
    world.settle();
    let to = world.codes[0].0.clone();
    let mut left = of(world, StockKind::TransferOut, &serum, 1, Some("T-1"));
    left.to = Some(to.clone());
    let mut came = of(world, StockKind::TransferIn, &serum, 1, Some("T-1"));
    came.at = to;
    world.says("erp", vec![left, came]);
    world.settle();
}

/// The set is made of something else from now on.
fn another_bill(world: &mut World) {
    world.another_bill();
    world.another_bill();
    while world.import_goes_on() {
        world.settle();
    }
}
