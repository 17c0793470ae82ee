//! Complete lives of orders in the fake shop. The ledger ends in the same state, whether it learns of them from webhooks in
//! order, from webhooks in disorder, or only from the reconciler, and no level of the shop needs a repair.

use jiff::Timestamp;
use promissory::table::RowKind;
use promissory_fakes::shopify::{
    Cart, Delivery, DeliveryPlan, Disposal, Edit, FulfilmentOrderId, LineId, NewItem, OrderId, RefundInput, RefundLine, Restock,
    Shop, draw,
};
use promissory_tests::shop::{RunningShop, in_agreement, location_id};
use promissory_tests::webhook::Webhook;
use promissory_tests::world::World;
use reconciler::{Job, Report};

/// A shop that a test drives. Each step takes place one second after the one before.
struct Hands<'a> {
    shop: &'a mut Shop,
    now: Timestamp,
}

impl Hands<'_> {
    fn now(&mut self) -> Timestamp {
        self.now += jiff::SignedDuration::from_secs(1);
        self.now
    }

    fn buy(&mut self, sku: &str, units: i64) -> (OrderId, LineId) {
        let now = self.now();
        let order = self.shop.checkout(now, &[(sku, units)]).expect("placed");
        (order, self.line(order, 0))
    }

    fn cart(&mut self, cart: Cart) -> OrderId {
        let now = self.now();
        self.shop.checkout_cart(now, &cart).expect("placed")
    }

    fn line(&self, order: OrderId, at: usize) -> LineId {
        self.shop.order(order).expect("placed").lines[at].id
    }

    fn ship(&mut self, order: OrderId, line: LineId, units: i64) {
        let now = self.now();
        self.shop.fulfil(now, order, Some(&[(line, units)])).expect("shipped");
    }

    fn refund(&mut self, order: OrderId, line: LineId, quantity: i64, restock: Restock, at: Option<&str>) {
        let (now, location) = (self.now(), at.map(location_id));
        let input = RefundInput { lines: vec![RefundLine { line, quantity, restock, location }], return_id: None };
        self.shop.refund(now, order, &input).expect("refunded");
    }

    fn edit(&mut self, order: OrderId, edit: &Edit) {
        let now = self.now();
        self.shop.edit(now, order, edit).expect("edited");
    }

    fn routed(&self, order: OrderId) -> FulfilmentOrderId {
        let order = self.shop.order(order).expect("placed");
        order.fulfilment_orders.iter().find(|routed| routed.status.is_active()).expect("something open").id
    }
}

type Life = fn(&mut Hands);

async fn agreed() -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", 20), ("3PL-1", 10)]).await;
    world.item("B", &[("WH-1", 5)]).await;
    let running = in_agreement(&world).await;
    world.clock.pass(600);
    (world, running)
}

fn live(world: &World, running: &RunningShop, life: Life) -> Vec<Delivery> {
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let mut hands = Hands { shop, now };
        life(&mut hands);
        hands.shop.outbox().take(&DeliveryPlan::default()).into_iter().map(|(delivery, _)| delivery).collect()
    })
}

/// Positions in words, with all non-zero quantities.
async fn ledger(world: &World) -> Vec<String> {
    let contents = world.contents().await;
    let mut positions: Vec<String> = contents
        .positions
        .values()
        .map(|position| {
            let balance = position.balance;
            let parts = [
                ("on hand", balance.on_hand),
                ("reserved", balance.reserved),
                ("held", balance.held),
                ("by shop", balance.moved_by_shop),
            ];
            let parts: Vec<String> =
                parts.iter().filter(|(_, units)| !units.is_zero()).map(|(name, units)| format!("{units} {name}")).collect();
            (position.of.to_string(), parts)
        })
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(of, parts)| format!("{of} {}", parts.join(", ")))
        .collect();
    positions.sort();
    positions
}

/// Reads the orders that must be read, and checks that nothing is left to push and that no level has drifted.
async fn come_to_rest(case: &str, world: &World, running: &RunningShop) {
    let before = running.log().len();
    world.clock.pass(120);
    world.reconcile(running.front(), Job::Read).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    world.settle().await;
    assert_eq!(world.push(running.front(), &world.hints.take()).await, [0; 0], "{case}: a hint was given back");
    running.sweep_settled(world).await;
    let report = world.reconcile(running.front(), Job::Compare).await.expect("compared");
    let Report::Compare(report) = report else { panic!("{report:?}") };
    assert_eq!(report.drifted, [], "{case}");
    running.assert_agreement(world).await;
    assert_eq!(running.log().len(), before, "{case}: the pusher sends nothing for an order");
    assert_eq!(world.table.count(RowKind::OrderToRead), 0, "{case}: a request to read an order is left");
}

