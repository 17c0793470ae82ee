//! Warnings: what is legal and often a mistake is imported, and the report says so.

use crate::sheets::tests::{Files, SMALL, imported, plan, store};
use crate::sheets::{SheetProblem, StoredCatalog};
use crate::source::{Heartbeat, System};
use crate::table::{Expect, Row, Write};

/// The warnings about files over a stored catalog. The files must be valid, and the import of the same files again must have only
/// the warnings that say how to avoid them.
fn warnings(stored: &StoredCatalog, files: Files) -> Vec<String> {
    let planned = plan(stored, files).unwrap_or_else(|problems| panic!("{files:?}: {:#?}", problems.shown()));
    let mut after = stored.clone();
    store(&mut after, &planned);
    let again = plan(&after, files).unwrap_or_else(|problems| panic!("{files:?}: {:#?}", problems.shown()));
    assert!(again.changes.is_empty(), "{files:?}");
    for warning in again.warnings.shown() {
        assert!(warning.detail.contains("enter '") || warning.detail.contains("space"), "{warning}");
    }
    planned.warnings.shown().iter().map(SheetProblem::to_string).collect()
}

/// Each text as one sheet over the small catalog, with the beginnings of its warnings.
fn check(sheet: &str, rows: &[(&str, &[&str])]) {
    for (text, expected) in rows {
        let found = warnings(&imported(SMALL), &[(sheet, text)]);
        assert_eq!(found.len(), expected.len(), "{text:?}: {found:#?}");
        for (found, expected) in found.iter().zip(*expected) {
            let whole = format!("{sheet}.csv{expected}");
            assert!(found.starts_with(&whole), "{text:?}\n found {found}\n expected {whole}");
        }
    }
}

/// Protects stock from two codes for one thing: a new code that is easily mistaken for another one is warned of, once.
#[test]
fn a_look_alike_is_warned_of() {
    check(
        "items",
        &[
            ("sku\nserum\n", &[" line 2, column sku: \"serum\" differs from \"SERUM\" only in case. Check that both are meant"]),
            ("sku\nX-1\nx-1\n", &[" line 3, column sku: \"x-1\" differs from \"X-1\" (line 2) only in case. Check"]),
            ("sku\nx-1\nX-1\n", &[" line 3, column sku: \"X-1\" differs from \"x-1\" (line 2) only in case"]),
            (
                "sku\n123\n00123\n0123\n",
                &[
                    " line 3, column sku: \"00123\" differs from \"123\" (line 2) only in zeros at the beginning, which a spreadsheet removes",
                    " line 4, column sku: \"0123\" differs from \"123\" (line 2) only in zeros at the beginning",
                ],
            ),
            (
                "sku\n\u{410}-1\nA-1\n",
                &[
                    " line 2, column sku: character 1 of \"\u{410}-1\" is U+0410 CYRILLIC CAPITAL LETTER A, which looks like \"A\"",
                    " line 3, column sku: \"A-1\" looks like \"\u{410}-1\" (line 2): character 1 is U+0041 LATIN CAPITAL LETTER A here and U+0410",
                ],
            ),
            (
                "sku\nS\u{415}RUM\n",
                &[" line 2, column sku: \"S\u{415}RUM\" looks like \"SERUM\": character 2 is U+0415 CYRILLIC CAPITAL LETTER IE"],
            ),
            (
                "sku\nAO-1\nA0-1\n",
                &[" line 3, column sku: \"A0-1\" looks like \"AO-1\" (line 2): character 2 is U+0030 DIGIT ZERO"],
            ),
            ("sku\nX-I\nX-1\n", &[" line 3, column sku: \"X-1\" looks like \"X-I\" (line 2): character 3 is U+0031 DIGIT ONE"]),
            (
                "sku\nX–1\nX-1\n",
                &[
                    " line 2, column sku: character 2 of \"X–1\" is U+2013 EN DASH, which looks like \"-\"",
                    " line 3, column sku: \"X-1\" looks like \"X–1\" (line 2): character 2 is U+002D HYPHEN-MINUS here",
                ],
            ),
            (
                "sku\nCRE\u{301}ME\nCR\u{c9}ME\n",
                &[" line 3, column sku: \"CR\u{c9}ME\" looks like \"CRE\\u{301}ME\" (line 2): character 3 is"],
            ),
            ("sku\nAB\nABC\n12\n120\n", &[]),
            ("sku,buffer\nSERUM,1\nBALM,2\n", &[]),
        ],
    );
    check("tiers", &[("tier,buffer\na,1\n", &[" line 2, column tier: \"a\" differs from \"A\" only in case"])]);
    check(
        "work_centres",
        &[("centre,units_per_day\nmix,1\n", &[" line 2, column centre: \"mix\" differs from \"MIX\" only in case"])],
    );
    check("locations", &[("code,kind\nwh-1,store\n", &[" line 2, column code: \"wh-1\" differs from \"WH-1\" only in case"])]);
    check(
        "location_codes",
        &[("location,in,code\nSTORE-1,sap,01000\n", &[" line 2, column code: \"01000\" differs from \"1000\" only in zeros"])],
    );
    check(
        "system_items",
        &[("system,code,sku\nsap,04711,OIL\n", &[" line 2, column code: \"04711\" differs from \"4711\" only in zeros"])],
    );
    check(
        "listings",
        &[
            (
                "shop,shop_sku,sku,inventory_item\na.myshopify.com,SERUM-30,OIL,9\n",
                &[" line 2, column shop_sku: \"SERUM-30\" differs from \"serum-30\" only in case"],
            ),
            // Codes of two shops are never compared with each other.
            (
                "shop,shop_sku,sku,inventory_item\nb.myshopify.com,SERUM-30,OIL,9\n",
                &[
                    " line 2, column shop: the shop b.myshopify.com is not known: no listing and no location code in the table names it. Known",
                ],
            ),
        ],
    );
}

