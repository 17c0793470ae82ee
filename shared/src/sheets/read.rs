//! Parsing of CSV files into typed rows: header, lines, cells. Each row may occur once.

use std::collections::BTreeMap;

use crate::catalog::{LocationId, ShopDomain, Sku, SystemId, TierId, WorkCentreId};
use crate::sheets::assemblies::{AssemblyRow, CentreRow};
use crate::sheets::bills::ComponentRow;
use crate::sheets::cell::Cells;
use crate::sheets::items::{ItemRow, TierRow};
use crate::sheets::listings::ListingRow;
use crate::sheets::locations::{CodeOwner, CodeRow, LocationRow};
use crate::sheets::problem::SheetProblems;
use crate::sheets::sheet::Sheet;
use crate::sheets::system_items::SystemItemRow;
use crate::sheets::{assemblies, bills, items, listings, locations, system_items};

/// The most lines of a sheet, not counting its header.
pub const MAX_LINES: usize = 200_000;
/// The most characters of a cell.
pub const MAX_CELL: usize = 1_000;
/// The most bytes of a file.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// One line: a cell for each column that the sheet may have, empty if the file lacks the column.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) cells: Vec<String>,
}

/// A parsed row with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lined<T> {
    pub(super) line: u64,
    /// Whether the line removes the row; its other cells are ignored then.
    pub(super) remove: bool,
    pub(super) row: T,
}

/// The parsed sheets, with the problems that show without the stored catalog.
#[derive(Debug, Clone, Default)]
pub struct Sheets {
    pub(super) tiers: BTreeMap<TierId, Lined<TierRow>>,
    pub(super) items: BTreeMap<Sku, Lined<ItemRow>>,
    pub(super) centres: BTreeMap<WorkCentreId, Lined<CentreRow>>,
    pub(super) locations: BTreeMap<LocationId, Lined<LocationRow>>,
    pub(super) codes: BTreeMap<(LocationId, CodeOwner), Lined<CodeRow>>,
    pub(super) listings: BTreeMap<(ShopDomain, String), Lined<ListingRow>>,
    pub(super) system_items: BTreeMap<(SystemId, String), Lined<SystemItemRow>>,
    pub(super) assemblies: BTreeMap<Sku, Lined<AssemblyRow>>,
    pub(super) bills: BTreeMap<(Sku, Sku), Lined<ComponentRow>>,
    pub(super) problems: SheetProblems,
}

impl Sheets {
    /// Parses files. Their problems are kept, and [`super::ImportPlan::of`] returns them with those that the stored rows show.
    #[must_use]
    pub fn read(files: &BTreeMap<Sheet, Vec<u8>>) -> Self {
        let mut sheets = Self::default();
        for (sheet, bytes) in files {
            let lines = lines(*sheet, bytes, &mut sheets.problems);
            let problems = &mut sheets.problems;
            match sheet {
                Sheet::Tiers => sheets.tiers = rows(*sheet, lines, problems, items::read_tier),
                Sheet::Items => sheets.items = rows(*sheet, lines, problems, items::read),
                Sheet::WorkCentres => sheets.centres = rows(*sheet, lines, problems, assemblies::read_centre),
                Sheet::Locations => sheets.locations = rows(*sheet, lines, problems, locations::read),
                Sheet::LocationCodes => sheets.codes = rows(*sheet, lines, problems, locations::read_code),
                Sheet::Listings => sheets.listings = rows(*sheet, lines, problems, listings::read),
                Sheet::SystemItems => sheets.system_items = rows(*sheet, lines, problems, system_items::read),
                Sheet::Assemblies => sheets.assemblies = rows(*sheet, lines, problems, assemblies::read),
                Sheet::Bills => sheets.bills = rows(*sheet, lines, problems, bills::read),
            }
        }
        sheets
    }
}

