//! The lots that a shop shows of an item: the available lots, first to expire first.

use std::sync::Arc;

use jiff::Span;
use promissory::catalog::MetafieldKind;
use promissory::catalog::{Item, Location, ShopListing, TimeZone, VariantId};
use promissory::flows::push::{PushReport, push};
use promissory::ports::read;
use promissory::storefront::{Hint, LotValue, PushTarget, VariantMetafield};
use promissory::table::{RowKey, RowKind};
use promissory_fakes::shopify::Faults;
use promissory_tests::faults::Fault;
use promissory_tests::front::{OddShop, Oddity};
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::source::event;
use promissory_tests::world::{SETTLING_WINDOW, World, since};
use reconciler::{Job, Report};
use serde_json::json;
use tokio::sync::Notify;

/// A world and a shop with equal levels for these items, each kept by lot, sold as a variant, and without units.
async fn agreed(skus: &[&str]) -> (World, RunningShop) {
    let world = World::new().await;
    for sku in skus {
        world.item(sku, &[]).await;
    }
    let running = in_agreement(&world).await;
    for sku in skus {
        world.put(&by_lot(&world, &running, sku)).await;
    }
    push_all(&world, &running).await;
    (world, running)
}

fn by_lot(world: &World, running: &RunningShop, sku: &str) -> Item {
    let plain = world.plain(sku);
    let variant = variant(running, sku);
    let shops = plain.shops.into_iter().map(|(shop, listed)| (shop, ShopListing { variant, ..listed })).collect();
    Item { by_lot: true, shops, ..world.plain(sku) }
}

fn variant(running: &RunningShop, sku: &str) -> Option<VariantId> {
    running.server.shop(|shop| VariantId::from_gid(&shop.item(sku)?.variant.gid()))
}

/// Plays the stream, then pushes every hint.
async fn push_all(world: &World, running: &RunningShop) -> usize {
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(world.push(running.front(), &hints).await, [0; 0], "a hint was given back");
    hints.len()
}

/// Sends an event about a lot, such as a receipt.
async fn lot_event(world: &World, sku: &str, kind: &str, units: i64, lot: &str, expires: Option<&str>) {
    world.clock.pass(1);
    let id = format!("{sku}:{kind}:{}", world.clock.after(0));
    let mut more = json!({ "sku": sku, "lot": lot });
    if let Some(expires) = expires {
        more["expires"] = json!(expires);
    }
    assert_eq!(world.send_events(&[event(world, &id, kind, units, &more)]).await, ["applied"], "{kind} {units} of {lot}");
}

/// The lots that the shop shows, e.g. `L-7 2027-05-31, L-9`; `None` where it shows nothing.
fn shown(running: &RunningShop, sku: &str) -> Option<String> {
    let item = running.item(sku);
    let value = running.server.shop(|shop| shop.metafield(item, "promissory", "lots").map(str::to_owned))?;
    let lots: Vec<LotValue> = serde_json::from_str(&value).expect("a list of lots");
    let in_words = lots.into_iter().map(|it| match it.expires {
        Some(expires) => format!("{} {expires}", it.lot),
        None => it.lot.to_string(),
    });
    Some(in_words.collect::<Vec<_>>().join(", "))
}

async fn metafield(world: &World, sku: &str) -> Option<VariantMetafield> {
    let key = RowKey::Metafield { shop: world.shop.clone(), sku: sku.parse().expect("a SKU"), kind: MetafieldKind::Lots };
    read::<VariantMetafield, _>(&world.table.store, &key).await.expect("read").0
}

async fn assert_at_rest(world: &World, running: &RunningShop, skus: &[&str]) {
    running.assert_agreement(world).await;
    for sku in skus {
        let metafield = metafield(world, sku).await.expect("a metafield");
        assert!(!metafield.is_due() && metafield.sending_since.is_none(), "{metafield:?}");
    }
}

fn metafields_of(sku: &str) -> PushTarget {
    PushTarget::Metafields { sku: sku.parse().expect("a SKU") }
}

