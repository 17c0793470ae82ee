//! The bounds of an import: a value at a bound is accepted, and a value just beyond it is rejected with a text.

use std::fmt::Write as _;

use crate::catalog::{BillOfMaterials, Network, WhereUsed};
use crate::sheets::tests::{Files, plan};
use crate::sheets::{MAX_BYTES, MAX_CELL, MAX_LINES, ProblemList, StoredCatalog};

/// Plans files over an empty catalog: there must be no problem, or the first one must begin with `expected`.
fn check(files: Files, expected: Option<&str>) {
    let found = plan(&StoredCatalog::default(), files).err().map(|problems| problems.shown()[0].to_string());
    assert_eq!(
        found.as_deref().map(|found| expected.is_some_and(|expected| found.starts_with(expected))),
        expected.map(|_| true),
        "{found:?}"
    );
}

/// Protects the memory of the import: the number of lines, the bytes of a file and the characters of a cell are bounded.
#[test]
fn the_size_of_a_sheet_is_bounded() {
    let mut text = "code\n".to_owned();
    let mut tiers = "tier,buffer\n".to_owned();
    for n in 0..MAX_LINES {
        writeln!(tiers, "T{n},1").expect("text grows");
    }
    check(&[("tiers", &tiers)], None);
    tiers.push_str("ONE-MORE,1\n");
    check(&[("tiers", &tiers)], Some("tiers.csv line 200002: a sheet has at most 200000 lines: split it"));
    let large = super::Sheets::read(&[(super::Sheet::Tiers, vec![b'x'; MAX_BYTES + 1])].into());
    let problems = super::ImportPlan::of(&StoredCatalog::default(), &large, super::now()).expect_err("the file is too large");
    assert_eq!(problems.shown()[0].to_string(), "tiers.csv: the file has more than 67108864 bytes: split it");
    text.push_str(&"x".repeat(MAX_CELL + 1));
    check(&[("locations", &text)], Some("locations.csv line 2, column code: a cell has at most 1000 characters"));
}

/// Protects readers of a report: a problem quotes only the beginning of a long cell or column.
#[test]
fn the_text_of_a_problem_is_bounded() {
    let long = "ß".repeat(5_000);
    for file in [format!("code,{long}\nWH-1,\n"), format!("code,,\nWH-1,{long},\n"), format!("code,remove{long}\nWH-1,\n")] {
        let sheets = super::sheets(&[("locations", &file)]);
        let read = super::ImportPlan::of(&StoredCatalog::default(), &sheets, super::now());
        let shown = read.map_or_else(
            |problems| [problems.shown(), problems.warnings().shown()].concat(),
            |plan| plan.warnings.shown().to_vec(),
        );
        assert!(!shown.is_empty() && shown.iter().all(|problem| problem.to_string().chars().count() < 1_500), "{shown:?}");
    }
}

/// Protects the bound on locations, on which every transaction over all levels of an item relies.
#[test]
fn the_number_of_locations_is_bounded() {
    let mut text = "code,kind\n".to_owned();
    for n in 1..=Network::MAX_LOCATIONS {
        writeln!(text, "L{n:02},warehouse").expect("text grows");
    }
    check(&[("locations", &text)], None);
    text.push_str("L99,store\n");
    check(&[("locations", &text)], Some("locations.csv line 42, column code: a network has at most 40 locations"));
}

/// Protects rows from growing beyond the size of a row.
#[test]
fn the_size_of_codes_and_bills_is_bounded() {
    for (length, valid) in [(255, true), (256, false)] {
        let code = "é".repeat(length);
        let listings = format!("shop,shop_sku,sku,inventory_item\na.myshopify.com,{code},A,1\n");
        let expected = (!valid).then_some("listings.csv line 2, column shop_sku:");
        check(&[("items", "sku\nA\n"), ("listings", &listings)], expected);
    }
    for (components, valid) in [(BillOfMaterials::MAX_COMPONENTS, true), (BillOfMaterials::MAX_COMPONENTS + 1, false)] {
        let (mut items, mut bills) = ("sku\nA\n".to_owned(), "parent,component,quantity\n".to_owned());
        for n in 0..components {
            writeln!(items, "C{n}").expect("text grows");
            writeln!(bills, "A,C{n},1").expect("text grows");
        }
        let expected = (!valid).then_some("bills.csv line 202, column component: A has 201 components: a bill has at most 200");
        check(&[("items", &items), ("bills", &bills)], expected);
    }
    for (levels, valid) in [(BillOfMaterials::MAX_DEPTH, true), (BillOfMaterials::MAX_DEPTH + 1, false)] {
        let (mut items, mut bills) = ("sku\nC0\n".to_owned(), "parent,component,quantity\n".to_owned());
        for n in 0..levels {
            writeln!(items, "C{}", n + 1).expect("text grows");
            writeln!(bills, "C{n},C{},1", n + 1).expect("text grows");
        }
        let expected = (!valid).then_some("bills.csv line 2, column component: bills have at most 20 levels: C0 → C1 → C2");
        check(&[("items", &items), ("bills", &bills)], expected);
    }
}

