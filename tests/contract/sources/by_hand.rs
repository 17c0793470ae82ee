//! The effect of `cargo x source` on the table.

use promissory::catalog::SystemId;
use promissory_cli::source::{feed, find, set, status};
use promissory_tests::world::World;
use serde_json::json;

use super::pulled::{ALL, NETSUITE, Pulled, configuration};

/// Protects the installation of a connector: it is stored as written, replaces the one before, and its feeds are listed.
#[tokio::test]
async fn a_connector_is_written_and_listed() {
    let pulled = Pulled::new(NETSUITE).await;
    let store = &pulled.world.table.store;
    let code: SystemId = "netsuite".parse().expect("a system");
    assert!(find(store, &code).await.is_err(), "no feed has run yet");
    for system in [configuration(NETSUITE, NETSUITE.host, &[]), pulled.system.clone()] {
        set(store, &system).await.expect("written");
        assert_eq!(find(store, &code).await.expect("found"), system);
    }
    pulled.receipts(2);
    pulled.movements().await;
    let feeds = status(store).await.expect("read");
    let whole: Vec<(&str, bool)> =
        feeds.iter().map(|(feed, mark)| (feed.as_str(), mark.as_ref().is_some_and(|mark| mark.complete_at.is_some()))).collect();
    assert_eq!(whole, [("netsuite/balances", false), ("netsuite/transactions", true)]);
}

/// Protects the example configurations: reading back a stored one gives the same content.
#[test]
fn every_example_survives_being_stored() {
    for words in ALL {
        let system = configuration(words, words.host, &[]);
        let stored = serde_json::to_value(&system).expect("it serialises");
        assert_eq!(serde_json::from_value::<promissory::source::System>(stored).expect("it is read"), system, "{}", words.file);
    }
}

/// Protects an event file that is fed twice, and the valid lines beside a refused one.
#[tokio::test]
async fn a_file_that_is_fed_twice_is_applied_once() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let line = |id: &str, quantity: &str| json!({ "id": id, "kind": "receipt", "sku": "A", "location": "WH-1", "quantity": quantity, "occurred_at": "2026-11-21T11:00:00Z" });
    let text = format!("{}\nnonsense\n\n{}\n{}\n{}\n", line("1", "2"), line("2", "3"), line("3", "-1"), line("4", "0.5"));
    let system: SystemId = "wms".parse().expect("a system");
    for (applied, duplicates) in [(2, 0), (0, 2)] {
        let report = feed(&world.table.store, &world.clock, &world.network, &system, &text).await.expect("fed");
        assert_eq!((report.applied, report.duplicates), (applied, duplicates), "{report:?}");
        assert_eq!(report.refused.keys().copied().collect::<Vec<usize>>(), [2, 5, 6], "{report:?}");
    }
    assert_eq!(world.positions().await, ["A@WH-1 5 on hand, 0 reserved"]);
}