fn hint_of_metafield(world: &World, sku: &str) -> Hint {
    Hint { shop: world.shop.clone(), targets: [metafields_of(sku)].into() }
}

/// Protects what customers read: lots appear and disappear with their units, held lots are hidden, and the first to expire is
/// first.
#[tokio::test]
async fn a_shop_shows_the_available_lots() {
    let (world, running) = agreed(&["A"]).await;
    assert_eq!(shown(&running, "A").as_deref(), Some(""), "an item kept by lot shows an empty list");
    let rows = [
        ("receipt", 5, "LATE", Some("2028-01-01"), "LATE 2028-01-01", 1),
        ("receipt", 2, "SOON", Some("2027-01-01"), "SOON 2027-01-01, LATE 2028-01-01", 1),
        ("receipt", 2, "EVER", None, "SOON 2027-01-01, LATE 2028-01-01, EVER", 1),
        ("receipt", 3, "SOON", None, "SOON 2027-01-01, LATE 2028-01-01, EVER", 0),
        ("quality_hold", 4, "LATE", None, "SOON 2027-01-01, LATE 2028-01-01, EVER", 0),
        ("quality_hold", 1, "LATE", None, "SOON 2027-01-01, EVER", 1),
        ("quality_release", 1, "LATE", None, "SOON 2027-01-01, LATE 2028-01-01, EVER", 1),
        ("write_off", 5, "SOON", None, "LATE 2028-01-01, EVER", 1),
        ("receipt", 1, "EVER", Some("2026-12-24"), "EVER 2026-12-24, LATE 2028-01-01", 1),
    ];
    for (kind, units, lot, expires, expected, calls) in rows {
        let before = running.calls("SetMetafields");
        lot_event(&world, "A", kind, units, lot, expires).await;
        push_all(&world, &running).await;
        let case = format!("{kind} {units} of {lot}");
        assert_eq!(shown(&running, "A").as_deref(), Some(expected), "{case}");
        assert_eq!(running.calls("SetMetafields") - before, calls, "{case}: sent only when a lot appears or disappears");
        assert_at_rest(&world, &running, &["A"]).await;
    }
    // Sold units leave first-expired-first-out. The last unit of a lot removes it from the list.
    let now = world.clock.after(0);
    let placed = running.server.shop(|shop| shop.checkout(now, &[("A", 3)]).expect("placed"));
    running.server.shop(|shop| shop.fulfil(now, placed, None).expect("shipped"));
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "A").as_deref(), Some("LATE 2028-01-01"));
}

/// Protects customers from unavailable lots: the list contains the lots of all active locations, each lot once.
#[tokio::test]
async fn lots_are_those_of_the_network() {
    let (world, running) = agreed(&["A"]).await;
    let wh = world.network.locations().find(|location| location.code.as_str() == "WH-1").expect("ours").clone();
    let receipts = [("r1", "WH-1", "BOTH", 3), ("r2", "STORE-1", "BOTH", 1), ("r3", "WH-1", "HERE", 1)];
    for (id, location, lot, units) in receipts {
        world.send_events(&[event(&world, id, "receipt", units, &json!({ "location": location, "lot": lot }))]).await;
    }
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "A").as_deref(), Some("BOTH, HERE"));
    for (active, expected) in [(false, "BOTH"), (true, "BOTH, HERE")] {
        world.put(&Location { active, ..wh.clone() }).await;
        world.settle().await;
        world.clock.pass(61); // The caches of the network have expired.
        let report = world.reconcile(running.front(), Job::Backlog).await.expect("done");
        assert!(matches!(report, Report::Backlog(_)), "{report:?}");
        push_all(&world, &running).await;
        assert_eq!(shown(&running, "A").as_deref(), Some(expected), "in use: {active}");
    }
}

