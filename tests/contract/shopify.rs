//! The storefront port on Shopify's API: mutations, levels, and the classification of failures.

use std::time::Duration;

use promissory::adapters::shopify::Shopify;
use promissory::catalog::{InventoryItemId, Quantity, ShopDomain, ShopLocationId};
use promissory::ports::Storefront;
use promissory::storefront::{Adjustment, LevelSet, ShopAnswer, StorefrontError, UserErrorCode};
use promissory_fakes::shopify::{Faults, NewItem, Server, ServerConfig, ShopConfig};
use promissory_tests::shop::location_id;
use promissory_tests::webhook::SHOP;
use promissory_tests::world::{STORE, TPL, WH, World, app};

use crate::served::{Served, patient, serve, world_of_now};

const REFERENCE: &str = "gid://promissory/Intent/1";

/// A shop with 10, 20 and 30 units of the items A, B and C at WH-1.
struct Fixture {
    world: World,
    running: Served,
    front: Shopify,
    shop: ShopDomain,
}

async fn fixture(config: ServerConfig) -> Fixture {
    let world = world_of_now().await;
    for sku in ["A", "B", "C"] {
        world.item(sku, &[]).await;
    }
    let running = serve(&world, config).await;
    for (sku, available) in [("A", 10), ("B", 20), ("C", 30)] {
        running.server.shop(|shop| {
            let item = shop.item(sku).expect("an item").id;
            shop.stock(jiff::Timestamp::UNIX_EPOCH, item, location_id("WH-1"), available, true).expect("known");
        });
    }
    let front = running.front();
    Fixture { world, running, front, shop: SHOP.parse().expect("a shop") }
}

impl Fixture {
    fn item(&self, sku: &str) -> InventoryItemId {
        InventoryItemId::new(self.world.items().get(sku).copied().unwrap_or(1))
    }

    fn adjustment(&self, sku: &str, delta: i64) -> Adjustment {
        Adjustment { inventory_item: self.item(sku), location: ShopLocationId::new(WH), delta: Quantity::new(delta) }
    }

    fn set(&self, sku: &str, quantity: i64, change_from: i64) -> LevelSet {
        LevelSet {
            inventory_item: self.item(sku),
            location: ShopLocationId::new(WH),
            quantity: Quantity::new(quantity),
            change_from: Quantity::new(change_from),
        }
    }

    async fn adjust(&self, key: &str, sku: &str, delta: i64) -> Result<ShopAnswer, StorefrontError> {
        self.front.adjust(&self.shop, key, REFERENCE, &[self.adjustment(sku, delta)]).await
    }

    fn available(&self) -> [i64; 3] {
        ["A", "B", "C"].map(|sku| self.running.shown(sku, "WH-1").0)
    }
}

/// An answer in words.
fn in_words(answer: &Result<ShopAnswer, StorefrontError>) -> String {
    match answer {
        Ok(ShopAnswer::Done) => "done".to_owned(),
        Ok(ShopAnswer::Refused(errors)) => {
            let words = errors.iter().map(|error| match (&error.code, error.row) {
                (UserErrorCode::Other(code), row) => format!("{code} at {row:?}"),
                (code, row) => format!("{code:?} at {row:?}"),
            });
            words.collect::<Vec<_>>().join(", ")
        }
        Err(StorefrontError::Throttled { .. }) => "throttled".to_owned(),
        Err(StorefrontError::Unavailable { .. }) => "unavailable".to_owned(),
        Err(StorefrontError::Invalid { .. }) => "invalid".to_owned(),
        Err(StorefrontError::Rejected { .. }) => "rejected".to_owned(),
    }
}

/// Protects exactly-once adjustments: a call applies all rows or none, and a repetition with the same key applies nothing.
#[tokio::test]
async fn differences_are_added_once_per_key() {
    let f = fixture(patient()).await;
    let rows = [f.adjustment("A", -4), f.adjustment("B", 5)];
    for _ in 0..3 {
        assert_eq!(in_words(&f.front.adjust(&f.shop, "k1", REFERENCE, &rows).await), "done");
        assert_eq!(f.available(), [6, 25, 30]);
    }
    assert_eq!(in_words(&f.adjust("k2", "A", -7).await), "done", "available may fall below zero");
    assert_eq!(f.available(), [-1, 25, 30]);
    assert_eq!(in_words(&f.adjust("k2", "A", -8).await), "KeyParameterMismatch at None");
    assert_eq!(f.running.server.shop(|shop| shop.log()[0].reference.clone()).as_deref(), Some(REFERENCE));
}