/// Protects codes from one wrong character, also where the right code is not in the catalog.
#[test]
fn a_code_that_looks_like_another_is_warned_of_alone() {
    check(
        "items",
        &[
            (
                "sku\n\u{425}-1\n",
                &[
                    " line 2, column sku: character 1 of \"\u{425}-1\" is U+0425 CYRILLIC CAPITAL LETTER HA, which looks like \"X\"",
                ],
            ),
            (
                "sku\nSKU-Ｏ\n",
                &[" line 2, column sku: character 5 of \"SKU-Ｏ\" is U+FF2F FULLWIDTH LATIN CAPITAL LETTER O, which looks like"],
            ),
            ("sku\nA–1\n", &[" line 2, column sku: character 2 of \"A–1\" is U+2013 EN DASH, which looks like \"-\""]),
            (
                "sku\nLEVI’S\n",
                &[" line 2, column sku: character 5 of \"LEVI’S\" is U+2019 RIGHT SINGLE QUOTATION MARK, which looks like"],
            ),
            ("sku\n１２\n", &[" line 2, column sku: character 1 of \"１２\" is U+FF11 FULLWIDTH DIGIT ONE"]),
            (
                "sku\n123456789012345000\n",
                &[" line 2, column sku: a spreadsheet keeps 15 digits of a number and replaces the others by 0"],
            ),
            ("sku\nМЫЛО-1\nCRÈME\n東京\n123456789012345678\n123450000000000\n", &[]),
        ],
    );
}

/// Protects operators who open a sheet of codes: a code that a spreadsheet evaluates is warned of, unless it is marked.
#[test]
fn a_formula_like_code_is_warned_of() {
    check(
        "items",
        &[
            (
                "sku\n-1\n",
                &[
                    " line 2, column sku: a spreadsheet may evaluate \"-1\" as a formula; to say that exactly this is meant, enter '-1",
                ],
            ),
            (
                "sku\n+A\n@x\n",
                &[
                    " line 2, column sku: a spreadsheet may evaluate \"+A\"",
                    " line 3, column sku: a spreadsheet may evaluate \"@x\"",
                ],
            ),
            ("sku\n'-1\n'+A\n'@x\n", &[]),
        ],
    );
    check(
        "listings",
        &[(
            "shop,shop_sku,sku,inventory_item\na.myshopify.com,'X ,OIL,9\n",
            &[" line 2, column shop_sku: \"X \" begins or ends with a space, which is kept: remove the space unless it is part"],
        )],
    );
}

