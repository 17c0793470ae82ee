//! The catalog import and export over the real table, with faults, concurrent writes, and a comparison with the shop.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use promissory::catalog::{BillOfMaterials, Catalog, Item, ShopItem, Sku};
use promissory::flows::{ImportError, Imported, import_catalog};
use promissory::ports::{Clock, Store, read};
use promissory::sheets::{Sheet, Sheets, export};
use promissory::table::{Expect, RowKey, Write};
use promissory_cli::catalog::command::{Outcome, import};
use promissory_cli::catalog::report::{import_json, import_text, validation_text};
use promissory_cli::catalog::rows;
use promissory_cli::catalog::shop::compare;
use promissory_cli::table::Table as Ledger;
use promissory_fakes::shopify::{Faults, NewItem};
use promissory_tests::dynamo::{Table, row_key};
use promissory_tests::faults::Fault;
use promissory_tests::shop;
use promissory_tests::webhook::{SHOP, order};
use promissory_tests::world::World;
use serde_json::{Value, json};

fn sheets(files: &[(Sheet, String)]) -> Sheets {
    Sheets::read(&files.iter().map(|(sheet, text)| (*sheet, text.clone().into_bytes())).collect())
}

fn table(world: &World) -> Ledger {
    Ledger::new(world.table.client.clone(), Table::NAME)
}

async fn imported(world: &World, files: &[(Sheet, String)]) -> Outcome {
    import(&table(world), &world.clock, &sheets(files), false, &|_| ()).await.expect("the import runs")
}

async fn stored(world: &World) -> Catalog {
    rows::read(&table(world)).await.expect("the table can be read").catalog().clone()
}

/// The given number of items, all listed in the shop. The first one is made of the second.
fn files(items: usize) -> Vec<(Sheet, String)> {
    let mut skus = "sku,buffer,tier,units\n".to_owned();
    let mut listings = "shop,shop_sku,sku,inventory_item,variant\n".to_owned();
    for n in 1..=items {
        skus.push_str(&format!("I{n:03},{n},A,case=12\n"));
        listings.push_str(&format!("{SHOP},shop-{n:03},I{n:03},{n},{}\n", n + 1_000));
    }
    vec![
        (Sheet::Tiers, "tier,buffer\nA,2\n".into()),
        (Sheet::Items, skus),
        (Sheet::Locations, "code,kind\nPLANT,factory\n".into()),
        (Sheet::LocationCodes, "location,in,code\nPLANT,sap,1000\nWH-1,sap,2000\n".into()),
        (Sheet::Listings, listings),
        (Sheet::SystemItems, "system,code,sku,unit\nsap,4711,I001,case\n".into()),
        (Sheet::WorkCentres, "centre,units_per_day\nMIX,500\n".into()),
        (Sheet::Assemblies, "parent,lead_days,yield_percent,work_centre\nI001,3,98.5,MIX\n".into()),
        (Sheet::Bills, "parent,component,quantity,scrap_percent\nI001,I002,0.5,3\n".into()),
    ]
}

/// Protects import and export: an import can be exported, importing it again writes nothing, and a dry run writes nothing.
#[tokio::test]
async fn sheets_are_imported_and_exported() {
    let world = World::new().await;
    let files = files(130);
    let before = world.table.rows();
    let dry = import(&table(&world), &world.clock, &sheets(&files), true, &|_| ()).await.expect("the import runs");
    assert_eq!(world.table.rows(), before, "a dry run writes nothing");
    let outcome = imported(&world, &files).await;
    assert_eq!((dry.rows_written, outcome.rows_written), (0, 1 + 130 + 2 + 130 + 130 + 1 + 1 + 2 + 2));
    assert_eq!(dry.plan.as_ref().map(|plan| &plan.changes).ok(), outcome.plan.as_ref().map(|plan| &plan.changes).ok());
    let catalog = stored(&world).await;
    assert_eq!((catalog.items.len(), catalog.mappings.len(), catalog.locations.len()), (130, 130, 4));
    assert_eq!(imported(&world, &files).await.rows_written, 0);
    let out: Vec<(Sheet, String)> =
        export(&catalog).into_iter().map(|(sheet, text)| (sheet, String::from_utf8(text).expect("text"))).collect();
    let again = imported(&world, &out).await;
    assert_eq!((again.rows_written, again.plan.map(|plan| plan.changes)), (0, Ok(Vec::new())));
    let (bill, _) =
        read::<BillOfMaterials, _>(&world.table.store, &RowKey::Bill("I001".parse().expect("a SKU"))).await.expect("read");
    assert_eq!(bill.map(|bill| (bill.version, bill.components.len())), Some((1, 1)));
}

