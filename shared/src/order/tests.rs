//! Orders converge: whatever the shop says, in whatever order and how often, the same is held in the end.
//!
//! A small model of a shop's order lives through a random life and makes a statement after each change. The statements are
//! then shuffled, doubled and (all but the last) dropped, and must lead to what the model says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Facts, Fulfilment, FulfilmentStatus, OrderRecord, OrderSnapshot, SnapshotLine};
use crate::catalog::{
    FulfilmentId, LineId, Location, LocationKind, Network, OrderId, Place, Quantity, ShopDomain, ShopLocationId, Sku,
};
use crate::ledger::Kind;

/// One change of an order in the shop.
#[derive(Debug, Clone)]
enum Change {
    Add { line: u64, units: i64 },
    Remove { line: u64, units: i64 },
    Ship { line: u64, units: i64, location: u64 },
    Void { which: usize },
    Cancel,
}

/// The order as the shop has it.
#[derive(Debug, Clone, Default)]
struct Model {
    second: i64,
    ordered: BTreeMap<u64, i64>,
    open: BTreeMap<u64, i64>,
    fulfilments: Vec<(u64, i64, u64, bool, i64)>,
    cancelled: bool,
}

fn shop() -> ShopDomain {
    "a.myshopify.com".parse().expect("a shop")
}

fn network() -> Network {
    Network::new(["WH-1", "WH-2"].into_iter().zip(1..).map(|(code, id)| Location {
        code: code.parse().expect("a code"),
        kind: LocationKind::Warehouse,
        fulfils_online: true,
        shops: [(shop(), ShopLocationId::new(id))].into(),
    }))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

impl Model {
    /// Applies a change and returns what the shop says about it; nothing where the change is not possible.
    fn change(&mut self, change: &Change) -> Vec<OrderSnapshot> {
        if self.cancelled {
            return Vec::new();
        }
        let mut fulfilment = None;
        match *change {
            Change::Add { line, units } => {
                *self.ordered.entry(line).or_default() += units;
                *self.open.entry(line).or_default() += units;
            }
            Change::Remove { line, units } => {
                let open = self.open.entry(line).or_default();
                if *open < units {
                    return Vec::new();
                }
                *open -= units;
            }
            Change::Ship { line, units, location } => {
                let open = self.open.entry(line).or_default();
                if *open < units {
                    return Vec::new();
                }
                *open -= units;
                self.fulfilments.push((line, units, location, true, self.second));
                fulfilment = Some(self.fulfilments.len() - 1);
            }
            Change::Void { which } => {
                let second = self.second;
                let Some((line, units, _, stands, changed)) = self.fulfilments.get_mut(which).filter(|f| f.3) else {
                    return Vec::new();
                };
                (*stands, *changed) = (false, second);
                *self.open.entry(*line).or_default() += *units;
            }
            Change::Cancel => {
                self.cancelled = true;
                self.open.values_mut().for_each(|open| *open = 0);
            }
        }
        let mut said = vec![self.snapshot()];
        if let Some(at) = fulfilment {
            let only = self.snapshot().fulfilments.into_iter().nth(at).expect("just made");
            said.push(OrderSnapshot { shop: shop(), order: OrderId::new(1), facts: None, fulfilments: [only].into() });
        }
        said
    }

    fn snapshot(&self) -> OrderSnapshot {
        let lines = self.ordered.iter().map(|(line, ordered)| {
            let line_said = SnapshotLine {
                shop_sku: format!("S{line}"),
                ordered: Quantity::new(*ordered),
                open: Quantity::new(self.open[line]),
                not_stocked: false,
            };
            (LineId::new(*line), line_said)
        });
        let fulfilments = self.fulfilments.iter().zip(1..).map(|((line, units, location, stands, changed), id)| {
            let fulfilment = Fulfilment {
                status: if *stands { FulfilmentStatus::Shipped } else { FulfilmentStatus::Void },
                version: at(*changed),
                location: Some(ShopLocationId::new(*location)),
                lines: [(LineId::new(*line), Quantity::new(*units))].into(),
            };
            (FulfilmentId::new(id), fulfilment)
        });
        let facts =
            Facts { version: at(self.second), cancelled: self.cancelled, confirmed: true, sold_at: None, lines: lines.collect() };
        OrderSnapshot { shop: shop(), order: OrderId::new(1), facts: Some(facts), fulfilments: fulfilments.collect() }
    }

    /// What must be held: reserved per line, and shipped per line and location.
    fn held(&self) -> Held {
        let mut held = Held::default();
        for (line, open) in self.open.iter().filter(|(_, open)| **open > 0) {
            held.reserved.insert(*line, *open);
        }
        for (line, units, location, ..) in self.fulfilments.iter().filter(|f| f.3) {
            *held.shipped.entry((*line, format!("WH-{location}"))).or_default() += units;
        }
        held
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    reserved: BTreeMap<u64, i64>,
    shipped: BTreeMap<(u64, String), i64>,
}

/// Takes statements into a record as the ledger does, and returns what positions would hold.
fn take(statements: &[OrderSnapshot]) -> Held {
    let network = network();
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let mut reserved: BTreeMap<(u64, Place), i64> = BTreeMap::new();
    let mut held = Held::default();
    for statement in statements {
        record.merge(statement);
        let lines: Vec<_> = record.stocked_lines().map(|(line, shop_sku)| (line, shop_sku.to_owned())).collect();
        for (line, shop_sku) in lines {
            record.map_line(line, &Sku::try_from(shop_sku).expect("a SKU"));
        }
        let steps = record.next_steps(&network);
        for step in &steps {
            let change = step.kind.change(step.quantity);
            *reserved.entry((step.line.number(), step.place.clone())).or_default() += change.reserved.units();
            assert!(reserved.values().all(|units| *units >= 0), "{step:?} takes more than is reserved there");
            if matches!(step.kind, Kind::Ship | Kind::Unship) {
                *held.shipped.entry((step.line.number(), step.place.to_string())).or_default() -= change.on_hand.units();
            }
            record.apply(step);
        }
        assert_eq!(record.next_steps(&network), [], "taking the same statement again changes nothing");
    }
    held.shipped.retain(|_, units| *units != 0);
    for ((line, _), units) in reserved {
        *held.reserved.entry(line).or_default() += units;
    }
    held.reserved.retain(|_, units| *units != 0);
    held
}

fn any_change() -> impl Strategy<Value = Change> {
    let (line, units) = (1..4_u64, 1..4_i64);
    prop_oneof![
        3 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Add { line, units }),
        2 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Remove { line, units }),
        4 => (line, units, 1..3_u64).prop_map(|(line, units, location)| Change::Ship { line, units, location }),
        1 => (0..4_usize).prop_map(|which| Change::Void { which }),
        1 => Just(Change::Cancel),
    ]
}

