//! A time zone, by its IANA name: whose clock a time without an offset is of.
//!
//! The rules of all zones are in the program, because a Lambda container has no database of them, and so that a machine with an
//! older database gives no other answer. A clock repeats an hour when daylight saving ends, and leaves one out when it begins;
//! each function here says what it makes of such a time.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// A time zone such as `Europe/Berlin`. The default is UTC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(jiff::tz::TimeZone);

/// A name that the IANA database does not contain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not the IANA name of a time zone; the most similar one is {nearest:?}")]
pub struct TimeZoneError {
    given: String,
    nearest: String,
}

impl TimeZone {
    /// UTC.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// The name in the IANA database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Whether this is UTC.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        *self == Self::UTC
    }

    /// The day of a moment.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at).date()
    }

    /// The moment of a time by the clock. A time that occurs twice is the first one; one that is left out is as much later as the
    /// clock was advanced. `None` when the time is out of range.
    #[must_use]
    pub fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        self.0.to_ambiguous_timestamp(civil).compatible().ok()
    }

    /// The earliest moment that a time by the clock can mean, which is also before a time that is left out.
    #[must_use]
    pub fn earliest(&self, civil: DateTime) -> Option<Timestamp> {
        self.0.to_ambiguous_timestamp(civil).earlier().ok()
    }

    /// The time by the clock from which on a system shows everything since a moment, whether it compares moments or the times of
    /// its clock. That is the time of the moment, but an hour before it while the clock repeats an hour: the later ones of those
    /// times look as if they were before the first ones.
    #[must_use]
    pub fn clock_since(&self, at: Timestamp) -> DateTime {
        let civil = self.0.to_datetime(at);
        match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Fold { before, after } => civil.saturating_sub(after.duration_until(before)),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => civil,
        }
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::UTC
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for TimeZone {}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TimeZone {
    type Err = TimeZoneError;

    fn from_str(given: &str) -> Result<Self, TimeZoneError> {
        let zones = TimeZoneDatabase::bundled();
        let found = zones.get(given).ok().filter(|zone| zone.iana_name().is_some() && !zone.is_unknown());
        found.map(Self).ok_or_else(|| {
            let names = zones.available().map(|name| name.as_str().to_owned());
            let nearest = names.min_by_key(|name| distance(given, name)).unwrap_or_default();
            TimeZoneError { given: given.to_owned(), nearest }
        })
    }
}

impl TryFrom<String> for TimeZone {
    type Error = TimeZoneError;

    fn try_from(given: String) -> Result<Self, TimeZoneError> {
        given.parse()
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.name().to_owned()
    }
}

/// How many letters differ between a text and a name, or the last part of that name if it is more similar.
fn distance(given: &str, name: &str) -> usize {
    let last = name.rsplit('/').next().unwrap_or(name);
    edits(given, name).min(edits(given, last))
}

/// The number of letters to insert, remove or replace that turns one text into another (Levenshtein).
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, letter) in (1..).zip(one.to_lowercase().chars().take(64)) {
        let mut diagonal = std::mem::replace(&mut row[0], n);
        for (at, same) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(*same != letter);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().expect("a time zone")
    }

    /// Protects against a wrong clock: a name is one of the database, and the message for another names the most similar one.
    #[test]
    fn a_time_zone_has_an_iana_name() {
        for (given, expected) in [
            ("Europe/Berlin", Ok("Europe/Berlin")),
            ("europe/berlin", Ok("Europe/Berlin")),
            ("America/Los_Angeles", Ok("America/Los_Angeles")),
            ("UTC", Ok("UTC")),
            ("Europe/Berln", Err("Europe/Berlin")),
            ("Berlin", Err("Europe/Berlin")),
            ("America/Los Angeles", Err("America/Los_Angeles")),
            ("Kolkata", Err("Asia/Kolkata")),
            ("Etc/Unknown", Err("")),
            ("+01:00", Err("")),
            ("", Err("")),
        ] {
            match (given.parse::<TimeZone>(), expected) {
                (Ok(zone), Ok(name)) => assert_eq!(zone.name(), name, "{given}"),
                (Err(error), Err(nearest)) => assert!(error.to_string().contains(nearest), "{error}"),
                (outcome, _) => panic!("{given:?} leads to {outcome:?}"),
            }
        }
        assert_eq!(serde_json::to_string(&zone("europe/berlin")).expect("it serialises"), "\"Europe/Berlin\"");
        assert!(serde_json::from_str::<TimeZone>("\"UTC\"").expect("it is read").is_utc());
    }

    /// Protects times around the start and the end of daylight saving, in both halves of the world.
    #[test]
    fn repeated_and_left_out_hours_have_one_meaning() {
        for (name, civil, moment, earliest) in [
            ("UTC", "2026-10-25T02:30:00", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00Z"),
            ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"),
            ("Europe/Berlin", "2026-12-01T12:00:00", "2026-12-01T11:00:00Z", "2026-12-01T11:00:00Z"),
            ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"), // Occurs twice.
            ("Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z", "2026-03-29T00:30:00Z"), // Is left out.
            ("America/Los_Angeles", "2026-11-01T01:30:00", "2026-11-01T08:30:00Z", "2026-11-01T08:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z", "2026-04-04T14:45:00Z"),
            ("Asia/Kolkata", "2026-10-25T02:30:00", "2026-10-24T21:00:00Z", "2026-10-24T21:00:00Z"),
            ("Africa/Cairo", "2026-04-24T00:00:00", "2026-04-23T22:00:00Z", "2026-04-23T21:00:00Z"), // A day without midnight.
        ] {
            let civil: DateTime = civil.parse().expect("a time");
            let at = |text: &str| Some(text.parse::<Timestamp>().expect("a time"));
            let zone = zone(name);
            assert_eq!((zone.moment(civil), zone.earliest(civil)), (at(moment), at(earliest)), "{civil} in {name}");
        }
        let late: Timestamp = "2026-11-22T01:00:00Z".parse().expect("a time");
        assert_eq!(zone("America/Los_Angeles").day_of(late).to_string(), "2026-11-21");
    }

    /// Protects rows from being left out of a request: everything since a moment has that time by the clock or a later one.
    #[test]
    fn nothing_since_a_moment_has_an_earlier_time() {
        for (name, day) in
            [("Europe/Berlin", "2026-10-25"), ("Australia/Lord_Howe", "2026-04-04"), ("Europe/Berlin", "2026-03-29")]
        {
            let zone = zone(name);
            let midnight = zone.moment(format!("{day}T00:00:00").parse().expect("a time")).expect("in range");
            let moments: Vec<Timestamp> =
                (0..20).map(|n| midnight + jiff::SignedDuration::from_mins(i64::from(n) * 20)).collect();
            for (n, at) in moments.iter().enumerate() {
                let since = zone.clock_since(*at);
                let shown = moments[n..].iter().map(|later| zone.0.to_datetime(*later));
                assert!(shown.min().is_some_and(|first| first >= since), "{at} in {name}");
                let meant = zone.0.to_ambiguous_timestamp(since).later().expect("in range");
                assert!(meant <= *at, "{at} in {name}: a system that takes the later one of two times");
            }
        }
    }
}