/// Protects the rate limit, and shops without the scope: items without lots to show have no row and cause no call.
#[tokio::test]
async fn other_items_have_no_metafield() {
    let world = World::new().await;
    for sku in ["PLAIN", "NO-VARIANT"] {
        world.item(sku, &[]).await;
    }
    let running = in_agreement(&world).await;
    world.put(&Item { by_lot: false, ..by_lot(&world, &running, "PLAIN") }).await;
    world.put(&Item { by_lot: true, ..world.plain("NO-VARIANT") }).await;
    for sku in ["PLAIN", "NO-VARIANT"] {
        lot_event(&world, sku, "receipt", 5, "L", Some("2027-01-01")).await;
        push_all(&world, &running).await;
        assert_eq!((metafield(&world, sku).await, shown(&running, sku)), (None, None), "{sku}");
    }
    assert_eq!((running.calls("SetMetafields"), world.table.count(RowKind::Metafield)), (0, 0));
    running.assert_agreement(&world).await;
    // The variant of the item becomes known, so its metafield can be written.
    world.put(&by_lot(&world, &running, "NO-VARIANT")).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "NO-VARIANT").as_deref(), Some("L 2027-01-01"));
}

/// Protects a shop from lots that are no longer kept: the list is emptied, and then the metafield row is deleted.
#[tokio::test]
async fn an_item_no_longer_kept_by_lot_shows_none() {
    let (world, running) = agreed(&["A"]).await;
    lot_event(&world, "A", "receipt", 5, "L", None).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "A").as_deref(), Some("L"));
    world.put(&Item { by_lot: false, ..by_lot(&world, &running, "A") }).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "A").as_deref(), Some(""));
    lot_event(&world, "A", "receipt", 5, "M", None).await;
    push_all(&world, &running).await;
    assert_eq!((shown(&running, "A").as_deref(), metafield(&world, "A").await), (Some(""), None));
    assert!(world.promise("A").await.lots_metafield_in.is_empty(), "the promise still lists the shop");
    world.put(&by_lot(&world, &running, "A")).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "A").as_deref(), Some("L"), "kept by lot again: units received meanwhile have no lot");
}

/// Protects a variant that was moved to another item: the lots of the former item are no longer shown.
#[tokio::test]
async fn a_variant_shows_the_lots_of_its_own_item() {
    let (world, running) = agreed(&["A", "B"]).await;
    lot_event(&world, "A", "receipt", 5, "OF-A", None).await;
    lot_event(&world, "B", "receipt", 5, "OF-B", None).await;
    push_all(&world, &running).await;
    let sold_as = |sku: &str, variant: Option<VariantId>| {
        let mut item = by_lot(&world, &running, sku);
        item.shops.values_mut().for_each(|listed| listed.variant = variant);
        item
    };
    world.put(&sold_as("A", variant(&running, "B"))).await;
    world.put(&sold_as("B", None)).await;
    push_all(&world, &running).await;
    assert_eq!((shown(&running, "B").as_deref(), metafield(&world, "B").await), (Some("OF-A"), None));
    lot_event(&world, "B", "receipt", 5, "MORE-OF-B", None).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "B").as_deref(), Some("OF-A"));
}

/// Two items that have units of another lot than the shop shows, with current levels, and a hint for each.
async fn due() -> (World, RunningShop, Vec<Hint>) {
    let (world, running) = agreed(&["A", "B"]).await;
    for sku in ["A", "B"] {
        lot_event(&world, sku, "receipt", 5, "L", None).await;
    }
    push_all(&world, &running).await;
    assert_eq!(both(&running), all("L"));
    for sku in ["A", "B"] {
        exchange(&world, sku, "L", "M").await;
    }
    world.settle().await;
    let hints = world.hints.take();
    assert_eq!(hints, [Hint { targets: ["A", "B"].map(metafields_of).into(), shop: world.shop.clone() }]);
    (world, running, hints)
}

/// Exchanges five units of one lot for five of another, so that no level changes.
async fn exchange(world: &World, sku: &str, from: &str, to: &str) {
    lot_event(world, sku, "receipt", 5, to, None).await;
    lot_event(world, sku, "write_off", 5, from, None).await;
}

