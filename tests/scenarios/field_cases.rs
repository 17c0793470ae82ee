//! Inputs from the field that once led to a wrong number: stock that was never reported, times in the future, units that the shop
//! sets aside, orders that claim nothing in the shop, and levels that a person deactivated.

use promissory::catalog::{Item, Location};
use promissory::movement::EventId;
use promissory::source::StockKind;
use promissory_cli::ledger::decide::{settle, withdraw};
use promissory_fakes::shopify::{Cart, Edit, InventoryState, OrderId};
use promissory_tests::shop::{RunningShop, in_agreement, location_id, start};
use promissory_tests::source::event;
use promissory_tests::world::{World, position};
use reconciler::{Job, Report};
use serde_json::{Value, json};

async fn agreed(units: i64) -> (World, RunningShop) {
    let world = World::new().await;
    world.item("A", &[("WH-1", units)]).await;
    let running = in_agreement(&world).await;
    (world, running)
}

/// Runs the jobs after the settling window, and pushes what they find.
async fn compare(world: &World, running: &RunningShop) -> promissory::reconcile::CompareReport {
    running.sweep_settled(world).await;
    world.reconcile(running.front(), Job::Read).await.expect("read");
    world.settle().await;
    let report = world.reconcile(running.front(), Job::Compare).await.expect("compared");
    let Report::Compare(report) = report else { panic!("{report:?}") };
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
    report
}

fn buy(world: &World, running: &RunningShop, cart: &Cart) -> OrderId {
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.checkout_cart(now, cart).expect("placed"))
}

fn of_a(units: i64) -> Vec<(String, i64)> {
    vec![("A".to_owned(), units)]
}

/// Protects a shop that goes live before its stock is reported: the level is left as it is, an alert says so, and a count of
/// zero is a report.
#[tokio::test]
async fn a_level_without_reported_stock_is_left_alone() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let running = start(&world);
    let (now, a) = (world.clock.after(0), running.item("A"));
    running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), 500, true).expect("known"));
    buy(&world, &running, &Cart { lines: of_a(4), ..Cart::default() });
    running.deliver_all(&world).await;
    compare(&world, &running).await;
    compare(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (496, 4), "nothing is set");
    assert_eq!(world.alerts(), [format!("stock_never_reported#{}#A#WH-1 raised", world.shop)]);
    world.take_stock([world.stock("counted", "A", "WH-1", StockKind::Count, 0)]).await;
    compare(&world, &running).await;
    compare(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (-4, 4), "a count of zero is a report");
    assert_eq!(world.alerts(), [format!("stock_never_reported#{}#A#WH-1 cleared", world.shop)]);
}

/// Protects a position from a time in the future: it is refused, the answer says why nothing moved, and a stored count with a
/// wrong time can be withdrawn.
#[tokio::test]
async fn a_wrong_time_is_refused_explained_and_withdrawn() {
    let (world, _running) = agreed(20).await;
    world.clock.pass(3_600);
    let post = async |events: &[Value]| world.post(promissory_tests::source::Post::new(&world, events)).await.1["events"].clone();
    let later = world.clock.after(3_600).to_string();
    let refused = post(&[event(&world, "c1", "count", 10, &json!({ "occurred_at": later }))]).await;
    assert_eq!(refused[0]["outcome"], "refused", "{refused}");
    assert!(refused[0]["detail"].as_str().is_some_and(|detail| detail.contains("after our time")), "{refused}");
    let wrong = post(&[event(&world, "c2", "count", 10, &json!({}))]).await;
    assert_eq!(wrong[0]["movements"], 1, "{wrong}");
    let earlier = (world.clock.after(0) - jiff::SignedDuration::from_mins(10)).to_string();
    let right = |id: &str| event(&world, id, "count", 30, &json!({ "occurred_at": earlier }));
    let ignored = post(&[right("c3")]).await;
    assert_eq!((&ignored[0]["outcome"], &ignored[0]["movements"]), (&json!("applied"), &json!(0)));
    assert!(ignored[0]["detail"].as_str().is_some_and(|why| why.starts_with("ignored: older than the count of")), "{ignored}");
    let network = promissory::flows::load_network(&world.table.store).await.expect("loaded");
    let ports = (&world.table.store, &world.clock, &network);
    let done = withdraw(ports, position("A", "WH-1"), EventId::new("wms", "c2")).await.expect("withdrawn");
    assert_eq!(done.movements, 1);
    assert_eq!(world.positions().await, ["A@WH-1 20 on hand, 0 reserved"]);
    let again = withdraw(ports, position("A", "WH-1"), EventId::new("wms", "c2")).await.expect("known");
    assert_eq!(again.movements, 0, "a repeated command changes nothing");
    let unknown = withdraw(ports, position("A", "WH-1"), EventId::new("wms", "c9")).await;
    assert!(unknown.is_err_and(|error| error.to_string().contains("no count or balance")));
    assert_eq!(post(&[right("c4")]).await[0]["movements"], 1);
    assert_eq!(world.positions().await, ["A@WH-1 30 on hand, 0 reserved"], "the count of that time, with what came later on top");
}

