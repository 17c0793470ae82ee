//! The effect of an order's webhooks on the ledger, in any order of arrival.

use promissory::movement::Movement;
use promissory_tests::webhook::{FulfilmentBody, OrderBody, fulfilment, order};
use promissory_tests::world::{STORE, TPL, WH, World};

/// A webhook of a case.
#[derive(Clone)]
struct Hook(&'static str, Vec<u8>);

fn create(body: OrderBody) -> Hook {
    Hook("orders/create", body.bytes())
}

fn update(body: OrderBody) -> Hook {
    Hook("orders/updated", body.bytes())
}

fn cancel(body: OrderBody) -> Hook {
    Hook("orders/cancelled", body.cancelled().bytes())
}

fn fulfil(body: FulfilmentBody) -> Hook {
    Hook("fulfillments/create", body.bytes())
}

/// The opening stock.
const OPENING: [(&str, &[(&str, i64)]); 2] = [("A", &[("WH-1", 10), ("3PL-1", 5), ("STORE-1", 4)]), ("B", &[("WH-1", 8)])];

async fn world() -> World {
    let world = World::new().await;
    for (sku, stock) in OPENING {
        world.item(sku, stock).await;
    }
    world
}

/// The positions that differ from the opening stock.
async fn changed(world: &World) -> Vec<String> {
    let opening: Vec<String> = OPENING
        .iter()
        .flat_map(|(sku, stock)| stock.iter().map(move |(place, units)| format!("{sku}@{place} {units} on hand, 0 reserved")))
        .collect();
    let is_news = |position: &String| !opening.contains(position) && !position.ends_with(" 0 on hand, 0 reserved");
    world.positions().await.into_iter().filter(is_news).collect()
}

fn in_words(movement: &Movement) -> String {
    format!("{} {} {}", movement.of, movement.name(), movement.quantity)
}

/// Every order in which the webhooks can arrive.
fn orders_of(hooks: &[Hook]) -> Vec<Vec<usize>> {
    hooks.iter().enumerate().fold(vec![Vec::new()], |shorter, (n, _)| {
        let insert = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            (0..=order.len()).map(|at| [&order[..at], &[n], &order[at..]].concat()).collect()
        };
        shorter.iter().flat_map(insert).collect()
    })
}

/// Delivers the webhooks of a case as written and checks positions and movements. Then delivers them in every other order, each
/// twice, and checks the same positions.
async fn check(case: &str, hooks: &[Hook], positions: &[&str], movements: &[&str]) {
    let in_order = world().await;
    for (n, Hook(topic, body)) in hooks.iter().enumerate() {
        in_order.deliver_accepted(topic, &format!("w{n}"), body.clone()).await;
    }
    assert_eq!(changed(&in_order).await, positions, "{case}");
    let contents = in_order.contents().await;
    let by_order = contents.all_movements().filter(|movement| movement.cause.order.is_some());
    let mut found: Vec<&Movement> = by_order.collect();
    found.sort_by_key(|movement| (movement.of.to_string(), movement.seq));
    let found: Vec<String> = found.into_iter().map(in_words).collect();
    assert_eq!(found, movements, "{case}");
    for arrival in orders_of(hooks) {
        let world = world().await;
        for n in arrival.iter().chain(arrival.iter().rev()) {
            let Hook(topic, body) = &hooks[*n];
            world.deliver_accepted(topic, &format!("w{n}"), body.clone()).await;
        }
        assert_eq!(changed(&world).await, positions, "{case}, arriving as {arrival:?} and again backwards");
    }
}

fn three() -> OrderBody {
    order(1).line(11, "A", 3)
}

