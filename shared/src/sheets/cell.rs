//! Typed cells of sheets, and the parsing of their text.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use jiff::civil::Date;

use crate::catalog::{Factor, Quantity, Unit};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Line;
use crate::sheets::sheet::{REMOVE, Sheet};

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
    pub(super) fn key<T>(&mut self, column: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            self.problem(column, "the cell is empty, and it identifies the row: fill it in");
            return None;
        }
        if text == CLEARED {
            self.problem(column, format!("the cell is {CLEARED:?}, which removes a value: it cannot be a name"));
            return None;
        }
        match read(text) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.problem(column, detail);
                None
            }
        }
    }

    /// A cell whose value can be removed.
    pub(super) fn optional<T>(&mut self, column: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Cell<T> {
        if self.text(column) == CLEARED { Cell::Clear } else { self.required(column, read) }
    }

    /// A cell whose value cannot be removed.
    pub(super) fn required<T>(&mut self, column: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Cell<T> {
        let text = self.text(column);
        if text.is_empty() {
            return Cell::Keep;
        }
        match read(text) {
            Ok(value) => Cell::Set(value),
            Err(detail) => {
                self.problem(column, detail);
                Cell::Bad
            }
        }
    }

    /// Whether the line removes its row.
    pub(super) fn removes(&mut self) -> bool {
        self.sheet.removes() && matches!(self.required(REMOVE, yes_no), Cell::Set(true))
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
    if text.chars().count() <= MAX_CODE && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not usable: it needs 1 to {MAX_CODE} characters, none of them a control character"))
    }
}

pub(super) fn yes_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(format!("{other:?} is neither yes nor no")),
    }
}

pub(super) fn units(text: &str) -> Result<Quantity, String> {
    let quantity = text.parse().ok().map(Quantity::new).filter(|quantity| quantity.is_sane_input());
    quantity.ok_or_else(|| format!("{text:?} is not a whole number from 0 to {}", Quantity::MAX_INPUT))
}

/// A whole number from 0 to `most`.
pub(super) fn number<T: FromStr + PartialOrd + Display>(most: T) -> impl FnOnce(&str) -> Result<T, String> {
    move |text| {
        let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten().filter(|n| *n <= most);
        number.ok_or_else(|| format!("{text:?} is not a whole number from 0 to {most}"))
    }
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

/// Parses units with their factors, such as `case=12;pallet=480`.
pub(super) fn factors(text: &str) -> Result<BTreeMap<Unit, Factor>, String> {
    let mut factors = BTreeMap::new();
    for part in text.split(';') {
        let Some((unit, factor)) = part.rsplit_once('=') else {
            return Err(format!("{part:?} does not have the form unit=number, e.g. case=12;pallet=480"));
        };
        let (unit, factor) = (named::<Unit>(unit)?, named::<Factor>(factor)?);
        if let Some(_twice) = factors.insert(unit.clone(), factor) {
            return Err(format!("the unit {unit} has two factors: keep one"));
        }
    }
    Ok(factors)
}

pub(super) fn show_yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

pub(super) fn show<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

/// The text of a value, or an empty text for the default.
pub(super) fn show_unless_default<T: Default + PartialEq + ToString>(value: &T) -> String {
    if *value == T::default() { String::new() } else { value.to_string() }
}

pub(super) fn show_factors(factors: &BTreeMap<Unit, Factor>) -> String {
    factors.iter().map(|(unit, factor)| format!("{unit}={factor}")).collect::<Vec<_>>().join(";")
}