/// Protects units that an edit removed: the comparison does not put them on sale by itself. It settles what the shop restocked,
/// and an operator decides the rest.
#[tokio::test]
async fn units_that_an_edit_removed_wait_for_a_decision() {
    for (restock, confirm, shown, held) in [(true, None, 18, 0), (false, Some(true), 18, 0), (false, Some(false), 17, 1)] {
        let (world, running) = agreed(20).await;
        let order = buy(&world, &running, &Cart { lines: of_a(3), ..Cart::default() });
        let now = world.clock.after(0);
        running.server.shop(|shop| {
            let line = shop.order(order).expect("placed").lines[0].id;
            shop.edit(now, order, &Edit { remove: vec![(line, 1)], restock, ..Edit::default() }).expect("edited");
        });
        running.deliver_all(&world).await;
        compare(&world, &running).await;
        let parked = compare(&world, &running).await.parked;
        let shop = &world.shop;
        let network = promissory::flows::load_network(&world.table.store).await.expect("loaded");
        let ports = (&world.table.store, &world.clock, &network);
        match confirm {
            None => {
                assert_eq!((parked, world.alerts()), (0, Vec::new()), "the shop restocked the unit");
                assert!(settle(ports, position("A", "WH-1"), true).await.is_err(), "nothing waits");
            }
            Some(confirm) => {
                assert_eq!((parked, running.shown("A", "WH-1")), (1, (17, 2)), "the unit is not put on sale");
                assert_eq!(world.alerts(), [format!("parked_change#{shop}#A#WH-1 raised")]);
                settle(ports, position("A", "WH-1"), confirm).await.expect("decided");
                world.settle().await;
                assert_eq!(world.alerts(), [format!("parked_change#{shop}#A#WH-1 cleared")]);
            }
        }
        compare(&world, &running).await;
        compare(&world, &running).await;
        assert_eq!(running.shown("A", "WH-1"), (shown, 2), "restock {restock}, confirm {confirm:?}");
        let balance = world.promise("A").await.places[&position("A", "WH-1").place].balance;
        assert_eq!(balance.held.units(), held, "restock {restock}, confirm {confirm:?}");
        running.assert_agreement(&world).await;
    }
}

/// Protects a unit that the admin removed from a partly shipped order without a restock: it is withheld.
#[tokio::test]
async fn a_unit_removed_in_the_admin_is_withheld() {
    let (world, running) = agreed(20).await;
    let order = buy(&world, &running, &Cart { lines: of_a(3), ..Cart::default() });
    let now = world.clock.after(0);
    running.server.shop(|shop| {
        let line = shop.order(order).expect("placed").lines[0].id;
        shop.fulfil(now, order, Some(&[(line, 2)])).expect("shipped");
        shop.remove_in_admin(now, order, line, 1).expect("removed");
    });
    running.deliver_all(&world).await;
    let report = compare(&world, &running).await;
    assert_eq!((report.drifted, running.shown("A", "WH-1")), (Vec::new(), (17, 0)));
    let balance = world.promise("A").await.places[&position("A", "WH-1").place].balance;
    assert_eq!((balance.on_hand.units(), balance.held.units()), (18, 1));
}

/// Protects units that a draft reserves or a person sets aside: they stay off sale.
#[tokio::test]
async fn units_that_the_shop_sets_aside_stay_off_sale() {
    for state in InventoryState::ALL {
        let (world, running) = agreed(10).await;
        let (now, a) = (world.clock.after(0), running.item("A"));
        running.server.shop(|shop| shop.set_aside(now, a, location_id("WH-1"), (state, 3)).expect("known"));
        let report = compare(&world, &running).await;
        assert_eq!((report.drifted, running.shown("A", "WH-1")), (Vec::new(), (7, 0)), "{state:?}");
        world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 5)]).await;
        compare(&world, &running).await;
        assert_eq!(running.shown("A", "WH-1"), (12, 0), "{state:?}: five more arrive");
    }
}

