//! Faults on the way to a shop: in the end every difference was sent, once.

use std::sync::Arc;

use futures_util::future::join_all;
use promissory::flows::NetworkCache;
use promissory::source::StockKind;
use promissory_fakes::shopify::Faults;
use promissory_tests::faults::Fault;
use promissory_tests::front::{OddShop, Oddity};
use promissory_tests::shop::{RunningShop, in_agreement};
use promissory_tests::world::{SETTLING_WINDOW, World, message_event};
use shopify_pusher::Pusher;
use tokio::sync::Notify;

/// A world and a shop with equal levels, and five more units of each item that are not pushed yet.
async fn due(skus: &[&str]) -> (World, RunningShop) {
    let world = World::new().await;
    for sku in skus {
        world.item(sku, &[("WH-1", 10)]).await;
    }
    let running = in_agreement(&world).await;
    receive(&world, skus, 5).await;
    (world, running)
}

async fn receive(world: &World, skus: &[&str], units: i64) {
    world.clock.pass(1);
    let now = world.clock.after(0);
    let events = skus.iter().map(|sku| world.stock(&format!("{sku}:{now}"), sku, "WH-1", StockKind::Receipt, units));
    world.take_stock(events.collect::<Vec<_>>()).await;
    world.settle().await;
}

fn shown(running: &RunningShop, skus: &[&str]) -> Vec<i64> {
    skus.iter().map(|sku| running.shown(sku, "WH-1").0).collect()
}

/// Pushes as the queue does: repeats after a while until no hint is given back.
async fn push_until_done(world: &World, running: &RunningShop, skus: &[&str]) -> usize {
    let pairs: Vec<(&str, &str)> = skus.iter().map(|sku| (*sku, "WH-1")).collect();
    for attempt in 1..=5 {
        if world.push(running.front(), &[world.hint(&pairs)]).await.is_empty() {
            return attempt;
        }
        running.server.shop(|shop| shop.settle_late(world.clock.after(0)));
        world.clock.pass(11);
    }
    panic!("the push did not finish");
}

/// Protects the number customers see from a failing shop: the difference arrives once, whatever happens to the call.
#[tokio::test]
async fn a_difference_is_applied_once_after_any_failure_of_the_call() {
    let none = Faults::default;
    let rows = [
        (none(), 1),
        (Faults { fail: 1, ..none() }, 1),
        (Faults { fail: 3, ..none() }, 1),
        (Faults { fail: 4, ..none() }, 2),
        (Faults { fail: 9, ..none() }, 3),
        (Faults { throttle: 1, ..none() }, 1),
        (Faults { throttle: 20, ..none() }, 1),
        (Faults { lose_request: 1, ..none() }, 1),
        (Faults { lose_request: 4, ..none() }, 2),
        (Faults { lose_answer: 1, ..none() }, 1),
        (Faults { lose_answer: 4, ..none() }, 2),
        (Faults { concurrent: 1, ..none() }, 1),
        (Faults { concurrent: 3, ..none() }, 1),
        (Faults { apply_late: 1, ..none() }, 2),
        (Faults { fail: 1, throttle: 1, lose_request: 1, lose_answer: 1, concurrent: 1, ..none() }, 2),
    ];
    for (faults, attempts) in rows {
        let (world, running) = due(&["A", "B"]).await;
        running.fail(faults.clone());
        let needed = push_until_done(&world, &running, &["A", "B"]).await;
        assert_eq!(shown(&running, &["A", "B"]), [15, 15], "{faults:?}");
        assert!(needed <= attempts, "{faults:?}: {needed} pushes where {attempts} are enough");
        running.assert_agreement(&world).await;
        let keys: std::collections::BTreeSet<_> = running.log().into_iter().filter_map(|applied| applied.key).collect();
        assert_eq!(keys.len(), 2, "{faults:?}: one key for the initialisation, one for the difference");
    }
}

/// Protects against a table that fails at any moment of a push: the next push finishes the work.
#[tokio::test]
async fn a_push_interrupted_by_the_table_is_finished_by_the_next() {
    for operation in ["GetItem", "Query", "BatchGetItem", "PutItem", "TransactWriteItems"] {
        for skip in 0..4 {
            for fault in [Fault::Internal, Fault::AnswerLost, Fault::Conflict] {
                let (world, running) = due(&["A", "B"]).await;
                world.table.faults.after(operation, skip, 1, fault);
                push_until_done(&world, &running, &["A", "B"]).await;
                let case = format!("{fault:?} at {operation} after {skip}");
                assert_eq!(shown(&running, &["A", "B"]), [15, 15], "{case}");
                world.table.faults.clear();
                running.assert_agreement(&world).await;
            }
        }
    }
}

/// Protects against a push that is killed while it waits for the shop: the next push repeats the call with its key.
#[tokio::test]
async fn an_open_intent_is_repeated_with_its_key() {
    let (world, running) = due(&["A"]).await;
    let called = Arc::new(Notify::new());
    let front = OddShop { inner: running.front(), oddity: Oddity::AnswersNever(Arc::clone(&called)) };
    let hint = [world.hint(&[("A", "WH-1")])];
    tokio::select! {
        _ = world.push(front, &hint) => panic!("the push must wait for an answer"),
        () = called.notified() => {} // The push dies after the shop has executed the call, and before the table records it.
    }
    assert_eq!((shown(&running, &["A"]), world.contents().await.open_intents), (vec![15], 1));
    // More units arrive meanwhile. They must not change the repeated call.
    receive(&world, &["A"], 2).await;
    let began = world.clock.after(0);
    assert_eq!(world.push(running.front(), &hint).await, [0; 0]);
    assert!(promissory_tests::world::since(&world.clock, began).as_secs() >= 9, "the push waits for the end of the other one");
    assert_eq!(shown(&running, &["A"]), [17]);
    let log = running.log();
    let calls: Vec<_> = log[1..].iter().map(|applied| (applied.deduplicated, applied.changes[0].delta)).collect();
    assert_eq!(calls, [(false, 5), (true, 5), (false, 2)]);
    assert!(log[1].key == log[2].key && log[2].key != log[3].key, "the same key again, then a new one");
    running.assert_agreement(&world).await;
}

