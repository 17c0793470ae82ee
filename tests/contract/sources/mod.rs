//! The example configurations, pulled from fakes of their systems over HTTP into the real ledger.

mod by_hand;
mod clocks;
mod faults;
mod hosts;
mod paging;
mod pulled;
mod states;

use std::sync::PoisonError;

use promissory::adapters::shopify::Shopify;
use promissory::flows::pull::{PullContext, Pulled as Outcome, pull_all};
use promissory::ports::Store;
use promissory::source::pull::WatermarkPosition;
use promissory::table::{Expect, RowKey, Write};
use promissory_fakes::systems::SystemState;
use promissory_tests::webhook::SECRET;
use promissory_tests::world::{World, app};
use pulled::{ALL, LINES, NETSUITE, ODOO, Pulled, SAP, at, catalog, configuration, in_process, run, system_state};
use reconciler::{Job, Report};
use serde_json::json;

/// The settings that make pages small in each example.
fn small(words: pulled::Words) -> Vec<(&'static str, serde_json::Value)> {
    match words.file {
        "netsuite.json" => vec![("/pull/transactions/paging/size", json!(4))],
        "odoo.json" => vec![("/pull/receipts/paging/size", json!(3))],
        "change-feed.json" => vec![("/pull/changes/paging/size", json!(3)), ("/pull/changes/progress/overlap", json!(0))],
        _ => Vec::new(), // The fake returns at most three rows of a page.
    }
}

/// Protects the purpose of every connector: it reads all pages once, then only new rows, and applies each row once, with both
/// implementations of the port.
#[tokio::test]
async fn everything_is_pulled_and_then_only_what_is_new() {
    for words in ALL {
        let file = words.file;
        let pulled = Pulled::with(words, &small(words)).await;
        let none = pulled.movements().await;
        assert_eq!((none.pages, none.rows, none.complete), (1, 0, true), "{file}: an empty feed");
        pulled.receipts(7);
        let first = pulled.movements().await;
        assert_eq!((first.applied, first.duplicates, first.complete), (7, 0, true), "{file}: {first:?}");
        assert!(first.pages >= 3, "{file}: pages of at most three rows: {first:?}");
        assert_eq!(pulled.stands().await, ["A@WH-1 7 on hand"], "{file}");

        pulled.receipts(1);
        pulled.pass(900);
        let second = pulled.movements().await;
        assert_eq!((second.applied, second.complete), (1, true), "{file}: {second:?}");
        let third = pulled.movements().await;
        assert_eq!((third.applied, third.complete), (0, true), "{file}: {third:?}");
        assert_eq!(pulled.stands().await, ["A@WH-1 8 on hand"], "{file}");

        let watermark = pulled.watermark(words.feeds[0]).await;
        assert_eq!(watermark.complete_at, Some(pulled.served.with(|state| state.now)), "{file}: the time of the complete pull");
        assert_eq!(watermark.newest, Some(at(8)), "{file}");
        if let Some(WatermarkPosition::Time(since)) = watermark.since {
            assert!(since < at(8), "{file}: the watermark is behind the newest row, never at the present");
        }
        pulled.world.contents().await;

        // The same pull in process, without a socket.
        let world = World::new().await;
        let (systems, state) = in_process(&world, words);
        let documents = pulled.served.with(|state| state.documents.clone());
        *state.lock().unwrap_or_else(PoisonError::into_inner) = SystemState { documents, ..system_state(at(60)) };
        let system = configuration(words, words.host, &small(words));
        let network = catalog(&world, words, &system).await;
        let report = run(&world, &systems, &network, &system, words.feeds[0], world.clock.after(60)).await.expect("pulled");
        assert_eq!((report.applied, report.complete), (8, true), "{file} in process: {report:?}");
    }
}

/// Protects the meaning of each kind of document in the examples, with its unit and sign.
#[tokio::test]
async fn documents_mean_what_the_examples_say() {
    for (words, feed, documents, expected) in [
        (SAP, "documents", &[("101S", 0, "5.000", "PC"), ("102H", 0, "2.000", "PC")][..], &["A@WH-1 3 on hand"][..]),
        (SAP, "documents", &[("101S", 1, "1.500", "KG"), ("261H", 1, "250.000", "G")], &["B@WH-1 1250 on hand"]),
        (SAP, "documents", &[("101S", 0, "5.000", "PC"), ("601H", 0, "2.000", "PC")], &["A@WH-1 5 on hand"]),
        (NETSUITE, "transactions", &[("ItemRcpt", 0, "2", "Case"), ("InvAdjst", 0, "-3", "Each")], &["A@WH-1 21 on hand"]),
        (NETSUITE, "transactions", &[("ItemRcpt", 0, "5", "Each"), ("ItemShip", 0, "-2", "Each")], &["A@WH-1 3 on hand"]),
        (ODOO, "receipts", &[("incoming", 0, "5", "Units"), ("outgoing", 0, "2", "Units")], &["A@WH-1 5 on hand"]),
        (ODOO, "receipts", &[("incoming", 1, "1.5", "kg")], &["B@WH-1 1500 on hand"]),
        (
            LINES,
            "changes",
            &[("goods_in", 0, "2", "case"), ("scrapped", 0, "1", "each"), ("moved_bin", 0, "9", "each")],
            &["A@WH-1 23 on hand"],
        ),
        (LINES, "changes", &[("goods_in", 0, "4", "each"), ("counted", 0, "3", "each")], &["A@WH-1 3 on hand"]),
    ] {
        let pulled = Pulled::new(words).await;
        for (id, (kind, item, quantity, unit)) in (1..).zip(documents) {
            let change = |document: &mut promissory_fakes::systems::Document, words: pulled::Words| {
                document.kind = kind;
                document.item = words.items[*item].to_owned();
                document.quantity = (*quantity).to_owned();
                document.unit = (*unit).to_owned();
            };
            pulled.document(change, id);
        }
        let report = pulled.pull(feed).await.expect("pulled");
        assert!(report.complete, "{} {documents:?}: {report:?}", words.file);
        assert_eq!(pulled.stands().await, expected, "{} {documents:?}", words.file);
    }
}

