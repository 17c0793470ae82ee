//! Rejected sheets: each problem names the sheet, the line, the column, what is wrong, and what to do.

use crate::sheets::tests::{Files, SMALL, imported, plan};
use crate::sheets::{SheetProblem, StoredCatalog};

/// The problems of files over a stored catalog, as text.
pub(super) fn problems_of(stored: &StoredCatalog, files: Files) -> Vec<String> {
    match plan(stored, files) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.shown().iter().map(SheetProblem::to_string).collect(),
    }
}

/// Plans each text as one sheet over the small catalog. Each expected text must be the beginning of one problem, and there must
/// be no other problems.
pub(super) fn check(sheet: &str, rows: &[(&str, &[&str])]) {
    let stored = imported(SMALL);
    for (text, expected) in rows {
        let found = problems_of(&stored, &[(sheet, text)]);
        assert_eq!(found.len(), expected.len(), "{text:?}: {found:#?}");
        for (found, expected) in found.iter().zip(*expected) {
            let whole = format!("{sheet}.csv{expected}");
            assert!(found.starts_with(&whole), "{text:?}\n found {found}\n expected {whole}");
        }
    }
}

/// Protects against files that are not sheets, or not the sheets that their names claim.
#[test]
fn a_file_must_be_a_sheet() {
    check(
        "items",
        &[
            ("", &[": the file is empty: its first line must be the header, sku,unit,"]),
            ("sku\n", &[]),
            ("sku,remove\n", &[" line 1, column remove: the column seems to remove rows; rows of this sheet cannot be removed"]),
            ("sku,unit,SKU\n", &[" line 1, column SKU: the header has this column twice"]),
            ("unit\nkg\n", &[" line 1, column sku: the column is missing, and it identifies the row"]),
            ("sku:unit\nA:kg\n", &[" line 1, column sku: the column is missing"]),
            ("sku;unit\nA;g;h\n", &[" line 2: the line has 3 cells and the header 2: put a cell with a semicolon in \"quotes\""]),
            (
                "sku,,unit,\nA,,g,\nB,b,g,\nC,,g,c\n",
                &[" line 3: the cell \"b\" is in a column without a name", " line 4: the line has 4 cells and the header 3"],
            ),
            (
                "\u{feff}sku\u{a0},unit\nA,g\n",
                &[
                    " line 1, column sku: the column is missing, and it identifies the row",
                    " line 1, column sku\\u{a0}: the name of the column looks like sku, and its character 4 is U+00A0 NO-BREAK SPACE",
                ],
            ),
            ("sku,unit\nA\n", &[" line 2: the line has 1 cells and the header 2"]),
            (
                "sku,unit\n\nA,g\nB,g,h\n",
                &[" line 4: the line has 3 cells and the header 2: put a cell with a comma in \"quotes\""],
            ),
            (
                "sku\n\"A\nB\"\n\"unclosed\n",
                &[" line 2, column sku: character 2 is U+000A LINE FEED", " line 4, column sku: character 9 is U+000A LINE FEED"],
            ),
        ],
    );
    let stored = imported(SMALL);
    let latin = std::collections::BTreeMap::from([(super::Sheet::Items, b"sku\nA\nCR\xC8ME\n".to_vec())]);
    let problems = super::ImportPlan::of(&stored, &super::Sheets::read(&latin), super::now()).expect_err("the file is not UTF-8");
    assert_eq!(problems.shown()[0].to_string(), "items.csv line 3: the file is not UTF-8: save it as CSV in UTF-8");
}