/// Protects the where-used row: the line with one parent too many is rejected with a text that names the solution (mark the
/// component as bulk), and so is a line that makes a component with too many parents not bulk.
#[test]
fn the_number_of_parents_of_a_component_is_bounded() {
    let sheets = |parents: usize, bulk: &str| {
        let (mut items, mut bills) = (format!("sku,bulk\nLABEL,{bulk}\n"), "parent,component,quantity\n".to_owned());
        for n in 0..parents {
            writeln!(items, "P{n:04},").expect("text grows");
            writeln!(bills, "P{n:04},LABEL,1").expect("text grows");
        }
        (items, bills)
    };
    let expected = "bills.csv line 2002, column component: item LABEL goes into 2001 items, and the most is 2000: mark it as bulk in \
                    items.csv";
    let most = WhereUsed::MAX_PARENTS;
    for (parents, bulk, expected) in [(most, "", None), (most + 1, "", Some(expected)), (most + 1, "yes", None)] {
        let (items, bills) = sheets(parents, bulk);
        check(&[("items", &items), ("bills", &bills)], expected);
    }
    let (items, bills) = sheets(most + 1, "yes");
    let stored = super::imported(&[("items", &items), ("bills", &bills)]);
    let found =
        plan(&stored, &[("items", "sku,bulk\nP0000,no\nLABEL,no\n")]).err().map(|problems| problems.shown()[0].to_string());
    assert!(found.is_some_and(|found| found.starts_with("items.csv line 3, column bulk: item LABEL goes into 2001 items")));
}

/// Protects the where-used row while it holds both the old and the new parents of a component.
#[test]
fn old_and_new_parents_must_fit_into_one_row() {
    let sku = |kind: &str, n: usize| format!("{kind}{n:04}{}", "x".repeat(120));
    for (count, valid) in [(1_000, true), (1_500, false)] {
        let all = (0..count).flat_map(|n| [sku("A", n), sku("B", n)]);
        let items = all.fold("sku\nC\n".to_owned(), |text, sku| text + &sku + "\n");
        let lines = |kind: &str, end: &str| (0..count).map(|n| format!("{},C,{end}\n", sku(kind, n))).collect::<String>();
        let header = "parent,component,quantity,remove\n";
        let stored = super::imported(&[("items", &items), ("bills", &format!("{header}{}", lines("A", "1,")))]);
        let moved = format!("{header}{}{}", lines("A", ",yes"), lines("B", "1,"));
        let found = plan(&stored, &[("bills", &moved)]).err().map(|problems| problems.shown()[0].detail.clone());
        let expected = "the old and new parents of item C do not fit into one row: import the lines that remove it first";
        assert_eq!(found.as_deref(), (!valid).then_some(expected), "{count}");
    }
}

/// Protects readers from endless output: only the first problems are shown, and all are counted.
#[test]
fn the_number_of_shown_problems_is_bounded() {
    let text = format!("sku,buffer\n{}", (0..250).map(|n| format!("I{n},x\n")).collect::<String>());
    let problems = plan(&StoredCatalog::default(), &[("items", &text)]).expect_err("every line is wrong");
    assert_eq!((problems.count(), problems.shown().len()), (250, ProblemList::MAX_SHOWN));
    assert_eq!(problems.shown()[99].line, Some(101));
}

/// Protects transactions: an import with too many rows that must be written together is rejected.
#[test]
fn the_number_of_rows_written_together_is_bounded() {
    // Each listing moves to the next item, so every item is written with every other.
    let of = |n: usize, at: usize, of: usize| format!("a.myshopify.com,s{n:03},I{:03},{}\n", (n + at) % of, n + 1);
    for (items, valid) in [(50, true), (51, false)] {
        let sheet = |at: usize| {
            let lines: String = (0..items).map(|n| of(n, at, items)).collect();
            format!("shop,shop_sku,sku,inventory_item\n{lines}")
        };
        let skus = format!("sku\n{}", (0..items).map(|n| format!("I{n:03}\n")).collect::<String>());
        let stored = super::imported(&[("items", &skus), ("listings", &sheet(0))]);
        let found = plan(&stored, &[("listings", &sheet(1))]).err().map(|problems| problems.shown()[0].to_string());
        let expected = (!valid).then_some(
            "listings.csv: 102 rows must be written in one transaction, item I000 among them, and one takes at most 100: import \
             this in parts",
        );
        assert_eq!(found.as_deref(), expected);
    }
}