/// Protects a transfer that Odoo reports as one row: units leave one location and arrive at the other, and none stay in
/// transit.
#[tokio::test]
async fn one_row_can_be_both_ends_of_a_transfer() {
    let pulled = Pulled::new(ODOO).await;
    pulled.receipts(5);
    let transfer = |document: &mut promissory_fakes::systems::Document, words: pulled::Words| {
        document.kind = "internal";
        document.to = Some(words.places[1].to_owned());
        document.quantity = "2".to_owned();
    };
    pulled.document(transfer, 6);
    for feed in ["receipts", "transfers-out", "transfers-in"] {
        assert!(pulled.pull(feed).await.expect("pulled").complete, "{feed}");
    }
    assert_eq!(pulled.stands().await, ["A@3PL-1 2 on hand", "A@WH-1 3 on hand"]);
    pulled.world.contents().await;
}

/// Protects systems from each other: one that fails or cannot be decoded does not stop the others, and each has its schedule.
#[tokio::test]
async fn one_system_does_not_stop_the_others() {
    let pulled = Pulled::new(NETSUITE).await;
    pulled.receipts(2);
    pulled.stocked(&[(1, 1, "X", "7")]);
    let down = configuration(SAP, "http://127.0.0.1:1", &[]);
    let store = &pulled.world.table.store;
    for system in [&down, &pulled.system] {
        store.write(&[Write::put(system, Expect::Absent)]).await.expect("written");
    }
    let undecodable = Write::Put {
        key: RowKey::System("pos".parse().expect("a system")).key(),
        body: json!({ "code": "pos" }),
        index: None,
        expires_at: None,
        expect: Expect::Absent,
    };
    store.write(&[undecodable]).await.expect("written");
    let network = promissory::flows::load_network(store).await.expect("loaded");
    let clock = &pulled.world.clock;
    let all = async |deadline| {
        pull_all(&PullContext { store, source: &pulled.source, clock, network: &network, deadline }).await.expect("pulled")
    };
    let report = all(clock.after(240)).await;
    let succeeded: Vec<(&str, bool)> = report.iter().map(|(feed, pulled)| (feed.as_str(), pulled.succeeded())).collect();
    let expected = [
        ("netsuite/balances", true),
        ("netsuite/transactions", true),
        ("pos", false),
        ("sap/documents", false),
        ("sap/stock", false),
    ];
    assert_eq!(succeeded, expected, "{report:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 2 on hand", "B@3PL-1 7 on hand"]);

    pulled.pass(900);
    let report = all(clock.after(240)).await;
    assert_eq!(report.get("netsuite/balances"), Some(&Outcome::NotDue), "due once a day");
    let report = all(clock.after(0)).await;
    assert_eq!(report.get("netsuite/transactions"), Some(&Outcome::NoTime));
}

/// Protects the schedule: the `pull` job of the reconciler pulls every system, and does nothing without systems.
#[tokio::test]
async fn the_job_pulls_every_system() {
    let world = World::new().await;
    let front = || Shopify::new("http://127.0.0.1:1", app(SECRET)).expect("a client");
    let job: Job = serde_json::from_value(json!({ "job": "pull" })).expect("the schedule's input");
    let report = world.reconcile(front(), job).await.expect("run");
    let Report::Pull { feeds } = report else { panic!("{report:?}") };
    assert_eq!(feeds.len(), 0, "{feeds:?}");
    let system = configuration(SAP, SAP.host, &[]);
    world.table.store.write(&[Write::put(&system, Expect::Absent)]).await.expect("written");
    let report = world.reconcile(front(), job).await.expect("run");
    let Report::Pull { feeds } = report else { panic!("{report:?}") };
    assert_eq!(feeds.len(), 2, "each feed reports its unreachable system: {feeds:?}");
}
