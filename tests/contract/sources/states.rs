//! Absolute stock states: balances of an ERP and counts.

use promissory::catalog::Location;
use promissory::flows::load_network;
use promissory::ports::Source;
use promissory::source::pull::{PullAnswer, PullRequest, SourceError};
use promissory_fakes::systems::Document;
use promissory_local::seed::import_network;
use promissory_tests::world::World;
use serde_json::json;

use super::pulled::{LINES, NETSUITE, ODOO, Pulled, SAP, Words, at, configuration, run};

/// Protects stock in bins and lots: the balance of a location is their sum, as of the time of the request.
#[tokio::test]
async fn bins_and_lots_are_added_up() {
    for words in [SAP, NETSUITE, ODOO] {
        let file = words.file;
        let pulled = Pulled::new(words).await;
        pulled.stocked(&[(0, 0, "X", "3"), (0, 0, "Y", "4"), (0, 1, "X", "10"), (0, 0, "Z", "-1")]);
        let report = pulled.stock().await;
        let rows = if file == "netsuite.json" { 2 } else { 4 }; // NetSuite adds up itself.
        assert_eq!((report.applied, report.rows >= rows, report.complete), (2, true, true), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 6 on hand"], "{file}");

        pulled.pass(60);
        pulled.stocked(&[(0, 0, "X", "9"), (0, 1, "X", "10")]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.complete), (2, true), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 9 on hand"], "{file}");
        pulled.world.contents().await;
    }
}

/// Protects against outdated stock: a stock that a refresh no longer lists becomes zero. But an answer without half of the
/// known stocks counts as a fault and changes nothing.
#[tokio::test]
async fn stock_that_a_refresh_does_not_list_becomes_zero() {
    for words in [SAP, NETSUITE, ODOO] {
        let file = words.file;
        let pulled = Pulled::new(words).await;
        pulled.stocked(&[(0, 0, "X", "3"), (0, 1, "X", "10")]);
        assert!(pulled.stock().await.complete, "{file}");
        pulled.pass(60);
        pulled.stocked(&[(0, 1, "X", "10")]);
        let report = pulled.stock().await;
        assert!(report.complete, "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 0 on hand"], "{file}");
        pulled.pass(60);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.complete), (1, true), "{file}: a disappeared stock is applied once: {report:?}");

        pulled.pass(60);
        pulled.stocked(&[]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.failed.len(), report.complete), (0, 1, false), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 0 on hand"], "{file}");
        pulled.stocked(&[(0, 0, "X", "2"), (0, 1, "X", "10")]);
        assert!(pulled.stock().await.complete, "{file}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 2 on hand"], "{file}");
        pulled.world.contents().await;
    }
}

/// Protects a sum from an unreadable row: the partial sum is not applied, and the other sums are.
#[tokio::test]
async fn an_incomplete_sum_is_not_applied() {
    for (bad, expected) in
        [((0, 0, "Y", "many"), &["A@3PL-1 10 on hand"][..]), ((0, 0, "Y", "0.0000001"), &["A@3PL-1 10 on hand"])]
    {
        let pulled = Pulled::new(SAP).await;
        pulled.stocked(&[(0, 0, "X", "3"), bad, (0, 0, "Z", "3"), (0, 1, "X", "10")]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.failed.len(), report.complete), (1, 1, false), "{bad:?}: {report:?}");
        assert_eq!(pulled.stands().await, expected, "{bad:?}");
    }
    // The location of this row is missing, so no sum is known to be complete.
    let pulled = Pulled::new(NETSUITE).await;
    pulled.stocked(&[(0, 0, "X", "3"), (0, 1, "X", "10")]);
    pulled.served.with(|state| state.stock[0].location = String::new());
    let report = pulled.stock().await;
    assert_eq!((report.applied, report.failed.len()), (0, 1), "{report:?}");
}