/// The rows of bills, their versions and the where-used index, in words.
fn structure(world: &World) -> Vec<String> {
    let in_words = |row: &Value| {
        let (key, body) = (row_key(row)?, &row["body"]["M"]);
        let names: Vec<&str> = if matches!(key, RowKey::Bill(_) | RowKey::BillVersion { .. }) {
            body["components"]["M"].as_object()?.keys().map(String::as_str).collect()
        } else if matches!(key, RowKey::WhereUsed(_)) {
            body["parents"]["L"].as_array()?.iter().filter_map(|parent| parent["S"].as_str()).collect()
        } else {
            return None;
        };
        let version = body["version"]["N"].as_str().map_or_else(String::new, |version| format!(" v{version}"));
        Some(format!("{key}{version}: {}", names.join(" ")))
    };
    let mut rows: Vec<String> = world.table.rows().iter().filter_map(in_words).collect();
    rows.sort();
    rows
}

/// Protects promises from a missing where-used entry: over the real table, the index follows a two-level bill that is added,
/// changed and removed, and every version of the bill stays stored.
#[tokio::test]
async fn a_bill_of_two_levels_is_added_changed_and_removed() {
    let world = World::new().await;
    let items = "sku,bulk,promise_days\nSERUM,,14\nBASE,,\nOIL,,\nOIL-2,,\nWATER,yes,\nGLASS,,\n";
    let bills = "parent,component,quantity,instead_of,rank\nSERUM,BASE,30,,\nSERUM,GLASS,1,,\nBASE,OIL,0.2,,\n\
                 BASE,OIL-2,0.25,OIL,1\nBASE,WATER,0.8,,\n";
    let first = vec![
        (Sheet::Items, items.to_owned()),
        (Sheet::WorkCentres, "centre,units_per_day\nMIX,500\n".to_owned()),
        (Sheet::Assemblies, "parent,lead_days,yield_percent,work_centre\nBASE,2,95,MIX\n".to_owned()),
        (Sheet::Bills, bills.to_owned()),
    ];
    let took = imported(&world, &first).await;
    assert!(took.plan.is_ok(), "{}", import_text(&took));
    let base = "BASE".parse::<Sku>().expect("a SKU");
    let bill = async || stored(&world).await.bills[&base].clone();
    let made = bill().await;
    let text = |text: Option<String>| text.unwrap_or_default();
    assert_eq!((made.lead_days, text(made.yields.map(|share| share.to_string()))), (2, "95".to_owned()));
    assert_eq!((text(made.centre.map(|centre| centre.to_string())), made.since), ("MIX".to_owned(), Some(world.clock.now())));
    assert_eq!(stored(&world).await.items["SERUM"].planning.promise_days, Some(14));
    let versions = ["bill of BASE, version 1 v1: OIL OIL-2 WATER", "bill of SERUM, version 1 v1: BASE GLASS"];
    let at_first = [
        "bill of BASE v1: OIL OIL-2 WATER",
        versions[0],
        "bill of SERUM v1: BASE GLASS",
        versions[1],
        "where-used of item BASE: SERUM",
        "where-used of item GLASS: SERUM",
        "where-used of item OIL-2: BASE",
        "where-used of item OIL: BASE",
        "where-used of work centre MIX: BASE",
    ];
    assert_eq!(structure(&world), at_first);

    // Later, oil becomes a component of the serum too, its alternate is removed, and water is planned. Importing the same again
    // writes nothing.
    world.clock.pass(3_600);
    let change = vec![
        (Sheet::Items, "sku,bulk\nWATER,no\n".to_owned()),
        (Sheet::Bills, "parent,component,quantity,remove\nSERUM,OIL,0.01,\nBASE,OIL-2,,yes\n".to_owned()),
    ];
    assert!(imported(&world, &change).await.plan.is_ok());
    let changed_at = world.clock.now();
    world.clock.pass(3_600);
    assert_eq!(imported(&world, &change).await.rows_written, 0);
    assert_eq!((bill().await.since, bill().await.version), (Some(changed_at), 2));
    let changed = [
        "bill of BASE v2: OIL WATER",
        versions[0],
        "bill of BASE, version 2 v2: OIL WATER",
        "bill of SERUM v2: BASE GLASS OIL",
        versions[1],
        "bill of SERUM, version 2 v2: BASE GLASS OIL",
        "where-used of item BASE: SERUM",
        "where-used of item GLASS: SERUM",
        "where-used of item OIL: BASE SERUM",
        "where-used of item WATER: BASE",
        "where-used of work centre MIX: BASE",
    ];
    assert_eq!(structure(&world), changed);

    // The export gives the same content. Then all components of the base are removed, and its versions stay.
    let out: Vec<(Sheet, String)> =
        export(&stored(&world).await).into_iter().map(|(sheet, text)| (sheet, String::from_utf8(text).expect("text"))).collect();
    assert_eq!(imported(&world, &out).await.rows_written, 0);
    let gone = vec![
        (Sheet::Assemblies, "parent,remove\nBASE,yes\n".to_owned()),
        (Sheet::Bills, "parent,component,remove\nBASE,OIL,yes\nBASE,WATER,yes\n".to_owned()),
    ];
    assert!(imported(&world, &gone).await.plan.is_ok());
    let left = bill().await;
    assert_eq!((left.version, left.lead_days, left.centre, left.components.len()), (3, 0, None, 0));
    let base: Vec<String> =
        structure(&world).into_iter().filter(|row| row.starts_with("bill of BASE") || row.starts_with("where-used")).collect();
    let expected = [
        "bill of BASE v3: ",
        versions[0],
        "bill of BASE, version 2 v2: OIL WATER",
        "bill of BASE, version 3 v3: ",
        "where-used of item BASE: SERUM",
        "where-used of item GLASS: SERUM",
        "where-used of item OIL: SERUM",
    ];
    assert_eq!(base, expected);
}