/// Protects the promise to a customer: an order reserves once, whatever its channel, and only items with stock.
#[tokio::test]
async fn orders_reserve_units() {
    check("created", &[create(three())], &["A@unassigned 0 on hand, 3 reserved"], &["A@unassigned reserve 3"]).await;
    check(
        "two lines of one SKU",
        &[create(three().line(12, "A", 2))],
        &["A@unassigned 0 on hand, 5 reserved"],
        &["A@unassigned reserve 3", "A@unassigned reserve 2"],
    )
    .await;
    check(
        "two SKUs",
        &[create(three().line(12, "B", 2))],
        &["A@unassigned 0 on hand, 3 reserved", "B@unassigned 0 on hand, 2 reserved"],
        &["A@unassigned reserve 3", "B@unassigned reserve 2"],
    )
    .await;
    check("sold in a store", &[create(three().sold_at(STORE))], &["A@STORE-1 4 on hand, 3 reserved"], &["A@STORE-1 reserve 3"])
        .await;
    let unconfirmed = || three().with("confirmed", false.into());
    check("unconfirmed, unpaid", &[create(unconfirmed().with("financial_status", "pending".into()))], &[], &[]).await;
    check("unconfirmed, paid", &[create(unconfirmed())], &["A@unassigned 0 on hand, 3 reserved"], &["A@unassigned reserve 3"])
        .await;
    check(
        "more than the stock",
        &[create(order(1).line(11, "A", 99))],
        &["A@unassigned 0 on hand, 99 reserved"],
        &["A@unassigned reserve 99"],
    )
    .await;
    check(
        "confirmed a moment later",
        &[create(three().with("confirmed", false.into())), update(three().at(5))],
        &["A@unassigned 0 on hand, 3 reserved"],
        &["A@unassigned reserve 3"],
    )
    .await;
}

/// Protects the count: shipped units leave their location once, whichever webhook arrives first.
#[tokio::test]
async fn fulfilments_ship_units() {
    let whole = || fulfilment(7, 1, WH).at(5).line(11, 3);
    let moved = ["A@WH-1 assign_in 3", "A@WH-1 ship 3", "A@unassigned reserve 3", "A@unassigned assign_out 3"];
    let gone = ["A@WH-1 7 on hand, 0 reserved"];
    check("created, then shipped", &[create(three()), fulfil(whole())], &gone, &moved).await;
    check(
        "shipped, reported by both webhooks",
        &[create(three()), fulfil(whole()), update(order(1).at(5).partly_open(11, "A", 3, 0).shipped(&whole()))],
        &gone,
        &moved,
    )
    .await;
    let at_once = ["A@WH-1 reserve 3", "A@WH-1 ship 3"];
    check("shipped before it is created", &[fulfil(whole()), create(three())], &gone, &at_once).await;
    check("only the fulfilment webhook arrives", &[fulfil(whole())], &[], &[]).await;
    check(
        "shipped in parts from two places",
        &[
            create(three()),
            fulfil(fulfilment(7, 1, WH).at(5).line(11, 1)),
            fulfil(fulfilment(8, 1, TPL).at(6).line(11, 2)),
            update(
                order(1)
                    .at(6)
                    .partly_open(11, "A", 3, 0)
                    .shipped(&fulfilment(7, 1, WH).at(5).line(11, 1))
                    .shipped(&fulfilment(8, 1, TPL).at(6).line(11, 2)),
            ),
        ],
        &["A@3PL-1 3 on hand, 0 reserved", "A@WH-1 9 on hand, 0 reserved"],
        &[
            "A@3PL-1 assign_in 2",
            "A@3PL-1 ship 2",
            "A@WH-1 assign_in 1",
            "A@WH-1 ship 1",
            "A@unassigned reserve 3",
            "A@unassigned assign_out 1",
            "A@unassigned assign_out 2",
        ],
    )
    .await;
    check(
        "partly shipped",
        &[create(three()), fulfil(fulfilment(7, 1, WH).at(5).line(11, 1))],
        &["A@WH-1 9 on hand, 0 reserved", "A@unassigned 0 on hand, 2 reserved"],
        &["A@WH-1 assign_in 1", "A@WH-1 ship 1", "A@unassigned reserve 3", "A@unassigned assign_out 1"],
    )
    .await;
    check(
        "two lines of one SKU in one shipment",
        &[create(three().line(12, "A", 2)), fulfil(whole().line(12, 2))],
        &["A@WH-1 5 on hand, 0 reserved"],
        &[
            "A@WH-1 assign_in 3",
            "A@WH-1 ship 3",
            "A@WH-1 assign_in 2",
            "A@WH-1 ship 2",
            "A@unassigned reserve 3",
            "A@unassigned reserve 2",
            "A@unassigned assign_out 3",
            "A@unassigned assign_out 2",
        ],
    )
    .await;
    let over_the_counter = fulfilment(7, 1, STORE).line(11, 3);
    check(
        "sold and handed over in a store",
        &[
            create(order(1).partly_open(11, "A", 3, 0).sold_at(STORE).shipped(&over_the_counter)),
            fulfil(over_the_counter.clone()),
        ],
        &["A@STORE-1 1 on hand, 0 reserved"],
        &["A@STORE-1 reserve 3", "A@STORE-1 ship 3"],
    )
    .await;
    check(
        "shipped from an unmapped location",
        &[create(three()), fulfil(fulfilment(7, 1, 999).at(5).line(11, 3))],
        &["A@unassigned -3 on hand, 0 reserved"],
        &["A@unassigned reserve 3", "A@unassigned ship 3"],
    )
    .await;
}