fn both(running: &RunningShop) -> [Option<String>; 2] {
    ["A", "B"].map(|sku| shown(running, sku))
}

fn all(lots: &str) -> [Option<String>; 2] {
    [Some(lots.to_owned()), Some(lots.to_owned())]
}

/// Pushes as the queue does: repeats after a while until no hint is given back.
async fn push_until_done(world: &World, running: &RunningShop, hints: &[Hint]) {
    for _ in 0..5 {
        if world.push(running.front(), hints).await.is_empty() {
            return;
        }
        running.server.shop(|shop| shop.settle_late(world.clock.after(0)));
        world.clock.pass(11);
    }
    panic!("the push did not finish");
}

/// Protects the list from a failing shop: it arrives, whatever happens to the calls.
#[tokio::test]
async fn a_lot_list_arrives_after_any_failure_of_the_call() {
    let none = Faults::default;
    for faults in [
        none(),
        Faults { fail: 1, ..none() },
        Faults { fail: 9, ..none() },
        Faults { throttle: 1, ..none() },
        Faults { throttle: 20, ..none() },
        Faults { lose_request: 1, ..none() },
        Faults { lose_request: 6, ..none() },
        Faults { lose_answer: 1, ..none() },
        Faults { lose_answer: 6, ..none() },
        Faults { apply_late: 1, ..none() },
        Faults { apply_late: 5, ..none() },
        Faults { fail: 1, throttle: 1, lose_request: 1, lose_answer: 1, ..none() },
    ] {
        let (world, running, hints) = due().await;
        running.fail(faults.clone());
        push_until_done(&world, &running, &hints).await;
        assert_eq!(both(&running), all("M"), "{faults:?}");
        assert_at_rest(&world, &running, &["A", "B"]).await;
    }
}

/// Protects against a table that fails at any moment: the next push finishes the work.
#[tokio::test]
async fn a_push_interrupted_by_the_table_is_finished_by_the_next() {
    for operation in ["Query", "BatchGetItem", "TransactWriteItems"] {
        for skip in 0..3 {
            for fault in [Fault::Internal, Fault::AnswerLost, Fault::Conflict] {
                let (world, running, hints) = due().await;
                world.table.faults.after(operation, skip, 1, fault);
                push_until_done(&world, &running, &hints).await;
                world.table.faults.clear();
                let case = format!("{fault:?} at {operation} after {skip}");
                assert_eq!(both(&running), all("M"), "{case}");
                assert_at_rest(&world, &running, &["A", "B"]).await;
            }
        }
    }
}

/// Protects against a push that is killed after the call: the next push waits until the old one must have ended, and sends the
/// current list.
#[tokio::test]
async fn a_lot_list_whose_push_was_killed_is_sent_again() {
    for changes_meanwhile in [false, true] {
        let (world, running, hints) = due().await;
        let called = Arc::new(Notify::new());
        let front = OddShop { inner: running.front(), oddity: Oddity::AnswersNever(Arc::clone(&called)) };
        tokio::select! {
            _ = world.push(front, &hints) => panic!("the push must wait for an answer"),
            () = called.notified() => {} // The push dies after the shop has executed the call, and before the table records it.
        }
        assert_eq!(both(&running), all("M"));
        assert!(metafield(&world, "A").await.expect("a metafield").is_due());
        let mut expected = all("M");
        let began = world.clock.after(0);
        if changes_meanwhile {
            exchange(&world, "A", "M", "N").await;
            world.settle().await;
            expected[0] = Some("N".to_owned());
        }
        let before = running.calls("SetMetafields");
        assert_eq!(world.push(running.front(), &hints).await, [0; 0]);
        assert!(since(&world.clock, began).as_secs() >= 9, "the push waits for the end of the other one");
        assert_eq!((both(&running), running.calls("SetMetafields") - before), (expected, 1), "changes: {changes_meanwhile}");
        assert_at_rest(&world, &running, &["A", "B"]).await;
    }
}