/// Parses lines into rows, and reports keys that occur twice.
fn rows<K: Ord, R>(
    sheet: Sheet,
    lines: Vec<Line>,
    problems: &mut SheetProblems,
    read: fn(&mut Cells<'_>) -> Option<(K, R)>,
) -> BTreeMap<K, Lined<R>> {
    let mut rows: BTreeMap<K, Lined<R>> = BTreeMap::new();
    for line in &lines {
        let mut cells = Cells { sheet, line, problems };
        let Some((key, row)) = read(&mut cells) else { continue };
        let remove = cells.removes();
        if let Some(first) = rows.get(&key) {
            let columns = sheet.columns()[..sheet.key_columns()].join(" and ");
            let detail = format!("line {} already has the same {columns}: keep one of the two lines", first.line);
            problems.add(sheet, line.number, sheet.columns()[0], detail);
        } else {
            rows.insert(key, Lined { line: line.number, remove, row });
        }
    }
    rows
}

/// The lines of a file below its header; none if the file or its header is invalid.
fn lines(sheet: Sheet, bytes: &[u8], problems: &mut SheetProblems) -> Vec<Line> {
    if bytes.len() > MAX_BYTES {
        problems.add(sheet, None, "", format!("the file has more than {MAX_BYTES} bytes: split it"));
        return Vec::new();
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Err(error) = std::str::from_utf8(bytes) {
        let before = &bytes[..error.valid_up_to()];
        problems.add(sheet, breaks(before) + 1, "", "the file is not UTF-8: save it as CSV in UTF-8");
        return Vec::new();
    }
    // The reader accepts lines with any number of cells, so that this function reports a wrong number itself.
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut records = reader.records();
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(_)) | None => {
            let wanted = sheet.columns().join(",");
            problems.add(sheet, None, "", format!("the file is empty: its first line must be the header, {wanted}"));
            return Vec::new();
        }
    };
    let Some(places) = places(sheet, &header, problems) else { return Vec::new() };
    let mut lines = Vec::new();
    let (mut counted, mut number) = (0, 1);
    for record in records {
        let Ok(record) = record else { continue }; // Cannot fail: the file is UTF-8 and any number of cells is accepted.
        let begins = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(counted);
        let begins = begins + bytes[begins..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        number += breaks(&bytes[counted..begins]);
        counted = begins;
        if record.iter().all(str::is_empty) {
            continue; // Spreadsheets export empty lines.
        }
        if lines.len() == MAX_LINES {
            problems.add(sheet, number, "", format!("a sheet has at most {MAX_LINES} lines: split it"));
            break;
        }
        if record.len() != header.len() {
            let (found, wanted) = (record.len(), header.len());
            let detail = format!("the line has {found} cells and the header {wanted}: put a cell with a comma in \"quotes\"");
            problems.add(sheet, number, "", detail);
            continue;
        }
        if let Some(at) = record.iter().position(|cell| cell.chars().count() > MAX_CELL) {
            problems.add(sheet, number, &header[at], format!("a cell has at most {MAX_CELL} characters"));
            continue;
        }
        let cells = places.iter().map(|at| at.and_then(|at| record.get(at)).unwrap_or_default().to_owned()).collect();
        lines.push(Line { number, cells });
    }
    lines
}

/// The number of line breaks in `bytes`. The line count of the CSV reader cannot be used: it may stop between `\r` and `\n`, and
/// it does not count all empty lines.
fn breaks(bytes: &[u8]) -> u64 {
    let ends = |at: usize| bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).map(|at| u64::from(ends(at))).sum()
}

/// The position in the file of each column that the sheet may have; `None` if the header is invalid.
fn places(sheet: Sheet, header: &::csv::StringRecord, problems: &mut SheetProblems) -> Option<Vec<Option<usize>>> {
    let known: Vec<&str> = sheet.known_columns().collect();
    let mut valid = true;
    let mut wrong = |column: &str, detail: String| {
        problems.add(sheet, 1, column, detail);
        valid = false;
    };
    for (at, column) in header.iter().enumerate() {
        if !known.contains(&column) {
            let separated = if column.contains(';') { " Cells are separated by commas, not by semicolons." } else { "" };
            wrong(column, format!("the sheet has no such column; its columns are {}.{separated}", known.join(", ")));
        } else if header.iter().take(at).any(|before| before == column) {
            wrong(column, "the header has this column twice: remove one".to_owned());
        }
    }
    for column in &sheet.columns()[..sheet.key_columns()] {
        if !header.iter().any(|found| found == *column) {
            wrong(column, "the column is missing, and it identifies the row: add it".to_owned());
        }
    }
    valid.then(|| known.iter().map(|column| header.iter().position(|found| found == *column)).collect())
}
