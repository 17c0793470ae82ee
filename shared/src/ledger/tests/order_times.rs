//! When the movements of an order took effect: a count in between has seen what had happened by then, and nothing else.

use std::collections::BTreeMap;

use crate::catalog::{OrderId, Place, Quantity};
use crate::ledger::{CountBasis, LastCount, NewMovement, Position};
use crate::movement::{EventId, MovementCause, PositionKey};
use crate::order::tests::model::{Change, Held, Model, at, place, settle, shop};
use crate::order::{OrderRecord, OrderStep};

/// Something that happens, or that is heard of.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// A change in the shop or in a warehouse, not told yet.
    Happens(Change),
    /// The shop tells all it knows.
    ShopTells,
    /// The warehouses tell all they did.
    WarehousesTell,
    /// So many units are counted at a location now.
    Counted(u64, i64),
}

/// What a story leads to: its steps in words, and what is on hand at WH-1 and WH-2, of ten each.
fn tell(story: &[Then]) -> (String, [i64; 2]) {
    let mut model = Model::paid();
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let mut held = Held::default();
    let mut told = Vec::new();
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
            Then::Happens(change) => assert!(model.change(*change), "{change:?} is possible"),
            Then::ShopTells => record.merge(&model.query()),
            Then::WarehousesTell => model.reports().iter().for_each(|report| record.report(report)),
            Then::Counted(location, units) => {
                let position = positions.entry(place(*location)).or_insert_with(|| found(&place(*location)));
                position.balance.on_hand = Quantity::new(*units);
                position.counted = Some(LastCount { as_of: now, basis: CountBasis::Books });
            }
        }
        let cause = MovementCause { event: EventId::new("shop", model.second.to_string()), order: None };
        for OrderStep { kind, place, quantity, at, .. } in settle(&mut record, &mut held) {
            let position = positions.entry(place.clone()).or_insert_with(|| found(&place));
            position.record(NewMovement { at, ..NewMovement::of(kind, quantity) }, &cause, now);
            let second = at.map(|at| format!(" at {}", at.as_second() - crate::order::tests::model::at(0).as_second()));
            told.push(format!("{kind:?} @{place}{}", second.unwrap_or_default()));
        }
    }
    let on_hand = |location: u64| positions.get(&place(location)).map_or(10, |position| position.balance.on_hand.units());
    (told.join(", "), [on_hand(1), on_hand(2)])
}

/// Protects counts from what is heard of late: each movement says when it took effect, and what only corrects who said
/// what changes no number that was counted.
#[test]
fn a_count_in_between_stands() {
    use Then::{Counted, Happens, ShopTells, WarehousesTell};
    const SHIP: Then = Happens(Change::Ship { line: 1, units: 1 });
    const VOID: Then = Happens(Change::Void { which: 0 });
    const CANCEL: Then = Happens(Change::Cancel);
    const MOVE: Then = Happens(Change::Move { line: 1, to: 2 });
    const DISPATCH: Then = Happens(Change::Dispatch { line: 1, units: 1, at: 1 });
    let rows: [(&str, &[Then], &str, [i64; 2]); 11] = [
        ("shop only", &[SHIP, ShopTells], "Reserve @WH-1, Ship @WH-1 at 1", [9, 10]),
        ("shop, void", &[SHIP, ShopTells, VOID, ShopTells], "Unship @WH-1 at 3, Reserve @WH-1", [10, 10]),
        ("counted before the shop is heard", &[SHIP, Counted(1, 9), ShopTells], "Ship @WH-1 at 1", [9, 10]),
        ("counted before it ships", &[Counted(1, 10), SHIP, ShopTells], "Ship @WH-1 at 2", [9, 10]),
        (
            "counted before the warehouse is heard",
            &[ShopTells, DISPATCH, Counted(1, 9), WarehousesTell],
            "Dispatch @WH-1 at 2",
            [9, 10],
        ),
        (
            "counted before the shop catches up",
            &[ShopTells, DISPATCH, WarehousesTell, Counted(1, 9), SHIP, ShopTells],
            "Confirm @WH-1",
            [9, 10],
        ),
        (
            "counted before it is cancelled",
            &[ShopTells, DISPATCH, WarehousesTell, Counted(1, 9), CANCEL, ShopTells],
            "Stray @WH-1 at 2, Undispatch @WH-1 at 2",
            [9, 10],
        ),
        (
            "the shop books it elsewhere, counted before that is heard",
            &[MOVE, ShopTells, DISPATCH, WarehousesTell, SHIP, Counted(1, 9), Counted(2, 10), ShopTells],
            "Stray @WH-1 at 3, Undispatch @WH-1 at 3, Reserve @WH-2, Ship @WH-2 at 5, Unstray @WH-2 at 5",
            [9, 10],
        ),
        (
            "the shop booked it elsewhere, counted before the warehouse is heard",
            &[MOVE, SHIP, ShopTells, DISPATCH, Counted(1, 9), Counted(2, 10), WarehousesTell],
            "Stray @WH-1 at 4, Unstray @WH-2 at 2",
            [9, 10],
        ),
        (
            "the shop booked it elsewhere and takes that back",
            &[MOVE, SHIP, ShopTells, DISPATCH, WarehousesTell, VOID, Counted(1, 9), Counted(2, 10), ShopTells],
            "Stray @WH-2 at 6, Unship @WH-2 at 6, Reserve @WH-1, Dispatch @WH-1 at 4, Unstray @WH-1 at 4",
            [9, 10],
        ),
        (
            "the warehouse ships what the shop cancelled",
            &[ShopTells, CANCEL, ShopTells, DISPATCH, Counted(1, 9), WarehousesTell],
            "Stray @WH-1 at 4",
            [9, 10],
        ),
    ];
    for (case, story, told, on_hand) in rows {
        let (all, found) = tell(story);
        assert!(all.ends_with(told), "{case}: {all}");
        assert_eq!(found, on_hand, "{case}: {all}");
    }
}
