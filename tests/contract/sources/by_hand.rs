//! The effect of `cargo x source` on the table.

use promissory::catalog::SystemId;
use promissory_cli::source::known::Consent;
use promissory_cli::source::{feed, feed_as, find, set, set_as, status};
use promissory_cli::table::Table as Ledger;
use promissory_tests::dynamo::Table;
use promissory_tests::world::World;
use serde_json::json;

use super::pulled::{ALL, NETSUITE, Pulled, configuration};

/// Protects the installation of a connector: it is stored as written, replaces the one before, and its feeds are listed.
#[tokio::test]
async fn a_connector_is_written_and_listed() {
    let pulled = Pulled::new(NETSUITE).await;
    let store = &pulled.world.table.store;
    let code: SystemId = "netsuite".parse().expect("a system");
    let refused = find(store, &code).await.expect_err("no connector is written yet").to_string();
    assert!(refused.ends_with("writes one. Systems with a connector: none."), "{refused}");
    for system in [configuration(NETSUITE, NETSUITE.host, &[]), pulled.system.clone()] {
        set(store, &system).await.expect("written");
        assert_eq!(find(store, &code).await.expect("found"), system);
    }
    let mistyped = find(store, &"netsiute".parse().expect("a system")).await.expect_err("it is mistyped").to_string();
    assert!(mistyped.ends_with("writes one. Systems with a connector: netsuite. Did you mean netsuite?"), "{mistyped}");
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

/// Protects the ledger from a wrong system name, under which a file is applied a second time: a name that the table does not know
/// needs consent and is known from then on, and so do events that another system has sent.
#[tokio::test]
async fn a_file_is_not_fed_under_a_wrong_system() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let table = Ledger::new(world.table.client.clone(), Table::NAME);
    let event = |id: &str| {
        let at = "2026-11-21T11:00:00Z";
        json!({ "id": id, "kind": "receipt", "sku": "A", "location": "WH-1", "quantity": 2, "occurred_at": at }).to_string()
    };
    let unknown = "no code in the table names it.";
    let again =
        "may be the wrong name. Nothing is written. If both systems have sent it, and both mean other units, add --apply-again.";
    // `Err` has a part of the error, and `Ok` how many events are applied and how many are duplicates.
    type Step<'a> = (&'a str, &'a str, [bool; 2], Option<bool>, Result<(usize, usize), String>);
    let steps: [Step; 13] = [
        ("wms-east", "1", [false; 2], None, Err(format!("{unknown} Known are sap. Nothing is written. If wms-east is new"))),
        ("wms-east", "1", [false; 2], Some(false), Err("the answer is no, and nothing is written".to_owned())),
        ("wms-east", "1", [true, false], None, Ok((1, 0))),
        ("wms-east", "1", [false; 2], None, Ok((0, 1))),
        (
            "wms-esat",
            "1",
            [false; 2],
            None,
            Err(format!("{unknown} Did you mean wms-east? Known are sap, wms-east. Nothing is written.")),
        ),
        (
            "wms-esat",
            "1",
            [true, false],
            None,
            Err(format!("line 1 is in the ledger already, as an event of wms-east: wms-esat {again}")),
        ),
        (
            "erp",
            "2",
            [false; 2],
            None,
            Err(format!("{unknown} Known are sap, wms-east. Nothing is written. If erp is new, add --new-system.")),
        ),
        ("erp", "2", [false; 2], Some(true), Ok((1, 0))),
        ("erp", "2", [false; 2], Some(false), Ok((0, 1))),
        ("sap", "3", [false; 2], None, Ok((1, 0))),
        ("erp", "3", [false; 2], None, Err(format!("line 1 is in the ledger already, as an event of sap: erp {again}"))),
        ("erp", "3", [true, false], Some(false), Err("the answer is no, and nothing is written".to_owned())),
        ("erp", "3", [false, true], None, Ok((1, 0))),
    ];
    let connector = serde_json::from_value(json!({ "code": "sap", "kind": "erp" })).expect("a connector");
    set(&world.table.store, &connector).await.expect("written");
    for (system, id, [new_system, apply_again], answer, expected) in steps {
        let code: SystemId = system.parse().expect("a system");
        let before = world.table.rows();
        let consent = Consent { new_system, apply_again, ask: &|_| answer };
        match (feed_as(&table, &world.clock, &code, &event(id), &consent).await, expected) {
            (Ok(report), Ok(expected)) => assert_eq!((report.applied, report.duplicates), expected, "{system} {id}"),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(&expected), "{system} {id}: {error}");
                assert_eq!(world.table.rows(), before, "{system} {id}: a refused command writes nothing");
            }
            (fed, expected) => panic!("{system} {id}: {fed:?}, not {expected:?}"),
        }
    }
    assert_eq!(world.positions().await, ["A@WH-1 8 on hand, 0 reserved"]);
}

