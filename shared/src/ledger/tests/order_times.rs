//! Tests of the times of order movements: a count includes the movements that took effect before it, and no other.

use std::collections::BTreeMap;

use crate::catalog::{OrderId, Place, Quantity};
use crate::ledger::{LastCount, NewMovement, Position};
use crate::movement::{CountBasis, EventId, MovementCause, PositionKey};
use crate::order::tests::model::{Change, Held, Model, at, long_ago, network, place, settle, shop};
use crate::order::{OrderRecord, OrderStep};

/// One step of a story.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A change in the shop or in a warehouse that is not reported yet.
    Happens(Change),
    /// The shop reports its whole state.
    ShopReports,
    /// The warehouses report everything they did.
    WarehousesReport,
    /// A count of units at a location.
    Counted(u64, i64),
}

/// Runs a story. Returns its movements as text, and the units on hand at WH-1 and WH-2, of ten each.
fn run(story: &[Step]) -> (String, [i64; 2]) {
    let mut model = Model::paid();
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let (mut held, network) = (Held::default(), network(long_ago()));
    let mut recorded = Vec::new();
    let mut positions: BTreeMap<Place, Position> = BTreeMap::new();
    let found = |place: &Place| {
        let mut position = Position::empty(PositionKey::new("S1".parse().expect("a SKU"), place.clone()));
        position.balance.on_hand = Quantity::new(10);
        position
    };
    assert!(model.change(Change::Add { line: 1, units: 1 }), "possible");
    for then in story {
        model.second += 1;
        let now = at(model.second);
        match then {
            Step::Happens(change) => assert!(model.change(*change), "{change:?} is possible"),
            Step::ShopReports => record.merge(&model.query()),
            Step::WarehousesReport => model.reports().iter().for_each(|report| record.report(report)),
            Step::Counted(location, units) => {
                let position = positions.entry(place(*location)).or_insert_with(|| found(&place(*location)));
                position.balance.on_hand = Quantity::new(*units);
                position.counted = Some(LastCount { as_of: now, basis: CountBasis::BookStock, event: None });
            }
        }
        let cause = MovementCause { event: EventId::new("shop", model.second.to_string()), order: None };
        for OrderStep { kind, reversal, place, quantity, at, .. } in settle(&mut record, &mut held, &network) {
            let position = positions.entry(place.clone()).or_insert_with(|| found(&place));
            position.record(NewMovement { at, reversal, ..NewMovement::of(kind, quantity) }, &cause, now);
            let second = at.map(|at| format!(" at {}", at.as_second() - crate::order::tests::model::at(0).as_second()));
            recorded.push(format!("{} @{place}{}", kind.name(reversal), second.unwrap_or_default()));
        }
    }
    let on_hand = |location: u64| positions.get(&place(location)).map_or(10, |position| position.balance.on_hand.units());
    (recorded.join(", "), [on_hand(1), on_hand(2)])
}

/// Protects counts from late reports: each movement carries the time it took effect, and a movement that only reassigns a
/// shipment changes no counted number.
#[test]
fn a_count_in_between_stands() {
    use Step::{Counted, Happens, ShopReports, WarehousesReport};
    const SHIP: Step = Happens(Change::Ship { line: 1, units: 1 });
    const VOID: Step = Happens(Change::Void { which: 0 });
    const CANCEL: Step = Happens(Change::Cancel);
    const MOVE: Step = Happens(Change::Move { line: 1, to: 2 });
    const DISPATCH: Step = Happens(Change::Dispatch { line: 1, units: 1, at: 1 });
    let rows: [(&str, &[Step], &str, [i64; 2]); 11] = [
        ("shop only", &[SHIP, ShopReports], "reserve @WH-1, ship @WH-1 at 1", [9, 10]),
        ("shop, void", &[SHIP, ShopReports, VOID, ShopReports], "reverse_ship @WH-1 at 3, reserve @WH-1", [10, 10]),
        ("counted before the shop reports", &[SHIP, Counted(1, 9), ShopReports], "ship @WH-1 at 1", [9, 10]),
        ("counted before it ships", &[Counted(1, 10), SHIP, ShopReports], "ship @WH-1 at 2", [9, 10]),
        (
            "counted before the warehouse reports",
            &[ShopReports, DISPATCH, Counted(1, 9), WarehousesReport],
            "ship_ahead @WH-1 at 2",
            [9, 10],
        ),
        (
            "counted before the shop catches up",
            &[ShopReports, DISPATCH, WarehousesReport, Counted(1, 9), SHIP, ShopReports],
            "confirm_shipment @WH-1",
            [9, 10],
        ),
        (
            "counted before it is cancelled",
            &[ShopReports, DISPATCH, WarehousesReport, Counted(1, 9), CANCEL, ShopReports],
            "misattribute @WH-1 at 2, reverse_ship_ahead @WH-1 at 2",
            [9, 10],
        ),
        (
            "the shop books it elsewhere, counted before it reports",
            &[MOVE, ShopReports, DISPATCH, WarehousesReport, SHIP, Counted(1, 9), Counted(2, 10), ShopReports],
            "misattribute @WH-1 at 3, reverse_ship_ahead @WH-1 at 3, reserve @WH-2, ship @WH-2 at 5, reverse_misattribute @WH-2 at 5",
            [9, 10],
        ),
        (
            "the shop booked it elsewhere, counted before the warehouse reports",
            &[MOVE, SHIP, ShopReports, DISPATCH, Counted(1, 9), Counted(2, 10), WarehousesReport],
            "misattribute @WH-1 at 4, reverse_misattribute @WH-2 at 2",
            [9, 10],
        ),
        (
            "the shop booked it elsewhere and takes that back",
            &[MOVE, SHIP, ShopReports, DISPATCH, WarehousesReport, VOID, Counted(1, 9), Counted(2, 10), ShopReports],
            "misattribute @WH-2 at 6, reverse_ship @WH-2 at 6, reserve @WH-1, ship_ahead @WH-1 at 4, reverse_misattribute @WH-1 at 4",
            [9, 10],
        ),
        (
            "the warehouse ships what the shop cancelled",
            &[ShopReports, CANCEL, ShopReports, DISPATCH, Counted(1, 9), WarehousesReport],
            "misattribute @WH-1 at 4",
            [9, 10],
        ),
    ];
    for (case, story, recorded, on_hand) in rows {
        let (all, found) = run(story);
        assert!(all.ends_with(recorded), "{case}: {all}");
        assert_eq!(found, on_hand, "{case}: {all}");
    }
}