/// Protects the where-used index from an import that stops between two transactions: it has at most too many entries, and
/// importing again removes them.
#[tokio::test]
async fn the_index_survives_an_interrupted_import() {
    let out = vec![(Sheet::Bills, "parent,component,quantity,remove\nI001,I002,,yes\nI003,I002,1,\nI001,I004,1,\n".to_owned())];
    let expected = ["where-used of item I002: I003", "where-used of item I004: I001"];
    let index = |world: &World| {
        structure(world)
            .into_iter()
            .filter(|row| row.starts_with("where-used") && !row.contains("work centre"))
            .collect::<Vec<_>>()
    };
    for (skip, stopped) in [
        (0, vec!["where-used of item I002: I001"]),
        (1, vec!["where-used of item I002: I001 I003", "where-used of item I004: I001"]),
    ] {
        let world = World::new().await;
        imported(&world, &files(4)).await;
        world.table.faults.after("TransactWriteItems", skip, 1, Fault::RequestLost);
        import(&table(&world), &world.clock, &sheets(&out), false, &|_| ()).await.expect_err("the store failed");
        assert_eq!(index(&world), stopped);
        imported(&world, &out).await;
        assert_eq!(index(&world), expected, "stopped at {skip}");
    }
}

/// Protects the purpose of the import: an imported listing is sold, and its orders are reserved.
#[tokio::test]
async fn an_imported_listing_is_sold() {
    let world = World::new().await;
    let outcome = imported(&world, &files(2)).await;
    assert!(outcome.plan.is_ok());
    let sku: String = "I002".into();
    world.take_stock([world.stock("r1", &sku, "WH-1", promissory::source::StockKind::Receipt, 10)]).await;
    world.settle().await;
    world.deliver_accepted("orders/create", "w1", order(1).line(11, "shop-002", 3).bytes()).await;
    assert_eq!(world.positions().await, ["I002@WH-1 10 on hand, 0 reserved", "I002@unassigned 0 on hand, 3 reserved"]);
    // The stream record of the changed item triggers the recompute.
    let changed = imported(&world, &[(Sheet::Items, "sku,low_at\nI002,50\n".into())]).await;
    assert_eq!(changed.rows_written, 1);
    world.settle().await;
    assert_eq!(world.alerts(), ["low_stock#I002 raised"]);
}

