//! Pages: what each fake refuses of a request, and that no row between two pages is lost.

use promissory_fakes::systems::Document;
use serde_json::{Value, json};

use super::pulled::{LINES, NETSUITE, ODOO, Pulled, SAP, Words, at, configuration};

/// The documents of SAP by the links of the system in place of offsets.
pub fn by_link() -> Vec<(&'static str, Value)> {
    let url = "https://sap.example.com/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentItem?$format=json&$expand=to_MaterialDocumentHeader&$filter=to_MaterialDocumentHeader/CreationDate ge datetime'{since}T00:00:00'";
    vec![("/pull/documents/url", json!(url)), ("/pull/documents/paging", json!({ "by": "next_link", "path": "/d/__next" }))]
}

/// Protects the tests from fakes that accept more than the systems: each refuses a request that the documentation rules out.
#[tokio::test]
async fn fakes_are_as_strict_as_the_systems() {
    let suiteql = "/services/rest/query/v1/suiteql";
    let limited = |limit: &str| json!(format!("https://netsuite.example.com{suiteql}?limit={limit}&offset={{offset}}"));
    let by_offset = |size: u64| json!({ "by": "offset", "size": size, "more": "/hasMore" });
    let odoo = |option: &'static str| match option {
        "fields" => "/pull/receipts/body/params/args/6/fields",
        "order" => "/pull/receipts/body/params/args/6/order",
        _ => "/pull/receipts/body/params/args/6/offset",
    };
    let sap = "https://sap.example.com/sap/opu/odata/sap/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentItem";
    let filter = "$filter=to_MaterialDocumentHeader/CreationDate ge datetime'{since}T00:00:00'";
    let document = |options: &str| vec![("/pull/documents/url", json!(format!("{sap}?{filter}&{options}&$skip={{offset}}")))];
    type Changes = Vec<(&'static str, Value)>;
    let rows: [(Words, Changes, Option<&str>); 16] = [
        (NETSUITE, vec![("/pull/transactions/paging/size", json!(4))], None),
        (NETSUITE, vec![("/pull/transactions/paging", by_offset(4))], Some("HTTP 400")), // The second page begins at 3.
        (NETSUITE, vec![("/pull/transactions/paging/size", json!(1_001))], Some("HTTP 400")),
        (NETSUITE, vec![("/pull/transactions/url", limited("0")), ("/pull/transactions/paging", by_offset(4))], Some("HTTP 400")),
        (NETSUITE, vec![("/pull/transactions/headers", json!({}))], Some("HTTP 400")),
        (
            NETSUITE,
            vec![("/pull/transactions/body/q", json!("SELECT t.colour AS a FROM transaction t ORDER BY {since}"))],
            Some("400"),
        ),
        (ODOO, vec![("/pull/receipts/paging/size", json!(3))], None),
        (ODOO, vec![(odoo("fields"), json!(["colour"]))], Some("no list of rows")),
        (ODOO, vec![(odoo("order"), json!("colour"))], Some("no list of rows")),
        (ODOO, vec![(odoo("offset"), json!("{offset} "))], Some("no list of rows")), // A text, not a number.
        (SAP, vec![], None),
        (SAP, document("$expand=to_MaterialDocumentHeader&$inlinecount=allpages"), Some("not JSON")),
        (SAP, document("$format=json&$expand=to_MaterialDocumentHeader"), Some("/d/__count")),
        (SAP, document("$format=json&$expand=to_MaterialDocumentHeader&$inlinecount=allpages&$orderby=Colour"), Some("HTTP 400")),
        (SAP, document("$format=json&$expand=to_MaterialDocumentHeader&$inlinecount=allpages&$limit=3"), Some("HTTP 400")),
        (LINES, vec![("/pull/changes/url", json!("https://wms.example.com/changes?after={since}"))], Some("HTTP 400")),
    ];
    for (words, changes, refused) in rows {
        let pulled = Pulled::with(words, &changes).await;
        pulled.receipts(7);
        let outcome = pulled.pull(words.feeds[0]).await;
        match (&outcome, refused) {
            (Ok(report), None) => assert!(report.complete && report.applied == 7, "{changes:?}: {report:?}"),
            (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{changes:?}: {error}"),
            (_, _) => panic!("{}: {changes:?} leads to {outcome:?}", words.file),
        }
    }
}

fn skipped(document: &mut Document, _: Words) {
    (document.kind, document.at) = ("BinTrnfr", at(1));
}

/// Protects feeds of more than one page of NetSuite, which takes only offsets that are multiples of the page size.
#[tokio::test]
async fn netsuite_is_read_beyond_its_first_page() {
    let pulled = Pulled::new(NETSUITE).await;
    for id in 1..=2_500 {
        pulled.document(skipped, id);
    }
    let report = pulled.movements().await;
    assert_eq!((report.pages, report.skipped, report.shifted, report.complete), (3, 2_500, 0, true), "{report:?}");
}

/// Protects rows behind the end that a system sets to a query: movements go on from the newest row, and stock of which only a
/// part can be read is not taken for all of it.
#[tokio::test]
async fn a_query_that_ends_early_loses_no_row() {
    let most = |feed: &str| json!({ "by": "offset", "size": if feed == "balances" { 3 } else { 4 }, "offset": "multiple_of_size", "more": "/hasMore", "most": 6 });
    let changes = [("/pull/transactions/paging", most("transactions")), ("/pull/balances/paging", most("balances"))];
    let pulled = Pulled::with(NETSUITE, &changes).await;
    pulled.served.with(|state| state.most_rows = Some(6));
    pulled.receipts(20);
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.complete), (20, true), "{report:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 20 on hand"]);

    // Seven rows with one time do not fit into a query, so nothing can go on behind them.
    let pulled = Pulled::with(NETSUITE, &changes).await;
    pulled.served.with(|state| state.most_rows = Some(6));
    for id in 1..=7 {
        pulled.document(skipped, id);
    }
    let error = pulled.pull("transactions").await.expect_err("the rest cannot be read").to_string();
    assert!(error.contains("the same time"), "{error}");

    let stock: Vec<(usize, usize, &str, &str)> = vec![(0, 0, "X", "3"), (0, 1, "X", "4"), (1, 0, "X", "5"), (1, 1, "X", "6")];
    pulled.stocked(&stock);
    assert!(pulled.stock().await.complete);
    pulled.pass(60);
    pulled.served.with(|state| state.most_rows = Some(3));
    let changes = [("/pull/balances/paging/size", json!(3)), ("/pull/balances/paging/most", json!(3))];
    let system = configuration(NETSUITE, pulled.served.url(), &changes);
    let pulled = Pulled { system, ..pulled };
    let error = pulled.pull("balances").await.expect_err("a part is not all").to_string();
    assert!(error.contains("gives only 3 rows of a query"), "{error}");
    let stands = pulled.stands().await;
    assert_eq!(stands, ["A@3PL-1 4 on hand", "A@WH-1 3 on hand", "B@3PL-1 6 on hand", "B@WH-1 5 on hand"]);
}

/// Protects rows from an order that is not complete: rows with the same keys change places between two requests, which is
/// noticed, and not taken for the end.
#[tokio::test]
async fn an_incomplete_order_of_rows_is_noticed() {
    let example = configuration(NETSUITE, NETSUITE.host, &[]);
    let feed = example.pull.get("transactions").expect("the feed").feed();
    let text = feed.body.as_ref().and_then(|body| body["q"].as_str()).expect("a query");
    let text = text.strip_suffix(", tl.uniquekey").expect("the lines of one moment are in the order of their keys");
    let changes = [("/pull/transactions/paging/size", json!(4)), ("/pull/transactions/body/q", json!(text))];
    let pulled = Pulled::with(NETSUITE, &changes).await;
    let together = |document: &mut Document, _: Words| document.at = at(1);
    for id in 1..=7 {
        pulled.document(together, id);
    }
    let report = pulled.movements().await;
    assert!(!report.complete && report.shifted == promissory::source::pull::MAX_SHIFTS, "{report:?}");
}