/// Protects against concurrent pushes: together they send everything once.
#[tokio::test]
async fn concurrent_pushes_send_everything_once() {
    let skus = ["A", "B", "C"];
    for pushes in [2, 3, 6] {
        let (world, running) = due(&skus).await;
        let hint = world.hint(&skus.map(|sku| (sku, "WH-1")));
        let all = (0..pushes).map(|_| world.push(running.front(), std::slice::from_ref(&hint)));
        let given_back = join_all(all).await;
        assert!(given_back.iter().any(Vec::is_empty), "{pushes} at once: at least one gives nothing back");
        push_until_done(&world, &running, &skus).await;
        assert_eq!(shown(&running, &skus), [15, 15, 15], "{pushes} at once");
        running.assert_agreement(&world).await;
    }
}

/// Protects the other levels from a refused item: it is found, raises one alert, and is sent again when it changes.
#[tokio::test]
async fn a_refused_item_is_found_and_alerted() {
    let skus = ["A", "B", "C", "D", "E", "F", "G", "H"];
    for names_the_row in [true, false] {
        let (world, running) = due(&skus).await;
        let poisoned = running.item("D");
        running.fail(Faults { poisoned: [poisoned].into(), ..Faults::default() });
        let hint = [world.hint(&skus.map(|sku| (sku, "WH-1")))];
        let push = async || {
            if names_the_row {
                world.push(running.front(), &hint).await
            } else {
                world.push(OddShop { inner: running.front(), oddity: Oddity::NamesNoRow }, &hint).await
            }
        };
        assert_eq!(push().await, [0; 0], "the row is named: {names_the_row}");
        assert_eq!(shown(&running, &skus), [15, 15, 15, 10, 15, 15, 15, 15], "the row is named: {names_the_row}");
        assert_eq!(world.alerts(), [format!("level_refused#{}#D#WH-1 raised", world.shop)]);
        let calls = running.calls("AdjustAvailable");
        assert!(calls <= 12, "{calls} calls to find one of eight");
        push().await;
        assert_eq!(running.calls("AdjustAvailable"), calls, "a refused level is not repeated");
        world.settle().await;
        assert_eq!(world.bus.alerts.take().len(), 1, "the alert is published once");
        // A later change sends the whole difference and clears the alert.
        running.fail(Faults::default());
        receive(&world, &["D"], 1).await;
        assert_eq!(push().await, [0; 0]);
        assert_eq!(shown(&running, &["D"]), [16], "the row is named: {names_the_row}");
        world.settle().await;
        assert_eq!(world.alerts(), [format!("level_refused#{}#D#WH-1 cleared", world.shop)]);
        running.assert_agreement(&world).await;
    }
}

/// Protects against a refusal whose answer was lost: its key cannot be used again, and a call with a new key finds the reason.
#[tokio::test]
async fn a_used_key_is_replaced() {
    let (world, running) = due(&["A", "B"]).await;
    let poisoned = running.item("B");
    running.fail(Faults { poisoned: [poisoned].into(), lose_answer: 1, ..Faults::default() });
    push_until_done(&world, &running, &["A", "B"]).await;
    assert_eq!(shown(&running, &["A", "B"]), [15, 10]);
    assert_eq!(world.alerts(), [format!("level_refused#{}#B#WH-1 raised", world.shop)]);
}

/// Protects the queue: an unreadable hint fails alone, and the hints of a shop that refuses the app do not return to it.
#[tokio::test]
async fn an_unreadable_hint_fails_alone() {
    let (world, running) = due(&["A"]).await;
    let good = serde_json::to_string(&world.hint(&[("A", "WH-1")])).expect("a hint");
    let bodies = ["nonsense".to_owned(), good.clone(), r#"{"shop":"no shop","pairs":[]}"#.to_owned(), good];
    let failed = async |secret: &str| {
        let front = running.front_with(secret);
        let (store, clock) = (world.table.store.clone(), world.clock.clone());
        let pusher = Pusher { store, front, clock, settling_window: SETTLING_WINDOW, network: NetworkCache::default() };
        let response = pusher.handle(message_event(&bodies), world.clock.after(30)).await;
        let mut failed: Vec<String> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        failed.sort();
        failed
    };
    assert_eq!(failed("wrong").await, ["0", "2"], "refused: what is due stays in the table");
    assert_eq!(world.alerts(), ["shop_unreachable#promissory-demo.myshopify.com raised"]);
    assert_eq!(shown(&running, &["A"]), [10]);
    world.clock.pass(11);
    assert_eq!(failed("shpss_local").await, ["0", "2"], "only the unreadable hints");
    assert_eq!(world.alerts(), ["shop_unreachable#promissory-demo.myshopify.com cleared"]);
    assert_eq!(shown(&running, &["A"]), [15]);
    running.assert_agreement(&world).await;
}
