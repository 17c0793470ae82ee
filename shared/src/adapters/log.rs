//! Logging: one line of JSON per event on standard output, which Lambda stores unchanged.
//!
//! Logged: ids, SKUs, places, counts, durations, reasons. Never logged: a body, a token, a name, an address.

use tracing_subscriber::filter::LevelFilter;

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