/// Protects customers from orders that claim nothing in the shop: their units are taken off what the shop shows, and come back
/// when they ship or the order is cancelled.
#[tokio::test]
async fn orders_that_claim_nothing_are_subtracted() {
    let pre_order = Cart { lines: of_a(4), pre_order: true, ..Cart::default() };
    let unconfirmed = Cart { lines: of_a(4), unconfirmed: true, ..Cart::default() };
    for (case, cart, ships, alone) in [
        ("ships", &pre_order, true, true),
        ("is cancelled", &pre_order, false, true),
        ("by API", &unconfirmed, true, true),
        ("ships", &pre_order, true, false),
        ("is cancelled", &pre_order, false, false),
    ] {
        let (world, running) = agreed(10).await;
        let order = buy(&world, &running, cart);
        running.deliver_all(&world).await;
        assert_eq!(running.shown("A", "WH-1"), (10, 0), "{case}: the shop claims nothing");
        compare(&world, &running).await;
        assert_eq!(running.shown("A", "WH-1"), (6, 0), "{case}: four are promised");
        let other = if alone { 0 } else { 2 };
        if !alone {
            buy(&world, &running, &Cart { lines: of_a(other), ..Cart::default() });
            running.deliver_all(&world).await;
            compare(&world, &running).await;
            assert_eq!(running.shown("A", "WH-1"), (4, 2), "{case}: an order that claims its units changes nothing else");
        }
        let now = world.clock.after(0);
        running.server.shop(|shop| match ships {
            true => drop(shop.fulfil(now, order, None).expect("shipped")),
            false => shop.cancel(now, order).expect("cancelled"),
        });
        running.deliver_all(&world).await;
        world.settle().await;
        let hints = world.hints.take();
        world.push(running.front(), &hints).await;
        let expected = (if ships { 6 } else { 10 } - other, other);
        if alone {
            assert_eq!(running.shown("A", "WH-1"), expected, "{case}: what was subtracted comes back at once");
        }
        // Beside another reservation it is not known whose units left, so the next comparison gives the rest back.
        compare(&world, &running).await;
        assert_eq!(running.shown("A", "WH-1"), expected, "{case}, alone {alone}");
        assert_eq!(compare(&world, &running).await.drifted, [], "{case}");
    }
}

/// Protects a level that a person deactivated: an alert says so, and it is set again once it is active. A first activation gives
/// its quantity, so that an old number is never on sale.
#[tokio::test]
async fn a_deactivated_level_is_reported_and_an_old_quantity_never_shown() {
    let (world, running) = agreed(10).await;
    let (now, a) = (world.clock.after(0), running.item("A"));
    running.server.shop(|shop| shop.deactivate(a, location_id("WH-1")).expect("known"));
    compare(&world, &running).await;
    assert_eq!(world.alerts(), [format!("level_deactivated#{}#A#WH-1 raised", world.shop)]);
    world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 5)]).await;
    compare(&world, &running).await;
    running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), 10, true).expect("known"));
    compare(&world, &running).await;
    compare(&world, &running).await;
    assert_eq!(running.shown("A", "WH-1"), (15, 0));
    assert_eq!(world.alerts(), [format!("level_deactivated#{}#A#WH-1 cleared", world.shop)]);

    let world = World::new().await;
    world.item("A", &[("WH-1", 0)]).await;
    world.take_stock([world.stock("counted", "A", "WH-1", StockKind::Count, 0)]).await;
    let running = start(&world);
    let (now, a) = (world.clock.after(0), running.item("A"));
    running.server.shop(|shop| {
        shop.stock(now, a, location_id("WH-1"), 7, true).expect("known");
        shop.deactivate(a, location_id("WH-1")).expect("known");
    });
    compare(&world, &running).await;
    let hint = world.hint(&[("A", "WH-1")]);
    world.push(running.front(), &[hint]).await;
    assert_eq!(running.shown("A", "WH-1"), (0, 0), "the seven from long ago are not on sale");
}

/// Protects an operator who takes an item or a location out of a shop, as the alert about a deactivated level advises: the level ends,
/// and its alert with it. When the listing comes back, the level is set again.
#[tokio::test]
async fn a_level_ends_with_its_listing_or_its_location_code() {
    for listing_is_removed in [false, true] {
        let (world, running) = agreed(10).await;
        let (now, a) = (world.clock.after(0), running.item("A"));
        running.server.shop(|shop| shop.deactivate(a, location_id("WH-1")).expect("known"));
        compare(&world, &running).await;
        assert_eq!(world.alerts(), [format!("level_deactivated#{}#A#WH-1 raised", world.shop)]);
        let location = world.network.locations().find(|location| location.code.as_str() == "WH-1").expect("ours").clone();
        if listing_is_removed {
            world.put(&Item { shops: [].into(), ..world.plain("A") }).await;
        } else {
            world.put(&Location { shops: [].into(), ..location.clone() }).await;
        }
        world.clock.pass(61); // The caches of the network have expired.
        world.take_stock([world.stock("r", "A", "WH-1", StockKind::Receipt, 5)]).await;
        world.settle().await;
        let levels = async || world.contents().await.levels.iter().filter(|level| level.location.as_str() == "WH-1").count();
        assert_eq!(levels().await, 0, "listing: {listing_is_removed}");
        assert_eq!(world.alerts(), [format!("level_deactivated#{}#A#WH-1 cleared", world.shop)]);

        if listing_is_removed {
            world.put(&world.plain("A")).await;
        } else {
            world.put(&location).await;
        }
        running.server.shop(|shop| shop.stock(now, a, location_id("WH-1"), 3, true).expect("known"));
        world.clock.pass(61);
        compare(&world, &running).await;
        world.reconcile(running.front(), Job::Backlog).await.expect("hinted");
        compare(&world, &running).await;
        assert_eq!((levels().await, running.shown("A", "WH-1")), (1, (15, 0)), "listing: {listing_is_removed}");
    }
}
