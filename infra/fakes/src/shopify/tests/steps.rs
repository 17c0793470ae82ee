//! Each step of an order as a row: the state before, the step, and the levels and topics after it or the reason of the refusal.

use super::*;

/// The starting point of a row: an order of seven BOARD, of which Main has five and the Annex two.
struct Placed {
    f: Fixture,
    order: OrderId,
    line: LineId,
}

type Step = fn(&mut Placed) -> Result<(), OrderRefused>;

impl Placed {
    fn new(cart: Cart) -> Self {
        let mut f = fixture();
        let order = f.shop.checkout_cart(at(1), &cart).expect("placed");
        let line = f.shop.order(order).expect("placed").lines[0].id;
        Placed { f, order, line }
    }

    fn known(&self) -> &Order {
        self.f.shop.order(self.order).expect("placed")
    }

    fn asked(&self, n: usize) -> FulfilmentOrderId {
        self.known().fulfilment_orders[n].id
    }

    fn ret(&self) -> ReturnId {
        self.known().returns[0].id
    }

    /// Returns available and committed at Main, the Annex and the retail location.
    fn levels(&self) -> [(i64, i64); 3] {
        [self.f.main, self.f.annex, self.f.retail].map(|location| self.f.level(location))
    }

    fn topics(&mut self) -> Vec<&'static str> {
        self.f.shop.outbox().take(&DeliveryPlan::default()).iter().map(|(delivery, _)| delivery.topic.name()).collect()
    }

    fn refund(&mut self, restock: Restock, quantity: i64, location: Option<LocationId>, ret: bool) -> Result<(), OrderRefused> {
        let lines = vec![RefundLine { line: self.line, quantity, restock, location }];
        let return_id = ret.then(|| self.ret());
        self.f.shop.refund(at(9), self.order, &RefundInput { lines, return_id }).map(drop)
    }

    fn dispose(&mut self, quantity: i64, location: LocationId, kind: Disposal) -> Result<(), OrderRefused> {
        self.f.shop.dispose(at(9), self.ret(), self.line, quantity, location, kind).map(drop)
    }
}

fn seven() -> Cart {
    Cart { lines: vec![("BOARD".to_owned(), 7)], ..Cart::default() }
}

const SHIP: Step = |p| p.f.shop.fulfil(at(5), p.order, None).map(drop);
const CALL_BACK: Step = |p| p.f.shop.cancel_fulfilment(at(6), p.known().fulfilments[0].id).map(drop);
const CANCEL: Step = |p| p.f.shop.cancel(at(6), p.order);
const ASK_BACK: Step = |p| p.f.shop.request_return(at(6), p.order, &[(p.line, 3)]).map(drop);
const APPROVE: Step = |p| p.f.shop.approve_return(at(7), p.ret());
const HOLD: Step = |p| p.f.shop.hold(at(5), p.asked(0));

