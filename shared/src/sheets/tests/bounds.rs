//! The bounds: what is just within them is taken, what is just beyond is not, in words.

use std::fmt::Write as _;

use crate::catalog::{BillOfMaterials, Network, WhereUsed};
use crate::sheets::tests::{Files, plan};
use crate::sheets::{MAX_BYTES, MAX_CELL, MAX_LINES, SheetProblems, StoredCatalog};

/// What is said to files beside an empty catalogue: nothing, or the first problem.
fn check(files: Files, expected: Option<&str>) {
    let found = plan(&StoredCatalog::default(), files).err().map(|problems| problems.shown()[0].to_string());
    assert_eq!(
        found.as_deref().map(|found| expected.is_some_and(|expected| found.starts_with(expected))),
        expected.map(|_| true),
        "{found:?}"
    );
}

/// Protects memory, and readers: so many lines, and one more is refused where it stands.
#[test]
fn a_sheet_has_so_many_lines() {
    let mut text = "code\n".to_owned();
    let mut tiers = "tier,buffer\n".to_owned();
    for n in 0..MAX_LINES {
        writeln!(tiers, "T{n},1").expect("text grows");
    }
    check(&[("tiers", &tiers)], None);
    tiers.push_str("ONE-MORE,1\n");
    check(&[("tiers", &tiers)], Some("tiers.csv line 200002: a sheet has at most 200000 lines: split it"));
    let large = super::Sheets::read(&[(super::Sheet::Tiers, vec![b'x'; MAX_BYTES + 1])].into());
    let problems = super::ImportPlan::of(&StoredCatalog::default(), &large, super::now()).expect_err("it is too large");
    assert_eq!(problems.shown()[0].to_string(), "tiers.csv: it has more than 67108864 bytes: split it");
    text.push_str(&"x".repeat(MAX_CELL + 1));
    check(&[("locations", &text)], Some("locations.csv line 2, column code: a cell has at most 1000 characters"));
}

/// Protects the network's bound, which everything that writes an item's levels at once relies on.
#[test]
fn a_network_has_so_many_locations() {
    let mut text = "code,kind\n".to_owned();
    for n in 1..=Network::MAX_LOCATIONS {
        writeln!(text, "L{n:02},warehouse").expect("text grows");
    }
    check(&[("locations", &text)], None);
    text.push_str("L99,store\n");
    check(&[("locations", &text)], Some("locations.csv line 42, column code: a network has at most 40 locations"));
}

/// Protects rows from growing beyond what a row can hold.
#[test]
fn codes_and_bills_are_only_so_large() {
    for (length, good) in [(255, true), (256, false)] {
        let code = "é".repeat(length);
        let listings = format!("shop,shop_sku,sku,inventory_item\na.myshopify.com,{code},A,1\n");
        let expected = (!good).then_some("listings.csv line 2, column shop_sku:");
        check(&[("items", "sku\nA\n"), ("listings", &listings)], expected);
    }
    for (components, good) in [(BillOfMaterials::MAX_COMPONENTS, true), (BillOfMaterials::MAX_COMPONENTS + 1, false)] {
        let (mut items, mut bills) = ("sku\nA\n".to_owned(), "parent,component,quantity\n".to_owned());
        for n in 0..components {
            writeln!(items, "C{n}").expect("text grows");
            writeln!(bills, "A,C{n},1").expect("text grows");
        }
        let expected = (!good).then_some("bills.csv line 202, column component: A has 201 components: a bill has at most 200");
        check(&[("items", &items), ("bills", &bills)], expected);
    }
    for (levels, good) in [(BillOfMaterials::MAX_DEPTH, true), (BillOfMaterials::MAX_DEPTH + 1, false)] {
        let (mut items, mut bills) = ("sku\nC0\n".to_owned(), "parent,component,quantity\n".to_owned());
        for n in 0..levels {
            writeln!(items, "C{}", n + 1).expect("text grows");
            writeln!(bills, "C{n},C{},1", n + 1).expect("text grows");
        }
        let expected = (!good).then_some("bills.csv line 2, column component: bills go at most 20 levels deep: C0 → C1 → C2");
        check(&[("items", &items), ("bills", &bills)], expected);
    }
}