/// Lives an order's life. A change may fall into the second of the one before it, as in a real shop.
fn live(changes: &[(Change, bool)]) -> (Model, Vec<OrderSnapshot>) {
    let mut model = Model::default();
    let mut statements = Vec::new();
    for (change, next_second) in changes {
        model.second += i64::from(*next_second);
        statements.extend(model.change(change));
    }
    (model, statements)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Protects every order from the webhooks' order and number: shuffled, doubled, and lost but for the last, they lead to
    /// what the shop has.
    #[test]
    fn statements_in_any_order_lead_to_what_the_shop_has(
        changes in prop::collection::vec((any_change(), any::<bool>()), 1..10),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let (model, statements) = live(&changes);
        prop_assume!(!statements.is_empty());
        // Some of them, in any order and any number; then the whole state once, as a sweep would bring it; then more.
        let mut some: Vec<OrderSnapshot> = picks.iter().map(|pick| pick.get(&statements).clone()).collect();
        let middle = some.len() / 2;
        some.insert(middle, model.snapshot());
        prop_assert_eq!(take(&some), model.held());
    }
}

/// Protects the plan's cases, one by one. Each row: what is said, in order, and the movements it leads to.
#[test]
fn statements_lead_to_these_movements() {
    use Change::{Add, Cancel, Remove, Ship, Void};
    let add = |units| Add { line: 1, units };
    let ship = |units, location| Ship { line: 1, units, location };
    let check = |changes: &[Change], said: &[usize], expected: &str| {
        let mut model = Model::default();
        let statements: Vec<_> = changes
            .iter()
            .flat_map(|change| {
                model.second += 1;
                model.change(change)
            })
            .collect();
        let network = network();
        let mut record = OrderRecord::new(shop(), OrderId::new(1));
        let mut moved = Vec::new();
        for at in said {
            record.merge(&statements[*at]);
            record.map_line(LineId::new(1), &"S1".parse().expect("a SKU"));
            for step in record.next_steps(&network) {
                moved.push(format!("{:?} {} @{}", step.kind, step.quantity, step.place));
                record.apply(&step);
            }
        }
        assert_eq!(moved.join(", "), expected, "{changes:?} said as {said:?}");
    };
    check(&[add(2)], &[0], "Reserve 2 @unassigned");
    check(&[add(2)], &[0, 0], "Reserve 2 @unassigned");
    check(&[add(2), Cancel], &[0, 1], "Reserve 2 @unassigned, Release 2 @unassigned");
    check(&[add(2), Cancel], &[1, 0], "");
    check(&[add(3), Remove { line: 1, units: 1 }], &[0, 1], "Reserve 3 @unassigned, Release 1 @unassigned");
    check(&[add(3), Remove { line: 1, units: 1 }], &[1, 0], "Reserve 2 @unassigned");
    // A shipment is said twice, by the order (1) and by the fulfilment (2); either may come first or alone.
    let shipped = "Reserve 3 @unassigned, AssignOut 1 @unassigned, AssignIn 1 @WH-2, Ship 1 @WH-2";
    check(&[add(3), ship(1, 2)], &[0, 1, 2], shipped);
    check(&[add(3), ship(1, 2)], &[0, 2, 1], shipped);
    check(&[add(3), ship(1, 2)], &[2, 0, 1], shipped);
    check(&[add(3), ship(1, 2)], &[1], shipped);
    check(
        &[add(1), ship(1, 1), Void { which: 0 }],
        &[0, 1, 3],
        "Reserve 1 @unassigned, AssignOut 1 @unassigned, AssignIn 1 @WH-1, Ship 1 @WH-1, Unship 1 @WH-1, Reserve 1 @unassigned",
    );
    check(
        &[add(2), ship(1, 1), Cancel],
        &[0, 3, 1],
        "Reserve 2 @unassigned, Release 1 @unassigned, AssignOut 1 @unassigned, AssignIn 1 @WH-1, Ship 1 @WH-1",
    );
}