/// Protects an import that stops anywhere: importing again gives the complete result, and no listing is ever half written.
#[tokio::test]
async fn a_stopped_import_is_repeated() {
    let whole = World::new().await;
    imported(&whole, &files(130)).await;
    let expected = stored(&whole).await;
    for fault in [Fault::RequestLost, Fault::AnswerLost, Fault::Throttled, Fault::ThrottledInside, Fault::Internal] {
        for skip in 0..3 {
            let world = World::new().await;
            world.table.faults.after("TransactWriteItems", skip, 1, fault);
            let stopped = import(&table(&world), &world.clock, &sheets(&files(130)), false, &|_| ()).await;
            let error = stopped.expect_err("the store failed").to_string();
            assert!(error.contains("Importing again writes what is left"), "{fault:?}: {error}");
            assert!(stored(&world).await.listings().values().all(|listing| listing.whole), "{fault:?} at {skip}");
            let outcome = imported(&world, &files(130)).await;
            assert!(outcome.plan.is_ok(), "{fault:?} at {skip}");
            assert_eq!(stored(&world).await, expected, "{fault:?} at {skip}");
        }
    }
}

/// Imports files that were planned from rows read earlier.
async fn late(
    world: &World,
    was: &promissory::sheets::StoredCatalog,
    files: &[(Sheet, String)],
) -> Result<Imported, ImportError> {
    import_catalog(&world.table.store, &world.clock, &mut was.clone(), &sheets(files), &|_, _| ()).await
}

/// Protects concurrent changes: the import reads a changed row again, writes the fields of the sheet beside the other changes,
/// and reports a conflict between them.
#[tokio::test]
async fn a_row_changed_meanwhile_is_planned_again() {
    let world = World::new().await;
    imported(&world, &files(3)).await;
    let was = rows::read(&table(&world)).await.expect("read");
    imported(&world, &[(Sheet::Items, "sku,low_at\nI001,7\n".into())]).await;
    let done = late(&world, &was, &[(Sheet::Items, "sku,buffer\nI001,9\nI002,9\n".into())]).await.expect("imported");
    assert_eq!(done, Imported { rows: 2, planned_again: 1 });
    let (item, _) = read::<Item, _>(&world.table.store, &RowKey::Item("I001".parse().expect("a SKU"))).await.expect("read");
    let units = |quantity: Option<promissory::catalog::Quantity>| quantity.map(promissory::catalog::Quantity::units);
    assert_eq!(item.map(|item| (units(item.buffer), units(item.low_at))), Some((Some(9), Some(7))), "both are kept");

    // Another import lists the item under another name.
    let header = "shop,shop_sku,sku,inventory_item,remove\n";
    let other = format!("{header}{SHOP},shop-003,,,yes\n{SHOP},other,I003,3,\n");
    imported(&world, &[(Sheet::Listings, other)]).await;
    let ours = format!("{header}{SHOP},shop-003,I003,1003,\n{SHOP},shop-001,,1001,\n");
    match late(&world, &was, &[(Sheet::Listings, ours)]).await {
        Err(ImportError::Problems(problems)) => {
            let lines: Vec<String> = problems.shown().iter().map(ToString::to_string).collect();
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains("lists I003 as \"other\": a shop lists an item once"), "{lines:?}");
        }
        other => panic!("{other:?}"),
    }
    let (mapping, _) =
        read::<ShopItem, _>(&world.table.store, &RowKey::ShopItem { shop: world.shop.clone(), shop_sku: "shop-003".to_owned() })
            .await
            .expect("read");
    assert_eq!(mapping, None, "the import wrote a part of the sheet");
}

/// Protects against a row with permanent write conflicts: the import retries it, and stops after the last attempt.
#[tokio::test]
async fn conflicts_are_retried_up_to_a_limit() {
    for (conflicts, written) in [(1, true), (9, true), (10, false)] {
        let world = World::new().await;
        world.table.faults.next("TransactWriteItems", conflicts, Fault::Conflict);
        let outcome = import(&table(&world), &world.clock, &sheets(&files(3)), false, &|_| ()).await;
        assert_eq!(outcome.is_ok(), written, "{conflicts} conflicts: {outcome:?}");
        if let Err(error) = outcome {
            assert!(error.to_string().contains("other functions keep writing the same rows"), "{error}");
        }
    }
}