/// Protects against items and tiers with invalid values.
#[test]
fn items_and_tiers_are_checked() {
    check(
        "items",
        &[
            (
                "sku,unit,units,tier,by_lot,buffer,low_at\n\u{2003}A,k g,case,a b,maybe,-1,1.5\n",
                &[
                    " line 2, column buffer: \"-1\" is not a whole number from 0 to 1000000000: it contains U+002D HYPHEN-MINUS",
                    " line 2, column by_lot: \"maybe\" is neither yes nor no",
                    " line 2, column low_at: \"1.5\" is not a whole number",
                    " line 2, column sku: character 1 is U+2003 EM SPACE, which cannot be seen",
                    " line 2, column tier: the tier \"a b\" is not usable",
                    " line 2, column unit: the unit \"k g\" is not usable",
                    " line 2, column units: \"case\" does not have the form unit=number",
                ],
            ),
            ("sku,buffer\n,1\n", &[" line 2, column sku: the cell is empty, and it identifies the row"]),
            ("sku\n-\n", &[" line 2, column sku: the cell is \"-\", which removes a value"]),
            ("sku,buffer\nA,1000000000\nB,1000000001\n", &[" line 3, column buffer: \"1000000001\" is not a whole number"]),
            ("sku,units\nA,case=0\n", &[" line 2, column units: 0 is out of range"]),
            ("sku,units\nA,case=12;case=13\n", &[" line 2, column units: the unit case has two factors"]),
            ("sku,units\nA,each=1\n", &[" line 2, column units: each is the item's own unit"]),
            ("sku,unit\nOIL,drum\n", &[" line 2, column units: drum is the item's own unit"]),
            ("sku,tier\nA,B\n", &[" line 2, column tier: there is no tier B: add it to tiers.csv"]),
            ("sku\nA\nB\nA\n", &[" line 4, column sku: line 2 already has the same sku: keep one of the two lines"]),
            (
                "sku,by_lot\nA,-\n",
                &[" line 2, column by_lot: the cell is \"-\", which removes a value, and this value cannot be removed"],
            ),
            (
                "sku,promise_days,priority,since,supplier_days,bulk,policy,shows_date\nA,731,-1,21.11.2026,1.5,-,lifo,2\n",
                &[
                    " line 2, column bulk: the cell is \"-\", which removes a value",
                    " line 2, column policy: \"lifo\" is not a policy: the policies are fair_share, first_come, priority",
                    " line 2, column priority: \"-1\" is not a whole number from 0 to 4294967295",
                    " line 2, column promise_days: \"731\" is not a whole number from 0 to 730",
                    " line 2, column shows_date: \"2\" is neither yes nor no",
                    " line 2, column since: \"21.11.2026\" is not a date: it has the form 2026-11-21",
                    " line 2, column supplier_days: \"1.5\" is not a whole number from 0 to 730",
                ],
            ),
            (
                "sku,priority,since\nA,4294967296,20261121\nB,+1,2026-11-21T12:00\nC,,2026-02-29\n",
                &[
                    " line 2, column priority: \"4294967296\" is not a whole number",
                    " line 2, column since: \"20261121\" is not a date",
                    " line 3, column priority: \"+1\" is not a whole number",
                    " line 3, column since: \"2026-11-21T12:00\" is not a date",
                    " line 4, column since: \"2026-02-29\" is not a date",
                ],
            ),
        ],
    );
    check(
        "tiers",
        &[
            ("tier,buffer\nB,\n", &[" line 2, column buffer: a new tier needs a buffer"]),
            ("tier,buffer\nA,\n", &[]),
            ("tier,buffer\nB,x\n", &[" line 2, column buffer: \"x\" is not a whole number"]),
        ],
    );
}

/// Protects the network from invalid locations, and from codes that belong to no location or to two.
#[test]
fn locations_and_their_codes_are_checked() {
    check(
        "locations",
        &[
            ("code,kind\nWH-2,\n", &[" line 2, column kind: a new location needs a kind: factory, warehouse, third_party,"]),
            ("code,kind\nWH-2,depot\n", &[" line 2, column kind: \"depot\" is not a kind of location: the kinds are factory,"]),
            ("code,kind\nunassigned,store\n", &[" line 2, column code: the location code \"unassigned\" is not usable"]),
            (
                "code,active,feeds_production,time_zone\nWH-1,00,maybe,Berlin\n",
                &[
                    " line 2, column active: \"00\" is neither yes nor no",
                    " line 2, column feeds_production: \"maybe\" is neither yes nor no",
                    " line 2, column time_zone: \"Berlin\" is not the IANA name of a time zone; the most similar one is \"Europe/Berlin\"",
                ],
            ),
        ],
    );
    check(
        "location_codes",
        &[
            ("location,in,code\nWH-9,sap,1\n", &[" line 2, column location: there is no location WH-9: add it to locations.csv"]),
            ("location,in,code\nWH-1,wms,\n", &[" line 2, column code: a new code of WH-1 in wms needs a value"]),
            (
                "location,in,code\nWH-1,a.example.com,1\n",
                &[" line 2, column in: the shop domain \"a.example.com\" is not usable"],
            ),
            ("location,in,code\nWH-1,SAP,1\n", &[" line 2, column in: the system \"SAP\" is not usable"]),
            ("location,in,code\nWH-1,a.myshopify.com,main\n", &[" line 2, column code: \"main\" is not an id of the shop"]),
            ("location,in,code\nSTORE-1,sap,1000\n", &[" line 2, column code: \"1000\" is already the code of WH-1 in sap"]),
            (
                "location,in,code\nSTORE-1,wms,7\nWH-1,wms,7\n",
                &[
                    " line 2, column code: \"7\" is already the code of WH-1 in wms",
                    " line 3, column code: \"7\" is already the code of STORE-1 in wms",
                ],
            ),
            (
                "location,in,code\nSTORE-1,a.myshopify.com,70000000001\n",
                &[" line 2, column code: \"70000000001\" is already the code of WH-1"],
            ),
            (
                "location,in,code\nWH-1,sap,1\nWH-1,sap,2\n",
                &[" line 3, column location: line 2 already has the same location and in"],
            ),
            (
                "location,in,code,removed\nWH-1,sap,,yes\n",
                &[" line 1, column removed: the column seems to remove rows; name the column"],
            ),
            (
                "location,in,code,Delete\nWH-1,sap,,yes\n",
                &[" line 1, column Delete: the column seems to remove rows; name the column"],
            ),
            ("location,in,code,remove\nWH-1,sap,,maybe\n", &[" line 2, column remove: \"maybe\" is neither yes nor no"]),
            ("location,in,code\nWH-1,a.myshopify.com,gid://shopify/Location/70000000009\n", &[]),
        ],
    );
}