/// Protects a file from its own oddities: an event that it names twice, a byte order mark, and a line that waits, which the report
/// names. A file that is accepted whole clears the alert about refused events.
#[tokio::test]
async fn a_file_may_repeat_an_event_and_names_the_lines_that_wait() {
    let world = World::new().await;
    world.item("A", &[]).await;
    let table = Ledger::new(world.table.client.clone(), Table::NAME);
    let connector = serde_json::from_value(json!({ "code": "sap", "kind": "erp" })).expect("a connector");
    set(&world.table.store, &connector).await.expect("written");
    let line = |id: &str, sku: &str, kind: &str| {
        let at = world.clock.after(0).to_string();
        json!({ "id": id, "kind": kind, "sku": sku, "location": "WH-1", "quantity": 5, "occurred_at": at }).to_string()
    };
    let feed = async |lines: &[String]| {
        let consent = Consent { new_system: true, apply_again: false, ask: &|_| None };
        let text = format!("\u{FEFF}{}", lines.join("\n"));
        feed_as(&table, &world.clock, &"erp".parse().expect("a system"), &text, &consent).await.expect("fed")
    };
    let report =
        feed(&[line("1", "A", "receipt"), line("1", "A", "receipt"), line("2", "NEW", "receipt"), line("3", "A", "?")]).await;
    assert_eq!((report.applied, report.duplicates, report.waiting, report.refused.len()), (1, 1, 1, 1), "{report:?}");
    assert!(report.waits_for[&3].contains("NEW") && report.refused.contains_key(&4), "{report:?}");
    let about = ("erp".to_owned(), "An event is refused.".to_owned());
    let subject = promissory::alert::AlertSubject::RefusedEvent { system: about.0 };
    promissory::flows::alert::raise(&world.table.store, &world.clock, (subject, about.1)).await.expect("raised");
    assert!(feed(&[line("4", "A", "receipt")]).await.refused.is_empty());
    assert!(world.alerts().contains(&"refused_event#erp cleared".to_owned()), "{:?}", world.alerts());
    assert_eq!(world.positions().await, ["A@WH-1 10 on hand, 0 reserved"]);
}

/// Protects the ledger from a second connector of one system under a mistyped name, which would pull every row again. A name that is
/// close to no other needs no consent.
#[tokio::test]
async fn a_connector_is_not_written_under_a_mistyped_system() {
    let world = World::new().await;
    let table = Ledger::new(world.table.client.clone(), Table::NAME);
    let refused = "Did you mean netsuite? Known are netsuite. Nothing is written. If netsiute is new, add --new-system.";
    for (system, new_system, expected) in [
        ("netsuite", false, None),
        ("netsuite", false, None),
        ("netsiute", false, Some(refused)),
        ("sap", false, None),
        ("netsiute", true, None),
    ] {
        let connector = serde_json::from_value(json!({ "code": system, "kind": "erp" })).expect("a connector");
        let consent = Consent { new_system, apply_again: false, ask: &|_| None };
        let error = set_as(&table, &[connector], &consent).await.err().map(|error| error.to_string());
        assert_eq!(error.is_some(), expected.is_some(), "{system}: {error:?}");
        assert!(error.as_deref().unwrap_or_default().ends_with(expected.unwrap_or_default()), "{error:?}");
        let stored = find(&world.table.store, &system.parse().expect("a system")).await;
        assert_eq!(stored.is_ok(), expected.is_none(), "{system}");
    }
}
