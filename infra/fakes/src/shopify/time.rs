//! Times as Shopify writes them: whole seconds, with `Z` in GraphQL and with the shop's offset in webhooks.
//!
//! The shop cuts a time to the second before it stores it, so two changes within a second are as indistinguishable here as in
//! Shopify.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// Cuts a time to the whole second.
pub(super) fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("the second of a valid time is a valid time")
}

/// Formats a time in UTC: `2026-11-21T01:59:44Z`.
pub(super) fn zulu(at: Timestamp) -> String {
    second(at).to_string()
}

/// Formats a time with an offset: `2026-11-20T20:59:44-05:00`.
pub(super) fn with_offset(at: Timestamp, offset: Offset) -> String {
    second(at).to_zoned(TimeZone::fixed(offset)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the resolution: Shopify's update times have whole seconds and no fractions.
    #[test]
    fn times_are_cut_to_the_second() {
        let at: Timestamp = "2026-11-21T01:59:44.987654Z".parse().expect("a valid time");
        let rows = [
            (zulu(at), "2026-11-21T01:59:44Z"),
            (with_offset(at, Offset::constant(-5)), "2026-11-20T20:59:44-05:00"),
            (with_offset(at, Offset::constant(0)), "2026-11-21T01:59:44+00:00"),
        ];
        for (written, expected) in rows {
            assert_eq!(written, expected);
        }
    }
}
