//! Changes of an order: shipment, cancellation and edits, each once and never for more units than were ordered.

use super::*;

/// Protects the quantities: shipping takes committed and on hand where the units were committed, with one fulfilment per
/// location.
#[test]
fn shipping_takes_from_where_it_was_committed() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 7)]).expect("placed");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    let part = f.shop.fulfil(at(2), id, Some(&[(line, 6)])).expect("six of seven");
    assert_eq!((part.len(), f.level(f.main), f.level(f.annex)), (2, (0, 0), (1, 1)), "five from Main, one from the Annex");
    let rest = f.shop.fulfil(at(3), id, None).expect("the last one");
    assert_eq!((rest.len(), f.level(f.annex)), (1, (1, 0)));
    assert_eq!(f.shop.order(id).map(|order| order.updated_at), Some(at(3)));
    f.shop.assert_sound();
}

/// Protects the lifecycle: an impossible step is refused with its reason, and leaves levels and orders unchanged.
#[test]
fn refuses_what_an_order_cannot_do() {
    type Step = fn(&mut Shop, OrderId, LineId) -> Result<(), OrderRefused>;
    let ship: Step = |shop, id, _| shop.fulfil(at(9), id, None).map(|_| ());
    let cancel: Step = |shop, id, _| shop.cancel(at(9), id);
    let some = LineId(1);
    let rows: [(&str, &[Step], Step, OrderRefused); 9] = [
        ("shipped twice", &[ship], ship, OrderRefused::NothingLeft),
        ("cancelled twice", &[cancel], cancel, OrderRefused::Cancelled),
        ("shipped after it was cancelled", &[cancel], ship, OrderRefused::Cancelled),
        ("cancelled after it was shipped", &[ship], cancel, OrderRefused::Fulfilled),
        (
            "too many shipped",
            &[],
            |shop, id, line| shop.fulfil(at(9), id, Some(&[(line, 2), (line, 2)])).map(|_| ()),
            OrderRefused::BadQuantity(some),
        ),
        (
            "a line of another order",
            &[],
            |shop, id, _| shop.fulfil(at(9), id, Some(&[(LineId(7), 1)])).map(|_| ()),
            OrderRefused::UnknownLine(LineId(7)),
        ),
        ("another order", &[], |shop, _, _| shop.cancel(at(9), OrderId(7)), OrderRefused::UnknownOrder),
        (
            "too many removed",
            &[],
            |shop, id, line| shop.remove_line_quantity(at(9), id, line, 4),
            OrderRefused::BadQuantity(some),
        ),
        (
            "removed after it was shipped",
            &[ship],
            |shop, id, line| shop.remove_line_quantity(at(9), id, line, 1),
            OrderRefused::BadQuantity(some),
        ),
    ];
    for (case, before, step, expected) in rows {
        let mut f = fixture();
        let id = f.shop.checkout(at(1), &[("BOARD", 3)]).expect("placed");
        let line = f.shop.order(id).expect("placed").lines[0].id;
        for step in before {
            step(&mut f.shop, id, line).expect("the step before");
        }
        let levels = (f.level(f.main), f.level(f.annex));
        let expected = if expected == OrderRefused::BadQuantity(some) { OrderRefused::BadQuantity(line) } else { expected };
        assert_eq!(step(&mut f.shop, id, line), Err(expected), "{case}");
        assert_eq!((f.level(f.main), f.level(f.annex)), levels, "{case}");
        f.shop.assert_sound();
    }
}

/// Protects restocking: a cancelled or shortened order returns its units to the locations that they came from.
#[test]
fn cancelling_and_removing_restock() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 7)]).expect("placed");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    f.shop.remove_line_quantity(at(2), id, line, 3).expect("three of seven");
    assert_eq!((f.level(f.main), f.level(f.annex)), ((1, 4), (3, 0)), "the last location first");
    let kept = &f.shop.order(id).expect("placed").lines[0];
    assert_eq!((kept.quantity, kept.current_quantity, kept.unfulfilled()), (7, 4, 4));
    f.shop.cancel(at(3), id).expect("nothing has left");
    assert_eq!((f.level(f.main), f.level(f.annex)), ((5, 0), (3, 0)));
    let order = f.shop.order(id).expect("placed");
    assert_eq!((order.cancelled_at, order.lines[0].quantity, order.lines[0].current_quantity), (Some(at(3)), 7, 0));
    f.shop.assert_sound();
}

/// Protects the sum that we push: through sale, shipment and cancellation, available + committed changes only when units leave.
#[test]
fn orders_never_change_the_supply_except_by_shipping() {
    let mut f = fixture();
    let supply = |f: &Fixture| [f.main, f.annex].map(|location| f.level(location)).iter().map(|(a, c)| a + c).sum::<i64>();
    let first = f.shop.checkout(at(1), &[("BOARD", 2)]).expect("placed");
    let second = f.shop.checkout(at(2), &[("BOARD", 4)]).expect("placed");
    assert_eq!(supply(&f), 8);
    f.shop.cancel(at(3), first).expect("open");
    assert_eq!(supply(&f), 8);
    f.shop.fulfil(at(4), second, None).expect("open");
    assert_eq!(supply(&f), 4);
}
