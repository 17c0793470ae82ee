//! The names of characters in messages, and the characters that a reader of a sheet cannot see.
//!
//! Two codes that differ only in such a character look the same in every program, so no cell may contain one.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The code point and the name of a character, such as `U+200B ZERO WIDTH SPACE`.
pub(super) fn name(of: char) -> String {
    let name = match of {
        // The Unicode standard gives control characters no name.
        '\t' => "TAB".to_owned(),
        '\n' => "LINE FEED".to_owned(),
        '\r' => "CARRIAGE RETURN".to_owned(),
        other => unicode_names2::name(other).map_or_else(|| "(a character without a name)".to_owned(), |name| name.to_string()),
    };
    format!("U+{:04X} {name}", u32::from(of))
}

/// What is wrong with the first character of `text` that cannot be seen; `None` if all can.
pub(super) fn hidden(text: &str) -> Option<String> {
    let (at, found) = text.chars().enumerate().find(|(_, c)| is_hidden(*c))?;
    let why = if found == char::REPLACEMENT_CHARACTER {
        "which replaces a character that a program could not read: enter the text again"
    } else {
        "which cannot be seen: delete it"
    };
    Some(format!("character {} is {}, {why}", at + 1, name(found)))
}

/// Whether a reader cannot see the character. Only the ordinary space may be used as a space.
fn is_hidden(c: char) -> bool {
    /// Characters that are printed as a blank or a placeholder, and that no property of Unicode distinguishes.
    const BLANK: [char; 3] = ['\u{2800}', '\u{FFFC}', char::REPLACEMENT_CHARACTER];
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || c.is_whitespace()
        || CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Format
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || BLANK.contains(&c)
}