/// Protects against concurrent pushes: together they send each list once.
#[tokio::test]
async fn concurrent_pushes_send_each_lot_list_once() {
    for pushes in [2, 4] {
        let (world, running, hints) = due().await;
        let before = running.calls("SetMetafields");
        let given_back = futures_util::future::join_all((0..pushes).map(|_| world.push(running.front(), &hints))).await;
        assert!(given_back.iter().all(Vec::is_empty), "{pushes} at once: no hint is given back");
        assert_eq!((both(&running), running.calls("SetMetafields") - before), (all("M"), 1), "{pushes} at once");
        assert_at_rest(&world, &running, &["A", "B"]).await;
    }
}

/// Protects the other lists from a refused one: it is found, raises one alert, and is sent again when it changes.
#[tokio::test]
async fn a_refused_lot_list_raises_an_alert_and_is_not_repeated() {
    let skus = ["A", "B", "C", "D", "E"];
    for names_the_row in [true, false] {
        let (world, running) = agreed(&skus).await;
        running.fail(Faults { poisoned: [running.item("C")].into(), ..Faults::default() });
        for sku in skus {
            lot_event(&world, sku, "receipt", 5, "L", None).await;
        }
        world.settle().await;
        let _ = world.hints.take();
        let hints: Vec<Hint> = skus.iter().map(|sku| hint_of_metafield(&world, sku)).collect();
        // The levels of the refused item are refused as well. This test is about its list.
        let alert = || world.alerts().into_iter().filter(|alert| alert.starts_with("metafield_refused")).collect::<Vec<_>>();
        let push = async || {
            if names_the_row {
                world.push(running.front(), &hints).await
            } else {
                world.push(OddShop { inner: running.front(), oddity: Oddity::NamesNoRow }, &hints).await
            }
        };
        assert_eq!(push().await, [0; 0], "the row is named: {names_the_row}");
        let expected = skus.map(|sku| Some(if sku == "C" { String::new() } else { "L".to_owned() }));
        assert_eq!(skus.map(|sku| shown(&running, sku)), expected, "the row is named: {names_the_row}");
        assert_eq!(alert(), [format!("metafield_refused#{}#C#lots raised", world.shop)]);
        let calls = running.calls("SetMetafields");
        push().await;
        assert_eq!(running.calls("SetMetafields"), calls, "a refused list is not repeated");
        running.fail(Faults::default());
        lot_event(&world, "C", "receipt", 5, "M", None).await;
        world.settle().await;
        assert_eq!(push().await, [0; 0]);
        assert_eq!(shown(&running, "C").as_deref(), Some("L, M"));
        assert_eq!(alert(), [format!("metafield_refused#{}#C#lots cleared", world.shop)]);
    }
}

/// Protects users from an outdated alert: once the refused list is no longer needed, the alert is cleared without a push.
#[tokio::test]
async fn an_outdated_refusal_is_cleared() {
    for no_longer_sold in [false, true] {
        let (world, running) = agreed(&["A"]).await;
        running.server.shop(|shop| shop.remove_item("A")).expect("known");
        lot_event(&world, "A", "receipt", 5, "L", None).await;
        world.settle().await;
        assert_eq!(world.push(running.front(), &[hint_of_metafield(&world, "A")]).await, [0; 0]);
        assert_eq!(world.alerts(), [format!("metafield_refused#{}#A#lots raised", world.shop)]);
        if no_longer_sold {
            world.put(&Item { by_lot: true, ..world.plain("A") }).await;
        } else {
            lot_event(&world, "A", "write_off", 5, "L", None).await;
        }
        world.settle().await;
        assert_eq!(
            world.alerts(),
            [format!("metafield_refused#{}#A#lots cleared", world.shop)],
            "no longer sold: {no_longer_sold}"
        );
    }
}

