//! What a spreadsheet does to the text of a cell, and the mark that prevents it.
//!
//! A spreadsheet evaluates a cell that begins like a formula, shortens long numbers, and turns some codes into dates. An import
//! refuses what it has left of a text ([`damage`]). An export puts an apostrophe, the mark, before each text that a spreadsheet
//! would evaluate or turn into a date, and an import takes the mark off again ([`mark`], [`unmark`]). So importing an exported
//! cell gives the same text, also after a spreadsheet has opened and saved the file. The import accepts the mark only where the
//! export writes it. Before any other text it is the text marker of a spreadsheet, and is refused.

use std::borrow::Cow;

use crate::sheets::character;

/// The characters with which a formula can begin, also those of wide form, which spreadsheets with an East Asian language accept.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The quotes of word processors. Around a cell they are mistaken for the quotes of CSV, which are straight.
const QUOTES: [char; 10] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»'];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whether a spreadsheet may evaluate the text as a formula.
pub(super) fn is_formula_like(text: &str) -> bool {
    text.starts_with(FORMULA)
}

/// What is wrong with a text that a spreadsheet has written in place of another one, and what to do; `None` if nothing is.
pub(super) fn damage(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return Some(format!("{text:?} is a formula for the text {inner}: enter {inner}"));
    }
    if text.starts_with('=') {
        return Some(format!("{text:?} is a formula, which is not evaluated: enter its result"));
    }
    if is_shortened(text) {
        return Some(format!(
            "{text:?} is a number that a spreadsheet has shortened: format the column as text, enter every digit"
        ));
    }
    if is_short_date(text) {
        return Some(format!(
            "{text:?} is a date that a spreadsheet has written: enter a date as 2026-12-01. If it was a code, format the column as \
             text, and enter the code again"
        ));
    }
    if is_error(text) {
        return Some(format!("{text:?} is the error of a formula: enter the value"));
    }
    let quote = text.chars().next().filter(|first| QUOTES.contains(first))?;
    Some(format!("{text:?} begins with {}: remove it, or enter a straight quote", character::name(quote)))
}

/// Whether this is the form in which a spreadsheet writes a long number, such as `1.23457E+11`.
fn is_shortened(text: &str) -> bool {
    let Some((number, exponent)) = text.trim_start_matches('-').split_once(['E', 'e']) else { return false };
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or_default();
    whole.len() == 1 && is_digits(whole) && is_digits(fraction) && exponent.len() >= 2 && is_digits(exponent)
}

/// Whether this is the form in which a spreadsheet writes a day or a month that it has recognised, such as `1-Dec` and `Dec-26`.
fn is_short_date(text: &str) -> bool {
    let is_number = |text: &str| matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [day, month] if MONTHS.contains(month) => is_number(day),
        [month, year] if MONTHS.contains(month) => is_number(year),
        [day, month, year] if MONTHS.contains(month) => is_number(day) && is_number(year),
        _other => false,
    }
}

/// Whether this is the value of a formula that failed, such as `#N/A`, or of a column that was too narrow.
fn is_error(text: &str) -> bool {
    const ERRORS: [&str; 8] = ["#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!"];
    ERRORS.contains(&text) || text.len() > 2 && text.bytes().all(|b| b == b'#')
}

/// Whether the export marks the text.
fn needs_mark(text: &str) -> bool {
    is_formula_like(text) || text.starts_with(['\'', ' ']) || text.ends_with(' ') || damage(text).is_some()
}

/// Whether, behind a semicolon, an apostrophe is added or taken off: a spreadsheet whose cells are separated by semicolons would
/// begin a cell here.
fn begins_formula(rest: &str) -> bool {
    is_formula_like(rest.trim_start_matches('\''))
}

/// The text as the export writes it.
pub(super) fn mark(text: &str) -> String {
    let mut marked = String::from(if needs_mark(text) { "'" } else { "" });
    let mut rest = text;
    while let Some(at) = rest.find(';') {
        let (part, after) = rest.split_at(at + 1);
        marked.push_str(part);
        if begins_formula(after) {
            marked.push('\'');
        }
        rest = after;
    }
    marked.push_str(rest);
    marked
}

/// The text of a cell, and whether it was marked.
///
/// # Errors
/// When it begins with an apostrophe that is not the mark of an export: what is wrong, and what to do.
pub(super) fn unmark(cell: &str) -> Result<(Cow<'_, str>, bool), String> {
    let (rest, is_marked) = cell.strip_prefix('\'').map_or((cell, false), |rest| (rest, true));
    let text = without_inner_marks(rest);
    if is_marked && !needs_mark(&text) {
        return Err(format!(
            "{cell:?} begins with U+0027 APOSTROPHE, which marks a text in a spreadsheet: enter {text}, and format the column as text"
        ));
    }
    Ok((text, is_marked))
}

fn without_inner_marks(cell: &str) -> Cow<'_, str> {
    if !cell.contains(";'") {
        return Cow::Borrowed(cell);
    }
    let mut parts = cell.split(';');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push(';');
        text.push_str(part.strip_prefix('\'').filter(|_| begins_formula(part)).unwrap_or(part));
    }
    Cow::Owned(text)
}
