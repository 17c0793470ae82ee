//! Parsing of CSV files into lines of cells, with the columns in the order of the sheet.
//!
//! Spreadsheets write the same sheet in several forms: with a comma, a semicolon or a tab between the cells, with empty columns
//! at the end, and with columns of the planner's own. All of these have one meaning. A line whose cells may be in the wrong
//! columns has not, so it is a problem.

use crate::catalog::nearest;
use crate::sheets::character;
use crate::sheets::problem::SheetProblems;
use crate::sheets::sheet::{REMOVE, Sheet};

/// The most lines of a sheet, not counting its header.
pub const MAX_LINES: usize = 200_000;
/// The most characters of a cell.
pub const MAX_CELL: usize = 1_000;
/// The most bytes of a file.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The characters that may separate cells, with their names. The first of those that fit equally well is used.
const SEPARATORS: [(u8, &str); 3] = [(b',', "comma"), (b';', "semicolon"), (b'\t', "tab")];

/// One line: a cell for each column that the sheet may have, empty if the file lacks the column. Outer spaces are removed.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) cells: Vec<String>,
}

/// The lines of a file below its header; none if the file or its header is invalid.
pub(super) fn lines(sheet: Sheet, bytes: &[u8], problems: &mut SheetProblems) -> Vec<Line> {
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
    let Some(Header { separator, cells }) = Header::of(sheet, bytes) else {
        let wanted = sheet.columns().join(",");
        problems.add(sheet, None, "", format!("the file is empty: its first line must be the header, {wanted}"));
        return Vec::new();
    };
    let Some(columns) = Columns::of(sheet, &cells, separator, problems) else { return Vec::new() };
    let mut lines = Vec::new();
    let (mut counted, mut number) = (0, 1);
    for record in reader(bytes, separator.0).records().skip(1) {
        let Ok(record) = record else { continue }; // Cannot fail: the file is UTF-8 and any number of cells is accepted.
        let begins = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(counted);
        let begins = begins + bytes[begins..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        number += breaks(&bytes[counted..begins]);
        counted = begins;
        let cells: Vec<&str> = record.iter().map(without_outer_spaces).collect();
        if cells.iter().all(|cell| cell.is_empty()) {
            continue; // Spreadsheets export empty lines.
        }
        if lines.len() == MAX_LINES {
            problems.add(sheet, number, "", format!("a sheet has at most {MAX_LINES} lines: split it"));
            break;
        }
        match columns.cells(sheet, &cells) {
            Ok(cells) => lines.push(Line { number, cells }),
            Err((column, detail)) => problems.add(sheet, number, column, detail),
        }
    }
    lines
}

/// A reader that accepts lines with any number of cells, so that this module reports a wrong number itself.
fn reader(bytes: &[u8], separator: u8) -> ::csv::Reader<&[u8]> {
    ::csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(bytes)
}

/// The first line of a file.
struct Header {
    separator: (u8, &'static str),
    cells: Vec<String>,
}

impl Header {
    /// The first line, with the separator that gives it the most columns of the sheet; `None` if the file is empty.
    fn of(sheet: Sheet, bytes: &[u8]) -> Option<Self> {
        let mut best: Option<(usize, Self)> = None;
        for separator in SEPARATORS {
            let first = reader(bytes, separator.0).records().next()?.ok()?;
            let cells: Vec<String> = first.iter().map(|cell| cell.trim_matches(' ').to_owned()).collect();
            let known = cells.iter().filter(|cell| sheet.known_columns().any(|column| column == column_name(cell))).count();
            if best.as_ref().is_none_or(|(most, _)| known > *most) {
                best = Some((known, Self { separator, cells }));
            }
        }
        best.map(|(_, header)| header)
    }
}

/// The number of line breaks in `bytes`. The line count of the CSV reader cannot be used: it may stop between `\r` and `\n`, and
/// it does not count all empty lines.
fn breaks(bytes: &[u8]) -> u64 {
    let ends = |at: usize| bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).map(|at| u64::from(ends(at))).sum()
}

/// A cell without outer spaces. Behind the mark of an export they belong to the text.
fn without_outer_spaces(cell: &str) -> &str {
    let cell = cell.trim_start_matches(' ');
    if cell.starts_with('\'') { cell } else { cell.trim_end_matches(' ') }
}

/// The name of a column, as sheets have it: `Shop SKU` is `shop_sku`.
fn column_name(cell: &str) -> String {
    cell.to_ascii_lowercase().replace([' ', '-'], "_")
}

/// The warning about a column that the sheet does not have.
///
/// # Errors
/// When it cannot be ignored: the problem.
fn unknown_column(sheet: Sheet, cell: &str, name: &str) -> Result<String, String> {
    let near = nearest(name, sheet.known_columns());
    if let (Some(detail), Some(near)) = (character::hidden(cell), near) {
        return Err(format!("the name of the column looks like {near}, and its {detail}"));
    }
    // To ignore the column would import the lines that it is to remove.
    if name == REMOVE || nearest(name, [REMOVE]).is_some() || name.starts_with("delet") {
        let advice =
            if sheet.removes() { "name the column remove" } else { "rows of this sheet cannot be removed: delete the column" };
        return Err(format!("the column seems to remove rows; {advice}"));
    }
    let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
    let columns = sheet.known_columns().collect::<Vec<_>>().join(", ");
    Ok(format!("the sheet has no such column, so its cells are not imported: {near}The columns are {columns}"))
}

/// The columns of a file.
struct Columns<'a> {
    header: &'a [String],
    /// The position in the file of each column that the sheet may have.
    places: Vec<Option<usize>>,
    /// The number of columns up to the last one with a name.
    width: usize,
    separator: &'static str,
}

