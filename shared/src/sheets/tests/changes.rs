//! The changes that a plan reports, and the rows that it writes together.

use crate::catalog::{Item, ShopItem};
use crate::sheets::tests::{Files, SMALL, imported, plan, store};
use crate::sheets::{CellChange, RowChange, RowChangeKind, StoredCatalog};
use crate::table::{Expect, Row, RowKey, Write};

/// A change as text.
fn change_text(change: &RowChange) -> String {
    let cells = |cells: &[CellChange]| {
        let cells = cells.iter().map(|CellChange { column, old, new }| format!(" {column} {old:?}→{new:?}"));
        cells.collect::<String>()
    };
    let what = match &change.kind {
        RowChangeKind::Added { cells: new } => format!("added{}", cells(new)),
        RowChangeKind::Changed { cells: new } => format!("changed{}", cells(new)),
        RowChangeKind::Removed => "removed".to_owned(),
        RowChangeKind::Completed => "completed".to_owned(),
    };
    format!("{} {} {}: {what}", change.sheet.name(), change.line, change.key.join("/"))
}

fn changes(stored: &StoredCatalog, files: Files) -> Vec<String> {
    let plan = plan(stored, files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    plan.changes.iter().map(change_text).collect()
}

/// Protects the preview of an import: it shows each line that changes something, cell by cell, and no other line.
#[test]
fn changes_are_shown_cell_by_cell() {
    let stored = imported(SMALL);
    let rows: [(&str, &str, &[&str]); 27] = [
        ("items", "sku\nSERUM\n", &[]),
        ("items", "sku,buffer,tier\nSERUM,,\n", &[]),
        ("items", "low_at,sku\n20,SERUM\n", &[]),
        (
            "items",
            "\u{feff}sku,buffer,tier,by_lot\r\n\r\nSERUM,7,-,no\r\nNEW,1,A,\r\n",
            &[
                r#"items 3 SERUM: changed tier "A"→"" by_lot "yes"→"no" buffer ""→"7""#,
                r#"items 4 NEW: added tier ""→"A" by_lot ""→"no" buffer ""→"1" bulk ""→"no" shows_date ""→"no""#,
            ],
        ),
        ("items", "sku,units\nSERUM,pallet=480;case=12\n", &[r#"items 2 SERUM: changed units "case=12"→"case=12;pallet=480""#]),
        ("items", "sku,units\nSERUM,-\n", &[r#"items 2 SERUM: changed units "case=12"→"""#]),
        (
            "items",
            "sku,promise_days,priority,since,supplier_days,bulk,policy,shows_date\n\
             SERUM,-,-,-,0,,,no\nGLASS,730,4294967295,2026-11-21,-,yes,-,\nOIL,,,,,,fair_share,\nBALM,,,,,,priority,yes\n",
            &[
                r#"items 2 SERUM: changed promise_days "14"→"" priority "1"→"" since "2026-01-31"→"" supplier_days ""→"0" shows_date "yes"→"no""#,
                r#"items 3 GLASS: changed promise_days ""→"730" priority ""→"4294967295" since ""→"2026-11-21" supplier_days "30"→"" bulk "no"→"yes" policy "first_come"→"""#,
                r#"items 5 BALM: changed policy ""→"priority" shows_date "no"→"yes""#,
            ],
        ),
        ("tiers", "tier,buffer\nA,4\n", &[r#"tiers 2 A: changed buffer "3"→"4""#]),
        (
            "locations",
            "code,kind,active\nWH-1,,no\nS-2,store,\n",
            &[
                r#"locations 2 WH-1: changed active "yes"→"no""#,
                r#"locations 3 S-2: added kind ""→"store" fulfils_online ""→"no" active ""→"yes""#,
            ],
        ),
        (
            "locations",
            "code,kind,feeds_production\nWH-1,,no\nSTORE-1,,-\nW-2,warehouse,yes\n",
            &[
                r#"locations 2 WH-1: changed feeds_production ""→"no""#,
                r#"locations 4 W-2: added kind ""→"warehouse" fulfils_online ""→"yes" active ""→"yes" feeds_production ""→"yes""#,
            ],
        ),
        (
            "locations",
            "code,time_zone\nWH-1,america/los_angeles\n",
            &[r#"locations 2 WH-1: changed time_zone ""→"America/Los_Angeles""#],
        ),
        (
            "work_centres",
            "centre,units_per_day\nMIX,0\nFILL-1,20\n",
            &[r#"work_centres 2 MIX: changed units_per_day "500"→"0""#, r#"work_centres 3 FILL-1: added units_per_day ""→"20""#],
        ),
        ("work_centres", "centre\nMIX\n", &[]),
        (
            "assemblies",
            "parent,lead_days,yield_percent,work_centre,phantom\nSERUM,-,-,-,yes\nBALM,730,0.5,MIX,no\n",
            &[
                r#"assemblies 2 SERUM: changed lead_days "3"→"" yield_percent "98.5"→"" work_centre "MIX"→"" phantom "no"→"yes""#,
                r#"assemblies 3 BALM: added lead_days ""→"730" yield_percent ""→"0.5" work_centre ""→"MIX" phantom ""→"no""#,
            ],
        ),
        ("assemblies", "parent,lead_days\nSERUM,\nBALM,0\n", &[]),
        ("assemblies", "parent,remove\nSERUM,yes\nBALM,yes\nNOPE,yes\n", &["assemblies 2 SERUM: removed"]),
        ("location_codes", "location,in,code\nWH-1,sap,2000\n", &[r#"location_codes 2 WH-1/sap: changed code "1000"→"2000""#]),
        (
            "location_codes",
            "location,in,code,remove\nWH-1,sap,,yes\nWH-1,a.myshopify.com,,yes\nNOPE,sap,,yes\nSTORE-1,wms,8,no\n",
            &[
                "location_codes 2 WH-1/sap: removed",
                "location_codes 3 WH-1/a.myshopify.com: removed",
                r#"location_codes 5 STORE-1/wms: added code ""→"8""#,
            ],
        ),
        (
            "location_codes",
            "location,in,code\nWH-1,a.myshopify.com,70000000002\nSTORE-1,a.myshopify.com,70000000001\n",
            &[
                r#"location_codes 2 WH-1/a.myshopify.com: changed code "70000000001"→"70000000002""#,
                r#"location_codes 3 STORE-1/a.myshopify.com: changed code "70000000002"→"70000000001""#,
            ],
        ),
        (
            "listings",
            "shop,shop_sku,buffer,variant\na.myshopify.com,serum-30,-,45000000000009\n",
            &[r#"listings 2 a.myshopify.com/serum-30: changed variant "45000000000001"→"45000000000009" buffer "2"→"""#],
        ),
        (
            "system_items",
            "system,code,unit,units,remove\nsap,4711,-,,\nsap,4712,,,yes\n",
            &[r#"system_items 2 sap/4711: changed unit "case"→"""#],
        ),
        ("system_items", "system,code,remove\nsap,4711,yes\n", &["system_items 2 sap/4711: removed"]),
        (
            "bills",
            "parent,component,quantity,scrap_percent,remove\nSERUM,OIL,30.50,-,\nSERUM,WATER,,,yes\nBALM,OIL,5,,\n",
            &[
                r#"bills 2 SERUM/OIL: changed scrap_percent "2.5"→"""#,
                "bills 3 SERUM/WATER: removed",
                r#"bills 4 BALM/OIL: added quantity ""→"5""#,
            ],
        ),
        (
            "bills",
            "parent,component,from,until,instead_of,rank,remove\n\
             SERUM,GLASS-2,-,-,-,-,\nSERUM,GLASS,2026-11-21,2026-11-22,GLASS-2,65535,\nSERUM,WATER,,2027-01-01,,0,\n",
            &[
                r#"bills 2 SERUM/GLASS-2: changed from "2027-01-01"→"" instead_of "GLASS"→"" rank "1"→"""#,
                r#"bills 3 SERUM/GLASS: changed from ""→"2026-11-21" until ""→"2026-11-22" instead_of ""→"GLASS-2" rank ""→"65535""#,
                r#"bills 4 SERUM/WATER: changed until ""→"2027-01-01""#,
            ],
        ),
        (
            "bills",
            "parent,component,remove\nSERUM,GLASS,yes\nSERUM,GLASS-2,yes\n",
            &["bills 2 SERUM/GLASS: removed", "bills 3 SERUM/GLASS-2: removed"],
        ),
        ("bills", "parent,component,rank\nSERUM,GLASS-2,0\n", &[r#"bills 2 SERUM/GLASS-2: changed rank "1"→"""#]),
        ("bills", "parent,component\nSERUM,OIL\n", &[]),
    ];
    for (sheet, text, expected) in rows {
        let mut stored = stored.clone();
        assert_eq!(changes(&stored, &[(sheet, text)]), expected, "{text:?}");
        let planned = plan(&stored, &[(sheet, text)]).expect("the sheets are valid");
        store(&mut stored, &planned);
        assert_eq!(changes(&stored, &[(sheet, text)]), [""; 0], "{text:?} a second time changes nothing");
        assert_eq!(
            plan(&stored, &[(sheet, text)]).expect("the sheets are valid").rows(),
            0,
            "{text:?} a second time writes nothing"
        );
    }
}

/// The writes of these files as text, batch by batch.
fn written(stored: &StoredCatalog, files: Files) -> Vec<Vec<String>> {
    let plan = plan(stored, files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    let place = |write: &Write| match write {
        Write::Put { key, .. } => format!("put {}", RowKey::in_words(key)),
        Write::Delete { key, .. } => format!("delete {}", RowKey::in_words(key)),
    };
    plan.batches().iter().map(|batch| batch.iter().map(place).collect()).collect()
}

/// Protects the levels and orders of a shop from following different mappings: the rows of a listing are written in one
/// transaction, also when a SKU moves to another item or two items are swapped.
#[test]
fn a_listing_is_written_with_its_items() {
    let stored = imported(SMALL);
    let (head, shop) = ("shop,shop_sku,sku,inventory_item,remove\n", "a.myshopify.com");
    let rows: [(&str, &[&str]); 4] = [
        ("NEW,GLASS,9,", &["put item GLASS", "put listing NEW of a.myshopify.com"]),
        (
            "serum-30,,,yes\na.myshopify.com,serum-50,SERUM,44000000000001,",
            &[
                "put item SERUM",
                "put listing serum-50 of a.myshopify.com",
                "delete listing serum-30 of a.myshopify.com",
                "delete listing of variant 45000000000001 of a.myshopify.com",
            ],
        ),
        (
            "serum-30,BALM,,\na.myshopify.com,BALM,SERUM,,",
            &[
                "put item BALM",
                "put item SERUM",
                "put listing BALM of a.myshopify.com",
                "put listing serum-30 of a.myshopify.com",
                "put listing of variant 45000000000001 of a.myshopify.com",
            ],
        ),
        ("BALM,,,yes", &["put item BALM", "delete listing BALM of a.myshopify.com"]),
    ];
    for (line, expected) in rows {
        let mut stored = stored.clone();
        let text = format!("{head}{shop},{line}\n");
        assert_eq!(written(&stored, &[("listings", &text)]).concat(), expected, "{line}");
        let planned = plan(&stored, &[("listings", &text)]).expect("the sheets are valid");
        store(&mut stored, &planned);
        assert!(stored.catalog().listings().values().all(|listing| listing.whole), "{line}: mapping and item agree");
    }
}

/// Protects transactions from too many rows, and groups from being split between two transactions.
#[test]
fn batches_are_split_between_groups() {
    let mut items = "sku\n".to_owned();
    let mut listings = "shop,shop_sku,sku,inventory_item\n".to_owned();
    for n in 1..=150 {
        items.push_str(&format!("I{n:03}\n"));
        listings.push_str(&format!("a.myshopify.com,s{n:03},I{n:03},{n}\n"));
    }
    let files: Files = &[("items", &items), ("listings", &listings), ("tiers", "tier,buffer\nA,1\n")];
    let batches = written(&StoredCatalog::default(), files);
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [99, 100, 100, 2]);
    for batch in &batches {
        let count = |of: &dyn Fn(usize) -> RowKey| {
            let keys: Vec<String> = (1..=150).map(|n| format!("put {}", of(n))).collect();
            keys.iter().filter(|key| batch.contains(key)).count()
        };
        let item = |n: usize| RowKey::Item(format!("I{n:03}").parse().expect("a SKU"));
        let mapping =
            |n: usize| RowKey::ShopItem { shop: "a.myshopify.com".parse().expect("a shop"), shop_sku: format!("s{n:03}") };
        assert_eq!(count(&item), count(&mapping), "an item and its mapping are in one transaction");
    }
    assert_eq!(batches, written(&StoredCatalog::default(), files), "the same files lead to the same writes");
}

/// Protects a table into which something else wrote: an incomplete listing is found, reported and completed.
#[test]
fn half_a_listing_is_completed() {
    let whole = imported(SMALL);
    let item = whole.catalog().items["SERUM"].clone();
    let key = ("a.myshopify.com".parse().expect("a shop"), "serum-30".to_owned());
    let mapping: ShopItem = whole.catalog().mappings[&key].clone();
    let mut without_mapping = whole.clone();
    without_mapping.forget(&mapping.key());
    let mut without_item = whole.clone();
    without_item.apply(&Write::put(&Item { shops: [].into(), ..item }, Expect::Revision(1))).expect("readable");
    for (mut stored, line, row) in [
        (without_mapping, "SERUM,44000000000001,45000000000001,2", mapping.row_key()),
        (without_item, "SERUM,44000000000001,,", RowKey::Item("SERUM".parse().expect("a SKU"))),
    ] {
        let text = format!("shop,shop_sku,sku,inventory_item,variant,buffer\na.myshopify.com,serum-30,{line}\n");
        assert_eq!(changes(&stored, &[("listings", &text)]), ["listings 2 a.myshopify.com/serum-30: completed"]);
        assert_eq!(written(&stored, &[("listings", &text)]).concat(), [format!("put {row}")]);
        let planned = plan(&stored, &[("listings", &text)]).expect("the sheets are valid");
        store(&mut stored, &planned);
        assert_eq!(changes(&stored, &[("listings", &text)]), [""; 0]);
    }
}
