//! Logging: one line of JSON per event on standard output, which Lambda stores unchanged.
//!
//! Logged: ids, SKUs, places, counts, durations, reasons. Never logged: a body, a token, a name, an address.

use tracing_subscriber::filter::LevelFilter;

use crate::catalog::excerpt;

/// The most characters of a text of a request that are logged.
pub const MAX_LOGGED: usize = 128;

/// Starts logging at the level of `LOG_LEVEL`. Without the variable, or when it contains no level, the level is `info`.
///
/// A filter by module is deliberately absent: it would bring a large engine for regular expressions into every function.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().filter(|level| !level.is_empty()).and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .init();
}

/// A text of a request as it may be logged: its first [`MAX_LOGGED`] characters, without control characters. Anyone can send a request,
/// so its texts are of any length and content until its signature is checked.
#[must_use]
pub fn loggable(text: &str) -> String {
    let visible = text.chars().filter(|symbol| !symbol.is_control());
    excerpt(visible.take(MAX_LOGGED + 1).collect(), MAX_LOGGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the log, and what reads it, from texts that a stranger writes: they are short, and stay in their line.
    #[test]
    fn a_logged_text_is_short_and_visible() {
        let longest = "x".repeat(MAX_LOGGED);
        for (text, shown) in [
            ("", String::new()),
            ("orders/create", "orders/create".to_owned()),
            ("a\r\n{\"level\":\"ERROR\"}\u{1b}[2J\0\u{85}\u{7f}b", "a{\"level\":\"ERROR\"}[2Jb".to_owned()),
            (&longest, longest.clone()),
            (&"x".repeat(MAX_LOGGED + 1), format!("{longest} (the rest is left out)")),
            (&"é".repeat(100_000), format!("{} (the rest is left out)", "é".repeat(MAX_LOGGED))),
            (&format!("\t{longest}\n"), longest.clone()),
        ] {
            assert_eq!(loggable(text), shown);
        }
    }
}