/// A system that gives the same answer to every request.
struct Fixed(&'static str);

impl Source for Fixed {
    async fn fetch(&self, _: &PullRequest) -> Result<PullAnswer, SourceError> {
        Ok(PullAnswer { bytes: self.0.as_bytes().to_vec(), answered_at: None })
    }
}

/// Quants of Odoo, whose books are below zero and whose numbers went through floats.
const QUANTS: &str = r#"{ "jsonrpc": "2.0", "id": null, "result": [
    { "id": 1, "product_id": ["A", "A"], "location_id": ["0001", "WH/Stock"], "lot_id": false, "quantity": -4.0,
      "product_uom_id": [1, "Units"] },
    { "id": 2, "product_id": ["B", "B"], "location_id": ["0001", "WH/Stock"], "lot_id": false, "quantity": 453.00000000000006,
      "product_uom_id": [1, "Units"] } ] }"#;

/// Protects promises from books that are refused: a balance below zero is taken as it is, and the noise of floats is rounded
/// away where the feed declares its decimals. Without them the row fails, and its message names the setting.
#[tokio::test]
async fn negative_and_noisy_books_are_taken() {
    for (decimals, problems, expected) in [
        (json!(5), 0, ["A@WH-1 -4 on hand, 0 reserved", "B@WH-1 453 on hand, 0 reserved"]),
        (json!(null), 1, ["A@WH-1 -4 on hand, 0 reserved", "B@WH-1 5 on hand, 0 reserved"]),
    ] {
        let world = World::new().await;
        world.item("A", &[("WH-1", 5)]).await;
        world.item("B", &[("WH-1", 5)]).await;
        world.clock.pass(60);
        let system = configuration(ODOO, ODOO.host, &[("/pull/stock/decimals", decimals)]);
        let coded = |location: &Location| Location {
            systems: [(system.code.clone(), location.code.to_string().replace("WH-1", "0001"))].into(),
            ..location.clone()
        };
        import_network(&world.table.store, &world.network.locations().map(coded).collect::<Vec<_>>()).await.expect("imported");
        let network = load_network(&world.table.store).await.expect("loaded");
        let report = run(&world, &Fixed(QUANTS), &network, &system, "stock", world.clock.after(60)).await.expect("pulled");
        assert_eq!(report.failed.len(), problems, "{report:?}");
        assert!(report.failed.values().all(|problem| problem.contains("set decimals of the feed")), "{report:?}");
        assert_eq!(world.positions().await, expected);
        world.contents().await;
    }
}

/// Protects the newest count: of several counts on one page only the newest is applied, in any order.
#[tokio::test]
async fn only_the_newest_count_of_a_page_is_applied() {
    let pulled = Pulled::new(LINES).await;
    let counted = |quantity: &'static str, minute: u64, item: usize| {
        move |document: &mut Document, words: Words| {
            document.kind = "counted";
            document.quantity = quantity.to_owned();
            document.item = words.items[item].to_owned();
            document.at = at(minute);
            document.unit = String::new();
        }
    };
    for (id, (quantity, minute, item)) in (1..).zip([("5", 1, 0), ("9", 9, 0), ("7", 7, 0), ("3", 2, 1)]) {
        pulled.document(counted(quantity, minute, item), id);
    }
    let report = pulled.movements().await;
    assert_eq!((report.rows, report.applied, report.skipped, report.complete), (4, 2, 2, true), "{report:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 9 on hand", "B@WH-1 3 on hand"]);

    // The same count again changes nothing, and an older one does not replace a newer one.
    pulled.document(counted("9", 9, 0), 5);
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.complete), (0, true), "{report:?}");
    pulled.document(counted("4", 3, 0), 30);
    assert!(pulled.movements().await.complete);
    assert_eq!(pulled.stands().await, ["A@WH-1 9 on hand", "B@WH-1 3 on hand"]);
}

/// Protects later movements: a balance is valid for its time, and movements after that time remain.
#[tokio::test]
async fn a_state_is_as_of_its_time() {
    let pulled = Pulled::new(ODOO).await;
    pulled.receipts(5);
    pulled.movements().await;
    pulled.stocked(&[(0, 0, "X", "4")]);
    pulled.stock().await; // As of noon: one of the five units is missing.
    assert_eq!(pulled.stands().await, ["A@WH-1 4 on hand"]);
    pulled.pass(300);
    let late = |document: &mut Document, _: Words| document.at = at(62);
    pulled.document(late, 6);
    pulled.movements().await;
    assert_eq!(pulled.stands().await, ["A@WH-1 5 on hand"]);
}
