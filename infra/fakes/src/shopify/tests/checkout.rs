//! The checkout: the locations that units are allocated to, and the carts that are refused.

use super::*;

/// Protects the flash sale: in any order of customers, exactly the units available online are sold, and no unit is sold twice.
#[test]
fn a_sale_ends_exactly_when_the_last_unit_is_gone() {
    let mut f = fixture();
    let (mut placed, mut sold_out) = (0, 0);
    for customer in 0..500_i64 {
        match f.shop.checkout(at(customer), &[("BOARD", 1)]) {
            Ok(_) => placed += 1,
            Err(refused) => {
                assert_eq!(refused, CheckoutRefused::SoldOut { sku: "BOARD".to_owned(), wanted: 1, available: 0 });
                sold_out += 1;
            }
        }
        f.shop.assert_sound();
    }
    assert_eq!(
        (placed, sold_out, f.shop.counters().sold_out),
        (8, 492, 492),
        "5 at Main and 3 at the Annex; the retail location sells none online"
    );
    assert_eq!((f.level(f.main), f.level(f.annex), f.level(f.retail)), ((0, 5), (0, 3), (4, 0)));
}

/// Protects allocation: one location that has all units, by priority; otherwise a split; otherwise no allocation.
#[test]
fn allocates_by_priority_and_all_or_nothing() {
    let sold_out = |wanted, available| Err(CheckoutRefused::SoldOut { sku: "BOARD".to_owned(), wanted, available });
    type Row<'a> = (&'a str, &'a [(&'a str, i64)], Result<(), CheckoutRefused>, (i64, i64));
    let rows: [Row<'_>; 10] = [
        ("the first location has it", &[("BOARD", 5)], Ok(()), (0, 3)),
        ("split where no location has it all", &[("BOARD", 7)], Ok(()), (0, 1)),
        ("all there is", &[("BOARD", 8)], Ok(()), (0, 0)),
        ("one more than there is", &[("BOARD", 9)], sold_out(9, 8), (5, 3)),
        ("the same SKU on two lines", &[("BOARD", 5), ("BOARD", 3)], Ok(()), (0, 0)),
        ("two lines that are too much together", &[("BOARD", 5), ("BOARD", 4)], sold_out(4, 3), (5, 3)),
        ("one line of two is sold out", &[("LAMP", 1), ("BOARD", 9)], sold_out(9, 8), (5, 3)),
        ("nothing", &[], Err(CheckoutRefused::Empty), (5, 3)),
        ("no such SKU", &[("GHOST", 1)], Err(CheckoutRefused::UnknownSku("GHOST".to_owned())), (5, 3)),
        ("no units", &[("BOARD", 0)], Err(CheckoutRefused::BadQuantity("BOARD".to_owned())), (5, 3)),
    ];
    for (case, lines, expected, (main, annex)) in rows {
        let mut f = fixture();
        let lamp = f.item(NewItem::tracked("LAMP"));
        assert_eq!(f.shop.checkout(at(1), lines).map(|_| ()), expected, "{case}");
        assert_eq!((f.level(f.main).0, f.level(f.annex).0), (main, annex), "{case}");
        assert_eq!(f.shop.orders().count(), usize::from(expected.is_ok()), "{case}");
        if expected.is_err() {
            assert_eq!(f.shop.level(lamp, f.main).map(|level| level.available), Some(10), "{case}: no line is kept back");
        }
        f.shop.assert_sound();
    }
}

/// Protects special items: an item is oversold where that is allowed, an untracked item uses no level, and an unconfirmed order
/// takes no inventory.
#[test]
fn special_items_and_orders_take_only_the_inventory_they_should() {
    let mut f = fixture();
    let preorder = f.item(NewItem { oversell: Oversell::Continue, ..NewItem::tracked("PREORDER") });
    let service = f.item(NewItem { untracked: true, digital: true, ..NewItem::tracked("SERVICE") });
    f.shop.checkout(at(1), &[("PREORDER", 12), ("SERVICE", 1_000)]).expect("neither runs out");
    let level = |f: &Fixture, item| f.shop.level(item, f.main).map(|level| (level.available, level.committed, level.on_hand()));
    assert_eq!(level(&f, preorder), Some((-2, 12, 10)));
    assert_eq!(level(&f, service), Some((10, 0, 10)));
    let cart = Cart { lines: vec![("BOARD".to_owned(), 2)], unconfirmed: true, ..Cart::default() };
    let id = f.shop.checkout_cart(at(2), &cart).expect("placed");
    assert_eq!((f.level(f.main), f.shop.order(id).map(|order| order.confirmed)), ((5, 0), Some(false)));
    f.shop.assert_sound();
}

/// Protects a POS sale: units leave at once, at the location of the POS, even if the level is too low.
#[test]
fn a_pos_sells_the_units_that_the_customer_holds() {
    let mut f = fixture();
    let cart = Cart { lines: vec![("BOARD".to_owned(), 6)], location: Some(f.retail), ..Cart::default() };
    let id = f.shop.checkout_cart(at(1), &cart).expect("a POS refuses no sale");
    assert_eq!(f.level(f.retail), (-2, 0));
    let order = f.shop.order(id).expect("placed");
    assert_eq!((order.retail_location, order.fulfilments.len(), order.lines[0].unfulfilled()), (Some(f.retail), 1, 0));
    let nowhere = Cart { location: Some(LocationId(1)), ..cart };
    assert_eq!(f.shop.checkout_cart(at(1), &nowhere), Err(CheckoutRefused::UnknownLocation(LocationId(1))));
    f.shop.assert_sound();
}