/// Protects two concurrent imports: both succeed, every row has the content of one of them, and none is half written.
#[tokio::test]
async fn two_imports_at_once_both_succeed() {
    let world = World::new().await;
    let (one, other) = (files(130), files(90));
    let (one, other) = join(imported(&world, &one), imported(&world, &other)).await;
    assert!(one.plan.is_ok() && other.plan.is_ok());
    let alone = World::new().await;
    imported(&alone, &files(130)).await;
    assert_eq!(stored(&world).await, stored(&alone).await);
    let swaps = ["I001,I002", "I002,I001"].map(|pair| {
        let (first, second) = pair.split_once(',').expect("two");
        let text = format!("shop,shop_sku,sku\n{SHOP},shop-001,{first}\n{SHOP},shop-002,{second}\n");
        vec![(Sheet::Listings, text)]
    });
    join_all(swaps.iter().map(|files| imported(&world, files))).await;
    assert!(stored(&world).await.listings().values().all(|listing| listing.whole));
}

/// Protects scripts and users: the JSON has the fields that the help names, and the text lists the changes.
#[tokio::test]
async fn an_import_reports_its_changes() {
    let world = World::new().await;
    let files: Vec<(Sheet, String)> =
        vec![(Sheet::Tiers, "tier,buffer\nA,2\n".into()), (Sheet::Items, "sku,tier\nI1,A\nI2,B\n".into())];
    let refused = imported(&world, &files).await;
    let problem = "items.csv line 3, column tier: there is no tier B: add it to tiers.csv";
    assert_eq!(import_text(&refused), format!("{problem}\nproblems: 1; nothing is written"));
    let report: Value = serde_json::from_str(&import_json(&refused)).expect("JSON");
    let place = json!([{ "sheet": "items", "line": 3, "column": "tier", "detail": "there is no tier B: add it to tiers.csv" }]);
    assert_eq!((&report["problems"], &report["problem_count"], &report["rows_written"]), (&place, &json!(1), &json!(0)));

    let outcome = imported(&world, &files[..1]).await;
    assert_eq!(
        import_text(&outcome),
        "tiers.csv line 2: + A: buffer 2\ntiers.csv: 1 added, 0 changed, 0 removed, 0 unchanged\nrows written: 1"
    );
    let report: Value = serde_json::from_str(&import_json(&outcome)).expect("JSON");
    let change = json!({
        "sheet": "tiers", "line": 2, "key": ["A"], "change": "added",
        "cells": [{ "column": "buffer", "old": "", "new": "2" }],
    });
    let tally = json!({ "tiers": { "added": 1, "changed": 0, "removed": 0, "unchanged": 0 } });
    assert_eq!(
        report,
        json!({
            "dry_run": false, "problems": [], "problem_count": 0, "warnings": [], "warning_count": 0, "tally": tally,
            "changes": [change], "rows_written": 1,
        })
    );
}

/// Protects operators from a mistake that is legal: it is imported, and both reports have a warning, also beside an error.
#[tokio::test]
async fn an_import_reports_its_warnings() {
    let world = World::new().await;
    let wrong = imported(&world, &[(Sheet::Items, "sku;bufer;buffer\nX-1;7;1,000\n".into())]).await;
    let warning =
        "items.csv line 1, column bufer: the sheet has no such column, so its cells are not imported: did you mean buffer?";
    let text = import_text(&wrong);
    assert!(text.starts_with(&format!("warning: {warning}")), "{text}");
    assert!(text.contains("\nitems.csv line 2, column buffer: \"1,000\" is not a whole number"), "{text}");
    let report: Value = serde_json::from_str(&import_json(&wrong)).expect("JSON");
    assert_eq!((&report["problem_count"], &report["warning_count"], &report["rows_written"]), (&json!(1), &json!(1), &json!(0)));

    let outcome = imported(&world, &[(Sheet::Items, "sku\nX-1\nx-1\n".into())]).await;
    let detail = "\"x-1\" differs from \"X-1\" (line 2) only in case. Check that both are meant";
    assert!(import_text(&outcome).starts_with(&format!("warning: items.csv line 3, column sku: {detail}\n")));
    let report: Value = serde_json::from_str(&import_json(&outcome)).expect("JSON");
    let place = json!([{ "sheet": "items", "line": 3, "column": "sku", "detail": detail }]);
    assert_eq!((&report["warnings"], &report["warning_count"], &report["rows_written"]), (&place, &json!(1), &json!(2)));
    assert!(outcome.plan.is_ok(), "a warning is no error");

    // A connector and a heartbeat make a system known to the import.
    let connector = json!({ "code": "netsuite", "kind": "erp" });
    let connector: promissory::source::System = serde_json::from_value(connector).expect("a connector");
    promissory_cli::source::set(&world.table.store, &connector).await.expect("written");
    let beat = promissory::source::Heartbeat { system: "wms-east".to_owned(), at: world.clock.now() };
    world.table.store.write(&[Write::put(&beat, Expect::Absent)]).await.expect("written");
    let codes = "system,code,sku\nnetsuite,1,X-1\nwms-east,1,X-1\nwms-esat,2,X-1\n";
    let outcome = imported(&world, &[(Sheet::SystemItems, codes.into())]).await;
    let warnings: Vec<String> = outcome.warnings().shown().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].ends_with("Did you mean wms-east? Known are netsuite, wms-east."), "{warnings:?}");
}

