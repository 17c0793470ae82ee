//! Typed cells of sheets, and the parsing of their text.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use jiff::civil::Date;

use crate::sheets::lines::Line;
use crate::sheets::number::yes_no;
use crate::sheets::problem::SheetProblems;
use crate::sheets::sheet::{REMOVE, Sheet};
use crate::sheets::{character, spreadsheet};

/// The text of a cell that removes a value. A tier or unit with this name cannot be used in a sheet.
pub const CLEARED: &str = "-";

/// The effect of a cell on a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell<T> {
    /// The cell is empty: the value stays.
    Keep,
    /// The value is removed.
    Clear,
    /// The value is replaced by this one.
    Set(T),
    /// The text is invalid; the problem is reported already.
    Bad,
}

impl<T: Clone> Cell<T> {
    /// Applies the cell to a value.
    pub(super) fn update(&self, value: &mut Option<T>) {
        match self {
            Self::Keep | Self::Bad => {}
            Self::Clear => *value = None,
            Self::Set(new) => *value = Some(new.clone()),
        }
    }

    /// As [`Cell::update`], for a value that is `T::default()` when it is removed.
    pub(super) fn update_or_default(&self, value: &mut T)
    where
        T: Default,
    {
        match self {
            Self::Keep | Self::Bad => {}
            Self::Clear => *value = T::default(),
            Self::Set(new) => value.clone_from(new),
        }
    }

    /// The new value, if the cell has one.
    pub(super) fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear | Self::Bad => None,
        }
    }

    /// The new value or else the old one, for a required value. If there is neither, calls `missing` to report the problem,
    /// unless the cell is invalid and thus reported already.
    pub(super) fn or_required(&self, old: Option<T>, missing: impl FnOnce()) -> Option<T> {
        let value = self.set().cloned().or(old);
        if value.is_none() && !matches!(self, Self::Bad) {
            missing();
        }
        value
    }
}

/// Why the text of a cell is not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CellError {
    /// The text is invalid.
    Invalid(String),
    /// The text is a number that can be read in two ways. It is a problem unless the stored row has the same number: a
    /// spreadsheet that saves an exported sheet writes `1.125` for it.
    Ambiguous(String),
}

impl From<String> for CellError {
    fn from(detail: String) -> Self {
        Self::Invalid(detail)
    }
}

/// Parses the cells of one line, and reports their problems.
pub(super) struct Cells<'a> {
    pub(super) sheet: Sheet,
    pub(super) line: &'a Line,
    pub(super) problems: &'a mut SheetProblems,
}

impl Cells<'_> {
    fn text(&self, column: &str) -> &str {
        let at = self.sheet.known_columns().position(|known| known == column).expect("the column is one of the sheet's columns");
        &self.line.cells[at]
    }

    fn problem(&mut self, column: &str, detail: impl Into<String>) {
        self.problems.add(self.sheet, self.line.number, column, detail);
    }

    /// A cell that must have a value, because it identifies the row.
    pub(super) fn key<T, E: Into<CellError>>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            self.problem(column, "the cell is empty, and it identifies the row: fill it in");
            return None;
        }
        if text == CLEARED {
            self.problem(column, format!("the cell is {CLEARED:?}, which removes a value: it cannot be a name"));
            return None;
        }
        self.value(column, read)
    }

    /// A cell whose value can be removed.
    pub(super) fn optional<T, E: Into<CellError>>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Cell<T> {
        match self.text(column) {
            "" => Cell::Keep,
            CLEARED => Cell::Clear,
            _text => self.value(column, read).map_or(Cell::Bad, Cell::Set),
        }
    }

    /// A cell whose value cannot be removed.
    pub(super) fn required<T, E: Into<CellError>>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Cell<T> {
        if self.text(column) == CLEARED {
            self.problem(column, format!("the cell is {CLEARED:?}, which removes a value, and this value cannot be removed"));
            return Cell::Bad;
        }
        self.optional(column, read)
    }

    /// The value of a cell with text; `None` if it is invalid and the problem is reported.
    fn value<T, E: Into<CellError>>(&mut self, column: &'static str, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let cell = self.text(column).to_owned();
        match parse(&cell, read) {
            Ok((value, warning)) => {
                if let Some(warning) = warning {
                    self.problems.warn(self.sheet, self.line.number, column, warning);
                }
                Some(value)
            }
            Err(CellError::Invalid(detail)) => {
                self.problem(column, detail);
                None
            }
            Err(CellError::Ambiguous(detail)) => {
                self.problems.add_ambiguous(self.sheet, self.line.number, column, &cell, detail);
                None
            }
        }
    }

    /// Whether the line removes its row.
    pub(super) fn removes(&mut self) -> bool {
        self.sheet.removes() && matches!(self.required(REMOVE, yes_no), Cell::Set(true))
    }
}

/// The value of a cell, with a warning where it is legal and often a mistake.
fn parse<T, E: Into<CellError>>(cell: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<(T, Option<String>), CellError> {
    if let Some(detail) = character::hidden(cell) {
        return Err(detail.into());
    }
    let (text, is_marked): (Cow<'_, str>, bool) = spreadsheet::unmark(cell)?;
    let damage = spreadsheet::damage(&text).filter(|_| !is_marked);
    let exactly = || format!("to say that exactly this is meant, enter '{text}");
    match (read(&text).map_err(E::into), damage) {
        // The text is a legal name, so it may be meant.
        (Ok(_), Some(damage)) => Err(CellError::Invalid(format!("{damage}; {}", exactly()))),
        (Err(_), Some(damage)) => Err(CellError::Invalid(damage)),
        (Ok(value), None) => {
            let warning = if text.trim_matches(' ') != text {
                Some(format!(
                    "{text:?} begins or ends with a space, which is kept: remove the space unless it is part of the code"
                ))
            } else if !is_marked && spreadsheet::is_formula_like(&text) {
                Some(format!("a spreadsheet may evaluate {text:?} as a formula; {}", exactly()))
            } else {
                None
            };
            Ok((value, warning))
        }
        (Err(error), None) => Err(error),
    }
}

/// Parses a name or number by the rules of its type.
pub(super) fn named<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// The most characters of a code of a shop or system, so that it fits into a key with its prefix.
const MAX_CODE: usize = 255;

/// Parses a code of a shop or system, which is kept exactly as it is.
pub(super) fn code(text: &str) -> Result<String, String> {
    if text.chars().count() <= MAX_CODE { Ok(text.to_owned()) } else { Err(format!("a code has at most {MAX_CODE} characters")) }
}

/// Parses a date in the form `2026-11-21`. Other forms are rejected, because some mean different days in different countries.
pub(super) fn date(text: &str) -> Result<Date, String> {
    let date = text.parse().ok().filter(|date: &Date| date.to_string() == text);
    date.ok_or_else(|| format!("{text:?} is not a date: it has the form 2026-11-21"))
}

/// Parses an id of Shopify: its number, or its global id, which `from_gid` parses.
pub(super) fn shop_id<T>(text: &str, from_gid: fn(&str) -> Option<T>, new: fn(u64) -> T, kind: &str) -> Result<T, String> {
    let number = || text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok().filter(|n| *n > 0).map(new)).flatten();
    from_gid(text).or_else(number).ok_or_else(|| {
        format!("{text:?} is not an id of the shop: it has the form 44000000000001 or gid://shopify/{kind}/44000000000001")
    })
}

pub(super) fn show<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

/// The text of a value, or an empty text for the default.
pub(super) fn show_unless_default<T: Default + PartialEq + ToString>(value: &T) -> String {
    if *value == T::default() { String::new() } else { value.to_string() }
}