/// Protects lists whose hint was lost: the backlog job finds them.
#[tokio::test]
async fn the_backlog_hints_due_lot_lists() {
    let (world, running, _) = due().await;
    let report = world.reconcile(running.front(), Job::Backlog).await.expect("done");
    let Report::Backlog(report) = report else { panic!("{report:?}") };
    let hints = world.hints.take();
    let targets: Vec<&PushTarget> = hints.iter().flat_map(|hint| &hint.targets).collect();
    assert!(["A", "B"].map(metafields_of).iter().all(|target| targets.contains(&target)), "{targets:?}");
    assert_eq!(report.hinted, targets.len());
    assert_eq!(world.push(running.front(), &hints).await, [0; 0]);
    assert_eq!(both(&running), all("M"));
}

/// Protects the queue and the levels: a list that cannot be sent now gives back only the hints that asked for it.
#[tokio::test]
async fn levels_do_not_wait_for_lot_lists() {
    let level = PushTarget::Level { sku: "A".parse().expect("a SKU"), location: "WH-1".parse().expect("a location code") };
    let levels = [level].into();
    let metafields = ["A", "B"].map(metafields_of).into();
    for (case, faults, seconds) in [
        ("no call fits into the time that is left", Faults::default(), 8),
        ("the shop is down", Faults { fail: 9, ..Faults::default() }, 30),
        ("the shop is busy", Faults { throttle: 900, ..Faults::default() }, 30),
    ] {
        let (world, running, _) = due().await;
        let front = running.front();
        let push = async |pairs, seconds| {
            let parts = (&world.table.store, &front, &world.clock);
            push(parts, &world.network, &world.shop, pairs, SETTLING_WINDOW, world.clock.after(seconds)).await
        };
        running.fail(faults.clone());
        assert_eq!(push(&levels, seconds).await.expect("no hint asked for lists"), PushReport::default(), "{case}");
        running.fail(faults);
        assert!(push(&metafields, seconds).await.is_err(), "{case}: the hints asked for lists");
        assert_eq!(both(&running), all("L"), "{case}");
        running.fail(Faults::default());
        world.clock.pass(11);
        assert_eq!(
            push(&levels, 30).await.expect("the push succeeds").metafields_sent,
            2,
            "{case}: by the index, without a hint"
        );
        assert_eq!(both(&running), all("M"), "{case}");
    }
}

/// Protects the limit of one call: sixty lists take three calls.
#[tokio::test]
async fn many_lot_lists_are_sent_in_few_calls() {
    let world = World::new().await;
    let skus: Vec<String> = (0..60).map(|n| format!("SKU-{n:02}")).collect();
    for sku in &skus {
        world.item(sku, &[]).await;
    }
    let running = in_agreement(&world).await;
    for sku in &skus {
        world.put(&by_lot(&world, &running, sku)).await;
    }
    push_all(&world, &running).await;
    assert_eq!(running.calls("SetMetafields"), 3);
    assert!(skus.iter().all(|sku| shown(&running, sku).as_deref() == Some("")));
}