async fn check(case: &str, life: Life, expected: &[&str]) {
    let (world, running) = agreed().await;
    for delivery in live(&world, &running, life) {
        assert_eq!(world.deliver(&Webhook::of(&delivery)).await.0, 200, "{case}: {}", delivery.topic.name());
    }
    come_to_rest(case, &world, &running).await;
    assert_eq!(ledger(&world).await, expected, "{case}: webhooks in order");

    for seed in 1..=3_u64 {
        let (world, running) = agreed().await;
        let mut deliveries = live(&world, &running, life);
        deliveries.extend(deliveries.clone());
        for n in 0..deliveries.len() {
            let at = usize::try_from(draw(seed, n.try_into().expect("few")) % 1_000_000).expect("small") % deliveries.len();
            deliveries.swap(n, at);
        }
        for delivery in &deliveries {
            assert_eq!(world.deliver(&Webhook::of(delivery)).await.0, 200, "{case}: {}", delivery.topic.name());
        }
        come_to_rest(case, &world, &running).await;
        assert_eq!(ledger(&world).await, expected, "{case}: webhooks twice and in disorder, seed {seed}");
    }

    let (world, running) = agreed().await;
    drop(live(&world, &running, life)); // Every webhook is lost.
    world.clock.pass(300);
    world.reconcile(running.front(), Job::Sweep).await.unwrap_or_else(|error| panic!("{case}: {error}"));
    come_to_rest(case, &world, &running).await;
    assert_eq!(ledger(&world).await, expected, "{case}: only the reconciler");
}

const B: &str = "B@WH-1 5 on hand";
const TPL: &str = "A@3PL-1 10 on hand";

/// Protects promises: open units are reserved at the location that will ship them, and nothing else is.
#[tokio::test]
async fn open_orders() {
    check("placed", |hands| _ = hands.buy("A", 3), &[TPL, "A@WH-1 20 on hand, 3 reserved", B]).await;
    check(
        "split over locations",
        |hands| _ = hands.buy("A", 25),
        &["A@3PL-1 10 on hand, 5 reserved", "A@WH-1 20 on hand, 20 reserved", B],
    )
    .await;
    check(
        "two lines of one SKU, one of another",
        |hands| {
            let lines = vec![("A".to_owned(), 2), ("A".to_owned(), 1), ("B".to_owned(), 4)];
            hands.cart(Cart { lines, ..Cart::default() });
        },
        &[TPL, "A@WH-1 20 on hand, 3 reserved", "B@WH-1 5 on hand, 4 reserved"],
    )
    .await;
    check(
        "edited: units added, another line, units removed",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.edit(order, &Edit { add: vec![("A".to_owned(), 2), ("B".to_owned(), 1)], remove: vec![], restock: true });
            hands.edit(order, &Edit { add: vec![], remove: vec![(line, 1)], restock: true });
        },
        &[TPL, "A@WH-1 20 on hand, 4 reserved", "B@WH-1 5 on hand, 1 reserved"],
    )
    .await;
    check(
        "unpaid, then paid",
        |hands| {
            let order = hands.cart(Cart { lines: vec![("A".to_owned(), 3)], unpaid: true, ..Cart::default() });
            let now = hands.now();
            hands.shop.pay(now, order).expect("paid");
        },
        &[TPL, "A@WH-1 20 on hand, 3 reserved", B],
    )
    .await;
    check(
        "moved to another location, held and released",
        |hands| {
            let (order, _) = hands.buy("A", 3);
            let (routed, now) = (hands.routed(order), hands.now());
            hands.shop.move_fulfilment_order(now, routed, location_id("3PL-1")).expect("moved");
            let (routed, now) = (hands.routed(order), hands.now());
            hands.shop.hold(now, routed).expect("held");
            let now = hands.now();
            hands.shop.release_hold(now, routed).expect("released");
        },
        &["A@3PL-1 10 on hand, 3 reserved", "A@WH-1 20 on hand", B],
    )
    .await;
    check(
        "cancelled",
        |hands| {
            let (order, _) = hands.buy("A", 3);
            let now = hands.now();
            hands.shop.cancel(now, order).expect("cancelled");
        },
        &[TPL, "A@WH-1 20 on hand", B],
    )
    .await;
    check(
        "units removed from the order",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.edit(order, &Edit { add: vec![], remove: vec![(line, 2)], restock: true });
        },
        &[TPL, "A@WH-1 20 on hand, 1 reserved", B],
    )
    .await;
}