impl<'a> Columns<'a> {
    /// The columns that a header names; `None` if it is invalid. A column that the sheet does not have is a warning.
    fn of(sheet: Sheet, header: &'a [String], (_, separator): (u8, &'static str), problems: &mut SheetProblems) -> Option<Self> {
        let known: Vec<&str> = sheet.known_columns().collect();
        let names: Vec<String> = header.iter().map(|cell| column_name(cell)).collect();
        let mut valid = true;
        for (at, (cell, name)) in header.iter().zip(&names).enumerate() {
            let is_known = known.contains(&name.as_str());
            if is_known && !names[..at].contains(name) || name.is_empty() {
                continue;
            }
            let twice = || "the header has this column twice: remove one".to_owned();
            let shown = cell.escape_debug().to_string();
            match if is_known { Err(twice()) } else { unknown_column(sheet, cell, name) } {
                Ok(warning) => problems.warn(sheet, 1, &shown, warning),
                Err(problem) => {
                    problems.add(sheet, 1, &shown, problem);
                    valid = false;
                }
            }
        }
        for column in &sheet.columns()[..sheet.key_columns()] {
            if !names.iter().any(|name| name == column) {
                problems.add(sheet, 1, column, "the column is missing, and it identifies the row: add it");
                valid = false;
            }
        }
        let places = known.iter().map(|column| names.iter().position(|name| name == column)).collect();
        let width = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        valid.then_some(Self { header, places, width, separator })
    }

    /// The cells of a line, by the columns of the sheet.
    ///
    /// # Errors
    /// When the line is invalid: the column, or an empty text, and the problem.
    fn cells(&self, sheet: Sheet, line: &[&str]) -> Result<Vec<String>, (&'static str, String)> {
        let (found, width, separator) = (line.len(), self.width, self.separator);
        if found < width || line[width..].iter().any(|cell| !cell.is_empty()) {
            let detail =
                format!("the line has {found} cells and the header {width}: put a cell with a {separator} in \"quotes\"");
            return Err(("", detail));
        }
        if let Some((cell, _)) = line.iter().zip(self.header).find(|(cell, column)| column.is_empty() && !cell.is_empty()) {
            return Err(("", format!("the cell {cell:?} is in a column without a name: name the column, or empty the cell")));
        }
        let cell = |(column, at): (&'static str, &Option<usize>)| {
            let text = at.map_or("", |at| line[at]);
            let fits = text.chars().count() <= MAX_CELL;
            if fits { Ok(text.to_owned()) } else { Err((column, format!("a cell has at most {MAX_CELL} characters"))) }
        };
        sheet.known_columns().zip(&self.places).map(cell).collect()
    }
}
