//! The calendar day of a timestamp.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The day of `at` in UTC, for periods of several days in which it does not matter when a day begins. Days that a plan counts, and
/// days on which a lot expires, begin in the time zone of a place ([`Network::day_at`](crate::catalog::Network::day_at)).
#[must_use]
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