/// Protects the count on hand: shipped units leave, returned units come back, each once and at its location.
#[tokio::test]
async fn shipped_orders() {
    check(
        "shipped whole",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.ship(order, line, 3);
        },
        &[TPL, "A@WH-1 17 on hand, -3 by shop", B],
    )
    .await;
    check(
        "shipped in parts, after a move",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.ship(order, line, 1);
            let (routed, now) = (hands.routed(order), hands.now());
            hands.shop.move_fulfilment_order(now, routed, location_id("3PL-1")).expect("moved");
            hands.ship(order, line, 1);
        },
        &["A@3PL-1 9 on hand, 1 reserved, -1 by shop", "A@WH-1 19 on hand, -1 by shop", B],
    )
    .await;
    check(
        "a fulfilment cancelled",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.ship(order, line, 2);
            let made = hands.shop.order(order).expect("placed").fulfilments[0].id;
            let now = hands.now();
            hands.shop.cancel_fulfilment(now, made).expect("cancelled");
        },
        &[TPL, "A@WH-1 20 on hand, 3 reserved", B],
    )
    .await;
    check(
        "create, edit, partial fulfilment, refund, cancel of the rest",
        |hands| {
            let (order, line) = hands.buy("A", 6);
            hands.edit(order, &Edit { add: vec![], remove: vec![(line, 1)], restock: true });
            hands.ship(order, line, 2);
            hands.refund(order, line, 1, Restock::Return, Some("3PL-1"));
            hands.refund(order, line, 3, Restock::Cancel, None);
        },
        &["A@3PL-1 11 on hand, 1 by shop", "A@WH-1 18 on hand, -2 by shop", B],
    )
    .await;
    check(
        "sold and handed over in a store",
        |hands| {
            hands.cart(Cart { lines: vec![("A".to_owned(), 2)], location: Some(location_id("WH-1")), ..Cart::default() });
        },
        &[TPL, "A@WH-1 18 on hand, -2 by shop", B],
    )
    .await;
}

/// Protects stock during refunds and returns: with every kind of restock, before and after shipment, with and without a refund,
/// and for exchanged items.
#[tokio::test]
async fn refunds_and_returns() {
    let restocked = &[TPL, "A@WH-1 20 on hand, 2 reserved", B];
    check(
        "refunded before shipment, restocked",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.refund(order, line, 1, Restock::Cancel, None);
        },
        restocked,
    )
    .await;
    check(
        "refunded before shipment, not restocked",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.refund(order, line, 1, Restock::NoRestock, None);
        },
        &[TPL, "A@WH-1 20 on hand, 2 reserved, 1 held, -1 by shop", B],
    )
    .await;
    check(
        "cancelled, not restocked",
        |hands| {
            let (order, _) = hands.buy("A", 3);
            let now = hands.now();
            hands.shop.cancel_with(now, order, false).expect("cancelled");
        },
        &[TPL, "A@WH-1 20 on hand, 3 held, -3 by shop", B],
    )
    .await;
    check(
        "refunded after shipment, restocked elsewhere",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.ship(order, line, 3);
            hands.refund(order, line, 2, Restock::Return, Some("3PL-1"));
        },
        &["A@3PL-1 12 on hand, 2 by shop", "A@WH-1 17 on hand, -3 by shop", B],
    )
    .await;
    check(
        "refunded after shipment, not restocked",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.ship(order, line, 3);
            hands.refund(order, line, 2, Restock::NoRestock, None);
        },
        &[TPL, "A@WH-1 17 on hand, -3 by shop", B],
    )
    .await;
    check(
        "refunded without a restock for what has shipped, then the rest ships",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.refund(order, line, 1, Restock::NoRestock, None);
            hands.ship(order, line, 2);
        },
        &[TPL, "A@WH-1 18 on hand, 1 held, -3 by shop", B],
    )
    .await;
    check(
        "returned and restocked without a refund",
        |hands| returned(hands, false),
        &["A@3PL-1 11 on hand, 1 by shop", "A@WH-1 17 on hand, -3 by shop", B],
    )
    .await;
    check(
        "returned, restocked and refunded",
        |hands| returned(hands, true),
        &["A@3PL-1 11 on hand, 1 by shop", "A@WH-1 17 on hand, -3 by shop", B],
    )
    .await;
    check(
        "exchanged",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.ship(order, line, 3);
            let now = hands.now();
            let back = hands.shop.request_return(now, order, &[(line, 1)]).expect("asked for");
            let now = hands.now();
            hands.shop.approve_return(now, back).expect("approved");
            let now = hands.now();
            hands.shop.exchange(now, back, "B", 1).expect("exchanged");
        },
        &[TPL, "A@WH-1 17 on hand, -3 by shop", "B@WH-1 5 on hand, 1 reserved"],
    )
    .await;
}