/// Takes a row as stored.
fn put<R: Row>(stored: &mut StoredCatalog, row: &R) {
    stored.apply(&Write::put(row, Expect::Absent)).expect("readable");
}

/// Protects codes from a mistyped shop or system, under which no event ever finds them.
#[test]
fn an_unknown_shop_or_system_is_warned_of() {
    let unknown =
        |system: &str| format!("the system {system} is not known: no connector, no event and no code in the table names it.");
    check(
        "location_codes",
        &[
            (
                "location,in,code\nSTORE-1,spa,7\nWH-1,spa,8\n",
                &[&format!(" line 2, column in: {} Did you mean sap? Known are sap.", unknown("spa"))],
            ),
            ("location,in,code\nSTORE-1,wms,7\n", &[&format!(" line 2, column in: {} Known are sap.", unknown("wms"))]),
            ("location,in,code\nSTORE-1,sap,7\n", &[]),
            ("location,in,code,remove\nSTORE-1,spa,,yes\n", &[]),
            (
                "location,in,code\nSTORE-1,aa.myshopify.com,9\n",
                &[
                    " line 2, column in: the shop aa.myshopify.com is not known: no listing and no location code in the table names it. Known",
                ],
            ),
        ],
    );
    check(
        "system_items",
        &[("system,code,sku\nsapp,9,OIL\n", &[&format!(" line 2, column system: {} Did you mean sap?", unknown("sapp"))])],
    );

    // A connector and a heartbeat make a system known, and are named.
    let mut stored = imported(SMALL);
    let connector = serde_json::json!({ "code": "netsuite", "kind": "erp" });
    put(&mut stored, &serde_json::from_value::<System>(connector).expect("a connector"));
    put(&mut stored, &Heartbeat { system: "wms-east".to_owned(), at: super::now() });
    for (system, expected) in [
        ("netsuite", None),
        ("wms-east", None),
        ("netsiute", Some("Did you mean netsuite? Known are netsuite, sap, wms-east.")),
        ("wms-esat", Some("Did you mean wms-east? Known are netsuite, sap, wms-east.")),
    ] {
        let found = warnings(&stored, &[("system_items", &format!("system,code,sku\n{system},9,OIL\n"))]);
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:#?}");
        assert!(expected.is_none_or(|expected| found[0].ends_with(expected)), "{found:#?}");
    }
}

/// Protects the first import, into which everything is new: only a name that is close to one of more lines is warned of.
#[test]
fn a_first_import_has_no_needless_warning() {
    let small: Vec<(&str, &str)> = SMALL.to_vec();
    assert_eq!(warnings(&StoredCatalog::default(), &small), Vec::<String>::new());
    let codes = "location,in,code\nA,sap,1\nB,sap,2\nC,spa,3\nA,pos-1,1\nB,pos-2,1\n\
                 A,acme.myshopify.com,1\nB,acme.myshopify.com,2\nC,acmee.myshopify.com,3\n";
    let found = warnings(
        &StoredCatalog::default(),
        &[("locations", "code,kind\nA,store\nB,store\nC,store\n"), ("location_codes", codes)],
    );
    let expected = [
        "line 4, column in: the system spa is not known: no connector, no event and no code in the table names it. Did you mean sap?",
        "line 9, column in: the shop acmee.myshopify.com is not known: no listing and no location code in the table names it. Did you \
         mean acme.myshopify.com?",
    ];
    assert_eq!(found, expected.map(|expected| format!("location_codes.csv {expected}")));
}