/// Protects stock from stale reservations: cancelled, removed or undone units are released where they were reserved.
#[tokio::test]
async fn cancelled_and_removed_units_are_released() {
    let reserved_and_released = ["A@unassigned reserve 3", "A@unassigned release 3"];
    check("cancelled", &[create(three()), cancel(three().at(9))], &[], &reserved_and_released).await;
    check("cancelled before it is created", &[cancel(three().at(9)), create(three())], &[], &[]).await;
    check("cancelled in the second it was created", &[create(three()), cancel(three())], &[], &reserved_and_released).await;
    check(
        "units removed",
        &[create(three()), update(order(1).at(4).partly_open(11, "A", 3, 1))],
        &["A@unassigned 0 on hand, 1 reserved"],
        &["A@unassigned reserve 3", "A@unassigned release 2"],
    )
    .await;
    let part = || fulfilment(7, 1, WH).at(5).line(11, 1);
    check(
        "cancelled after a part was shipped",
        &[create(three()), fulfil(part()), cancel(three().at(9).shipped(&part()))],
        &["A@WH-1 9 on hand, 0 reserved"],
        &["A@WH-1 assign_in 1", "A@WH-1 ship 1", "A@unassigned reserve 3", "A@unassigned assign_out 1", "A@unassigned release 2"],
    )
    .await;
    let void = fulfilment(7, 1, WH).at(8).line(11, 1).void();
    check(
        "a shipment is undone",
        &[
            create(three()),
            update(order(1).at(5).partly_open(11, "A", 3, 2).shipped(&part())),
            update(three().at(8).shipped(&void)),
        ],
        &["A@unassigned 0 on hand, 3 reserved"],
        &[
            "A@WH-1 assign_in 1",
            "A@WH-1 ship 1",
            "A@WH-1 reverse_ship 1",
            "A@unassigned reserve 3",
            "A@unassigned assign_out 1",
            "A@unassigned reserve 1",
        ],
    )
    .await;
}

/// Protects newer content from older webhooks: a late webhook changes nothing.
#[tokio::test]
async fn older_webhooks_change_nothing() {
    let version = |seconds: i64, units: i64| order(1).at(seconds).line(11, "A", units);
    check(
        "an update overtakes another",
        &[create(three()), update(version(9, 6)), update(version(5, 4))],
        &["A@unassigned 0 on hand, 6 reserved"],
        &["A@unassigned reserve 3", "A@unassigned reserve 3"],
    )
    .await;
    check(
        "a line is added, then another",
        &[create(three()), update(three().at(3).line(12, "B", 1)), update(three().at(4).line(12, "B", 1).line(13, "A", 1))],
        &["A@unassigned 0 on hand, 4 reserved", "B@unassigned 0 on hand, 1 reserved"],
        &["A@unassigned reserve 3", "A@unassigned reserve 1", "B@unassigned reserve 1"],
    )
    .await;
}

/// Protects against the coarse clock of orders: two webhooks of one second end in the state after both.
#[tokio::test]
async fn a_shipment_undone_within_its_second_is_reserved_again() {
    let shipped = fulfilment(7, 1, WH).at(5).line(11, 3);
    check(
        "shipped and undone within one second",
        &[
            create(three()),
            update(order(1).at(5).partly_open(11, "A", 3, 0).shipped(&shipped)),
            update(three().at(5).shipped(&shipped.clone().void())),
        ],
        &["A@unassigned 0 on hand, 3 reserved"],
        &[
            "A@WH-1 assign_in 3",
            "A@WH-1 ship 3",
            "A@WH-1 reverse_ship 3",
            "A@unassigned reserve 3",
            "A@unassigned assign_out 3",
            "A@unassigned reserve 3",
        ],
    )
    .await;
}
