//! The target for CSV sheets: an import of the catalog, and the export of what it made.

use std::collections::BTreeMap;

use promissory::sheets::{ImportPlan, MAX_CELL, Sheet, SheetProblem, Sheets, StoredCatalog, export};

use crate::{check_text, now};

/// Reads bytes as the sheet `name` beside the other sheets, which are valid.
///
/// # Panics
/// If a property does not hold.
pub fn catalog_sheet(name: &str, bytes: &[u8], others: &[(&str, &[u8])]) {
    let sheet = Sheet::of_file(name).expect("a corpus file has the name of a sheet");
    let mut files: BTreeMap<Sheet, Vec<u8>> =
        others.iter().filter_map(|(name, bytes)| Some((Sheet::of_file(name)?, bytes.to_vec()))).collect();
    files.insert(sheet, bytes.to_vec());
    let stored = StoredCatalog::default();
    let plan = ImportPlan::of(&stored, &Sheets::read(&files), now());
    assert_eq!(plan, ImportPlan::of(&stored, &Sheets::read(&files), now()), "the same files are read twice in the same way");
    match plan {
        Ok(plan) => {
            plan.warnings.shown().iter().for_each(|warning| check_problem(warning, bytes));
            check_plan(stored, &plan);
        }
        Err(problems) => {
            assert!(problems.count() >= problems.shown().len() && !problems.shown().is_empty(), "a refusal has a reason");
            problems.shown().iter().chain(problems.warnings().shown()).for_each(|problem| check_problem(problem, bytes));
        }
    }
}

/// A problem names a place in the file, and can be printed.
fn check_problem(problem: &SheetProblem, bytes: &[u8]) {
    check_text(&problem.to_string());
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    if let Some(line) = problem.line {
        assert!(line >= 1, "lines count from 1: {problem}");
        let other = 1_000; // A problem may be in one of the other sheets, which are short.
        assert!(usize::try_from(line).expect("small") <= lines.max(other), "{problem} is not in the file");
    }
}

/// What is imported is exported as it is, and no cell of the export is evaluated by a spreadsheet.
fn check_plan(mut stored: StoredCatalog, plan: &ImportPlan) {
    for write in plan.batches().into_iter().flatten() {
        stored.apply(&write).expect("a planned row is readable");
    }
    let files = export(stored.catalog());
    for (sheet, file) in &files {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
        for record in reader.records() {
            let record = record.expect("an export is CSV");
            for cell in &record {
                let first = cell.chars().next();
                // A cell that is a lone minus, and a negative number, would be other values: an export has neither.
                assert!(!first.is_some_and(|first| "=+-@\t\r＝＋－＠".contains(first)), "{sheet}: {cell:?} is evaluated");
                assert!(!cell.chars().any(char::is_control), "{sheet}: {cell:?} holds a control character");
                assert!(cell.chars().count() <= 4 * MAX_CELL, "{sheet}: a cell of {} characters", cell.chars().count());
            }
        }
    }
    let again = ImportPlan::of(&stored, &Sheets::read(&files), now());
    let again = again.unwrap_or_else(|problems| panic!("an export is valid: {:#?}", problems.shown()));
    assert!(again.changes.is_empty() && again.rows() == 0, "importing an export changes nothing: {:#?}", again.changes);
    let mut elsewhere = StoredCatalog::default();
    let whole = ImportPlan::of(&elsewhere, &Sheets::read(&files), now());
    let whole = whole.unwrap_or_else(|problems| panic!("an export is valid by itself: {:#?}", problems.shown()));
    for write in whole.batches().into_iter().flatten() {
        elsewhere.apply(&write).expect("a planned row is readable");
    }
    assert_eq!(export(elsewhere.catalog()), files, "the export of the import of an export is the same");
}