/// Protects mappings: each leads to one existing item, and no inventory item of a shop belongs to two items.
#[test]
fn mappings_are_checked() {
    let header = "shop,shop_sku,sku,inventory_item\na.myshopify.com,";
    let listing = |rest: &str| format!("{header}{rest}\n");
    let rows: [(&str, &[&str]); 11] = [
        ("X,NOPE,1", &[" line 2, column sku: there is no item NOPE: add it to items.csv"]),
        (
            "X,,",
            &[
                " line 2, column inventory_item: a new listing needs an inventory_item",
                " line 2, column sku: a new listing needs a sku",
            ],
        ),
        ("X,GLASS,0", &[" line 2, column inventory_item: \"0\" is not an id of the shop: it has the form 44000000000001"]),
        ("X,GLASS,gid://shopify/Product/1", &[" line 2, column inventory_item: \"gid://shopify/Product/1\" is not an id"]),
        ("X,GLASS,gid://shopify/InventoryItem/1", &[]),
        (
            "X,GLASS,44000000000001",
            &[" line 2, column inventory_item: 44000000000001 is also listed for SERUM (as \"serum-30\")"],
        ),
        (
            "X,SERUM,9",
            &[" line 2, column sku: a.myshopify.com already lists SERUM as \"serum-30\": a shop lists an item once; add a line"],
        ),
        (
            "X,GLASS,9\na.myshopify.com,Y,GLASS,8",
            &[" line 3, column sku: line 2 already lists GLASS in a.myshopify.com, as \"X\""],
        ),
        (
            "X,GLASS,9\na.myshopify.com,Y,OIL,9",
            &[
                " line 2, column inventory_item: 9 is also listed for OIL (line 3)",
                " line 3, column inventory_item: 9 is also listed for GLASS (line 2)",
            ],
        ),
        ("X,GLASS,9\na.myshopify.com,X,OIL,8", &[" line 3, column shop: line 2 already has the same shop and shop_sku"]),
        ("a\tb,GLASS,9", &[" line 2, column shop_sku: character 2 is U+0009 TAB"]),
    ];
    for (rest, expected) in rows {
        check("listings", &[(&listing(rest), expected)]);
    }
    check(
        "system_items",
        &[
            ("system,code,sku\nsap,1,NOPE\n", &[" line 2, column sku: there is no item NOPE"]),
            ("system,code,sku\nsap,1,\n", &[" line 2, column sku: a new mapping needs a sku"]),
            ("system,code,sku\nSap,1,OIL\n", &[" line 2, column system: the system \"Sap\" is not usable"]),
            ("system,code,sku,unit\nsap,1,OIL,box\n", &[" line 2, column unit: there is no factor from box to g for OIL"]),
            ("system,code,sku,unit\nsap,1,OIL,kg\n", &[]),
            ("system,code,units\nsap,4711,-\n", &[]),
            ("system,code,unit\nsap,4711,crate\n", &[" line 2, column unit: there is no factor from crate to each for SERUM"]),
        ],
    );
}

/// Protects planners from correcting a file once for each mistake: all problems are reported at once, and none that only follows
/// from another.
#[test]
fn all_problems_are_reported_and_only_those() {
    let files: Files = &[
        ("items", "sku,buffer,tier\nNEW,x,B\n"),
        ("tiers", "tier,buffer\nB,x\n"),
        ("locations", "code,kind\nWH-2,x\n"),
        ("location_codes", "location,in,code\nWH-2,sap,2000\n"),
        ("listings", "shop,shop_sku,sku,inventory_item\na.myshopify.com,N,NEW,x\nb.myshopify.com,N,a\u{7},1\n"),
        ("work_centres", "centre,units_per_day\nFILL,x\n"),
        ("assemblies", "parent,work_centre\nNEW,FILL\n"),
        ("bills", "parent,component,quantity\nNEW,OIL,x\n"),
    ];
    let found = problems_of(&imported(SMALL), files);
    let places: Vec<&str> = found.iter().filter_map(|problem| problem.split(": ").next()).collect();
    assert_eq!(
        places,
        [
            "tiers.csv line 2, column buffer",
            "items.csv line 2, column buffer",
            "work_centres.csv line 2, column units_per_day",
            "locations.csv line 2, column kind",
            "listings.csv line 2, column inventory_item",
            "listings.csv line 3, column sku",
            "bills.csv line 2, column quantity",
        ]
    );
}
