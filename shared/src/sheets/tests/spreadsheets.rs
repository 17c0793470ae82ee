//! What spreadsheets and word processors leave in a cell: an import refuses what has two meanings or is not visible, and an
//! export writes what no program changes.

use std::collections::BTreeMap;

use proptest::prelude::{ProptestConfig, Strategy, prop_oneof, proptest};

use crate::sheets::spreadsheet::{mark, unmark};
use crate::sheets::tests::mistakes::{check, problems_of};
use crate::sheets::tests::{SMALL, imported, now, plan, store};
use crate::sheets::{ImportPlan, Sheet, Sheets, StoredCatalog, export};

/// Protects codes from characters that cannot be seen: two codes that differ only in such a character look the same in every
/// program.
#[test]
fn a_hidden_character_is_refused_by_name() {
    for (hidden, name) in [
        ('\u{200B}', "U+200B ZERO WIDTH SPACE"),
        ('\u{200D}', "U+200D ZERO WIDTH JOINER"),
        ('\u{FEFF}', "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ('\u{AD}', "U+00AD SOFT HYPHEN"),
        ('\u{A0}', "U+00A0 NO-BREAK SPACE"),
        ('\u{202F}', "U+202F NARROW NO-BREAK SPACE"),
        ('\u{3000}', "U+3000 IDEOGRAPHIC SPACE"),
        ('\u{202E}', "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ('\u{2066}', "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ('\u{200E}', "U+200E LEFT-TO-RIGHT MARK"),
        ('\u{2028}', "U+2028 LINE SEPARATOR"),
        ('\u{34F}', "U+034F COMBINING GRAPHEME JOINER"),
        ('\u{3164}', "U+3164 HANGUL FILLER"),
        ('\u{FE0F}', "U+FE0F VARIATION SELECTOR-16"),
        ('\u{E0041}', "U+E0041 TAG LATIN CAPITAL LETTER A"),
        ('\u{2800}', "U+2800 BRAILLE PATTERN BLANK"),
        ('\t', "U+0009 TAB"),
        ('\n', "U+000A LINE FEED"),
        ('\u{7F}', "U+007F (a character without a name)"),
    ] {
        let why = format!("character 2 is {name}, which cannot be seen: delete it");
        for (column, cell) in
            [("sku", format!("A{hidden}B")), ("tier", format!("A{hidden}")), ("buffer", format!("1{hidden}000"))]
        {
            let line = if column == "sku" { format!("sku\n\"{cell}\"\n") } else { format!("sku,{column}\nX,\"{cell}\"\n") };
            check("items", &[(&line, &[&format!(" line 2, column {column}: {why}")])]);
        }
        check(
            "system_items",
            &[(&format!("system,code,sku\nsap,\"7{hidden}1\",OIL\n"), &[&format!(" line 2, column code: {why}")])],
        );
    }
    check(
        "items",
        &[("sku\nCR\u{FFFD}ME\n", &[" line 2, column sku: character 3 is U+FFFD REPLACEMENT CHARACTER, which replaces"])],
    );
}

/// Protects numbers: a form that depends on the country or on a program is refused, with its first character that is not a digit.
#[test]
fn a_number_has_one_meaning() {
    for (text, why) in [
        ("1,000", "it contains U+002C COMMA; enter digits only"),
        ("1.000", "it contains U+002E FULL STOP; enter digits only"),
        ("1_000", "it contains U+005F LOW LINE; enter digits only"),
        ("1 000", "it contains U+0020 SPACE; enter digits only"),
        ("1'000", "it contains U+0027 APOSTROPHE; enter digits only"),
        ("+5", "it contains U+002B PLUS SIGN; enter digits only"),
        ("1e3", "it contains U+0065 LATIN SMALL LETTER E; enter digits only"),
        ("１２", "it contains U+FF11 FULLWIDTH DIGIT ONE; enter digits only"),
        ("٣", "it contains U+0663 ARABIC-INDIC DIGIT THREE; enter digits only"),
    ] {
        let expected = format!(" line 2, column buffer: {text:?} is not a whole number from 0 to 1000000000: {why}");
        check("items", &[(&format!("sku,buffer\nX,\"{text}\"\n"), &[&expected])]);
    }
    for (text, why) in [
        ("1,5", "\"1,5\" is not a decimal number such as 12 or 0.25: it contains U+002C COMMA; enter digits, with a point"),
        ("1_000", "\"1_000\" is not a decimal number such as 12 or 0.25: it contains U+005F LOW LINE"),
        ("1e3", "\"1e3\" is not a decimal number such as 12 or 0.25: it contains U+0065 LATIN SMALL LETTER E"),
        (".5", "\".5\" is not a decimal number such as 12 or 0.25"),
        ("1.000.000", "\"1.000.000\" is not a decimal number such as 12 or 0.25"),
        (
            "1.000",
            "\"1.000\" is 1000 where U+002E FULL STOP separates thousands, and 1 where it separates decimals: enter 1000, or 1.0000",
        ),
        (
            "12.345",
            "\"12.345\" is 12345 where U+002E FULL STOP separates thousands, and 12.345 where it separates decimals: enter 12345, or 12.3450",
        ),
    ] {
        check(
            "bills",
            &[(&format!("parent,component,quantity\nBALM,OIL,\"{text}\"\n"), &[&format!(" line 2, column quantity: {why}")])],
        );
    }
    check(
        "items",
        &[
            (
                "sku,units\nX,case=1.000\n",
                &[" line 2, column units: \"1.000\" is 1000 where U+002E FULL STOP separates thousands"],
            ),
            (
                "sku,units\nX,\"case=1,5\"\n",
                &[" line 2, column units: \"5\" does not have the form unit=number, e.g. case=12;pallet=480"],
            ),
            ("sku,units\nX,\"case=12,pallet=480,\"\n", &[" line 2, column units: \"\" does not have the form unit=number"]),
            (
                "sku,units\nX,case=12:pallet=480\n",
                &[" line 2, column units: \"12:pallet=480\" is not a decimal number such as 12"],
            ),
            ("sku,unit\nX,\"g,kg\"\n", &[" line 2, column unit: the unit \"g,kg\" is not usable"]),
        ],
    );
    check(
        "assemblies",
        &[("parent,yield_percent\nBALM,9e1\n", &[" line 2, column yield_percent: \"9e1\" is not a decimal number"])],
    );
    for unambiguous in ["0.125", "1.0000", "1234.567", "1.25", "1000"] {
        check("bills", &[(&format!("parent,component,quantity\nBALM,OIL,{unambiguous}\n"), &[])]);
    }
}

/// Protects planners who edit an exported sheet: a spreadsheet writes 1.1250 as 1.125, which is refused only if it is not what the
/// table has.
#[test]
fn a_stored_number_is_not_ambiguous() {
    let stored = imported(SMALL);
    let header = "parent,component,quantity\n";
    let set =
        plan(&stored, &[("bills", &format!("{header}SERUM,OIL,1.1250\n")), ("items", "sku,units\nOIL,drum=12.3450;tin=2\n")]);
    let mut after = stored.clone();
    store(&mut after, &set.expect("valid"));
    let out = export(after.catalog());
    let text = |sheet: Sheet| String::from_utf8(out[&sheet].clone()).expect("text");
    assert!(text(Sheet::Bills).contains("SERUM,OIL,1.1250,"), "{}", text(Sheet::Bills));
    let saved: BTreeMap<Sheet, Vec<u8>> = [
        (Sheet::Bills, text(Sheet::Bills).replace("1.1250", "1.125").into_bytes()),
        (Sheet::Items, text(Sheet::Items).replace("12.3450", "12.345").into_bytes()),
    ]
    .into();
    let plan = ImportPlan::of(&after, &Sheets::read(&saved), now()).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    assert_eq!((plan.changes.as_slice(), plan.rows()), (&[][..], 0));
    for (cell, whole) in [("1.126", "1126"), ("1.000", "1000")] {
        let found = problems_of(&after, &[("bills", &format!("{header}SERUM,OIL,{cell}\n"))]);
        assert_eq!(found.len(), 1, "{cell}");
        assert!(found[0].starts_with(&format!("bills.csv line 2, column quantity: \"{cell}\" is {whole} where")), "{found:?}");
    }
}

/// Protects codes from what a spreadsheet has made of them: formulas, text markers, shortened numbers, dates, errors, and the quotes
/// of a word processor. A code that really has such a form can be marked.
#[test]
fn what_a_spreadsheet_left_is_refused() {
    for (text, why) in [
        ("=1+1", "\"=1+1\" is a formula, which is not evaluated: enter its result"),
        ("=\"00123\"", "\"=\\\"00123\\\"\" is a formula for the text 00123: enter 00123"),
        ("1.23457E+11", "\"1.23457E+11\" is a number that a spreadsheet has shortened: format the column as text"),
        ("1,23457E+11", "\"1,23457E+11\" is a number that a spreadsheet has shortened"),
        ("4E+05", "\"4E+05\" is a number that a spreadsheet has shortened"),
        ("1-Dec", "\"1-Dec\" is a date that a spreadsheet has written: enter a date as 2026-12-01. If it was a code,"),
        ("Mar-26", "\"Mar-26\" is a date that a spreadsheet has written"),
        ("02-Sep-26", "\"02-Sep-26\" is a date that a spreadsheet has written"),
        ("#N/A", "\"#N/A\" is the error of a formula: enter the value"),
        ("#REF!", "\"#REF!\" is the error of a formula"),
        ("########", "\"########\" is the error of a formula"),
        ("“A”", "\"“A”\" begins with U+201C LEFT DOUBLE QUOTATION MARK: remove it, or enter a straight quote"),
        ("’00123", "\"’00123\" begins with U+2019 RIGHT SINGLE QUOTATION MARK"),
    ] {
        let quoted = text.replace('"', "\"\"");
        for (sheet, column, line) in [
            ("items", "sku", format!("sku\n\"{quoted}\"\n")),
            ("listings", "shop_sku", format!("shop,shop_sku,sku,inventory_item\na.myshopify.com,\"{quoted}\",OIL,9\n")),
            ("system_items", "code", format!("system,code,sku\nsap,\"{quoted}\",OIL\n")),
        ] {
            check(sheet, &[(&line, &[&format!(" line 2, column {column}: {why}")])]);
            check(sheet, &[(&line.replace(&quoted, &format!("'{quoted}")), &[])]);
        }
    }
    check(
        "items",
        &[
            (
                "sku\n'00123\n",
                &[
                    " line 2, column sku: \"'00123\" begins with U+0027 APOSTROPHE, which marks a text in a spreadsheet: enter 00123",
                ],
            ),
            ("sku,tier\nX,'A\n", &[" line 2, column tier: \"'A\" begins with U+0027 APOSTROPHE"]),
            (
                "sku,buffer\nX,=1+1\n",
                &[" line 2, column buffer: \"=1+1\" is a formula, which is not evaluated: enter its result"],
            ),
            (
                "sku,since\nX,1-Dec\n",
                &[" line 2, column since: \"1-Dec\" is a date that a spreadsheet has written: enter a date as 2026-12-01"],
            ),
            ("sku\n1-DEC\nDEC1\n2E3\nA“B”\n5'\n00123\n", &[]),
        ],
    );
    check(
        "listings",
        &[(
            "shop,shop_sku,sku,inventory_item\na.myshopify.com,X,OIL,4.4E+13\n",
            &[" line 2, column inventory_item: \"4.4E+13\" is a number that a spreadsheet has shortened"],
        )],
    );
}

/// Texts of codes that a spreadsheet would evaluate or change.
const HARD: [&str; 24] = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+A",
    "-1",
    "-",
    "@x",
    "＝1",
    "＠x",
    "'x",
    "''x",
    "'",
    "1-Dec",
    "Mar-26",
    "1.23457E+11",
    "#N/A",
    "“A”",
    " x",
    "x ",
    " ",
    "a;=1+1;b",
    "a;'=1",
    "a;''x",
    "\"a\",b",
    "00123",
];

/// Protects operators who open an exported sheet: no cell of it begins like a formula, also where the spreadsheet separates cells by
/// semicolons, and an import of the sheet gives the same codes.
#[test]
fn an_export_is_safe_to_open() {
    let mut stored = StoredCatalog::default();
    let mut listings = "shop,shop_sku,sku,inventory_item\n".to_owned();
    for (n, text) in HARD.into_iter().enumerate() {
        listings.push_str(&format!("a.myshopify.com,\"{}\",I{n},{}\n", mark(text).replace('"', "\"\""), n + 1));
    }
    let items: String = (0..HARD.len()).map(|n| format!("I{n},-x=3;@y=2\n")).collect();
    let files = [("items", format!("sku,units\n{items}")), ("listings", listings)];
    let files: Vec<(&str, &str)> = files.iter().map(|(sheet, text)| (*sheet, text.as_str())).collect();
    let planned = plan(&stored, &files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    store(&mut stored, &planned);
    let codes: Vec<&str> = stored.catalog().mappings.keys().map(|(_, code)| code.as_str()).collect();
    let mut expected = HARD;
    expected.sort_unstable();
    assert_eq!(codes, expected);
    let out = export(stored.catalog());
    for (sheet, bytes) in &out {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
        for cell in reader.records().flat_map(|record| record.expect("a record").iter().map(str::to_owned).collect::<Vec<_>>()) {
            for part in cell.split(';') {
                assert!(!part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{sheet}: {cell}");
            }
        }
    }
    let plan = ImportPlan::of(&stored, &Sheets::read(&out), now()).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    assert_eq!((plan.changes.as_slice(), plan.rows()), (&[][..], 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Protects every text from the mark: what an export writes is read as the text, is not evaluated, and has no hidden part.
    #[test]
    fn a_mark_is_taken_off_again(text in prop_oneof![
        "[=+@';, a1-]{0,6}",
        proptest::sample::select(&HARD[..]).prop_map(str::to_owned),
        "\\PC{0,8}",
    ]) {
        let marked = mark(&text);
        let (read, is_marked) = unmark(&marked).unwrap_or_else(|problem| panic!("{text:?}: {problem}"));
        assert_eq!(read, text.as_str());
        assert_eq!(is_marked, marked.starts_with('\''));
        assert!(!marked.starts_with(['=', '+', '-', '@', ' ']));
    }
}
