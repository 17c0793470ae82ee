//! Fuzz targets: one function for each parser of foreign input. It takes any bytes and panics where a property does not hold.
//!
//! `tests/targets.rs` runs each target on every file of its corpus and on edits of these files. The corpus is in `corpus/`, one
//! folder per target. An input that once broke a property is kept there. `infra/docs/testing.md` says how to fuzz longer.
//!
//! The properties are statements about what is accepted and what is refused: an accepted value is exact, prints and parses to
//! itself, and keeps its bounds; a refusal names a place, is short, and holds no control character. The same input gives the
//! same result twice.

mod answer;
mod corpus;
mod edit;
mod event;
mod executor;
mod lines;
mod number;
mod sheet;
mod webhook;

use jiff::Timestamp;

pub use answer::{FEEDS, connector_answer};
pub use corpus::{Sample, samples};
pub use edit::{Edit, edited};
pub use event::source_events;
pub use lines::lines_of_events;
pub use number::exact_number;
pub use sheet::catalog_sheet;
pub use webhook::webhook_body;

/// The most characters of the text of a refusal: what a person can read, and what a log or an alert takes.
pub const MAX_TEXT: usize = 2_000;

/// The time of every run.
fn now() -> Timestamp {
    Timestamp::from_second(1_795_262_400).expect("a moment of 2026")
}

/// Checks the text of a refusal: it says something, is short enough, and cannot forge a line of a log.
///
/// # Panics
/// If it does not.
fn check_text(text: &str) {
    assert!(!text.is_empty(), "a refusal says what is wrong");
    assert!(text.chars().count() <= MAX_TEXT, "a refusal has {} characters: {:.200}", text.chars().count(), text);
    assert!(!text.chars().any(char::is_control), "a refusal holds a control character: {text:?}");
}