/// Protects the row that says what a component goes into: one parent too many is refused at its line, with the way out, which
/// is one line more; and so is what would leave such a row behind.
#[test]
fn a_component_goes_into_so_many_items() {
    let sheets = |parents: usize, bulk: &str| {
        let (mut items, mut bills) = (format!("sku,bulk\nLABEL,{bulk}\n"), "parent,component,quantity\n".to_owned());
        for n in 0..parents {
            writeln!(items, "P{n:04},").expect("text grows");
            writeln!(bills, "P{n:04},LABEL,1").expect("text grows");
        }
        (items, bills)
    };
    let expected = "bills.csv line 2002, column component: LABEL goes into 2001 items, and at most 2000 can be looked up: what goes \
                    into everything is to be marked bulk in items.csv";
    let most = WhereUsed::MAX_PARENTS;
    for (parents, bulk, expected) in [(most, "", None), (most + 1, "", Some(expected)), (most + 1, "yes", None)] {
        let (items, bills) = sheets(parents, bulk);
        check(&[("items", &items), ("bills", &bills)], expected);
    }
    let (items, bills) = sheets(most + 1, "yes");
    let stored = super::imported(&[("items", &items), ("bills", &bills)]);
    let found =
        plan(&stored, &[("items", "sku,bulk\nP0000,no\nLABEL,no\n")]).err().map(|problems| problems.shown()[0].to_string());
    assert!(found.is_some_and(|found| found.starts_with("items.csv line 3, column bulk: LABEL goes into 2001 items")));
}

/// Protects the same row while it holds what a component went into, and what it goes into from now on.
#[test]
fn a_component_moves_in_parts_where_it_must() {
    let sku = |kind: &str, n: usize| format!("{kind}{n:04}{}", "x".repeat(120));
    for (count, good) in [(1_000, true), (1_500, false)] {
        let all = (0..count).flat_map(|n| [sku("A", n), sku("B", n)]);
        let items = all.fold("sku\nC\n".to_owned(), |text, sku| text + &sku + "\n");
        let lines = |kind: &str, end: &str| (0..count).map(|n| format!("{},C,{end}\n", sku(kind, n))).collect::<String>();
        let header = "parent,component,quantity,remove\n";
        let stored = super::imported(&[("items", &items), ("bills", &format!("{header}{}", lines("A", "1,")))]);
        let moved = format!("{header}{}{}", lines("A", ",yes"), lines("B", "1,"));
        let found = plan(&stored, &[("bills", &moved)]).err().map(|problems| problems.shown()[0].detail.clone());
        let expected = "what C goes into, before and after, is too much for one row: import what takes it out first";
        assert_eq!(found.as_deref(), (!good).then_some(expected), "{count}");
    }
}

/// Protects the screen: the first problems are shown, and all are counted.
#[test]
fn so_many_problems_are_shown() {
    let text = format!("sku,buffer\n{}", (0..250).map(|n| format!("I{n},x\n")).collect::<String>());
    let problems = plan(&StoredCatalog::default(), &[("items", &text)]).expect_err("every line is wrong");
    assert_eq!((problems.count(), problems.shown().len()), (250, SheetProblems::MAX_SHOWN));
    assert_eq!(problems.shown()[99].line, Some(101));
}

/// Protects transactions from rows that hang together by more mappings than one takes.
#[test]
fn so_many_rows_hang_together() {
    // Each listing moves to the next item, so every item is written with every other.
    let of = |n: usize, at: usize, of: usize| format!("a.myshopify.com,s{n:03},I{:03},{}\n", (n + at) % of, n + 1);
    for (items, good) in [(50, true), (51, false)] {
        let sheet = |at: usize| {
            let lines: String = (0..items).map(|n| of(n, at, items)).collect();
            format!("shop,shop_sku,sku,inventory_item\n{lines}")
        };
        let skus = format!("sku\n{}", (0..items).map(|n| format!("I{n:03}\n")).collect::<String>());
        let stored = super::imported(&[("items", &skus), ("listings", &sheet(0))]);
        let found = plan(&stored, &[("listings", &sheet(1))]).err().map(|problems| problems.shown()[0].to_string());
        let expected = (!good)
            .then_some("listings.csv: 102 rows hang together, item I000 among them, and at most 100 can: import this in parts");
        assert_eq!(found.as_deref(), expected);
    }
}
