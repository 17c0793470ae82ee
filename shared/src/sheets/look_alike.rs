//! Warnings about new codes for which another code may have been meant.
//!
//! `x-1` beside `X-1`, `123` beside `00123`, and a Cyrillic letter in a Latin SKU are legal, and often a mistake: stock that is
//! reported under the one is missing under the other. An import warns of such a code when it adds the code, and not again.

use std::collections::{BTreeMap, BTreeSet};

use unicode_security::confusable_detection::skeleton;

use crate::sheets::character;
use crate::sheets::export::{SheetRow, View};
use crate::sheets::locations::CodeOwner;
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Sheets;
use crate::sheets::sheet::Sheet;

/// A code among those from which it must be distinguished: those of one sheet and, for codes of others, of one shop or system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Code {
    sheet: Sheet,
    column: &'static str,
    owner: String,
    text: String,
}

impl Code {
    /// The code that a row adds; `None` if the row does not exist, or has no code of its own.
    fn of(row: &SheetRow, view: &View<'_>) -> Option<Self> {
        let mut cells = row.cells(view)?;
        let (column, owner, text) = match row {
            SheetRow::Tier(id) => ("tier", String::new(), id.to_string()),
            SheetRow::Item(sku) => ("sku", String::new(), sku.to_string()),
            SheetRow::Centre(code) => ("centre", String::new(), code.to_string()),
            SheetRow::Location(code) => ("code", String::new(), code.to_string()),
            SheetRow::Code(_, CodeOwner::System(system)) => ("code", system.to_string(), cells.pop()?),
            SheetRow::Listing((shop, shop_sku)) => ("shop_sku", shop.to_string(), shop_sku.clone()),
            SheetRow::SystemItem((system, code)) => ("code", system.to_string(), code.clone()),
            SheetRow::Code(_, CodeOwner::Shop(_)) | SheetRow::Assembly(_) | SheetRow::Component(..) => return None,
        };
        Some(Self { sheet: row.sheet(), column, owner, text })
    }

    fn all(view: &View<'_>) -> impl Iterator<Item = Self> {
        Sheet::ALL.into_iter().flat_map(|sheet| SheetRow::all(sheet, view)).filter_map(|row| Self::of(&row, view))
    }
}

/// A text that is the same for all codes that are easily mistaken for each other: without case and without zeros at the beginning
/// of a number, and with one character for those that are printed alike.
fn form(text: &str) -> String {
    let like: String = skeleton(&without_zeros(text).to_lowercase()).collect();
    like.to_lowercase().replace('i', "l")
}

/// A number without the zeros at its beginning; any other text as it is.
fn without_zeros(text: &str) -> &str {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.trim_start_matches('0') } else { text }
}

/// The warning about a code, and another one of the same form.
fn likeness(text: &str, other: &str, place: &str) -> String {
    let what = if text.to_lowercase() == other.to_lowercase() {
        format!("differs from {other:?}{place} only in case")
    } else if without_zeros(text) == without_zeros(other) {
        format!("differs from {other:?}{place} only in zeros at the beginning, which a spreadsheet removes")
    } else {
        let differs = text.chars().zip(other.chars()).enumerate().find(|(_, (one, other))| one != other);
        let which = differs.map_or_else(String::new, |(at, (here, there))| {
            format!(": character {} is {} here and {} there", at + 1, character::name(here), character::name(there))
        });
        format!("looks like {other:?}{place}{which}")
    };
    format!("{text:?} {what}. Check that both are meant")
}

/// Warns of the codes that the sheets add to those of `before`.
pub(super) fn warn(sheets: &Sheets, before: &View<'_>, after: &View<'_>, problems: &mut SheetProblems) {
    let added = sheets.keys().filter_map(|(line, row)| Some((Code::of(&row, after)?, line)));
    let mut added: BTreeMap<Code, u64> = added.collect();
    if !added.is_empty() {
        for known in Code::all(before) {
            added.remove(&known);
        }
    }
    if added.is_empty() {
        return;
    }
    let all: Vec<Code> = Code::all(after).collect();
    let mut forms: Vec<_> = all.iter().map(|code| ((code.sheet, &code.owner, form(&code.text)), added.get(code), code)).collect();
    forms.sort();
    let mut warned = BTreeSet::new();
    for alike in forms.chunk_by(|(one, ..), (other, ..)| one == other) {
        // The first one is stored, or it is in the first line.
        let Some(((_, place, first), others)) = alike.split_first() else { continue };
        let place = place.map_or_else(String::new, |line| format!(" (line {line})"));
        for (_, line, code) in others {
            if let Some(line) = line {
                warned.insert(*code);
                problems.warn(code.sheet, **line, code.column, likeness(&code.text, &first.text, &place));
            }
        }
    }
    for (code, line) in added.iter().filter(|(code, _)| !warned.contains(code)) {
        if let Some(detail) = disguised(&code.text).or_else(|| rounded(&code.text)) {
            problems.warn(code.sheet, *line, code.column, detail);
        }
    }
}

/// A warning about a character that looks like one of ASCII, in a code that has letters of ASCII or that looks as if it had.
fn disguised(text: &str) -> Option<String> {
    let plain = |c: char| Some(skeleton(c.encode_utf8(&mut [0; 4])).collect::<String>()).filter(|like| like.is_ascii());
    let (at, c, like) = text.chars().enumerate().filter(|(_, c)| !c.is_ascii()).find_map(|(at, c)| Some((at, c, plain(c)?)))?;
    let is_mixed = text.bytes().any(|b| b.is_ascii_alphabetic()) || text.chars().all(|c| c.is_ascii() || plain(c).is_some());
    is_mixed.then(|| {
        let at = at + 1;
        format!("character {at} of {text:?} is {}, which looks like {like:?}. Check that it is meant", character::name(c))
    })
}

/// A warning about a number of which a spreadsheet may have kept only 15 digits.
fn rounded(text: &str) -> Option<String> {
    let is_rounded = text.len() > 15 && text.bytes().all(|b| b.is_ascii_digit()) && text[15..].bytes().all(|b| b == b'0');
    is_rounded.then(|| {
        format!("a spreadsheet keeps 15 digits of a number and replaces the others by 0. Check the last digits of {text}")
    })
}