/// Protects sold units: a level is set only if it still has the compared value, and a stale row is named and stops the others.
#[tokio::test]
async fn levels_are_set_by_comparison() {
    let f = fixture(patient()).await;
    let rows = [
        (vec![f.set("A", 7, 10), f.set("B", 8, 20)], "done", [7, 8, 30]),
        (vec![f.set("A", 1, 7), f.set("C", 2, 29), f.set("B", 3, 8)], "ChangeFromQuantityStale at Some(1)", [7, 8, 30]),
        (
            vec![f.set("A", 1, 0), f.set("B", 2, 8), f.set("C", 3, 0)],
            "ChangeFromQuantityStale at Some(0), ChangeFromQuantityStale at Some(2)",
            [7, 8, 30],
        ),
        (vec![f.set("A", -1, 7)], "INVALID_QUANTITY_NEGATIVE at Some(0)", [7, 8, 30]),
        (vec![f.set("no such item", 1, 0)], "INVALID_INVENTORY_ITEM at Some(0)", [7, 8, 30]),
        (vec![f.set("A", 7, 7), f.set("C", 0, 30)], "done", [7, 8, 0]),
    ];
    for (n, (rows, expected, available)) in rows.into_iter().enumerate() {
        let answer = f.front.set(&f.shop, &format!("set-{n}"), REFERENCE, &rows).await;
        assert_eq!((in_words(&answer).as_str(), f.available()), (expected, available), "row {n}");
    }
    let stale = [f.set("A", 1, 10)];
    assert_eq!(in_words(&f.front.set(&f.shop, "set-1", REFERENCE, &stale).await), "KeyParameterMismatch at None");
    let spent = [f.set("A", -1, 7)];
    assert_eq!(in_words(&f.front.set(&f.shop, "set-3", REFERENCE, &spent).await), "PreviousAttemptFailed at None");
}