/// Protects the import from a partly read table, and from rows that are not part of the catalog.
#[tokio::test]
async fn an_unreadable_row_stops_the_import() {
    let world = World::new().await;
    imported(&world, &files(3)).await;
    world.take_stock([world.stock("r1", "I001", "WH-1", promissory::source::StockKind::Receipt, 10)]).await;
    let catalog = stored(&world).await;
    assert_eq!((catalog.items.len(), catalog.bills.len(), catalog.tiers.len()), (3, 1, 1));
    let body = serde_json::to_value(&catalog.items["I002"]).expect("an object");
    let damage = Write::Put {
        key: RowKey::Item("I001".parse().expect("a SKU")).key(),
        body,
        index: None,
        expires_at: None,
        expect: Expect::Revision(1),
    };
    world.table.store.write(&[damage]).await.expect("written");
    let error = rows::read(&table(&world)).await.expect_err("it is damaged").to_string();
    assert!(error.contains(&RowKey::Item("I001".parse().expect("a SKU")).key().to_string()), "{error}");
}

/// Protects mappings from differing from the shop: over the real adapter, each difference is found, page after page, also in a
/// slow shop.
#[tokio::test]
async fn mappings_are_compared_with_the_shop() {
    let world = World::new().await;
    for sku in ["FINE", "CASE", "RENAMED", "UNTRACKED", "GONE"] {
        world.item(sku, &[]).await;
    }
    let running = shop::start(&world);
    let front = running.front();
    let ask = async || {
        let catalog = stored(&world).await;
        let validation = compare(&front, &world.clock, &catalog, &world.shop, &|_| ()).await.expect("compared");
        validation_text(&[validation])
    };
    assert_eq!(ask().await, format!("{SHOP}: 5 variants, 5 listings, 0 findings"));
    let relabel = |from: &str, to: &str| {
        let item = running.item(from);
        running.server.shop(|shop| shop.relabel(item, to).expect("known"));
    };
    relabel("CASE", "case");
    relabel("RENAMED", "NEWNAME");
    running.server.shop(|shop| {
        shop.remove_item("GONE").expect("known");
        let item = shop.add_item(NewItem::tracked("TWICE")).expect("new");
        shop.add_item(NewItem::tracked("NEW")).expect("new");
        shop.relabel(item, "FINE").expect("known");
        for n in 0..300 {
            shop.add_item(NewItem { untracked: true, ..NewItem::tracked(&format!("DIGITAL-{n}")) }).expect("new");
        }
        shop.add_item(NewItem { bundle: true, ..NewItem::tracked("KIT") }).expect("new");
    });
    running.fail(Faults { fail: 2, throttle: 1, ..Faults::default() });
    let answer = ask().await;
    let ids: BTreeMap<String, u64> = world.items();
    let new = running.item("NEW").0;
    let expected = [
        format!("missing: \"NEW\" (variant {}, inventory item {new}) is not mapped", new + 1_000_000_000_000),
        format!("gone: the shop has no inventory item {}, which \"GONE\" (GONE) is mapped to", ids["GONE"]),
        format!(
            "duplicate: the variants {}, {} all have the SKU \"FINE\"",
            ids["FINE"] + 1_000_000_000_000,
            new - 1 + 1_000_000_000_000
        ),
        "differs in case: the shop has \"case\", and \"CASE\" (CASE) is mapped".to_owned(),
        "renamed: the variant that is mapped as \"RENAMED\" (RENAMED) now has the SKU \"NEWNAME\"".to_owned(),
    ];
    let mut expected: Vec<String> = expected.iter().map(|finding| format!("{SHOP}: {finding}")).collect();
    expected.push(format!("{SHOP}: 307 variants, 5 listings, 5 findings"));
    assert_eq!(answer.lines().collect::<Vec<_>>(), expected);
}
