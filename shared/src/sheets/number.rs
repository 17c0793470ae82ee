//! Numbers and switches in cells.
//!
//! A number has digits and at most one point. Other forms depend on the country or on a program: `1,000`, `1_000`, `1e3`. They
//! are refused, and so is a factor such as `1.000`, which is one or a thousand.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::catalog::{Factor, Quantity, Unit};
use crate::sheets::cell::{CellError, named};
use crate::sheets::character;

/// What the first character that is not allowed in a number adds to a message.
fn stranger(text: &str, allowed: impl Fn(char) -> bool, advice: &str) -> String {
    let found = text.chars().find(|c| !allowed(*c));
    found.map_or_else(String::new, |found| format!(": it contains {}; {advice}", character::name(found)))
}

pub(super) fn units(text: &str) -> Result<Quantity, CellError> {
    number(Quantity::MAX_INPUT)(text).map(Quantity::new)
}

/// A whole number from 0 to `most`.
pub(super) fn number<T: FromStr + PartialOrd + Display>(most: T) -> impl FnOnce(&str) -> Result<T, CellError> {
    move |text| {
        let is_digit = |c: char| c.is_ascii_digit();
        let number = text.chars().all(is_digit).then(|| text.parse().ok()).flatten().filter(|n| *n <= most);
        let wrong =
            || format!("{text:?} is not a whole number from 0 to {most}{}", stranger(text, is_digit, "enter digits only"));
        number.ok_or_else(|| CellError::Invalid(wrong()))
    }
}

/// A number with a fraction, by the rules of its type.
pub(super) fn decimal<T: FromStr<Err: Display>>(text: &str) -> Result<T, CellError> {
    let is_plain = |c: char| c.is_ascii_digit() || c == '.';
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if is_digits(whole) && is_digits(fraction) {
        return named(text).map_err(CellError::from);
    }
    let stranger = stranger(text, is_plain, "enter digits, with a point before decimals");
    Err(CellError::Invalid(format!("{text:?} is not a decimal number such as 12 or 0.25{stranger}")))
}

/// A factor. A text that is also a number of thousands is ambiguous.
pub(super) fn factor(text: &str) -> Result<Factor, CellError> {
    let factor = decimal(text)?;
    let Some((thousands, exact)) = readings(text) else { return Ok(factor) };
    Err(CellError::Ambiguous(format!(
        "{text:?} is {thousands} where {} separates thousands, and {factor} where it separates decimals: enter {thousands}, or \
         {exact}",
        character::name('.')
    )))
}

/// How to write each of the two numbers that `text` can mean, thousands and decimals; `None` if it can mean only one.
fn readings(text: &str) -> Option<(String, String)> {
    let (whole, fraction) = text.split_once('.')?;
    let is_both = matches!(whole.len(), 1..=3) && !whole.starts_with('0') && fraction.len() == 3;
    is_both.then(|| (format!("{whole}{fraction}"), format!("{text}0")))
}

/// Parses units with their factors, such as `case=12;pallet=480` or `case=12,pallet=480`.
pub(super) fn factors(text: &str) -> Result<BTreeMap<Unit, Factor>, CellError> {
    let mut factors = BTreeMap::new();
    for part in text.split([';', ',']) {
        let Some((unit, number)) = part.split_once('=') else {
            let form = "unit=number, e.g. case=12;pallet=480, with a point before decimals";
            return Err(CellError::Invalid(format!("{part:?} does not have the form {form}")));
        };
        let (unit, number) = (named::<Unit>(unit.trim_matches(' '))?, factor(number.trim_matches(' '))?);
        if let Some(_twice) = factors.insert(unit.clone(), number) {
            return Err(CellError::Invalid(format!("the unit {unit} has two factors: keep one")));
        }
    }
    Ok(factors)
}

/// A factor as text with one meaning.
pub(super) fn show_factor(factor: Factor) -> String {
    explicit(&factor.to_string())
}

pub(super) fn show_factors(factors: &BTreeMap<Unit, Factor>) -> String {
    factors.iter().map(|(unit, factor)| format!("{unit}={}", show_factor(*factor))).collect::<Vec<_>>().join(";")
}

/// A cell with a factor, or with units and their factors, in which each number that has two meanings is written as a decimal.
pub(super) fn explicit(cell: &str) -> String {
    let number = |text: &str| readings(text).map_or_else(|| text.to_owned(), |(_, exact)| exact);
    let part =
        |part: &str| part.split_once('=').map_or_else(|| number(part), |(unit, factor)| format!("{unit}={}", number(factor)));
    cell.split([';', ',']).map(part).collect::<Vec<_>>().join(";")
}

pub(super) fn yes_no(text: &str) -> Result<bool, CellError> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _other => Err(CellError::Invalid(format!("{text:?} is neither yes nor no"))),
    }
}

pub(super) fn show_yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}