/// Protects customers from expired units: from the day of its expiry date on, in the time zone of its location, a lot is not
/// sold, not listed, and the last to leave, and an alert names it. The day itself leads to the change.
#[tokio::test]
async fn an_expired_lot_is_not_sold() {
    let (world, running) = agreed(&["A"]).await;
    let wh = world.network.locations().find(|location| location.code.as_str() == "WH-1").expect("ours").clone();
    let zone: TimeZone = "America/Los_Angeles".parse().expect("a time zone");
    world.put(&Location { time_zone: Some(zone.clone()), ..wh }).await;
    world.settle().await;
    world.clock.pass(61); // The caches of the network have expired.
    let tomorrow = zone.day_of(world.clock.after(86_400));
    let (old, new) = (tomorrow.to_string(), tomorrow.saturating_add(Span::new().years(2)).to_string());
    lot_event(&world, "A", "receipt", 6, "OLD", Some(&old)).await;
    lot_event(&world, "A", "receipt", 4, "NEW", Some(&new)).await;
    push_all(&world, &running).await;
    assert_eq!(shown(&running, "A"), Some(format!("OLD {old}, NEW {new}")));
    let good = format!("NEW {new}");
    // Noon in UTC is in the night at the warehouse. At 01:00 UTC the warehouse still has the day before.
    for (hours, available, lots, alerts) in
        [(13, 10, format!("OLD {old}, {good}"), Vec::new()), (8, 4, good.clone(), vec!["expired_lot#A raised".to_owned()])]
    {
        world.clock.pass(hours * 3_600);
        world.reconcile(running.front(), Job::Backlog).await.expect("done");
        push_all(&world, &running).await;
        let (promise, level) = (world.promise("A").await.available.units(), running.shown("A", "WH-1").0);
        assert_eq!((promise, level, shown(&running, "A")), (available, available, Some(lots)), "after {hours} hours");
        assert_eq!(world.alerts(), alerts, "after {hours} hours");
    }
    // Sold units leave from the good lot.
    let now = world.clock.after(0);
    let placed = running.server.shop(|shop| shop.checkout(now, &[("A", 4)]).expect("placed"));
    running.server.shop(|shop| shop.fulfil(now, placed, None).expect("shipped"));
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    assert_eq!((world.promise("A").await.available.units(), shown(&running, "A").as_deref()), (0, Some("")));
    assert_at_rest(&world, &running, &["A"]).await;
    world.clock.pass(1);
    let corrected = tomorrow.saturating_add(Span::new().days(30)).to_string();
    lot_event(&world, "A", "receipt", 1, "OLD", Some(&corrected)).await;
    push_all(&world, &running).await;
    assert_eq!(
        (running.shown("A", "WH-1").0, world.alerts()),
        (7, vec!["expired_lot#A cleared".to_owned()]),
        "the date was wrong"
    );
}

/// Protects expired lots: a count says when its lot expires, also when it agrees with the stock, and a later count corrects the date.
#[tokio::test]
async fn a_count_that_agrees_says_when_its_lot_expires() {
    let (world, running) = agreed(&["A"]).await;
    lot_event(&world, "A", "receipt", 10, "L", None).await;
    for (expires, available, alert) in [("2026-01-31", 0, "raised"), ("2099-01-31", 10, "cleared")] {
        lot_event(&world, "A", "count", 10, "L", Some(expires)).await;
        push_all(&world, &running).await;
        let found = (world.promise("A").await.available.units(), running.shown("A", "WH-1").0);
        assert_eq!(found, (available, available), "expires {expires}");
        assert_eq!(world.alerts(), [format!("expired_lot#A {alert}")], "expires {expires}");
    }
}

/// Protects a corrected date of a lot: units that come back from a shipment do not bring the wrong date back.
#[tokio::test]
async fn a_cancelled_shipment_keeps_the_corrected_date_of_its_lot() {
    let (world, running) = agreed(&["A"]).await;
    lot_event(&world, "A", "receipt", 10, "L", Some("2099-01-31")).await;
    push_all(&world, &running).await;
    let now = world.clock.after(0);
    let shipped = running.server.shop(|shop| {
        let order = shop.checkout(now, &[("A", 1)]).expect("placed");
        shop.fulfil(now, order, None).expect("shipped")[0]
    });
    running.deliver_all(&world).await;
    lot_event(&world, "A", "receipt", 1, "L", Some("2026-01-31")).await;
    push_all(&world, &running).await;
    assert_eq!(world.promise("A").await.available.units(), 0, "the lot has expired");
    let now = world.clock.after(0);
    running.server.shop(|shop| shop.cancel_fulfilment(now, shipped).expect("cancelled"));
    running.deliver_all(&world).await;
    push_all(&world, &running).await;
    assert_eq!(world.promise("A").await.available.units(), -1, "all units have expired, and an order waits for one");
}