type Accepted<'a> = (&'a str, &'a [Step], Step, [(i64, i64); 3], &'a [&'a str]);

/// Protects the fake as the reference for comparisons: the changes of levels that each step makes, and the topics that it
/// announces.
#[test]
fn each_step_moves_what_it_should() {
    let refund: &[&str] = &["orders/updated", "refunds/create"];
    let edit: &[&str] = &["orders/updated", "orders/edited"];
    let dispose: &[&str] = &["reverse_fulfillment_orders/dispose"];
    let moved: &[&str] = &["fulfillment_orders/moved"];
    let rows: [Accepted<'_>; 27] = [
        (
            "shipped",
            &[],
            SHIP,
            [(0, 0), (1, 0), (4, 0)],
            &["orders/updated", "orders/fulfilled", "fulfillments/create", "fulfillments/create"],
        ),
        (
            "shipped in part",
            &[],
            |p| p.f.shop.fulfil(at(9), p.order, Some(&[(p.line, 1)])).map(drop),
            [(0, 4), (1, 2), (4, 0)],
            &["orders/updated", "orders/partially_fulfilled", "fulfillments/create"],
        ),
        ("called back", &[SHIP], CALL_BACK, [(0, 5), (1, 0), (4, 0)], &["orders/updated", "fulfillments/update"]),
        (
            "shipped again",
            &[SHIP, CALL_BACK],
            SHIP,
            [(0, 0), (1, 0), (4, 0)],
            &["orders/updated", "orders/fulfilled", "fulfillments/create"],
        ),
        (
            "shipped but for what is on hold",
            &[HOLD],
            SHIP,
            [(0, 5), (1, 0), (4, 0)],
            &["orders/updated", "orders/partially_fulfilled", "fulfillments/create"],
        ),
        ("held", &[], HOLD, [(0, 5), (1, 2), (4, 0)], &["fulfillment_orders/placed_on_hold"]),
        (
            "released",
            &[HOLD],
            |p| p.f.shop.release_hold(at(9), p.asked(0)),
            [(0, 5), (1, 2), (4, 0)],
            &["fulfillment_orders/hold_released"],
        ),
        (
            "moved",
            &[],
            |p| p.f.shop.move_fulfilment_order(at(9), p.asked(1), p.f.retail).map(drop),
            [(0, 5), (3, 0), (2, 2)],
            moved,
        ),
        (
            "moved after a part left",
            &[|p| p.f.shop.fulfil(at(5), p.order, Some(&[(p.line, 2)])).map(drop)],
            |p| p.f.shop.move_fulfilment_order(at(9), p.asked(0), p.f.retail).map(drop),
            [(3, 0), (1, 2), (1, 3)],
            moved,
        ),
        ("edited: removed", &[], |p| p.f.shop.remove_line_quantity(at(9), p.order, p.line, 3), [(1, 4), (3, 0), (4, 0)], edit),
        (
            "edited: removed for good",
            &[],
            |p| p.f.shop.edit(at(9), p.order, &Edit { remove: vec![(p.line, 3)], ..Edit::default() }).map(drop),
            [(0, 4), (1, 0), (4, 0)],
            edit,
        ),
        (
            "edited: added",
            &[],
            |p| p.f.shop.edit(at(9), p.order, &Edit { add: vec![("BOARD".to_owned(), 1)], ..Edit::default() }).map(drop),
            [(0, 5), (0, 3), (4, 0)],
            edit,
        ),
        ("cancelled", &[], CANCEL, [(5, 0), (3, 0), (4, 0)], &["orders/cancelled", "orders/updated", "refunds/create"]),
        (
            "cancelled for good",
            &[],
            |p| p.f.shop.cancel_with(at(9), p.order, false),
            [(0, 0), (1, 0), (4, 0)],
            &["orders/cancelled", "orders/updated", "refunds/create"],
        ),
        ("refunded before it left", &[], |p| p.refund(Restock::Cancel, 3, None, false), [(1, 4), (3, 0), (4, 0)], refund),
        (
            "refunded before it left, at Main first",
            &[],
            |p| p.refund(Restock::Cancel, 6, Some(p.f.main), false),
            [(5, 0), (2, 1), (4, 0)],
            refund,
        ),
        ("refunded and returned", &[SHIP], |p| p.refund(Restock::Return, 6, None, false), [(5, 0), (2, 0), (4, 0)], refund),
        (
            "refunded and returned elsewhere",
            &[SHIP],
            |p| p.refund(Restock::Return, 6, Some(p.f.retail), false),
            [(0, 0), (1, 0), (10, 0)],
            refund,
        ),
        ("refunded and kept", &[SHIP], |p| p.refund(Restock::NoRestock, 7, None, false), [(0, 0), (1, 0), (4, 0)], refund),
        ("refunded and gone", &[], |p| p.refund(Restock::NoRestock, 3, None, false), [(0, 4), (1, 0), (4, 0)], refund),
        (
            "refunded, one kept and one gone",
            &[|p| p.f.shop.fulfil(at(5), p.order, Some(&[(p.line, 1)])).map(drop)],
            |p| p.refund(Restock::NoRestock, 2, None, false),
            [(0, 4), (1, 1), (4, 0)],
            refund,
        ),
        ("asked back", &[SHIP], ASK_BACK, [(0, 0), (1, 0), (4, 0)], &["returns/request"]),
        (
            "disposed of",
            &[SHIP, ASK_BACK, APPROVE],
            |p| p.dispose(2, p.f.retail, Disposal::Restocked),
            [(0, 0), (1, 0), (6, 0)],
            dispose,
        ),
        (
            "thrown away",
            &[SHIP, ASK_BACK, APPROVE],
            |p| p.dispose(2, p.f.retail, Disposal::NotRestocked),
            [(0, 0), (1, 0), (4, 0)],
            dispose,
        ),
        (
            "refunded after it was disposed of",
            &[SHIP, ASK_BACK, APPROVE, |p| p.dispose(2, p.f.retail, Disposal::Restocked)],
            |p| p.refund(Restock::Return, 3, Some(p.f.retail), true),
            [(0, 0), (1, 0), (7, 0)],
            refund,
        ),
        (
            "disposed of after it was refunded",
            &[SHIP, ASK_BACK, APPROVE, |p| p.refund(Restock::Return, 2, Some(p.f.retail), true)],
            |p| p.dispose(3, p.f.retail, Disposal::Restocked),
            [(0, 0), (1, 0), (7, 0)],
            dispose,
        ),
        (
            "exchanged",
            &[SHIP, ASK_BACK, APPROVE],
            |p| p.f.shop.exchange(at(9), p.ret(), "BOARD", 1).map(drop),
            [(0, 0), (0, 1), (4, 0)],
            &["orders/updated"],
        ),
    ];
    for (case, before, step, levels, topics) in rows {
        let mut p = Placed::new(seven());
        for step in before {
            step(&mut p).unwrap_or_else(|refused| panic!("{case}: {refused:?}"));
        }
        p.topics();
        step(&mut p).unwrap_or_else(|refused| panic!("{case}: {refused:?}"));
        assert_eq!((p.levels(), p.topics().as_slice()), (levels, topics), "{case}");
        p.f.shop.assert_sound();
    }
}

type Refused<'a> = (&'a str, &'a [Step], Step, fn(&Placed) -> OrderRefused);

/// Protects refusals: an impossible step is refused for its reason, announces no topic and moves no units.
#[test]
fn refused_steps_change_nothing() {
    let too_many: fn(&Placed) -> OrderRefused = |p| OrderRefused::BadQuantity(p.line);
    let rows: [Refused<'_>; 27] = [
        ("paid twice", &[], |p| p.f.shop.pay(at(9), p.order), |_| OrderRefused::Paid),
        ("called back twice", &[SHIP, CALL_BACK], CALL_BACK, |_| OrderRefused::FulfilmentCancelled),
        ("called back after it was returned", &[SHIP, ASK_BACK], CALL_BACK, |p| OrderRefused::Returned(p.line)),
        (
            "no such fulfilment",
            &[],
            |p| p.f.shop.cancel_fulfilment(at(9), FulfilmentId(7)).map(drop),
            |_| OrderRefused::UnknownFulfilment,
        ),
        (
            "shipped while it is on hold",
            &[HOLD],
            |p| p.f.shop.fulfil(at(9), p.order, Some(&[(p.line, 7)])).map(drop),
            |_| OrderRefused::OnHold,
        ),
        ("held twice", &[HOLD], HOLD, |_| OrderRefused::OnHold),
        ("released without a hold", &[], |p| p.f.shop.release_hold(at(9), p.asked(0)), |_| OrderRefused::NotOnHold),
        ("held after it left", &[SHIP], HOLD, |_| OrderRefused::Inactive),
        (
            "moved while it is on hold",
            &[HOLD],
            |p| p.f.shop.move_fulfilment_order(at(9), p.asked(0), p.f.retail).map(drop),
            |_| OrderRefused::OnHold,
        ),
        (
            "moved to where there is not enough",
            &[],
            |p| p.f.shop.move_fulfilment_order(at(9), p.asked(0), p.f.retail).map(drop),
            |p| OrderRefused::NotStocked(p.line),
        ),
        (
            "moved to where it is",
            &[],
            |p| p.f.shop.move_fulfilment_order(at(9), p.asked(0), p.f.main).map(drop),
            |p| OrderRefused::BadLocation(p.f.main),
        ),
        (
            "moved after it was cancelled",
            &[CANCEL],
            |p| p.f.shop.move_fulfilment_order(at(9), p.asked(0), p.f.retail).map(drop),
            |_| OrderRefused::Inactive,
        ),
        ("nothing edited", &[], |p| p.f.shop.edit(at(9), p.order, &Edit::default()).map(drop), |_| OrderRefused::Empty),
        (
            "removed too many, together",
            &[],
            |p| {
                p.f.shop
                    .edit(
                        at(9),
                        p.order,
                        &Edit { add: vec![("BOARD".to_owned(), 1)], remove: vec![(p.line, 4), (p.line, 4)], restock: true },
                    )
                    .map(drop)
            },
            too_many,
        ),
        (
            "added what is sold out",
            &[],
            |p| p.f.shop.edit(at(9), p.order, &Edit { add: vec![("BOARD".to_owned(), 2)], ..Edit::default() }).map(drop),
            |_| OrderRefused::Checkout(CheckoutRefused::SoldOut { sku: "BOARD".to_owned(), wanted: 2, available: 1 }),
        ),
        (
            "cancelled for good after it left",
            &[SHIP],
            |p| p.f.shop.cancel_with(at(9), p.order, false),
            |_| OrderRefused::Fulfilled,
        ),
        ("refunded before it left, though it did", &[SHIP], |p| p.refund(Restock::Cancel, 1, None, false), too_many),
        ("refunded and returned, though it did not leave", &[], |p| p.refund(Restock::Return, 1, None, false), too_many),
        (
            "refunded twice",
            &[SHIP, |p| p.refund(Restock::NoRestock, 4, None, false)],
            |p| p.refund(Restock::Return, 4, None, false),
            too_many,
        ),
        ("refunded and asked back", &[SHIP, ASK_BACK], |p| p.refund(Restock::Return, 5, None, false), too_many),
        (
            "refunded for a return that is not approved",
            &[SHIP, ASK_BACK],
            |p| p.refund(Restock::Return, 1, None, true),
            |_| OrderRefused::ReturnIs(ReturnStatus::Requested),
        ),
        (
            "restocked nowhere",
            &[SHIP],
            |p| p.refund(Restock::Return, 1, Some(LocationId(7)), false),
            |_| OrderRefused::BadLocation(LocationId(7)),
        ),
        ("asked back before it left", &[], ASK_BACK, too_many),
        (
            "disposed of before it was approved",
            &[SHIP, ASK_BACK],
            |p| p.dispose(1, p.f.main, Disposal::Restocked),
            |_| OrderRefused::ReturnIs(ReturnStatus::Requested),
        ),
        (
            "more disposed of than asked back",
            &[SHIP, ASK_BACK, APPROVE],
            |p| p.dispose(4, p.f.main, Disposal::Restocked),
            too_many,
        ),
        (
            "disposed of at one place and refunded at another",
            &[SHIP, ASK_BACK, APPROVE, |p| p.dispose(1, p.f.main, Disposal::Restocked)],
            |p| p.refund(Restock::Return, 1, Some(p.f.retail), true),
            |p| OrderRefused::OtherLocation(p.line),
        ),
        (
            "called off after something of it came back",
            &[SHIP, ASK_BACK, APPROVE, |p| p.dispose(1, p.f.main, Disposal::NotRestocked)],
            |p| p.f.shop.cancel_return(at(9), p.ret()),
            |_| OrderRefused::Disposed,
        ),
    ];
    for (case, before, step, expected) in rows {
        let mut p = Placed::new(seven());
        for step in before {
            step(&mut p).unwrap_or_else(|refused| panic!("{case}: {refused:?}"));
        }
        p.topics();
        let (levels, order) = (p.levels(), format!("{:?}", p.known()));
        assert_eq!(step(&mut p), Err(expected(&p)), "{case}");
        assert_eq!((p.levels(), format!("{:?}", p.known()), p.topics().len()), (levels, order, 0), "{case}");
        p.f.shop.assert_sound();
    }
}

/// Protects what reports read: the financial status after each step.
#[test]
fn money_follows_what_becomes_of_the_order() {
    let unpaid = || Cart { unpaid: true, ..seven() };
    let pay: Step = |p| p.f.shop.pay(at(2), p.order);
    let rows: [(&str, Cart, &[Step], Financial); 7] = [
        ("paid at once", seven(), &[], Financial::Paid),
        ("not paid", unpaid(), &[], Financial::Pending),
        ("paid later", unpaid(), &[pay], Financial::Paid),
        ("some refunded", seven(), &[SHIP, |p| p.refund(Restock::NoRestock, 6, None, false)], Financial::PartiallyRefunded),
        ("all refunded", seven(), &[SHIP, |p| p.refund(Restock::NoRestock, 7, None, false)], Financial::Refunded),
        ("cancelled", seven(), &[CANCEL], Financial::Refunded),
        ("cancelled before it was paid", unpaid(), &[CANCEL], Financial::Voided),
    ];
    for (case, cart, steps, expected) in rows {
        let mut p = Placed::new(cart);
        for step in steps {
            step(&mut p).unwrap_or_else(|refused| panic!("{case}: {refused:?}"));
        }
        assert_eq!(p.known().financial, expected, "{case}");
        p.f.shop.assert_sound();
    }
}

/// Protects the catalog: a bundle is sold as its components or not at all, and a deleted product cannot be sold.
#[test]
fn bundles_and_deleted_products() {
    let mut f = fixture();
    let lamp = f.item(NewItem::tracked("LAMP"));
    let kit = |sku: &str, part: &str| NewItem {
        components: vec![(part.to_owned(), 2), ("LAMP".to_owned(), 1)],
        ..NewItem::tracked(sku)
    };
    f.shop.add_item(kit("KIT", "BOARD")).expect("a new bundle");
    let bad = f.shop.add_item(kit("KIT OF KITS", "KIT"));
    assert_eq!(bad, Err(SetupRefused::UnknownSku("KIT".to_owned())), "bundles are made of items");
    let id = f.shop.checkout(at(1), &[("KIT", 3)]).expect("placed");
    let lines: Vec<_> = f.shop.order(id).expect("placed").lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
    assert_eq!(lines, [("BOARD", 6), ("LAMP", 3)]);
    let sold_out = CheckoutRefused::SoldOut { sku: "BOARD".to_owned(), wanted: 4, available: 2 };
    assert_eq!(f.shop.checkout(at(2), &[("KIT", 2)]), Err(sold_out));
    assert_eq!(f.shop.level(lamp, f.main).map(|level| level.available), Some(7), "no component is kept back");
    f.shop.remove_item("BOARD").expect("on sale");
    for sku in ["BOARD", "KIT"] {
        assert_eq!(f.shop.checkout(at(3), &[(sku, 1)]), Err(CheckoutRefused::UnknownSku("BOARD".to_owned())), "{sku}");
    }
    f.shop.fulfil(at(4), id, None).expect("what was sold is shipped");
    let sent = f.shop.outbox().take(&DeliveryPlan::default());
    let updated = sent.iter().find(|(delivery, _)| delivery.topic == Topic::OrdersUpdated).expect("announced");
    let body: Value = serde_json::from_slice(&updated.0.body).expect("JSON");
    assert_eq!((&body["line_items"][0]["variant_id"], &body["line_items"][0]["sku"]), (&Value::Null, &json!("BOARD")));
    assert!(body["line_items"][1]["variant_id"].is_i64());
    f.shop.assert_sound();
}