fn returned(hands: &mut Hands, refunded: bool) {
    let (order, line) = hands.buy("A", 3);
    hands.ship(order, line, 3);
    let now = hands.now();
    let back = hands.shop.request_return(now, order, &[(line, 1)]).expect("asked for");
    let now = hands.now();
    hands.shop.approve_return(now, back).expect("approved");
    let now = hands.now();
    hands.shop.dispose(now, back, line, 1, location_id("3PL-1"), Disposal::Restocked).expect("disposed");
    if refunded {
        let now = hands.now();
        let lines = vec![RefundLine { line, quantity: 1, restock: Restock::Return, location: Some(location_id("3PL-1")) }];
        hands.shop.refund(now, order, &RefundInput { lines, return_id: Some(back) }).expect("refunded");
    }
    let now = hands.now();
    hands.shop.close_return(now, back).expect("closed");
}

/// Protects stock from lines without stock, and from orders that the shop does not reserve for.
#[tokio::test]
async fn lines_without_stock() {
    let untouched = &[TPL, "A@WH-1 20 on hand", B];
    check(
        "neither confirmed nor paid",
        |hands| {
            hands.cart(Cart { lines: vec![("A".to_owned(), 3)], unconfirmed: true, unpaid: true, ..Cart::default() });
        },
        untouched,
    )
    .await;
    check(
        "test order",
        |hands| {
            let order = hands.cart(Cart { lines: vec![("A".to_owned(), 3)], test: true, ..Cart::default() });
            let now = hands.now();
            hands.shop.cancel(now, order).expect("cancelled");
        },
        untouched,
    )
    .await;
    check(
        "gift card, digital, untracked: beside an item that is stocked",
        |hands| {
            let shop = &mut *hands.shop;
            shop.add_item(NewItem { gift_card: true, untracked: true, ..NewItem::tracked("GIFT") }).expect("new");
            shop.add_item(NewItem { digital: true, untracked: true, ..NewItem::tracked("EBOOK") }).expect("new");
            shop.add_item(NewItem { untracked: true, ..NewItem::tracked("SAMPLE") }).expect("new");
            let lines = ["GIFT", "EBOOK", "SAMPLE", "A"].map(|sku| (sku.to_owned(), 1)).to_vec();
            hands.cart(Cart { lines, ..Cart::default() });
        },
        &[TPL, "A@WH-1 20 on hand, 1 reserved", B],
    )
    .await;
    check(
        "a bundle is its components",
        |hands| {
            let components = vec![("A".to_owned(), 2), ("B".to_owned(), 1)];
            hands.shop.add_item(NewItem { bundle: true, components, ..NewItem::tracked("SET") }).expect("new");
            hands.buy("SET", 2);
        },
        &[TPL, "A@WH-1 20 on hand, 4 reserved", "B@WH-1 5 on hand, 2 reserved"],
    )
    .await;
    check(
        "a product removed while it is ordered",
        |hands| {
            let (order, line) = hands.buy("A", 3);
            hands.shop.remove_item("A").expect("removed");
            hands.ship(order, line, 1);
        },
        &[TPL, "A@WH-1 19 on hand, 2 reserved, -1 by shop", B],
    )
    .await;
}
