//! Logging: one line of JSON per event on standard output, which Lambda stores unchanged.
//!
//! Logged: ids, SKUs, places, counts, durations, reasons. Never logged: a body, a token, a name, an address.

use tracing_subscriber::EnvFilter;

/// Starts logging at the level of `LOG_LEVEL` (default `info`).
pub fn init() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(EnvFilter::try_new(&level).unwrap_or_else(|_| EnvFilter::new("info")))
        .init();
}