/// Protects repetition: whatever happened to the first call, repeating its key applies the change once.
#[tokio::test]
async fn a_repeated_call_applies_its_change_once() {
    let concurrent = "ConcurrentRequest at None";
    let rows: [(Faults, &[&str]); 6] = [
        (Faults { fail: 2, ..Faults::default() }, &["unavailable", "unavailable", "done"]),
        (Faults { throttle: 1, ..Faults::default() }, &["throttled", "done"]),
        (Faults { lose_request: 1, ..Faults::default() }, &["unavailable", "done"]),
        (Faults { lose_answer: 2, ..Faults::default() }, &["unavailable", "unavailable", "done"]),
        (Faults { concurrent: 1, ..Faults::default() }, &[concurrent, "done"]),
        (Faults { apply_late: 1, ..Faults::default() }, &["unavailable", concurrent]),
    ];
    let f = fixture(patient()).await;
    for (n, (faults, expected)) in rows.into_iter().enumerate() {
        f.running.fail(faults.clone());
        for (call, expected) in expected.iter().enumerate() {
            assert_eq!(in_words(&f.adjust(&format!("k{n}"), "A", 1).await), *expected, "call {call} under {faults:?}");
        }
        f.running.server.shop(|shop| shop.settle_late(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(f.available()[0], 11 + i64::try_from(n).expect("small"), "once under {faults:?}");
    }
}

/// Protects the whole batch: the refusal names the row of a refused item, so the other rows can be sent without it.
#[tokio::test]
async fn a_refused_row_is_named() {
    let f = fixture(patient()).await;
    let poisoned = f.running.server.shop(|shop| shop.item("B").expect("an item").id);
    f.running.fail(Faults { poisoned: [poisoned].into(), ..Faults::default() });
    let rows = ["A", "B", "C"].map(|sku| f.adjustment(sku, 1));
    let answer = f.front.adjust(&f.shop, "k", REFERENCE, &rows).await;
    assert_eq!((in_words(&answer).as_str(), f.available()), ("NON_MUTABLE_INVENTORY_ITEM at Some(1)", [10, 20, 30]));
    let activated = f.front.activate(&f.shop, "a", f.item("B"), ShopLocationId::new(TPL), Some(Quantity::ZERO)).await;
    assert!(in_words(&activated).ends_with("at None"), "{activated:?}");
}

/// Protects initialisation: reading returns every level, including inactive ones, with its committed units, and activation
/// starts at zero.
#[tokio::test]
async fn every_level_is_read() {
    let f = fixture(patient()).await;
    let (a, unlisted) = f.running.server.shop(|shop| {
        let a = shop.item("A").expect("an item").id;
        shop.stock(jiff::Timestamp::UNIX_EPOCH, a, location_id("3PL-1"), 0, false).expect("known");
        let unlisted = shop.add_item(NewItem::tracked("UNLISTED")).expect("a new item");
        shop.checkout(f.world.clock.after(0), &[("A", 3)]).expect("placed");
        (a, unlisted)
    });
    let ids = [f.item("A"), InventoryItemId::new(u64::try_from(unlisted.0).expect("above zero")), f.item("no such item")];
    let read = async || {
        let mut levels = f.front.levels(&f.shop, &ids).await.expect("read");
        levels.sort_by_key(|level| level.location);
        let in_words = |l: &promissory::storefront::ShopLevel| {
            assert_eq!(l.inventory_item.number(), u64::try_from(a.0).expect("above zero"));
            (l.location.number(), l.active, l.available.units(), l.committed.units())
        };
        levels.iter().map(in_words).collect::<Vec<_>>()
    };
    assert_eq!(read().await, [(WH, true, 7, 3), (TPL, false, 0, 0), (STORE, true, 0, 0)]);
    for _ in 0..2 {
        assert_eq!(
            in_words(&f.front.activate(&f.shop, "a", ids[0], ShopLocationId::new(TPL), Some(Quantity::ZERO)).await),
            "done"
        );
        assert_eq!(read().await, [(WH, true, 7, 3), (TPL, true, 0, 0), (STORE, true, 0, 0)]);
    }
}

/// Protects the rate limit: a throttled call returns a wait that is long enough and not longer.
#[tokio::test]
async fn a_throttled_call_returns_the_wait() {
    let shop = ShopConfig { bucket_size: 15, restore_rate: 1, ..ShopConfig::default() };
    let f = fixture(ServerConfig { shop, ..patient() }).await;
    assert_eq!(in_words(&f.adjust("k1", "A", 1).await), "done");
    let requests = f.running.server.shop(|shop| shop.counters().requests);
    // Five of ten points are left, and one point is restored per second.
    let Err(StorefrontError::Throttled { wait }) = f.adjust("k2", "A", 1).await else { panic!("not throttled") };
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(5), "{wait:?}");
    assert_eq!(f.running.server.shop(|shop| shop.counters().requests), requests, "a call over the budget is not sent");
    // A new adapter does not know the budget yet, sends the call, and gets throttled.
    let other_front = f.running.front();
    let answer = other_front.adjust(&f.shop, "k3", REFERENCE, &[f.adjustment("A", 1)]).await;
    let Err(StorefrontError::Throttled { wait }) = answer else { panic!("expected throttling, not {answer:?}") };
    assert!(wait >= Duration::from_millis(100) && wait <= Duration::from_secs(5), "{wait:?}");
    assert_eq!(f.available()[0], 11);
}

/// Protects operators: an adapter that the shop rejects gets another error than one whose shop is down.
#[tokio::test]
async fn a_rejection_differs_from_a_failure() {
    let f = fixture(patient()).await;
    let front = |url: &str, secret: &str| Shopify::new(url, app(secret)).expect("a client");
    let levels = async |front: &Shopify| match front.levels(&f.shop, &[f.item("A")]).await {
        Ok(_) => "done".to_owned(),
        Err(error) => in_words(&Err(error)),
    };
    assert_eq!(levels(&f.front).await, "done");
    assert_eq!(levels(&front(f.running.server.url(), "wrong")).await, "rejected");
    let fleeting = Server::start(ServerConfig { token_seconds: 0, ..patient() }).await.expect("a port");
    assert_eq!(levels(&front(fleeting.url(), "shpss_local")).await, "rejected", "a token that the shop rejects");
    f.running.fail(Faults { fail: 1, ..Faults::default() });
    assert_eq!(levels(&f.front).await, "unavailable");
    assert_eq!(levels(&f.front).await, "done");
    let gone = Server::start(patient()).await.expect("a port");
    let url = gone.url().to_owned();
    gone.stop().await;
    assert_eq!(levels(&front(&url, "shpss_local")).await, "unavailable");
}
